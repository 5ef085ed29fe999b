//! A patient `reqwest::Client`.

mod body;
mod error;
mod observe;
mod replay;
mod request;
mod transport;

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderValue, Method};
use reqwest::{IntoUrl, Request, Response, redirect};

pub use error::{Error, error_for_status};
pub use request::RequestBuilder;
use transport::{Door, Wishes};

use crate::drive::{Hook, Hooks, clock};
use crate::endpoints::{Endpoints, Snapshot};
use crate::event::{Listener, Observer};
use crate::policy::Policy;
use crate::report::Carrier;

/// A reqwest client that retries with patience. Cheap to clone; clones share connections and budgets.
///
/// It needs a tokio runtime with time enabled, as `#[tokio::main]` makes it: on one without, reqwest's timeouts and the
/// wait before a retry panic.
///
/// ```no_run
/// # async fn run() -> Result<(), forbear::Error> {
/// let client = forbear::Client::builder(reqwest::Client::builder()).build()?;
/// let response = client.get("http://orders.internal/v1/orders/7").send().await?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    door: Door,
}

impl Client {
    /// Returns a builder over reqwest's. To be preferred: what it builds knows what happens inside.
    pub fn builder(http: reqwest::ClientBuilder) -> ClientBuilder {
        ClientBuilder { http, redirect: None, endpoints: None, policy: None, observer: None, hooks: Hooks::default() }
    }

    /// Wraps a finished client, with the default policy.
    ///
    /// More careful than [`builder`](Self::builder): it cannot see redirects inside, so it never repeats a request
    /// that is not idempotent. reqwest's own retries go on below it, uncounted.
    #[must_use]
    pub fn new(http: reqwest::Client) -> Self {
        Self::with_endpoints(http, Endpoints::default())
    }

    /// Wraps a finished client, with endpoints that may be shared with others. As careful as [`new`](Self::new).
    #[must_use]
    pub fn with_endpoints(http: reqwest::Client, endpoints: Endpoints) -> Self {
        Self { http, door: Door { endpoints, hooks: Arc::default(), hidden_redirects: true } }
    }

    /// Returns the reqwest client inside, for what is not to be retried.
    ///
    /// One that [`builder`](Self::builder) made does not retry by itself either.
    #[must_use]
    pub fn as_reqwest(&self) -> &reqwest::Client {
        &self.http
    }

    /// Returns the numbers of its endpoints now, by the clock of its calls.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.door.endpoints.snapshot(clock::now())
    }

    /// Starts a GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.http.request(method, url))
    }

    /// Sends a finished request, and again where that is safe, useful and paid for.
    ///
    /// The request's own timeout is the time of the whole call.
    ///
    /// # Errors
    ///
    /// If no response came from the last attempt. A response is never an error.
    pub fn execute(&self, request: Request) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.execute_with(Ok(request), Wishes::default())
    }

    fn execute_with(
        &self,
        request: Result<Request, Error>,
        wishes: Wishes,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let mut prepared = request.map(|request| self.door.call(self.http.clone(), request, wishes));
        async move {
            let (call, http) = match prepared {
                Ok((ref mut call, ref mut http)) => (call, http),
                Err(error) => return Err(error),
            };
            http.drive(call).await.map_err(|lost| Error::lost(lost, call.take_report()))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.door.endpoints).finish_non_exhaustive()
    }
}

impl Carrier for Response {
    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

/// Builds a [`Client`] over a reqwest client of its own.
///
/// reqwest's retries are switched off and replaced by this crate's, a `.retry(..)` of the user's too; where a policy sends
/// once, or is off, they stay switched off. Redirects are
/// watched, because after one nothing proves that the first hop did nothing.
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    http: reqwest::ClientBuilder,
    redirect: Option<redirect::Policy>,
    endpoints: Option<Endpoints>,
    policy: Option<Policy>,
    observer: Option<Listener>,
    hooks: Hooks<Request>,
}

impl ClientBuilder {
    /// Sets the policy of all hosts. Default [`Policy::default`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets who listens to the events. Default: `Tracing` with the feature `tracing`, else nobody.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Listener::new(observer));
        self
    }

    /// Sets the endpoints, which may be shared with others. They go before [`policy`](Self::policy) and
    /// [`observer`](Self::observer), which are parts of them.
    pub fn endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = Some(endpoints);
        self
    }

    /// Sets the redirect policy. Default: reqwest's.
    ///
    /// Set it here and not on reqwest's builder: one that is set there is kept but cannot be watched, and the client
    /// is as careful as one from [`Client::new`].
    pub fn redirect(mut self, policy: redirect::Policy) -> Self {
        self.redirect = Some(policy);
        self
    }

    /// Adds what is asked before each attempt, after those that were added before. Default nothing.
    pub fn before_attempt(mut self, hook: impl Hook<Request> + 'static) -> Self {
        self.hooks.add(hook);
        self
    }

    /// Sends an `Idempotency-Key` with each request whose method is not idempotent, and repeats it as if it were. Default off.
    ///
    /// A key is made once for each call, is the same in all of its attempts, and never replaces one of the caller's. Use
    /// it only if all servers of this client know the header: to others a repeated POST is a second one. For some of them,
    /// set the header on the request. [`random_key`](crate::random_key) makes what any server takes.
    ///
    /// ```
    /// # use forbear::{Client, random_key};
    /// let client = Client::builder(reqwest::Client::builder()).idempotency_keys(random_key).build()?;
    /// # Ok::<(), forbear::Error>(())
    /// ```
    pub fn idempotency_keys(mut self, generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
        self.hooks.make_keys(generator);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// If reqwest cannot build its own.
    pub fn build(self) -> Result<Client, Error> {
        let endpoints = self.endpoints.unwrap_or_else(|| {
            let policy = self.policy.unwrap_or_default();
            match self.observer {
                Some(observer) => Endpoints::observed(policy, observer),
                None => Endpoints::new(policy),
            }
        });
        // `never()` alone would still clone every request.
        let mut http = self.http.retry(reqwest::retry::never().max_retries_per_request(0));
        let watched = self.redirect.or_else(|| has_default_redirects(&http).then(redirect::Policy::default));
        let hidden_redirects = watched.is_none();
        if let Some(policy) = watched {
            http = http.redirect(observe::watched(policy));
        }
        let http = http.build().map_err(|error| Error::from_reqwest(error, None))?;
        Ok(Client { http, door: Door { endpoints, hooks: Arc::new(self.hooks), hidden_redirects } })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Returns whether a builder still has reqwest's own redirect policy.
///
/// Only its `Debug` tells. So that a change of that format cannot make us replace a policy of the user's, it is
/// trusted only while it shows one that is known to be set.
fn has_default_redirects(http: &reqwest::ClientBuilder) -> bool {
    const FIELD: &str = "redirect_policy";
    let known_to_be_set = reqwest::Client::builder().redirect(redirect::Policy::none());
    !format!("{http:?}").contains(FIELD) && format!("{known_to_be_set:?}").contains(FIELD)
}
