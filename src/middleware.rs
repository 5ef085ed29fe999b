//! For those who hold a `ClientWithMiddleware` of [reqwest-middleware](reqwest_middleware): one line changes.
//!
//! ```no_run
//! use forbear::Policy;
//! use forbear::middleware::RetryMiddleware;
//! use reqwest_middleware::ClientBuilder;
//!
//! let client = ClientBuilder::new(reqwest::Client::new()) //
//!     .with(RetryMiddleware::new(Policy::default()))
//!     .build();
//! ```
//!
//! What changes for those who come from reqwest-retry is told in `docs/from-reqwest-retry.md`.
//!
//! It is as careful as [`Client::new`](crate::Client::new): it cannot see redirects inside, so it never repeats what is not
//! idempotent, and reqwest's own retries go on below it, uncounted. (`.retry(reqwest::retry::never())` on reqwest's builder
//! ends them.)
//!
//! What comes after it in the chain sees each attempt, and what comes before it sees the call. So a span of
//! `reqwest-tracing` belongs after it. From the second attempt on the middleware's extensions hold the
//! [`Attempt`], whose [`resend_count`](Attempt::resend_count) a `ReqwestOtelSpanBackend` may put on the span.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Extensions, HeaderValue};
use http_body::Frame;
use reqwest::{Body, Request, Response};
use reqwest_middleware::{Error, Middleware, Next};

use crate::attempt::Attempt;
use crate::client::transport::{BodyFactory, Execute, Http, Lost, Wishes};
use crate::client::{self, failure};
use crate::drive::{Door, Hook, Hooks, Keys, clock};
use crate::endpoints::{Endpoints, Overrides, Snapshot};
use crate::outcome::Failure;
use crate::report::Report;

/// Retries with patience what comes after it in the chain.
///
/// A request says of itself what is in its extensions: [`Overrides`], and a [`BodyWith`]. The
/// [`Report`] is put there, and on a response, too.
///
/// Errors stay what they are: those of reqwest, those of other middleware, which blame nobody and are handed back at once. An
/// attempt that was cut off by the policy's own timeout is an error of reqwest's whose `is_timeout()` holds; as reqwest makes such
/// errors only where it meets them, it is one of a body, without a URL. Only a hook that fails is an `Error::Middleware`, of a [`forbear::Error`](client::Error).
#[derive(Clone)]
pub struct RetryMiddleware {
    door: Arc<Door>,
    hooks: Option<Arc<Hooks<Request>>>,
}

/// The snippets of the guide are tried, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/from-reqwest-retry.md")]
mod guide {}

impl RetryMiddleware {
    /// Returns a middleware with a policy, or with endpoints that may be shared with others.
    #[must_use]
    pub fn new(endpoints: impl Into<Endpoints>) -> Self {
        Self { door: Arc::new(Door::careful(endpoints.into())), hooks: None }
    }

    /// Adds what is asked before each attempt, after those that were added before. Default nothing.
    #[must_use]
    pub fn before_attempt(mut self, hook: impl Hook<Request> + 'static) -> Self {
        Hooks::add_to(&mut self.hooks, hook);
        self
    }

    /// Sends an `Idempotency-Key` with each request whose method is not idempotent, as
    /// [`ClientBuilder::idempotency_keys`](crate::ClientBuilder::idempotency_keys). Default off.
    #[must_use]
    pub fn idempotency_keys(mut self, generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.door).keys = Keys::of(generator);
        self
    }

    /// Says that the client below follows no redirects, as one with `redirect::Policy::none()`. Default that it may.
    ///
    /// Then what fails may prove that nothing was processed, and what is not idempotent is repeated where it does.
    #[must_use]
    pub fn without_redirects(mut self) -> Self {
        Arc::make_mut(&mut self.door).hidden_redirects = false;
        self
    }

    /// Returns the numbers of its endpoints now, by the clock of its calls.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.door.endpoints.snapshot(clock::now())
    }
}

impl std::fmt::Debug for RetryMiddleware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryMiddleware").field("endpoints", &self.door.endpoints).finish_non_exhaustive()
    }
}

