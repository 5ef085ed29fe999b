//! A policy on made-up time, told as a story.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::call::Call;
use crate::endpoints::Endpoints;
use crate::now::Now;
use crate::outcome::{Failure, Outcome};
use crate::policy::{Decision, Policy, StopReason};
use crate::report::Report;

/// Plays calls over a policy and asserts what is decided. Needs no clock, no server and no time.
///
/// Each line says when an outcome arrives, what it is, and what must follow. When a line does not hold, the test
/// fails with the whole timeline. A call that has ended is followed by a new one, of the same method and URL
/// unless the story says otherwise, so that it can go on until the budget is spent.
///
/// ```
/// # use forbear::{Failure, Policy, Scenario, StopReason};
/// Scenario::new(Policy::default())
///     .at(0.0).receives(503).retries_within(0.5..=1.0)
///     .at(1.0).fails(Failure::Timeout).stops(StopReason::Budget); // credit is 3, a timeout costs 4
/// ```
pub struct Scenario {
    endpoints: Endpoints,
    method: Method,
    url: Uri,
    idempotent: Option<bool>,
    replayable: bool,
    seed: u64,
    call: Option<Call>,
    report: Option<Report>,
    /// When the attempt begins that the next outcome belongs to.
    begins: Duration,
    /// Whether the story said when its next call starts.
    announced: bool,
    timeline: String,
}

impl Scenario {
    /// Starts a story about GET requests whose body can be sent again.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::over(Endpoints::new(policy))
    }

    /// Starts a story about `endpoints`.
    #[must_use]
    pub fn over(endpoints: Endpoints) -> Self {
        Self {
            endpoints,
            method: Method::GET,
            url: Uri::from_static("http://scenario.test"),
            idempotent: None,
            replayable: true,
            seed: 0,
            call: None,
            report: None,
            begins: Duration::ZERO,
            announced: false,
            timeline: String::new(),
        }
    }

    /// Sets the method of the calls that follow.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets the URL of the calls that follow, by which they find their endpoint. Default `http://scenario.test`.
    ///
    /// # Panics
    ///
    /// If this is no URL.
    #[track_caller]
    #[must_use]
    pub fn url(mut self, url: &str) -> Self {
        match url.parse() {
            Ok(url) => self.url = url,
            Err(_) => self.fail(&format!("{url} is no URL")),
        }
        self
    }

    /// Marks the calls that follow as idempotent or not, whatever their method.
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// Says whether the bodies of the calls that follow can be sent again. Default `true`.
    #[must_use]
    pub fn replayable(mut self, replayable: bool) -> Self {
        self.replayable = replayable;
        self
    }

    /// Sets the seed of the calls that follow. Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts the next call so many seconds after the story began. Without this it starts when its first outcome
    /// arrives.
    ///
    /// # Panics
    ///
    /// If a call is waiting, or if the story is further on.
    #[track_caller]
    #[must_use]
    pub fn calls_at(mut self, seconds: f64) -> Self {
        let at = self.time(seconds);
        if self.call.is_some() || at < self.begins {
            self.fail(&format!("no call can start at {seconds} s"));
        }
        self.begins = at;
        self.announced = true;
        self
    }

    /// Goes to a time, in seconds since the story began. A retry began when the wait before it was over, so name a time
    /// that is no earlier than the longest wait before it.
    ///
    /// # Panics
    ///
    /// If that is earlier than the attempt could begin.
    #[track_caller]
    pub fn at(mut self, seconds: f64) -> ScenarioMoment {
        let at = self.time(seconds);
        if self.call.is_none() && !self.announced {
            self.begins = self.begins.max(at);
        }
        if at < self.begins {
            self.fail(&format!("at {seconds} s the attempt has not begun: the wait ends at {:?}", self.begins));
        }
        ScenarioMoment { scenario: self, at, headers: HeaderMap::new() }
    }

    /// Wakes the call so many seconds after the story began, too late to begin another attempt.
    ///
    /// # Panics
    ///
    /// If the attempt begins, or if the call is not waiting.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "a story may end here")]
    pub fn wakes_too_late_at(mut self, seconds: f64) -> Self {
        let at = self.time(seconds);
        let Some(mut call) = self.call.take() else { self.fail("no call is waiting") };
        self.note(at, "woke");
        if let Ok(attempt) = call.begin(Now::from_origin(at)) {
            self.fail(&format!("expected it to be too late, but attempt {} began", attempt.number()));
        }
        self.report = call.into_report();
        self
    }

    /// Drops the call that is waiting.
    #[expect(clippy::return_self_not_must_use, reason = "a story may end here")]
    pub fn abandons(mut self) -> Self {
        self.call = None;
        self.timeline.push_str("  dropped\n");
        self
    }

    /// Returns the report of the last call, if it has one.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.call.as_ref().map_or(self.report.as_ref(), Call::report)
    }

    /// Returns what happened so far, a line each.
    #[must_use]
    pub fn timeline(&self) -> &str {
        &self.timeline
    }

    #[track_caller]
    fn time(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds).unwrap_or_else(|_| self.fail(&format!("{seconds} s is no time")))
    }

    fn note(&mut self, at: Duration, what: &str) {
        let _never_fails = writeln!(self.timeline, "{:>10.3} s  {what}", at.as_secs_f64());
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "this is how an assertion fails")]
    fn fail(&self, message: &str) -> ! {
        panic!("{message}\n{}", self.timeline);
    }
}

