//! What tells one server from another.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::net::Ipv6Addr;

use http::Uri;

/// Scheme, host and port of a request: what tells one server from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin<'a> {
    host: Cow<'a, str>,
    port: Option<u16>,
    scheme: Cow<'a, str>,
}

impl<'a> Origin<'a> {
    /// The spelling of the host makes no difference, and a default port none to none given (RFC 9110 §4.2.3). Of a host that
    /// is longer than any name can be only the end is kept, and of such a scheme.
    pub(crate) fn new(scheme: &'a str, host: &'a str, port: Option<u16>) -> Self {
        let scheme = end(lower_case(scheme), LONGEST_SCHEME);
        let port = port.or(match &*scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        });
        Self { scheme, host: end(canonical_host(host), LONGEST_HOST), port }
    }

    /// A URI without a scheme or a host has an empty one.
    pub(crate) fn of_uri(uri: &'a Uri) -> Self {
        Self::new(uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default(), uri.port_u16())
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn into_owned(self) -> Origin<'static> {
        Origin {
            scheme: Cow::Owned(self.scheme.into_owned()),
            host: Cow::Owned(self.host.into_owned()),
            port: self.port,
        }
    }
}

/// One write for what tells nearly all apart, instead of five: that is most of the cost of a look-up.
impl Hash for Origin<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.host.as_bytes());
        state.write_u16(self.port.unwrap_or_default());
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.is_empty() {
            return f.write_str("(no host)");
        }
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Returns the spelling of a host that stands for all others: lower case, no dot at the end, and of an IPv6 address the
/// one of RFC 5952.
pub(crate) fn canonical_host(host: &str) -> Cow<'_, str> {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')?.parse::<Ipv6Addr>().ok());
    let Some(address) = address else {
        return lower_case(host.strip_suffix('.').unwrap_or(host));
    };
    let mut longest = [0; "[0000:0000:0000:0000:0000:0000:0000:0000]".len()];
    let mut left = longest.as_mut_slice();
    let _fits = write!(left, "[{address}]");
    let is_written_so = host.len() + left.len() == longest.len() && longest.starts_with(host.as_bytes());
    if is_written_so { Cow::Borrowed(host) } else { Cow::Owned(format!("[{address}]")) }
}

/// Returns the end of a text that is too long: a host is remembered, and in events, and endpoints are told by its end.
fn end(text: Cow<'_, str>, longest: usize) -> Cow<'_, str> {
    let Some(beyond) = text.len().checked_sub(longest).filter(|beyond| *beyond > 0) else { return text };
    let start = (beyond..).find(|start| text.is_char_boundary(*start)).unwrap_or_default();
    Cow::Owned(format!("…{}", text.split_at(start).1))
}

/// As `http` has it for the schemes of its own.
const LONGEST_SCHEME: usize = 64;
/// RFC 1035 §2.3.4, as text
const LONGEST_HOST: usize = 253;

/// Borrows what is lower case already, which is nearly everything.
fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_same_server_is_the_same_origin() {
        let origin = |uri: &'static str| Origin::of_uri(&uri.parse().unwrap()).into_owned();
        let expected = origin("http://orders.internal/v1");
        for uri in [
            "http://orders.internal:80/",
            "HTTP://Orders.INTERNAL/v2?q",
            "http://user:word@orders.internal",
            "http://orders.internal.",
        ] {
            assert_eq!(origin(uri), expected, "{uri}");
        }
        for uri in [
            "https://orders.internal/v1",
            "http://orders.internal:8080",
            "http://orders",
            "http://orders.internal..",
            "/v1",
            "*",
        ] {
            assert_ne!(origin(uri), expected, "{uri}");
        }
        assert_eq!(origin("https://user:word@[::1]").to_string(), "https://[::1]:443");
        assert_eq!(origin("/v1").to_string(), "(no host)");
    }

    #[test]
    fn no_host_is_longer_than_a_name_can_be() {
        let name = |length: usize| format!("{}.internal", "a".repeat(length - ".internal".len()));
        for (length, expected) in
            [(253, name(253)), (254, format!("…{}", name(253))), (60_000, format!("…{}", name(253)))]
        {
            let uri: Uri = format!("http://{}/v1", name(length)).parse().unwrap();
            assert_eq!(Origin::of_uri(&uri).host(), expected, "{length}");
        }
        let host = format!("{}\u{e9}{}", "a".repeat(300), "b".repeat(252));
        assert_eq!(Origin::new("http", &host, None).host(), format!("…{}", "b".repeat(252)));
        let scheme = "x".repeat(60_000); // which a URL may have
        assert_eq!(Origin::new(&scheme, "orders.internal", None).scheme, format!("…{}", "x".repeat(64)));
    }

    #[test]
    fn an_address_has_one_spelling() {
        for (host, expected) in [
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[::0001]", "[::1]"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
            ("[2001:db8:0:0:1:0:0:1]", "[2001:db8::1:0:0:1]"),
            ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"),
            ("[::ffff:c000:201]", "[::ffff:192.0.2.1]"),
            ("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
            ("[FE80::1%25eth0]", "[fe80::1%25eth0]"),
            ("[::1", "[::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(canonical_host(host), expected, "{host}");
        }
    }
}
