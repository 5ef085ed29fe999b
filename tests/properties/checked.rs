//! A call that is held to the invariants at each of its steps, whoever makes them up.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use forbear::{
    Call, CallBuilder, Condition, Decision, Delivery, Diagnosis, Endpoints, Failure, Mode, Now, Outcome, Repeat,
    StopReason,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// Prices paid out of one budget, and what pays for them, in thousandths.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: u64,
    earn: u64,
    paid: u64,
    returned: u64,
    /// What must be left, however much above the start has drifted away.
    least: u64,
    latest: Duration,
}

impl Ledger {
    pub(crate) fn new(start: u64, earn: u64) -> Self {
        Self { start, earn, paid: 0, returned: 0, least: start, latest: Duration::ZERO }
    }

    /// Checks what is left: nothing else adds to it, and nothing else takes from it what is below the start.
    pub(crate) fn check_left(&self, credit: f64, now: Duration) {
        let seconds = |thousandths| Duration::from_millis(thousandths).as_secs_f64();
        let drift = seconds(self.start) * self.latest.max(now).as_secs_f64() / 100.0;
        let most = seconds(self.start + self.returned) - seconds(self.paid) + drift;
        let within = seconds(self.least) - 0.000_5..most + 0.000_5;
        assert!(within.contains(&credit), "{credit} left, {self:?}");
    }

    fn give_back(&mut self, credit: u64) {
        self.returned += credit;
        self.least = (self.least + credit).min(self.start);
    }

    fn pay(&mut self, price: u32, now: Duration) -> u64 {
        self.latest = self.latest.max(now); // a time that went backwards drifts nothing
        let price = (u64::from(price) * 1_000).min(self.start);
        self.paid += price;
        self.least = self.least.saturating_sub(price);
        let drift = u128::from(self.start) * self.latest.as_millis() / 100_000;
        let credit = u128::from(self.start + self.returned) + drift;
        assert!(u128::from(self.paid) <= credit, "paid {} of {credit}", self.paid);
        price
    }
}

/// What is said of a call before it starts.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) method: Method,
    pub(crate) word: Option<bool>,
    pub(crate) key: bool,
    pub(crate) replayable: bool,
    pub(crate) hidden_redirects: bool,
    pub(crate) max_elapsed: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) seed: u64,
}

impl Said {
    fn of<'a>(&self, mut call: CallBuilder<'a>) -> CallBuilder<'a> {
        let headers = HeaderMap::from_iter(self.key.then(|| (IDEMPOTENCY_KEY, HeaderValue::from_static("7f"))));
        call = call.headers(&headers).replayable(self.replayable).hidden_redirects(self.hidden_redirects);
        if let Some(word) = self.word {
            call = call.idempotent(word);
        }
        if let Some(max_elapsed) = self.max_elapsed {
            call = call.max_elapsed(max_elapsed);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        call
    }
}

/// What comes back from one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) result: Result<(StatusCode, HeaderMap, SystemTime), Failure>,
    pub(crate) body: Vec<u8>,
    pub(crate) redirected: bool,
}

impl Received {
    fn outcome(&self) -> Outcome<'_> {
        match &self.result {
            Ok((status, headers, at)) => Outcome::response(*status, headers, *at),
            Err(failure) => Outcome::failure(*failure),
        }
        .redirected(self.redirected)
        .body(&self.body)
    }

    /// Without what anybody on the way can write.
    fn bare<'h>(&self, none: &'h HeaderMap) -> Outcome<'h> {
        match &self.result {
            Ok((status, _, at)) => Outcome::response(*status, none, *at),
            Err(failure) => Outcome::failure(*failure),
        }
    }
}

/// What follows from a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    InFlight,
    /// A retry of this condition is due after this wait.
    Waits(Condition, Duration),
    Answered,
    /// The caller's own error.
    Blameless,
    Stopped(StopReason),
    /// Too late for even one attempt.
    NeverSent,
    /// Sent once, in [`Mode::Off`].
    Unseen,
}

pub(crate) struct CheckedCall {
    call: Call,
    said: Said,
    started: Duration,
    first: Duration,
    attempts: u32,
    retries: HashMap<Condition, u32>,
    paid: u64,
    /// The price of a retry that was decided.
    waiting: Option<u64>,
    in_flight: bool,
    /// Whether the attempt in flight is the last.
    last: bool,
}

impl CheckedCall {
    pub(crate) fn start(endpoints: &Endpoints, uri: &Uri, said: Said, now: Duration) -> Self {
        let call = said.of(endpoints.call(&said.method, uri)).start(at(now), said.seed);
        Self {
            call,
            said,
            started: now,
            first: now,
            attempts: 0,
            retries: HashMap::new(),
            paid: 0,
            waiting: None,
            in_flight: false,
            last: false,
        }
    }

    pub(crate) fn is_sent(&self) -> bool {
        self.attempts > 0
    }

