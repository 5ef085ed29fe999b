//! The error of a call: the last failure, and how it came to that.

use std::fmt;

use http::{Extensions, StatusCode};
use reqwest::Response;

use super::observe;
use super::transport::Lost;
use crate::drive::BoxError;
use crate::drive::cause::{NOT_SHOWN, chain, shows_server};
use crate::outcome::Failure;
use crate::policy::StopReason;
use crate::report::Report;

/// Why a call brought no response, or a response that the caller [calls an error](error_for_status).
///
/// It keeps the questions of [`reqwest::Error`] and answers with the history of the call, too. Neither its `Display`
/// nor its `Debug` nor its sources show a path, a query or user information, or what a server wrote as it went away; so it
/// has no `url` either.
pub struct Error(Box<Inner>);

struct Inner {
    cause: Cause,
    report: Option<Report>,
}

enum Cause {
    Reqwest(reqwest::Error),
    /// None of reqwest's: cut off by the attempt's or the call's timeout, or as a script says.
    Known(Failure),
    /// What a hook of the user's failed with.
    Hook(BoxError),
    Status(StatusCode),
}

/// Turns a response whose status is between 400 and 599 into an [`Error`] that keeps its [`Report`].
///
/// [`reqwest::Response::error_for_status`] does the same and loses the report.
///
/// # Errors
///
/// If the status is between 400 and 599.
///
/// ```no_run
/// # async fn run(client: forbear::Client) -> Result<(), forbear::Error> {
/// let response = forbear::error_for_status(client.get("http://orders.internal/v1/orders/7").send().await?)?;
/// # drop(response);
/// # Ok(())
/// # }
/// ```
pub fn error_for_status(mut response: Response) -> Result<Response, Error> {
    match Error::of_status(response.status(), response.extensions_mut()) {
        Some(error) => Err(error),
        None => Ok(response),
    }
}

impl Error {
    fn new(cause: Cause, report: Option<Report>) -> Self {
        Self(Box::new(Inner { cause, report }))
    }

    /// Makes an error of a status between 400 and 599, and takes the report for it.
    pub(crate) fn of_status(status: StatusCode, extensions: &mut Extensions) -> Option<Self> {
        let is_error = status.is_client_error() || status.is_server_error();
        is_error.then(|| Self::new(Cause::Status(status), extensions.remove::<Report>()))
    }

    pub(crate) fn from_reqwest(error: reqwest::Error, report: Option<Report>) -> Self {
        Self::new(Cause::Reqwest(error.without_url()), report)
    }

    pub(crate) fn lost(lost: Lost<reqwest::Error>, report: Option<Report>) -> Self {
        match lost {
            Lost::Failed(error) => Self::from_reqwest(error, report),
            Lost::Known(failure) => Self::new(Cause::Known(failure), report),
            Lost::Unprepared(error) => Self::of_hook(error, report),
        }
    }

    pub(crate) fn of_hook(error: BoxError, report: Option<Report>) -> Self {
        Self::new(Cause::Hook(without_url(error)), report)
    }

