//! The only clock, the only sleep and the only dice.
#![expect(clippy::disallowed_methods, reason = "this is the one file that may")]

use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use rustix::time::ClockId;
use tokio::time::{Instant, Sleep};

use crate::now::Now;

/// All clients of a process measure from here, so that they may share [`Endpoints`](crate::Endpoints).
///
/// It lies before the first reading: a clock that a test has paused stands at a time before that.
static ORIGIN: LazyLock<std::time::Instant> = LazyLock::new(|| {
    let now = std::time::Instant::now();
    now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
});

/// What std's clock does not count: the nights of a machine that is suspended.
static SUSPENDED: LazyLock<Suspension> = LazyLock::new(|| Suspension::since(suspended_since_boot()));

/// Returns the monotonic time. tokio's clock, so that a test may pause it, and the suspensions that were noticed.
pub(crate) fn now() -> Now {
    Now::from_origin(running().0.saturating_add(SUSPENDED.noticed()))
}

/// The time without suspensions, which does not jump when one of them is noticed.
#[derive(Clone, Copy)]
pub(crate) struct Running(Duration);

pub(crate) fn running() -> Running {
    let origin = *ORIGIN;
    Running(Instant::now().into_std().saturating_duration_since(origin))
}

impl Running {
    /// Returns what is left of a wait that began here. A night that was noticed since makes it no shorter.
    fn left_of(self, wait: Duration) -> Duration {
        wait.saturating_sub(running().0.saturating_sub(self.0))
    }
}

/// How long the machine was suspended, as far as it was noticed.
struct Suspension {
    at_origin: Duration,
    noticed_ms: AtomicU64,
}

impl Suspension {
    const fn since(at_origin: Duration) -> Self {
        Self { at_origin, noticed_ms: AtomicU64::new(0) }
    }

    /// Takes note of what was suspended since the machine was started. What is less than a second more is noise.
    fn notice(&self, since_boot: Duration) {
        let suspended = since_boot.saturating_sub(self.at_origin);
        if suspended >= self.noticed().saturating_add(Duration::from_secs(1)) {
            let ms = u64::try_from(suspended.as_millis()).unwrap_or(u64::MAX);
            self.noticed_ms.fetch_max(ms, Ordering::Relaxed);
        }
    }

    fn noticed(&self) -> Duration {
        Duration::from_millis(self.noticed_ms.load(Ordering::Relaxed))
    }
}

#[cfg(target_os = "linux")]
fn suspended_since_boot() -> Duration {
    let read = |clock| Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default();
    // In this order, so that what passes between the two is not taken for a suspension.
    let boot = read(ClockId::Boottime);
    boot.saturating_sub(read(ClockId::Monotonic))
}

/// On Windows std's clock counts a suspension by itself; elsewhere nothing tells.
#[cfg(not(target_os = "linux"))]
fn suspended_since_boot() -> Duration {
    Duration::ZERO
}

/// Takes note of a suspension before a retry, whatever the machine was at: who wakes up in the morning is too late for one, and
/// neither the clock nor a timer has seen the night.
pub(crate) fn notice_suspension() {
    SUSPENDED.notice(suspended_since_boot());
}

/// Returns the wall-clock time, for the dates of HTTP.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Waits until `wait` has passed since `since`. If it has, the timer is not asked at all: it ticks in milliseconds.
pub(crate) async fn wait(since: Running, wait: Duration) {
    let left = since.left_of(wait);
    if !left.is_zero() {
        tokio::time::sleep(left).await;
    }
    notice_suspension();
}

/// Waits as [`wait`], on this thread.
#[cfg(feature = "blocking")]
pub(crate) fn wait_blocking(since: Running, wait: Duration) {
    let left = since.left_of(wait);
    if !left.is_zero() {
        std::thread::sleep(left);
    }
    notice_suspension();
}

/// Returns a future that is ready after `duration`.
#[cfg(feature = "reqwest")]
pub(crate) fn sleep(duration: Duration) -> Sleep {
    tokio::time::sleep(duration)
}

/// Awaits a future for a limited time, or without a limit. What is `late` stands for its output where the time was up.
pub(crate) fn limited<F: Future, L: Fn() -> F::Output>(
    limit: Option<Duration>,
    future: Pin<&mut F>,
    late: L,
) -> Limited<'_, F, L> {
    Limited { future, deadline: Deadline::after(limit), late }
}

pub(crate) struct Limited<'a, F, L> {
    future: Pin<&'a mut F>,
    deadline: Deadline,
    late: L,
}

impl<F: Future, L: Fn() -> F::Output + Unpin> Future for Limited<'_, F, L> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = self.future.as_mut().poll(cx);
        if poll.is_pending() && self.deadline.is_over(cx) { Poll::Ready((self.late)()) } else { poll }
    }
}

/// The end of a limited time, if it is limited. The timer is boxed, as it is larger than all the rest and mostly not there.
pub(crate) struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    pub(crate) fn after(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| Box::pin(tokio::time::sleep(limit))))
    }

    /// Returns whether the time is up. If not, whoever polls is woken when it is.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.0.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }
}

/// Returns a random seed for a call.
pub(crate) fn seed() -> u64 {
    fastrand::u64(..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspension_is_noticed_once_and_noise_never() {
        let suspension = Suspension::since(Duration::from_secs(100));
        for (since_boot_ms, noticed_ms) in [
            (100_000, 0),
            (100_999, 0), // noise
            (99_000, 0),  // less than there was
            (28_900_500, 28_800_500),
            (28_900_500, 28_800_500), // another call wakes up from the same night
            (28_900_900, 28_800_500),
            (28_900_000, 28_800_500),
            (28_901_500, 28_801_500),
        ] {
            suspension.notice(Duration::from_millis(since_boot_ms));
            assert_eq!(suspension.noticed(), Duration::from_millis(noticed_ms), "{since_boot_ms} ms since boot");
        }
    }

    #[test]
    fn the_system_tells_a_time_that_does_not_shrink() {
        let earlier = suspended_since_boot();
        assert!(suspended_since_boot() + Duration::from_millis(100) >= earlier);
    }
}
