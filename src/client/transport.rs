//! One call over reqwest, whichever way its attempts are sent.

#[cfg(feature = "tower")]
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
#[cfg(feature = "tower")]
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use reqwest::{Body, Request, Response, Url};

use super::{body, observe, replay};
use crate::attempt::Attempt;
use crate::call::Call;
use crate::drive::{self, BoxError, Door, Head, Hooks, Prepared, Transport, clock};
use crate::endpoints::Overrides;
use crate::now::Now;
use crate::origin::Origin;
use crate::outcome::{Failure, Outcome};
use crate::report::Report;

/// A way to send one attempt.
pub(crate) trait Execute: Send {
    /// How it fails.
    type Error: Send;

    fn execute(
        &mut self,
        request: Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Response, Lost<Self::Error>>> + Send;

    fn failure(&self, error: &Self::Error) -> Failure;

    /// Returns whether an attempt may be sent at once.
    fn is_ready(&self) -> bool {
        true
    }

    /// Waits until it is ready.
    fn ready(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What is said of one call besides its request, whose body is a `B`.
pub(crate) struct Wishes<B> {
    pub(crate) overrides: Overrides,
    /// Makes the body of each attempt.
    pub(crate) body: Option<BodyFactory<B>>,
    /// Whether the body is a form, a stream whose parts may be at hand.
    pub(crate) form: bool,
}

pub(crate) type BodyFactory<B> = Arc<dyn Fn() -> B + Send + Sync>;

impl<B> Default for Wishes<B> {
    fn default() -> Self {
        Self { overrides: Overrides::new(), body: None, form: false }
    }
}

impl<B> Clone for Wishes<B> {
    fn clone(&self) -> Self {
        Self { overrides: self.overrides.clone(), body: self.body.clone(), form: self.form }
    }
}

/// One request over reqwest.
pub(crate) struct Http<E> {
    execute: E,
    door: Arc<Door>,
    hooks: Option<Arc<Hooks<Request>>>,
    /// Taken by the last attempt.
    request: Option<Request>,
    wishes: Option<Box<Wishes<Body>>>,
    /// What the hooks have made of the request for the attempt that is upcoming.
    staged: Option<Box<Request>>,
    /// What was seen of the body of the reply.
    seen: Option<Box<Bytes>>,
    /// The lowest status whose body is looked at, a 429 apart.
    looks_from: Option<u16>,
    /// Whether the request sets the time of the call, instead of the client's own timeout, as with reqwest.
    own_timeout: bool,
    asked_for_json: bool,
    /// Whether the attempt was redirected.
    redirected: bool,
}

/// How a call ended without a response.
pub(crate) enum Lost<E> {
    Failed(E),
    /// Cut off by a timeout, or too late for even one attempt; or as a script says.
    Known(Failure),
    /// What is done before an attempt failed.
    Unprepared(BoxError),
}

impl<E: Execute> Http<E> {
    #[inline] // so that it is built where it is kept
    pub(crate) fn new(
        execute: E,
        door: Arc<Door>,
        hooks: Option<Arc<Hooks<Request>>>,
        request: Request,
        wishes: Option<Box<Wishes<Body>>>,
    ) -> Self {
        Self {
            execute,
            door,
            hooks,
            own_timeout: request.timeout().is_some(),
            request: Some(request),
            wishes,
            staged: None,
            seen: None,
            looks_from: None,
            asked_for_json: false,
            redirected: false,
        }
    }

    /// Starts the call.
    pub(crate) fn start(&mut self) -> Call {
        let now = clock::now();
        let Self { door, request: Some(request), wishes, .. } = self else { unreachable!("no attempt has taken it") };
        let method = request.method().clone();
        door.keys.add(&method, request.headers_mut());
        let (overrides, form) = match wishes {
            Some(wishes) => {
                if wishes.body.is_some() {
                    *request.body_mut() = None; // made by each attempt
                    if wishes.form {
                        request.headers_mut().remove(CONTENT_LENGTH); // of the form that it replaces
                    }
                }
                (std::mem::take(&mut wishes.overrides), wishes.form && wishes.body.is_none())
            }
            None => (Overrides::new(), false),
        };
        let head = Head {
            method: &method,
            origin: origin(request.url()),
            path: request.url().path(),
            headers: request.headers(),
            timeout: request.timeout().copied(),
            replayable: replay::is_replayable(request),
        };
        let mut call = door.start(head, overrides, now);
        if form && call.may_repeat() {
            replay::gather(request);
            call.set_replayable(replay::is_replayable(request));
        }
        self.asked_for_json = drive::asks_for_json(request.headers());
        self.looks_from = match (call.policy().looks_into_bodies() && !call.is_off(), call.policy().classifier()) {
            (false, _) => None,
            (true, None) => Some(500),
            (true, Some(_)) => Some(400),
        };
        call
    }

    /// Drives a call to its end. A response carries the report, and the call has it, too.
    pub(crate) async fn drive(&mut self, call: &mut Call) -> Result<Response, Lost<E::Error>> {
        Self::response_of(drive::drive(call, self, None).await, call)
    }

    /// Makes a response of the last reply, if there was one.
    pub(crate) fn response_of(
        last: Result<Option<<Self as Transport>::Reply>, BoxError>,
        call: &Call,
    ) -> Result<Response, Lost<E::Error>> {
        let mut response = last.map_err(Lost::Unprepared)?.unwrap_or(Err(Lost::Known(Failure::Timeout)))?;
        if let Some(report) = call.report() {
            response.extensions_mut().insert::<Report>(report.clone());
        }
        Ok(response)
    }

    #[cfg(any(feature = "middleware", feature = "tower"))]
    pub(crate) const fn execute_mut(&mut self) -> &mut E {
        &mut self.execute
    }

    /// Takes the request of an attempt, and keeps another if one may follow.
    fn take(&mut self, attempt: &Attempt) -> Request {
        #[expect(clippy::expect_used, reason = "no attempt follows the last, and every other one keeps the request")]
        let mut request = self.request.take().expect("a request is left for this attempt");
        if !attempt.is_last() {
            self.request = Some(replay::copy(&mut request));
        }
        if let Some(make) = self.wishes.as_ref().and_then(|wishes| wishes.body.as_ref()) {
            *request.body_mut() = Some(make());
        }
        request
    }

    /// Returns the request of an attempt as it is sent, and how long its response may be read.
    pub(crate) fn next(&mut self, attempt: &Attempt) -> (Request, ReadFor) {
        let mut request = match self.staged.take() {
            Some(staged) => *staged,
            None => self.take(attempt),
        };
        if self.own_timeout {
            *request.timeout_mut() = attempt.time_left(); // limits the reading of the body, too
        }
        self.redirected = false;
        (request, ReadFor(attempt.time_left().filter(|_| !self.own_timeout).map(|left| (left, clock::now()))))
    }

    /// Polls an attempt, and notes when it is redirected.
    #[cfg(feature = "tower")]
    pub(crate) fn poll_watched<F: Future>(&mut self, attempt: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        pin!(observe::Redirects { redirected: &mut self.redirected, attempt }).poll(cx)
    }

    /// Starts to send, and lends what has to note a redirect. Not a part of the future that awaits it, which would hold the
    /// request, too.
    fn start_sending(
        &mut self,
        attempt: &Attempt,
    ) -> (impl Future<Output = Result<Response, Lost<E::Error>>> + Send, &mut bool, ReadFor) {
        let (request, read_for) = self.next(attempt);
        (self.execute.execute(request, attempt), &mut self.redirected, read_for)
    }

    async fn execute(&mut self, attempt: &Attempt) -> Result<Response, Lost<E::Error>> {
        let (sending, redirected, read_for) = self.start_sending(attempt);
        observe::Redirects { redirected, attempt: pin!(sending) }.await.map(|response| read_for.limit(response))
    }
}

/// How long a response may be read, since when, if that is limited by the time of the call and not by reqwest.
pub(crate) struct ReadFor(Option<(Duration, Now)>);

impl ReadFor {
    #[inline]
    pub(crate) fn limit(&self, response: Response) -> Response {
        match self.0 {
            Some((left, since)) => body::limit(response, left.saturating_sub(clock::now().saturating_since(since))),
            None => response,
        }
    }
}

impl<E: Execute> Transport for Http<E> {
    type Reply = Result<Response, Lost<E::Error>>;

    fn needs_preparing(&self) -> bool {
        self.hooks.is_some() || !self.execute.is_ready()
    }

    async fn prepare(&mut self, upcoming: &Attempt) -> Prepared {
        let mut request = Box::new(self.take(upcoming));
        let (execute, hooks) = (&mut self.execute, &self.hooks);
        let prepared = {
            let preparing = pin!(async {
                if let Err(error) = execute.ready().await {
                    return Prepared::NotReady(error);
                }
                match hooks {
                    Some(hooks) => hooks.before_attempt(&mut request, upcoming).await.into(),
                    None => Prepared::Done,
                }
            });
            clock::limited(upcoming.time_to_start(), preparing, || Prepared::TooLate).await
        };
        self.staged = Some(request);
        prepared
    }

    async fn send(&mut self, attempt: &Attempt) -> Self::Reply {
        clock::limited(attempt.timeout(), pin!(self.execute(attempt)), || Err(Lost::Known(Failure::Timeout))).await
    }

    fn looks_into(&mut self, reply: &Self::Reply) -> bool {
        self.seen = None;
        let response = reply.as_ref().ok();
        response.zip(self.looks_from).is_some_and(|(response, from)| body::may_tell(response, from))
    }

    async fn look_into(&mut self, reply: Self::Reply) -> Self::Reply {
        let (response, seen) = body::look_into(reply?).await;
        self.seen = Some(Box::new(seen));
        Ok(response)
    }

    fn outcome<'r>(&'r self, reply: &'r Self::Reply) -> Outcome<'r> {
        match reply {
            Ok(response) => drive::outcome(response.status(), response.headers())
                .body(self.seen.as_ref().map_or(&[], |seen| seen))
                .asked_for_json(self.asked_for_json),
            Err(Lost::Failed(error)) => Outcome::failure(self.execute.failure(error)),
            Err(Lost::Known(failure)) => Outcome::failure(*failure),
            Err(Lost::Unprepared(_)) => Outcome::failure(Failure::Caller),
        }
        .redirected(self.redirected)
    }

    async fn set_aside(&mut self, reply: Self::Reply) -> Self::Reply {
        match reply {
            Ok(response) => Ok(body::set_aside(response).await),
            Err(lost) => Err(lost),
        }
    }
}

pub(crate) fn origin(url: &Url) -> Origin<'_> {
    Origin::new(url.scheme(), url.host_str().unwrap_or_default(), url.port())
}
