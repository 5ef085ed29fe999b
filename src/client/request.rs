//! One request, built as with reqwest, and what forbear may do with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Request, Response};

use super::transport::Wishes;
use super::{Client, Error};
use crate::endpoints::Overrides;
use crate::policy::Policy;

/// Builds a request. The methods of [`reqwest::RequestBuilder`], and four of its own.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: reqwest::RequestBuilder,
    wishes: Wishes,
}

impl RequestBuilder {
    /// Builds on a finished request.
    pub fn from_parts(client: Client, request: Request) -> Self {
        let builder = reqwest::RequestBuilder::from_parts(client.as_reqwest().clone(), request);
        Self::new(client, builder)
    }

    pub(super) fn new(client: Client, request: reqwest::RequestBuilder) -> Self {
        Self { client, request, wishes: Wishes::default() }
    }

    /// Adds a header.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|request| request.header(name, value))
    }

    /// Adds headers, each in place of those of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Sets the `Authorization` header to a bearer token.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.map(|request| request.bearer_auth(token))
    }

    /// Sets the `Authorization` header to a name and a password.
    pub fn basic_auth<U: fmt::Display, P: fmt::Display>(self, username: U, password: Option<P>) -> Self {
        self.map(|request| request.basic_auth(username, password))
    }

    /// Sets the body. A stream can be sent only once: such a request is not retried, and the report says so. For one that
    /// can be made anew, see [`body_with`](Self::body_with).
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.wishes.body = None;
        self.map(|request| request.body(body))
    }

    /// Sets what makes the body of each attempt, so that a stream can be sent again. Each must be the same.
    ///
    /// ```no_run
    /// # async fn run(client: forbear::Client) -> Result<(), forbear::Error> {
    /// # fn open() -> reqwest::Body { reqwest::Body::default() }
    /// let upload = client.put("http://files.internal/7").body_with(|| open()); // a file, from its beginning
    /// # upload.send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body_with(mut self, factory: impl Fn() -> Body + Send + Sync + 'static) -> Self {
        self.wishes.body = Some(Arc::new(factory));
        self
    }

    /// Sets the body to JSON.
    #[cfg(feature = "json")]
    pub fn json<T: serde_core::Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|request| request.json(json))
    }

    /// Adds to the query of the URL.
    #[cfg(feature = "query")]
    pub fn query<T: serde_core::Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|request| request.query(query))
    }

    /// Sets the body to a form.
    #[cfg(feature = "form")]
    pub fn form<T: serde_core::Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|request| request.form(form))
    }

    /// Sets the body to a multipart form.
    ///
    /// A form of up to 2 MiB whose parts are at hand (text, bytes) can be sent again. Any other is a stream, which is
    /// sent once.
    #[cfg(feature = "multipart")]
    pub fn multipart(self, form: reqwest::multipart::Form) -> Self {
        let mut with_form = self.map(|request| request.multipart(form));
        with_form.wishes.form = true;
        with_form.wishes.body = None;
        with_form
    }

    /// Sets the version of HTTP.
    pub fn version(self, version: Version) -> Self {
        self.map(|request| request.version(version))
    }

    /// Sets the time of the whole call: all attempts, the waits between them, and the reading of the body.
    ///
    /// It goes before the policy's `timeout` and the reqwest client's own. [`Duration::ZERO`] sends nothing.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|request| request.timeout(timeout))
    }

    /// Says whether the request may be done twice. Default as its endpoint says, else by `Idempotency-Key` and method.
    pub fn idempotent(self, idempotent: bool) -> Self {
        self.overridden(|overrides| overrides.idempotent(idempotent))
    }

    /// Sets the policy of this call. Its endpoint's budget still pays for the retries.
    pub fn policy(self, policy: Policy) -> Self {
        self.overridden(|overrides| overrides.policy(policy))
    }

    /// Sets how long after the first attempt the last one may start, instead of the policy's
    /// [`max_elapsed`](Policy::max_elapsed).
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        self.overridden(|overrides| overrides.max_elapsed(max_elapsed))
    }

    /// Builds the request. What [`idempotent`](Self::idempotent), [`policy`](Self::policy) and
    /// [`max_elapsed`](Self::max_elapsed) said is not part of it, nor what [`body_with`](Self::body_with) makes, and a form is
    /// a stream.
    ///
    /// # Errors
    ///
    /// If a part of it was invalid, such as its URL.
    pub fn build(self) -> Result<Request, Error> {
        self.build_split().1
    }

    /// Builds the request, as [`build`](Self::build), and returns the client with it.
    pub fn build_split(self) -> (Client, Result<Request, Error>) {
        let request = self.request.build().map_err(|error| Error::from_reqwest(error, None));
        (self.client, request)
    }

    /// Copies the builder, or returns `None` if its body is a stream.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        let request = self.request.try_clone()?;
        Some(Self { client: self.client.clone(), request, wishes: self.wishes.clone() })
    }

    /// Sends the request, and again where that is safe, useful and paid for.
    ///
    /// # Errors
    ///
    /// If it could not be built, or if no response came from the last attempt. A response is never an error: see
    /// [`error_for_status`](crate::error_for_status).
    pub fn send(mut self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        let wishes = std::mem::take(&mut self.wishes);
        let (client, request) = self.build_split();
        client.execute_with(request, wishes)
    }

    fn overridden(mut self, change: impl FnOnce(Overrides) -> Overrides) -> Self {
        self.wishes.overrides = change(self.wishes.overrides);
        self
    }

    fn map(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }
}

/// Shows neither URL nor headers: both may hold secrets.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("overrides", &self.wishes.overrides).finish_non_exhaustive()
    }
}
