//! Puts endpoints together.

use std::fmt;
use std::sync::Arc;

use super::hosts::Hosts;
use super::{Endpoints, Inner};
use crate::event::Observer;
use crate::policy::Policy;

/// Builds [`Endpoints`].
#[must_use = "a builder does nothing until it is built"]
pub struct EndpointsBuilder {
    fallback: Policy,
    observer: Arc<dyn Observer>,
}

impl EndpointsBuilder {
    pub(super) fn new() -> Self {
        Self { fallback: Policy::default(), observer: default_observer() }
    }

    /// Sets the policy of all hosts. Default [`Policy::default`].
    pub fn fallback(mut self, policy: Policy) -> Self {
        self.fallback = policy;
        self
    }

    /// Sets who listens to the events. Default: `Tracing` with the feature `tracing`, else nobody.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Builds the endpoints.
    #[must_use]
    pub fn build(self) -> Endpoints {
        Endpoints(Arc::new(Inner { fallback: self.fallback, hosts: Hosts::default(), observer: self.observer }))
    }
}

impl fmt::Debug for EndpointsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointsBuilder").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}

#[cfg(feature = "tracing")]
fn default_observer() -> Arc<dyn Observer> {
    Arc::new(crate::log::Tracing)
}

#[cfg(not(feature = "tracing"))]
fn default_observer() -> Arc<dyn Observer> {
    Arc::new(|_: &crate::event::Event<'_>| {})
}
