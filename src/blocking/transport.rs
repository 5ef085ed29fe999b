//! One call over reqwest's blocking client: the loop of the others, with a transport that is never pending.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use reqwest::blocking::{Body, Request, Response};

use super::Client;
use crate::attempt::Attempt;
use crate::call::Call;
use crate::client::failure;
use crate::client::transport::{BodyFactory, Lost, Wishes, origin};
use crate::drive::clock::Running;
use crate::drive::{self, Head, Hooks, Prepared, Transport, clock};
use crate::outcome::{Failure, Outcome};
use crate::report::Report;

/// One request over reqwest's blocking client.
pub(super) struct Http {
    client: reqwest::blocking::Client,
    redirects: Option<Arc<AtomicU64>>,
    hooks: Option<Arc<Hooks<Request>>>,
    /// Taken by the last attempt.
    request: Option<Request>,
    /// What the hooks have made of it for the attempt that is upcoming.
    staged: Option<Request>,
    body: Option<BodyFactory<Body>>,
    asked_for_json: bool,
    /// Whether the attempt may have been redirected.
    redirected: bool,
}

type Reply = Result<Response, Lost<reqwest::Error>>;

impl Http {
    pub(super) fn call(client: &Client, mut request: Request, wishes: Option<Box<Wishes<Body>>>) -> (Call, Self) {
        let now = clock::now();
        let Wishes { overrides, body, form } = wishes.map_or_else(Wishes::default, |wishes| *wishes);
        let method = request.method().clone();
        client.door.keys.add(&method, request.headers_mut());
        if body.is_some() {
            *request.body_mut() = None; // made by each attempt
            if form {
                request.headers_mut().remove(CONTENT_LENGTH); // of the form that it replaces
            }
        }
        let head = Head {
            method: &method,
            origin: origin(request.url()),
            path: request.url().path(),
            headers: request.headers(),
            timeout: request.timeout().copied(),
            replayable: request.body().is_none_or(|body| body.as_bytes().is_some()),
        };
        let call = client.door.start(head, overrides, now);
        let http = Self {
            client: client.http.clone(),
            redirects: client.redirects.clone(),
            hooks: client.hooks.clone(),
            asked_for_json: drive::asks_for_json(request.headers()),
            request: Some(request),
            staged: None,
            body,
            redirected: false,
        };
        (call, http)
    }

    pub(super) fn drive(mut self, call: &mut Call) -> Reply {
        let reply = drive::block_on(drive::drive(call, &mut self, None)).map_err(Lost::Unprepared)?;
        let mut response = reply.unwrap_or(Err(Lost::Known(Failure::Timeout)))?;
        if let Some(report) = call.take_report() {
            response.extensions_mut().insert::<Report>(report);
        }
        Ok(response)
    }

    /// Takes the request of an attempt, and keeps another if one may follow.
    fn take(&mut self, attempt: &Attempt) -> Request {
        #[expect(clippy::expect_used, reason = "no attempt follows the last, and every other one keeps the request")]
        let mut request = self.request.take().expect("a request is left for this attempt");
        if !attempt.is_last() {
            self.request = copy(&request);
        }
        if let Some(make) = &self.body {
            *request.body_mut() = Some(make());
        }
        request
    }

    fn redirects(&self) -> u64 {
        self.redirects.as_ref().map_or(0, |redirects| redirects.load(Ordering::Relaxed))
    }
}

impl Transport for Http {
    type Reply = Reply;

    fn needs_preparing(&self) -> bool {
        self.hooks.is_some()
    }

    async fn prepare(&mut self, upcoming: &Attempt) -> Prepared {
        let mut request = self.take(upcoming);
        let prepared = match &self.hooks {
            Some(hooks) => hooks.before_attempt(&mut request, upcoming).await, // all of them are ready
            None => Ok(()),
        };
        self.staged = Some(request);
        prepared.into()
    }

    fn send(&mut self, attempt: &Attempt) -> impl Future<Output = Reply> + Send {
        let mut request = self.staged.take().unwrap_or_else(|| self.take(attempt));
        if let Some(timeout) = attempt.timeout() {
            *request.timeout_mut() = Some(timeout);
        }
        let before = self.redirects();
        let reply = self.client.execute(request).map_err(Lost::Failed);
        self.redirected = self.redirects() != before;
        ready(reply)
    }

    fn looks_into(&mut self, _: &Reply) -> bool {
        false
    }

    fn look_into(&mut self, reply: Reply) -> impl Future<Output = Reply> + Send {
        ready(reply)
    }

    fn outcome<'r>(&'r self, reply: &'r Reply) -> Outcome<'r> {
        match reply {
            Ok(response) => drive::outcome(response.status(), response.headers()).asked_for_json(self.asked_for_json),
            Err(Lost::Failed(error)) => Outcome::failure(failure(error)),
            Err(Lost::Known(failure)) => Outcome::failure(*failure),
            Err(Lost::Unprepared(_)) => Outcome::failure(Failure::Caller),
        }
        .redirected(self.redirected)
    }

    fn set_aside(&mut self, reply: Reply) -> impl Future<Output = Reply> + Send {
        ready(reply)
    }

    fn wait(&mut self, since: Running, wait: Duration) -> impl Future<Output = ()> + Send {
        clock::wait_blocking(since, wait);
        ready(())
    }
}

/// Copies a request, as [`Request::try_clone`], but without a body it allocates once, for the URL, and not four times.
fn copy(request: &Request) -> Option<Request> {
    if request.body().is_some() {
        return request.try_clone();
    }
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    if !request.headers().is_empty() {
        copy.headers_mut().clone_from(request.headers());
    }
    *copy.version_mut() = request.version();
    if let Some(timeout) = request.timeout() {
        *copy.timeout_mut() = Some(*timeout); // even to ask for its place allocates
    }
    Some(copy)
}
