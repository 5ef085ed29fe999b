//! What is said of a call before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, Uri};

use super::Endpoints;
use super::builder::default_observer;
use super::table::Table;
use crate::budget::Budget;
use crate::call::{Call, Terms};
use crate::event::{Listener, Observer};
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::Policy;

/// Describes one call before it starts.
#[must_use = "a call does nothing until it is started"]
pub struct CallBuilder<'a> {
    place: Place<'a>,
    method: &'a Method,
    origin: Origin<'a>,
    path: &'a str,
    overrides: Overrides,
    has_key: bool,
    replayable: bool,
    hidden_redirects: bool,
}

/// Where a call gets its policy and its budget.
#[derive(Debug)]
enum Place<'a> {
    Endpoints(&'a Endpoints),
    /// Of its own.
    Alone(Policy, Budget, Listener),
}

impl Call {
    /// Describes a call without [`Endpoints`]: with a policy, and the budget that its retries are paid from.
    ///
    /// For an SDK that has one service and keeps a budget for it. Nothing is counted beyond the call, so that there are
    /// neither incidents nor numbers; its endpoint is called `fallback`. It costs a few allocations more than a call on
    /// endpoints.
    ///
    /// ```
    /// # use forbear::{Budget, Call, Decision, Failure, Now, Outcome, Policy};
    /// # use http::{Method, Uri};
    /// let budget = Budget::new(); // one for all calls of the service
    /// let uri = Uri::from_static("https://api.example.com/v1/orders/7");
    /// let call = Call::of(Policy::interactive(), &budget, &Method::GET, &uri);
    /// let mut call = call.replayable(true).start(Now::default(), 7);
    ///
    /// assert_eq!(call.begin(Now::default())?.number(), 1);
    /// let decision = call.on_outcome(&Outcome::failure(Failure::Interrupted), Now::default());
    /// assert!(matches!(decision, Decision::Retry(_)));
    /// assert_eq!(budget.balance(Now::default()), 3.0);
    /// # Ok::<(), forbear::TooLate>(())
    /// ```
    pub fn of<'a>(policy: Policy, budget: &Budget, method: &'a Method, uri: &'a Uri) -> CallBuilder<'a> {
        let place = Place::Alone(policy, budget.clone(), default_observer());
        CallBuilder::new(place, method, Origin::of_uri(uri), uri.path())
    }
}

impl<'a> CallBuilder<'a> {
    pub(super) fn on(endpoints: &'a Endpoints, method: &'a Method, origin: Origin<'a>, path: &'a str) -> Self {
        Self::new(Place::Endpoints(endpoints), method, origin, path)
    }

    fn new(place: Place<'a>, method: &'a Method, origin: Origin<'a>, path: &'a str) -> Self {
        Self {
            place,
            method,
            origin,
            path,
            overrides: Overrides::new(),
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

    /// Sets what the call asks for against its endpoint. Its endpoint's budget still pays.
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// As [`Overrides::idempotent`].
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.overrides = self.overrides.idempotent(idempotent);
        self
    }

    /// As [`Overrides::policy`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.overrides = self.overrides.policy(policy);
        self
    }

    /// As [`Overrides::max_elapsed`].
    pub fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.overrides = self.overrides.max_elapsed(max_elapsed);
        self
    }

    /// As [`Overrides::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.overrides = self.overrides.timeout(timeout);
        self
    }

    /// Sets who listens to the events of a call [without endpoints](Call::of). On endpoints nothing changes: theirs
    /// listens.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        if let Place::Alone(_, _, listener) = &mut self.place {
            *listener = Listener::new(observer);
        }
        self
    }

    /// Starts the call. `seed` makes its jitter and is its id in events; it should be random.
    #[must_use]
    pub fn start(self, now: Now, seed: u64) -> Call {
        let (host, endpoint, switched, observer) = match self.place {
            Place::Endpoints(Endpoints(endpoints)) => {
                let host = endpoints.hosts.find(self.origin, now);
                let endpoint = host.routes.find(self.method, self.path).cloned();
                let switched = endpoints.switched(endpoint.as_deref());
                (host, endpoint, switched, endpoints.observer.clone())
            }
            Place::Alone(policy, budget, listener) => {
                let host = Table::host_alone(policy, budget, self.origin.into_owned(), now);
                (Arc::new(host), None, None, listener)
            }
        };
        let Overrides { idempotent, policy, max_elapsed, timeout } = self.overrides;
        let idempotent = idempotent.or(endpoint.as_ref().and_then(|endpoint| endpoint.idempotent));
        let in_force = policy.as_ref().unwrap_or(endpoint.as_ref().map_or(&host.fallback.policy, |it| &it.policy));
        let mode = switched.unwrap_or(in_force.mode());
        let terms = Terms {
            host,
            endpoint,
            mode,
            observer,
            method: self.method.clone(),
            policy,
            max_elapsed,
            timeout,
            idempotent: idempotent.unwrap_or(self.has_key || self.method.is_idempotent()),
            replayable: self.replayable,
            hidden_redirects: self.hidden_redirects,
        };
        Call::start(terms, now, seed)
    }
}

/// Without the path.
impl fmt::Debug for CallBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBuilder")
            .field("place", &self.place)
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}

/// What one call asks for against its endpoint, or against the policy it would have.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::Overrides;
/// let charge = Overrides::new().idempotent(true).timeout(Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until a call has it"]
pub struct Overrides {
    idempotent: Option<bool>,
    policy: Option<Policy>,
    max_elapsed: Option<Duration>,
    timeout: Option<Duration>,
}

impl Overrides {
    /// Returns none.
    pub const fn new() -> Self {
        Self { idempotent: None, policy: None, max_elapsed: None, timeout: None }
    }

    /// Says whether the request may be done twice. Default by method: GET, HEAD, OPTIONS, TRACE, PUT and DELETE
    /// (RFC 9110 §9.2.2). This word goes before the endpoint's, and that before both the headers and the method.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
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
}

/// draft-ietf-httpapi-idempotency-key-header
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
