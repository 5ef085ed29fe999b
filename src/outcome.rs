//! What came back from one attempt. Facts only; what they mean is for the diagnosis.

use std::fmt;
use std::time::SystemTime;

use http::{HeaderMap, Method, StatusCode};

/// The facts of one attempt: a response head, or how it failed.
///
/// ```
/// # use std::time::SystemTime;
/// # use forbear::{Failure, Outcome};
/// # use http::{HeaderMap, StatusCode};
/// let headers = HeaderMap::new();
/// let response = Outcome::response(StatusCode::BAD_GATEWAY, &headers, SystemTime::UNIX_EPOCH);
/// assert_eq!(response.status(), Some(StatusCode::BAD_GATEWAY));
///
/// let failure = Outcome::failure(Failure::Timeout);
/// assert_eq!(failure.status(), None);
/// ```
///
/// Its `Debug` shows no header and no body.
#[derive(Clone)]
pub struct Outcome<'a> {
    pub(crate) result: Result<Head<'a>, Failure>,
    pub(crate) method: Option<&'a Method>,
    pub(crate) redirected: bool,
    pub(crate) asked_for_json: bool,
    /// The first bytes of the body, as many as are evidence.
    pub(crate) body: &'a [u8],
}

impl<'a> Outcome<'a> {
    /// Returns the outcome of an attempt that was answered.
    ///
    /// `received_at` is the wall-clock time at which the head arrived. It is used for the dates of HTTP and for
    /// nothing else; where a response carries a `Date` of its own, a wrong clock does no harm.
    #[must_use]
    pub const fn response(status: StatusCode, headers: &'a HeaderMap, received_at: SystemTime) -> Self {
        Self::of(Ok(Head { status, headers, received_at }))
    }

    /// Returns the outcome of an attempt that got no response.
    #[must_use]
    pub const fn failure(failure: Failure) -> Self {
        Self::of(Err(failure))
    }

    const fn of(result: Result<Head<'a>, Failure>) -> Self {
        Self { result, method: None, redirected: false, asked_for_json: false, body: &[] }
    }

    /// Gives the method of the request. A [`Call`](crate::Call) does it by itself.
    ///
    /// Some intermediaries repeat idempotent requests by themselves (RFC 9110 §9.2.2 lets them) and then tell of the last
    /// try only. What these say was not delivered counts for other methods alone.
    #[must_use]
    pub const fn method(mut self, method: &'a Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Says that the transport followed a redirect before this outcome. Default `false`.
    ///
    /// The outcome then tells about the last hop only: an earlier one has answered, so nothing here proves that the
    /// request was not processed, and a request that is not idempotent is not repeated.
    #[must_use]
    pub const fn redirected(mut self, redirected: bool) -> Self {
        self.redirected = redirected;
        self
    }

    /// Says that the request asked for JSON and would take no HTML. Default `false`.
    ///
    /// A 5xx in HTML then comes from an intermediary rather than from the application: a weak guess, made where nothing
    /// else names the issuer. What is decided stays the same.
    #[must_use]
    pub const fn asked_for_json(mut self, asked: bool) -> Self {
        self.asked_for_json = asked;
        self
    }

    /// Gives the first bytes of the body, as evidence of who issued the response. Default none.
    ///
    /// At most 4 KiB are looked at, and only of a 429 or a 5xx. Bytes of a coding such as gzip prove nothing.
    #[must_use]
    pub const fn body(mut self, start: &'a [u8]) -> Self {
        self.body = if start.len() > MOST_EVIDENCE { start.split_at(MOST_EVIDENCE).0 } else { start };
        self
    }

    /// Returns the headers of the response, or `None` for a failure.
    #[must_use]
    pub fn headers(&self) -> Option<&'a HeaderMap> {
        self.result.as_ref().ok().map(|head| head.headers)
    }

    /// Returns the first bytes of the body, as far as they were looked at: none if the transport does not look.
    #[must_use]
    pub const fn body_start(&self) -> &'a [u8] {
        self.body
    }

    /// Returns the status of the response, or `None` for a failure.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.result.as_ref().ok().map(|head| head.status)
    }
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("result", &self.result.map(|head| head.status))
            .field("method", &self.method)
            .field("redirected", &self.redirected)
            .field("asked_for_json", &self.asked_for_json)
            .finish_non_exhaustive()
    }
}

/// How an attempt failed without a response.
///
/// When in doubt, choose [`Interrupted`](Self::Interrupted): it assumes the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// No connection: refused, unreachable, no such name, or not connected in time. Nothing was sent.
    Connect,
    /// No connection, in a way that will last: a certificate, a TLS handshake, a proxy that refuses.
    ConnectPermanent,
    /// The peer refused the stream, or the connection closed before the request was written: nothing was processed
    /// (RFC 9113 §8.7).
    StreamRefused,
    /// The connection broke, or what came was not HTTP. How far the request got is not known.
    Interrupted,
    /// No answer in time. The request may well have been processed.
    Timeout,
    /// The caller's own error, such as a request body that fails while it is read. Blames nobody.
    Caller,
}

/// The head of a response and when it came.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) received_at: SystemTime,
}

/// Longest start of a body that is looked at. Pages of intermediaries sign within less.
const MOST_EVIDENCE: usize = 4 * 1024;