/// By hand, and not by the macro of `async_trait`: that would hold the request twice while a call is in flight.
impl Middleware for RetryMiddleware {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'f>>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
    {
        extensions.remove::<Attempt>(); // of an earlier call, as the report
        extensions.remove::<Report>();
        let wishes = wishes(extensions);
        let chain = Chain { next, extensions };
        let mut http = Http::new(chain, Arc::clone(&self.door), self.hooks.clone(), request, wishes);
        Box::pin(async move {
            let mut call = http.start();
            let result = http.drive(&mut call).await;
            let report = call.take_report();
            if let Some(report) = &report {
                http.execute_mut().extensions.insert(report.clone());
            }
            match result {
                Ok(response) => Ok(response),
                Err(Lost::Failed(error)) => Err(error),
                Err(Lost::Known(_)) => Err(timed_out().into()),
                Err(Lost::Unprepared(error)) => Err(Error::middleware(client::Error::of_hook(error, report))),
            }
        })
    }
}

/// Returns what a request says of itself, if anything.
fn wishes(extensions: &Extensions) -> Option<Box<Wishes<Body>>> {
    let overrides = extensions.get::<Overrides>().cloned();
    let body = extensions.get().map(|BodyWith(factory)| Arc::clone(factory));
    if overrides.is_none() && body.is_none() {
        return None;
    }
    Some(Box::new(Wishes { overrides: overrides.unwrap_or_default(), body, form: false }))
}

/// Makes the body of each attempt, so that a stream can be sent again. Goes into the extensions of a request.
///
/// ```
/// # use forbear::middleware::BodyWith;
/// # use reqwest::Body;
/// # fn open() -> Body { Body::default() }
/// # fn upload(client: &reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::RequestBuilder {
/// client.put("http://files.internal/7").with_extension(BodyWith::new(|| open())) // a file, from its beginning
/// # }
/// ```
#[derive(Clone)]
pub struct BodyWith(BodyFactory<Body>);

impl BodyWith {
    /// Returns what makes each body by calling `factory`. Each must be the same.
    pub fn new(factory: impl Fn() -> Body + Send + Sync + 'static) -> Self {
        Self(Arc::new(factory))
    }
}

impl std::fmt::Debug for BodyWith {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodyWith")
    }
}

/// The rest of the chain.
struct Chain<'a> {
    next: Next<'a>,
    extensions: &'a mut Extensions,
}

impl Execute for Chain<'_> {
    type Error = Error;

    /// Not an `async fn`, which would hold the request, too.
    fn execute(
        &mut self,
        request: Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Response, Lost<Error>>> + Send {
        if attempt.retry().is_some() {
            self.extensions.insert(attempt.clone());
        }
        let running = self.next.clone().run(request, self.extensions);
        async move { running.await.map_err(Lost::Failed) }
    }

    fn failure(&self, error: &Error) -> Failure {
        known(error).unwrap_or(Failure::Caller)
    }
}

/// Returns how an attempt failed, or `None` for an error of another middleware that wraps none of reqwest's.
fn known(error: &Error) -> Option<Failure> {
    match error {
        Error::Reqwest(error) => Some(failure(error)),
        Error::Middleware(error) => error.chain().find_map(|below| {
            let of_reqwest = below.downcast_ref().map(failure);
            of_reqwest.or_else(|| known(below.downcast_ref()?))
        }),
    }
}

/// Returns an error of reqwest's that says that the time was up. It can be made only by having reqwest meet it.
fn timed_out() -> reqwest::Error {
    struct Late;

    impl http_body::Body for Late {
        type Data = bytes::Bytes;
        type Error = io::Error;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<bytes::Bytes>>>> {
            Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
        }
    }

    let mut late = Response::from(http::Response::new(Body::wrap(Late)));
    let failing = pin!(late.chunk());
    match failing.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => error.without_url(), // of a response that nobody sent
        Poll::Ready(Ok(_)) | Poll::Pending => unreachable!("its body fails at once"),
    }
}
