//! The questions that a failing outcome has to pass before it is retried: one for each [`StopReason`], in its order.

use forbear::{Decision, StopReason};

/// What was asked, up to the first "no".
pub(crate) struct Questions {
    pub(crate) passed: &'static [StopReason],
    pub(crate) refused: Option<StopReason>,
    pub(crate) not_asked: &'static [StopReason],
}

impl Questions {
    /// Returns `None` if there was nothing to ask: an answer, or the caller's own error.
    pub(crate) fn of(decision: &Decision) -> Option<Self> {
        let refused = match decision {
            Decision::Retry(_) => return Some(Self { passed: &ALL, refused: None, not_asked: &[] }),
            Decision::Done(done) => done.reason()?,
        };
        let (passed, rest) = ALL.split_at(number(refused).checked_sub(1)?);
        Some(Self { passed, refused: Some(refused), not_asked: rest.split_first()?.1 })
    }
}

pub(crate) const ALL: [StopReason; StopReason::ALL.len()] = StopReason::ALL;

/// Returns its place among the questions, counted from 1.
pub(crate) fn number(reason: StopReason) -> usize {
    ALL.iter().take_while(|other| **other != reason).count() + 1
}

/// Returns what holds if a question is passed.
pub(crate) fn words(reason: StopReason) -> &'static str {
    match reason {
        StopReason::NoRetries => "worth a retry",
        StopReason::ServerForbids => "server allows",
        StopReason::UserForbids => "user allows",
        StopReason::NotSafeToRepeat => "safe to repeat",
        StopReason::NotReplayable => "body at hand",
        StopReason::RuleAttempts => "retries left",
        StopReason::Attempts => "attempts left",
        StopReason::HintTooLong => "hint fits",
        StopReason::NoTimeLeft => "time left",
        StopReason::Budget => "paid for",
        StopReason::Observe => "mode on",
        later => later.as_str(),
    }
}
