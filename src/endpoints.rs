//! From a request to its endpoint, and the state of the hosts under the fallback.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, Uri};

use crate::call::{Call, Terms};
use crate::event::Observer;
use crate::host::Host;
use crate::now::Now;
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
        EndpointsBuilder { fallback: Policy::default(), observer: default_observer() }
    }

    /// Describes a call, whose host is looked up when it [starts](CallBuilder::start).
    pub fn call<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> CallBuilder<'a> {
        self.call_to(method, Origin::of_uri(uri))
    }

    pub(crate) fn call_to<'a>(&'a self, method: &'a Method, origin: Origin<'a>) -> CallBuilder<'a> {
        CallBuilder {
            endpoints: self,
            method,
            origin,
            policy: None,
            timeout: None,
            idempotent: None,
            has_key: false,
            replayable: false,
            hidden_redirects: false,
        }
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

/// Builds [`Endpoints`].
#[must_use = "a builder does nothing until it is built"]
pub struct EndpointsBuilder {
    fallback: Policy,
    observer: Arc<dyn Observer>,
}

impl EndpointsBuilder {
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

/// Describes one call before it starts.
#[derive(Debug)]
#[must_use = "a call does nothing until it is started"]
pub struct CallBuilder<'a> {
    endpoints: &'a Endpoints,
    method: &'a Method,
    origin: Origin<'a>,
    policy: Option<Policy>,
    timeout: Option<Duration>,
    /// The caller's word.
    idempotent: Option<bool>,
    has_key: bool,
    replayable: bool,
    hidden_redirects: bool,
}

impl CallBuilder<'_> {
    /// Looks through the headers of the request: `Idempotency-Key` makes it idempotent, unless it is empty.
    pub fn headers(mut self, headers: &HeaderMap) -> Self {
        self.has_key = headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty());
        self
    }

    /// Says whether the request may be done twice. Default by method: GET, HEAD, OPTIONS, TRACE, PUT and DELETE
    /// (RFC 9110 §9.2.2). The caller's word goes before both the method and the headers.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// Says whether the request can be sent again whole, its body included. Default `false`.
    pub fn replayable(mut self, replayable: bool) -> Self {
        self.replayable = replayable;
        self
    }

    /// Says that the transport may follow redirects without telling. Default `false`.
    ///
    /// No failure then proves that nothing was processed, and a request that is not idempotent is never repeated.
    pub fn hidden_redirects(mut self, hidden: bool) -> Self {
        self.hidden_redirects = hidden;
        self
    }

    /// Sets the policy for this call. Its endpoint's budget still pays.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets how long the whole call may take, instead of the policy's [`timeout`](Policy::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Starts the call. `seed` makes its jitter and is its id in events; it should be random.
    #[must_use]
    pub fn start(self, now: Now, seed: u64) -> Call {
        let Inner { fallback, hosts, observer } = &*self.endpoints.0;
        let terms = Terms {
            host: hosts.find(self.origin, fallback, now),
            endpoint: None,
            observer: Arc::clone(observer),
            method: self.method.clone(),
            policy: self.policy,
            timeout: self.timeout,
            idempotent: self.idempotent.unwrap_or(self.has_key || self.method.is_idempotent()),
            replayable: self.replayable,
            hidden_redirects: self.hidden_redirects,
        };
        Call::start(terms, now, seed)
    }
}

/// The hosts under the fallback, the stalest of which makes room for a new one.
#[derive(Default)]
struct Hosts(RwLock<HashMap<Origin<'static>, Arc<Host>>>);

impl Hosts {
    /// Finds a host that is known without an exclusive lock and without allocating.
    fn find(&self, origin: Origin<'_>, policy: &Policy, now: Now) -> Arc<Host> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&origin).cloned();
        let host = known.unwrap_or_else(|| self.insert(origin.into_owned(), policy, now));
        host.touch(now);
        host
    }

    #[cold]
    fn insert(&self, origin: Origin<'static>, policy: &Policy, now: Now) -> Arc<Host> {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&origin) {
            let stalest = hosts.values().min_by_key(|host| host.last_used()).map(|host| host.origin.clone());
            stalest.and_then(|stalest| hosts.remove(&stalest));
        }
        let new = || Arc::new(Host::new(origin.clone(), policy.clone(), now));
        Arc::clone(hosts.entry(origin.clone()).or_insert_with(new))
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

/// More hosts than a service calls; a crawler's budgets would not fill up between two visits anyway.
const MAX_HOSTS: usize = 1_024;
/// draft-ietf-httpapi-idempotency-key-header
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now::from_origin(Duration::from_secs(seconds))
    }

    fn host(number: usize) -> String {
        format!("host-{number}.internal")
    }

    #[test]
    fn the_stalest_host_leaves_first_and_memory_stays_bounded() {
        let hosts = Hosts::default();
        let policy = Policy::default();
        let find = |number: usize, now| hosts.find(Origin::new("http", &host(number), None), &policy, at(now));
        let first = find(0, 1);
        for number in 1..MAX_HOSTS {
            find(number, 2);
        }
        find(0, 3);
        for number in MAX_HOSTS..MAX_HOSTS + 500 {
            find(number, 4);
        }
        assert_eq!(hosts.0.read().unwrap().len(), MAX_HOSTS);
        assert!(Arc::ptr_eq(&first, &find(0, 5)), "a host in use stays");
    }

    #[test]
    fn two_that_find_a_new_host_at_once_share_it_and_only_one_other_leaves() {
        let (hosts, policy) = (Hosts::default(), Policy::default());
        let insert =
            |number: usize| hosts.insert(Origin::new("http", &host(number), None).into_owned(), &policy, at(0));
        for number in 0..MAX_HOSTS {
            insert(number);
        }
        let [one, other] = [MAX_HOSTS; 2].map(insert);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(hosts.0.read().unwrap().len(), MAX_HOSTS);
    }

    #[test]
    fn a_known_host_is_found_while_another_reads() {
        let hosts = Hosts::default();
        let policy = Policy::default();
        let origin = || Origin::new("http", "orders.internal", None);
        let first = hosts.find(origin(), &policy, at(0));
        let _reader = hosts.0.read().unwrap();
        assert!(hosts.0.try_write().is_err(), "an exclusive lock would wait for ever");
        assert!(Arc::ptr_eq(&first, &hosts.find(origin(), &policy, at(1))));
    }
}
