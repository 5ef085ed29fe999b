//! A hint is read as the table says: valid, absent or malformed, and never as another time.
#![no_main]

use forbear::{Diagnosis, Outcome};
use forbear_fuzz::{Hint, Hints};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|hints: Hints| {
    let headers = hints.headers();
    let outcome = Outcome::response(hints.status(), &headers, hints.received_at().time());
    let diagnosis = Diagnosis::of(&outcome);
    let found = match (diagnosis.hint(), diagnosis.is_hint_malformed()) {
        (Some(wait), false) => Hint::Wait(wait),
        (None, true) => Hint::Malformed,
        (None, false) => Hint::Absent,
        (Some(_), true) => panic!("both a hint and malformed"),
    };
    let expected = hints.expected();
    assert!(expected.contains(&found), "{found:?}, expected one of {expected:?} from {headers:?}");
});
