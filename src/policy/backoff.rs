//! How long to wait: from the server's hint and the policy's own patience.

use std::time::Duration;

use super::decision::{StopReason, WaitSource};

/// How the policy's own patience grows from retry to retry. No wait is capped below a hint.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::Backoff;
/// let backoff = Backoff::doubling(Duration::from_secs(1));
/// assert_eq!(backoff.delay(1), Duration::from_secs(1));
/// assert_eq!(backoff.delay(3), Duration::from_secs(4));
/// assert_eq!(backoff.delay(99), Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    base: Duration,
    doubling: bool,
    first_at_once: bool,
    cap: Duration,
}

impl Backoff {
    /// Returns a backoff of `base`, 2 × `base`, 4 × `base` and so on, up to the [cap](Self::with_cap).
    #[must_use]
    pub const fn doubling(base: Duration) -> Self {
        Self { base, doubling: true, first_at_once: false, cap: DEFAULT_CAP }
    }

    /// Returns a backoff that stays the same.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self { base: delay, doubling: false, first_at_once: false, cap: DEFAULT_CAP }
    }

    /// Makes the first retry of a call come at once, for what a new connection cures.
    #[must_use]
    pub const fn first_at_once(self) -> Self {
        Self { first_at_once: true, ..self }
    }

    /// Sets the longest delay. Default 20 s: a person may still be waiting.
    #[must_use]
    pub const fn with_cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    /// Returns the delay before retry `retry` of a call, counted from 1, before the hint and jitter are applied.
    #[must_use]
    pub fn delay(&self, retry: u32) -> Duration {
        if self.first_at_once && retry <= 1 {
            return Duration::ZERO;
        }
        let doublings = if self.doubling { retry.saturating_sub(1) } else { 0 };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

/// A file changes one of its numbers and keeps the others.
#[cfg(feature = "serde")]
impl Backoff {
    pub(crate) const fn base(self) -> Duration {
        self.base
    }

    pub(crate) const fn cap(self) -> Duration {
        self.cap
    }

    pub(crate) const fn is_first_at_once(self) -> bool {
        self.first_at_once
    }

    pub(crate) const fn with_base(self, base: Duration) -> Self {
        Self { base, ..self }
    }

    pub(crate) const fn with_doubling(self, doubling: bool) -> Self {
        Self { doubling, ..self }
    }

    pub(crate) const fn with_first_at_once(self, first_at_once: bool) -> Self {
        Self { first_at_once, ..self }
    }
}

/// A wait before its jitter is drawn: at least `floor`, spread over `spread` above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) floor: Duration,
    pub(crate) spread: Duration,
    pub(crate) source: WaitSource,
}

impl Wait {
    /// Plans a wait of which `left` is the longest that still fits.
    ///
    /// With `d` the backoff's delay, `floor = max(hint, d/2)` and the wait is `floor + U(0, max(hint, d)/2)`. Without
    /// a hint that is equal jitter, between half of `d` and `d`. With one it is never less than the hint, spread over
    /// half of it again, so that those who were told the same do not come back in the same instant.
    ///
    /// The spread is cut to what is left *before* the jitter is drawn, not the wait after: else all whose wait was cut
    /// would come at the last permitted instant, and be late for it.
    pub(crate) fn plan(delay: Duration, hint: Option<Duration>, left: Duration) -> Result<Self, StopReason> {
        let hint = hint.unwrap_or(Duration::ZERO);
        let own = halved(delay);
        let Some(beyond) = left.checked_sub(hint) else {
            return Err(StopReason::HintTooLong);
        };
        if left.is_zero() || own > left {
            return Err(StopReason::NoTimeLeft);
        }
        let spread = halved(hint.max(delay));
        if hint > own {
            Ok(Self { floor: hint, spread: spread.min(beyond), source: WaitSource::Hint })
        } else {
            Ok(Self { floor: own, spread: spread.min(left.saturating_sub(own)), source: WaitSource::Backoff })
        }
    }

