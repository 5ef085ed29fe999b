//! One table of calls over real sockets, through every door: the same decisions, waits and reports.
//!
//! The doors are the engine under hyper and under ureq, as in the examples `sdk_hyper` and `sdk_ureq`; the client;
//! the blocking client; the layer over hyper and over reqwest; and the middleware. A case says what the server does and
//! what must come of it. Where a door cannot do it, the case says what comes there instead, and why.
#![cfg(test)]
#![cfg(all(feature = "endpoints", feature = "blocking", feature = "middleware", feature = "tower"))]

mod cases;
mod door;
mod server;
mod story;

#[path = "../../examples/sdk/hyper.rs"]
mod sdk_hyper;
#[path = "../../examples/sdk/ureq.rs"]
mod sdk_ureq;

use cases::CASES;
use door::DOORS;

#[test]
fn every_door_decides_waits_and_reports_the_same() {
    let mut wrong = Vec::new();
    for (number, case) in (0..).zip(CASES) {
        let mut first = None;
        for door in DOORS {
            let told = door.tell(case, number);
            let expected = case.expected(door.name);
            if told.story != expected {
                wrong.push(format!("{}, {}:\n  told     {}\n  expected {expected}", case.name, door.name, told.story));
            } else if expected == case.story && *first.get_or_insert_with(|| told.attempts.clone()) != told.attempts {
                wrong.push(format!("{}, {}: {:?}, the first door {first:?}", case.name, door.name, told.attempts));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_as_large_as_it_says_and_every_exception_has_a_reason() {
    assert!(CASES.len() >= 30);
    let mut names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len(), "each case has a name of its own");
    for case in CASES {
        for (doors, story, why) in case.except {
            assert!(*story != case.story && !why.is_empty(), "{}: no exception", case.name);
            assert!(doors.iter().all(|name| DOORS.iter().any(|door| door.name == *name)), "{}: {doors:?}", case.name);
        }
    }
}
