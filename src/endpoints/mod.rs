//! From a request to its endpoint, and the state of the hosts under the fallback.

mod builder;
mod call_builder;
#[cfg(feature = "endpoints")]
mod endpoint;
mod error;
mod hosts;
#[cfg(feature = "endpoints")]
mod routing;

use std::fmt;
use std::sync::Arc;

use http::{Method, Uri};

pub use builder::EndpointsBuilder;
pub use call_builder::CallBuilder;
#[cfg(feature = "endpoints")]
pub use endpoint::Endpoint;
pub use error::EndpointsError;
use hosts::Hosts;

use crate::endpoint::EndpointState;
use crate::event::Observer;
use crate::host::Host;
use crate::incident::Lines;
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::router::Router;

/// Policies and budgets for all requests of a program. Cheap to clone; clones share their state.
///
/// Each `Endpoint` has a policy and a budget. All requests that no endpoint is for belong to the fallback: one policy, and
/// a budget for each host (scheme, host and port), so that one that fails does not spend the retries of another. At most
/// 1,024 hosts are kept, in less than a mebibyte; the one that was not called for the longest time leaves first, and has a
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
    router: Router,
    hosts: Hosts,
    observer: Arc<dyn Observer>,
    lines: Arc<Lines>,
}

impl Inner {
    /// Finds the host of a call, or makes it known.
    fn host(&self, origin: Origin<'_>, now: Now) -> Arc<Host> {
        self.hosts.find(origin, now, |origin| {
            let routes = self.router.of_host(&origin);
            Host::new(origin, EndpointState::fallback(self.fallback.clone(), &self.lines), routes, now)
        })
    }
}

impl Endpoints {
    /// Returns nothing but the fallback: one policy, and a budget for each host.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::assembled(policy, Router::default(), builder::default_observer(), Arc::default())
    }

    /// Returns a builder that starts from the default policy.
    pub fn builder() -> EndpointsBuilder {
        EndpointsBuilder::new()
    }

    fn assembled(fallback: Policy, router: Router, observer: Arc<dyn Observer>, lines: Arc<Lines>) -> Self {
        Self(Arc::new(Inner { fallback, router, hosts: Hosts::default(), observer, lines }))
    }

    /// As [`new`](Self::new), with an observer.
    #[cfg(feature = "reqwest")]
    pub(crate) fn observed(policy: Policy, observer: Arc<dyn Observer>) -> Self {
        Self::assembled(policy, Router::default(), observer, Arc::default())
    }

    /// Describes a call, whose endpoint is looked up when it [starts](CallBuilder::start).
    pub fn call<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> CallBuilder<'a> {
        self.call_to(method, Origin::of_uri(uri), uri.path())
    }

    pub(crate) fn call_to<'a>(&'a self, method: &'a Method, origin: Origin<'a>, path: &'a str) -> CallBuilder<'a> {
        CallBuilder::new(self, method, origin, path)
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
