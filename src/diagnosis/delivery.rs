//! How far the request got.

use std::fmt;

use crate::outcome::Failure;

/// How far the request got, as far as the outcome proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// It certainly did not reach whoever would process it.
    NotDelivered,
    /// Nothing proves how far it got: it may have been processed.
    Unknown,
    /// Whoever was to process it has begun to answer, or has most likely done the work.
    Processed,
}

impl Delivery {
    /// Returns the name used in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDelivered => "not_delivered",
            Self::Unknown => "unknown",
            Self::Processed => "processed",
        }
    }

    /// Returns the one that calls for more care.
    pub(super) const fn or_worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Processed, _) | (_, Self::Processed) => Self::Processed,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::NotDelivered, Self::NotDelivered) => Self::NotDelivered,
        }
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
