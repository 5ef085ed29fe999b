//! What is said of a call before it starts.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method};

use super::Endpoints;
use crate::call::{Call, Terms};
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::Policy;

/// Describes one call before it starts.
#[derive(Debug)]
#[must_use = "a call does nothing until it is started"]
pub struct CallBuilder<'a> {
    endpoints: &'a Endpoints,
    method: &'a Method,
    origin: Origin<'a>,
    path: &'a str,
    policy: Option<Policy>,
    max_elapsed: Option<Duration>,
    timeout: Option<Duration>,
    /// The caller's word.
    idempotent: Option<bool>,
    has_key: bool,
    replayable: bool,
    hidden_redirects: bool,
}

impl<'a> CallBuilder<'a> {
    pub(super) fn new(endpoints: &'a Endpoints, method: &'a Method, origin: Origin<'a>, path: &'a str) -> Self {
        Self {
            endpoints,
            method,
            origin,
            path,
            policy: None,
            max_elapsed: None,
            timeout: None,
            idempotent: None,
            has_key: false,
            replayable: false,
            hidden_redirects: false,
        }
    }

    /// Looks through the headers of the request: `Idempotency-Key` makes it idempotent, unless it is empty.
    pub fn headers(mut self, headers: &HeaderMap) -> Self {
        self.has_key = headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty());
        self
    }

    /// Says whether the request may be done twice. Default by method: GET, HEAD, OPTIONS, TRACE, PUT and DELETE
    /// (RFC 9110 §9.2.2). This word goes before the endpoint's, and that before both the headers and the method.
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

    /// Sets how long after the first attempt the last one may start, instead of the policy's
    /// [`max_elapsed`](Policy::max_elapsed).
    pub fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.max_elapsed = Some(max_elapsed);
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
        let endpoints = &self.endpoints.0;
        let host = endpoints.hosts.find(self.origin, now);
        let endpoint = host.routes.find(self.method, self.path).cloned();
        let idempotent = self.idempotent.or(endpoint.as_ref().and_then(|endpoint| endpoint.idempotent));
        let policy = self.policy.as_ref().unwrap_or(endpoint.as_ref().map_or(&host.fallback.policy, |it| &it.policy));
        let mode = endpoints.switched(endpoint.as_deref()).unwrap_or(policy.mode());
        let terms = Terms {
            host,
            endpoint,
            mode,
            observer: Arc::clone(&endpoints.observer),
            method: self.method.clone(),
            policy: self.policy,
            max_elapsed: self.max_elapsed,
            timeout: self.timeout,
            idempotent: idempotent.unwrap_or(self.has_key || self.method.is_idempotent()),
            replayable: self.replayable,
            hidden_redirects: self.hidden_redirects,
        };
        Call::start(terms, now, seed)
    }
}

/// draft-ietf-httpapi-idempotency-key-header
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
