//! What the calls of one endpoint share.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::budget::Budget;
use crate::counters::Counters;
use crate::incident::{Incidents, Lines};
use crate::policy::{Mode, Policy};

/// A policy, the budget that its retries are paid from, and what its calls add up to.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) name: Cow<'static, str>,
    /// As the user wrote it.
    pub(crate) url_template: Option<String>,
    pub(crate) policy: Policy,
    /// Whether its requests may be done twice, whatever their methods.
    pub(crate) idempotent: Option<bool>,
    pub(crate) budget: Budget,
    #[cfg_attr(not(feature = "endpoints"), expect(dead_code, reason = "hosts have their own"))]
    pub(crate) budget_of: BudgetOf,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) switch: Arc<Switch>,
}

impl EndpointState {
    /// Returns the endpoint of the requests to one host that no other endpoint is for.
    pub(crate) fn fallback(policy: Policy, budget: Budget, lines: &Arc<Lines>) -> Self {
        Self {
            name: Cow::Borrowed(FALLBACK),
            url_template: None,
            policy,
            idempotent: None,
            budget,
            budget_of: BudgetOf::Endpoint,
            incidents: Arc::new(Incidents::new(Arc::clone(lines))),
            counters: Arc::default(),
            switch: Arc::default(),
        }
    }

    /// Goes on where another ends, all but its budget: the calls under way go on there.
    pub(crate) fn succeeding(self, before: &Self) -> Self {
        Self {
            incidents: Arc::clone(&before.incidents),
            counters: Arc::clone(&before.counters),
            switch: Arc::clone(&before.switch),
            ..self
        }
    }
}

/// Whose a budget is: what its credit stays with when the endpoints are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "endpoints"), expect(dead_code, reason = "hosts have their own"))]
pub(crate) enum BudgetOf {
    Endpoint,
    /// Of those that name it in a file.
    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "files name budgets"))]
    Name(String),
    /// Given by the user, who keeps it or another.
    User,
}

/// A mode that was chosen while running. It goes before that of the policies.
#[derive(Debug, Default)]
pub(crate) struct Switch(AtomicU8);

impl Switch {
    pub(crate) fn turn(&self, mode: Option<Mode>) {
        let position = match mode {
            None => 0,
            Some(Mode::On) => 1,
            Some(Mode::Observe) => 2,
            Some(Mode::Off) => 3,
        };
        self.0.store(position, Ordering::Relaxed);
    }

    pub(crate) fn mode(&self) -> Option<Mode> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(Mode::On),
            2 => Some(Mode::Observe),
            3 => Some(Mode::Off),
            _ => None,
        }
    }
}

/// The name of every fallback.
pub(crate) const FALLBACK: &str = "fallback";
