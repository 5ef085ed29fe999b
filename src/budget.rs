//! What retries are paid from: credit that grows with success and runs out under failure.
//!
//! A retry that works is free, one that does not is paid for. Credit starts at 5 and drifts back towards it: from
//! above with a time constant of 10 s, so that a busy endpoint holds about two seconds of its own traffic, from below
//! with one of 100 s, so that a quiet one is forgiven.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::now::Now;

/// Credit and the time to which it was counted, in one atomic: every change is one compare-and-swap, exact under any
/// number of threads.
#[derive(Debug)]
pub(crate) struct Budget {
    state: AtomicU64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU64::new(State { counted_to: 0, credit: START }.pack()) }
    }

    /// Pays for a retry. Returns what was paid, or `None` if the credit does not suffice; then nothing changes.
    ///
    /// A price above the credit at the start counts as that.
    pub(crate) fn pay(&self, credits: u32, now: Now) -> Option<Payment> {
        let price = u64::from(credits).saturating_mul(ONE).min(START);
        if price == 0 {
            return Some(Payment(0));
        }
        self.change(|state| {
            let state = state.drifted(now);
            Some(State { credit: state.credit.checked_sub(price)?, ..state })
        })?;
        Some(Payment(price))
    }

    /// Counts a call that succeeded: it earns, and gets back what it paid.
    pub(crate) fn succeed(&self, paid: Payment, now: Now) {
        self.change(|state| {
            let state = state.drifted(now);
            Some(State { credit: state.credit.saturating_add(EARN).saturating_add(paid.0), ..state })
        });
    }

    /// Gives back the price of a retry that was never sent.
    ///
    /// It knows no time, as nothing that is dropped does. That loses a little: what is added before the drift is
    /// counted drifts with the rest.
    pub(crate) fn give_back(&self, payment: Payment) {
        if payment.0 != 0 {
            self.change(|state| Some(State { credit: state.credit.saturating_add(payment.0), ..state }));
        }
    }

    /// Returns the credit. For people to read; nothing is decided by it.
    pub(crate) fn balance(&self, now: Now) -> f64 {
        let thousandths = State::unpack(self.state.load(Ordering::Relaxed)).drifted(now).credit;
        Duration::from_millis(thousandths).as_secs_f64()
    }

    /// The counter guards no other data, so no ordering is needed beyond its own.
    fn change(&self, mut to: impl FnMut(State) -> Option<State>) -> Option<()> {
        self.state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| to(State::unpack(packed)).map(State::pack))
            .ok()
            .map(|_| ())
    }
}

/// What a call paid and may get back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "what is dropped here is lost to the budget"]
pub(crate) struct Payment(u64);

impl Payment {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Credit in thousandths, as counted to a millisecond since the caller's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    counted_to: u64,
    credit: u64,
}

impl State {
    const fn unpack(packed: u64) -> Self {
        Self { counted_to: packed >> CREDIT_BITS, credit: packed & MAX_CREDIT }
    }

    /// Credit above 67,108 (two seconds of 33,000 calls per second) is not counted.
    fn pack(self) -> u64 {
        (self.counted_to << CREDIT_BITS) | self.credit.min(MAX_CREDIT)
    }

    /// Counts the drift up to `now`, rounding the credit down. A time that went backwards changes nothing.
    fn drifted(self, now: Now) -> Self {
        let now = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX).min(MAX_TIME);
        let Some(elapsed @ 1..) = now.checked_sub(self.counted_to) else {
            return self;
        };
        let credit = match self.credit.checked_sub(START) {
            Some(above) => START.saturating_add(FROM_ABOVE.left_of(above, elapsed).floor()),
            None => START.saturating_sub(FROM_BELOW.left_of(START.saturating_sub(self.credit), elapsed).ceil()),
        };
        Self { counted_to: now, credit }
    }
}

/// An exponential decay, as the factors that are left after 1, 2, 4, … milliseconds, in units of 2⁻⁶⁴.
struct Decay([u64; 21]);

