//! What a budget holds, and how each event changes it. Pure: no atomics, no clock.

use super::decay::Decay;
use crate::now::Now;

/// Credit in thousandths, as counted to a millisecond since the caller's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) counted_to: u64,
    pub(super) credit: u64,
}

impl State {
    pub(super) const fn new(terms: Terms) -> Self {
        Self { counted_to: 0, credit: terms.start }
    }

    pub(super) const fn unpack(packed: u64) -> Self {
        Self { counted_to: packed >> CREDIT_BITS, credit: packed & MAX_CREDIT }
    }

    /// Credit above 67,108 (two seconds of 33,000 calls per second) is not counted.
    pub(super) fn pack(self) -> u64 {
        (self.counted_to << CREDIT_BITS) | self.credit.min(MAX_CREDIT)
    }

    /// Counts the drift up to `now`, rounding the credit down. A time that went backwards changes nothing.
    pub(super) fn drifted(self, terms: Terms, now: Now) -> Self {
        let now = now.millis().min(MAX_TIME);
        let Some(elapsed @ 1..) = now.checked_sub(self.counted_to) else {
            return self;
        };
        let start = terms.start;
        let credit = match self.credit.checked_sub(start) {
            Some(above) => start.saturating_add(FROM_ABOVE.left_of(above, elapsed).floor()),
            None => start.saturating_sub(FROM_BELOW.left_of(start.saturating_sub(self.credit), elapsed).ceil()),
        };
        Self { counted_to: now, credit }
    }

    /// Returns `None` if the credit does not suffice.
    pub(super) fn without(self, price: u64) -> Option<Self> {
        Some(Self { credit: self.credit.checked_sub(price)?, ..self })
    }

    pub(super) const fn with(self, credit: u64) -> Self {
        Self { credit: self.credit.saturating_add(credit), ..self }
    }
}

/// On what terms credit is given, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// What there is at first, and what all credit drifts towards.
    pub(super) start: u64,
    /// What each call that succeeds adds.
    pub(super) earn: u64,
}

impl Default for Terms {
    /// A quiet endpoint may retry two calls twice, a busy one every fifth call once.
    fn default() -> Self {
        Self { start: 4 * ONE, earn: ONE / 5 }
    }
}

/// Thousandths in one credit.
pub(super) const ONE: u64 = 1_000;
/// 26 bits of credit leave 38 for the time: eight years of milliseconds, after which the drift stops.
const CREDIT_BITS: u32 = 26;
pub(super) const MAX_CREDIT: u64 = (1 << CREDIT_BITS) - 1;
const MAX_TIME: u64 = u64::MAX >> CREDIT_BITS;
const FROM_ABOVE: Decay = Decay::new(10_000);
const FROM_BELOW: Decay = Decay::new(100_000);
