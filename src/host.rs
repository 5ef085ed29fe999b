//! A server that was called, and its own share of the fallback.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::endpoint::EndpointState;
use crate::now::Now;
use crate::origin::Origin;
use crate::router::HostRoutes;

/// One host, with an endpoint of its own for the requests that no other is for.
pub(crate) struct Host {
    /// Of the endpoints that its routes lead to.
    pub(crate) generation: u64,
    pub(crate) origin: Origin<'static>,
    pub(crate) fallback: EndpointState,
    /// To the endpoints of all other requests.
    pub(crate) routes: HostRoutes,
    /// Milliseconds since the caller's origin.
    last_used: AtomicU64,
}

impl Host {
    pub(crate) fn new(
        generation: u64,
        origin: Origin<'static>,
        fallback: EndpointState,
        routes: HostRoutes,
        now: Now,
    ) -> Self {
        Self { generation, origin, fallback, routes, last_used: AtomicU64::new(now.millis()) }
    }

    /// Notes that a call begins. Within a millisecond only the first of many writes.
    pub(crate) fn touch(&self, now: Now) {
        let now = now.millis();
        if self.last_used.load(Ordering::Relaxed) != now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn last_used(&self) -> Now {
        Now::from_origin(Duration::from_millis(self.last_used.load(Ordering::Relaxed)))
    }
}
