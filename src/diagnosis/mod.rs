//! From facts to meaning: what an outcome says about the server, the network and the request.

mod condition;
mod delivery;
mod hint;
mod retry_after;

use std::fmt;
use std::time::Duration;

pub use condition::Condition;
pub use delivery::Delivery;
pub(crate) use hint::Hint;

use crate::outcome::Outcome;

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
}

impl Diagnosis {
    /// Diagnoses an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome<'_>) -> Self {
        let (condition, answer, delivery, hint) = match outcome.result {
            Ok(head) => {
                let condition = Condition::of_status(head.status);
                // A hint on an answer, as on a 301 or a 404, is no concern of a retry.
                let hint = condition.map_or(Hint::Absent, |_| Hint::of(head));
                (condition, condition.is_none(), Delivery::Unknown, hint)
            }
            Err(failure) => (Condition::of_failure(failure), false, Delivery::of_failure(failure), Hint::Absent),
        };
        // After a redirect the outcome is that of the last hop, and an earlier one was answered.
        let delivery = if outcome.redirected { Delivery::Unknown } else { delivery };
        Self { condition, answer, delivery, hint }
    }

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
