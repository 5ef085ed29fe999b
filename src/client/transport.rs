//! One call over reqwest, whichever way its attempts are sent.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::{Body, Request, Response, Url};

use super::{body, observe, replay};
use crate::call::{Attempt, Call};
use crate::drive::{self, BoxError, Hooks, Keys, Transport, clock};
use crate::endpoints::{Endpoints, Overrides};
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

/// What all calls through one door have in common, whose requests are of type `R`.
pub(crate) struct Door<R> {
    pub(crate) endpoints: Endpoints,
    pub(crate) hooks: Option<Arc<Hooks<R>>>,
    pub(crate) keys: Keys,
    pub(crate) hidden_redirects: bool,
}

impl<R> Door<R> {
    /// As careful as it has to be with a client that was finished before.
    pub(crate) fn careful(endpoints: Endpoints) -> Self {
        Self { endpoints, hooks: None, keys: Keys::default(), hidden_redirects: true }
    }

    pub(crate) fn start(&self, head: &Head<'_>, overrides: Overrides) -> Call {
        let origin = Origin::new(head.url.scheme(), head.url.host_str().unwrap_or_default(), head.url.port());
        let overrides = match head.timeout {
            Some(timeout) => overrides.timeout(*timeout),
            None => overrides,
        };
        self.endpoints
            .call_to(head.method, origin, head.url.path())
            .headers(head.headers)
            .replayable(head.replayable)
            .hidden_redirects(self.hidden_redirects)
            .overrides(overrides)
            .start(clock::now(), clock::seed())
    }
}

impl<R> Clone for Door<R> {
    fn clone(&self) -> Self {
        Self {
            endpoints: self.endpoints.clone(),
            hooks: self.hooks.clone(),
            keys: self.keys.clone(),
            hidden_redirects: self.hidden_redirects,
        }
    }
}

/// What a call is about.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    /// The time of the whole call.
    pub(crate) timeout: Option<&'a Duration>,
    pub(crate) replayable: bool,
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

impl Door<Request> {
    /// Starts a call. What it returns is moved once and borrowed from there on: that keeps futures small.
    pub(crate) fn call<E>(&self, execute: E, mut request: Request, wishes: Wishes<Body>) -> (Call, Http<E>) {
        let method = request.method().clone();
        self.keys.add(&method, request.headers_mut());
        if wishes.body.is_some() {
            *request.body_mut() = None; // made by each attempt
        }
        let head = Head {
            method: &method,
            url: request.url(),
            headers: request.headers(),
            timeout: request.timeout(),
            replayable: replay::is_replayable(&request),
        };
        let mut call = self.start(&head, wishes.overrides);
        if wishes.form && call.may_repeat() {
            replay::gather(&mut request);
            call.set_replayable(replay::is_replayable(&request));
        }
        let http = Http {
            execute,
            own_timeout: request.timeout().is_some(),
            request: Some(request),
            staged: None,
            hooks: self.hooks.clone(),
            body: wishes.body,
            looks_from: match (call.policy().looks_into_bodies(), call.policy().classifier()) {
                (false, _) => None,
                (true, None) => Some(500),
                (true, Some(_)) => Some(400),
            },
            asked_for_json: false,
            redirected: false,
            seen: Bytes::new(),
        };
        (call, http)
    }
}

/// One request over reqwest.
pub(crate) struct Http<E> {
    execute: E,
    /// Taken by the last attempt.
    request: Option<Request>,
    /// What the hooks have made of it for the attempt that is upcoming.
    staged: Option<Box<Request>>,
    hooks: Option<Arc<Hooks<Request>>>,
    body: Option<BodyFactory<Body>>,
    /// Whether the request sets the time of the call, instead of the client's own timeout, as with reqwest.
    own_timeout: bool,
    /// The lowest status whose body is looked at, a 429 apart.
    looks_from: Option<u16>,
    /// Whether the request asked for JSON, noted when the last attempt takes it. Until then it tells that itself.
    asked_for_json: bool,
    /// Whether the attempt was redirected.
    redirected: bool,
    /// What was seen of the body of its reply.
    seen: Bytes,
}

/// How a call ended without a response.
pub(crate) enum Lost<E> {
    Failed(E),
    /// Cut off by a timeout, or too late for even one attempt; or as a script says.
    Known(Failure),
    Hook(BoxError),
}

