//! The smallest races for credit, played in every order that the memory model permits, stale reads included.
#![cfg(test)]

use std::time::Duration;

use loom::sync::{Arc, atomic};
use loom::thread;

use super::{Now, Payment, Terms};

/// The same source, over the atomics that it finds here.
#[expect(clippy::duplicate_mod, dead_code, reason = "what changes credit is to be run over loom's atomics, too")]
#[path = "credit.rs"]
mod credit;

use credit::Credit;

#[test]
fn no_two_retries_are_paid_with_the_same_credit() {
    race([(fails, 2, 0), (fails, 2, 0)], |left, sum| assert_eq!((sum.paid, left), (START, 0)));
}

#[test]
fn no_credit_is_lost_and_none_is_made() {
    for (one, other) in PAIRS {
        race([(one, 1, 0), (other, 2, 0)], |left, sum| {
            assert_eq!(left + sum.paid, START + sum.returned, "{sum:?}");
        });
    }
}

#[test]
fn time_that_passes_meanwhile_adds_no_more_than_its_share() {
    for (one, other) in PAIRS {
        race([(one, 2, 0), (other, 1, 3_000)], |left, sum| {
            let share = START * 3_000 / 100_000;
            assert!(left + sum.paid <= START + sum.returned + share, "{sum:?}, {left} left");
        });
    }
}

const START: u64 = 2_000;
const EARN: u64 = 200;

/// A call, given the price of its retry and the milliseconds at which it is made.
type Plays = fn(&Credit, u32, u64) -> Sum;

const PAIRS: [(Plays, Plays); 6] = [
    (fails, fails),
    (fails, recovers),
    (recovers, fails),
    (recovers, recovers),
    (recovers, is_dropped),
    (is_dropped, is_dropped),
];

/// What a call paid, and what it was given.
#[derive(Clone, Copy, Debug)]
struct Sum {
    paid: u64,
    returned: u64,
}

fn fails(credit: &Credit, price: u32, ms: u64) -> Sum {
    let payment = credit.pay(price, at(ms)).unwrap_or(Payment::NONE);
    Sum { paid: payment.0, returned: 0 }
}

/// Succeeds in the end, without a retry if there is no credit for one.
fn recovers(credit: &Credit, price: u32, ms: u64) -> Sum {
    let payment = credit.pay(price, at(ms)).unwrap_or(Payment::NONE);
    credit.succeed(payment, at(ms));
    Sum { paid: payment.0, returned: payment.0 + EARN }
}

/// Is dropped while it waits.
fn is_dropped(credit: &Credit, price: u32, ms: u64) -> Sum {
    let payment = credit.pay(price, at(ms)).unwrap_or(Payment::NONE);
    credit.give_back(payment);
    Sum { paid: payment.0, returned: payment.0 }
}

/// Lets each call run in a thread of its own, and checks what is left.
fn race(calls: [(Plays, u32, u64); 2], check: fn(u64, Sum)) {
    loom::model(move || {
        let credit = Arc::new(Credit::new(Terms { start: START, earn: EARN }));
        let threads = calls.map(|(plays, price, ms)| {
            let credit = Arc::clone(&credit);
            thread::spawn(move || plays(&credit, price, ms))
        });
        let sums = threads.map(|thread| thread.join().unwrap());
        let [paid, returned] = [|sum: &Sum| sum.paid, |sum: &Sum| sum.returned].map(|of| sums.iter().map(of).sum());
        check(credit.balance(at(0)), Sum { paid, returned });
    });
}

fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}
