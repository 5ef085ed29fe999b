//! One call over a service that takes an `http::Request`.

use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;

use ::tower::Service;
use http::{Request, Response};

use super::Terms;
use super::error::Error;
use super::ready::Ready;
use super::replay::Replay;
use crate::attempt::Attempt;
use crate::call::Call;
use crate::drive::{self, BoxError, Head, Transport, clock};
use crate::endpoints::Overrides;
use crate::origin::Origin;
use crate::outcome::{Failure, Outcome};

/// One request over a service.
pub(super) struct Http<S, B, P> {
    service: Ready<S>,
    terms: Arc<Terms<P>>,
    /// Of the attempt that is upcoming.
    request: Option<Request<B>>,
    /// Of the one after it.
    kept: Option<Request<B>>,
    /// Whether there is one, if there has to be.
    replayable: bool,
    asked_for_json: bool,
}

/// A response, or what the service failed with; nothing where the time was up.
type Reply<C> = Result<Response<C>, Option<BoxError>>;

impl<S, B, C, P> Http<S, B, P>
where
    S: Service<Request<B>, Response = Response<C>> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Replay<B>,
    B: Send,
    C: Send,
{
    pub(super) fn new(terms: Arc<Terms<P>>, service: S, request: Request<B>) -> Self {
        let asked_for_json = drive::asks_for_json(request.headers());
        Self {
            service: Ready::new(service),
            terms,
            request: Some(request),
            kept: None,
            asked_for_json,
            replayable: true,
        }
    }

    /// Starts the call.
    fn start(&mut self) -> Call {
        let now = clock::now();
        let Self { terms, request: Some(request), .. } = self else { unreachable!("no attempt has taken it") };
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
        if call.may_repeat() {
            self.kept = copy(request, &terms.replay);
            self.replayable = self.kept.is_some();
        }
        call
    }

    pub(super) async fn drive(mut self) -> Result<Response<C>, Error> {
        let mut call = self.start();
        let reply = drive::drive(&mut call, &mut self).await.map_err(Some).and_then(|reply| reply.unwrap_or(Err(None)));
        let report = call.take_report();
        match reply {
            Ok(mut response) => {
                if let Some(report) = report {
                    response.extensions_mut().insert(report);
                }
                Ok(response)
            }
            Err(cause) => Err(Error::new(cause, report)),
        }
    }

    async fn execute(&mut self, attempt: &Attempt) -> Reply<C> {
        #[expect(
            clippy::expect_used,
            reason = "no attempt follows the last, nor one whose request could not be copied"
        )]
        let mut request = self.request.take().expect("a request is left for this attempt");
        self.request = self.kept.take();
        if !attempt.is_last() && self.request.is_none() {
            self.request = copy(&request, &self.terms.replay);
            self.replayable = self.request.is_some();
        }
        if attempt.retry().is_some() {
            request.extensions_mut().insert(attempt.clone());
        }
        self.service.call(request).await.map_err(|error| Some(error.into()))
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

    async fn prepare(&mut self, upcoming: &Attempt) -> Option<Result<(), BoxError>> {
        clock::limited(upcoming.time_to_start(), pin!(self.service.ready())).await
    }

    async fn send(&mut self, attempt: &Attempt) -> Reply<C> {
        clock::limited(attempt.timeout(), pin!(self.execute(attempt))).await.unwrap_or(Err(None))
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
