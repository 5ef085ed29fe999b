//! How many lines about incidents may be said, over all endpoints.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::now::Now;

/// A bucket of lines that all endpoints draw from.
///
/// When a network fails, all that is behind it fails: some lines tell the story, the rest would hide it. So 20 lines may
/// be said at once, which is a screen of them and ten incidents with their ends, and one more every 6 s, which a person
/// can still follow. What is left out is counted, and the next line says how much that was.
#[derive(Debug)]
pub(crate) struct Lines {
    /// When the bucket is full again, in milliseconds since the caller's origin. It tells what is in it now.
    full_at: AtomicU64,
    /// Incidents that were not said when they opened.
    left_out: AtomicU64,
    /// How many of them the last line knew of.
    told: AtomicU64,
    at_once: u64,
    /// Milliseconds.
    refill: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self::of(20, 6_000)
    }
}

impl Lines {
    pub(super) const fn of(at_once: u64, refill: u64) -> Self {
        let [full_at, left_out, told] = [const { AtomicU64::new(0) }; 3];
        Self { full_at, left_out, told, at_once, refill }
    }

    /// Returns a bucket that never holds any.
    pub(crate) const fn none() -> Self {
        Self::of(0, 1)
    }

    /// Takes so many lines at once, or none. A time that goes backwards fills nothing.
    pub(super) fn take(&self, lines: u64, now: Now) -> bool {
        let now = now.millis();
        let taken = |full_at: u64| {
            let full_at = full_at.max(now).checked_add(lines.saturating_mul(self.refill))?;
            (full_at - now <= self.at_once.saturating_mul(self.refill)).then_some(full_at)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Counts an incident that is not said, and numbers it.
    pub(super) fn leave_out(&self) -> u64 {
        self.left_out.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Returns how many were left out since the last line, but for the one with the number of this line's own.
    pub(super) fn tell_left_out(&self, own: Option<u64>) -> u64 {
        let all = self.left_out.load(Ordering::Relaxed);
        let told = self.told.fetch_max(all, Ordering::Relaxed);
        all.saturating_sub(told).saturating_sub(u64::from(own > Some(told)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    const fn at(ms: u64) -> Now {
        Now::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn twenty_are_there_at_once_and_one_more_every_six_seconds() {
        let lines = Lines::default();
        let taken = |ms| (0..100).filter(|_| lines.take(1, at(ms))).count();
        let table = [(0, 20), (5_999, 0), (6_000, 1), (11_999, 0), (24_000, 3), (1_000_000, 20), (1_000_000, 0)];
        for (ms, expected) in table {
            assert_eq!(taken(ms), expected, "at {ms} ms");
        }
    }

    #[test]
    fn they_are_taken_together_or_not_at_all() {
        let lines = Lines::of(3, 1_000);
        assert!(lines.take(2, at(0)));
        assert!(!lines.take(2, at(0)));
        assert!(lines.take(1, at(0)), "a refusal takes nothing");
    }

    #[test]
    fn no_time_brings_more_than_there_is() {
        let lines = Lines::of(2, 1_000);
        for (ms, expected) in [(50_000, 2), (50_000, 0), (0, 0), (49_999, 0), (51_000, 1), (u64::MAX, 0)] {
            let taken = (0..10).filter(|_| lines.take(1, at(ms))).count();
            assert_eq!(taken, expected, "at {ms} ms");
        }
    }

    #[test]
    fn what_was_left_out_is_told_once_and_never_by_itself() {
        let lines = Lines::default();
        let [first, second, third] = [(); 3].map(|()| Some(lines.leave_out()));
        assert_eq!(lines.tell_left_out(second), 2);
        assert_eq!(lines.tell_left_out(first), 0);
        lines.leave_out();
        assert_eq!(lines.tell_left_out(third), 1, "it was told of before");
        let own = Some(lines.leave_out());
        assert_eq!(lines.tell_left_out(own), 0);
        assert_eq!(lines.tell_left_out(None), 0);
    }

    #[test]
    fn any_number_of_threads_share_them_to_the_line() {
        const THREADS: usize = if cfg!(miri) { 4 } else { 16 };
        const STEPS: usize = if cfg!(miri) { 20 } else { 1_000 };
        let lines = Lines::default();
        let start = Barrier::new(THREADS);
        let (taken, left_out) = std::thread::scope(|scope| {
            let tell = || {
                start.wait();
                let (mut taken, mut left_out) = (0, 0);
                for _ in 0..STEPS {
                    if lines.take(1, at(0)) {
                        taken += 1;
                    } else {
                        lines.leave_out();
                        left_out += lines.tell_left_out(None);
                    }
                }
                (taken, left_out)
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(tell)).collect();
            let told = threads.into_iter().map(|thread| thread.join().unwrap());
            told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
        });
        assert_eq!((taken, left_out), (20, u64::try_from(THREADS * STEPS).unwrap() - 20));
    }
}
