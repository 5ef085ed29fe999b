//! The machine of one call. Every transition of its state is in this file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::attempt::{Attempt, TooLate};
use crate::budget::Payment;
use crate::diagnosis::{Condition, Delivery, Diagnosis};
use crate::endpoint::EndpointState;
use crate::event::{Event, EventKind, Listener};
use crate::host::Host;
use crate::incident::Incident;
use crate::now::Now;
use crate::outcome::Outcome;
use crate::policy::{Decision, Done, Mode, Policy, Repeat, Retry, Rule, Ruling, StopReason, Wait};
use crate::report::{AttemptReport, Report};

/// One call: decides after each outcome whether there is another attempt, and when.
///
/// It does no I/O. Whoever drives it keeps this contract:
///
/// 1. [`begin`](Self::begin) before each attempt, the first one included. If it refuses, send nothing and hand back
///    what came last. What takes its time and is done to each request, such as fetching a token, goes before it:
///    [`upcoming`](Self::upcoming) tells what it is for.
/// 2. Send, for at most [`Attempt::timeout`] until the head of the response. What came before is dropped first, so that its
///    connection is free.
/// 3. [`on_outcome`](Self::on_outcome) with what came. On [`Decision::Retry`] wait at least as long as it says, then
///    begin again; on [`Decision::Done`] hand back what came.
/// 4. The reading of the body is for no longer than [`Attempt::time_left`] after the attempt began, if that is limited. A
///    body that breaks is not an outcome: the server has answered.
///
/// To drop a call is safe at any point: the price of a retry that was not sent goes back to the budget.
///
/// A whole loop, over a client that blocks. The examples `sdk_hyper` and `sdk_ureq` are whole SDKs:
///
/// ```
/// # use std::time::{Duration, Instant, SystemTime};
/// # use forbear::{Attempt, Decision, Endpoints, Failure, Now, Outcome};
/// # use http::{HeaderMap, Method, Request, Response, StatusCode};
/// # struct Transport;
/// # impl Transport {
/// #     fn send(&self, _: &Request<Vec<u8>>, _: Option<Duration>) -> Result<Response<Vec<u8>>, Failure> {
/// #         Ok(Response::new(Vec::new()))
/// #     }
/// # }
/// fn send(
///     endpoints: &Endpoints,
///     origin: Instant, // one for all calls on these endpoints
///     transport: &Transport,
///     request: &Request<Vec<u8>>,
///     seed: u64, // random, for instance from `getrandom::u64()`
/// ) -> Result<Response<Vec<u8>>, Failure> {
///     let now = || Now::from_origin(origin.elapsed());
///     let mut call = endpoints
///         .call(request.method(), request.uri())
///         .headers(request.headers()) // for `Idempotency-Key`
///         .replayable(true) // the body is bytes
///         .start(now(), seed);
///     let mut last = None;
///     while let Ok(attempt) = call.begin(now()) {
///         drop(last.take()); // its connection is not held through the next attempt
///         let result = transport.send(request, attempt.timeout());
///         let outcome = match &result {
///             Ok(response) => Outcome::response(response.status(), response.headers(), SystemTime::now()),
///             Err(failure) => Outcome::failure(*failure),
///         };
///         let decision = call.on_outcome(&outcome, now());
///         last = Some(result); // handed back if the retry cannot start after all
///         match decision {
///             Decision::Retry(retry) => std::thread::sleep(retry.wait()),
///             Decision::Done(_) => break,
///         }
///     }
///     last.unwrap_or(Err(Failure::Timeout)) // too late for even one attempt: only with a `timeout`
/// }
/// # let request = Request::get("http://orders.internal").body(Vec::new()).unwrap();
/// # assert_eq!(send(&Endpoints::default(), Instant::now(), &Transport, &request, 7).unwrap().status(), 200);
/// ```
pub struct Call {
    terms: Terms,
    seed: u64,
    rng: fastrand::Rng,
    started: Now,
    /// When the first attempt began.
    first: Now,
    state: State,
    /// Attempts begun.
    attempts: u32,
    /// For retries that were sent.
    paid: Payment,
    /// From the first failing outcome on. Boxed: most calls never have one.
    report: Option<Box<Report>>,
    /// Whether the observer is being told: one that panics is not told again while the call is dropped.
    speaking: bool,
}

