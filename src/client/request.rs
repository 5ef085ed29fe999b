//! One request, built as with reqwest, and what forbear may do with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Body, Request, Response};

use super::methods::request_methods;
use super::transport::Wishes;
use super::{Client, Error};
use crate::endpoints::Overrides;
use crate::policy::Policy;

/// Builds a request. The methods of [`reqwest::RequestBuilder`], and four of its own.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: Inner,
    wishes: Option<Box<Wishes<Body>>>,
}

type Inner = reqwest::RequestBuilder;

impl RequestBuilder {
    /// Builds on a finished request.
    pub fn from_parts(client: Client, request: Request) -> Self {
        let builder = Inner::from_parts(client.as_reqwest().clone(), request);
        Self::new(client, builder)
    }

    pub(super) fn new(client: Client, request: Inner) -> Self {
        Self { client, request, wishes: None }
    }

    request_methods!();

    /// Sets the body to a multipart form.
    ///
    /// A form of up to 2 MiB whose parts are at hand (text, bytes) can be sent again. Any other is a stream, which is
    /// sent once.
    #[cfg(feature = "multipart")]
    pub fn multipart(self, form: reqwest::multipart::Form) -> Self {
        let mut with_form = self.map(|request| request.multipart(form));
        with_form.forget_body_factory();
        with_form.wishes.get_or_insert_default().form = true;
        with_form
    }

    /// Sends the request, and again where that is safe, useful and paid for.
    ///
    /// # Errors
    ///
    /// If it could not be built, or if no response came from the last attempt. A response is never an error: see
    /// [`error_for_status`](crate::error_for_status).
    #[inline] // so that the request is built where it is kept
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        self.client.execute_with(self.request.build(), self.wishes)
    }
}

/// Shows neither URL nor headers: both may hold secrets.
impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("overrides", &self.wishes.as_ref().map(|wishes| &wishes.overrides))
            .finish_non_exhaustive()
    }
}
