//! What was decided, always with its reason.

use std::fmt;
use std::time::Duration;

/// What to do after an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a retry was paid for, or the call is done"]
pub enum Decision {
    /// Wait, then begin another attempt.
    Retry(Retry),
    /// Hand back what came.
    Done(Done),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(Retry { wait, source }) => {
                write!(f, "retry after {:.3} s ({})", wait.as_secs_f64(), source.as_str())
            }
            Self::Done(Done { reason: Some(reason) }) => write!(f, "stop: {}", reason.as_str()),
            Self::Done(Done { reason: None }) => f.write_str("done"),
        }
    }
}

/// A retry that was decided and paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub(crate) wait: Duration,
    pub(crate) source: WaitSource,
}

impl Retry {
    /// Returns how long to wait before the next attempt begins. Zero means at once: do not sleep at all.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// Returns who asked for the wait.
    #[must_use]
    pub const fn source(&self) -> WaitSource {
        self.source
    }
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub(crate) reason: Option<StopReason>,
}

impl Done {
    /// Returns why a failing outcome is not retried, or `None` for an answer and for the caller's own error.
    #[must_use]
    pub const fn reason(&self) -> Option<StopReason> {
        self.reason
    }
}

/// Whose wish the floor of a wait is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitSource {
    /// The server's hint.
    Hint,
    /// The policy's backoff.
    Backoff,
}

impl WaitSource {
    /// Returns the name used in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Backoff => "backoff",
        }
    }
}

/// Why a failing outcome is handed back. In the order in which the questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The policy has no retries for this condition.
    NoRetries,
    /// The server says that it is not worth a try.
    ServerForbids,
    /// The user's own [`Classify`](crate::Classify) says that it is not retried.
    UserForbids,
    /// The request may have been processed and is not known to be idempotent.
    NotSafeToRepeat,
    /// The body is a stream, which can be sent only once.
    NotReplayable,
    /// The retries that the rule of this condition allows are used up.
    RuleAttempts,
    /// The attempts that the policy allows are used up.
    Attempts,
    /// The server asked for a longer wait than the call has left.
    HintTooLong,
    /// Too little time is left for another attempt.
    NoTimeLeft,
    /// The endpoint's budget cannot pay for the retry.
    Budget,
    /// It would have been retried, but the policy only [observes](crate::Mode::Observe).
    Observe,
}

impl StopReason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::NoRetries,
        Self::ServerForbids,
        Self::UserForbids,
        Self::NotSafeToRepeat,
        Self::NotReplayable,
        Self::RuleAttempts,
        Self::Attempts,
        Self::HintTooLong,
        Self::NoTimeLeft,
        Self::Budget,
        Self::Observe,
    ];

    /// Returns the name used in events, such as `not_safe_to_repeat`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRetries => "no_retries",
            Self::ServerForbids => "server_forbids",
            Self::UserForbids => "user_forbids",
            Self::NotSafeToRepeat => "not_safe_to_repeat",
            Self::NotReplayable => "not_replayable",
            Self::RuleAttempts => "rule_attempts",
            Self::Attempts => "attempts",
            Self::HintTooLong => "hint_too_long",
            Self::NoTimeLeft => "no_time_left",
            Self::Budget => "budget",
            Self::Observe => "observe",
        }
    }

    /// Returns the position in [`StopReason::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::NoRetries => 0,
            Self::ServerForbids => 1,
            Self::UserForbids => 2,
            Self::NotSafeToRepeat => 3,
            Self::NotReplayable => 4,
            Self::RuleAttempts => 5,
            Self::Attempts => 6,
            Self::HintTooLong => 7,
            Self::NoTimeLeft => 8,
            Self::Budget => 9,
            Self::Observe => 10,
        }
    }

    /// Returns what the developer of the client can do about it, if anything.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::NotSafeToRepeat => Some("send Idempotency-Key or mark the request idempotent"),
            Self::NotReplayable => Some("give the body as bytes, or say that it is replayable"),
            Self::RuleAttempts => {
                Some("raise the retries of this condition's rule, and max_attempts if it leaves no room for them")
            }
            Self::Attempts => Some("raise max_attempts"),
            Self::HintTooLong => Some("ask again when the report's hint says, or raise max_elapsed"),
            Self::NoTimeLeft => Some("raise max_elapsed or timeout"),
            Self::Observe => Some("switch the mode on"),
            Self::NoRetries | Self::ServerForbids | Self::UserForbids | Self::Budget => None,
        }
    }
}

/// Displays the reason in words.
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRetries => "this condition is not retried",
            Self::ServerForbids => "the server says not to try again",
            Self::UserForbids => "the user's classifier says not to try again",
            Self::NotSafeToRepeat => "not safe to repeat",
            Self::NotReplayable => "its body cannot be sent again",
            Self::RuleAttempts => "no retries left for this condition",
            Self::Attempts => "no attempts left",
            Self::HintTooLong => "the server asked for a longer wait than the call has left",
            Self::NoTimeLeft => "no time left",
            Self::Budget => "the retry budget cannot pay for it",
            Self::Observe => "would be retried, but is only observed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_reason_at_its_index() {
        for (index, reason) in StopReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index, "{reason:?}");
        }
    }

    #[test]
    fn every_reason_has_its_name_and_a_remedy_where_the_developer_has_one() {
        let table = [
            (StopReason::NoRetries, "no_retries", false),
            (StopReason::ServerForbids, "server_forbids", false),
            (StopReason::UserForbids, "user_forbids", false),
            (StopReason::NotSafeToRepeat, "not_safe_to_repeat", true),
            (StopReason::NotReplayable, "not_replayable", true),
            (StopReason::RuleAttempts, "rule_attempts", true),
            (StopReason::Attempts, "attempts", true),
            (StopReason::HintTooLong, "hint_too_long", true),
            (StopReason::NoTimeLeft, "no_time_left", true),
            (StopReason::Budget, "budget", false),
            (StopReason::Observe, "observe", true),
        ];
        assert_eq!(table.map(|(reason, _, _)| reason), StopReason::ALL);
        for (reason, name, has_remedy) in table {
            assert_eq!((reason.as_str(), reason.remedy().is_some()), (name, has_remedy), "{reason:?}");
        }
    }
}
