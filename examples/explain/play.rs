//! One call, from its first attempt to its end, on made-up time.

use std::time::{Duration, SystemTime};

use forbear::{AttemptReport, Decision, Endpoints, Failure, Now, Policy};

use super::Result;
use super::arguments::{Arguments, Came};
use super::said::{Fields, Said};

/// What became of the call.
pub(crate) struct Story<'a> {
    pub(crate) endpoint: String,
    pub(crate) url_template: Option<String>,
    pub(crate) policy: Policy,
    pub(crate) steps: Vec<Step<'a>>,
    /// Outcomes that were given, but never came: the call had ended.
    pub(crate) left: usize,
}

/// One attempt, and what was decided then.
pub(crate) struct Step<'a> {
    pub(crate) number: u32,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
    pub(crate) came: &'a Came,
    pub(crate) decision: Decision,
    /// `None` if there is nothing to report: an answer at once, or a call in [`Mode::Off`](forbear::Mode::Off).
    pub(crate) report: Option<AttemptReport>,
    pub(crate) said: Vec<Fields>,
}

pub(crate) fn play<'a>(arguments: &'a Arguments, endpoints: &Endpoints, said: &Said) -> Result<Story<'a>> {
    let mut call = endpoints.call(&arguments.method, &arguments.uri).headers(&arguments.headers);
    if arguments.idempotent {
        call = call.idempotent(true);
    }
    let mut call = call.replayable(arguments.replayable).start(Now::default(), arguments.seed);
    let mut steps: Vec<Step<'_>> = Vec::new();
    let (mut now, today) = (Duration::ZERO, today());
    for came in &arguments.outcomes {
        let attempt = call.begin(Now::from_origin(now))?;
        let (number, began) = (attempt.number(), now);
        now = now.saturating_add(took(came, number, attempt.timeout())?);
        let at = today.checked_add(now).unwrap_or(today);
        let decision = call.on_outcome(&came.outcome(at), Now::from_origin(now));
        let report = call.report().and_then(|report| report.attempts().last()).cloned();
        steps.push(Step { number, began, ended: now, came, decision: decision.clone(), report, said: said.take() });
        match decision {
            Decision::Retry(retry) => now = now.saturating_add(retry.wait()),
            Decision::Done(_) => break,
        }
    }
    Ok(Story {
        endpoint: call.endpoint().to_owned(),
        url_template: call.url_template().map(str::to_owned),
        policy: call.policy().clone(),
        left: arguments.outcomes.len().saturating_sub(steps.len()),
        steps,
    })
}

/// A client cuts off an attempt at its timeout, so that nothing else comes later than that.
fn took(came: &Came, number: u32, timeout: Option<Duration>) -> Result<Duration> {
    let is_timeout = came.result == Err(Failure::Timeout);
    let took = came.after.or(timeout.filter(|_| is_timeout)).unwrap_or_default();
    match timeout {
        Some(timeout) if took > timeout => {
            Err(format!("--after is {took:?}, but attempt {number} is cut off after {timeout:?}: say --fail timeout")
                .into())
        }
        Some(_) | None => Ok(took),
    }
}

#[expect(clippy::disallowed_methods, reason = "what a hint that is a date is measured by, if the response has none")]
fn today() -> SystemTime {
    SystemTime::now()
}
