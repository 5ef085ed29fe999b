//! What is done to a request before each attempt.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use super::BoxError;
use crate::attempt::Attempt;

/// Is asked before each attempt, the first one included: it may change the request, or fail the call.
///
/// For what must be new in each attempt: a signature with its time, a token that may have expired, a `traceparent`. Every
/// attempt starts from the request as the caller made it, so that a header that is appended is there once. It is asked in
/// every [`Mode`](crate::Mode), for it may be what makes the request valid.
///
/// What it takes counts for the time of the call, and not for that of the attempt; where the attempt could not start in time any
/// more, it is cut off. If it fails, nothing is sent, a retry that was decided is given back to the budget, and the call ends with its error.
///
/// Closures that return at once are hooks, if they name the types of both arguments:
///
/// ```
/// # use forbear::{Attempt, Client};
/// # use reqwest::Request;
/// # fn sign(_: &Request) -> Result<http::HeaderValue, std::io::Error> { Ok(http::HeaderValue::from_static("…")) }
/// let client = Client::builder(reqwest::Client::builder()).before_attempt(|request: &mut Request, _: &Attempt| {
///     let signature = sign(request)?;
///     request.headers_mut().insert("signature", signature);
///     Ok(())
/// });
/// ```
///
/// What has to wait is written as a type:
///
/// ```
/// # use std::error::Error;
/// # use forbear::{Attempt, Hook};
/// # use reqwest::Request;
/// # struct Tokens;
/// # impl Tokens { async fn fresh(&self) -> Result<http::HeaderValue, std::io::Error> { Err(std::io::ErrorKind::Other.into()) } }
/// struct Authorize(Tokens);
///
/// impl Hook<Request> for Authorize {
///     async fn before_attempt(&self, request: &mut Request, _: &Attempt) -> Result<(), Box<dyn Error + Send + Sync>> {
///         request.headers_mut().insert("authorization", self.0.fresh().await?);
///         Ok(())
///     }
/// }
/// ```
pub trait Hook<R>: Send + Sync {
    /// Prepares the request of the attempt that is upcoming. Its [`retry`](Attempt::retry) is the decision that led to it,
    /// its [`time_to_start`](Attempt::time_to_start) what it may take.
    ///
    /// # Errors
    ///
    /// Ends the call. The error becomes the source of that of the call.
    fn before_attempt(
        &self,
        request: &mut R,
        upcoming: &Attempt,
    ) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send;
}

impl<R, F> Hook<R> for F
where
    F: Fn(&mut R, &Attempt) -> Result<(), BoxError> + Send + Sync,
{
    fn before_attempt(&self, request: &mut R, upcoming: &Attempt) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(self(request, upcoming))
    }
}

/// A hook of whatever type.
trait AnyHook<R>: Send + Sync {
    fn before_attempt<'a>(
        &'a self,
        request: &'a mut R,
        upcoming: &'a Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;
}

impl<R: Send, H: Hook<R>> AnyHook<R> for H {
    fn before_attempt<'a>(
        &'a self,
        request: &'a mut R,
        upcoming: &'a Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        Box::pin(Hook::before_attempt(self, request, upcoming))
    }
}

/// The hooks of one client, in the order in which they were added.
pub(crate) struct Hooks<R>(Vec<Arc<dyn AnyHook<R>>>);

impl<R: Send> Hooks<R> {
    pub(crate) fn add(&mut self, hook: impl Hook<R> + 'static) {
        self.0.push(Arc::new(hook));
    }

    /// Adds a hook to those of a client, if it had any. Those of its clones stay as they are.
    pub(crate) fn add_to(shared: &mut Option<Arc<Self>>, hook: impl Hook<R> + 'static) {
        Arc::make_mut(shared.get_or_insert_default()).add(hook);
    }
}

impl<R> Hooks<R> {
    /// Returns them for all calls, or nothing if there are none.
    pub(crate) fn into_shared(self) -> Option<Arc<Self>> {
        (!self.0.is_empty()).then(|| Arc::new(self))
    }

    /// Asks all of them, up to the first that fails.
    pub(crate) async fn before_attempt(&self, request: &mut R, upcoming: &Attempt) -> Result<(), BoxError> {
        for hook in &self.0 {
            hook.before_attempt(request, upcoming).await?;
        }
        Ok(())
    }
}

impl<R> Default for Hooks<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R> Clone for Hooks<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
