//! What a budget does: alone on made-up time, and under many threads.
#![cfg(test)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use proptest::test_runner::Config;
use proptest::{prop_assert, proptest};

use super::state::{MAX_CREDIT, ONE, State};
use super::*;

const DEFAULT: Terms = Terms { start: 4 * ONE, earn: ONE / 5 };

const fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}

fn state(budget: &Budget) -> State {
    budget.0.as_ref().unwrap().state()
}

#[track_caller]
fn assert_balance(budget: &Budget, ms: u64, expected: f64) {
    let balance = budget.balance(at(ms));
    assert!((balance - expected).abs() <= 0.001_5, "{balance} at {ms} ms, expected {expected}");
}

#[test]
fn a_quiet_endpoint_has_four_credits_whenever_it_is_first_used() {
    for ms in [0, 1, 1 << 37, u64::MAX] {
        let budget = Budget::new();
        assert_balance(&budget, ms, 4.0);
        for _ in 0..4 {
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
        assert_balance(&budget, ms, 4.0 + 20.0 * left);
    }
    let budget = Budget::new();
    assert!(budget.pay(4, at(0)).is_some());
    for (ms, left) in [(0, 1.0), (1_000, 0.990_050), (100_000, 0.367_879), (300_000, 0.049_787), (1 << 30, 0.0)] {
        assert_balance(&budget, ms, 4.0 - 4.0 * left);
    }
}

#[test]
#[cfg_attr(miri, ignore = "thousands of steps")]
fn the_drift_does_not_depend_on_how_often_it_is_counted() {
    let (often, once) = (Budget::new(), Budget::new());
    for budget in [&often, &once] {
        for _ in 0..5_000 {
            budget.succeed(Payment::NONE, at(0));
        }
    }
    let mut state = state(&often);
    for ms in (0..=10_000).step_by(10) {
        state = state.drifted(DEFAULT, at(ms));
    }
    let error = Duration::from_millis(state.credit).as_secs_f64() / once.balance(at(10_000)) - 1.0;
    assert!((-0.003..=0.0).contains(&error), "off by {error}");
}

#[test]
fn to_count_the_drift_often_makes_no_credit() {
    let empty = State { counted_to: 0, credit: 0 };
    let often = (1..=1_000).fold(empty, |state, ms| state.drifted(DEFAULT, at(ms)));
    let once = empty.drifted(DEFAULT, at(1_000));
    assert!(often.credit <= once.credit, "{often:?}, {once:?}");
}

#[test]
fn the_drift_of_large_credit_is_exact_to_a_hundredth() {
    let large = State { counted_to: 0, credit: DEFAULT.start + 60_000 * ONE };
    for (ms, left) in [(1, 0.999_900_005), (10_000, 0.367_879_441), (50_000, 0.006_737_947)] {
        let credit = Duration::from_millis(large.drifted(DEFAULT, at(ms)).credit).as_secs_f64();
        assert!((credit - 4.0 - 60_000.0 * left).abs() < 0.01, "{credit} at {ms} ms");
    }
}

proptest! {
    #![proptest_config(Config { cases: if cfg!(miri) { 2 } else { 5_000 }, failure_persistence: None, ..Config::default() })]

    /// The drift's part of the bound, exactly: however small the steps, rounding makes no credit.
    #[test]
    fn the_drift_adds_at_most_a_hundredth_of_the_start_per_second_and_never_passes_it(
        start in prop_oneof![1_000_u64..10_000, 1_000_u64..=10_000_000],
        of_start in prop_oneof![Just(0), 0_u64..2_000],
        steps in vec(prop_oneof![0_u64..100, 0_u64..10_000, 0_u64..10_000_000], 1..8),
    ) {
        let terms = Terms { start, earn: 0 };
        let before = State { counted_to: 0, credit: start * of_start / 1_000 };
        let mut state = before;
        for step in steps {
            state = state.drifted(terms, at(state.counted_to + step));
        }
        let (least, most) = (before.credit.min(start), before.credit.max(start));
        prop_assert!((least..=most).contains(&state.credit), "{:?}", state);
        if before.credit < start {
            prop_assert!((state.credit - before.credit) * 100_000 <= start * state.counted_to, "{:?}", state);
        }
    }
}

#[test]
fn a_price_above_the_start_counts_as_the_start_and_a_price_of_zero_is_free() {
    let budget = Budget::new();
    assert_eq!(budget.pay(u32::MAX, at(0)), Some(Payment(4_000)));
    assert_eq!(budget.pay(1, at(0)), None);
    assert_eq!(budget.pay(0, at(0)), Some(Payment::NONE));
}

#[test]
fn a_refusal_changes_nothing() {
    let budget = Budget::new();
    assert!(budget.pay(4, at(0)).is_some());
    let before = state(&budget);
    for ms in [0, 1, 9_000] {
        assert_eq!(budget.pay(1, at(ms)), None, "at {ms} ms");
    }
    assert_eq!(state(&budget), before);
}

#[test]
fn time_that_goes_backwards_or_beyond_all_bounds_changes_nothing() {
    let budget = Budget::new();
    assert!(budget.pay(4, at(50_000)).is_some());
    assert_balance(&budget, 0, 0.0);
    assert_eq!(budget.pay(1, at(0)), None);
    budget.succeed(Payment::NONE, Now::from_origin(Duration::MAX));
    assert_balance(&budget, 0, 4.2);
    assert_balance(&budget, u64::MAX, 4.2);
}

#[test]
fn credit_saturates_and_never_reaches_into_the_time() {
    let budget = Budget::new();
    for _ in 0..3 {
        budget.succeed(Payment(MAX_CREDIT), at(7));
    }
    let state = state(&budget);
    assert_eq!(state, State { counted_to: 7, credit: MAX_CREDIT });
}

#[test]
fn sixty_four_threads_never_pay_more_than_there_is_to_the_unit() {
    const THREADS: usize = if cfg!(miri) { 4 } else { 64 };
    const STEPS: usize = if cfg!(miri) { 10 } else { 2_000 };
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
                        returned.fetch_add(DEFAULT.earn, Ordering::Relaxed);
                        continue;
                    };
                    paid.fetch_add(payment.0, Ordering::Relaxed);
                    match (thread + step) % 4 {
                        0 => {
                            returned.fetch_add(payment.0, Ordering::Relaxed);
                            budget.give_back(payment);
                        }
                        1 => {
                            returned.fetch_add(payment.0 + DEFAULT.earn, Ordering::Relaxed);
                            budget.succeed(payment, at(0));
                        }
                        _ => {} // a retry that failed
                    }
                }
            });
        }
    });
    let left = state(&budget).credit;
    let (paid, returned) = (paid.into_inner(), returned.into_inner());
    assert_eq!(DEFAULT.start + returned, paid + left, "paid {paid}, returned {returned}, left {left}");
}

#[test]
fn a_balance_has_three_digits_at_most() {
    for thousandths in 0..10_000 {
        let shown = credits(thousandths).to_string();
        assert!(shown.split('.').nth(1).is_none_or(|digits| digits.len() <= 3), "{shown}");
    }
}
