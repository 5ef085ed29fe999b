//! An error that was served from a cache: asked again before it expires, the cache gives the same answer.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{CACHE_CONTROL, DATE, EXPIRES};
use sfv::{BareItem, ListEntry};

use super::{fields, retry_after};

/// Returns how long a cached response may still be given out, or `None` if it came from no cache or does not say.
pub(super) fn expires_in(headers: &HeaderMap, received_at: SystemTime) -> Option<Duration> {
    let age = fields::age(headers);
    let hit = hit(headers);
    if age.is_zero() && hit.is_none() {
        return None;
    }
    if let Some(Hit { ttl: Some(ttl) }) = hit {
        return Some(ttl);
    }
    Some(lifetime(headers, received_at)?.saturating_sub(age))
}

/// What `Cache-Status` (RFC 9211) says of a cache that had the response.
struct Hit {
    /// How long it stays fresh (§2.5).
    ttl: Option<Duration>,
}

/// Of several caches the longest counts: all of them would have to let go.
fn hit(headers: &HeaderMap) -> Option<Hit> {
    let list = fields::list(headers, CACHE_STATUS)?;
    let hits = list.iter().filter_map(|entry| match entry {
        ListEntry::Item(item) if item.params.get("hit") == Some(&BareItem::Boolean(true)) => {
            let ttl = item.params.get("ttl").and_then(BareItem::as_integer).map(i64::from);
            Some(ttl.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default())))
        }
        ListEntry::Item(_) | ListEntry::InnerList(_) => None,
    });
    hits.max().map(|ttl| Hit { ttl })
}

/// Returns how long the response was fresh when it was made (RFC 9111 §4.2.1).
fn lifetime(headers: &HeaderMap, received_at: SystemTime) -> Option<Duration> {
    for name in ["s-maxage", "max-age"] {
        let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(fields::text);
        let mut directives = lines.flat_map(|line| line.split(','));
        let value = directives.find_map(|directive| {
            let (found, value) = directive.trim_matches(fields::OWS).split_once('=')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim_matches('"'))
        });
        if let Some(seconds) = value {
            return fields::digits(seconds);
        }
    }
    let date = |name| retry_after::parse_date(fields::sole(headers, name)?, received_at);
    date(EXPIRES)?.duration_since(date(DATE)?).ok()
}

const CACHE_STATUS: &str = "cache-status";

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_came_from_a_cache_and_says_how_long_it_lives_expires() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:00 GMT");
        let expires = ("expires", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (lines, expected) in [
            (&[][..], None),
            (&[("cache-control", "max-age=60")], None),
            (&[("age", "0"), ("cache-control", "max-age=60")], None),
            (&[("age", "20")], None),
            (&[("age", "20"), ("cache-control", "no-store")], None),
            (&[("age", "20"), ("cache-control", "public, max-age=60")], Some(40)),
            (&[("age", "20"), ("cache-control", "max-age=60, s-maxage=\"30\"")], Some(10)),
            (&[("age", "99"), ("cache-control", "max-age=60")], Some(0)),
            (&[("age", "20"), ("cache-control", "max-age=soon")], None),
            (&[("age", "7"), date, expires], Some(30)),
            (&[("age", "7"), expires], None),
            (&[("cache-status", "a; hit; ttl=30")], Some(30)),
            (&[("cache-status", "a; hit; ttl=-3")], Some(0)),
            (&[("cache-status", "a; hit; ttl=5, b; hit; ttl=9")], Some(9)),
            (&[("cache-status", "a; hit"), ("cache-control", "max-age=60")], Some(60)),
            (&[("cache-status", "a; fwd=miss; ttl=30"), ("cache-control", "max-age=60")], None),
            (&[("cache-status", "a; hit=?0; ttl=30")], None),
            (&[("cache-status", "hit from cloudfront"), ("cache-control", "max-age=60")], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let expected = expected.map(Duration::from_secs);
            assert_eq!(expires_in(&headers, UNIX_EPOCH + Duration::from_secs(784_111_800)), expected, "{lines:?}");
        }
    }
}
