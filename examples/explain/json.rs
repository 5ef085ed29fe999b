//! The story for programs. A name with a dot is that of a field of the events, and means the same; `events` has them
//! whole, as the log would. All other names are of this example: `passed` and `not_asked` are the questions before and after
//! the one that was answered with "no", which is `retry.reason`; each has the name of its reason.

use std::time::Duration;

use forbear::StopReason;
use serde_json::{Value, json};

use super::arguments::{Arguments, name};
use super::play::{Step, Story};
use super::questions::Questions;

pub(crate) fn tell(arguments: &Arguments, story: &Story<'_>, warnings: &[String]) -> String {
    let told = json!({
        "warnings": warnings,
        "http.request.method": arguments.method.as_str(),
        "url.full": arguments.uri.to_string(),
        "retry.endpoint": story.endpoint,
        "url.template": story.url_template,
        "retry.max_attempts": story.policy.max_attempts(),
        "attempts": story.steps.iter().map(attempt).collect::<Vec<_>>(),
        "left_over": story.left,
    });
    format!("{told:#}\n")
}

fn attempt(step: &Step<'_>) -> Value {
    let questions = Questions::of(&step.decision);
    let names = |reasons: &[StopReason]| reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
    json!({
        "retry.attempt": step.number,
        "begins_ms": millis(step.began),
        "ends_ms": millis(step.ended),
        "http.response.status_code": step.came.result.ok().map(|status| status.as_u16()),
        "failure": step.came.result.err().map(name),
        "passed": questions.as_ref().map(|it| names(it.passed)),
        "retry.reason": questions.as_ref().and_then(|it| it.refused).map(StopReason::as_str),
        "not_asked": questions.as_ref().map(|it| names(it.not_asked)),
        "events": step.said,
    })
}

/// As an event rounds.
fn millis(duration: Duration) -> Value {
    json!(u64::try_from(duration.saturating_add(Duration::from_micros(500)).as_millis()).ok())
}
