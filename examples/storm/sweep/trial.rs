//! What variants are tried in: other scenarios and fleets than those that the defaults were tuned on.

use std::time::Duration;

use crate::answer::Answer;
use crate::scenario::{self, Fault, Overflow, PER_SECOND, Scenario, Traffic};
use crate::summary::{Recovery, Summary};

/// A scenario, and the number that matters in it. Less is better.
pub(super) struct Trial {
    pub(super) scenario: Scenario,
    pub(super) measure: Measure,
}

/// What is compared.
#[derive(Clone, Copy)]
pub(super) enum Measure {
    /// Per call that starts in the trouble.
    Requests,
    /// In per cent.
    Lost,
    /// Until all is well, in seconds.
    Well,
    /// The 99th of a hundred latencies of calls that succeed, in seconds.
    Slow,
}

impl Measure {
    pub(super) fn of(self, summary: &Summary) -> f64 {
        match (self, summary.recovery) {
            (Self::Requests, _) => summary.requests_in_trouble,
            (Self::Lost, _) => 100.0 * (1.0 - summary.success),
            (Self::Well, Recovery::After(duration)) => duration.as_secs_f64(),
            (Self::Well, Recovery::Unknown | Recovery::Never) => 60.0,
            (Self::Slow, _) => summary.p99.as_secs_f64(),
        }
    }

    /// Returns which difference matters.
    pub(super) fn margin(self) -> f64 {
        match self {
            Self::Requests => 0.01,
            Self::Lost => 0.2,
            Self::Well => 1.0,
            Self::Slow => 0.2,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Lost => "% lost",
            Self::Well => "s to well",
            Self::Slow => "s, p99",
        }
    }
}

/// Returns all trials.
pub(super) fn all() -> Vec<Trial> {
    let calm = scenario::calm;
    let of = |measure, scenario| Trial { scenario, measure };
    let surge =
        |capacity: u32, times: f64| Traffic::Steady { surge: times * f64::from(capacity) / f64::from(PER_SECOND) };
    vec![
        of(Measure::Requests, lasting(45, calm("502 45 s", "").answering(Fault::All(Answer::BAD_GATEWAY)))),
        of(Measure::Requests, lasting(60, calm("hint 10", "").answering(Fault::All(Answer::UNAVAILABLE.after(10))))),
        of(Measure::Requests, lasting(30, calm("refused", "").answering(Fault::All(Answer::REFUSED)))),
        of(Measure::Requests, lasting(30, calm("reset", "").answering(Fault::All(Answer::RESET)))),
        of(Measure::Slow, calm("1 of 4 off", "").answering(Fault::Share(0.25, Answer::REFUSED))),
        of(Measure::Lost, calm("5 % hang", "").answering(Fault::Share(0.05, Answer::TIMEOUT))),
        of(Measure::Lost, calm("1 of 3", "").answering(Fault::Share(1.0 / 3.0, Answer::UNAVAILABLE))),
        of(Measure::Lost, calm("5 % reset", "").answering(Fault::Share(0.05, Answer::RESET))),
        of(Measure::Lost, calm("2 s blips", "").answering(blips(2, Answer::BAD_GATEWAY))),
        of(Measure::Lost, calm("1 s down", "").answering(blips(1, Answer::REFUSED))),
        of(
            Measure::Well,
            Scenario { traffic: surge(1_300, 1.3), capacity: 1_300, ..lasting(20, calm("shedding", "")) },
        ),
        of(
            Measure::Well,
            Scenario {
                traffic: surge(1_300, 1.5),
                capacity: 1_300,
                longest_queue: Duration::from_secs(3),
                overflow: Overflow::Lose,
                timeout: Some(Duration::from_secs(1)),
                ..lasting(20, calm("timeouts", ""))
            },
        ),
    ]
}

fn lasting(seconds: u64, scenario: Scenario) -> Scenario {
    Scenario { trouble: Duration::from_secs(seconds), aftermath: Duration::from_secs(40), ..scenario }
}

fn blips(seconds: u64, answer: Answer) -> Fault {
    Fault::Blips { length: Duration::from_secs(seconds), every: Duration::from_secs(13), answer }
}
