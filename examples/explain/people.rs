//! The story for people: the decision first, then why.

use std::fmt;
use std::time::Duration;

use forbear::{AttemptReport, Decision, Mode, Policy, Repeat, Rule, StopReason};

use super::arguments::{Arguments, name};
use super::play::{Step, Story};
use super::questions::{ALL, Questions, number, words};

pub(crate) fn tell(arguments: &Arguments, story: &Story<'_>, warnings: &[String]) -> String {
    let mut page = Page::default();
    warnings.iter().for_each(|warning| page.row("warning", warning));
    if !warnings.is_empty() {
        page.gap();
    }
    page.row("request", format_args!("{} {}", arguments.method, arguments.uri));
    let template = story.url_template.as_ref().map(|template| format!(", {template}")).unwrap_or_default();
    page.row("endpoint", format_args!("{}{template}", story.endpoint));
    page.row("policy", limits(&story.policy));
    for step in &story.steps {
        page.step(step, &story.policy);
    }
    let waits = story.steps.last().is_some_and(|step| matches!(step.decision, Decision::Retry(_)));
    if waits || story.left > 0 {
        page.gap();
    }
    if waits {
        page.row("and then?", "another --status says what comes back from the retry");
    }
    if story.left > 0 {
        page.row("left over", format_args!("{} of the outcomes: the call had ended", story.left));
    }
    page.0
}

const INDENT: usize = 12;
const WIDTH: usize = 100;

/// Rows, each with its name.
#[derive(Default)]
struct Page(String);

impl Page {
    fn row(&mut self, name: &str, what: impl fmt::Display) {
        let (mut line, mut separator) = (format!("{name:<INDENT$}"), "");
        for word in what.to_string().split(' ') {
            if !separator.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
                self.line(&line);
                (line, separator) = (" ".repeat(INDENT), "");
            }
            line.extend([separator, word]);
            separator = " ";
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.0.extend([line, "\n"]);
    }

    fn gap(&mut self) {
        self.line("");
    }

    fn step(&mut self, step: &Step<'_>, policy: &Policy) {
        let came = match step.came.result {
            Ok(status) => status.as_str().to_owned(),
            Err(failure) => name(failure).to_owned(),
        };
        self.gap();
        let at = Seconds(step.ended);
        self.row(&format!("attempt {}", step.number), format_args!("{came} at {at} → {}", decision(step, policy)));
        if let Some(report) = &step.report {
            self.diagnosis(report, step.number, policy);
        }
        if let Some(questions) = Questions::of(&step.decision) {
            self.questions(&questions);
            let advice = step.report.as_ref().filter(|_| questions.refused.is_some());
            if let Some(advice) = advice.and_then(|report| report.diagnosis().advice()) {
                self.row("  advice", advice);
            }
        }
        let messages = step.said.iter().filter_map(|fields| fields.get("message")?.as_str());
        for stage in messages.filter_map(|message| message.strip_prefix("incident ")) {
            self.row("  incident", stage);
        }
    }

    fn diagnosis(&mut self, report: &AttemptReport, number: u32, policy: &Policy) {
        let diagnosis = report.diagnosis();
        let Some(condition) = report.condition() else { return };
        let look_at = diagnosis.look_at().map(|look_at| format!(", look at {look_at}")).unwrap_or_default();
        self.row("  means", format_args!("{diagnosis}, delivery {}{look_at}", diagnosis.delivery()));
        let evidence: Vec<&str> = diagnosis.evidence().collect();
        if !evidence.is_empty() {
            self.row("  evidence", evidence.join(", "));
        }
        if let Some(hint) = report.hint() {
            self.row("  hint", Seconds(hint));
        }
        if diagnosis.is_hint_malformed() {
            self.row("  hint", "not understood");
        }
        self.row("  rule", rule(policy.rule(condition), number));
    }

    fn questions(&mut self, questions: &Questions) {
        let list = |reasons: &[StopReason]| reasons.iter().map(|reason| words(*reason)).collect::<Vec<_>>().join(", ");
        let Some(refused) = questions.refused else {
            return self.row("  passed", format_args!("all {} questions", ALL.len()));
        };
        if !questions.passed.is_empty() {
            self.row("  passed", list(questions.passed));
        }
        self.row("  refused", format_args!("{} of {}, {}", number(refused), ALL.len(), refused.as_str()));
        if !questions.not_asked.is_empty() {
            self.row("  not asked", list(questions.not_asked));
        }
        if let Some(remedy) = refused.remedy() {
            self.row("  remedy", remedy);
        }
    }
}

fn decision(step: &Step<'_>, policy: &Policy) -> String {
    let done = match &step.decision {
        Decision::Retry(retry) => {
            let credit = step.said.iter().find_map(|fields| fields.get("retry.budget")?.as_f64());
            let credit = credit.map(|credit| format!(", credit {credit:.1}")).unwrap_or_default();
            return format!("retry after {} ({}){credit}", Seconds(retry.wait()), retry.source().as_str());
        }
        Decision::Done(done) => done,
    };
    match (done.reason(), step.came.result) {
        (Some(reason), _) => {
            let observed = step.report.as_ref().and_then(AttemptReport::wait);
            let observed = observed.map(|wait| format!(" (after {})", Seconds(wait))).unwrap_or_default();
            format!("stop: {reason}{observed}")
        }
        (None, _) if policy.mode() == Mode::Off => "handed back: the mode is off".to_owned(),
        (None, Ok(_)) => "an answer".to_owned(),
        (None, Err(_)) => "handed back: the caller's own error".to_owned(),
    }
}

fn limits(policy: &Policy) -> String {
    let attempts = match policy.max_attempts() {
        1 => "1 attempt".to_owned(),
        attempts => format!("{attempts} attempts, the last begun within {}", Seconds(policy.max_elapsed())),
    };
    let each = policy.attempt_timeout().map(|timeout| format!(", each cut off after {}", Seconds(timeout)));
    let call = policy.timeout().map(|timeout| format!(", the call after {}", Seconds(timeout)));
    let modes = [(Mode::Observe, "; it only observes"), (Mode::Off, "; it is off")];
    let mode = modes.into_iter().find_map(|(mode, words)| (mode == policy.mode()).then_some(words));
    [Some(attempts), each, call, mode.map(str::to_owned)].into_iter().flatten().collect()
}

/// Of the retry that would follow an attempt: it has that attempt's number.
fn rule(rule: Rule, number: u32) -> String {
    let retries = match rule.retries() {
        0 => return "no retries".to_owned(),
        1 => "1 retry".to_owned(),
        retries => format!("{retries} retries"),
    };
    let requests = if rule.repeat() == Repeat::Any { "any request" } else { "idempotent requests only" };
    let delay = Seconds(rule.backoff().delay(number));
    format!("{retries}, {requests}, delay {delay}, price {}", rule.price())
}

/// To the millisecond, without zeros that tell nothing.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX {
            return f.write_str("an unbounded time");
        }
        let exact = format!("{:.3}", self.0.as_secs_f64());
        write!(f, "{} s", exact.trim_end_matches('0').trim_end_matches('.'))
    }
}
