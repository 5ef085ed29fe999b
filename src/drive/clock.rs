//! The only clock, the only sleep and the only dice.
#![expect(clippy::disallowed_methods, reason = "this is the one file that may")]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::now::Now;

/// All clients of a process measure from here, so that they may share [`Endpoints`](crate::Endpoints).
static ORIGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// Returns the monotonic time. tokio's clock, so that a test may pause it.
pub(crate) fn now() -> Now {
    let origin = *ORIGIN;
    Now::from_origin(Instant::now().into_std().saturating_duration_since(origin))
}

/// Returns the wall-clock time, for the dates of HTTP.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Waits until `wait` has passed since `since`. If it has, the timer is not asked at all: it ticks in milliseconds.
pub(crate) async fn wait(since: Now, wait: Duration) {
    let left = wait.saturating_sub(now().saturating_since(since));
    if !left.is_zero() {
        tokio::time::sleep(left).await;
    }
}

/// Returns a future that is ready after `duration`.
pub(crate) fn sleep(duration: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(duration)
}

/// Awaits a future for a limited time. `None` means that the time was up.
pub(crate) async fn limited<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Returns a random seed for a call.
pub(crate) fn seed() -> u64 {
    fastrand::u64(..)
}
