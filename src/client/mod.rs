//! A patient `reqwest::Client`.

mod body;
mod error;
mod observe;
mod replay;
mod request;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Method;
use reqwest::{IntoUrl, Request, Response, redirect};

pub use error::{Error, error_for_status};
use request::Overrides;
pub use request::RequestBuilder;

use crate::call::{Attempt, Call};
use crate::drive::{self, Transport, clock};
use crate::endpoints::{Endpoints, Snapshot};
use crate::event::Observer;
use crate::origin::Origin;
use crate::outcome::{Failure, Outcome};
use crate::policy::Policy;
use crate::report::Report;

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
    endpoints: Endpoints,
    hidden_redirects: bool,
}

impl Client {
    /// Returns a builder over reqwest's. To be preferred: what it builds knows what happens inside.
    pub fn builder(http: reqwest::ClientBuilder) -> ClientBuilder {
        ClientBuilder { http, redirect: None, endpoints: None, policy: None, observer: None }
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
        Self { http, endpoints, hidden_redirects: true }
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
        self.endpoints.snapshot(clock::now())
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
        self.execute_with(Ok(request), Overrides::default())
    }

    /// What the future holds is moved into it once and borrowed from there on: that keeps it small.
    fn execute_with(
        &self,
        request: Result<Request, Error>,
        overrides: Overrides,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let mut prepared = request.map(|mut request| {
            let form = overrides.form;
            let mut call = self.call(&request, overrides);
            if form && call.may_repeat() {
                replay::gather(&mut request);
                call.set_replayable(replay::is_replayable(&request));
            }
            let own_timeout = request.timeout().is_some();
            let http = Http {
                client: self.http.clone(),
                request: Some(request),
                own_timeout,
                looks_from: match (call.policy().looks_into_bodies(), call.policy().classifier()) {
                    (false, _) => None,
                    (true, None) => Some(500),
                    (true, Some(_)) => Some(400),
                },
                asked_for_json: false,
                redirected: false,
                seen: Bytes::new(),
            };
            (call, http)
        });
        async move {
            let (call, http) = match prepared {
                Ok((ref mut call, ref mut http)) => (call, http),
                Err(error) => return Err(error),
            };
            let reply = drive::drive(call, http).await;
            let report = call.take_report();
            match reply {
                Some(Ok(mut response)) => {
                    if let Some(report) = report {
                        response.extensions_mut().insert(report);
                    }
                    Ok(response)
                }
                Some(Err(Lost::Reqwest(error))) => Err(Error::from_reqwest(error, report)),
                Some(Err(Lost::TimedOut)) | None => Err(Error::timed_out(report)),
            }
        }
    }

    fn call(&self, request: &Request, overrides: Overrides) -> Call {
        let url = request.url();
        let origin = Origin::new(url.scheme(), url.host_str().unwrap_or_default(), url.port());
        let mut builder = self
            .endpoints
            .call_to(request.method(), origin, url.path())
            .headers(request.headers())
            .replayable(replay::is_replayable(request))
            .hidden_redirects(self.hidden_redirects);
        if let Some(idempotent) = overrides.idempotent {
            builder = builder.idempotent(idempotent);
        }
        if let Some(policy) = overrides.policy {
            builder = builder.policy(policy);
        }
        if let Some(max_elapsed) = overrides.max_elapsed {
            builder = builder.max_elapsed(max_elapsed);
        }
        if let Some(timeout) = request.timeout() {
            builder = builder.timeout(*timeout);
        }
        builder.start(clock::now(), clock::seed())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Report {
    /// Returns the report of a response, or `None` if the first attempt succeeded.
    #[must_use]
    pub fn of(response: &Response) -> Option<&Self> {
        response.extensions().get()
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
    observer: Option<Arc<dyn Observer>>,
}

impl ClientBuilder {
    /// Sets the policy of all hosts. Default [`Policy::default`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets who listens to the events. Default: `Tracing` with the feature `tracing`, else nobody.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
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
        Ok(Client { http, endpoints, hidden_redirects })
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

/// One request over reqwest.
struct Http {
    client: reqwest::Client,
    /// Taken by the last attempt.
    request: Option<Request>,
    /// Whether the request sets the time of the call, instead of the client's own timeout, as with reqwest.
    own_timeout: bool,
    /// The lowest status whose body is looked at, a 429 apart.
    looks_from: Option<u16>,
    /// Whether the request asked for JSON, noted when the last attempt takes it. Until then it tells that itself.
    asked_for_json: bool,
    /// Whether the attempt was redirected.
    redirected: bool,
    /// What was seen of the body of its reply.
    seen: Bytes,
}

type Reply = Result<Response, Lost>;

/// How an attempt ended without a response.
enum Lost {
    Reqwest(reqwest::Error),
    TimedOut,
}

impl Http {
    fn execute(&mut self, attempt: &Attempt) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        let kept = if attempt.is_last() { None } else { self.request.as_mut().map(replay::copy) };
        #[expect(clippy::expect_used, reason = "no attempt follows the last, and every other one keeps the request")]
        let mut request = std::mem::replace(&mut self.request, kept).expect("a request is left for this attempt");
        if self.own_timeout {
            *request.timeout_mut() = attempt.time_left(); // limits the reading of the body, too
        }
        if self.request.is_none() {
            self.asked_for_json = observe::asks_for_json(request.headers());
        }
        self.client.execute(request)
    }

    fn asked_for_json(&self) -> bool {
        self.request.as_ref().map_or(self.asked_for_json, |request| observe::asks_for_json(request.headers()))
    }
}

impl Transport for Http {
    type Reply = Reply;

    async fn send(&mut self, attempt: &Attempt) -> Reply {
        let sent_at = clock::now();
        let executing = self.execute(attempt);
        self.redirected = false;
        let response = observe::redirects(&mut self.redirected, executing).await.map_err(Lost::Reqwest)?;
        match attempt.time_left() {
            Some(left) if !self.own_timeout => {
                Ok(body::limit(response, left.saturating_sub(clock::now().saturating_since(sent_at))))
            }
            Some(_) | None => Ok(response),
        }
    }

    fn timed_out(&mut self) -> Reply {
        Err(Lost::TimedOut)
    }

    async fn look_into(&mut self, reply: Reply) -> Reply {
        match reply {
            Ok(response) if self.looks_from.is_some_and(|from| body::may_tell(&response, from)) => {
                let (response, seen) = Box::pin(body::look_into(response)).await; // large, and seldom needed
                self.seen = seen;
                Ok(response)
            }
            other => {
                self.seen = Bytes::new();
                other
            }
        }
    }

    fn outcome<'r>(&'r self, reply: &'r Reply, received_at: SystemTime) -> Outcome<'r> {
        match reply {
            Ok(response) => Outcome::response(response.status(), response.headers(), received_at)
                .body(&self.seen)
                .asked_for_json(response.status().as_u16() >= 500 && self.asked_for_json()),
            Err(Lost::Reqwest(error)) => Outcome::failure(observe::failure(error)),
            Err(Lost::TimedOut) => Outcome::failure(Failure::Timeout),
        }
        .redirected(self.redirected)
    }

    async fn set_aside(&mut self, reply: Reply) -> Reply {
        match reply {
            Ok(response) => Ok(Box::pin(body::set_aside(response)).await), // large, and seldom needed
            Err(lost) => Err(lost),
        }
    }
}
