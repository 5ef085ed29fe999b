//! What is replaced at once: the endpoints, the way to them, and the fallback.

use std::sync::Arc;

use crate::budget::{Budget, Terms};
use crate::endpoint::EndpointState;
use crate::host::Host;
use crate::incident::Lines;
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::router::{HostRoutes, Router};

/// The endpoints at one time.
#[derive(Default)]
pub(super) struct Table {
    /// Of each host there is one for each generation.
    pub(super) generation: u64,
    pub(super) fallback: Policy,
    pub(super) fallback_budget: Terms,
    pub(super) router: Router,
    /// All endpoints but the fallback.
    pub(super) named: Vec<Arc<EndpointState>>,
    /// Of all generations.
    pub(super) lines: Arc<Lines>,
}

impl Table {
    pub(super) fn of_fallback(fallback: Policy) -> Self {
        Self { fallback, ..Self::default() }
    }

    /// Makes the host of one call that has no endpoints, of which nothing is counted.
    pub(super) fn host_alone(policy: Policy, budget: Budget, origin: Origin<'static>, now: Now) -> Host {
        let state = EndpointState::fallback(policy, budget, &Arc::new(Lines::none()));
        Host::new(0, origin, state, HostRoutes::default(), now)
    }

    /// Makes a host, which goes on where that of an earlier generation ends.
    pub(super) fn host(&self, origin: Origin<'static>, before: Option<&Host>, now: Now) -> Host {
        let routes = self.router.of_host(&origin);
        let new = EndpointState::fallback(self.fallback.clone(), Budget::on(self.fallback_budget), &self.lines);
        let Some(before) = before else {
            return Host::new(self.generation, origin, new, routes, now);
        };
        let budget = new.budget.with_credit_of(&before.fallback.budget);
        let fallback = EndpointState { budget, ..new.succeeding(&before.fallback) };
        Host::new(self.generation, origin, fallback, routes, now)
    }
}
