//! The only clock here. It is the real one: so are nginx and the application.
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::{Duration, Instant};

use forbear_peers::Fallible;

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

pub(crate) async fn until(instant: Instant) {
    tokio::time::sleep_until(instant.into()).await;
}

pub(crate) async fn within<T>(longest: Duration, work: impl Future<Output = T>) -> Fallible<T> {
    tokio::time::timeout(longest, work).await.map_err(|_| format!("no end after {longest:?}").into())
}

/// Holds a thread that has nothing else to do.
pub(crate) fn hold_until(instant: Instant) {
    std::thread::sleep(instant.saturating_duration_since(now()));
}
