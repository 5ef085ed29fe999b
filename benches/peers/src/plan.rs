//! The calls that are compared.

use http::Method;

/// What one call sends, and what it is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Get,
    GetWithHeaders,
    Post,
    /// A 503 with as many bytes, then a 200.
    Retry(usize),
    /// Nothing, ever.
    Silence,
}

impl Plan {
    pub const COMPARED: [Self; 4] = [Self::Get, Self::GetWithHeaders, Self::Post, Self::Retry(1024)];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::GetWithHeaders => "GET with 4 headers",
            Self::Post => "POST of 1 KiB",
            Self::Retry(_) => "GET with one retry",
            Self::Silence => "GET without an answer",
        }
    }

    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Get | Self::GetWithHeaders | Self::Retry(_) | Self::Silence => Method::GET,
        }
    }

    #[must_use]
    pub fn path(self) -> String {
        match self {
            Self::Get | Self::GetWithHeaders | Self::Post => "/v0/answer/0".into(),
            Self::Retry(length) => format!("/v0/flaky/{length}"),
            Self::Silence => "/v0/silence/0".into(),
        }
    }

    #[must_use]
    pub const fn headers(self) -> &'static [&'static str] {
        match self {
            Self::GetWithHeaders => &["x-one", "x-two", "x-three", "x-four"],
            Self::Get | Self::Post | Self::Retry(_) | Self::Silence => &[],
        }
    }

    #[must_use]
    pub const fn body(self) -> Option<&'static [u8]> {
        match self {
            Self::Post => Some(&[7; 1024]),
            Self::Get | Self::GetWithHeaders | Self::Retry(_) | Self::Silence => None,
        }
    }
}
