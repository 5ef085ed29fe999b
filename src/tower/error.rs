//! The error of a call through the layer, and what the errors of services mean.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use ::tower::load_shed::error::Overloaded;
use ::tower::timeout::error::Elapsed;

use crate::drive::BoxError;
use crate::drive::cause::{NOT_SHOWN, chain, is_refused, is_transient, shows_server};
use crate::outcome::Failure;
use crate::policy::StopReason;
use crate::report::Report;

/// Why a call brought no response: the service's last error, and the history of the call.
///
/// A response is never an error. `Display` does not repeat the service's error, which is the source, unless that shows a URL
/// or what a server wrote; [`into_inner`](Self::into_inner) has it all the same.
pub struct Error(Box<Inner>);

struct Inner {
    /// `None` if the time was up.
    cause: Option<BoxError>,
    report: Option<Report>,
}

impl Error {
    pub(super) fn new(cause: Option<BoxError>, report: Option<Report>) -> Self {
        Self(Box::new(Inner { cause, report }))
    }

    /// Returns the history of the call, or `None` if nothing failed but the caller's own part, or the service was not ready.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// Returns whether the time was up: the policy's, or that of a timeout inside.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.cause.as_deref().is_none_or(|error| failure(error) == Failure::Timeout)
    }

    /// Takes the service's error, or `None` if the policy's time was up.
    #[must_use]
    pub fn into_inner(self) -> Option<BoxError> {
        self.0.cause
    }
}

impl Error {
    /// Returns the service's error, unless it shows the URL of an error of reqwest's, which may hold secrets, or what a
    /// server wrote.
    fn shown(&self) -> Option<&(dyn StdError + 'static)> {
        let error: &(dyn StdError + 'static) = self.0.cause.as_deref()?;
        #[cfg(feature = "reqwest")]
        if crate::client::shows_url(error) {
            return None;
        }
        (!shows_server(error)).then_some(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.report, &self.0.cause) {
            (Some(report), _) => report.fmt_end(f, &"no response"),
            (None, Some(_)) => f.write_str("no response"),
            (None, None) => write!(f, "no response: {}", StopReason::NoTimeLeft),
        }
    }
}

/// What `main` and `unwrap` print: what `Display` says, and the cause. The report is asked for its own.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("Error");
        debug.field(&format_args!("{self}"));
        match (&self.0.cause, self.shown()) {
            (None, _) => &mut debug,
            (Some(_), Some(error)) => debug.field(&error),
            (Some(_), None) => debug.field(&format_args!("{NOT_SHOWN}")),
        };
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.shown()
    }
}

/// Returns how an attempt failed, by the first error of the chain that tells.
pub(super) fn failure(error: &(dyn StdError + 'static)) -> Failure {
    chain(error).find_map(known).unwrap_or(Failure::Interrupted)
}

fn known(error: &(dyn StdError + 'static)) -> Option<Failure> {
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<::reqwest::Error>() {
        return Some(crate::client::failure(error));
    }
    if error.is::<Elapsed>() {
        return Some(Failure::Timeout);
    }
    if error.is::<Overloaded>() {
        return Some(Failure::Caller); // this client's own limit
    }
    if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect()) {
        return Some(connect(error));
    }
    if is_callers_own(error) {
        return Some(Failure::Caller);
    }
    if is_refused(error) {
        return Some(Failure::StreamRefused);
    }
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    (kind == Some(io::ErrorKind::TimedOut)).then_some(Failure::Timeout)
}

/// hyper-util has no such question and says it in words only, as of a URI without a host: `client error (User…)`.
fn is_callers_own(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user)
        || error.is::<hyper_util::client::legacy::Error>() && error.to_string().starts_with("client error (User")
}

/// As with reqwest, what is not known to be transient is taken to last. That a name was not found is said only in words.
fn connect(error: &(dyn StdError + 'static)) -> Failure {
    let is_timeout = |error: &(dyn StdError + 'static)| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    };
    let passes = |error| is_transient(error) || is_timeout(error) || error.to_string() == "dns error";
    if chain(error).any(passes) { Failure::Connect } else { Failure::ConnectPermanent }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use ::tower::service_fn;
    use http_body_util::Empty;
    use hyper_util::client::legacy::Client;
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::client::legacy::connect::dns::Name;
    use hyper_util::rt::TokioExecutor;

    use super::*;

    #[test]
    fn an_error_is_known_wherever_in_the_chain_it_is() {
        let boxed = |error: io::Error| io::Error::other(error);
        for (error, expected) in [
            (boxed(ErrorKind::TimedOut.into()), Failure::Timeout),
            (boxed(io::Error::other(Elapsed::new())), Failure::Timeout),
            (boxed(io::Error::other(Overloaded::new())), Failure::Caller),
            (boxed(ErrorKind::ConnectionReset.into()), Failure::Interrupted),
            (io::Error::other("nobody knows"), Failure::Interrupted),
        ] {
            assert_eq!(failure(&error), expected, "{error:?}");
        }
    }

    /// hyper-util's own errors cannot be made by hand.
    #[tokio::test]
    async fn a_name_that_is_not_found_may_be_found_later_a_scheme_never_and_no_host_is_the_callers_own() {
        let nowhere = service_fn(|_: Name| async { Err::<std::vec::IntoIter<_>, _>(io::Error::other("no such name")) });
        let connector = HttpConnector::new_with_resolver(nowhere);
        let client: Client<_, Empty<&[u8]>> = Client::builder(TokioExecutor::new()).build(connector);
        for (uri, expected) in [
            ("http://orders.internal", Failure::Connect),
            ("https://orders.internal", Failure::ConnectPermanent),
            ("/v1/orders/7", Failure::Caller),
        ] {
            let error = client.get(uri.parse().unwrap()).await.unwrap_err();
            assert_eq!(failure(&error), expected, "{error:?}");
        }
    }
}
