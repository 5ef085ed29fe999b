//! One call over a service that takes an `http::Request`.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use ::tower::Service;
use http::{Request, Response};

use super::Terms;
use super::error::Error;
use super::future::Leg;
use super::ready::Ready;
use super::replay::Replay;
use crate::attempt::Attempt;
use crate::call::Call;
use crate::drive::{self, BoxError, Head, Prepared, Transport, clock};
use crate::endpoints::Overrides;
use crate::origin::Origin;
use crate::outcome::{Failure, Outcome};

/// One request over a service.
pub(super) struct Http<S, B, P> {
    service: Ready<S>,
    terms: Arc<Terms<P>>,
    /// Of the attempt that is upcoming, if there may be one.
    request: Option<Request<B>>,
    /// Whether there is one, if there has to be.
    replayable: bool,
    asked_for_json: bool,
}

/// A response, or what the service failed with; nothing where the time was up.
type Reply<C> = Result<Response<C>, Option<BoxError>>;

impl<S, B, P> Http<S, B, P> {
    /// Starts the call of a request over a service that is ready.
    pub(super) fn start(terms: Arc<Terms<P>>, service: S, mut request: Request<B>) -> (Self, Call) {
        let now = clock::now();
        let method = request.method().clone();
        terms.door.keys.add(&method, request.headers_mut());
        let overrides = request.extensions().get::<Overrides>().cloned().unwrap_or_default();
        let head = Head {
            method: &method,
            origin: Origin::of_uri(request.uri()),
            path: request.uri().path(),
            headers: request.headers(),
            timeout: None,
            replayable: true, // as far as it has to be
        };
        let call = terms.door.start(head, overrides, now);
        let asked_for_json = drive::asks_for_json(request.headers());
        let service = Ready::new(service);
        (Self { service, terms, request: Some(request), replayable: true, asked_for_json }, call)
    }
}

impl<S, B, P> Http<S, B, P>
where
    S: Service<Request<B>>,
    P: Replay<B>,
{
    /// Sends the upcoming request, and keeps a copy for the attempt after it.
    fn send_next(&mut self, attempt: &Attempt) -> S::Future {
        #[expect(
            clippy::expect_used,
            reason = "no attempt follows the last, nor one whose request could not be copied"
        )]
        let mut request = self.request.take().expect("a request is left for this attempt");
        if !attempt.is_last() {
            self.request = copy(&request, &self.terms.replay);
            self.replayable = self.request.is_some();
        }
        if attempt.retry().is_some() {
            request.extensions_mut().insert(attempt.clone());
        }
        self.service.call(request)
    }
}

impl<S, B, C, P> Leg for Http<S, B, P>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Replay<B> + 'static,
    B: Send + 'static,
    C: Send + 'static,
{
    type Sending = S::Future;
    type Response = Response<C>;

    fn start_sending(&mut self, attempt: &Attempt) -> S::Future {
        self.send_next(attempt)
    }

    fn poll_sending(&mut self, sending: Pin<&mut S::Future>, cx: &mut Context<'_>) -> Poll<Reply<C>> {
        sending.poll(cx).map_err(|error| Some(error.into()))
    }

    fn timed_out() -> Reply<C> {
        Err(None)
    }

    fn finish(last: Result<Option<Reply<C>>, BoxError>, call: &mut Call) -> Result<Response<C>, Error> {
        let last = last.map_err(Some).and_then(|reply| reply.unwrap_or(Err(None)));
        let report = call.take_report();
        match last {
            Ok(mut response) => {
                if let Some(report) = report {
                    response.extensions_mut().insert(report);
                }
                Ok(response)
            }
            Err(cause) => Err(Error::new(cause, report)),
        }
    }
}

impl<S, B, C, P> Transport for Http<S, B, P>
where
    S: Service<Request<B>, Response = Response<C>> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Replay<B>,
    B: Send,
    C: Send,
{
    type Reply = Reply<C>;

    fn needs_preparing(&self) -> bool {
        !self.service.is_ready()
    }

    async fn prepare(&mut self, upcoming: &Attempt) -> Prepared {
        let preparing = pin!(async {
            match self.service.ready().await {
                Ok(()) => Prepared::Done,
                Err(error) => Prepared::NotReady(error),
            }
        });
        clock::limited(upcoming.time_to_start(), preparing, || Prepared::TooLate).await
    }

    fn send(&mut self, attempt: &Attempt) -> impl Future<Output = Reply<C>> + Send {
        let sending = self.send_next(attempt);
        let timeout = attempt.timeout();
        async move {
            let replying = pin!(async { sending.await.map_err(|error| Some(error.into())) });
            clock::limited(timeout, replying, || Err(None)).await
        }
    }

    fn is_replayable(&self) -> bool {
        self.replayable
    }

    fn looks_into(&mut self, _: &Reply<C>) -> bool {
        false
    }

    fn look_into(&mut self, reply: Reply<C>) -> impl Future<Output = Reply<C>> + Send {
        ready(reply)
    }

    fn outcome<'r>(&'r self, reply: &'r Reply<C>) -> Outcome<'r> {
        match reply {
            Ok(response) => drive::outcome(response.status(), response.headers()).asked_for_json(self.asked_for_json),
            Err(Some(error)) => Outcome::failure(self.terms.failures.of(&**error)),
            Err(None) => Outcome::failure(Failure::Timeout),
        }
    }

    fn set_aside(&mut self, reply: Reply<C>) -> impl Future<Output = Reply<C>> + Send {
        ready(reply)
    }
}

/// Copies a request, if its body can be sent again.
fn copy<B>(request: &Request<B>, replay: &impl Replay<B>) -> Option<Request<B>> {
    let mut copy = Request::new(replay.replay(request.body())?);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    *copy.version_mut() = request.version();
    copy.headers_mut().clone_from(request.headers());
    copy.extensions_mut().clone_from(request.extensions());
    Some(copy)
}
