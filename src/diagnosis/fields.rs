//! Header fields: numbers, times, text that is what it should be, and structured lists.

use std::time::Duration;

use http::header::{AGE, HeaderMap, HeaderName, HeaderValue};
use sfv::{List, Parser};

/// Parses `1*DIGIT`, or digits with decimals as some APIs send them; those are rounded up to the millisecond.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let Some((whole, decimals)) = text.split_once('.') else {
        return digits(text);
    };
    let whole = digits(whole)?;
    if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (kept, rest) = decimals.split_at(decimals.len().min(3));
    let mut millis: u64 = format!("{kept:0<3}").parse().ok()?;
    if rest.bytes().any(|digit| digit != b'0') {
        millis = millis.saturating_add(1);
    }
    Some(whole.saturating_add(Duration::from_millis(millis)))
}

/// Parses `1*DIGIT` as seconds. More than fit saturate to [`Duration::MAX`]: very long, and valid.
pub(super) fn digits(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().map_or(Duration::MAX, Duration::from_secs))
}

/// Parses `1*DIGIT`. More than fit saturate.
pub(super) fn integer(text: &str) -> Option<u64> {
    digits(text).map(|seconds| seconds.as_secs())
}

/// Returns how long the response lay in caches (RFC 9111 §5.1); zero if it does not say so plainly.
pub(super) fn age(headers: &HeaderMap) -> Duration {
    sole(headers, AGE).and_then(digits).unwrap_or_default()
}

/// Returns the text of a header that appears exactly once.
pub(super) fn sole(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut lines = headers.get_all(name).iter();
    let only = lines.next()?;
    if lines.next().is_some() { None } else { text(only) }
}

/// Returns the text without the optional white space around it, or `None` if it is not visible ASCII.
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    Some(value.to_str().ok()?.trim_matches(OWS))
}

/// Returns the list that all lines of a field make, or `None` if it is absent, not worth the parsing, or does not parse: it
/// is ignored whole then (RFC 9651 §4.2).
pub(super) fn list(headers: &HeaderMap, name: &str) -> Option<List> {
    let lines = || headers.get_all(name).iter();
    lines().next()?; // nothing is allocated for those who do not send it
    if lines().map(|line| line.len().saturating_add(2)).sum::<usize>() > LONGEST_LIST {
        return None;
    }
    let lines: Vec<&str> = lines().map(text).collect::<Option<_>>()?;
    Parser::new(&lines.join(", ")).parse().ok()
}

/// No chain of proxies or caches says more, and no service has more quotas.
const LONGEST_LIST: usize = 4 * 1024;
/// Optional white space (RFC 9110 §5.6.3).
pub(super) const OWS: [char; 2] = [' ', '\t'];
