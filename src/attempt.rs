//! One attempt, as the machine of the call permits it.

use std::fmt;
use std::time::Duration;

use crate::policy::Retry;

/// An attempt that may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub(crate) number: u32,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) time_left: Option<Duration>,
    pub(crate) time_to_start: Option<Duration>,
    pub(crate) last: bool,
}

impl Attempt {
    /// Returns its number, counted from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns OpenTelemetry's `http.request.resend_count`: `None` for the first attempt, 1 for the first retry.
    #[must_use]
    pub const fn resend_count(&self) -> Option<u32> {
        match self.number {
            0 | 1 => None,
            number => Some(number - 1),
        }
    }

    /// Returns the decision that it carries out, or `None` for the first attempt.
    #[must_use]
    pub const fn retry(&self) -> Option<&Retry> {
        self.retry.as_ref()
    }

    /// Returns how long to wait for the head of the response: the shorter of the attempt's and the call's own limit.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns what is left of the call's whole time, the reading of the body included.
    #[must_use]
    pub const fn time_left(&self) -> Option<Duration> {
        self.time_left
    }

    /// Returns for how long it may still start: what is left of [`max_elapsed`](crate::Policy::max_elapsed) for a retry, and of the
    /// call's whole time. `None` if nothing limits that, as for most first attempts.
    ///
    /// What is done to the request before it should take no longer.
    #[must_use]
    pub const fn time_to_start(&self) -> Option<Duration> {
        self.time_to_start
    }

    /// Returns whether no other attempt can follow, so that the request need not be kept.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }
}

/// No attempt may begin: the time is up, or no retry was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLate(pub(crate) ());

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no attempt may begin: the time is up, or no retry was decided")
    }
}

impl std::error::Error for TooLate {}
