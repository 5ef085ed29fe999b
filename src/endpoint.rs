//! What the calls of one endpoint share.

use crate::budget::Budget;
use crate::policy::Policy;

/// The policy of an endpoint and the budget that its retries are paid from.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) policy: Policy,
    pub(crate) budget: Budget,
}

impl EndpointState {
    /// Returns the endpoint of the requests to one host that no other endpoint is for.
    pub(crate) fn fallback(policy: Policy) -> Self {
        Self { policy, budget: Budget::new() }
    }

    pub(crate) fn name(&self) -> &'static str {
        "fallback"
    }
}
