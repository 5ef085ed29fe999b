//! How far the request got.

use std::fmt;

use http::StatusCode;

use crate::outcome::Failure;

/// How far the request got, as far as the outcome proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// It certainly did not reach whoever would process it.
    NotDelivered,
    /// Nothing proves how far it got: it may have been processed.
    Unknown,
}

impl Delivery {
    /// Returns the name used in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDelivered => "not_delivered",
            Self::Unknown => "unknown",
        }
    }

    /// Returns what a status proves: three are Cloudflare's own, for an origin that it did not reach. They prove it only to
    /// those who [trust](crate::PolicyBuilder::trust_delivery) what comes from outside.
    pub(super) fn of_status(status: StatusCode) -> Self {
        if matches!(status.as_u16(), 521 | 523 | 530) { Self::NotDelivered } else { Self::Unknown }
    }

    /// Returns what a failure proves. A refused stream may have been seen, but its peer says that nothing was done
    /// (RFC 9113 §8.7).
    pub(super) const fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::Connect | Failure::ConnectPermanent | Failure::StreamRefused => Self::NotDelivered,
            Failure::Interrupted | Failure::Timeout | Failure::Caller => Self::Unknown,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
