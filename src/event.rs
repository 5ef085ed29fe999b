//! What is said, as data. Who listens decides what becomes of it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::endpoint::EndpointState;
use crate::incident::{Incident, Stage};
use crate::origin::Origin;
use crate::policy::StopReason;
use crate::report::AttemptReport;

/// Listens to everything that is decided.
///
/// Called on the thread that drives the call, with no lock held; what is slow here slows the call, and what panics here
/// panics there. Closures are observers too.
///
/// ```
/// # use forbear::{Endpoints, Event};
/// let endpoints = Endpoints::builder().observer(|event: &Event<'_>| println!("{}", event.kind())).build()?;
/// # let _ = endpoints;
/// # Ok::<(), forbear::EndpointsError>(())
/// ```
pub trait Observer: Send + Sync {
    /// Is told of one event.
    fn on_event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}

impl Observer for Arc<dyn Observer> {
    fn on_event(&self, event: &Event<'_>) {
        (**self).on_event(event);
    }
}

/// An observer that is shared.
#[derive(Clone)]
pub(crate) struct Listener(Arc<dyn Observer>);

impl Listener {
    pub(crate) fn new(observer: impl Observer + 'static) -> Self {
        Self(Arc::new(observer))
    }

    pub(crate) fn on_event(&self, event: &Event<'_>) {
        self.0.on_event(event);
    }
}

/// Nothing of ours is half done while an observer is told, so that one that panics leaves all as it should be.
impl UnwindSafe for Listener {}
impl RefUnwindSafe for Listener {}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// One thing that was decided. It carries no path, query, user information, header value or body.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub(crate) kind: EventKind,
    pub(crate) call: u64,
    pub(crate) endpoint: &'a EndpointState,
    pub(crate) origin: &'a Origin<'static>,
    pub(crate) method: &'a Method,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) attempt_report: Option<&'a AttemptReport>,
    pub(crate) reason: Option<StopReason>,
    /// That redirects are hidden is all that was in the way of a retry.
    pub(crate) blinded: bool,
    pub(crate) incident: Option<&'a Incident>,
    pub(crate) elapsed: Option<Duration>,
    pub(crate) budget: Option<f64>,
}

impl Event<'_> {
    /// Returns what happened.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the id of the call, which joins its events: the seed that it was given.
    #[must_use]
    pub const fn call(&self) -> u64 {
        self.call
    }

    /// Returns the name of the endpoint, `fallback` for a request without one.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint.name
    }

    /// Returns the template of the path, as the endpoint has it.
    #[must_use]
    pub fn url_template(&self) -> Option<&str> {
        self.endpoint.url_template.as_deref()
    }

    /// Returns the method of the request.
    #[must_use]
    pub const fn method(&self) -> &Method {
        self.method
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

    /// Returns the number of the attempt that this is about, counted from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the largest number of attempts that the policy allows.
    #[must_use]
    pub const fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Returns what came back from the attempt, or `None` if it is still in flight.
    #[must_use]
    pub const fn attempt_report(&self) -> Option<&AttemptReport> {
        self.attempt_report
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.attempt_report?.status()
    }

    /// Returns why a failing outcome was not retried.
    #[must_use]
    pub const fn reason(&self) -> Option<StopReason> {
        self.reason
    }

    /// Returns what the developer of the client can do about that, if anything: as [`StopReason::remedy`], but where redirects
    /// that the client cannot see are all that was in the way.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        if self.blinded {
            return Some(
                "let the client see redirects, or rule them out; or send Idempotency-Key or mark the request idempotent",
            );
        }
        self.reason?.remedy()
    }

    /// Returns what the endpoint's failures add up to, if this is about an incident. The rest of the event is then about the
    /// call that showed it.
    #[must_use]
    pub const fn incident(&self) -> Option<&Incident> {
        self.incident
    }

    /// Returns the time since the start of the call, or `None` for a call that was dropped: nothing tells it the time.
    #[must_use]
    pub const fn elapsed(&self) -> Option<Duration> {
        self.elapsed
    }

    /// Returns the credit of the endpoint's budget, after this decision; [`f64::INFINITY`] if it is unlimited.
    #[must_use]
    pub const fn budget(&self) -> Option<f64> {
        self.budget
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A retry was decided.
    Retry,
    /// A failing outcome is handed back.
    Stop,
    /// A call succeeded after at least one retry.
    Recovered,
    /// A call was dropped in flight or waiting, or ended by its own hook or service.
    Abandoned,
    /// An endpoint began to fail.
    IncidentOpened,
    /// It still fails: said after 30 s, then at doubling intervals up to 10 min.
    IncidentContinues,
    /// It is well again, or nothing was heard of it for too long to know.
    IncidentClosed,
}

impl EventKind {
    /// Returns the message of the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Stop => "stop",
            Self::Recovered => "recovered",
            Self::Abandoned => "abandoned",
            Self::IncidentOpened => "incident opened",
            Self::IncidentContinues => "incident continues",
            Self::IncidentClosed => "incident closed",
        }
    }
}

impl From<Stage> for EventKind {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Opened => Self::IncidentOpened,
            Stage::Continues => Self::IncidentContinues,
            Stage::Closed => Self::IncidentClosed,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