/// What a call is about and what it may do.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) host: Arc<Host>,
    /// Instead of the host's fallback.
    pub(crate) endpoint: Option<Arc<EndpointState>>,
    pub(crate) observer: Listener,
    pub(crate) method: Method,
    pub(crate) mode: Mode,
    /// Instead of the endpoint's.
    pub(crate) policy: Option<Policy>,
    /// Instead of the policy's.
    pub(crate) max_elapsed: Option<Duration>,
    /// Instead of the policy's.
    pub(crate) timeout: Option<Duration>,
    pub(crate) idempotent: bool,
    pub(crate) replayable: bool,
    pub(crate) hidden_redirects: bool,
}

impl Terms {
    fn endpoint(&self) -> &EndpointState {
        self.endpoint.as_deref().unwrap_or(&self.host.fallback)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    Ready,
    /// An attempt was begun and has no outcome yet.
    InFlight,
    /// A retry was decided and paid for, but not sent yet.
    Waiting(Payment),
    Ended,
}

impl Call {
    pub(crate) fn start(terms: Terms, now: Now, seed: u64) -> Self {
        Self {
            terms,
            seed,
            rng: fastrand::Rng::with_seed(seed),
            started: now,
            first: now,
            state: State::Ready,
            attempts: 0,
            paid: Payment::NONE,
            report: None,
            speaking: false,
        }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    ///
    /// Refuses when it is too late for another attempt, however that came about: a sleep that took too long, a
    /// suspended machine (if the caller's clock counts that; std's does not on Linux and macOS). Refuses too when no decision permits one, as on a call that has ended.
    pub fn begin(&mut self, now: Now) -> Result<Attempt, TooLate> {
        let attempt = self.upcoming(now).inspect_err(|_| self.refuse(now))?;
        match self.state {
            State::Ready => self.first = now,
            State::Waiting(payment) => {
                self.terms.endpoint().counters.on_wait_over();
                self.paid = self.paid.and(payment);
            }
            State::InFlight | State::Ended => {}
        }
        self.attempts = attempt.number;
        self.state = State::InFlight;
        Ok(attempt)
    }

    /// Ends a call whose next attempt cannot start any more: the time is up.
    pub(crate) fn refuse(&mut self, now: Now) {
        match self.state {
            State::Ready => self.state = State::Ended,
            State::Waiting(payment) => {
                let endpoint = self.terms.endpoint();
                endpoint.budget.give_back(payment);
                endpoint.incidents.on_lost(StopReason::NoTimeLeft);
                endpoint.counters.on_wait_over();
                self.stop(StopReason::NoTimeLeft, now);
            }
            State::InFlight | State::Ended => {}
        }
    }

    /// Returns the attempt that [`begin`](Self::begin) would begin, and changes nothing.
    ///
    /// For what has to be done to the request first, such as signing it anew. That may take its time: `begin` asks again
    /// whether there is any left.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn upcoming(&self, now: Now) -> Result<Attempt, TooLate> {
        let elapsed = now.saturating_since(self.started);
        let timeout = self.timeout();
        let in_time = timeout.is_none_or(|timeout| elapsed < timeout);
        let retry = match self.state {
            State::Ready if in_time => None,
            State::Waiting(_) if in_time && now.saturating_since(self.first) <= self.max_elapsed() => self.last_retry(),
            State::Ready | State::Waiting(_) | State::InFlight | State::Ended => return Err(TooLate(())),
        };
        let number = self.attempts.saturating_add(1);
        let time_left = timeout.map(|timeout| timeout.saturating_sub(elapsed));
        let of_retries = self.max_elapsed().saturating_sub(now.saturating_since(self.first));
        let time_to_start = match retry {
            None => time_left,
            Some(_) => Some(time_left.map_or(of_retries, |left| left.min(of_retries))),
        };
        Ok(Attempt {
            number,
            retry,
            timeout: [self.policy().attempt_timeout(), time_left].into_iter().flatten().min(),
            time_left,
            time_to_start,
            last: self.terms.mode != Mode::On || !self.terms.replayable || !self.may_repeat_after(number),
        })
    }

