//! How long the server asked to wait, in whatever header.
//!
//! What a server sends here is often wrong and sometimes hostile. A value that is not understood is *malformed*: no
//! hint, never an error, and never read as another time. One that is too long saturates.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::{cached, fields, rate_limit, retry_after};
use crate::outcome::Head;

/// What a response says about when to ask again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// It says nothing.
    #[default]
    Absent,
    /// It asks to be left alone for so long. Zero asks for nothing and is valid.
    Wait(Duration),
    /// It says something that cannot be understood.
    Malformed,
}

impl Hint {
    /// Reads the hint of a response: the first header that can be understood, `Retry-After` before all others.
    ///
    /// `limits_rate` says whether the response is about the rate of requests. Only then do the fields about rates count:
    /// some services send them with every response.
    ///
    /// What came from a cache is not asked for again before it can have expired.
    pub(super) fn of(head: Head<'_>, limits_rate: bool) -> Self {
        match (Self::asked(head, limits_rate), cached::expires_in(head.headers, head.received_at)) {
            (Self::Wait(asked), Some(expires)) => Self::Wait(asked.max(expires)),
            (Self::Absent | Self::Malformed, Some(expires)) if !expires.is_zero() => Self::Wait(expires),
            (asked, _) => asked,
        }
    }

    fn asked(head: Head<'_>, limits_rate: bool) -> Self {
        let retry_after = retry_after::hint(head.headers, head.received_at).unwrap_or_default();
        let millis = milliseconds(head.headers);
        if let (Self::Wait(coarse), Self::Wait(fine)) = (retry_after, millis) {
            // Two words for the same wait: the finer one counts.
            return if coarse.abs_diff(fine) <= Duration::from_secs(1) { millis } else { retry_after };
        }
        let rate = if limits_rate { rate_limit::hint(head) } else { Self::Absent };
        let in_order = [retry_after, millis, rate];
        let understood = in_order.into_iter().find(|hint| matches!(hint, Self::Wait(_)));
        understood.or(in_order.into_iter().find(|hint| *hint == Self::Malformed)).unwrap_or_default()
    }
}

fn milliseconds(headers: &HeaderMap) -> Hint {
    let mut found = Hint::Absent;
    for name in MILLISECONDS {
        let Some(value) = headers.get(name) else { continue };
        if let Some(millis) = fields::text(value).and_then(fields::integer) {
            return Hint::Wait(Duration::from_millis(millis));
        }
        found = Hint::Malformed;
    }
    found
}

/// Azure, Cosmos, AWS and others; and gRPC A6, which says *never* with what is no number.
const MILLISECONDS: [HeaderName; 4] = [
    HeaderName::from_static("retry-after-ms"),
    HeaderName::from_static("x-ms-retry-after-ms"),
    HeaderName::from_static("x-amz-retry-after"),
    HeaderName::from_static("grpc-retry-pushback-ms"),
];

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::{HeaderValue, StatusCode};

    use super::*;

    #[track_caller]
    fn check(lines: &[(&'static str, &str)], expected: Hint) {
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let received_at = UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let head = Head { status: StatusCode::TOO_MANY_REQUESTS, headers: &headers, received_at };
        assert_eq!(Hint::of(head, true), expected, "{lines:?}");
    }

    const fn millis(millis: u64) -> Hint {
        Hint::Wait(Duration::from_millis(millis))
    }

    #[test]
    fn the_first_header_that_is_understood_counts() {
        let all = [
            ("retry-after", "30"),
            ("retry-after-ms", "70"),
            ("x-ms-retry-after-ms", "80"),
            ("x-amz-retry-after", "90"),
            ("ratelimit", "\"default\";r=0;t=100"),
            ("ratelimit-reset", "110"),
            ("x-ratelimit-reset-after", "120.5"),
            ("x-ratelimit-reset", "130"),
            ("x-rate-limit-reset", "140"),
        ];
        let expected = [30_000, 70, 80, 90, 100_000, 110_000, 120_500, 130_000, 140_000];
        for (first, expected) in expected.into_iter().enumerate() {
            check(&all[first..], millis(expected));
        }
        check(&[("retry-after", "soon"), ("retry-after-ms", "70")], millis(70));
        check(&[("retry-after", "soon"), ("retry-after-ms", "-1"), ("ratelimit-reset", "7")], millis(7_000));
        check(&[("retry-after-ms", "1.5")], Hint::Malformed);
        check(&[("retry-after", "soon"), ("x-ratelimit-reset", "later")], Hint::Malformed);
        check(&[], Hint::Absent);
    }

    #[test]
    fn a_finer_word_for_the_same_wait_counts() {
        check(&[("retry-after", "2"), ("retry-after-ms", "1543")], millis(1_543));
        check(&[("retry-after", "1"), ("retry-after-ms", "1999")], millis(1_999));
        check(&[("retry-after", "2"), ("retry-after-ms", "999")], millis(2_000));
        check(&[("retry-after", "0"), ("retry-after-ms", "99999999999999999999999")], millis(0));
    }

    #[test]
    fn milliseconds_saturate() {
        check(&[("retry-after-ms", "99999999999999999999999")], millis(u64::MAX));
    }
}
