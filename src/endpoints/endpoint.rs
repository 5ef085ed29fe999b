//! What a user says of an endpoint.

use http::Method;

use crate::policy::Policy;

/// A group of requests with a name, a policy and a budget of its own.
///
/// Without a host it is for any, without methods for all, without a path for every path.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::{Endpoint, Endpoints, Policy};
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
/// let name = |method, uri| endpoints.call(&method, &Uri::from_static(uri)).start(Default::default(), 7).endpoint().to_owned();
/// assert_eq!(name(Method::POST, "https://payments.internal/v1/charges/7"), "charges");
/// assert_eq!(name(Method::GET, "https://payments.internal/v1/charges/7"), "payments");
/// assert_eq!(name(Method::GET, "https://orders.internal/v1/orders/7"), "fallback");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Which one a request belongs to
///
/// Of the endpoints whose host, path and methods all match it, the most specific; the order of declaration never matters.
///
/// 1. **The host.** An exact name or address goes before `*.east.internal`, that before `*.internal`, and that before no
///    host. Of the same name, the one with a port goes first: a name says more than a port.
/// 2. **The path.** Of two templates the one that is more specific in the first segment from the left in which they
///    differ: text goes before a parameter, and a parameter before a tail. One that ends there goes before a tail, too.
/// 3. **The method.** One that names it goes before one for all methods.
///
/// A request that matches none of them belongs to the fallback of its host. Two endpoints of which neither could go
/// before the other are an error when built.
///
/// # What is the same, and what is not
///
/// | | |
/// |---|---|
/// | `*.internal` | every host below it, `a.b.internal` too; not `internal` itself |
/// | a host without a port | any port |
/// | a port | that of the URL or the default of its scheme: `https://payments.internal` matches `payments.internal:443` |
/// | upper case | makes no difference in a host, but in a path and in a method: `/V1` is not `/v1`, `get` not `GET` |
/// | a dot at the end of a host | makes no difference |
/// | IPv6 | in any spelling: `[::1]` is `[0:0::1]`. In an endpoint without a port the brackets may be left out |
/// | names in other letters | only as punycode, `xn--…`, as clients send them |
/// | `{id}` | one segment, whole and not empty; its name makes no difference. It may contain `%2F` |
/// | `{*rest}` | the tail: all segments that follow, or none: `/v1/{*rest}` matches `/v1`, too |
/// | a slash at the end | makes no difference: `/v1/` is `/v1`. Of two slashes one stays |
/// | `//` | an empty segment, which is not nothing: `/v1//charges` is not `/v1/charges` |
/// | no path, and `*` of `OPTIONS *` | are `/` |
/// | `CONNECT host:443` | has a host and the path `/` |
/// | `%63`, `%7E` | letters, digits, `-`, `.`, `_` and `~` are the same with and without an escape (RFC 3986 §6.2.2.2) |
/// | `%2f`, `%3A` | all others are not: `%2F` is no slash. `%2f` is `%2F` |
/// | a blank, `é`, `"` | what may not stand in a path is the same as its escape: `%20`, `%C3%A9`, `%22` |
/// | `.` and `..` | are resolved in requests, `%2E` too (RFC 3986 §5.2.4), and an error in templates |
/// | query, fragment, user | play no part, and are an error in an endpoint |
///
/// A look-up takes much less than a microsecond and allocates nothing, unless the path of the request has to be rewritten to
/// compare it, or its template has more than three parameters.
#[derive(Clone, Debug)]
#[must_use = "an endpoint does nothing until it is among `Endpoints`"]
pub struct Endpoint {
    pub(super) name: String,
    pub(super) host: Option<String>,
    pub(super) methods: Vec<Method>,
    pub(super) path: Option<String>,
    pub(super) policy: Option<Policy>,
    pub(super) idempotent: Option<bool>,
}

impl Endpoint {
    /// Returns an endpoint for all requests that no other is for.
    ///
    /// Its name is `retry.endpoint` in events. It is 1 to 100 characters long, unlike all others, and not `fallback`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), host: None, methods: Vec::new(), path: None, policy: None, idempotent: None }
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
