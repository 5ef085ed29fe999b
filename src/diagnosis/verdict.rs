//! Headers that say whether to ask again.

use http::{HeaderMap, HeaderName};

use super::fields;

/// What the server says about whether to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Silent,
    /// That it is worth a try.
    Retry,
    /// That it is not.
    Never,
}

impl Verdict {
    /// Reads the verdict. *No* goes before *yes*, whoever says it.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let says = |word: &str| {
            let mut lines = SHOULD_RETRY.into_iter().flat_map(|name| headers.get_all(name));
            lines.any(|value| fields::text(value).is_some_and(|text| text.eq_ignore_ascii_case(word)))
        };
        // gRPC A6: what is negative or no number means never.
        let pushback = headers.get(PUSHBACK).map(|value| fields::text(value).and_then(fields::integer));
        match (says("false") || pushback == Some(None), says("true")) {
            (true, _) => Self::Never,
            (false, true) => Self::Retry,
            (false, false) => Self::Silent,
        }
    }
}

/// Returns whether Cloudflare asks for a person: no retry answers that.
pub(super) fn is_challenge(headers: &HeaderMap) -> bool {
    fields::sole(headers, CF_MITIGATED).is_some_and(|text| text.eq_ignore_ascii_case("challenge"))
}

const SHOULD_RETRY: [HeaderName; 2] =
    [HeaderName::from_static("x-should-retry"), HeaderName::from_static("stripe-should-retry")];
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const CF_MITIGATED: HeaderName = HeaderName::from_static("cf-mitigated");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn no_goes_before_yes() {
        for (lines, expected) in [
            (&[][..], Verdict::Silent),
            (&[("x-should-retry", "true")], Verdict::Retry),
            (&[("stripe-should-retry", "True")], Verdict::Retry),
            (&[("x-should-retry", "false")], Verdict::Never),
            (&[("x-should-retry", "true"), ("stripe-should-retry", "false")], Verdict::Never),
            (&[("x-should-retry", "true"), ("x-should-retry", "false")], Verdict::Never),
            (&[("x-should-retry", "maybe")], Verdict::Silent),
            (&[("grpc-retry-pushback-ms", "100")], Verdict::Silent),
            (&[("grpc-retry-pushback-ms", "-1")], Verdict::Never),
            (&[("grpc-retry-pushback-ms", "soon")], Verdict::Never),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(Verdict::of(&headers), expected, "{lines:?}");
        }
    }
}