    /// Returns the retry that was decided last.
    fn last_retry(&self) -> Option<Retry> {
        self.report.as_ref()?.attempts.last()?.retry.clone()
    }

    /// Decides what follows from an outcome of the attempt that was begun.
    ///
    /// Without an attempt in flight nothing is decided, and the call is done.
    pub fn on_outcome(&mut self, outcome: &Outcome<'_>, now: Now) -> Decision {
        if self.state != State::InFlight {
            return Decision::Done(Done { reason: None });
        }
        if self.is_off() {
            self.state = State::Ended;
            return Decision::Done(Done { reason: None });
        }
        // What is not seen may have happened.
        let redirected = outcome.redirected || self.terms.hidden_redirects;
        let outcome = &outcome.clone().redirected(redirected);
        let (diagnosis, user_forbids) = self.diagnose(outcome);
        let Some(condition) = diagnosis.condition() else {
            return self.end(outcome, diagnosis, now);
        };
        self.terms.endpoint().counters.on_no_answer();
        let rule = self.policy().rule(condition);
        let retry = self.retry(condition, rule, &diagnosis, user_forbids, redirected, now);
        let endpoint = self.terms.endpoint();
        let retry = match retry {
            Ok((retry, payment)) if self.terms.mode == Mode::Observe => {
                endpoint.budget.give_back(payment);
                Err((Some(retry), StopReason::Observe))
            }
            retry => retry.map_err(|reason| (None, reason)),
        };
        let incident = endpoint.incidents.on_failure(&diagnosis, retry.as_ref().err().map(|(_, reason)| *reason), now);
        let decision = match retry {
            Ok((retry, payment)) => {
                self.record(outcome, diagnosis, Some(retry.clone()), now);
                self.state = State::Waiting(payment);
                self.terms.endpoint().counters.on_retry(condition);
                self.say(EventKind::Retry, None, Some(now));
                Decision::Retry(retry)
            }
            Err((observed, reason)) => {
                self.record(outcome, diagnosis, observed, now);
                self.stop(reason, now);
                Decision::Done(Done { reason: Some(reason) })
            }
        };
        self.say_incident(incident, now);
        decision
    }

    /// Returns what happened so far, or `None` while nothing has failed.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// Takes what happened, or `None` if nothing has failed. Ends a call that has not ended, as a drop does.
    #[must_use]
    pub fn into_report(mut self) -> Option<Report> {
        self.take_report()
    }

    pub(crate) fn take_report(&mut self) -> Option<Report> {
        self.report.take().map(|report| *report)
    }

    /// Returns the name of its endpoint, `fallback` if no other is for its request.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.terms.endpoint().name
    }

    /// Returns the template of its path, as its endpoint has it: OpenTelemetry's `url.template`.
    #[must_use]
    pub fn url_template(&self) -> Option<&str> {
        self.terms.endpoint().url_template.as_deref()
    }

