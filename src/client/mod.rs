//! A patient `reqwest::Client`.

mod body;
mod error;
pub(crate) mod methods;
mod observe;
mod replay;
mod request;
#[cfg(feature = "test-util")]
mod script;
pub(crate) mod transport;
mod way;

use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderValue, Method};
use reqwest::{Body, IntoUrl, Request, Response, redirect};

pub use error::{Error, error_for_status};
#[cfg(feature = "tower")]
pub(crate) use error::{shows_url, without_url};
use methods::{builder_methods, client_methods};
#[cfg(any(feature = "blocking", feature = "middleware", feature = "tower"))]
pub(crate) use observe::failure;
pub use request::RequestBuilder;
#[cfg(feature = "test-util")]
pub use script::Script;
use transport::{Http, Wishes};

use crate::drive::{Door, Hook, Hooks, Keys, clock};
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
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    http: reqwest::Client,
    #[cfg(feature = "test-util")]
    script: Option<Script>,
    door: Arc<Door>,
    hooks: Option<Arc<Hooks<Request>>>,
}

impl Client {
    /// Returns a builder over reqwest's. To be preferred: what it builds knows what happens inside.
    pub fn builder(http: reqwest::ClientBuilder) -> ClientBuilder {
        ClientBuilder {
            http,
            redirect: None,
            endpoints: None,
            policy: None,
            observer: None,
            hooks: Hooks::default(),
            keys: Keys::default(),
        }
    }

    /// Wraps a finished client, with the default policy.
    ///
    /// More careful than [`builder`](Self::builder): it cannot see redirects inside, so it never repeats a request
    /// that is not idempotent, unless you say [`without_redirects`](Self::without_redirects). reqwest's own retries go on
    /// below it, uncounted.
    #[must_use]
    pub fn new(http: reqwest::Client) -> Self {
        Self::with_endpoints(http, Endpoints::default())
    }

    /// Wraps a finished client, with a policy, or with endpoints that may be shared with others. As careful as
    /// [`new`](Self::new).
    #[must_use]
    pub fn with_endpoints(http: reqwest::Client, endpoints: impl Into<Endpoints>) -> Self {
        Self::of(http, Door::careful(endpoints.into()), Hooks::default())
    }

    /// Returns this client with one hook more, after those that it has. Its clones stay as they are, and share connections
    /// and budgets with it.
    ///
    /// For a client that others made:
    ///
    /// ```
    /// # use forbear::{Attempt, Client};
    /// # fn client_of_the_user() -> reqwest::Client { reqwest::Client::new() }
    /// let client = Client::new(client_of_the_user()).before_attempt(|request: &mut reqwest::Request, _: &Attempt| {
    ///     request.headers_mut().insert("x-api-version", http::HeaderValue::from_static("7"));
    ///     Ok(())
    /// });
    /// ```
    #[must_use]
    pub fn before_attempt(mut self, hook: impl Hook<Request> + 'static) -> Self {
        Hooks::add_to(&mut Arc::make_mut(&mut self.0).hooks, hook);
        self
    }

    fn door_mut(&mut self) -> &mut Door {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0).door)
    }

    fn of(http: reqwest::Client, door: Door, hooks: Hooks<Request>) -> Self {
        Self(Arc::new(Inner {
            http,
            #[cfg(feature = "test-util")]
            script: None,
            door: Arc::new(door),
            hooks: hooks.into_shared(),
        }))
    }

    /// Returns the reqwest client inside, for what is not to be retried.
    ///
    /// One that [`builder`](Self::builder) made does not retry by itself either.
    #[must_use]
    pub fn as_reqwest(&self) -> &reqwest::Client {
        &self.0.http
    }

    /// Returns the numbers of its endpoints now, by the clock of its calls.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.door.endpoints.snapshot(clock::now())
    }

    client_methods!();

    /// Sends a finished request, and again where that is safe, useful and paid for.
    ///
    /// The request's own timeout is the time of the whole call.
    ///
    /// # Errors
    ///
    /// If no response came from the last attempt. A response is never an error.
    pub fn execute(&self, request: Request) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.execute_with(Ok(request), None)
    }

    #[inline] // so that the request is built where it is kept
    fn execute_with(
        &self,
        request: reqwest::Result<Request>,
        wishes: Option<Box<Wishes<Body>>>,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let mut prepared = request
            .map(|request| Http::new(self.clone(), Arc::clone(&self.0.door), self.0.hooks.clone(), request, wishes));
        async move {
            let http = match prepared {
                Ok(ref mut http) => http, // where it is: moved, it would be held twice
                Err(error) => return Err(Error::from_reqwest(error, None)),
            };
            let mut call = http.start();
            http.drive(&mut call).await.map_err(|lost| Error::lost(lost, call.take_report()))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.0.door.endpoints).finish_non_exhaustive()
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
    keys: Keys,
}

impl ClientBuilder {
    builder_methods!();

    /// Adds what is asked before each attempt, after those that were added before. Default nothing.
    pub fn before_attempt(mut self, hook: impl Hook<Request> + 'static) -> Self {
        self.hooks.add(hook);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// If reqwest cannot build its own.
    pub fn build(mut self) -> Result<Client, Error> {
        let endpoints = self.take_endpoints();
        // `never()` alone would still clone every request.
        let mut http = self.http.retry(reqwest::retry::never().max_retries_per_request(0));
        let watched = self.redirect.or_else(|| has_default_redirects(&http).then(redirect::Policy::default));
        let hidden_redirects = watched.is_none();
        if let Some(policy) = watched {
            http = http.redirect(observe::watched(policy));
        }
        let http = http.build().map_err(|error| Error::from_reqwest(error, None))?;
        Ok(Client::of(http, Door { endpoints, keys: self.keys, hidden_redirects }, self.hooks))
    }
}

#[cfg(feature = "test-util")]
impl ClientBuilder {
    /// Builds a client that sends nothing and is answered by a script, for tests.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_scripted(self, script: &Script) -> Result<Client, Error> {
        let mut client = self.build()?;
        Arc::make_mut(&mut client.0).script = Some(script.clone());
        Ok(client)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Returns whether a builder, asynchronous or blocking, still has reqwest's own redirect policy.
///
/// Only its `Debug` tells. So that a change of that format cannot make us replace a policy of the user's, it is
/// trusted only while it shows one that is known to be set.
pub(crate) fn has_default_redirects(http: &impl fmt::Debug) -> bool {
    const FIELD: &str = "redirect_policy";
    let known_to_be_set = reqwest::Client::builder().redirect(redirect::Policy::none());
    !format!("{http:?}").contains(FIELD) && format!("{known_to_be_set:?}").contains(FIELD)
}
