//! A service that has to be ready before each attempt.

use std::future::poll_fn;

use ::tower::Service;

use crate::drive::BoxError;

/// A service, and whether it may be called.
pub(super) struct Ready<S> {
    service: S,
    is_ready: bool,
}

impl<S> Ready<S> {
    /// Whoever calls the layer has waited for it.
    pub(super) const fn new(service: S) -> Self {
        Self { service, is_ready: true }
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.is_ready
    }

    pub(super) async fn ready<R>(&mut self) -> Result<(), BoxError>
    where
        S: Service<R>,
        S::Error: Into<BoxError>,
    {
        if !self.is_ready {
            poll_fn(|cx| self.service.poll_ready(cx)).await.map_err(Into::into)?;
            self.is_ready = true;
        }
        Ok(())
    }

    pub(super) fn call<R>(&mut self, request: R) -> S::Future
    where
        S: Service<R>,
    {
        self.is_ready = false;
        self.service.call(request)
    }
}
