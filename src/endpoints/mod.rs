//! From a request to its endpoint, and the state of the hosts under the fallback.

mod builder;
mod call_builder;
#[cfg(feature = "endpoints")]
mod endpoint;
mod error;
mod hosts;
#[cfg(feature = "endpoints")]
mod routing;
#[cfg(feature = "endpoints")]
mod shown;
mod snapshot;
mod table;

use std::fmt;
use std::sync::Arc;

use http::{Method, Uri};

pub use builder::EndpointsBuilder;
#[cfg(any(feature = "reqwest", feature = "tower"))]
pub(crate) use call_builder::IDEMPOTENCY_KEY;
pub use call_builder::{CallBuilder, Overrides};
#[cfg(feature = "endpoints")]
pub use endpoint::Endpoint;
pub use error::EndpointsError;
use hosts::Hosts;
#[cfg(feature = "serde")]
pub(crate) use routing::check_name;
#[cfg(feature = "serde")]
pub(crate) use shown::Shown;
pub use snapshot::{EndpointSnapshot, Snapshot};
use table::Table;

use crate::endpoint::{EndpointState, FALLBACK, Switch};
use crate::event::Listener;
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::{Mode, Policy};

/// Policies and budgets for all requests of a program. Cheap to clone; clones share their state.
///
/// Each `Endpoint` has a policy and a budget. All requests that no endpoint is for belong to the fallback: one policy, and
/// a budget for each host (scheme, host and port), so that one that fails does not spend the retries of another. At most
/// 1,024 hosts are kept, in less than one and a half mebibytes while they are well, and in less than two if they are as long
/// as a name can be; longer ones are known by their ends. The one that was not called for the longest time leaves first, and
/// has a fresh budget when it comes back.
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
    hosts: Hosts,
    observer: Listener,
    /// Of all endpoints that are not switched themselves.
    switch: Switch,
    fallback_switch: Switch,
}

impl Inner {
    fn new(table: Table, observer: Listener) -> Self {
        Self { hosts: Hosts::new(table), observer, switch: Switch::default(), fallback_switch: Switch::default() }
    }

    /// Returns the mode that was chosen while running, for an endpoint or the fallback.
    fn switched(&self, endpoint: Option<&EndpointState>) -> Option<Mode> {
        endpoint.map_or(&self.fallback_switch, |endpoint| &*endpoint.switch).mode().or(self.switch.mode())
    }
}

impl Endpoints {
    /// Returns nothing but the fallback: one policy, and a budget for each host.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(Inner::new(Table::of_fallback(policy), builder::default_observer())))
    }

    /// Returns a builder that starts from the default policy.
    pub fn builder() -> EndpointsBuilder {
        EndpointsBuilder::new()
    }

    /// As [`new`](Self::new), with an observer.
    #[cfg(feature = "reqwest")]
    pub(crate) fn observed(policy: Policy, observer: Listener) -> Self {
        Self(Arc::new(Inner::new(Table::of_fallback(policy), observer)))
    }

    /// Switches the mode of all endpoints, the fallback among them, while they run; `None` gives it back to their policies.
    ///
    /// A cautious team starts with [`Mode::Observe`] and reads what would be done. An endpoint that is
    /// [switched itself](Self::switch_endpoint) stays as it is. Calls under way end in the mode in which they began.
    ///
    /// ```
    /// # use forbear::{Endpoints, Mode};
    /// let endpoints = Endpoints::default();
    /// endpoints.switch(Some(Mode::Observe));
    /// assert!(endpoints.switch_endpoint("fallback", Some(Mode::On)), "and yet this one is in force");
    /// assert!(!endpoints.switch_endpoint("charges", Some(Mode::Off)), "there is no such endpoint");
    /// ```
    pub fn switch(&self, mode: Option<Mode>) {
        self.0.switch.turn(mode);
    }

    /// Switches the mode of one endpoint while it runs, and returns whether there is one of that name. `None` gives it back
    /// to what [all](Self::switch) are switched to, or to its policy. `fallback` is the name of the fallback of all hosts.
    #[must_use = "there may be no such endpoint"]
    pub fn switch_endpoint(&self, name: &str, mode: Option<Mode>) -> bool {
        let table = self.0.hosts.table();
        let named = table.named.iter().find(|endpoint| endpoint.name == name).map(|endpoint| &*endpoint.switch);
        let found = named.or((name == FALLBACK).then_some(&self.0.fallback_switch));
        found.inspect(|switch| switch.turn(mode)).is_some()
    }

    /// Replaces all endpoints and the fallback while calls go on, for instance by those of a file that has changed.
    ///
    /// An endpoint stays if there is one of its name, and a host of the fallback in any case: it keeps its credit, its incident
    /// and the mode that it was switched to. Its credit goes on under the new numbers; a budget that several share by its
    /// name in a file stays by that name. Calls under way end under the policies with which they began, pay from the
    /// same credit, and count for the same incident. The observer stays, whatever the builder has.
    ///
    /// It takes no more of a call's time than a look-up does. Clones are the same endpoints: they are replaced, too.
    ///
    /// # Errors
    ///
    /// As [`EndpointsBuilder::build`]. Nothing is replaced then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use forbear::{Endpoints, Policy};
    /// let endpoints = Endpoints::default();
    /// let served = endpoints.clone();
    /// endpoints.replace(Endpoints::builder().fallback(Policy::background()))?;
    /// # use forbear::Now;
    /// # let uri = http::Uri::from_static("http://orders.internal");
    /// let call = served.call(&http::Method::GET, &uri).start(Now::default(), 7);
    /// assert_eq!(*call.policy(), Policy::background());
    /// # Ok::<(), forbear::EndpointsError>(())
    /// ```
    pub fn replace(&self, by: EndpointsBuilder) -> Result<(), EndpointsError> {
        self.0.hosts.replace(|before| by.table(Some(before)))
    }

    /// Describes a call, whose endpoint is looked up when it [starts](CallBuilder::start).
    pub fn call<'a>(&'a self, method: &'a Method, uri: &'a Uri) -> CallBuilder<'a> {
        self.call_to(method, Origin::of_uri(uri), uri.path())
    }

    /// Returns the numbers of this moment, cheap enough to take every second. Those of a `Client` are in `Client::snapshot`,
    /// which knows the time.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let table = self.0.hosts.table();
        let named = table
            .named
            .iter()
            .map(|endpoint| EndpointSnapshot::of(endpoint, None, self.0.switched(Some(endpoint)), now));
        let mut hosts = self.0.hosts.all();
        hosts.sort_unstable_by(|one, other| one.origin.cmp(&other.origin));
        let switched = self.0.switched(None);
        let hosts = hosts.iter().map(|host| EndpointSnapshot::of(&host.fallback, Some(&host.origin), switched, now));
        let mut endpoints = Vec::with_capacity(named.len() + hosts.len());
        endpoints.extend(named.chain(hosts.filter(|host| host.attempts() > 0)));
        Snapshot::new(endpoints)
    }

    pub(crate) fn call_to<'a>(&'a self, method: &'a Method, origin: Origin<'a>, path: &'a str) -> CallBuilder<'a> {
        CallBuilder::on(self, method, origin, path)
    }
}

/// As [`Endpoints::new`].
impl From<Policy> for Endpoints {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("fallback", &self.0.hosts.table().fallback).finish_non_exhaustive()
    }
}
