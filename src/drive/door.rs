//! What all calls through one door have in common, and how they start.

use std::time::Duration;

use http::{HeaderMap, Method};

use super::{Keys, clock};
use crate::call::Call;
use crate::endpoints::{Endpoints, Overrides};
use crate::now::Now;
use crate::origin::Origin;

/// What is the same for all calls of a client, a layer or a middleware.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) endpoints: Endpoints,
    pub(crate) keys: Keys,
    pub(crate) hidden_redirects: bool,
}

/// What a call is about.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) origin: Origin<'a>,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// The time of the whole call.
    pub(crate) timeout: Option<Duration>,
    pub(crate) replayable: bool,
}

impl Door {
    /// As careful as it has to be with a client that was finished before.
    pub(crate) fn careful(endpoints: Endpoints) -> Self {
        Self { endpoints, keys: Keys::default(), hidden_redirects: true }
    }

    pub(crate) fn start(&self, head: Head<'_>, overrides: Overrides, now: Now) -> Call {
        let overrides = match head.timeout {
            Some(timeout) => overrides.timeout(timeout),
            None => overrides,
        };
        self.endpoints
            .call_to(head.method, head.origin, head.path)
            .headers(head.headers)
            .replayable(head.replayable)
            .hidden_redirects(self.hidden_redirects)
            .overrides(overrides)
            .start(now, clock::seed())
    }
}
