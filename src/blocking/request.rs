//! One request, built as with reqwest's blocking client, and what forbear may do with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::blocking::{Body, Request, Response};

use super::{Client, Error, Wishes};
use crate::client::methods::request_methods;
use crate::endpoints::Overrides;
use crate::policy::Policy;

/// Builds a request. The methods of [`reqwest::blocking::RequestBuilder`], and four of its own.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: Inner,
    wishes: Option<Box<Wishes<Body>>>,
}

type Inner = reqwest::blocking::RequestBuilder;

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

    /// Sets the body to a multipart form, which is sent once.
    #[cfg(feature = "multipart")]
    pub fn multipart(mut self, form: reqwest::blocking::multipart::Form) -> Self {
        self.forget_body_factory();
        self.wishes.get_or_insert_default().form = true;
        self.map(|request| request.multipart(form))
    }

    /// Sends the request, and again where that is safe, useful and paid for. Blocks meanwhile.
    ///
    /// # Errors
    ///
    /// If it could not be built, or if no response came from the last attempt. A response is never an error: see
    /// [`error_for_status`](super::error_for_status).
    pub fn send(mut self) -> Result<Response, Error> {
        let wishes = self.wishes.take();
        let (client, request) = self.build_split();
        client.execute_with(request?, wishes)
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