    pub(crate) fn begin(&mut self, now: Duration, ledger: &mut Ledger) -> Next {
        let upcoming = self.call.upcoming(at(now));
        let begun = self.call.begin(at(now));
        assert_eq!(begun, upcoming);
        let elapsed = now.saturating_sub(self.started);
        let since_first = now.saturating_sub(self.first);
        let timeout = self.said.timeout.or(self.call.policy().timeout());
        let max_elapsed = self.said.max_elapsed.unwrap_or(self.call.policy().max_elapsed());
        let is_late = timeout.is_some_and(|timeout| elapsed >= timeout) || self.is_sent() && since_first > max_elapsed;
        assert_eq!(begun.is_err(), is_late, "attempt {} after {elapsed:?}", self.attempts + 1);
        let waiting = self.waiting.take();
        assert_eq!(waiting.is_some(), self.is_sent(), "only the first is sent undecided");
        let Ok(attempt) = begun else {
            ledger.give_back(waiting.unwrap_or_default());
            return if self.is_sent() { Next::Stopped(StopReason::NoTimeLeft) } else { Next::NeverSent };
        };
        if self.attempts == 0 {
            self.first = now;
        }
        self.attempts += 1;
        self.paid += waiting.unwrap_or_default();
        self.in_flight = true;
        self.last = attempt.is_last();
        assert_eq!(attempt.number(), self.attempts);
        assert!(self.attempts <= self.call.policy().max_attempts(), "{} attempts", self.attempts);
        assert!(attempt.timeout().is_none_or(|timeout| timeout > Duration::ZERO), "no time to send");
        assert!(attempt.timeout() <= attempt.time_left() || attempt.time_left().is_none(), "{attempt:?}");
        assert!(self.call.begin(at(now)).is_err(), "two attempts at once");
        Next::InFlight
    }

    pub(crate) fn on_outcome(&mut self, mode: Mode, received: &Received, now: Duration, ledger: &mut Ledger) -> Next {
        let outcome = received.outcome().method(&self.said.method);
        ledger.latest = ledger.latest.max(now);
        let decision = self.call.on_outcome(&outcome, at(now));
        self.in_flight = false;
        if mode == Mode::Off {
            assert!(matches!(decision, Decision::Done(ref done) if done.reason().is_none()), "{decision}");
            assert!(self.call.report().is_none(), "off costs nothing");
            return Next::Unseen;
        }
        let redirected = received.redirected || self.said.hidden_redirects;
        let diagnosis = Diagnosis::of(&outcome.redirected(redirected));
        let next = match decision {
            Decision::Done(done) => match done.reason() {
                Some(reason) => {
                    assert!(diagnosis.condition().is_some(), "{diagnosis} is stopped");
                    Next::Stopped(reason)
                }
                None => {
                    assert_eq!(diagnosis.condition(), None);
                    if diagnosis.is_answer() {
                        ledger.give_back(self.paid + ledger.earn);
                    }
                    if diagnosis.is_answer() { Next::Answered } else { Next::Blameless }
                }
            },
            Decision::Retry(retry) => {
                self.waiting = Some(self.check_retry(received, &diagnosis, retry.wait(), now, ledger));
                Next::Waits(diagnosis.condition().unwrap(), retry.wait())
            }
        };
        if !matches!(next, Next::Waits(..)) {
            let again = self.call.on_outcome(&Outcome::failure(Failure::Connect), at(now));
            assert!(matches!(again, Decision::Done(_)), "a call that has ended goes on");
            assert!(self.call.begin(at(now)).is_err(), "a call that has ended sends again");
        }
        next
    }

    /// Drops the call, wherever it is, and returns whether it is abandoned by that.
    pub(crate) fn drop(self, ledger: &mut Ledger) -> bool {
        ledger.give_back(self.waiting.unwrap_or_default());
        self.in_flight || self.waiting.is_some()
    }

    /// Returns what was paid for it.
    fn check_retry(
        &mut self,
        received: &Received,
        diagnosis: &Diagnosis,
        wait: Duration,
        now: Duration,
        ledger: &mut Ledger,
    ) -> u64 {
        let (policy, said) = (self.call.policy(), &self.said);
        let condition = diagnosis.condition().unwrap();
        let rule = policy.rule(condition);
        assert!(!self.last, "the request was given away");
        assert!(wait >= diagnosis.hint().unwrap_or_default(), "earlier than the hint");
        assert!(wait >= rule.backoff().delay(self.attempts) / 2, "earlier than half of the backoff");
        let max_elapsed = said.max_elapsed.unwrap_or(policy.max_elapsed());
        let begins = now.saturating_sub(self.first).saturating_add(wait);
        assert!(begins <= max_elapsed, "begins after {begins:?}");
        assert!(!diagnosis.is_retry_forbidden(), "the server forbids it");
        assert!(said.replayable, "a body was sent twice");
        let retries = self.retries.entry(condition).or_default();
        *retries += 1;
        assert!(*retries <= rule.retries(), "{retries} retries for {condition}");

        // No header makes a request repeatable, whatever it proves, unless somebody opted in to trust one.
        let none = HeaderMap::new();
        let bare = Diagnosis::of(&received.bare(&none)).condition();
        let any_method = |condition| policy.rule(condition).repeat() == Repeat::Any;
        let is_proven = if policy.trust_delivery() {
            any_method(condition) || diagnosis.delivery() == Delivery::NotDelivered
        } else {
            bare.is_some_and(any_method)
        };
        let is_disproven = received.redirected || said.hidden_redirects || diagnosis.delivery() == Delivery::Processed;
        let is_idempotent = said.word.unwrap_or(said.key || said.method.is_idempotent());
        assert!(is_idempotent || is_proven && !is_disproven, "{} repeated on {condition}", said.method);
        ledger.pay(rule.price(), now)
    }
}

fn at(now: Duration) -> Now {
    Now::from_origin(now)
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
