//! Real time, and the seed of a run that is given none.
#![expect(clippy::disallowed_methods, reason = "sockets know no made-up time")]

use std::time::{Duration, Instant};

/// One clock for the server's log and for the callers, as both are threads of one process.
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Returns `None` when the time is up.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

pub(crate) fn seed() -> u64 {
    fastrand::u64(..1_000_000)
}
