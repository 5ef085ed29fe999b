//! Holds what the callers were told against what the server saw and did.

use std::time::{Duration, Instant};

use forbear::{Condition, Delivery, EventKind, Policy, StopReason};

use crate::caller::{End, Received, Said, Told, Tried};
use crate::log::{Log, Sighting};
use crate::plan::{ATTEMPT_TIMEOUT, Plan, Way};

/// Checks a call, and returns of how many requests one thing only could be told.
///
/// # Errors
///
/// What is wrong, with all that is known of the call.
pub(crate) fn check(seed: u64, told: &Told, log: &Log) -> Result<usize, String> {
    let plan = Plan::of(seed, told.call);
    let seen: Vec<&Sighting> = log.of_call(told.call).collect();
    let mut attempts = told.attempts.clone();
    if let (true, End::Response(received)) = (attempts.is_empty(), &told.end) {
        let status = Some(received.status);
        attempts.push(Tried { status, condition: None, delivery: Delivery::Processed, hint: None, wait: None });
    }
    let case = Case { policy: plan.limits.policy(), plan, told, attempts, seen };
    let exact = case.seen.iter().filter(|seen| seen.until(told.ended_at).is_exact()).count();
    case.all().map(|()| exact).map_err(|what| {
        let Case { plan, seen, .. } = &case;
        let seen: String = seen.iter().map(|seen| format!("\n  {seen:?}")).collect();
        format!("call {} of seed {seed}: {what}\n  {plan:?}\n  {told:?}{seen}", told.call)
    })
}

/// A call from both sides.
struct Case<'a> {
    plan: Plan,
    policy: Policy,
    told: &'a Told,
    /// At least one.
    attempts: Vec<Tried>,
    seen: Vec<&'a Sighting>,
}

