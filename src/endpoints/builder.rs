//! Puts endpoints together.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "endpoints")]
use super::endpoint::Endpoint;
use super::error::EndpointsError;
use super::table::Table;
use super::{Endpoints, Inner};
use crate::budget::{Budget, BudgetBuilder};
use crate::event::{Listener, Observer};
use crate::policy::Policy;

/// Builds [`Endpoints`].
#[must_use = "a builder does nothing until it is built"]
pub struct EndpointsBuilder {
    fallback: Policy,
    fallback_budget: BudgetBuilder,
    #[cfg(feature = "endpoints")]
    endpoints: Vec<Endpoint>,
    observer: Listener,
}

impl EndpointsBuilder {
    pub(super) fn new() -> Self {
        Self {
            fallback: Policy::default(),
            fallback_budget: Budget::builder(),
            #[cfg(feature = "endpoints")]
            endpoints: Vec::new(),
            observer: default_observer(),
        }
    }

    /// Sets the policy of the requests that no endpoint is for, and of the endpoints that have none. Default
    /// [`Policy::default`].
    pub fn fallback(mut self, policy: Policy) -> Self {
        self.fallback = policy;
        self
    }

    /// Sets the budget that each host under the fallback begins with. Default as [`Budget::new`].
    ///
    /// It is not shared: one host that fails does not spend the retries of another.
    pub fn fallback_budget(mut self, of_each_host: BudgetBuilder) -> Self {
        self.fallback_budget = of_each_host;
        self
    }

    /// Adds an endpoint. The order makes no difference.
    #[cfg(feature = "endpoints")]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Sets who listens to the events. Default: `Tracing` with the feature `tracing`, else nobody.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Listener::new(observer);
        self
    }

    #[cfg(feature = "serde")]
    pub(crate) fn fallback_policy(&self) -> &Policy {
        &self.fallback
    }

    /// Returns what is wrong so far.
    #[cfg(feature = "serde")]
    pub(crate) fn problems(&self) -> Vec<String> {
        let error = super::routing::router(self.endpoints.clone(), &self.fallback, &Arc::default(), &[]).err();
        error.map(|error| error.problems).unwrap_or_default()
    }

    /// Builds the endpoints.
    ///
    /// # Errors
    ///
    /// Names everything that is wrong with the endpoints: a name that is not one or is there twice, a host or a template
    /// that is none, two endpoints of which neither could go before the other, and an impossible value of the fallback's budget.
    /// Nothing that is left at its default is wrong.
    pub fn build(self) -> Result<Endpoints, EndpointsError> {
        let observer = self.observer.clone();
        Ok(Endpoints(Arc::new(Inner::new(self.table(None)?, observer))))
    }

    /// Makes the endpoints, which go on where those before them end.
    pub(super) fn table(self, before: Option<&Table>) -> Result<Table, EndpointsError> {
        let lines = before.map_or_else(Arc::default, |before| Arc::clone(&before.lines));
        let generation = before.map_or(0, |before| before.generation.wrapping_add(1));
        #[cfg(feature = "endpoints")]
        let named = before.map_or(&[][..], |before| &before.named);
        #[cfg(feature = "endpoints")]
        let routes = super::routing::router(self.endpoints, &self.fallback, &lines, named);
        #[cfg(not(feature = "endpoints"))]
        let routes = Ok(Default::default());
        match (self.fallback_budget.terms(), routes) {
            (Ok(fallback_budget), Ok((router, named))) => {
                Ok(Table { generation, fallback: self.fallback, fallback_budget, router, named, lines })
            }
            (budget, routes) => Err(EndpointsError::of(budget.err(), routes.err())),
        }
    }
}

impl fmt::Debug for EndpointsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointsBuilder").field("fallback", &self.fallback).finish_non_exhaustive()
    }
}

#[cfg(feature = "tracing")]
pub(super) fn default_observer() -> Listener {
    Listener::new(crate::log::Tracing)
}

#[cfg(not(feature = "tracing"))]
pub(super) fn default_observer() -> Listener {
    Listener::new(|_: &crate::event::Event<'_>| {})
}