impl Decay {
    #[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "`From` and `get` are not const")]
    const fn new(time_constant_ms: u64) -> Self {
        // e⁻ˣ = 1 − x + x²/2 − x³/6; for x ≤ 10⁻⁴ the next term is below 10⁻¹⁷.
        let x = u64::MAX / time_constant_ms;
        let square = fraction_of(x, x);
        let cube = fraction_of(square, x);
        let mut factors = [u64::MAX - x + square / 2 - cube / 6; 21];
        let mut power = 1;
        while power < factors.len() {
            factors[power] = fraction_of(factors[power - 1], factors[power - 1]);
            power += 1;
        }
        return Self(factors);

        const fn fraction_of(a: u64, b: u64) -> u64 {
            ((a as u128 * b as u128) >> 64) as u64
        }
    }

    /// Returns what is left of `amount` after `elapsed` milliseconds.
    fn left_of(&self, amount: u64, elapsed: u64) -> Fixed {
        if elapsed >> self.0.len() != 0 {
            return Fixed(0); // more than 20 time constants: less than one thousandth of any credit
        }
        let mut left = u128::from(amount) << Fixed::POINT;
        for (power, factor) in self.0.iter().enumerate() {
            if (elapsed >> power) & 1 == 1 {
                left = (left * u128::from(*factor)) >> 64;
            }
        }
        Fixed(left)
    }
}

/// Thousandths with bits below the point, so that the steps of a decay do not each round.
struct Fixed(u128);

impl Fixed {
    const POINT: u32 = 32;

    fn floor(self) -> u64 {
        u64::try_from(self.0 >> Self::POINT).unwrap_or(u64::MAX)
    }

    fn ceil(self) -> u64 {
        Self(self.0 + ((1 << Self::POINT) - 1)).floor()
    }
}

