//! The fields about rates: draft-ietf-httpapi-ratelimit-headers, and what services sent before it.

use std::time::{Duration, UNIX_EPOCH};

use http::header::AGE;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, ListEntry};

use super::hint::Hint;
use super::{fields, retry_after};
use crate::outcome::Head;

/// Returns whether nothing remains of a quota.
///
/// Never on a response from a cache: its numbers were somebody else's.
pub(super) fn is_exhausted(headers: &HeaderMap) -> bool {
    if headers.contains_key(AGE) {
        return false;
    }
    REMAINING.into_iter().any(|name| fields::sole(headers, name).and_then(fields::integer) == Some(0))
        || quotas(headers).iter().any(|quota| quota.remaining == Some(0))
}

/// Returns when a quota is there again. As for whether, a cache does not tell.
pub(super) fn hint(head: Head<'_>) -> Hint {
    let headers = head.headers;
    if headers.contains_key(AGE) {
        return Hint::Absent;
    }
    if let Some(reset) = longest_reset(&quotas(headers)) {
        return Hint::Wait(reset);
    }
    let mut found = Hint::Absent;
    for (name, read) in RESETS {
        if !headers.contains_key(&name) {
            continue;
        }
        if let Some(wait) = fields::sole(headers, name).and_then(|text| read(text, head)) {
            return Hint::Wait(wait);
        }
        found = Hint::Malformed;
    }
    found
}

/// What `RateLimit` says of one policy: `"default";r=0;t=30`.
struct Quota {
    remaining: Option<u64>,
    reset: Option<Duration>,
}

/// Returns the quotas of the field, none if it does not parse.
fn quotas(headers: &HeaderMap) -> Vec<Quota> {
    let Some(list) = fields::list(headers, RATE_LIMIT) else { return Vec::new() };
    let items = list.iter().filter_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    });
    let number = |value: Option<&BareItem>| u64::try_from(i64::from(value?.as_integer()?)).ok();
    items
        .map(|item| Quota {
            remaining: number(item.params.get("r")),
            reset: number(item.params.get("t")).map(Duration::from_secs),
        })
        .collect()
}

/// Returns the longest wait for a quota that is used up; if none says that it is, the longest of all.
fn longest_reset(quotas: &[Quota]) -> Option<Duration> {
    let used_up = quotas.iter().filter(|quota| quota.remaining == Some(0)).filter_map(|quota| quota.reset).max();
    used_up.or_else(|| quotas.iter().filter_map(|quota| quota.reset).max())
}

fn seconds(text: &str, _: Head<'_>) -> Option<Duration> {
    fields::seconds(text)
}

/// Reads what is a time since 1970 if it is large, in milliseconds if it is very large, and else a wait in seconds.
fn epoch_or_seconds(text: &str, head: Head<'_>) -> Option<Duration> {
    let since_1970 = match fields::integer(text)? {
        wait @ ..=1_000_000_000 => return Some(Duration::from_secs(wait)),
        seconds @ ..=1_000_000_000_000 => Duration::from_secs(seconds),
        millis => Duration::from_millis(millis),
    };
    let Some(at) = UNIX_EPOCH.checked_add(since_1970) else { return Some(Duration::MAX) };
    Some(retry_after::until(at, head.headers, head.received_at))
}

type Read = fn(&str, Head<'_>) -> Option<Duration>;

const RATE_LIMIT: &str = "ratelimit";
const REMAINING: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-rate-limit-remaining"),
];
/// In the order in which they count.
const RESETS: [(HeaderName, Read); 4] = [
    (HeaderName::from_static("ratelimit-reset"), seconds),
    (HeaderName::from_static("x-ratelimit-reset-after"), seconds),
    (HeaderName::from_static("x-ratelimit-reset"), epoch_or_seconds),
    (HeaderName::from_static("x-rate-limit-reset"), epoch_or_seconds),
];

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    const RECEIVED_AT: u64 = 1_795_435_200;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        lines.iter().map(line).for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[track_caller]
    fn check(lines: &[(&'static str, &str)], expected: Option<u64>) {
        let headers = headers(lines);
        let received_at = UNIX_EPOCH + Duration::from_secs(RECEIVED_AT);
        let found = hint(Head { status: StatusCode::TOO_MANY_REQUESTS, headers: &headers, received_at });
        let expected = expected.map_or(Hint::Absent, |seconds| Hint::Wait(Duration::from_secs(seconds)));
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn a_quota_that_is_used_up_tells_when_it_is_there_again() {
        for (value, expected) in [
            (r#""default";r=0;t=30"#, Some(30)),
            (r#""burst";r=0;t=5, "daily";r=0;t=3600"#, Some(3600)),
            (r#""burst";r=0;t=5, "daily";r=900;t=3600"#, Some(5)),
            (r#""default";t=7"#, Some(7)),
            (r#""default";r=0"#, None),
            (r#""default";r=0;t=-5"#, None),
            (r#""default";r=0;t=1.5"#, None),
            ("limit=100, remaining=0, reset=5", None),
            (r#""default;r=0;t=30"#, None),
            ("", None),
        ] {
            check(&[("ratelimit", value)], expected);
        }
        check(&[("ratelimit", r#""a";r=0;t=5"#), ("ratelimit", r#""b";r=0;t=6"#)], Some(6));
        check(&[("ratelimit", r#""default";r=0;t=30"#), ("age", "1")], None);
    }

    #[test]
    fn a_reset_is_a_time_if_it_is_large_and_a_wait_if_not() {
        for (value, expected) in [
            ("30", Some(30)),
            ("1000000000", Some(1_000_000_000)),
            ("1795435230", Some(30)),
            ("1795435230000", Some(30)),
            ("1795435229001", Some(30)),
            ("1795435100", Some(0)),
        ] {
            check(&[("x-ratelimit-reset", value)], expected);
        }
        let date = ("date", "Sun, 06 Nov 1994 08:49:00 GMT");
        check(&[date, ("x-rate-limit-reset", "1795435230")], Some(RECEIVED_AT + 30 - 784_111_740));
        check(&[("ratelimit-reset", "1795435230")], Some(1_795_435_230));
    }

    #[test]
    fn no_number_overflows() {
        let longest = "9".repeat(40);
        for name in ["ratelimit-reset", "x-ratelimit-reset-after", "x-ratelimit-reset"] {
            let headers = headers(&[(name, &longest)]);
            let head = Head { status: StatusCode::TOO_MANY_REQUESTS, headers: &headers, received_at: UNIX_EPOCH };
            let Hint::Wait(wait) = hint(head) else { panic!("{name}") };
            assert!(wait > Duration::from_secs(1 << 40), "{name}: {wait:?}");
        }
    }

    #[test]
    fn a_quota_is_exhausted_when_nothing_remains() {
        for (name, value, expected) in [
            ("ratelimit-remaining", "0", true),
            ("x-ratelimit-remaining", "0", true),
            ("x-rate-limit-remaining", " 00 ", true),
            ("x-ratelimit-remaining", "1", false),
            ("x-ratelimit-remaining", "none", false),
            ("x-ratelimit-limit", "0", false),
            ("ratelimit", r#""default";r=0;t=30"#, true),
            ("ratelimit", r#""default";r=1;t=30"#, false),
        ] {
            assert_eq!(is_exhausted(&headers(&[(name, value)])), expected, "{name}: {value}");
            assert!(!is_exhausted(&headers(&[(name, value), ("age", "1")])), "{name}: {value}, from a cache");
        }
    }
}