    /// Returns the policy that applies, but for the limits of time that the call has of its own.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.terms.policy.as_ref().unwrap_or(&self.terms.endpoint().policy)
    }

    /// Diagnoses an outcome, and hears what the user has to say of one that is no success.
    fn diagnose(&self, outcome: &Outcome<'_>) -> (Diagnosis, bool) {
        let outcome = &outcome.clone().method(&self.terms.method);
        let diagnosis = Diagnosis::of(outcome);
        let is_success = outcome.status().is_some_and(|status| status.as_u16() < 400);
        let is_callers_own = outcome.status().is_none() && diagnosis.condition().is_none();
        let Some(classifier) = self.policy().classifier().filter(|_| !is_success && !is_callers_own) else {
            return (diagnosis, false);
        };
        match classifier.classify(outcome, &diagnosis) {
            Ruling::AsDiagnosed => (diagnosis, false),
            Ruling::Is(condition) => (diagnosis.overruled(outcome, condition), false),
            Ruling::NoRetry => (diagnosis, true),
        }
    }

    /// Asks the questions in order, the cheapest first. The budget is last, so that a refusal elsewhere costs nothing.
    fn retry(
        &mut self,
        condition: Condition,
        rule: Rule,
        diagnosis: &Diagnosis,
        user_forbids: bool,
        redirected: bool,
        now: Now,
    ) -> Result<(Retry, Payment), StopReason> {
        if rule.retries() == 0 {
            return Err(StopReason::NoRetries);
        }
        if diagnosis.is_retry_forbidden() {
            return Err(StopReason::ServerForbids);
        }
        if user_forbids {
            return Err(StopReason::UserForbids);
        }
        if !self.terms.idempotent && !self.is_unprocessed(rule, diagnosis, redirected) {
            return Err(StopReason::NotSafeToRepeat);
        }
        if !self.terms.replayable {
            return Err(StopReason::NotReplayable);
        }
        if self.retries_for(condition) >= rule.retries() {
            return Err(StopReason::RuleAttempts);
        }
        if self.attempts >= self.policy().max_attempts() {
            return Err(StopReason::Attempts);
        }
        let delay = rule.backoff().delay(self.attempts); // this attempt's number is that of the retry
        let wait = Wait::plan(delay, diagnosis.hint(), self.time_left(now))?;
        let Some(payment) = self.terms.endpoint().budget.pay(rule.price(), now) else {
            return Err(StopReason::Budget);
        };
        Ok((Retry { wait: wait.draw(&mut self.rng), source: wait.source }, payment))
    }

    /// Returns whether it is proven that no hop has processed the request.
    fn is_unprocessed(&self, rule: Rule, diagnosis: &Diagnosis, redirected: bool) -> bool {
        let trusted = self.policy().trust_delivery();
        let by_condition = rule.repeat() == Repeat::Any && (trusted || !diagnosis.is_hearsay());
        let by_delivery = trusted && diagnosis.delivery() == Delivery::NotDelivered;
        let disproven = redirected || diagnosis.delivery() == Delivery::Processed;
        !disproven && (by_condition || by_delivery)
    }

    fn retries_for(&self, condition: Condition) -> u32 {
        let attempts = self.report.iter().flat_map(|report| report.attempts());
        u32::try_from(attempts.filter(|attempt| attempt.condition() == Some(condition)).count()).unwrap_or(u32::MAX)
    }

    #[cfg(any(feature = "reqwest", feature = "tower"))]
    pub(crate) fn set_replayable(&mut self, replayable: bool) {
        self.terms.replayable = replayable;
    }

    #[cfg(any(feature = "reqwest", feature = "tower"))]
    pub(crate) const fn started(&self) -> Now {
        self.started
    }

    /// Returns whether the first attempt could lead to another, if the body could be replayed.
    #[cfg(feature = "reqwest")]
    pub(crate) fn may_repeat(&self) -> bool {
        self.may_repeat_after(1)
    }

    /// Returns whether any outcome of so many attempts could lead to another, if the body could be replayed.
    fn may_repeat_after(&self, attempts: u32) -> bool {
        !self.is_off()
            && (self.terms.idempotent || !self.terms.hidden_redirects)
            && attempts < self.policy().max_attempts()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.terms.mode == Mode::Off
    }

    fn max_elapsed(&self) -> Duration {
        self.terms.max_elapsed.unwrap_or(self.policy().max_elapsed())
    }

    fn timeout(&self) -> Option<Duration> {
        self.terms.timeout.or(self.policy().timeout())
    }

    /// Returns the longest wait after which another attempt may still start.
    fn time_left(&self, now: Now) -> Duration {
        // To start when the time of the call is up is of no use.
        let limit = self.timeout().map_or(Duration::MAX, |timeout| timeout.saturating_sub(Duration::from_nanos(1)));
        let of_the_call = limit.saturating_sub(now.saturating_since(self.started));
        of_the_call.min(self.max_elapsed().saturating_sub(now.saturating_since(self.first)))
    }

    /// Ends with an answer, or with the caller's own error.
    fn end(&mut self, outcome: &Outcome<'_>, diagnosis: Diagnosis, now: Now) -> Decision {
        let answer = diagnosis.is_answer();
        self.state = State::Ended;
        let is_retried = self.report.is_some();
        let endpoint = self.terms.endpoint();
        let mut incident = None;
        if answer {
            endpoint.budget.succeed(self.paid, now);
            incident = endpoint.incidents.on_success(is_retried, now);
            endpoint.counters.on_answer(is_retried);
        } else {
            endpoint.counters.on_no_answer();
        }
        if is_retried {
            self.record(outcome, diagnosis, None, now);
            if answer {
                self.say(EventKind::Recovered, None, Some(now));
            }
        }
        self.say_incident(incident, now);
        Decision::Done(Done { reason: None })
    }

    /// Ends with a failing outcome.
    fn stop(&mut self, reason: StopReason, now: Now) {
        self.state = State::Ended;
        self.terms.endpoint().counters.on_stop(reason);
        if let Some(report) = &mut self.report {
            report.reason = Some(reason);
            report.elapsed = now.saturating_since(self.started);
        }
        self.say(EventKind::Stop, Some(reason), Some(now));
    }

    fn record(&mut self, outcome: &Outcome<'_>, diagnosis: Diagnosis, retry: Option<Retry>, now: Now) {
        let elapsed = now.saturating_since(self.started);
        let terms = &self.terms;
        let report = self.report.get_or_insert_with(|| {
            Box::new(Report {
                method: terms.method.clone(),
                origin: terms.host.origin.clone(),
                endpoint: terms.endpoint().name.clone(),
                url_template: terms.endpoint().url_template.clone(),
                attempts: Vec::new(),
                reason: None,
                elapsed,
                received_at: None,
            })
        });
        report.attempts.push(AttemptReport {
            number: self.attempts,
            status: outcome.status(),
            diagnosis,
            retry,
            elapsed,
        });
        report.elapsed = elapsed;
        report.received_at = outcome.result.as_ref().ok().map(|head| head.received_at);
    }

    fn say(&mut self, kind: EventKind, reason: Option<StopReason>, now: Option<Now>) {
        self.say_with(kind, reason, None, now);
    }

    fn say_incident(&mut self, incident: Option<Incident>, now: Now) {
        if let Some(incident) = incident {
            self.say_with(incident.stage().into(), None, Some(&incident), Some(now));
        }
    }

    fn say_with(&mut self, kind: EventKind, reason: Option<StopReason>, incident: Option<&Incident>, now: Option<Now>) {
        let attempt_report = match self.state {
            State::InFlight => None,
            State::Ready | State::Waiting(_) | State::Ended => {
                self.report.as_ref().and_then(|report| report.attempts.last())
            }
        };
        let condition = attempt_report.and_then(AttemptReport::condition);
        let is_provable = condition.is_some_and(|it| self.policy().rule(it).repeat() == Repeat::Any);
        self.speaking = true;
        self.terms.observer.on_event(&Event {
            kind,
            call: self.seed,
            endpoint: self.terms.endpoint(),
            origin: &self.terms.host.origin,
            method: &self.terms.method,
            attempt: self.attempts,
            max_attempts: self.policy().max_attempts(),
            attempt_report,
            reason,
            blinded: reason == Some(StopReason::NotSafeToRepeat) && self.terms.hidden_redirects && is_provable,
            incident,
            elapsed: now.map(|now| now.saturating_since(self.started)),
            budget: now.map(|now| self.terms.endpoint().budget.balance(now)),
        });
        self.speaking = false;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let endpoint = self.terms.endpoint();
        match self.state {
            State::Ready | State::Ended => return,
            State::InFlight => {} // what was sent is paid for
            State::Waiting(payment) => {
                endpoint.budget.give_back(payment);
                endpoint.counters.on_wait_over();
            }
        }
        if self.is_off() {
            return;
        }
        if self.state == State::InFlight {
            endpoint.counters.on_no_answer();
        }
        endpoint.counters.on_abandon();
        if !self.speaking {
            self.say(EventKind::Abandoned, None, None);
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("seed", &self.seed)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
