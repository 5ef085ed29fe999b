//! How a client sends: over reqwest, or by a script.

use std::pin::Pin;
use std::task::{Context, Poll};

use reqwest::{Request, Response};

use super::observe;
#[cfg(feature = "test-util")]
use super::script::Script;
use super::transport::{Execute, Lost};
use crate::call::Attempt;
use crate::outcome::Failure;

pub(super) enum Way {
    Reqwest(reqwest::Client),
    #[cfg(feature = "test-util")]
    Script(Script),
}

impl Execute for Way {
    type Error = reqwest::Error;

    fn execute(
        &mut self,
        request: Request,
        _: &Attempt,
    ) -> impl Future<Output = Result<Response, Lost<reqwest::Error>>> + Send {
        match self {
            Self::Reqwest(client) => Executing::Reqwest(client.execute(request)),
            #[cfg(feature = "test-util")]
            Self::Script(script) => Executing::Script(Box::pin(script.clone().answer(request))),
        }
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        observe::failure(error)
    }
}

/// An attempt under way. By hand, as an `async` block would hold the request twice.
enum Executing<F> {
    Reqwest(F),
    #[cfg(feature = "test-util")]
    Script(Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>),
}

impl<F: Future<Output = reqwest::Result<Response>> + Unpin> Future for Executing<F> {
    type Output = Result<Response, Lost<reqwest::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Reqwest(executing) => Pin::new(executing).poll(cx).map_err(Lost::Failed),
            #[cfg(feature = "test-util")]
            Self::Script(answering) => answering.as_mut().poll(cx).map_err(Lost::Known),
        }
    }
}
