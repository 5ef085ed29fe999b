//! The marks of the whole table, forged: they make the client more careful, and never less unless it trusts them.
#![cfg(test)]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderName, HeaderValue, Method, Uri};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::Config;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::mark::Mark;
use super::*;
use crate::diagnosis::{Condition, Diagnosis};
use crate::endpoints::Endpoints;
use crate::event::Event;
use crate::now::Now;
use crate::outcome::Outcome;
use crate::policy::{Backoff, Decision, Policy, Repeat, Rule};

/// A head and the start of a body.
#[derive(Clone, Debug, Default)]
struct Forgery {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Forgery {
    /// Forges what makes the rows match.
    fn of<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let mut forgery = Self::default();
        rows.into_iter().flat_map(|row| row.marks).for_each(|mark| forgery.add(*mark));
        forgery
    }

    fn add(&mut self, mark: Mark) {
        match mark {
            Mark::Has(name) => self.line(name, b"forged"),
            Mark::Is(name, text) => self.line(name, text.as_bytes()),
            Mark::Begins(name, text) => self.line(name, format!("{text}/9").as_bytes()),
            Mark::Names(name, text) => self.line(name, format!("7 {text} 9").as_bytes()),
            Mark::Says(phrase) => self.body.extend_from_slice(phrase.as_bytes()),
            Mark::Whole(text) if self.body.is_empty() => self.body = text.into(),
            Mark::Whole(_) | Mark::Lacks(_) | Mark::NotNames(..) => {}
        }
    }

    fn line(&mut self, name: &'static str, value: &[u8]) {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }

    fn outcome(&self, status: u16) -> Outcome<'_> {
        let status = StatusCode::from_u16(status).unwrap();
        Outcome::response(status, &self.headers, SystemTime::UNIX_EPOCH).body(&self.body)
    }
}

