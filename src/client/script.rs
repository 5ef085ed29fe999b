//! A client without a network, for tests.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body::Body as _;
use reqwest::{Body, Request, Response, ResponseBuilderExt};

use crate::drive::clock;
use crate::outcome::Failure;

/// Answers the attempts of a [`Client`](crate::Client) as written, in their order, and remembers them: no sockets.
///
/// Under tokio's paused clock (`#[tokio::test(start_paused = true)]`) no time passes either: waits and timeouts are over as
/// soon as nothing else is to be done. Clones share the script.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::{Client, Failure, Report, Script};
/// # use http::Response;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script = Script::new()
///     .failure(Failure::Connect)
///     .response(Response::builder().status(503).header("Retry-After", "30").body("busy")?)
///     .response(Response::new("done"));
/// let client = Client::builder(reqwest::Client::builder()).build_scripted(&script)?;
///
/// let response = client.get("http://orders.internal/v1/orders/7").send().await?;
/// let report = Report::of(&response).ok_or("it was retried")?;
/// assert!(report.attempts()[1].wait() >= Some(Duration::from_secs(30)));
/// assert_eq!(response.text().await?, "done");
/// assert_eq!(script.sent().len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Each with the time that it takes.
    answers: VecDeque<(Duration, Answer)>,
    /// Of the next answer that is written.
    after: Duration,
    sent: Vec<http::Request<Vec<u8>>>,
}

enum Answer {
    Response(http::Response<Body>),
    Failure(Failure),
}

impl Script {
    /// Returns a script without a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers an attempt with a response.
    #[must_use]
    pub fn response(self, response: http::Response<impl Into<Body>>) -> Self {
        self.answering(Answer::Response(response.map(Into::into)))
    }

    /// Lets an attempt fail. The error of the call has no error of reqwest's below it then; it answers its questions all the
    /// same.
    #[must_use]
    pub fn failure(self, failure: Failure) -> Self {
        self.answering(Answer::Failure(failure))
    }

    /// Lets the next answer take its time.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        self.state().after = time;
        self
    }

    /// Returns what was sent so far, as reqwest was given it: without the headers that it adds by itself, those of
    /// `default_headers` and `user_agent` among them.
    #[must_use]
    pub fn sent(&self) -> Vec<http::Request<Vec<u8>>> {
        self.state().sent.clone()
    }

    fn answering(self, answer: Answer) -> Self {
        let mut state = self.state();
        let after = std::mem::take(&mut state.after);
        state.answers.push_back((after, answer));
        drop(state);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::panic, reason = "this is how a test learns of it")]
    pub(super) async fn answer(self, mut request: Request) -> Result<Response, Failure> {
        let body = request.body_mut().take();
        let body = read(body.unwrap_or_default()).await.map_err(|_| Failure::Caller)?;
        let mut sent = http::Request::new(body);
        sent.method_mut().clone_from(request.method());
        *sent.uri_mut() = request.url().as_str().parse().unwrap_or_default();
        *sent.version_mut() = request.version();
        sent.headers_mut().clone_from(request.headers());
        self.state().sent.push(sent);
        let next = self.state().answers.pop_front();
        let Some((after, answer)) = next else {
            panic!("the script has no answer for attempt {}", self.state().sent.len());
        };
        if !after.is_zero() {
            clock::sleep(after).await;
        }
        match answer {
            Answer::Failure(failure) => Err(failure),
            Answer::Response(response) => {
                let (parts, body) = response.into_parts();
                let with_url = http::Response::builder().url(request.url().clone());
                let mut response = with_url.body(body).map_err(|_| Failure::Caller)?;
                *response.status_mut() = parts.status;
                *response.version_mut() = parts.version;
                *response.headers_mut() = parts.headers;
                response.extensions_mut().extend(parts.extensions);
                Ok(response.into())
            }
        }
    }
}

/// What it answers and what was sent, in numbers.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Script")
            .field("answers", &state.answers.len())
            .field("sent", &state.sent.len())
            .finish_non_exhaustive()
    }
}

async fn read(mut body: Body) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}
