//! For stacks of [tower](https://docs.rs/tower): a layer over any service that takes an `http::Request`, or reqwest's.
//!
//! ```
//! use std::time::Duration;
//!
//! use forbear::Policy;
//! use forbear::tower::RetryLayer;
//! use http::{Request, Response};
//! use tower::{Service as _, ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), forbear::tower::Error> {
//! # let client = service_fn(|_: Request<String>| async { Ok::<_, std::io::Error>(Response::new(())) });
//! let mut service = ServiceBuilder::new()
//!     .layer(RetryLayer::new(Policy::default())) // outside: of a call
//!     .timeout(Duration::from_secs(2)) // inside: of each attempt
//!     .service(client);
//!
//! let response = service.call(Request::get("http://orders.internal/7").body(String::new()).unwrap()).await?;
//! if let Some(report) = forbear::Report::of(&response) {
//!     println!("{report}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The same over reqwest:
//!
//! ```no_run
//! # #[cfg(feature = "reqwest")] mod over_reqwest {
//! # use forbear::Policy;
//! # use forbear::tower::RetryLayer;
//! # use reqwest::{Method, Request};
//! # use tower::{Service as _, ServiceBuilder, ServiceExt as _};
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut service = ServiceBuilder::new().layer(RetryLayer::new(Policy::default())).service(reqwest::Client::new());
//! let request = Request::new(Method::GET, "http://orders.internal/7".parse()?);
//! let response = service.ready().await?.call(request).await?;
//! # drop(response);
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! # Which order
//!
//! What a stack names first is outermost.
//!
//! | layer | inside of [`RetryLayer`] | outside of it |
//! |---|---|---|
//! | timeout | limits each attempt; counts as [`Failure::Timeout`]. A policy's `attempt_timeout` does the same | limits the call, its waits too; to cut it off is safe at any point |
//! | concurrency or rate limit | each attempt takes its place in the line, and none is held through a wait: mostly what you want. The wait for a place is none of the attempt's time | a call holds its place while it waits |
//! | load shed | what is shed was never sent and is the client's own affair: handed back at once. A retry that is shed ends the call so, too, and the response that it was to replace is gone | the same, before a call begins |
//! | trace | a span for each attempt, as OpenTelemetry asks; from the second on [`Attempt`](crate::Attempt) in the extensions of an `http::Request` tells its `resend_count` | one span for the call |
//! | base URL, authorization, signing | done for each attempt; a host that only they know is not seen, and all hosts share one budget | done once, and repeated as it is |
//! | redirects | hidden: what is not idempotent is then never repeated | each hop is a call |
//! | decompression | error bodies are as they are read | the same |
//!
//! There are no hooks here: a layer inside is one, and knows by the [`Attempt`](crate::Attempt) of a retry which it is.
//!
//! # What a generic body cannot do
//!
//! It cannot be looked at and handed on as it was. So the pages of proxies are no evidence, a [`Classify`](crate::Classify)
//! sees no body, and the response of a failed attempt is dropped unread, which over HTTP/1.1 mostly costs its connection. Nor
//! can its reading be limited: a policy's `timeout` ends with the head.
//!
//! A stack over `reqwest::Client` does all three. But the extensions of reqwest's requests are its own: such a request has
//! no [`Overrides`](crate::Overrides) and shows no [`Attempt`](crate::Attempt), and a stream is sent once.

mod error;
mod future;
mod ready;
mod replay;
#[cfg(feature = "reqwest")]
mod reqwest;
mod transport;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::tower::{Layer, Service};
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestFuture;
pub use error::Error;
use future::Driving;
pub use replay::{CloneBody, Replay};
use transport::Http;

use crate::drive::{BoxError, Door, Keys, clock};
use crate::endpoints::{Endpoints, Snapshot};
use crate::outcome::Failure;

/// Puts [`Retry`] around services. Cheap to clone; clones share budgets.
///
/// An `http::Request` whose extensions hold [`Overrides`](crate::Overrides) has them. Its URI should name the host: what has none
/// shares one budget.
pub struct RetryLayer<P = CloneBody>(Arc<Terms<P>>);

/// What all calls through a layer have in common.
#[derive(Clone)]
struct Terms<P> {
    door: Arc<Door>,
    replay: P,
    failures: Failures,
}

impl RetryLayer {
    /// Returns a layer with a policy, or with endpoints that may be shared with others.
    ///
    /// Bodies that are `Clone` are replayed; for others, see [`replay_with`](Self::replay_with). Of reqwest's requests those are
    /// whose bodies are bytes.
    #[must_use]
    pub fn new(endpoints: impl Into<Endpoints>) -> Self {
        Self(Arc::new(Terms {
            door: Arc::new(Door::careful(endpoints.into())),
            replay: CloneBody(()),
            failures: Failures(None),
        }))
    }
}

impl<P: Clone> RetryLayer<P> {
    /// Sets how the body of an attempt is made of that of the one before. Default [`CloneBody`].
    ///
    /// ```
    /// # use forbear::Policy;
    /// # use forbear::tower::RetryLayer;
    /// enum Body { Bytes(Vec<u8>), Stream }
    ///
    /// let layer = RetryLayer::new(Policy::default()).replay_with(|body: &Body| match body {
    ///     Body::Bytes(bytes) => Some(Body::Bytes(bytes.clone())),
    ///     Body::Stream => None, // sent once, and the report says so
    /// });
    /// ```
    #[must_use]
    pub fn replay_with<B, F: Fn(&B) -> Option<B>>(self, replay: F) -> RetryLayer<F> {
        let Terms { door, failures, .. } = Arc::unwrap_or_clone(self.0);
        RetryLayer(Arc::new(Terms { door, replay, failures }))
    }