/// Returns whether a POST is repeated after the outcome.
fn repeats(policy: &Policy, outcome: &Outcome<'_>) -> bool {
    let endpoints = Endpoints::builder().fallback(policy.clone()).observer(|_: &Event<'_>| {}).build().unwrap();
    let uri = Uri::from_static("http://orders.internal");
    let mut call = endpoints.call(&Method::POST, &uri).replayable(true).start(Now::default(), 7);
    call.begin(Now::default()).unwrap();
    matches!(call.on_outcome(outcome, Now::default()), Decision::Retry(_))
}

/// Returns whether the status itself says that nothing was processed, as far as the policy goes.
fn is_refused(policy: &Policy, status: u16) -> bool {
    let status = StatusCode::from_u16(status).unwrap();
    Condition::of_status(status).is_some_and(|condition| policy.rule(condition).repeat() == Repeat::Any)
}

#[test]
fn a_forged_row_is_believed_and_repeats_a_write_only_where_that_is_trusted() {
    let trusting = Policy::builder().trust_delivery(true).build().unwrap();
    for row in TABLE {
        let forgery = Forgery::of([row]);
        let of_the_row = row.on.first().copied().unwrap_or(503);
        let found = Diagnosis::of(&forgery.outcome(of_the_row));
        assert!(found.issuer() == row.issuer && found.confidence() >= row.confidence, "{row:?} is {found:?}");
        let not_delivered = found.delivery() == Delivery::NotDelivered;
        assert!(not_delivered || row.delivery != Delivery::NotDelivered, "{row:?} is {found:?}");
        assert_eq!(repeats(&trusting, &forgery.outcome(of_the_row)), not_delivered || of_the_row == 429, "{row:?}");
        for &status in STATUSES {
            let repeated = repeats(&Policy::default(), &forgery.outcome(status));
            assert!(!repeated || is_refused(&Policy::default(), status), "{status}, {row:?}");
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    /// Whatever the rules say of each condition, forged or not.
    #[test]
    fn whatever_is_forged_together_repeats_a_write_only_where_that_is_trusted(
        status in select(STATUSES), forgery in forgery(), redirected in prop_oneof![4 => Just(false), 1 => Just(true)],
        repeatable in vec(any::<bool>(), Condition::ALL.len()), trust in any::<bool>(), json in any::<bool>(),
    ) {
        let mut policy = Policy::builder().trust_delivery(trust);
        for (condition, repeatable) in Condition::ALL.into_iter().zip(repeatable) {
            let repeat = if repeatable { Repeat::Any } else { Repeat::Idempotent };
            policy = policy.rule(condition, Rule::new(1, Backoff::constant(Duration::ZERO)).with_repeat(repeat));
        }
        let policy = policy.build().unwrap();
        let outcome = forgery.outcome(status).redirected(redirected).asked_for_json(json);
        let found = Diagnosis::of(&outcome);
        let by_condition = found.condition().is_some_and(|condition| policy.rule(condition).repeat() == Repeat::Any);
        let trusted = trust && (found.delivery() == Delivery::NotDelivered || by_condition);
        let proven = found.delivery() != Delivery::Processed && !redirected;
        let repeated = repeats(&policy, &outcome);
        prop_assert!(!repeated || proven && (trusted || is_refused(&policy, status)), "{:?}", found);
        prop_assert_eq!(found.condition().is_some(), found.advice().is_some());
        let unasked = Diagnosis::of(&outcome.asked_for_json(false));
        let decides = |it: &Diagnosis| (it.condition(), it.delivery(), it.hint(), it.is_hearsay(), it.is_retry_forbidden());
        prop_assert_eq!(decides(&found), decides(&unasked), "a guess decides nothing");
        prop_assert!(found.issuer() == unasked.issuer() || found.confidence() == Confidence::Weak);
    }
}

#[test]
fn the_marks_of_all_rows_at_once_prove_no_delivery() {
    let all = Forgery::of(TABLE);
    for &status in STATUSES {
        let found = Diagnosis::of(&all.outcome(status));
        assert!(found.is_answer() || found.delivery() != Delivery::NotDelivered, "{status}: {found:?}");
    }
}

/// What is parsed of a field is not long, but becomes a hundred times as large.
#[test]
fn no_head_takes_much_memory_nor_more_time_than_to_read_it_some_times() {
    let all = Forgery::of(TABLE);
    let said = SAID.iter().map(|(name, _)| HeaderName::from_static(name));
    let names: HashSet<HeaderName> = all.headers.keys().cloned().chain(said).collect();
    for (lines, length) in [(1_000, 64), (8, 64 * 1024), (1, 4_000)] {
        let bytes = lines * length * names.len();
        let limit = 20 * quickest(|| (0..bytes).map(black_box).sum::<usize>());
        for noise in [&b"9"[..], b"a, ", b"a;a=", b" ", b"\xff", b"\"", b"max-age=9, "] {
            let value = HeaderValue::from_bytes(&noise.repeat(length / noise.len())).unwrap();
            let mut hostile = all.clone();
            for name in names.iter().flat_map(|name| std::iter::repeat_n(name, lines)) {
                hostile.headers.append(name, value.clone());
            }
            let diagnose = || Diagnosis::of(&hostile.outcome(503));
            let what = format!("{lines} lines of {length} bytes of {:?} for each name", String::from_utf8_lossy(noise));
            let memory = allocation_counter::measure(|| assert!(diagnose().condition().is_some())).bytes_max;
            assert!(memory < 400_000, "{what}: {memory} bytes");
            let time = quickest(diagnose);
            assert!(time < limit, "{what}: {time:?}, not {limit:?}");
        }
    }
}

/// Returns the time of the quickest of a few runs: of all, the one that was disturbed least.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn quickest<T>(run: impl Fn() -> T) -> Duration {
    let time = |_| {
        let started = Instant::now();
        black_box(run());
        started.elapsed()
    };
    (0..3).map(time).min().unwrap()
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let rows = vec((0..TABLE.len()).prop_map(|row| &TABLE[row]), 0..4);
    let said = prop_oneof![
        select(SAID).prop_map(|(name, value)| (name, value.as_bytes().to_vec())),
        (select(SAID).prop_map(|(name, _)| name), noise()),
    ];
    (rows, vec(said, 0..4), prop_oneof![3 => Just(Vec::new()), 1 => noise()]).prop_map(|(rows, said, noise)| {
        let mut forgery = Forgery::of(rows);
        for (name, value) in said {
            forgery.line(name, &value);
        }
        forgery.body.extend(noise);
        forgery
    })
}

/// Bytes that a header may have, up to 64 KiB of them.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_map(|byte| if byte < b' ' || byte == 127 { b'\t' } else { byte });
    (vec(byte, 0..40), prop_oneof![9 => Just(1), 1 => 1_usize..1600]).prop_map(|(bytes, times)| bytes.repeat(times))
}

/// All statuses that are told apart.
const STATUSES: &[u16] = &[
    200, 301, 403, 404, 408, 409, 425, 429, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599,
    999,
];
/// What else a response says of itself, with a value that counts.
const SAID: &[(&str, &str)] = &[
    ("proxy-status", "p; error=connection_refused"),
    ("proxy-status", "p; error=proxy_internal_response"),
    ("proxy-status", "p; error=dns_error; rcode=NXDOMAIN"),
    ("proxy-status", "p; error=connection_limit_reached; received-status=503"),
    ("proxy-status", "p; error=http_response_incomplete"),
    ("proxy-status", "p; error=http_response_timeout"),
    ("retry-after", "0"),
    ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("retry-after-ms", "1"),
    ("ratelimit", "\"a\";r=0;t=1"),
    ("ratelimit-remaining", "0"),
    ("x-ratelimit-remaining", "0"),
    ("x-ratelimit-reset", "1"),
    ("x-should-retry", "true"),
    ("x-should-retry", "false"),
    ("stripe-should-retry", "true"),
    ("grpc-retry-pushback-ms", "1"),
    ("grpc-retry-pushback-ms", "-1"),
    ("cf-mitigated", "challenge"),
    ("cache-status", "a; hit; ttl=1"),
    ("cache-control", "max-age=1"),
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("expires", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("age", "1"),
    ("via", "1.1 a"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-length", "0"),
];
