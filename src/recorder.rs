//! An observer that remembers, for tests.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};

use crate::diagnosis::Condition;
use crate::event::{Event, EventKind, Observer};
use crate::incident::Incident;
use crate::policy::StopReason;
use crate::report::AttemptReport;

/// Remembers every event, so that a test can look at them. Clones share what they remember.
///
/// ```
/// # use forbear::{Endpoints, EventKind, Policy, Recorder, Scenario, StopReason};
/// let recorder = Recorder::new();
/// let endpoints = Endpoints::builder().observer(recorder.clone()).build()?;
/// Scenario::over(endpoints).at(0.0).receives(500).stops(StopReason::NoRetries);
///
/// let events = recorder.events();
/// assert_eq!(events[0].kind(), EventKind::Stop);
/// assert_eq!(events[0].to_string(), "stop fallback GET scenario.test attempt 1 of 3: 500 internal_error, no_retries");
/// # Ok::<(), forbear::EndpointsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<RecordedEvent>>>);

impl Recorder {
    /// Returns one that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what happened so far, the first event first.
    #[must_use]
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what happened so far, and forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<RecordedEvent> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let recorded = RecordedEvent {
            kind: event.kind(),
            call: event.call(),
            endpoint: event.endpoint().to_owned(),
            url_template: event.url_template().map(str::to_owned),
            method: event.method().clone(),
            server_address: event.server_address().to_owned(),
            server_port: event.server_port(),
            attempt: event.attempt(),
            max_attempts: event.max_attempts(),
            attempt_report: event.attempt_report().cloned(),
            reason: event.reason(),
            incident: event.incident().cloned(),
            elapsed: event.elapsed(),
            budget: event.budget(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }
}

/// What a [`Recorder`] remembers of an [`Event`]. Its getters are those of the event.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    kind: EventKind,
    call: u64,
    endpoint: String,
    url_template: Option<String>,
    method: Method,
    server_address: String,
    server_port: Option<u16>,
    attempt: u32,
    max_attempts: u32,
    attempt_report: Option<AttemptReport>,
    reason: Option<StopReason>,
    incident: Option<Incident>,
    elapsed: Option<Duration>,
    budget: Option<f64>,
}

impl RecordedEvent {
    /// As [`Event::kind`].
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// As [`Event::call`].
    #[must_use]
    pub const fn call(&self) -> u64 {
        self.call
    }

    /// As [`Event::endpoint`].
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// As [`Event::url_template`].
    #[must_use]
    pub fn url_template(&self) -> Option<&str> {
        self.url_template.as_deref()
    }

    /// As [`Event::method`].
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// As [`Event::server_address`].
    #[must_use]
    pub fn server_address(&self) -> &str {
        &self.server_address
    }

    /// As [`Event::server_port`].
    #[must_use]
    pub const fn server_port(&self) -> Option<u16> {
        self.server_port
    }

    /// As [`Event::attempt`].
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// As [`Event::max_attempts`].
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// As [`Event::attempt_report`].
    #[must_use]
    pub const fn attempt_report(&self) -> Option<&AttemptReport> {
        self.attempt_report.as_ref()
    }

    /// As [`Event::status`].
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.attempt_report()?.status()
    }

    /// Returns what was wrong, as [`AttemptReport::condition`].
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        self.attempt_report()?.condition()
    }

    /// As [`Event::reason`].
    #[must_use]
    pub const fn reason(&self) -> Option<StopReason> {
        self.reason
    }

    /// As [`Event::incident`].
    #[must_use]
    pub const fn incident(&self) -> Option<&Incident> {
        self.incident.as_ref()
    }

    /// As [`Event::elapsed`].
    #[must_use]
    pub const fn elapsed(&self) -> Option<Duration> {
        self.elapsed
    }

    /// As [`Event::budget`].
    #[must_use]
    pub const fn budget(&self) -> Option<f64> {
        self.budget
    }
}

/// One line, without times, so that a test may compare it.
impl fmt::Display for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, endpoint, method, server_address, attempt, max_attempts, .. } = self;
        write!(f, "{kind} {endpoint} {method} {server_address} attempt {attempt} of {max_attempts}")?;
        if let Some(status) = self.status() {
            write!(f, ": {}", status.as_u16())?;
        }
        if let Some(condition) = self.condition() {
            let separator = if self.status().is_some() { " " } else { ": " };
            write!(f, "{separator}{condition}")?;
        }
        self.reason.map_or(Ok(()), |reason| write!(f, ", {}", reason.as_str()))
    }
}
