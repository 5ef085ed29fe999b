//! From what reqwest returns to the facts of an attempt.

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use reqwest::redirect;

use crate::drive::cause::{chain, is_refused, is_transient};
use crate::outcome::Failure;

thread_local! {
    /// Whether a redirect was followed in the poll that goes on.
    static REDIRECTED: Cell<bool> = const { Cell::new(false) };
}

/// Awaits an attempt and notes at once when it is redirected, if the client's redirect policy is [`watched`].
pub(super) struct Redirects<'a, F> {
    pub(super) redirected: &'a mut bool,
    pub(super) attempt: Pin<&'a mut F>,
}

impl<F: Future> Future for Redirects<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        REDIRECTED.set(false);
        let poll = self.attempt.as_mut().poll(cx);
        *self.redirected |= REDIRECTED.get();
        poll
    }
}

/// Wraps a redirect policy so that whoever awaits the attempt learns of a redirect.
///
/// Nothing else shows that one happened: after `POST` → 303 → `GET` to the same URL, URL and error are as if the
/// `POST` itself had failed, and to send it again would write twice.
pub(super) fn watched(policy: redirect::Policy) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        REDIRECTED.set(true);
        policy.redirect(attempt)
    })
}

/// Returns how an attempt failed.
///
/// Not connected is asked before timed out, because a connect timeout is both: as an io error of the connector, or as
/// reqwest's own of all that connecting takes. A fault of TLS also counts as not connected; it is not looked for, but
/// whatever is not known to be transient is taken to last.
pub(crate) fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() || error.is_redirect() {
        return Failure::Caller;
    }
    if chain(error).skip(1).any(is_callers_own) {
        return Failure::Caller; // asked before what may have happened to whatever feeds that body
    }
    if error.is_connect() {
        return if error.is_dns() || error.is_timeout() || chain(error).any(is_transient) {
            Failure::Connect
        } else {
            Failure::ConnectPermanent
        };
    }
    if error.is_timeout() {
        return Failure::Timeout;
    }
    if chain(error).any(is_refused) { Failure::StreamRefused } else { Failure::Interrupted }
}

/// The request's body failed while it was read. (hyper's `is_user` would also be true of a runtime that has gone.)
pub(super) fn is_callers_own(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_body)
}
