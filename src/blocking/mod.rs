//! The client over [`reqwest::blocking`].
//!
//! Policies, budgets, events and reports are those of the [asynchronous client](crate::Client), and so is what is decided.
//! What a client that blocks cannot do:
//!
//! | | |
//! |---|---|
//! | It does not look into bodies. | Nothing ends a read that takes too long. So the pages of proxies are no evidence, and a [`Classify`](crate::Classify) sees no body. |
//! | The response of a failed attempt is dropped unread. | As above; over HTTP/1.1 its connection is mostly lost. |
//! | A policy's `attempt_timeout` cuts off the reading of the body, too. | reqwest knows one timeout, and has it for both. |
//! | A hook is a closure. | There is no runtime for one that waits. |
//! | A multipart form is sent once. | It is a reader. |
//! | A redirect that one call follows makes others under way careful, too. | Nothing tells whose it was. |
//!
//! ```no_run
//! let client = forbear::blocking::Client::builder(reqwest::blocking::Client::builder()).build()?;
//! let response = client.get("http://orders.internal/v1/orders/7").send()?;
//! if let Some(report) = forbear::Report::of(&response) {
//!     println!("{report}");
//! }
//! # Ok::<(), forbear::Error>(())
//! ```

mod request;
mod transport;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Extensions, HeaderValue, Method};
use reqwest::blocking::{Body, Request, Response};
use reqwest::{IntoUrl, redirect};

pub use request::RequestBuilder;
use transport::Http;

use crate::attempt::Attempt;
use crate::client::methods::{builder_methods, client_methods};
use crate::client::transport::Wishes;
use crate::client::{Error, has_default_redirects};
use crate::drive::{Door, Hooks, Keys, clock};
use crate::endpoints::{Endpoints, Snapshot};
use crate::event::{Listener, Observer};
use crate::policy::Policy;
use crate::report::Carrier;

/// A blocking reqwest client that retries with patience. Cheap to clone; clones share connections and budgets.
///
/// As reqwest's own it must not be used on a thread of an asynchronous runtime.
#[derive(Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    door: Arc<Door>,
    hooks: Option<Arc<Hooks<Request>>>,
    /// How many redirects were followed, if they are watched.
    redirects: Option<Arc<AtomicU64>>,
}

impl Client {
    /// Returns a builder over reqwest's. To be preferred: what it builds knows what happens inside.
    pub fn builder(http: reqwest::blocking::ClientBuilder) -> ClientBuilder {
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

    /// Wraps a finished client, with the default policy. As careful as [`forbear::Client::new`](crate::Client::new).
    #[must_use]
    pub fn new(http: reqwest::blocking::Client) -> Self {
        Self::with_endpoints(http, Endpoints::default())
    }

    /// Wraps a finished client, with a policy, or with endpoints that may be shared with others. As careful as
    /// [`new`](Self::new).
    #[must_use]
    pub fn with_endpoints(http: reqwest::blocking::Client, endpoints: impl Into<Endpoints>) -> Self {
        Self { http, door: Arc::new(Door::careful(endpoints.into())), hooks: None, redirects: None }
    }

    /// Returns this client with one hook more, after those that it has. Its clones stay as they are, and share connections
    /// and budgets with it.
    #[must_use]
    pub fn before_attempt<F>(mut self, hook: F) -> Self
    where
        F: Fn(&mut Request, &Attempt) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
        Hooks::add_to(&mut self.hooks, hook);
        self
    }

    fn door_mut(&mut self) -> &mut Door {
        Arc::make_mut(&mut self.door)
    }

    /// Returns the reqwest client inside, for what is not to be retried.
    #[must_use]
    pub fn as_reqwest(&self) -> &reqwest::blocking::Client {
        &self.http
    }

    /// Returns the numbers of its endpoints now, by the clock of its calls.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.door.endpoints.snapshot(clock::now())
    }

    client_methods!();

    /// Sends a finished request, and again where that is safe, useful and paid for. Blocks meanwhile.
    ///
    /// The request's own timeout is the time of the whole call.
    ///
    /// # Errors
    ///
    /// If no response came from the last attempt. A response is never an error.
    pub fn execute(&self, request: Request) -> Result<Response, Error> {
        self.execute_with(request, None)
    }

    fn execute_with(&self, request: Request, wishes: Option<Box<Wishes<Body>>>) -> Result<Response, Error> {
        let (mut call, http) = Http::call(self, request, wishes);
        http.drive(&mut call).map_err(|lost| Error::lost(lost, call.take_report()))
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

/// Turns a response whose status is between 400 and 599 into an [`Error`] that keeps its [`Report`](crate::Report).
///
/// # Errors
///
/// If the status is between 400 and 599.
pub fn error_for_status(mut response: Response) -> Result<Response, Error> {
    match Error::of_status(response.status(), response.extensions_mut()) {
        Some(error) => Err(error),
        None => Ok(response),
    }
}

/// Builds a [`Client`] over a blocking reqwest client of its own.
///
/// reqwest's retries are switched off and replaced by this crate's. Redirects are counted: while none is followed,
/// what fails may prove that nothing was processed.
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    http: reqwest::blocking::ClientBuilder,
    redirect: Option<redirect::Policy>,
    endpoints: Option<Endpoints>,
    policy: Option<Policy>,
    observer: Option<Listener>,
    hooks: Hooks<Request>,
    keys: Keys,
}

impl ClientBuilder {
    builder_methods!();

    /// Adds what is asked before each attempt, as a [`Hook`](crate::Hook) of the asynchronous client is. Default nothing.
    pub fn before_attempt<F>(mut self, hook: F) -> Self
    where
        F: Fn(&mut Request, &Attempt) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
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
        let redirects = watched.is_some().then(Arc::default);
        if let (Some(policy), Some(redirects)) = (watched, &redirects) {
            http = http.redirect(counted(policy, Arc::clone(redirects)));
        }
        let http = http.build().map_err(|error| Error::from_reqwest(error, None))?;
        let hidden_redirects = redirects.is_none();
        let door = Door { endpoints, keys: self.keys, hidden_redirects };
        Ok(Client { http, door: Arc::new(door), hooks: self.hooks.into_shared(), redirects })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// Wraps a redirect policy so that each redirect is counted before it is followed.
///
/// It is asked on the thread of reqwest's runtime, which serves all calls. Whoever reads the count before an attempt and
/// after it knows for certain only that there was no redirect.
fn counted(policy: redirect::Policy, redirects: Arc<AtomicU64>) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        redirects.fetch_add(1, Ordering::Relaxed); // the reply that follows orders it
        policy.redirect(attempt)
    })
}
