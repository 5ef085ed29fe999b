//! `Proxy-Status` (RFC 9209): the one standard way in which a proxy says what went wrong.

use http::HeaderMap;
use sfv::{BareItem, ListEntry};

use super::cause::Cause::{self, Broke, Lost, Misconfigured, RefusesAnswer, Sheds, Slow, Untold};
use super::delivery::Delivery::{self, NotDelivered, Processed, Unknown};
use super::fields;
use super::issuer::{Confidence, Evidence, Finding, Issuer};

/// Returns what the intermediary nearest to the client says: the last member. It says nothing without an `error`.
pub(super) fn finding(headers: &HeaderMap) -> Finding {
    read(headers).unwrap_or(Finding::NOTHING)
}

fn read(headers: &HeaderMap) -> Option<Finding> {
    let list = fields::list(headers, PROXY_STATUS)?;
    let Some(ListEntry::Item(last)) = list.last() else { return None };
    let parameter = |name: &str| last.params.get(name).and_then(word);
    let error = parameter("error")?;
    let &(_, delivery, cause) = ERRORS.iter().find(|(name, ..)| *name == error)?;
    let no_such_name =
        error == "dns_error" && parameter("rcode").is_some_and(|code| code.eq_ignore_ascii_case("NXDOMAIN"));
    let answered = last.params.get("received-status").is_some();
    // What never left the intermediary, and what it did by itself, nobody else can say.
    let proves = delivery == NotDelivered || error.starts_with("proxy_");
    Some(Finding {
        issuer: Issuer::Proxy,
        confidence: if proves && !answered { Confidence::Proven } else { Confidence::Strong },
        cause: if no_such_name { Misconfigured } else { cause },
        delivery: if answered { delivery.or_worse(Unknown) } else { delivery },
        evidence: Evidence::NONE.and(PROXY_STATUS),
    })
}

/// A token, or a string: one of the RFC's own examples quotes what is to be a token.
fn word(value: &BareItem) -> Option<&str> {
    match value {
        BareItem::Token(token) => Some(token.as_str()),
        BareItem::String(string) => Some(string.as_str()),
        BareItem::Decimal(_)
        | BareItem::Integer(_)
        | BareItem::ByteSequence(_)
        | BareItem::Boolean(_)
        | BareItem::Date(_)
        | BareItem::DisplayString(_) => None,
    }
}

/// RFC 9209 §2.3: each error, how far the request got, and why.
const ERRORS: &[(&str, Delivery, Cause)] = &[
    ("dns_timeout", NotDelivered, Lost),
    ("dns_error", NotDelivered, Lost),
    ("destination_not_found", NotDelivered, Misconfigured),
    ("destination_unavailable", NotDelivered, Lost),
    ("destination_ip_prohibited", NotDelivered, Misconfigured),
    ("destination_ip_unroutable", NotDelivered, Lost),
    ("connection_refused", NotDelivered, Lost),
    ("connection_terminated", Unknown, Broke),
    ("connection_timeout", NotDelivered, Lost),
    ("connection_read_timeout", Unknown, Slow),
    ("connection_write_timeout", Unknown, Slow),
    ("connection_limit_reached", NotDelivered, Sheds),
    ("tls_protocol_error", Unknown, Broke),
    ("tls_certificate_error", NotDelivered, Misconfigured),
    ("tls_alert_received", Unknown, Broke),
    ("http_request_error", NotDelivered, Untold),
    ("http_request_denied", NotDelivered, Misconfigured),
    ("http_response_incomplete", Processed, Broke),
    ("http_response_header_section_size", Processed, RefusesAnswer),
    ("http_response_header_size", Processed, RefusesAnswer),
    ("http_response_body_size", Processed, RefusesAnswer),
    ("http_response_trailer_section_size", Processed, RefusesAnswer),
    ("http_response_trailer_size", Processed, RefusesAnswer),
    ("http_response_transfer_coding", Processed, RefusesAnswer),
    ("http_response_content_coding", Processed, RefusesAnswer),
    ("http_response_timeout", Unknown, Slow),
    ("http_upgrade_failed", Unknown, RefusesAnswer),
    ("http_protocol_error", Unknown, Broke),
    ("proxy_internal_response", NotDelivered, Untold),
    ("proxy_internal_error", Unknown, Broke),
    ("proxy_configuration_error", NotDelivered, Misconfigured),
    ("proxy_loop_detected", NotDelivered, Misconfigured),
];

const PROXY_STATUS: &str = "proxy-status";

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(lines: &[&str]) -> Option<(Confidence, Delivery, Cause)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PROXY_STATUS, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found = finding(&headers);
        (found != Finding::NOTHING).then_some((found.confidence, found.delivery, found.cause))
    }

    #[test]
    fn every_error_is_read_as_token_and_as_string() {
        for (error, delivery, cause) in ERRORS {
            for value in [format!("p; error={error}"), format!("\"a b\"; details=\"x\"; error=\"{error}\"")] {
                let found = of(&[&value]).map(|(_, delivery, cause)| (delivery, cause));
                assert_eq!(found, Some((*delivery, *cause)), "{value}");
            }
        }
    }

    #[test]
    fn the_last_member_speaks_and_nobody_else() {
        let refused = Some((Confidence::Proven, NotDelivered, Lost));
        for (lines, expected) in [
            (&["p; error=connection_refused"][..], refused),
            (&["q; error=connection_terminated, p; error=connection_refused"], refused),
            (&["q; error=connection_terminated", "p; error=connection_refused"], refused),
            (&["q; error=connection_refused, p; received-status=503"], None),
            (&["q; error=connection_refused, p"], None),
            (&["p; error=connection_refused; received-status=503"], Some((Confidence::Strong, Unknown, Lost))),
            (&["p; error=connection_terminated"], Some((Confidence::Strong, Unknown, Broke))),
            (&["p; error=dns_error; rcode=\"NXDOMAIN\""], Some((Confidence::Proven, NotDelivered, Misconfigured))),
            (&["p; error=dns_error; rcode=\"SERVFAIL\""], Some((Confidence::Proven, NotDelivered, Lost))),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_does_not_parse_is_ignored_whole() {
        let long = format!("p; details=\"{}\"; error=connection_refused", "x".repeat(4096));
        for value in [
            "",
            "p; error",
            "p; error=7",
            "p; error=no_such_error",
            "p; error=connection_refused,",
            "p; error=connection_refused; details=\"",
            "p; error=\"connection_refused",
            "(p; error=connection_refused)",
            "p; Error=connection_refused",
            "p; error=connection_refused; details=\u{e9}",
            &long,
        ] {
            assert_eq!(of(&[value]), None, "{value}");
        }
    }
}
