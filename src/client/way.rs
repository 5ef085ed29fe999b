//! How a client sends: over reqwest, or by a script.

use std::pin::Pin;
use std::task::{Context, Poll};

use reqwest::{Request, Response};

use super::transport::{Execute, Lost};
use super::{Client, observe};
use crate::attempt::Attempt;
use crate::outcome::Failure;

impl Execute for Client {
    type Error = reqwest::Error;

    fn execute(
        &mut self,
        request: Request,
        _: &Attempt,
    ) -> impl Future<Output = Result<Response, Lost<reqwest::Error>>> + Send {
        #[cfg(feature = "test-util")]
        if let Some(script) = &self.0.script {
            return Executing::Script(Box::pin(script.clone().answer(request)));
        }
        Executing::Reqwest(self.0.http.execute(request))
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
