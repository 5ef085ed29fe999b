//! Monotonic time, as the caller measures it.

use std::time::Duration;

/// A monotonic time, measured by the caller from an origin of its own.
///
/// The engine never reads a clock. Whoever drives it says what time it is, so that a test can make time up and a
/// simulation can run faster than it. All calls on one [`Endpoints`](crate::Endpoints) must measure from the same
/// origin. A time that stands still or goes backwards counts as no time passed.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::Now;
/// let earlier = Now::from_origin(Duration::from_secs(3));
/// let later = Now::from_origin(Duration::from_secs(5));
/// assert_eq!(later.saturating_since(earlier), Duration::from_secs(2));
/// assert_eq!(earlier.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Now(Duration);

impl Now {
    /// Returns the time that is `elapsed` after the origin.
    #[must_use]
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns the time since the origin.
    #[must_use]
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Returns the time since `earlier`, or zero if that is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the milliseconds since the origin, which fit into an atomic.
    pub(crate) fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}
