//! The loop over ureq. It knows nothing of the service.
#![expect(clippy::disallowed_methods, reason = "an SDK has a clock and waits of its own")]

use std::error::Error;
use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use forbear::{Attempt, Call, Decision, Endpoints, Failure, Now, Outcome, Report};
use http::header::ACCEPT;
use http::{Method, Request, Response, StatusCode, Uri, response};
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, NextTimeout};
use ureq::{Agent, Timeout};

/// Sends requests, and repeats them as the endpoints say.
#[derive(Debug)]
pub(crate) struct Transport {
    agent: Agent,
    endpoints: Endpoints,
    /// All calls measure time from here.
    origin: Instant,
}

impl Transport {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false) // a response is never an error
            .max_redirects(0) // one that is followed might hide that the request was processed
            .proxy(None) // one from the environment would get what is meant for loopback
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_body(Some(BODY_TIMEOUT));
        let connector = Connecting(DefaultConnector::default());
        let agent = Agent::with_parts(config.build(), connector, Connecting(DefaultResolver::default()));
        Self { agent, endpoints, origin: Instant::now() }
    }

    /// Sends a request until the call is done.
    ///
    /// Returns the last response, whatever its status, or why there is none; and what happened, unless the first attempt
    /// was answered. `seed` should be random.
    pub(crate) fn send(
        &self,
        request: &Request<Vec<u8>>,
        seed: u64,
    ) -> (Result<Response<Vec<u8>>, TransportError>, Option<Report>) {
        let call = self.endpoints.call(request.method(), request.uri());
        // The headers, for `Idempotency-Key`; and the body is bytes, so it can be sent again.
        let mut call = call.headers(request.headers()).replayable(true).start(self.now(), seed);
        let result = self.drive(&mut call, request).and_then(Reply::into_response);
        (result, call.into_report())
    }

    fn drive(&self, call: &mut Call, request: &Request<Vec<u8>>) -> Result<Reply, TransportError> {
        let asks_for_json = request.headers().get(ACCEPT).is_some_and(|accept| accept == "application/json");
        let mut last = None;
        while let Ok(attempt) = call.begin(self.now()) {
            drop(last.take()); // its connection is not held through the next attempt
            let looks = call.policy().looks_into_bodies();
            let result = self.attempt(request, &attempt, looks);
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
                Decision::Retry(retry) => thread::sleep(retry.wait()),
            }
        }
        last.unwrap_or(Err(TransportError::TooLate))
    }

    fn attempt(&self, request: &Request<Vec<u8>>, attempt: &Attempt, looks: bool) -> Result<Reply, TransportError> {
        // ureq has no limit of all that comes before the body: this one goes on while the body is read.
        let request = self.agent.configure_request(request.clone()).timeout_per_call(attempt.timeout()).build();
        let has_body = !request.body().is_empty() || BODIED.contains(request.method());
        let response = match has_body {
            true => self.agent.run(request)?,
            false => self.agent.run(request.map(drop))?, // no body, which is not one of no length
        };
        let received_at = SystemTime::now();
        let (head, body) = response.into_parts();
        let is_small = body.content_length().is_some_and(|length| length <= LOOK_LIMIT);
        let mut body = Body::Unread(body);
        if looks && head.status.as_u16() >= 400 && is_small {
            body = Body::Read(body.read_to_end());
        }
        Ok(Reply { head, body, received_at })
    }

    fn now(&self) -> Now {
        Now::from_origin(self.origin.elapsed())
    }
}

/// No response, or no whole one.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum TransportError {
    /// There was no time left for even one attempt.
    TooLate,
    /// There was no connection. Nothing was sent.
    NotConnected(ureq::Error),
    /// No head of a response arrived.
    Lost(ureq::Error),
    /// The body of the response broke off. That is never retried: the service has answered.
    BrokenBody(StatusCode, ureq::Error),
}

impl TransportError {
    /// Returns how an attempt failed.
    fn failure(&self) -> Failure {
        match self {
            Self::TooLate => Failure::Timeout,
            Self::NotConnected(error) => not_connected(error),
            Self::Lost(error) => lost(error),
            Self::BrokenBody(..) => Failure::Interrupted,
        }
    }
}

