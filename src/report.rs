//! What happened to a call, attempt by attempt.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::{Extensions, Method, StatusCode};

use crate::diagnosis::{Condition, Diagnosis};
use crate::origin::Origin;
use crate::policy::{Retry, StopReason, WaitSource};

/// The history of a call that did not succeed at its first attempt.
///
/// Its `Display` is one line per attempt. It holds nothing that a server sent but statuses and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub(crate) method: Method,
    pub(crate) origin: Origin<'static>,
    pub(crate) endpoint: Cow<'static, str>,
    pub(crate) url_template: Option<String>,
    pub(crate) attempts: Vec<AttemptReport>,
    pub(crate) reason: Option<StopReason>,
    pub(crate) elapsed: Duration,
    /// When the last response arrived, for its hint.
    pub(crate) received_at: Option<SystemTime>,
}

impl Report {
    /// Returns the report that a response carries among its extensions, or `None` if the first attempt succeeded.
    ///
    /// Of responses of `http`, of reqwest, and of bare [`Extensions`].
    #[must_use]
    pub fn of(response: &impl Carrier) -> Option<&Self> {
        response.extensions().get()
    }

    /// Returns the method of the request.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the host of the request, in lower case.
    #[must_use]
    pub fn server_address(&self) -> &str {
        self.origin.host()
    }

    /// Returns the port of the request, or `None` if it gives none and its scheme has no default.
    #[must_use]
    pub const fn server_port(&self) -> Option<u16> {
        self.origin.port()
    }

    /// Returns the name of the endpoint, `fallback` for a request without one.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the template of the path, as the endpoint has it.
    #[must_use]
    pub fn url_template(&self) -> Option<&str> {
        self.url_template.as_deref()
    }

    /// Returns the attempts, the first one first.
    #[must_use]
    pub fn attempts(&self) -> &[AttemptReport] {
        &self.attempts
    }

    /// Returns why the last outcome was not retried, or `None` if it was an answer or the caller's own error.
    #[must_use]
    pub const fn reason(&self) -> Option<StopReason> {
        self.reason
    }

    /// Returns whether a retry was answered.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.attempts.last().is_some_and(|last| last.diagnosis.is_answer())
    }

    /// Returns the time from the start of the call to its end.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns how long the server asked to be left alone in its last response: its own wish, uncapped.
    ///
    /// [`Duration::MAX`] stands for longer than that.
    #[must_use]
    pub fn hint(&self) -> Option<Duration> {
        self.attempts.last()?.hint()
    }

    /// Writes how a call ended, as an error of it says: `GET http://orders.internal:80: no response after 3 attempts
    /// (connect_failed): no retries left for this condition`.
    #[cfg(any(feature = "reqwest", feature = "tower"))]
    pub(crate) fn fmt_end(&self, f: &mut fmt::Formatter<'_>, what: &dyn fmt::Display) -> fmt::Result {
        let attempts = self.attempts.len();
        let plural = if attempts == 1 { "" } else { "s" };
        write!(f, "{} {}: {what} after {attempts} attempt{plural}", self.method, self.origin)?;
        if let Some(condition) = self.attempts.last().and_then(AttemptReport::condition) {
            write!(f, " ({condition})")?;
        }
        self.reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }

    /// Returns when the server wants to be asked again, uncapped.
    ///
    /// `None` without a hint, and where the time cannot be represented; then [`hint`](Self::hint) still tells.
    #[must_use]
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.received_at?.checked_add(self.hint()?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let retry = if self.reason == Some(StopReason::Observe) { "would retry" } else { "retry" };
        for attempt in &self.attempts {
            f.write_str(separator)?;
            attempt.fmt_with(f, retry)?;
            separator = "\n";
        }
        match (self.reason, self.attempts.last()) {
            (Some(reason), Some(AttemptReport { retry: None, .. })) | (Some(reason @ StopReason::Observe), _) => {
                write!(f, "; stopped: {reason}")
            }
            (Some(reason), _) => write!(f, "; woke after {:.3} s, stopped: {reason}", self.elapsed.as_secs_f64()),
            (None, _) => Ok(()),
        }
    }
}

/// What may carry a report. Only types of other crates do, so there is no need to name it.
pub trait Carrier {
    /// Returns what travels with it.
    fn extensions(&self) -> &Extensions;
}

impl Carrier for Extensions {
    fn extensions(&self) -> &Extensions {
        self
    }
}

impl<B> Carrier for http::Response<B> {
    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

/// What came back from one attempt, and what was decided then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptReport {
    pub(crate) number: u32,
    pub(crate) status: Option<StatusCode>,
    pub(crate) diagnosis: Diagnosis,
    pub(crate) retry: Option<Retry>,
    pub(crate) elapsed: Duration,
}

impl AttemptReport {
    /// Returns its number, counted from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns the status of the response, or `None` if there was none.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns what was wrong, or `None` for an answer and for the caller's own error.
    #[must_use]
    pub const fn condition(&self) -> Option<Condition> {
        self.diagnosis.condition()
    }

    /// Returns what the outcome meant.
    #[must_use]
    pub const fn diagnosis(&self) -> &Diagnosis {
        &self.diagnosis
    }

    /// Returns how long the server asked to be left alone, uncapped.
    #[must_use]
    pub const fn hint(&self) -> Option<Duration> {
        self.diagnosis.hint()
    }

    /// Returns how long the call decided to wait after this attempt, or `None` if it ended here; under
    /// [`Mode::Observe`](crate::Mode::Observe) how long it would have waited.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.retry.as_ref().map(Retry::wait)
    }

    /// Returns who asked for that wait.
    #[must_use]
    pub fn wait_source(&self) -> Option<WaitSource> {
        self.retry.as_ref().map(Retry::source)
    }

    /// Returns the time from the start of the call to this outcome.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl fmt::Display for AttemptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_with(f, "retry")
    }
}

impl AttemptReport {
    fn fmt_with(&self, f: &mut fmt::Formatter<'_>, retries: &str) -> fmt::Result {
        write!(f, "attempt {} at {:.3} s: ", self.number, self.elapsed.as_secs_f64())?;
        match self.status {
            Some(status) if self.diagnosis.is_answer() => write!(f, "{}", status.as_u16())?,
            Some(status) => write!(f, "{} {}", status.as_u16(), self.diagnosis)?,
            None => write!(f, "{}", self.diagnosis)?,
        }
        if let Some(hint) = self.hint() {
            write!(f, ", server asks for {}", Seconds(hint))?;
        }
        if self.diagnosis.is_hint_malformed() {
            f.write_str(", hint not understood")?;
        }
        if let Some(retry) = &self.retry {
            write!(f, "; {retries} after {}", Seconds(retry.wait))?;
        }
        Ok(())
    }
}

/// A duration for people; the longest is not worth its digits.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX {
            f.write_str("an unbounded wait")
        } else {
            write!(f, "{:.3} s", self.0.as_secs_f64())
        }
    }
}
