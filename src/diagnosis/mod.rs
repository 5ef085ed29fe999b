//! From facts to meaning: what an outcome says about the server, the network and the request.

mod condition;
mod delivery;
mod fields;
mod hint;
mod rate_limit;
mod retry_after;
mod verdict;

use std::fmt;
use std::time::Duration;

pub use condition::Condition;
pub use delivery::Delivery;
pub(crate) use hint::Hint;

use http::StatusCode;

use crate::outcome::{Head, Outcome};
use verdict::Verdict;

/// What an outcome means.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use forbear::{Condition, Diagnosis, Failure, Outcome};
/// # use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, "120".parse()?);
/// let outcome = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, SystemTime::UNIX_EPOCH);
/// let diagnosis = Diagnosis::of(&outcome);
/// assert_eq!(diagnosis.condition(), Some(Condition::Unavailable));
/// assert_eq!(diagnosis.hint(), Some(Duration::from_secs(120)));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    condition: Option<Condition>,
    answer: bool,
    delivery: Delivery,
    hint: Hint,
    /// Whether the server says that it is not worth a try.
    forbids: bool,
    /// Whether the condition was read from a header, which anybody on the way can write.
    hearsay: bool,
}

impl Diagnosis {
    /// Diagnoses an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome<'_>) -> Self {
        let diagnosis = match outcome.result {
            Ok(head) => Self::of_head(head),
            Err(failure) => Self {
                condition: Condition::of_failure(failure),
                delivery: Delivery::of_failure(failure),
                answer: false,
                ..Self::ANSWER
            },
        };
        // After a redirect the outcome is that of the last hop, and an earlier one was answered.
        let delivery = if outcome.redirected { Delivery::Unknown } else { diagnosis.delivery };
        Self { delivery, ..diagnosis }
    }

    fn of_head(head: Head<'_>) -> Self {
        if head.status.as_u16() < 400 {
            return Self::ANSWER;
        }
        let verdict = Verdict::of(head.headers);
        let limits_rate = head.status == StatusCode::TOO_MANY_REQUESTS
            || matches!(head.status, StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE)
                && rate_limit::is_exhausted(head.headers);
        let by_status = Condition::of_status(head.status);
        let condition = match by_status {
            _ if verdict::is_challenge(head.headers) => Some(Condition::Permanent),
            _ if limits_rate => Some(Condition::RateLimited),
            None | Some(Condition::InternalError | Condition::Permanent) if verdict == Verdict::Retry => {
                Some(Condition::Unavailable)
            }
            by_status => by_status,
        };
        if condition.is_none() {
            return Self::ANSWER;
        }
        Self {
            condition,
            answer: false,
            delivery: Delivery::of_status(head.status),
            hint: Hint::of(head, limits_rate),
            forbids: verdict == Verdict::Never,
            hearsay: condition != by_status,
        }
    }

    const ANSWER: Self = Self {
        condition: None,
        answer: true,
        delivery: Delivery::Unknown,
        hint: Hint::Absent,
        forbids: false,
        hearsay: false,
    };

    /// Returns what is wrong, or `None` for an answer and for the caller's own error.
    #[must_use]
    pub const fn condition(&self) -> Option<Condition> {
        self.condition
    }

    /// Returns whether the response blames nobody but the request.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.answer
    }

    /// Returns how far the request got, as far as the outcome proves it.
    #[must_use]
    pub const fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Returns whether the server says that another attempt is not worth a try.
    #[must_use]
    pub const fn is_retry_forbidden(&self) -> bool {
        self.forbids
    }

    /// Returns whether the condition was read from evidence that anybody on the way can forge. It then makes the client
    /// more careful freely, and less careful only with [`trust_delivery`](crate::PolicyBuilder::trust_delivery).
    pub(crate) const fn is_hearsay(&self) -> bool {
        self.hearsay
    }

    /// Returns how long the server asked to be left alone, uncapped. [`Duration::MAX`] stands for longer than that.
    #[must_use]
    pub const fn hint(&self) -> Option<Duration> {
        match self.hint {
            Hint::Wait(wait) => Some(wait),
            Hint::Absent | Hint::Malformed => None,
        }
    }

    /// Returns whether the server sent a hint that cannot be understood.
    #[must_use]
    pub const fn is_hint_malformed(&self) -> bool {
        matches!(self.hint, Hint::Malformed)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition {
            Some(condition) => condition.fmt(f),
            None if self.answer => f.write_str("answer"),
            None => f.write_str("the caller's own error"),
        }
    }
}