    /// Sets what knows the errors of a service of your own; `None` is for the default.
    ///
    /// By default the error and its sources are looked through: those of hyper, h2, hyper-util, reqwest and io, and those of
    /// tower's timeout and load shed. One that nobody knows is [`Failure::Interrupted`].
    ///
    /// ```
    /// # use std::error::Error;
    /// # use forbear::{Failure, Policy};
    /// # use forbear::tower::RetryLayer;
    /// # #[derive(Debug)]
    /// # struct NoToken;
    /// # impl std::fmt::Display for NoToken { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
    /// # impl Error for NoToken {}
    /// let layer = RetryLayer::new(Policy::default())
    ///     .failures(|error: &(dyn Error + 'static)| error.is::<NoToken>().then_some(Failure::Caller));
    /// ```
    #[must_use]
    pub fn failures<F>(mut self, known: F) -> Self
    where
        F: Fn(&(dyn StdError + 'static)) -> Option<Failure> + Send + Sync + 'static,
    {
        Arc::make_mut(&mut self.0).failures = Failures(Some(Arc::new(known)));
        self
    }

    /// Says that nothing inside follows redirects. Default that it may.
    ///
    /// Then what fails may prove that nothing was processed, and what is not idempotent is repeated where it does.
    #[must_use]
    pub fn without_redirects(mut self) -> Self {
        self.door().hidden_redirects = false;
        self
    }

    /// Sends an `Idempotency-Key` with each request whose method is not idempotent, and repeats it as if it were.
    /// Default off.
    ///
    /// A key is made once for each call, is the same in all of its attempts, and never replaces one of the caller's. Use
    /// it only if the servers know the header. [`random_key`](crate::random_key) makes what any of them takes.
    #[must_use]
    pub fn idempotency_keys(mut self, generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
        self.door().keys = Keys::of(generator);
        self
    }

    fn door(&mut self) -> &mut Door {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0).door)
    }
}

impl<P> RetryLayer<P> {
    /// Returns the numbers of its endpoints now, by the clock of its calls.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.door.endpoints.snapshot(clock::now())
    }
}

impl<P> Clone for RetryLayer<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> fmt::Debug for RetryLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("endpoints", &self.0.door.endpoints).finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for RetryLayer<P> {
    type Service = Retry<S, P>;

    fn layer(&self, inner: S) -> Retry<S, P> {
        Retry { inner, terms: Arc::clone(&self.0) }
    }
}

/// A service that retries the one inside with patience.
///
/// It is ready when that is. A retry waits, before it begins, until the service is ready again; if that fails, the response
/// that the retry was to replace is handed back.
///
/// The first attempt begins when the service is called. It needs a tokio runtime with time enabled: without one, calls of a
/// policy with a timeout panic, as tower's own timeout does, and the wait before a retry.
pub struct Retry<S, P = CloneBody> {
    inner: S,
    terms: Arc<Terms<P>>,
}

impl<S: Clone, P> Retry<S, P> {
    /// Takes the service that is ready, and leaves a clone that has yet to be.
    fn take_ready(&mut self) -> S {
        let next = self.inner.clone();
        std::mem::replace(&mut self.inner, next)
    }
}

impl<S, P, B, C> Service<Request<B>> for Retry<S, P>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Replay<B> + 'static,
    B: Send + 'static,
    C: Send + 'static,
{
    type Response = Response<C>;
    type Error = Error;
    type Future = ResponseFuture<S, B, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(|error| Error::new(Some(error.into()), None))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (http, call) = Http::start(Arc::clone(&self.terms), self.take_ready(), request);
        ResponseFuture { driving: Driving::begin(http, call) }
    }
}

impl<S: Clone, P> Clone for Retry<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), terms: Arc::clone(&self.terms) }
    }
}

impl<S, P> fmt::Debug for Retry<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("endpoints", &self.terms.door.endpoints).finish_non_exhaustive()
    }
}

pin_project! {
    /// The response to a call, or the [`Error`] of its last attempt. To drop it sends nothing more.
    #[project(!Unpin)]
    #[must_use = "a call goes on only while it is awaited"]
    pub struct ResponseFuture<S, B, P>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        driving: Driving<Http<S, B, P>, S::Future, S::Response>,
    }
}

impl<S, P, B, C> Future for ResponseFuture<S, B, P>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Replay<B> + 'static,
    B: Send + 'static,
    C: Send + 'static,
{
    type Output = Result<Response<C>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().driving.poll(cx)
    }
}

impl<S: Service<Request<B>>, B, P> fmt::Debug for ResponseFuture<S, B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

/// What the user knows of errors.
#[derive(Clone)]
struct Failures(Option<Arc<Knows>>);

type Knows = dyn Fn(&(dyn StdError + 'static)) -> Option<Failure> + Send + Sync;

impl Failures {
    fn of(&self, error: &(dyn StdError + 'static)) -> Failure {
        self.0.as_ref().and_then(|known| known(error)).unwrap_or_else(|| error::failure(error))
    }
}
