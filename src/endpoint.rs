//! What the calls of one endpoint share.

use std::borrow::Cow;
use std::sync::Arc;

use crate::budget::Budget;
use crate::incident::{Incidents, Lines};
use crate::policy::Policy;

/// A policy, the budget that its retries are paid from, and what its failures add up to.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) name: Cow<'static, str>,
    /// As the user wrote it.
    pub(crate) url_template: Option<String>,
    pub(crate) policy: Policy,
    /// Whether its requests may be done twice, whatever their methods.
    pub(crate) idempotent: Option<bool>,
    pub(crate) budget: Budget,
    pub(crate) incidents: Incidents,
}

impl EndpointState {
    /// Returns the endpoint of the requests to one host that no other endpoint is for.
    pub(crate) fn fallback(policy: Policy, lines: &Arc<Lines>) -> Self {
        Self {
            name: Cow::Borrowed(FALLBACK),
            url_template: None,
            policy,
            idempotent: None,
            budget: Budget::new(),
            incidents: Incidents::new(Arc::clone(lines)),
        }
    }
}

/// The name of every fallback.
pub(crate) const FALLBACK: &str = "fallback";
