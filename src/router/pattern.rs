//! Which hosts an endpoint is for.

use std::cmp::Reverse;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::origin::{Origin, canonical_host};

/// A host, all hosts below a name, or any, with or without a port. Sorted from the most specific: the longer name goes
/// first, then the one with a port.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPattern {
    name: Name,
    port: Reverse<Option<u16>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Exact(String),
    /// What all of them end with, from the dot on.
    Below {
        length: Reverse<usize>,
        suffix: String,
    },
    Any,
}

impl HostPattern {
    pub(crate) const ANY: Self = Self { name: Name::Any, port: Reverse(None) };

    /// Reads what a user wrote.
    ///
    /// # Errors
    ///
    /// Says what it must be or have.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bare = without_other_parts(text);
        if bare != text && !bare.is_empty() {
            let is_short = bare.len() <= LONGEST_NAME;
            return Err(if is_short {
                format!("be a host alone: write {bare:?}")
            } else {
                "be a host alone".to_owned()
            });
        }
        if !text.is_ascii() {
            return Err("be ASCII: write a name in other letters as its punycode, \"xn--…\"".to_owned());
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Self::parse(&format!("[{text}]"));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(self::port(port)?)),
            Some(_) | None => (text, None),
        };
        Ok(Self { name: Name::parse(host)?, port: Reverse(port) })
    }

    pub(crate) fn matches(&self, origin: &Origin<'_>) -> bool {
        let host = origin.host();
        let is_named = match &self.name {
            Name::Exact(name) => host == name,
            Name::Below { suffix, .. } => host.ends_with(suffix),
            Name::Any => true,
        };
        is_named && self.port.0.is_none_or(|port| origin.port() == Some(port))
    }
}