impl Case<'_> {
    fn all(&self) -> Result<(), String> {
        ensure(!self.attempts.is_empty(), "there is neither a response nor a report")?;
        self.attempts_are_as_many_as_allowed()?;
        self.no_write_is_repeated_that_may_have_been_processed()?;
        self.every_request_is_the_same()?;
        self.each_request_belongs_to_an_attempt_that_tells_of_it()?;
        self.waits_are_as_promised()?;
        self.the_reason_is_true()?;
        self.events_tell_the_same()?;
        self.the_end_is_the_last_attempts()
    }

    fn attempts_are_as_many_as_allowed(&self) -> Result<(), String> {
        let most = self.most_attempts();
        let (told, seen) = (self.attempts.len(), self.seen.len());
        ensure(told <= most, format!("{told} attempts, allowed {most}"))?;
        ensure(seen <= told, format!("{seen} requests were seen, and {told} attempts are told"))?;
        ensure(told == 1 || self.plan.is_replayable(), "a stream was sent again")?;
        for condition in Condition::ALL {
            let retries = self.retried().filter(|tried| tried.condition == Some(condition)).count();
            let most = self.policy.rule(condition).retries();
            ensure(retries <= usize::try_from(most).unwrap(), format!("{retries} retries for {condition}"))?;
        }
        match self.plan.way {
            Way::Http1 | Way::Http2 => Ok(()),
            Way::Gate => {
                let refused = self.attempts.iter().filter(|tried| tried.condition == Some(Condition::ConnectFailed));
                let expected = self.plan.refusals.min(self.attempts.len());
                ensure(refused.count() == expected, format!("not refused {expected} times"))
            }
        }
    }

    /// The server alone is asked.
    fn no_write_is_repeated_that_may_have_been_processed(&self) -> Result<(), String> {
        let Some((_, repeated)) = self.seen.split_last() else { return Ok(()) };
        let safe = self.plan.is_idempotent() || repeated.iter().all(|seen| seen.unprocessed);
        ensure(safe, "a write was repeated that may have been processed")
    }

    fn every_request_is_the_same(&self) -> Result<(), String> {
        for seen in &self.seen {
            if let Some(wrong) = &seen.wrong {
                return Err(format!("request {} is another one: {wrong}", seen.nth));
            }
        }
        let mut heads = self.seen.iter().filter_map(|seen| seen.head);
        let first = heads.next();
        ensure(heads.all(|head| Some(head) == first), "the heads of two attempts are not the same")
    }

    fn each_request_belongs_to_an_attempt_that_tells_of_it(&self) -> Result<(), String> {
        let found = self.aligned(0, &self.seen, self.told.started_at);
        ensure(found, "what was told and what was seen do not belong together, or one came too early")
    }

    /// Returns whether the attempts from one on, begun no earlier than `due`, can be those that were seen.
    fn aligned(&self, attempt: usize, seen: &[&Sighting], due: Instant) -> bool {
        let Some(tried) = self.attempts.get(attempt) else { return seen.is_empty() };
        let wait = tried.wait.unwrap_or_default();
        let timed_out = tried.condition == Some(Condition::Timeout);
        let of_timeout = if timed_out { ATTEMPT_TIMEOUT } else { Duration::ZERO };
        if self.is_unseen(attempt, tried) && self.aligned(attempt + 1, seen, due + of_timeout + wait) {
            return true;
        }
        // What took too long may be seen after what followed it.
        let candidates = if self.plan.limits.timed { seen.len() } else { seen.len().min(1) };
        (0..candidates).any(|index| {
            let one = seen[index];
            let rest: Vec<_> = seen.iter().filter(|other| other.nth != one.nth).copied().collect();
            let told_at = match one.acted_at {
                _ if timed_out => due + of_timeout,
                Some(acted_at) if !one.foretold => acted_at.max(due),
                _ => due,
            };
            let decided_at = self.told.retried_at.get(attempt).unwrap_or(&self.told.returned_at);
            one.seen_at >= due
                && self.tells(tried, &one.until(*decided_at))
                && self.aligned(attempt + 1, &rest, told_at + wait)
        })
    }

    /// Returns whether an attempt may not have been seen by the server at all.
    fn is_unseen(&self, attempt: usize, tried: &Tried) -> bool {
        use Condition::{ConnectFailed, Interrupted, StreamRefused, Timeout};
        let unasked = matches!(self.told.end, End::Response(Received { nth: None, .. }));
        match (tried.status, tried.condition) {
            (None, Some(ConnectFailed | Interrupted | StreamRefused | Timeout)) => true,
            _ => unasked && attempt + 1 == self.attempts.len(),
        }
    }

    /// Returns whether an attempt tells what the server did about a request.
    fn tells(&self, tried: &Tried, seen: &Sighting) -> bool {
        let outcome = match (tried.status, tried.condition) {
            (Some(200), _) if seen.mistakable => return true,
            (Some(status), _) => seen.status == Some(status) && (tried.hint == seen.hint || tried.condition.is_none()),
            (None, Some(Condition::Interrupted)) => seen.interrupted,
            (None, Some(Condition::StreamRefused)) => seen.refused,
            (None, Some(Condition::Timeout)) => self.plan.limits.timed,
            (None, _) => false,
        };
        let by_connection = tried.status.is_none() && tried.delivery == Delivery::NotDelivered;
        outcome && (!by_connection || seen.unprocessed)
    }

    fn waits_are_as_promised(&self) -> Result<(), String> {
        for (retry, tried) in (1..).zip(self.retried()) {
            let delay = self.policy.rule(tried.condition.unwrap()).backoff().delay(retry);
            let (hint, wait) = (tried.hint.unwrap_or_default(), tried.wait.unwrap());
            let floor = hint.max(delay / 2);
            let most = floor + hint.max(delay) / 2;
            ensure((floor..=most).contains(&wait), format!("a wait of {wait:?}, not of {floor:?} to {most:?}"))?;
        }
        Ok(())
    }

    fn the_reason_is_true(&self) -> Result<(), String> {
        use Condition::{ConnectFailed, StreamRefused, TooEarly};
        let (last, earlier) = self.attempts.split_last().unwrap();
        let Some(condition) = last.condition else {
            return ensure(self.told.reason.is_none(), "an answer, with a reason");
        };
        let rule = self.policy.rule(condition);
        let before = earlier.iter().filter(|tried| tried.condition == Some(condition)).count();
        let is_true = self.told.reason.is_some_and(|reason| match reason {
            StopReason::NoRetries => rule.retries() == 0,
            StopReason::NotSafeToRepeat => {
                let proven = matches!(condition, TooEarly | ConnectFailed | StreamRefused) || last.status == Some(429);
                !self.plan.is_idempotent() && !proven
            }
            StopReason::NotReplayable => !self.plan.is_replayable(),
            StopReason::RuleAttempts => before == usize::try_from(rule.retries()).unwrap(),
            StopReason::Attempts => self.attempts.len() == self.most_attempts(),
            StopReason::HintTooLong => last.hint.is_some_and(|hint| hint > self.policy.max_elapsed()),
            StopReason::ServerForbids
            | StopReason::UserForbids
            | StopReason::NoTimeLeft
            | StopReason::Budget
            | StopReason::Observe
            | _ => false, // not here
        });
        ensure(is_true, format!("stopped for {:?}", self.told.reason))
    }

    fn events_tell_the_same(&self) -> Result<(), String> {
        let said = |kind, attempt, tried: &Tried, reason| {
            let (status, condition) = (tried.status, tried.condition);
            Said { kind, attempt, status, condition, reason }
        };
        let mut expected: Vec<Said> =
            (1..).zip(self.retried()).map(|(attempt, tried)| said(EventKind::Retry, attempt, tried, None)).collect();
        let (attempt, last) = (1..).zip(&self.attempts).last().unwrap();
        match self.told.reason {
            Some(reason) => expected.push(said(EventKind::Stop, attempt, last, Some(reason))),
            None if attempt > 1 => expected.push(said(EventKind::Recovered, attempt, last, None)),
            None => {}
        }
        ensure(self.told.events == expected, format!("the events are not {expected:?}"))
    }

    fn the_end_is_the_last_attempts(&self) -> Result<(), String> {
        let last = self.attempts.last().unwrap();
        let received = match &self.told.end {
            End::Never => return Err("it never ended".into()),
            End::Error(_) => return ensure(last.status.is_none(), "an error, and yet there was a response"),
            End::Response(received) => received,
        };
        ensure(last.status == Some(received.status), "not the response of the last attempt")?;
        if let Some(wrong) = &received.wrong {
            return Err(format!("the response was changed: {wrong}"));
        }
        let Some(nth) = received.nth else { return Ok(()) };
        let Some(seen) = self.seen.iter().find(|seen| seen.nth == nth) else {
            return Err("a response to what was never asked".into());
        };
        let is_last = nth + 1 == self.seen.len() || self.plan.limits.timed;
        ensure(is_last, "a response to an attempt before the last")?;
        let seen = seen.until(self.told.ended_at);
        ensure(received.whole || !seen.whole, "a part of a body that was sent whole")?;
        ensure(received.read >= seen.least, format!("{} bytes of a body, of {}", received.read, seen.least))
    }

    fn most_attempts(&self) -> usize {
        usize::try_from(self.plan.limits.max_attempts).unwrap()
    }

    /// The attempts that were followed by another.
    fn retried(&self) -> impl Iterator<Item = &Tried> {
        self.attempts[..self.attempts.len() - 1].iter()
    }
}

fn ensure(holds: bool, what: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}
