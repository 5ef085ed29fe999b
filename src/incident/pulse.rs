//! The rule: when failures are an incident, and when that is over.

use crate::now::Now;

/// The score of an endpoint, and until when an incident was held open.
///
/// A failing attempt adds 1, a call that succeeds takes 0.1. So the score rises where more than one in eleven fails, and
/// keeps returning to zero where less does.
///
/// - **It opens** at 3 if it took a second and a half to get there, else at 10. Where one call in a hundred fails, chance
///   makes 3 every few minutes at a thousand calls per second; but hardly ever for so long (at ten per second once a day,
///   at other rates less often), and never 10. A call that failed three times with the default waits took that long.
/// - **It is held open** by every failure that leaves the score at 3 or above. A stray one does not: ten seconds without
///   any failure are too much to ask of a busy endpoint.
/// - **It closes** at a success when nothing has held it open for 10 s and the score is back at zero, or for 60 s in any
///   case. On a quiet endpoint ten seconds are a few calls, and if one backend of four fails, they may all have met the
///   other three.
/// - **It is stale** when nothing has held it open for 10 min and no success has closed it. The next failure tells
///   nothing of the time between, and begins another. Sooner it would be one incident for each call of an endpoint that
///   is called once in a while and always fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    /// In tenths.
    pub(super) score: u64,
    /// While an incident is open: the last failure that held it open, in milliseconds.
    pub(super) held: Option<u64>,
}

impl Pulse {
    /// No incident, and nothing that could become one.
    pub(super) const WELL: Self = Self { score: 0, held: None };

    /// Only `WELL` is zero.
    pub(super) fn pack(self) -> u64 {
        let held = self.held.map_or(0, |held| held.min(MAX_TIME) + 1);
        (held << SCORE_BITS) | self.score
    }

    pub(super) const fn unpack(packed: u64) -> Self {
        Self { score: packed & MAX_SCORE, held: (packed >> SCORE_BITS).checked_sub(1) }
    }

    /// Counts a failing attempt. `began` is when the first one failed since all was well; this one makes no difference.
    pub(super) fn failed(self, began: u64, now: u64) -> Self {
        let score = self.score.saturating_add(FAILURE).min(OPENS_AT_ONCE);
        let took = now.saturating_sub(began);
        let held = match self.held {
            Some(held) if score >= OPENS => Some(held.max(now)),
            None if score >= OPENS_AT_ONCE || score >= OPENS && took >= CHANCE => Some(now),
            held => held,
        };
        Self { score, held }
    }

    /// Counts a call that succeeded, if that changes anything.
    pub(super) fn succeeded(self) -> Option<Self> {
        Some(Self { score: self.score.checked_sub(SUCCESS)?, ..self })
    }

    /// Returns whether the failure that made it so held an incident open.
    pub(super) const fn is_failing(self) -> bool {
        self.held.is_some() && self.score >= OPENS
    }

    /// Returns whether a success may close it.
    pub(super) fn is_over(self, now: u64) -> bool {
        let quiet = self.quiet(now);
        quiet >= Some(LONG_QUIET) || quiet >= Some(QUIET) && self.score == 0
    }

    pub(super) fn is_stale(self, now: u64) -> bool {
        self.quiet(now) > Some(STALE)
    }

    /// `None` is less than any time.
    fn quiet(self, now: u64) -> Option<u64> {
        self.held.map(|held| now.saturating_sub(held))
    }
}

/// Returns the milliseconds since the caller's origin, of which there are as many as a pulse can hold.
pub(super) fn millis(now: Now) -> u64 {
    now.millis().min(MAX_TIME)
}

/// One tenth.
const SUCCESS: u64 = 1;
const FAILURE: u64 = 10 * SUCCESS;
const OPENS: u64 = 3 * FAILURE;
/// Nothing is counted above it.
const OPENS_AT_ONCE: u64 = 10 * FAILURE;
/// In milliseconds, as all that follow.
const CHANCE: u64 = 1_500;
const QUIET: u64 = 10_000;
const LONG_QUIET: u64 = 60_000;
/// As long as between two lines that say that it continues.
const STALE: u64 = 600_000;
/// 7 bits of score leave 57 for the time: four million years.
const SCORE_BITS: u32 = 7;
const MAX_SCORE: u64 = (1 << SCORE_BITS) - 1;
const MAX_TIME: u64 = (u64::MAX >> SCORE_BITS) - 1;