impl From<ureq::Error> for TransportError {
    fn from(error: ureq::Error) -> Self {
        let ureq::Error::Other(other) = error else { return Self::Lost(error) };
        match other.downcast::<NotConnected>() {
            Ok(marked) => Self::NotConnected(marked.0),
            Err(other) => Self::Lost(ureq::Error::Other(other)),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLate => f.write_str("no time left"),
            Self::NotConnected(_) => f.write_str("no connection"),
            Self::Lost(_) => f.write_str("no response"),
            Self::BrokenBody(status, _) => write!(f, "the body of the {} broke off", status.as_u16()),
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLate => None,
            Self::NotConnected(error) | Self::Lost(error) | Self::BrokenBody(_, error) => Some(error),
        }
    }
}

/// Returns whether there is a connection at another time. An io error of name resolution has a kind without a name; what
/// is not known comes from TLS.
fn not_connected(error: &ureq::Error) -> Failure {
    let lasts = |kind| {
        matches!(
            kind,
            io::ErrorKind::InvalidData // how rustls reports what it does not like
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::Other
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::Unsupported
        )
    };
    match error {
        ureq::Error::ConnectionFailed
        | ureq::Error::HostNotFound
        | ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Failure::Connect,
        ureq::Error::Io(error) if !lasts(error.kind()) => Failure::Connect,
        ureq::Error::Timeout(_) => Failure::Timeout, // the attempt's own
        ureq::Error::Io(_) | ureq::Error::Tls(_) | _ => Failure::ConnectPermanent,
    }
}

/// Returns how an attempt failed after it was connected, or before ureq tried to.
fn lost(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::TlsRequired => Failure::ConnectPermanent,
        // rustls shakes hands when the first byte is sent.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Failure::ConnectPermanent,
        ureq::Error::BadUri(_)
        | ureq::Error::BodyExceedsLimit(_)
        | ureq::Error::Http(_)
        | ureq::Error::RequireHttpsOnly(_) => Failure::Caller,
        ureq::Error::Io(_) | ureq::Error::Protocol(_) | _ => Failure::Interrupted, // in doubt: it assumes the least
    }
}

/// Marks what fails while connecting, which ureq does not tell from what fails later.
#[derive(Debug)]
struct Connecting<T>(T);

impl Resolver for Connecting<DefaultResolver> {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        self.0.resolve(uri, config, timeout).map_err(NotConnected::mark)
    }
}

impl Connector for Connecting<DefaultConnector> {
    type Out = <DefaultConnector as Connector>::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, ureq::Error> {
        self.0.connect(details, chained).map_err(NotConnected::mark)
    }
}

#[derive(Debug)]
struct NotConnected(ureq::Error);

impl NotConnected {
    fn mark(error: ureq::Error) -> ureq::Error {
        ureq::Error::Other(Box::new(Self(error)))
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NotConnected {}

/// A response whose body may have been looked into.
struct Reply {
    head: response::Parts,
    body: Body,
    received_at: SystemTime,
}

impl Reply {
    fn outcome(&self) -> Outcome<'_> {
        Outcome::response(self.head.status, &self.head.headers, self.received_at).body(self.body.read())
    }

    /// Reads the body, unless that was done.
    fn into_response(self) -> Result<Response<Vec<u8>>, TransportError> {
        match self.body.read_to_end() {
            Ok(body) => Ok(Response::from_parts(self.head, body)),
            Err(error) => Err(TransportError::BrokenBody(self.head.status, error)),
        }
    }
}

enum Body {
    Unread(ureq::Body),
    Read(Result<Vec<u8>, ureq::Error>),
}

impl Body {
    fn read(&self) -> &[u8] {
        match self {
            Self::Read(Ok(body)) => body,
            Self::Read(Err(_)) | Self::Unread(_) => &[],
        }
    }

    fn read_to_end(self) -> Result<Vec<u8>, ureq::Error> {
        match self {
            Self::Unread(mut body) => body.read_to_vec(),
            Self::Read(body) => body,
        }
    }
}

/// Methods whose body has a length even if it is empty.
const BODIED: [Method; 3] = [Method::PATCH, Method::POST, Method::PUT];

/// Longest that a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest that a body may take; the decision waits as long for one that is looked into.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest body of an error that is looked into: a JSON error and the pages of proxies are shorter. One that does not say
/// its length is not looked into.
const LOOK_LIMIT: u64 = 4 * 1024;