/// Thousandths in one credit.
const ONE: u64 = 1_000;
/// The credit at the start, and the one that all credit drifts towards: a quiet endpoint may retry a few times.
const START: u64 = 5 * ONE;
/// What each call that succeeds earns: one retry for five calls.
const EARN: u64 = ONE / 5;
/// 26 bits of credit leave 38 for the time: eight years of milliseconds, after which the drift stops.
const CREDIT_BITS: u32 = 26;
const MAX_CREDIT: u64 = (1 << CREDIT_BITS) - 1;
const MAX_TIME: u64 = u64::MAX >> CREDIT_BITS;
const FROM_ABOVE: Decay = Decay::new(10_000);
const FROM_BELOW: Decay = Decay::new(100_000);

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU64;

    use super::*;

    const fn at(ms: u64) -> Now {
        Now::from_origin(Duration::from_millis(ms))
    }

    #[track_caller]
    fn assert_balance(budget: &Budget, ms: u64, expected: f64) {
        let balance = budget.balance(at(ms));
        assert!((balance - expected).abs() <= 0.001_5, "{balance} at {ms} ms, expected {expected}");
    }

    #[test]
    fn a_quiet_endpoint_has_five_credits_whenever_it_is_first_used() {
        for ms in [0, 1, 1 << 37, u64::MAX] {
            let budget = Budget::new();
            assert_balance(&budget, ms, 5.0);
            for _ in 0..5 {
                assert!(budget.pay(1, at(ms)).is_some());
            }
            assert_eq!(budget.pay(1, at(ms)), None, "at {ms} ms");
            assert_balance(&budget, ms, 0.0);
        }
    }

    #[test]
    fn credit_drifts_as_an_exponential_with_its_time_constant() {
        let budget = Budget::new();
        for _ in 0..100 {
            budget.succeed(Payment::NONE, at(0));
        }
        for (ms, left) in [(0, 1.0), (10_000, 0.367_879), (20_000, 0.135_335), (100_000, 0.000_045)] {
            assert_balance(&budget, ms, 5.0 + 20.0 * left);
        }
        let budget = Budget::new();
        assert!(budget.pay(5, at(0)).is_some());
        for (ms, left) in [(0, 1.0), (1_000, 0.990_050), (100_000, 0.367_879), (300_000, 0.049_787), (1 << 30, 0.0)] {
            assert_balance(&budget, ms, 5.0 - 5.0 * left);
        }
    }

    #[test]
    fn the_drift_does_not_depend_on_how_often_it_is_counted() {
        let (often, once) = (Budget::new(), Budget::new());
        for budget in [&often, &once] {
            for _ in 0..5_000 {
                budget.succeed(Payment::NONE, at(0));
            }
        }
        let mut state = State::unpack(often.state.load(Ordering::Relaxed));
        for ms in (0..=10_000).step_by(10) {
            state = state.drifted(at(ms));
        }
        let error = Duration::from_millis(state.credit).as_secs_f64() / once.balance(at(10_000)) - 1.0;
        assert!((-0.003..=0.0).contains(&error), "off by {error}");
    }

    #[test]
    fn to_count_the_drift_often_makes_no_credit() {
        let empty = State { counted_to: 0, credit: 0 };
        let often = (1..=1_000).fold(empty, |state, ms| state.drifted(at(ms)));
        let once = empty.drifted(at(1_000));
        assert!(often.credit <= once.credit, "{often:?}, {once:?}");
    }

    #[test]
    fn the_drift_of_large_credit_is_exact_to_a_hundredth() {
        let large = State { counted_to: 0, credit: START + 60_000 * ONE };
        for (ms, left) in [(1, 0.999_900_005), (10_000, 0.367_879_441), (50_000, 0.006_737_947)] {
            let credit = Duration::from_millis(large.drifted(at(ms)).credit).as_secs_f64();
            assert!((credit - 5.0 - 60_000.0 * left).abs() < 0.01, "{credit} at {ms} ms");
        }
    }

    #[test]
    fn a_price_above_the_start_counts_as_the_start_and_a_price_of_zero_is_free() {
        let budget = Budget::new();
        assert_eq!(budget.pay(u32::MAX, at(0)), Some(Payment(5_000)));
        assert_eq!(budget.pay(1, at(0)), None);
        assert_eq!(budget.pay(0, at(0)), Some(Payment::NONE));
    }

    #[test]
    fn a_refusal_changes_nothing() {
        let budget = Budget::new();
        assert!(budget.pay(5, at(0)).is_some());
        let before = budget.state.load(Ordering::Relaxed);
        for ms in [0, 1, 9_000] {
            assert_eq!(budget.pay(1, at(ms)), None, "at {ms} ms");
        }
        assert_eq!(budget.state.load(Ordering::Relaxed), before);
    }

    #[test]
    fn time_that_goes_backwards_or_beyond_all_bounds_changes_nothing() {
        let budget = Budget::new();
        assert!(budget.pay(5, at(50_000)).is_some());
        assert_balance(&budget, 0, 0.0);
        assert_eq!(budget.pay(1, at(0)), None);
        budget.succeed(Payment::NONE, Now::from_origin(Duration::MAX));
        assert_balance(&budget, 0, 5.2);
        assert_balance(&budget, u64::MAX, 5.2);
    }

    #[test]
    fn credit_saturates_and_never_reaches_into_the_time() {
        let budget = Budget::new();
        for _ in 0..3 {
            budget.succeed(Payment(MAX_CREDIT), at(7));
        }
        let state = State::unpack(budget.state.load(Ordering::Relaxed));
        assert_eq!(state, State { counted_to: 7, credit: MAX_CREDIT });
    }

    #[test]
    fn sixty_four_threads_never_pay_more_than_there_is_to_the_unit() {
        const THREADS: usize = 64;
        const STEPS: usize = 2_000;
        let budget = Budget::new();
        let (paid, returned) = (AtomicU64::new(0), AtomicU64::new(0));
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (budget, paid, returned, start) = (&budget, &paid, &returned, &start);
                scope.spawn(move || {
                    start.wait();
                    for step in 0..STEPS {
                        let Some(payment) = budget.pay(u32::try_from(step % 3).unwrap(), at(0)) else {
                            budget.succeed(Payment::NONE, at(0));
                            returned.fetch_add(EARN, Ordering::Relaxed);
                            continue;
                        };
                        paid.fetch_add(payment.0, Ordering::Relaxed);
                        match (thread + step) % 4 {
                            0 => {
                                returned.fetch_add(payment.0, Ordering::Relaxed);
                                budget.give_back(payment);
                            }
                            1 => {
                                returned.fetch_add(payment.0 + EARN, Ordering::Relaxed);
                                budget.succeed(payment, at(0));
                            }
                            _ => {} // a retry that failed
                        }
                    }
                });
            }
        });
        let left = State::unpack(budget.state.load(Ordering::Relaxed)).credit;
        let (paid, returned) = (paid.into_inner(), returned.into_inner());
        assert_eq!(START + returned, paid + left, "paid {paid}, returned {returned}, left {left}");
    }
}
