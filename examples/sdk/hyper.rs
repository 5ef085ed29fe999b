//! The loop over hyper. It knows nothing of the service.
#![expect(clippy::disallowed_methods, reason = "an SDK has a clock and waits of its own")]

use std::error::Error;
use std::fmt;
use std::io;
use std::iter;
use std::time::{Duration, Instant, SystemTime};

use forbear::{Attempt, Call, Decision, Endpoints, Failure, Now, Outcome, Report};
use http::header::ACCEPT;
use http::{Request, Response, StatusCode, response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;

/// Sends requests, and repeats them as the endpoints say.
#[derive(Debug)]
pub(crate) struct Transport {
    http: Client<HttpConnector, Full<Bytes>>,
    endpoints: Endpoints,
    /// All calls measure time from here.
    origin: Instant,
}

impl Transport {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        let mut connector = HttpConnector::new();
        // So that a host which is away is told from one which is slow: nothing was sent then.
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // hyper's own retries would be invisible. The engine makes them, at once and for nothing, and its report shows it.
        let http = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { http, endpoints, origin: Instant::now() }
    }

    /// Sends a request until the call is done.
    ///
    /// Returns the last response, whatever its status, or why there is none; and what happened, unless the first attempt
    /// was answered. `seed` should be random.
    pub(crate) async fn send(
        &self,
        request: &Request<Full<Bytes>>,
        seed: u64,
    ) -> (Result<Response<Bytes>, TransportError>, Option<Report>) {
        let call = self.endpoints.call(request.method(), request.uri());
        // The headers, for `Idempotency-Key`; and the body is bytes, so it can be sent again.
        let mut call = call.headers(request.headers()).replayable(true).start(self.now(), seed);
        let result = match self.drive(&mut call, request).await {
            Ok(reply) => reply.into_response().await,
            Err(error) => Err(error),
        };
        (result, call.into_report())
    }

    async fn drive(&self, call: &mut Call, request: &Request<Full<Bytes>>) -> Result<Reply, TransportError> {
        let asks_for_json = request.headers().get(ACCEPT).is_some_and(|accept| accept == "application/json");
        let mut last = None;
        while let Ok(attempt) = call.begin(self.now()) {
            drop(last.take()); // its connection is not held through the next attempt
            let looks = call.policy().looks_into_bodies();
            let result = self.attempt(request, &attempt, looks).await;
            let outcome = match &result {
                Ok(reply) => reply.outcome().asked_for_json(asks_for_json),
                Err(error) => Outcome::failure(error.failure()),
            };
            let decision = call.on_outcome(&outcome, self.now());
            // Kept while it waits: that may take so long that nothing may be sent any more.
            last = Some(result);
            match decision {
                Decision::Done(_) => break,
                Decision::Retry(retry) if retry.wait().is_zero() => {}
                Decision::Retry(retry) => tokio::time::sleep(retry.wait()).await,
            }
        }
        last.unwrap_or(Err(TransportError::TimedOut)) // too late for even one attempt
    }

    async fn attempt(
        &self,
        request: &Request<Full<Bytes>>,
        attempt: &Attempt,
        looks: bool,
    ) -> Result<Reply, TransportError> {
        let deadline = attempt.time_left().and_then(|left| Instant::now().checked_add(left));
        let response = limited(attempt.timeout(), self.http.request(request.clone())).await??;
        let received_at = SystemTime::now();
        let (head, rest) = response.into_parts();
        let mut body = Body { read: Vec::new(), rest, broken: None };
        let is_error = head.status.as_u16() >= 400;
        if looks && is_error && body.rest.size_hint().exact().is_some_and(|length| length <= LOOK_LIMIT) {
            // If there is not enough time, what is there is looked at, and the rest is read later.
            let _in_time = limited(Some(LOOK_TIME), body.read_to_end()).await;
        }
        Ok(Reply { head, body, received_at, deadline })
    }

    fn now(&self) -> Now {
        Now::from_origin(self.origin.elapsed())
    }
}

/// No response, or no whole one.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum TransportError {
    /// There was no time left: for the head of a response, for its body, or for an attempt at all.
    TimedOut,
    /// No head of a response arrived.
    Lost(legacy::Error),
    /// The body of the response broke off. That is never retried: the service has answered.
    BrokenBody(StatusCode, hyper::Error),
}