    /// Returns the history of the call, or `None` if nothing failed but the caller's own part: a request that could not be
    /// built, a body that could not be read, a redirect that was not followed, a timeout of zero; and where the policy is
    /// [off](crate::Mode::Off).
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// Returns whether the time was up: the attempt's, the call's, or one of reqwest's own.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match &self.0.cause {
            Cause::Known(failure) => *failure == Failure::Timeout,
            Cause::Reqwest(error) => error.is_timeout(),
            Cause::Hook(_) | Cause::Status(_) => false,
        }
    }

    /// Returns whether no connection was made.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self.0.cause, Cause::Known(Failure::Connect | Failure::ConnectPermanent))
            || self.is(reqwest::Error::is_connect)
    }

    /// Returns whether the name of the host could not be resolved.
    #[must_use]
    pub fn is_dns(&self) -> bool {
        self.is(reqwest::Error::is_dns)
    }

    /// Returns whether the request could not be built.
    #[must_use]
    pub fn is_builder(&self) -> bool {
        self.is(reqwest::Error::is_builder)
    }

    /// Returns whether the redirect policy ended the call.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        self.is(reqwest::Error::is_redirect)
    }

    /// Returns whether the request failed while it was sent.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(&self.0.cause, Cause::Known(failure) if *failure != Failure::Caller)
            || self.is(reqwest::Error::is_request)
    }

    /// Returns whether a body failed.
    #[must_use]
    pub fn is_body(&self) -> bool {
        self.is(reqwest::Error::is_body)
    }

    /// Returns whether a body could not be decoded.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.is(reqwest::Error::is_decode)
    }

    /// Returns whether a connection could not be upgraded.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        self.is(reqwest::Error::is_upgrade)
    }

    /// Returns whether it was made by [`error_for_status`].
    #[must_use]
    pub fn is_status(&self) -> bool {
        self.status().is_some()
    }

    /// Returns the status of the response, if it was made by [`error_for_status`].
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &self.0.cause {
            Cause::Status(status) => Some(*status),
            Cause::Reqwest(error) => error.status(),
            Cause::Known(_) | Cause::Hook(_) => None,
        }
    }

    /// Returns whether a [hook](crate::Hook) of the user's failed. Its error is the source of this one.
    #[must_use]
    pub fn is_hook(&self) -> bool {
        matches!(self.0.cause, Cause::Hook(_))
    }

    /// Returns reqwest's error, or `None` for a status and for most timeouts, which are this crate's own.
    ///
    /// Its URL was removed. An error of a redirect may still hold one deeper down: log this one instead.
    #[must_use]
    pub fn as_reqwest(&self) -> Option<&reqwest::Error> {
        match &self.0.cause {
            Cause::Reqwest(error) => Some(error),
            Cause::Known(_) | Cause::Hook(_) | Cause::Status(_) => None,
        }
    }

    /// Takes reqwest's error, as [`as_reqwest`](Self::as_reqwest).
    #[must_use]
    pub fn into_reqwest(self) -> Option<reqwest::Error> {
        match self.0.cause {
            Cause::Reqwest(error) => Some(error),
            Cause::Known(_) | Cause::Hook(_) | Cause::Status(_) => None,
        }
    }

    fn is(&self, question: fn(&reqwest::Error) -> bool) -> bool {
        self.as_reqwest().is_some_and(question)
    }

    /// Returns reqwest's error, or the hook's, if nothing in it shows a URL or what a server wrote.
    fn shown(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let error: &(dyn std::error::Error + 'static) = match &self.0.cause {
            Cause::Reqwest(error) => error,
            Cause::Hook(error) => &**error,
            Cause::Known(_) | Cause::Status(_) => return None,
        };
        (!shows_url(error) && !shows_server(error)).then_some(error)
    }
}

/// For what comes after the head: `response.json().await?`. Its URL is removed.
///
/// It knows no report: to make an error of a status, use [`error_for_status`], and not reqwest's method.
impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::from_reqwest(error, None)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status();
        let what: &dyn fmt::Display = match (&self.0.cause, &status) {
            (_, Some(status)) => status,
            (Cause::Reqwest(error), None) => &what_failed(error),
            (Cause::Hook(_), None) => &"a hook that is asked before each attempt failed",
            (Cause::Known(_) | Cause::Status(_), None) => &"no response",
        };
        match &self.0.report {
            Some(report) => report.fmt_end(f, what)?,
            None => what.fmt(f)?,
        }
        match (&self.0.cause, self.0.report.as_ref().and_then(Report::reason)) {
            (Cause::Known(Failure::Timeout), None) => write!(f, ": {}", StopReason::NoTimeLeft),
            (Cause::Known(_) | Cause::Reqwest(_) | Cause::Hook(_) | Cause::Status(_), _) => Ok(()),
        }
    }
}

/// Removes the URL of an error of reqwest's.
pub(crate) fn without_url(error: BoxError) -> BoxError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => error.without_url().into(),
        Err(error) => error,
    }
}

/// Returns whether an error of reqwest's in the chain shows a URL.
pub(crate) fn shows_url(error: &(dyn std::error::Error + 'static)) -> bool {
    chain(error).any(|below| below.downcast_ref::<reqwest::Error>().is_some_and(|error| error.url().is_some()))
}

fn what_failed(error: &reqwest::Error) -> &'static str {
    match () {
        () if error.is_builder() => "the request could not be built",
        () if error.is_redirect() => "a redirect was not followed",
        () if error.is_body() || error.is_decode() => match error.is_timeout() {
            true => "the body was not read in time",
            false => "the body is broken or not what it should be",
        },
        () if chain(error).skip(1).any(observe::is_callers_own) => "the body of the request could not be read",
        () if error.is_dns() => "the name of the host was not found",
        () if error.is_connect() => "no connection",
        () if error.is_upgrade() => "the connection was not upgraded",
        () => "no response",
    }
}

/// What `main` and `unwrap` print: what `Display` says, and the cause. The report is asked for its own.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("Error");
        debug.field(&format_args!("{self}"));
        match (&self.0.cause, self.shown()) {
            (Cause::Status(_), _) => &mut debug,
            (Cause::Known(failure), _) => debug.field(failure),
            (_, Some(error)) => debug.field(&error),
            (Cause::Reqwest(error), None) => debug.field(&format_args!("{error}")),
            (Cause::Hook(_), None) => debug.field(&format_args!("{NOT_SHOWN}")),
        };
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.shown()
    }
}
