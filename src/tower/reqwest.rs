//! `reqwest::Client`, or a stack over it, as the service: all that the client does for reqwest, done here, too.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::reqwest::{Request, Response};
use ::tower::Service;
use pin_project_lite::pin_project;

use super::error::Error;
use super::future::{Driving, Leg};
use super::ready::Ready;
use super::{Failures, Retry};
use crate::attempt::Attempt;
use crate::call::Call;
use crate::client::transport::{Execute, Http, Lost, ReadFor};
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
    type Future = ReqwestFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(|error| Error::new(Some(error.into()), None))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let service = Stack { service: Ready::new(self.take_ready()), failures: self.terms.failures.clone() };
        let mut http = Http::new(service, Arc::clone(&self.terms.door), None, request, None);
        let call = http.start();
        ReqwestFuture { driving: Driving::begin(http, call) }
    }
}

pin_project! {
    /// As [`ResponseFuture`](super::ResponseFuture), over a service of reqwest's.
    #[project(!Unpin)]
    #[must_use = "a call goes on only while it is awaited"]
    pub struct ReqwestFuture<S>
    where
        S: Service<Request>,
    {
        #[pin]
        driving: Driving<Http<Stack<S>>, Sending<S::Future>, Response>,
    }
}

impl<S> Future for ReqwestFuture<S>
where
    S: Service<Request, Response = Response> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Output = Result<Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().driving.poll(cx)
    }
}

impl<S: Service<Request>> fmt::Debug for ReqwestFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestFuture")
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
        self.service.call(request).await.map_err(failed)
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

pin_project! {
    /// An attempt under way.
    pub(super) struct Sending<F> {
        #[pin]
        future: F,
        read_for: ReadFor,
    }
}

impl<S> Leg for Http<Stack<S>>
where
    S: Service<Request, Response = Response> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
{
    type Sending = Sending<S::Future>;
    type Response = Response;

    fn start_sending(&mut self, attempt: &Attempt) -> Self::Sending {
        let (request, read_for) = self.next(attempt);
        Sending { future: self.execute_mut().service.call(request), read_for }
    }

    fn poll_sending(&mut self, sending: Pin<&mut Self::Sending>, cx: &mut Context<'_>) -> Poll<Self::Reply> {
        let sending = sending.project();
        Poll::Ready(match ready!(self.poll_watched(sending.future, cx)) {
            Ok(response) => Ok(sending.read_for.limit(response)),
            Err(error) => Err(failed(error)),
        })
    }

    fn timed_out() -> Self::Reply {
        Err(Lost::Known(Failure::Timeout))
    }

    fn finish(last: Result<Option<Self::Reply>, BoxError>, call: &mut Call) -> Result<Response, Error> {
        Self::response_of(last, call).map_err(|lost| {
            let cause = match lost {
                Lost::Failed(error) => Some(error),
                Lost::Unprepared(error) => Some(without_url(error)),
                Lost::Known(_) => None,
            };
            Error::new(cause, call.take_report())
        })
    }
}

fn failed(error: impl Into<BoxError>) -> Lost<BoxError> {
    Lost::Failed(without_url(error.into()))
}