impl TransportError {
    /// Returns how an attempt failed.
    fn failure(&self) -> Failure {
        match self {
            Self::TimedOut => Failure::Timeout,
            Self::Lost(error) => failure(error),
            Self::BrokenBody(..) => Failure::Interrupted,
        }
    }
}

impl From<legacy::Error> for TransportError {
    fn from(error: legacy::Error) -> Self {
        Self::Lost(error)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no time left"),
            Self::Lost(_) => f.write_str("no response"),
            Self::BrokenBody(status, _) => write!(f, "the body of the {} broke off", status.as_u16()),
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TimedOut => None,
            Self::Lost(error) => Some(error),
            Self::BrokenBody(_, error) => Some(error),
        }
    }
}

/// Returns how an attempt failed.
///
/// Over HTTP/2, where a server can refuse a stream, [`Failure::StreamRefused`] has more causes than here.
fn failure(error: &legacy::Error) -> Failure {
    let is_canceled = |error: &(dyn Error + 'static)| error.downcast_ref().is_some_and(hyper::Error::is_canceled);
    if chain(error).any(is_canceled) {
        return Failure::StreamRefused; // the connection closed before the request was written
    }
    if error.is_connect() {
        return not_connected(error);
    }
    match error.source() {
        Some(_) => Failure::Interrupted,
        None => Failure::Caller, // hyper did not try: the URL is not absolute, or the version is not HTTP/1
    }
}

/// Returns whether there is a connection at another time, by the io error at the bottom. One of name resolution has a kind
/// without a name; what is not known comes from TLS.
fn not_connected(error: &legacy::Error) -> Failure {
    let kind = |error: &(dyn Error + 'static)| error.downcast_ref().map(io::Error::kind);
    match chain(error).filter_map(kind).last() {
        None
        | Some(
            io::ErrorKind::InvalidData // how rustls reports what it does not like
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported,
        ) => Failure::ConnectPermanent,
        Some(_) => Failure::Connect,
    }
}

/// Returns an error and all below it. Of an io error that is its payload, which `source` skips.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| match error.downcast_ref().and_then(io::Error::get_ref) {
        Some(payload) => Some(payload),
        None => error.source(),
    })
}

/// A response whose body may have been looked into.
struct Reply {
    head: response::Parts,
    body: Body,
    received_at: SystemTime,
    /// When the time of the call is up.
    deadline: Option<Instant>,
}

impl Reply {
    fn outcome(&self) -> Outcome<'_> {
        Outcome::response(self.head.status, &self.head.headers, self.received_at).body(&self.body.read)
    }

    /// Reads the rest of the body.
    async fn into_response(mut self) -> Result<Response<Bytes>, TransportError> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        limited(left, self.body.read_to_end()).await?;
        match self.body.broken {
            Some(error) => Err(TransportError::BrokenBody(self.head.status, error)),
            None => Ok(Response::from_parts(self.head, self.body.read.into())),
        }
    }
}

struct Body {
    read: Vec<u8>,
    rest: Incoming,
    /// Kept, because hyper says it only once.
    broken: Option<hyper::Error>,
}

impl Body {
    /// Reads on to the end. To stop at any point loses nothing.
    async fn read_to_end(&mut self) {
        while let Some(frame) = self.rest.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => self.read.extend_from_slice(&data),
                Ok(Err(_trailers)) => {}
                Err(error) => {
                    self.broken = Some(error); // over HTTP/2 it would come for ever
                    return;
                }
            }
        }
    }
}

async fn limited<F: Future>(limit: Option<Duration>, future: F) -> Result<F::Output, TransportError> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.map_err(|_| TransportError::TimedOut),
        None => Ok(future.await),
    }
}

/// Longest that a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest body of an error that is looked into: a JSON error and the pages of proxies are shorter. One that does not say
/// its length is not looked into.
const LOOK_LIMIT: u64 = 4 * 1024;

/// Longest that the decision waits for such a body.
const LOOK_TIME: Duration = Duration::from_millis(50);