impl Name {
    fn parse(host: &str) -> Result<Self, String> {
        if host == "*" {
            return Err("be left out to mean any host".to_owned());
        }
        let name = canonical_host(host).into_owned();
        if let Some(address) = name.strip_prefix('[') {
            let is_address = address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
            let must_have = || "have an IPv6 address between its brackets".to_owned();
            return if is_address { Ok(Self::Exact(name)) } else { Err(must_have()) };
        }
        match name.strip_prefix("*.") {
            None if name.rsplit('.').next().is_some_and(is_number) && name.parse::<Ipv4Addr>().is_err() => {
                // To clients a name that ends in a number is an address (WHATWG URL §3.5), in another spelling or none.
                Err("be four decimal numbers up to 255 if it ends in one".to_owned())
            }
            None => check_name(&name).map(|()| Self::Exact(name)),
            Some(parent) => {
                check_name(parent)?;
                let is_address = parent.rsplit('.').next().is_some_and(is_number);
                if is_address {
                    return Err("have a name after `*.`: nothing is below an address".to_owned());
                }
                Ok(Self::Below { length: Reverse(parent.len()), suffix: format!(".{parent}") })
            }
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(may_stand);
    let must_be =
        || format!("be a name of at most {LONGEST_NAME} letters, digits, `-`, `_` and single dots, or `*.` and one");
    if name.len() <= LONGEST_NAME && name.split('.').all(is_label) { Ok(()) } else { Err(must_be()) }
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| is_number(text) && *port != 0);
    port.ok_or_else(|| "have a port from 1 to 65535".to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Cuts scheme, user and path off a URL.
fn without_other_parts(url: &str) -> &str {
    let url = url.trim();
    let url = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    let url = url.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    url.rsplit_once('@').map_or(url, |(_user, host)| host)
}

/// RFC 1035 §2.3.4, as text
const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap_or_else(|error| panic!("{text} must be {error}"))
    }

    #[test]
    fn a_pattern_matches_its_hosts_in_any_spelling_and_no_other() {
        let table: [(&str, &[&str], &[&str]); 11] = [
            (
                "Payments.internal",
                &["http://payments.internal", "https://PAYMENTS.internal:8443", "http://payments.internal."],
                &["http://a.payments.internal", "http://payments.internals", "http://payments", "/v1", "*"],
            ),
            ("payments.internal.", &["http://payments.internal"], &["http://payments"]),
            (
                "payments.internal:443",
                &["https://payments.internal", "https://payments.internal:443", "http://payments.internal:443"],
                &["http://payments.internal", "https://payments.internal:8443"],
            ),
            ("payments.internal:80", &["http://payments.internal"], &["https://payments.internal"]),
            (
                "*.internal",
                &["http://a.internal", "https://A.B.Internal.:8443"],
                &["http://internal", "http://ainternal", "http://a.internal.example"],
            ),
            ("*.internal:8443", &["https://a.internal:8443"], &["https://a.internal", "https://internal:8443"]),
            ("[2001:DB8:0::0:1]", &["http://[2001:db8::1]", "https://[2001:0db8:0:0:0:0:0:1]:1"], &["http://[::1]"]),
            ("2001:db8::1", &["http://[2001:db8::1]"], &["http://[2001:db8::2]"]),
            ("[::1]:8080", &["http://[0::1]:8080"], &["http://[::1]", "http://[::1]:80"]),
            ("127.0.0.1:8080", &["http://127.0.0.1:8080"], &["http://127.0.0.1", "http://127.0.0.10:8080"]),
            ("xn--strae-oqa.example", &["http://xn--strae-oqa.example"], &["http://strasse.example"]),
        ];
        for (text, those, others) in table {
            let matches = |uri: &&str| pattern(text).matches(&Origin::of_uri(&uri.parse().unwrap()));
            assert_eq!(those.iter().find(|uri| !matches(uri)), None, "{text}");
            assert_eq!(others.iter().find(|uri| matches(uri)), None, "{text}");
        }
        assert!(
            ["/v1", "*", "http://a"].iter().all(|uri| HostPattern::ANY.matches(&Origin::of_uri(&uri.parse().unwrap())))
        );
    }

    #[test]
    fn what_is_no_host_is_refused_and_told_what_to_write() {
        let name = "be a name of at most 253 letters, digits, `-`, `_` and single dots, or `*.` and one";
        let port = "have a port from 1 to 65535";
        let address = "be four decimal numbers up to 255 if it ends in one";
        let bracketed = "have an IPv6 address between its brackets";
        for (text, expected) in [
            ("https://payments.internal", "be a host alone: write \"payments.internal\""),
            ("https://user:word@payments.internal:8443/v1?q#f", "be a host alone: write \"payments.internal:8443\""),
            ("payments.internal/v1", "be a host alone: write \"payments.internal\""),
            (" payments.internal", "be a host alone: write \"payments.internal\""),
            ("user@payments.internal", "be a host alone: write \"payments.internal\""),
            ("straße.example", "be ASCII: write a name in other letters as its punycode, \"xn--…\""),
            ("", name),
            (".", name),
            ("/v1", name),
            ("a..b", name),
            (".internal", name),
            ("a b", name),
            ("a%2Eb", name),
            ("{host}", name),
            ("*", "be left out to mean any host"),
            ("*:80", "be left out to mean any host"),
            ("*internal", name),
            ("a.*.internal", name),
            ("*.*.internal", name),
            ("*.", name),
            ("*.0.0.1", "have a name after `*.`: nothing is below an address"),
            ("10.1", address),
            ("256.0.0.1", address),
            ("010.0.0.1", address),
            ("payments.7:80", address),
            ("payments:0", port),
            ("payments:", port),
            ("payments:65536", port),
            ("payments:+80", port),
            ("payments:http", port),
            ("[::1]:", port),
            ("[::1", bracketed),
            ("[payments]", bracketed),
            ("[::1%25eth0]", bracketed),
            ("[[::1]]", bracketed),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap_err(), expected, "{text:?}");
        }
        assert_eq!(HostPattern::parse(&"a".repeat(254)).unwrap_err(), name);
    }

    #[test]
    fn the_more_specific_goes_first_by_its_name_and_then_by_its_port() {
        let sorted =
            ["a.internal:80", "a.internal", "*.east.internal:80", "*.east.internal", "*.internal:80", "*.internal"];
        let sorted: Vec<HostPattern> = sorted.into_iter().map(pattern).chain([HostPattern::ANY]).collect();
        assert!(sorted.is_sorted_by(|one, next| one < next), "{sorted:?}");
    }
}