impl<E: Execute> Http<E> {
    /// Drives a call to its end. A response carries the report; otherwise the call still has it.
    pub(crate) async fn drive(&mut self, call: &mut Call) -> Result<Response, Lost<E::Error>> {
        let reply = drive::drive(call, self).await.map_err(Lost::Hook)?;
        let mut response = reply.unwrap_or(Err(Lost::Known(Failure::Timeout)))?;
        if let Some(report) = call.take_report() {
            response.extensions_mut().insert::<Report>(report);
        }
        Ok(response)
    }

    #[cfg(feature = "middleware")]
    pub(crate) fn into_execute(self) -> E {
        self.execute
    }

    /// Takes the request of an attempt, and keeps another if one may follow.
    fn take(&mut self, attempt: &Attempt) -> Request {
        let kept = if attempt.is_last() { None } else { self.request.as_mut().map(replay::copy) };
        #[expect(clippy::expect_used, reason = "no attempt follows the last, and every other one keeps the request")]
        let mut request = std::mem::replace(&mut self.request, kept).expect("a request is left for this attempt");
        if let Some(make) = &self.body {
            *request.body_mut() = Some(make());
        }
        if self.request.is_none() {
            self.asked_for_json = observe::asks_for_json(request.headers());
        }
        request
    }

    async fn execute(&mut self, attempt: &Attempt) -> Result<Response, Lost<E::Error>> {
        let mut request = match self.staged.take() {
            Some(staged) => *staged,
            None => self.take(attempt),
        };
        if self.own_timeout {
            *request.timeout_mut() = attempt.time_left(); // limits the reading of the body, too
        }
        let sent_at = clock::now();
        let executing = self.execute.execute(request, attempt);
        self.redirected = false;
        let response = observe::redirects(&mut self.redirected, executing).await?;
        match attempt.time_left() {
            Some(left) if !self.own_timeout => {
                Ok(body::limit(response, left.saturating_sub(clock::now().saturating_since(sent_at))))
            }
            Some(_) | None => Ok(response),
        }
    }

    fn asked_for_json(&self) -> bool {
        self.request.as_ref().map_or(self.asked_for_json, |request| observe::asks_for_json(request.headers()))
    }
}

impl<E: Execute> Transport for Http<E> {
    type Reply = Result<Response, Lost<E::Error>>;

    fn needs_preparing(&self) -> bool {
        self.hooks.is_some() || !self.execute.is_ready()
    }

    async fn prepare(&mut self, upcoming: &Attempt) -> Result<(), BoxError> {
        let mut request = Box::new(self.take(upcoming)); // large, and seldom prepared
        let (execute, hooks) = (&mut self.execute, &self.hooks);
        let preparing = Box::pin(async {
            execute.ready().await?;
            match hooks {
                Some(hooks) => hooks.before_attempt(&mut request, upcoming).await,
                None => Ok(()),
            }
        });
        let prepared = clock::limited(upcoming.time_left(), preparing).await;
        self.staged = Some(request);
        prepared.unwrap_or(Ok(()))
    }

    async fn send(&mut self, attempt: &Attempt) -> Self::Reply {
        clock::limited(attempt.timeout(), pin!(self.execute(attempt)))
            .await
            .unwrap_or(Err(Lost::Known(Failure::Timeout)))
    }

    async fn look_into(&mut self, reply: Self::Reply) -> Self::Reply {
        match reply {
            Ok(response) if self.looks_from.is_some_and(|from| body::may_tell(&response, from)) => {
                let (response, seen) = Box::pin(body::look_into(response)).await; // large, and seldom needed
                self.seen = seen;
                Ok(response)
            }
            other => {
                self.seen = Bytes::new();
                other
            }
        }
    }

    fn outcome<'r>(&'r self, reply: &'r Self::Reply, received_at: SystemTime) -> Outcome<'r> {
        match reply {
            Ok(response) => Outcome::response(response.status(), response.headers(), received_at)
                .body(&self.seen)
                .asked_for_json(response.status().as_u16() >= 500 && self.asked_for_json()),
            Err(Lost::Failed(error)) => Outcome::failure(self.execute.failure(error)),
            Err(Lost::Known(failure)) => Outcome::failure(*failure),
            Err(Lost::Hook(_)) => Outcome::failure(Failure::Caller),
        }
        .redirected(self.redirected)
    }

    async fn set_aside(&mut self, reply: Self::Reply) -> Self::Reply {
        match reply {
            Ok(response) => Ok(Box::pin(body::set_aside(response)).await), // large, and seldom needed
            Err(lost) => Err(lost),
        }
    }
}
