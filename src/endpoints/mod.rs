//! From a request to its endpoint, and the state of the hosts under the fallback.

mod builder;
mod call_builder;
mod hosts;

use std::fmt;
use std::sync::Arc;

use http::{Method, Uri};

pub use builder::EndpointsBuilder;
pub use call_builder::CallBuilder;
use hosts::Hosts;

use crate::event::Observer;
use crate::origin::Origin;
use crate::policy::Policy;

/// Policies and budgets for all requests of a program. Cheap to clone; clones share their state.
///
/// Each host (scheme, host and port) has a budget of its own, so that one that fails does not spend the retries of
/// another. At most 1,024 hosts are kept; the one that was not called for the longest time leaves first, and has a
/// fresh budget when it comes back.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use forbear::{Decision, Endpoints, Failure, Now, Outcome, Policy};
/// # use http::{Method, Uri};
/// let endpoints = Endpoints::new(Policy::default());
/// let uri = Uri::from_static("http://orders.internal/v1/orders/7");
/// let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(Now::default(), 42);
///
/// let attempt = call.begin(Now::default())?;
/// assert_eq!(attempt.number(), 1);
/// let Decision::Retry(retry) = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default()) else {
///     panic!("nothing was sent, so it is retried");
/// };
/// assert!(retry.wait() >= Duration::from_millis(100));
/// # Ok::<(), forbear::TooLate>(())
/// ```
#[derive(Clone)]
pub struct Endpoints(Arc<Inner>);

struct Inner {
    fallback: Policy,
    hosts: Hosts,
    observer: Arc<dyn Observer>,
}

impl Endpoints {
    /// Returns endpoints with one policy for all hosts.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::builder().fallback(policy).build()
    }

    /// Returns a builder that starts from the default policy.
    pub fn builder() -> EndpointsBuilder {
        EndpointsBuilder::new()
    }

    /// Describes a call, whose host is looked up when it [starts](CallBuilder::start).
    pub fn call<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> CallBuilder<'a> {
        self.call_to(method, Origin::of_uri(uri))
    }

    pub(crate) fn call_to<'a>(&'a self, method: &'a Method, origin: Origin<'a>) -> CallBuilder<'a> {
        CallBuilder::new(self, method, origin)
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("fallback", &self.0.fallback).finish_non_exhaustive()
    }
}
