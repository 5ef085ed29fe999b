//! `Proxy-Status` (RFC 9209) and `RateLimit` mean what their members say, and nothing if any of them is malformed.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use arbitrary::{Arbitrary, Unstructured};
use forbear::{Condition, Confidence, Delivery, Diagnosis, Issuer, Outcome};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

use Delivery::{NotDelivered, Processed, Unknown};
use Means::{ByStatus, Gateway, Never, Overload, TooSlow};

fuzz_target!(|response: Response| {
    let mut headers = HeaderMap::new();
    for (name, field) in [("proxy-status", &response.proxy_status), ("ratelimit", &response.rate_limit)] {
        for line in field.lines() {
            headers.append(name, HeaderValue::from_bytes(&line).unwrap());
        }
    }
    if headers.values().map(|line| line.len() + 2).sum::<usize>() > LONGEST {
        return;
    }
    let status = StatusCode::from_u16(response.status).unwrap();
    let found = Diagnosis::of(&Outcome::response(status, &headers, UNIX_EPOCH));
    let (quotas, error) = (response.quotas(), response.error());

    let is_used_up = quotas.iter().any(|quota| quota.remaining == Some(0));
    let limits_rate = status == StatusCode::TOO_MANY_REQUESTS || matches!(response.status, 403 | 503) && is_used_up;
    if response.status == 403 && !limits_rate {
        assert!(found.is_answer() && found.hint().is_none(), "{found:?} of {headers:?}");
        return;
    }
    assert_eq!(found.hint(), longest(&quotas).filter(|_| limits_rate), "{headers:?}");
    assert!(!found.is_hint_malformed(), "{headers:?}");

    let by_status = if limits_rate { Condition::RateLimited } else { response.by_status() };
    let Some(error) = error else {
        let nothing = (Some(by_status), Issuer::Unknown, Confidence::Status, Unknown);
        assert_eq!((found.condition(), found.issuer(), found.confidence(), found.delivery()), nothing, "{headers:?}");
        return;
    };
    assert_eq!((found.issuer(), found.confidence()), (Issuer::Proxy, error.confidence), "{headers:?}");
    assert_eq!(found.delivery(), error.delivery, "{headers:?}");
    assert_eq!(found.evidence().collect::<Vec<_>>(), ["proxy-status"], "{headers:?}");
    assert_eq!(found.condition(), Some(error.means.condition(by_status)), "{headers:?}");
});

#[derive(Debug)]
struct Response {
    status: u16,
    proxy_status: Field,
    rate_limit: Field,
}

/// A structured list (RFC 9651).
#[derive(Debug)]
struct Field {
    lines: Vec<Vec<Member>>,
    flaw: Option<Flaw>,
    loose: bool,
}