/// Without the URL.
impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("endpoints", &self.endpoints)
            .field("method", &self.method)
            .field("call", &self.call)
            .field("timeline", &self.timeline)
            .finish_non_exhaustive()
    }
}

/// A time in a [`Scenario`] at which an outcome arrives.
#[must_use = "say what happens at this time"]
pub struct ScenarioMoment {
    scenario: Scenario,
    at: Duration,
    headers: HeaderMap,
}

impl ScenarioMoment {
    /// Adds a header to the response that is about to arrive.
    ///
    /// # Panics
    ///
    /// If this is no valid header.
    #[track_caller]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) else {
            self.scenario.fail(&format!("{name}: {value} is no header"));
        };
        self.headers.append(name, value);
        self
    }

    /// A response arrives. The wall clock says as many seconds after 1970 as the story is old.
    ///
    /// # Panics
    ///
    /// If the status is not between 100 and 999, or if the attempt could not begin.
    #[track_caller]
    pub fn receives(self, status: u16) -> ScenarioStep {
        let Ok(code) = StatusCode::from_u16(status) else { self.scenario.fail(&format!("{status} is no status")) };
        let received_at = UNIX_EPOCH.checked_add(self.at).unwrap_or(SystemTime::UNIX_EPOCH);
        let headers = self.headers.clone();
        self.outcome(&Outcome::response(code, &headers, received_at), &format!("receives {status}"))
    }

    /// The attempt fails without a response.
    ///
    /// # Panics
    ///
    /// If the attempt could not begin.
    #[track_caller]
    pub fn fails(self, failure: Failure) -> ScenarioStep {
        if !self.headers.is_empty() {
            self.scenario.fail("a failure has no headers");
        }
        self.outcome(&Outcome::failure(failure), &format!("fails with {failure:?}"))
    }

    #[track_caller]
    fn outcome(self, outcome: &Outcome<'_>, what: &str) -> ScenarioStep {
        let Self { mut scenario, at, .. } = self;
        let mut call = scenario.call.take().unwrap_or_else(|| {
            let mut builder = scenario.endpoints.call(&scenario.method, &scenario.url).replayable(scenario.replayable);
            if let Some(idempotent) = scenario.idempotent {
                builder = builder.idempotent(idempotent);
            }
            builder.start(Now::from_origin(scenario.begins), scenario.seed)
        });
        let Ok(attempt) = call.begin(Now::from_origin(scenario.begins)) else {
            scenario.note(scenario.begins, "too late to begin");
            scenario.fail("the attempt could not begin");
        };
        scenario.announced = false;
        let decision = call.on_outcome(outcome, Now::from_origin(at));
        scenario.note(at, &format!("attempt {} {what} → {decision}", attempt.number()));
        match &decision {
            Decision::Retry(retry) => {
                scenario.begins = at.saturating_add(retry.wait());
                scenario.call = Some(call);
            }
            Decision::Done(_) => {
                scenario.begins = at;
                scenario.report = call.into_report();
            }
        }
        ScenarioStep { scenario, decision }
    }
}

/// Without the headers.
impl fmt::Debug for ScenarioMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, at, .. } = self;
        f.debug_struct("ScenarioMoment").field("scenario", scenario).field("at", at).finish_non_exhaustive()
    }
}

/// What was decided in a [`Scenario`], to be asserted.
#[derive(Debug)]
#[must_use = "say what must follow"]
pub struct ScenarioStep {
    scenario: Scenario,
    decision: Decision,
}

impl ScenarioStep {
    /// Asserts a retry after a wait of so many seconds.
    ///
    /// # Panics
    ///
    /// If it is not retried, or after another wait.
    #[track_caller]
    pub fn retries_within(self, seconds: RangeInclusive<f64>) -> Scenario {
        match &self.decision {
            Decision::Retry(retry) if seconds.contains(&retry.wait().as_secs_f64()) => self.scenario,
            Decision::Retry(_) | Decision::Done(_) => {
                self.scenario.fail(&format!("expected a retry within {seconds:?} s, got: {}", self.decision))
            }
        }
    }

    /// Asserts that the failing outcome is handed back, and why.
    ///
    /// # Panics
    ///
    /// If it is retried, or stopped for another reason.
    #[track_caller]
    pub fn stops(self, reason: StopReason) -> Scenario {
        match &self.decision {
            Decision::Done(done) if done.reason() == Some(reason) => self.scenario,
            Decision::Done(_) | Decision::Retry(_) => {
                self.scenario.fail(&format!("expected a stop because of {reason:?}, got: {}", self.decision))
            }
        }
    }

    /// Asserts that this is the end and that there was nothing to decide: an answer, or the caller's own error.
    ///
    /// # Panics
    ///
    /// If it is retried, or stopped for a reason.
    #[track_caller]
    pub fn is_handed_back(self) -> Scenario {
        match &self.decision {
            Decision::Done(done) if done.reason().is_none() => self.scenario,
            Decision::Done(_) | Decision::Retry(_) => {
                self.scenario.fail(&format!("expected it to be handed back, got: {}", self.decision))
            }
        }
    }
}
