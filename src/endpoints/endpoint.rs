//! What a user says of an endpoint.

use std::fmt;

use http::Method;

use super::shown::Shown;
use crate::budget::Budget;
use crate::endpoint::BudgetOf;
use crate::policy::Policy;

/// A group of requests with a name, a policy and a budget of its own.
///
/// Without a host it is for any, without methods for all, without a path for every path.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::{Endpoint, Endpoints, Now, Policy};
/// # use http::{Method, Uri};
/// let endpoints = Endpoints::builder()
///     .endpoint(Endpoint::new("payments").host("payments.internal"))
///     .endpoint(
///         Endpoint::new("charges")
///             .host("payments.internal")
///             .method(Method::POST)
///             .path("/v1/charges/{id}")
///             .policy(Policy::builder().max_attempts(2).max_elapsed(Duration::from_secs(5)).build()?),
///     )
///     .build()?;
///
/// let name = |method, uri| {
///     let call = endpoints.call(&method, &Uri::from_static(uri)).start(Now::default(), 7);
///     call.endpoint().to_owned()
/// };
/// assert_eq!(name(Method::POST, "https://payments.internal/v1/charges/7"), "charges");
/// assert_eq!(name(Method::GET, "https://payments.internal/v1/charges/7"), "payments");
/// assert_eq!(name(Method::GET, "https://orders.internal/v1/orders/7"), "fallback");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Which one a request belongs to
///
/// Of the endpoints whose host, path and methods match it, the most specific:
///
/// 1. **The host.** An exact one goes before `*.east.internal`, that before `*.internal`, and that before no host at all.
///    Of the same name, one with a port goes first: a name says more than a port.
/// 2. **The path.** Two templates are compared in the first segment, from the left, that is not the same kind of thing in
///    both: text goes before a parameter, and a parameter before a tail. One that ends there goes before a tail, too.
/// 3. **The method.** One that names it goes before one for all methods.
///
/// Where the most specific endpoint of a host has other methods or another path, the next one has its turn, and in the end
/// the fallback. Two of which neither could go before the other are an error when built, so that the order in which they
/// are written never matters.
///
/// # What is the same
///
/// | | |
/// |---|---|
/// | `*.internal` | each host below, as `a.b.internal`; not `internal` itself |
/// | no port in the endpoint | any port |
/// | `payments.internal:443` | `https://payments.internal`, too: a URL without a port has that of its scheme |
/// | `Payments.Internal` | is `payments.internal`; but `/V1` is not `/v1`, and `get` not `GET` |
/// | `payments.internal.` | is `payments.internal` |
/// | IPv6 | any spelling: `[0:0::1]` is `[::1]`. An endpoint without a port may leave out the brackets |
/// | IPv4 | four decimal numbers. Any other host that ends in a number is an error in an endpoint |
/// | names in other letters | in punycode, `xn--…`, as clients send them. Anything else is an error in an endpoint |
/// | `{id}` | one whole segment that is not empty. The name makes no difference |
/// | `{*rest}` | the tail, all segments that follow or none: `/v1/{*rest}` matches `/v1`, too; `/{*rest}` is as no path |
/// | `/v1/` | is `/v1`. Of two slashes at the end one stays |
/// | `/v1//charges` | is not `/v1/charges`: it has an empty segment |
/// | an empty path, `*` | are `/`: the targets of `CONNECT` and of `OPTIONS *` |
/// | `/%63harges` | is `/charges`: a letter, a digit, `-`, `.`, `_` and `~` need no escape (RFC 3986 §6.2.2.2) |
/// | `/a%2fb` | is `/a%2Fb` and not `/a/b`: any other escape stays one, as `%3A` is no colon |
/// | `/é`, `/a b` | are `/%C3%A9` and `/a%20b`: what may not stand in a path is its escape. What is not printed is an error in an endpoint: write `%0A` |
/// | `/a/../b` | is `/b` in a request (RFC 3986 §5.2.4), with `%2E`, too. In a template it is an error |
/// | query, fragment, user | play no part, and are an error in an endpoint |
///
/// A look-up takes well below a microsecond. It allocates only if the path has to be rewritten to be compared, or if its
/// template has more than three parameters.
#[derive(Clone)]
#[must_use = "an endpoint does nothing until it is among `Endpoints`"]
pub struct Endpoint {
    /// Where it stands in a file.
    pub(super) place: Option<String>,
    pub(super) name: String,
    pub(super) host: Option<String>,
    pub(super) methods: Vec<Method>,
    pub(super) path: Option<String>,
    pub(super) policy: Option<Policy>,
    pub(super) idempotent: Option<bool>,
    pub(super) budget: Option<(BudgetOf, Budget)>,
}

impl Endpoint {
    /// Returns an endpoint for all requests that no other is for.
    ///
    /// Its name is `retry.endpoint` in events. It is 1 to 100 printed characters long, unlike all others, and not `fallback`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            place: None,
            name: name.into(),
            host: None,
            methods: Vec::new(),
            path: None,
            policy: None,
            idempotent: None,
            budget: None,
        }
    }

    /// Says where it stands, for those who have to mend it.
    #[cfg(feature = "serde")]
    pub(crate) fn at(mut self, place: String) -> Self {
        self.place = Some(place);
        self
    }

    /// Sets its host: `payments.internal`, `*.internal`, `10.0.0.7:8443`, `[::1]`. Default any.
    ///
    /// The hosts of one endpoint share its budget; only the fallback has one for each.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Adds a method. Default all.
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Sets the template of its paths: `/v1/charges/{id}`, `/v1/{*rest}`. Default any path.
    ///
    /// It is `url.template` in events, as it is written here.
    pub fn path(mut self, template: impl Into<String>) -> Self {
        self.path = Some(template.into());
        self
    }

    /// Sets its policy. Default that of the fallback.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets the budget that its retries are paid from. Default one of its own, as [`Budget::new`].
    ///
    /// Endpoints that are given clones of one share its credit.
    ///
    /// ```
    /// # use forbear::{Budget, Endpoint, Endpoints};
    /// let payments = Budget::new();
    /// let endpoints = Endpoints::builder()
    ///     .endpoint(Endpoint::new("charges").host("payments.internal").path("/v1/charges").budget(payments.clone()))
    ///     .endpoint(Endpoint::new("refunds").host("payments.internal").path("/v1/refunds").budget(payments))
    ///     .build()?;
    /// # Ok::<(), forbear::EndpointsError>(())
    /// ```
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some((BudgetOf::User, budget));
        self
    }

    /// Sets a budget that is shared with all that name it, and keeps its credit when they are replaced.
    #[cfg(feature = "serde")]
    pub(crate) fn named_budget(mut self, name: String, budget: Budget) -> Self {
        self.budget = Some((BudgetOf::Name(name), budget));
        self
    }

    /// Says whether its requests may be done twice. Default by method and `Idempotency-Key`.
    ///
    /// `true` is your promise that the server can process each of them twice without harm. `false` keeps even a GET, and a
    /// request with a key, from being repeated where it may have been processed: for a server that does not do as the
    /// method says, or does not look at keys. The caller's word about a single request goes before both.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }
}

/// With host and path as an error about them shows them.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &Shown(&self.name))
            .field("host", &self.host.as_deref().map(Shown))
            .field("methods", &self.methods)
            .field("path", &self.path.as_deref().map(Shown))
            .field("policy", &self.policy)
            .field("idempotent", &self.idempotent)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
