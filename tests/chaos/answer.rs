//! The responses of the server: what one says follows from the call and from how many of its requests were seen.

use std::time::Duration;

use fastrand::Rng;
use http::Method;

use crate::plan::stuff;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) hint: Hint,
    pub(crate) length: usize,
    pub(crate) framing: Framing,
}

/// How a response says when to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    None,
    Seconds(u64),
    Millis(u64),
}

/// How HTTP/1.1 tells where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunked,
    UntilClose,
}

impl Answer {
    pub(crate) const FINE: Self = Self { status: 200, hint: Hint::None, length: 20, framing: Framing::Length };

    pub(crate) fn fine(rng: &mut Rng) -> Self {
        let status = [200, 200, 200, 201, 204, 404][rng.usize(..6)];
        Self { status, ..Self::any(rng) }
    }

    pub(crate) fn failing(rng: &mut Rng) -> Self {
        let status = [503, 503, 503, 502, 502, 504, 429, 429, 425, 408, 500, 521, 599][rng.usize(..13)];
        let hint = match rng.u16(..1_000) {
            0..550 => Hint::None,
            550..650 => Hint::Seconds(0),
            650..970 => Hint::Millis(rng.u64(1..25)),
            970..998 => Hint::Seconds(3_600),
            _ => Hint::Seconds(1),
        };
        Self { status, hint, ..Self::any(rng) }
    }

    fn any(rng: &mut Rng) -> Self {
        let length = match rng.u8(..100) {
            0..10 => 0,
            10..94 => rng.usize(1..300),
            94..98 => rng.usize(1_000..9_000),
            _ => rng.usize(60_000..100_000), // around what is read ahead
        };
        let framing = match rng.u8(..10) {
            0..7 => Framing::Length,
            7..9 => Framing::Chunked,
            _ => Framing::UntilClose,
        };
        Self { status: 200, hint: Hint::None, length, framing }
    }

    /// Returns whether it can have a body: a response to HEAD and a 204 have none.
    pub(crate) fn has_body(&self, method: &Method) -> bool {
        method != Method::HEAD && self.status != 204
    }

    pub(crate) fn body(&self, method: &Method, call: u64, nth: usize) -> Vec<u8> {
        if !self.has_body(method) {
            return Vec::new();
        }
        stuff(call ^ (u64::try_from(nth).unwrap() + 1) << 48, self.length)
    }

    /// Returns the headers that say nothing of the framing.
    pub(crate) fn headers(&self, call: u64, nth: usize) -> Vec<(&'static str, String)> {
        let mut headers = vec![(SERVED, format!("{call}.{nth}"))];
        match self.hint {
            Hint::None => {}
            Hint::Seconds(seconds) => headers.push(("retry-after", seconds.to_string())),
            Hint::Millis(millis) => headers.push(("retry-after-ms", millis.to_string())),
        }
        headers.push(("x-filler", "~".repeat(usize::try_from(call % 40).unwrap() + nth)));
        headers
    }
}

impl Hint {
    pub(crate) const fn wait(self) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Self::Millis(millis) => Some(Duration::from_millis(millis)),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "no hint",
            Self::Seconds(0) => "Retry-After: 0",
            Self::Seconds(1) => "Retry-After: 1",
            Self::Seconds(_) => "Retry-After: 3600",
            Self::Millis(_) => "Retry-After-Ms: 1 to 24",
        }
    }
}

/// Says which response it is: `{call}.{nth}`.
pub(crate) const SERVED: &str = "x-served";