#[derive(Debug)]
struct Member {
    item: Item,
    is_inner_list: bool,
    parameters: Vec<(&'static str, Item)>,
}

#[derive(Clone, Debug, PartialEq, Arbitrary)]
enum Item {
    Word(#[arbitrary(with = word)] String),
    Quoted(#[arbitrary(with = word)] String),
    Text(#[arbitrary(with = printable)] String),
    Number(#[arbitrary(with = number)] i64),
    Decimal(#[arbitrary(with = number)] i64, u8),
    Flag(bool),
    Bytes,
    Date(u32),
    Nothing,
}

/// What makes a list none.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Flaw {
    TrailingComma,
    LeadingComma,
    UpperCaseKey,
    OpenQuote,
    OpenList,
    NoKey,
    NotAscii,
    SpaceBeforeParameter,
    LongNumber,
}

/// What the field says by itself of the last member's error.
struct Error {
    confidence: Confidence,
    delivery: Delivery,
    means: Means,
}

#[derive(Clone, Copy)]
enum Means {
    /// No retry.
    Never,
    /// A proxy lost what is behind it, or got no valid answer.
    Gateway,
    TooSlow,
    Overload,
    ByStatus,
}

impl Means {
    fn condition(self, by_status: Condition) -> Condition {
        let is_open = matches!(by_status, Condition::Unavailable | Condition::BadGateway | Condition::InternalError);
        match self {
            Never => Condition::Permanent,
            Gateway if is_open => Condition::BadGateway,
            TooSlow if is_open => Condition::GatewayTimeout,
            Overload if is_open => Condition::Unavailable,
            Gateway | TooSlow | Overload | ByStatus => by_status,
        }
    }
}

struct Quota {
    remaining: Option<u64>,
    reset: Option<Duration>,
}

impl Response {
    fn by_status(&self) -> Condition {
        match self.status {
            500 => Condition::InternalError,
            502 => Condition::BadGateway,
            503 => Condition::Unavailable,
            504 => Condition::GatewayTimeout,
            other => panic!("{other} is not sent"),
        }
    }

    fn error(&self) -> Option<Error> {
        let last = *self.proxy_status.members()?.last()?;
        if last.is_inner_list {
            return None;
        }
        let (Item::Word(error) | Item::Quoted(error) | Item::Text(error)) = last.parameter("error")? else {
            return None;
        };
        let &(name, delivery, means) = ERRORS.iter().find(|(name, ..)| name == error)?;
        let is_answered = last.parameter("received-status").is_some();
        let is_its_own = delivery == NotDelivered || name.starts_with("proxy_");
        let no_such_name = name == "dns_error"
            && match last.parameter("rcode") {
                Some(Item::Word(code) | Item::Quoted(code) | Item::Text(code)) => code.eq_ignore_ascii_case("nxdomain"),
                _ => false,
            };
        Some(Error {
            confidence: if is_its_own && !is_answered { Confidence::Proven } else { Confidence::Strong },
            delivery: if is_answered && delivery == NotDelivered { Unknown } else { delivery },
            means: if no_such_name { Never } else { means },
        })
    }

    fn quotas(&self) -> Vec<Quota> {
        let members = self.rate_limit.members().unwrap_or_default();
        let whole = |item: Option<&Item>| match item {
            Some(Item::Number(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let items = members.into_iter().filter(|member| !member.is_inner_list);
        let quota = |member: &Member| Quota {
            remaining: whole(member.parameter("r")),
            reset: whole(member.parameter("t")).map(Duration::from_secs),
        };
        items.map(quota).collect()
    }
}

/// Of those that are used up, if any says so and when.
fn longest(quotas: &[Quota]) -> Option<Duration> {
    let used_up = quotas.iter().filter(|quota| quota.remaining == Some(0));
    used_up.filter_map(|quota| quota.reset).max().or(quotas.iter().filter_map(|quota| quota.reset).max())
}

impl Field {
    /// Returns its members, or `None` if it is none.
    fn members(&self) -> Option<Vec<&Member>> {
        let has_empty_line = self.lines.len() > 1 && self.lines.iter().any(Vec::is_empty);
        if has_empty_line || self.flaw.is_some() && !self.lines.is_empty() {
            return None;
        }
        Some(self.lines.iter().flatten().collect())
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        let comma = if self.loose { "\t , " } else { "," };
        let line = |members: &Vec<Member>| -> Vec<u8> {
            let members: Vec<String> = members.iter().map(|member| member.text(self.loose)).collect();
            members.join(comma).into_bytes()
        };
        let mut lines: Vec<Vec<u8>> = self.lines.iter().map(line).collect();
        if let (Some(last), Some(flaw)) = (lines.last_mut(), self.flaw) {
            flaw.add(last);
        }
        lines
    }
}

impl Flaw {
    fn add(self, line: &mut Vec<u8>) {
        if let Self::LeadingComma = self {
            line.splice(..0, *b",a");
            return;
        }
        let end: &[u8] = match self {
            Self::TrailingComma => b"a,",
            Self::LeadingComma => b"",
            Self::UpperCaseKey => b"a;R=0",
            Self::OpenQuote => b"\"a",
            Self::OpenList => b"(a",
            Self::NoKey => b"a;=1",
            Self::NotAscii => b"\"\xe9\"",
            Self::SpaceBeforeParameter => b"a ;r=0",
            Self::LongNumber => b"a;t=1000000000000000",
        };
        if !line.is_empty() {
            line.push(b',');
        }
        line.extend_from_slice(end);
    }
}

impl Member {
    /// Of several of a name the last counts.
    fn parameter(&self, name: &str) -> Option<&Item> {
        self.parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, item)| item)
    }

    fn text(&self, loose: bool) -> String {
        let item = match self.item {
            Item::Nothing => "p".to_owned(),
            ref item => item.text(),
        };
        let mut text = if self.is_inner_list { format!("({item} {item})") } else { item };
        let space = if loose { "  " } else { "" };
        for (key, value) in &self.parameters {
            let value = if *value == Item::Nothing { String::new() } else { format!("={}", value.text()) };
            text.push_str(&format!(";{space}{key}{value}"));
        }
        text
    }
}

impl Item {
    fn text(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Quoted(text) | Self::Text(text) => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Self::Number(number) => number.to_string(),
            Self::Decimal(whole, part) => format!("{}.{part}", whole % 1_000_000_000_000),
            Self::Flag(flag) => format!("?{}", u8::from(*flag)),
            Self::Bytes => ":cDE=:".to_owned(),
            Self::Date(at) => format!("@{at}"),
            Self::Nothing => String::new(),
        }
    }
}

impl<'a> Arbitrary<'a> for Response {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let status = *u.choose(&[403, 429, 500, 502, 503, 504])?;
        Ok(Self { status, proxy_status: field(u, &PROXY_KEYS)?, rate_limit: field(u, &RATE_KEYS)? })
    }
}

fn field(u: &mut Unstructured<'_>, keys: &[&'static str]) -> arbitrary::Result<Field> {
    let mut lines = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let mut members = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            let mut parameters = Vec::new();
            for _ in 0..u.int_in_range(0..=4)? {
                parameters.push((*u.choose(keys)?, u.arbitrary()?));
            }
            members.push(Member { item: u.arbitrary()?, is_inner_list: u.ratio(1, 10)?, parameters });
        }
        lines.push(members);
    }
    Ok(Field { lines, flaw: if u.ratio(1, 5)? { Some(u.arbitrary()?) } else { None }, loose: u.arbitrary()? })
}

fn word(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    if u.ratio(7, 8)? {
        return Ok(u.choose(ERRORS)?.0.to_owned());
    }
    u.choose(&["NXDOMAIN", "nxdomain", "SERVFAIL", "*a:b/c", "Connection_refused", "dns_errors"])
        .map(|it| (*it).to_owned())
}

fn printable(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let bytes: Vec<u8> = u.arbitrary()?;
    Ok(bytes.into_iter().take(40).map(|byte| char::from(b' ' + byte % 95)).collect())
}

/// At most 15 digits (RFC 9651 §3.3.1).
fn number(u: &mut Unstructured<'_>) -> arbitrary::Result<i64> {
    if u.arbitrary()? { u.int_in_range(0..=3) } else { Ok(u.arbitrary::<i64>()? % 1_000_000_000_000_000) }
}

const PROXY_KEYS: [&str; 7] = ["error", "error", "received-status", "rcode", "details", "next-hop", "*x"];
const RATE_KEYS: [&str; 5] = ["r", "t", "q", "pk", "w"];
/// What is longer is not read.
const LONGEST: usize = 4 * 1024;

/// The table of RFC 9209 §2.3.
const ERRORS: &[(&str, Delivery, Means)] = &[
    ("dns_timeout", NotDelivered, Gateway),
    ("dns_error", NotDelivered, Gateway),
    ("destination_not_found", NotDelivered, Never),
    ("destination_unavailable", NotDelivered, Gateway),
    ("destination_ip_prohibited", NotDelivered, Never),
    ("destination_ip_unroutable", NotDelivered, Gateway),
    ("connection_refused", NotDelivered, Gateway),
    ("connection_terminated", Unknown, Gateway),
    ("connection_timeout", NotDelivered, Gateway),
    ("connection_read_timeout", Unknown, TooSlow),
    ("connection_write_timeout", Unknown, TooSlow),
    ("connection_limit_reached", NotDelivered, Overload),
    ("tls_protocol_error", Unknown, Gateway),
    ("tls_alert_received", Unknown, Gateway),
    ("tls_certificate_error", NotDelivered, Never),
    ("http_request_error", NotDelivered, ByStatus),
    ("http_request_denied", NotDelivered, Never),
    ("http_response_incomplete", Processed, Gateway),
    ("http_response_header_section_size", Processed, Never),
    ("http_response_header_size", Processed, Never),
    ("http_response_body_size", Processed, Never),
    ("http_response_trailer_section_size", Processed, Never),
    ("http_response_trailer_size", Processed, Never),
    ("http_response_transfer_coding", Processed, Never),
    ("http_response_content_coding", Processed, Never),
    ("http_response_timeout", Unknown, TooSlow),
    ("http_upgrade_failed", Unknown, Never),
    ("http_protocol_error", Unknown, Gateway),
    ("proxy_internal_response", NotDelivered, ByStatus),
    ("proxy_internal_error", Unknown, Gateway),
    ("proxy_configuration_error", NotDelivered, Never),
    ("proxy_loop_detected", NotDelivered, Never),
];
