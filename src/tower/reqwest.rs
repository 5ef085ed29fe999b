//! `reqwest::Client`, or a stack over it, as the service: all that the client does for reqwest, done here, too.

use std::sync::Arc;
use std::task::{Context, Poll};

use ::reqwest::{Request, Response};
use ::tower::Service;

use super::error::Error;
use super::ready::Ready;
use super::{Failures, ResponseFuture, Retry};
use crate::attempt::Attempt;
use crate::client::transport::{Execute, Http, Lost};
use crate::client::without_url;
use crate::drive::BoxError;
use crate::outcome::Failure;

impl<S, P> Service<Request> for Retry<S, P>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Error;
    type Future = ResponseFuture<Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(|error| Error::new(Some(error.into()), None))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let service = Stack { service: Ready::new(self.take_ready()), failures: self.terms.failures.clone() };
        let mut http = Http::new(service, Arc::clone(&self.terms.door), None, request, None);
        ResponseFuture(Box::pin(async move {
            let mut call = http.start();
            http.drive(&mut call).await.map_err(|lost| {
                let cause = match lost {
                    Lost::Failed(error) => Some(error),
                    Lost::Unprepared(error) => Some(without_url(error)),
                    Lost::Known(_) => None,
                };
                Error::new(cause, call.take_report())
            })
        }))
    }
}

/// Whatever is inside.
struct Stack<S> {
    service: Ready<S>,
    failures: Failures,
}

impl<S> Execute for Stack<S>
where
    S: Service<Request, Response = Response> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Error = BoxError;

    async fn execute(&mut self, request: Request, _: &Attempt) -> Result<Response, Lost<BoxError>> {
        self.service.call(request).await.map_err(|error| Lost::Failed(without_url(error.into())))
    }

    fn failure(&self, error: &BoxError) -> Failure {
        self.failures.of(&**error)
    }

    fn is_ready(&self) -> bool {
        self.service.is_ready()
    }

    async fn ready(&mut self) -> Result<(), BoxError> {
        self.service.ready().await
    }
}