    /// Draws the wait.
    pub(crate) fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        let spread = u64::try_from(self.spread.as_nanos()).unwrap_or(u64::MAX);
        self.floor.saturating_add(Duration::from_nanos(rng.u64(0..=spread)))
    }
}

/// Rounded down, so that the halves of a delay never add up to more than it.
fn halved(duration: Duration) -> Duration {
    duration.checked_div(2).unwrap_or_default()
}

/// The cap of a backoff that sets none.
const DEFAULT_CAP: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const NONE: Duration = Duration::ZERO;

    #[test]
    fn doubling_saturates_at_the_cap() {
        for (retry, expected) in [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (32, 20), (33, 20), (u32::MAX, 20)]
        {
            assert_eq!(Backoff::doubling(S).delay(retry), S * expected, "retry {retry}");
        }
        assert_eq!(Backoff::doubling(Duration::MAX).with_cap(Duration::MAX).delay(u32::MAX), Duration::MAX);
        assert_eq!(Backoff::doubling(Duration::ZERO).delay(u32::MAX), Duration::ZERO);
    }

    #[test]
    fn at_once_is_for_the_first_retry_of_the_call() {
        for (backoff, expected) in [(Backoff::constant(S), [NONE, S, S]), (Backoff::doubling(S), [NONE, 2 * S, 4 * S])]
        {
            let backoff = backoff.first_at_once();
            assert_eq!([1, 2, 3].map(|retry| backoff.delay(retry)), expected, "{backoff:?}");
        }
    }

    #[test]
    fn the_floor_and_the_spread_follow_the_formula() {
        let (backoff, hinted) = (WaitSource::Backoff, WaitSource::Hint);
        for (delay, hint, left, floor, spread, source) in [
            (2 * S, None, 60 * S, S, S, backoff),
            (2 * S, Some(NONE), 60 * S, S, S, backoff),
            (2 * S, Some(S), 60 * S, S, S, backoff),
            (4 * S, Some(3 * S), 60 * S, 3 * S, 2 * S, hinted), // a hint below the delay takes no spread away
            (2 * S, Some(30 * S), 60 * S, 30 * S, 15 * S, hinted),
            (2 * S, Some(30 * S), 40 * S, 30 * S, 10 * S, hinted),
            (2 * S, Some(30 * S), 30 * S, 30 * S, NONE, hinted),
            (2 * S, None, S, S, NONE, backoff),
            (NONE, None, S, NONE, NONE, backoff),
            (NONE, Some(Duration::MAX), Duration::MAX, Duration::MAX, NONE, hinted),
        ] {
            let wait = Wait::plan(delay, hint, left).unwrap();
            assert_eq!(wait, Wait { floor, spread, source }, "delay {delay:?}, hint {hint:?}, left {left:?}");
        }
    }

    #[test]
    fn only_a_floor_that_does_not_fit_refuses_and_says_what_did_not_fit() {
        for (delay, hint, left, reason) in [
            (2 * S, Some(30 * S), 29 * S, StopReason::HintTooLong),
            (2 * S, Some(Duration::MAX), 60 * S, StopReason::HintTooLong),
            (4 * S, None, S, StopReason::NoTimeLeft),
            (4 * S, Some(30 * S), S, StopReason::HintTooLong),
            (4 * S, Some(S), S, StopReason::NoTimeLeft),
            (NONE, None, NONE, StopReason::NoTimeLeft),
        ] {
            assert_eq!(Wait::plan(delay, hint, left), Err(reason), "delay {delay:?}, hint {hint:?}, left {left:?}");
        }
    }

    #[test]
    fn the_jitter_reaches_both_ends_of_the_spread_and_stays_within() {
        let wait = Wait { floor: S, spread: Duration::from_nanos(3), source: WaitSource::Backoff };
        let mut rng = fastrand::Rng::with_seed(7);
        let mut seen = [false; 4];
        for _ in 0..200 {
            let beyond = wait.draw(&mut rng) - S;
            seen[usize::try_from(beyond.as_nanos()).unwrap()] = true;
        }
        assert_eq!(seen, [true; 4]);
    }
}
