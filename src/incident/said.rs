//! An incident as it is said: a line when it opens, some while it goes on, one when it closes.

use std::time::Duration;

use crate::diagnosis::{Condition, Issuer, LookAt};
use crate::policy::StopReason;

use super::tally::Tally;

/// A run of failures at one endpoint, as counted when it was said.
#[derive(Clone, Debug)]
pub struct Incident {
    pub(super) stage: Stage,
    pub(super) began: u64,
    pub(super) held: u64,
    pub(super) now: u64,
    pub(super) left_out: u64,
    pub(super) tally: Box<Tally>,
}

impl Incident {
    /// Returns how far it has come.
    #[must_use]
    pub(crate) const fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the time from its first failure to its last. Stray ones after that do not count.
    #[must_use]
    pub const fn failing(&self) -> Duration {
        Duration::from_millis(self.held.saturating_sub(self.began))
    }

    /// Returns the time since its last failure.
    #[must_use]
    pub const fn quiet(&self) -> Duration {
        Duration::from_millis(self.now.saturating_sub(self.held))
    }

    /// Returns how many attempts failed.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.tally.conditions.total()
    }

    /// Returns how many retries were decided.
    #[must_use]
    pub const fn retries(&self) -> u64 {
        self.tally.retries
    }

    /// Returns how many calls ended with a failing outcome.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.tally.lost.total()
    }

    /// Returns how many calls a retry has saved.
    #[must_use]
    pub const fn saved(&self) -> u64 {
        self.tally.saved
    }

    /// Returns why calls were lost, the most frequent reason first.
    #[must_use]
    pub fn lost_why(&self) -> Vec<(StopReason, u64)> {
        self.tally.lost.most_first()
    }

    /// Returns what was wrong with how many attempts, the most frequent condition first.
    #[must_use]
    pub fn conditions(&self) -> Vec<(Condition, u64)> {
        self.tally.conditions.most_first()
    }

    /// Returns who issued how many failures, the most frequent issuer first, and no more than eight.
    #[must_use]
    pub fn issuers(&self) -> Vec<(Issuer, u64)> {
        self.tally.issuers.most_first()
    }

    /// Returns where the person on call looks first: where more than half of the failures point, or
    /// [`Mixed`](LookAt::Mixed).
    #[must_use]
    pub fn look_at(&self) -> LookAt {
        self.tally.look_at()
    }

    /// Returns one sentence for the person on call. It is hedged unless more than half of the failures agree on the cause
    /// and on its issuer, with at least [`Strong`](crate::Confidence::Strong) confidence.
    #[must_use]
    pub fn advice(&self) -> String {
        self.tally.advice()
    }

    /// Returns how many incidents, at any endpoint, opened since the last line and could not be said: there were too many.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// An endpoint began to fail.
    Opened,
    /// It still fails: said after 30 s, then at doubling intervals up to 10 min.
    Continues,
    /// It is well again, or nothing was heard of it for too long to know.
    Closed,
}
