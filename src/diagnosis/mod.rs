//! From facts to meaning: what an outcome says about the server, the network and the request.

mod blame;
mod cached;
mod cause;
mod condition;
mod delivery;
mod fields;
mod hint;
mod issuer;
mod proxy_status;
mod rate_limit;
mod retry_after;
mod verdict;

use std::fmt;
use std::time::Duration;

pub(crate) use blame::Blame;
pub use cause::LookAt;
pub use condition::Condition;
pub use delivery::Delivery;
pub(crate) use hint::Hint;
pub use issuer::{Confidence, Issuer};

use http::{Method, StatusCode};

use crate::outcome::{Failure, Head, Outcome};
use cause::Cause;
use issuer::Finding;
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
///
/// Headers and pages that only one intermediary makes tell more than the status:
///
/// ```
/// # use std::time::SystemTime;
/// # use forbear::{Condition, Confidence, Delivery, Diagnosis, Issuer, LookAt, Outcome};
/// # use http::{HeaderMap, StatusCode};
/// let headers = HeaderMap::new();
/// let outcome = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, SystemTime::UNIX_EPOCH);
/// let page = b"upstream connect error or disconnect/reset before headers. reset reason: connection failure";
/// let diagnosis = Diagnosis::of(&outcome.body(page));
/// assert_eq!((diagnosis.issuer(), diagnosis.confidence()), (Issuer::Envoy, Confidence::Strong));
/// assert_eq!((diagnosis.condition(), diagnosis.delivery()), (Some(Condition::BadGateway), Delivery::NotDelivered));
/// assert_eq!(diagnosis.look_at(), Some(LookAt::Infrastructure));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    condition: Option<Condition>,
    answer: bool,
    /// Who issued it, how sure that is, why, and how far the request got.
    finding: Finding,
    hint: Hint,
    /// Whether the server says that it is not worth a try.
    forbids: bool,
    /// Whether the condition was read from evidence that anybody on the way can write.
    hearsay: bool,
}

impl Diagnosis {
    /// Diagnoses an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome<'_>) -> Self {
        let mut diagnosis = match outcome.result {
            Ok(head) => Self::of_head(head, outcome),
            Err(failure) => Self::of_failure(failure),
        };
        let may_be_repeated = outcome.method.is_some_and(Method::is_idempotent);
        // Of the last hop, when an earlier one was answered; of the last try, when an earlier one may have been delivered.
        if outcome.redirected || may_be_repeated && diagnosis.issuer().repeats() {
            diagnosis.finding.delivery = diagnosis.finding.delivery.or_worse(Delivery::Unknown);
        }
        diagnosis
    }

    fn of_failure(failure: Failure) -> Self {
        let condition = Condition::of_failure(failure);
        let cause = condition.map_or(Cause::Untold, |condition| Cause::of_condition(condition, Issuer::Unknown));
        let cause = if failure == Failure::ConnectPermanent { Cause::NotConnected } else { cause };
        let delivery = Delivery::of_failure(failure);
        Self { condition, answer: false, finding: Finding { cause, delivery, ..Finding::NOTHING }, ..Self::ANSWER }
    }

    fn of_head(head: Head<'_>, outcome: &Outcome<'_>) -> Self {
        if head.status.as_u16() < 400 {
            return Self::ANSWER;
        }
        let verdict = Verdict::of(head.headers);
        let limits_rate = head.status == StatusCode::TOO_MANY_REQUESTS
            || matches!(head.status, StatusCode::FORBIDDEN | StatusCode::SERVICE_UNAVAILABLE)
                && rate_limit::is_exhausted(head.headers);
        let by_status = Condition::of_status(head.status);
        let asked = match by_status {
            _ if verdict::is_challenge(head.headers) => Some(Condition::Permanent),
            _ if limits_rate => Some(Condition::RateLimited),
            None | Some(Condition::InternalError | Condition::Permanent) if verdict == Verdict::Retry => {
                Some(Condition::Unavailable)
            }
            by_status => by_status,
        };
        let Some(asked) = asked else { return Self::ANSWER };
        let mut finding = proxy_status::finding(head.headers).and_of(head.status, head.headers, outcome.body);
        let condition = finding.cause.condition(asked);
        if finding.cause == Cause::Untold || condition == Condition::RateLimited {
            finding.cause = Cause::of_condition(condition, finding.issuer);
        }
        if outcome.asked_for_json && head.status.as_u16() >= 500 {
            finding = finding.or_guessed_from(head.status, head.headers);
        }
        Self {
            condition: Some(condition),
            answer: false,
            finding,
            hint: Hint::of(head, limits_rate),
            forbids: verdict == Verdict::Never,
            hearsay: Some(condition) != by_status,
        }
    }

    const ANSWER: Self = Self {
        condition: None,
        answer: true,
        finding: Finding::NOTHING,
        hint: Hint::Absent,
        forbids: false,
        hearsay: false,
    };

    /// Returns the diagnosis with a condition that the user has chosen, and with the hint that an answer does not have.
    pub(crate) fn overruled(self, outcome: &Outcome<'_>, condition: Condition) -> Self {
        let hint = match outcome.result {
            Ok(head) => Hint::of(head, condition == Condition::RateLimited),
            Err(_) => self.hint,
        };
        let mut finding = self.finding;
        finding.cause = Cause::of_condition(condition, finding.issuer);
        Self { condition: Some(condition), answer: false, finding, hint, hearsay: false, ..self }
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
        self.finding.delivery
    }

    /// Returns who produced the failing response.
    #[must_use]
    pub const fn issuer(&self) -> Issuer {
        self.finding.issuer
    }

    /// Returns how sure that is.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        self.finding.confidence
    }

    /// Returns the names of what says so: of headers, `body`, or `status` for one that only this issuer uses.
    ///
    /// Never what is in them.
    pub fn evidence(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.finding.evidence.names()
    }

    /// Returns where the person on call looks first, or `None` for an answer and for the caller's own error.
    #[must_use]
    pub fn look_at(&self) -> Option<LookAt> {
        self.blame().map(Blame::look_at)
    }

    /// Returns one sentence for the person on call. It is hedged where the issuer is not at least
    /// [`Strong`](Confidence::Strong).
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        self.blame().map(Blame::advice)
    }

    /// Returns whose fault it is, or `None` for an answer and for the caller's own error.
    pub(crate) fn blame(&self) -> Option<Blame> {
        let Finding { cause, issuer, confidence, .. } = self.finding;
        self.condition.map(|_| Blame { cause, issuer, confidence })
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
            Some(condition) if self.issuer() == Issuer::Unknown => condition.fmt(f),
            Some(condition) => write!(f, "{condition}, issued by {} ({})", self.issuer(), self.confidence()),
            None if self.answer => f.write_str("answer"),
            None => f.write_str("the caller's own error"),
        }
    }
}
