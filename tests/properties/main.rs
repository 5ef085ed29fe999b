//! The invariants, attacked with generated calls: any outcome, any header bytes, any order, any time, dropped at any
//! point. Needs no feature.
#![cfg(test)]

mod checked;
mod words;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use checked::{CheckedCall, Ledger, Next, Received, Said};
use forbear::{
    Backoff, Budget, Condition, Diagnosis, EndpointSnapshot, Endpoints, Event, Failure, Issuer, Mode, Now, Outcome,
    Policy, Repeat, Rule,
};
use http::header::{AGE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::Config;
use proptest::{prop_assert, prop_assert_eq, proptest};
use words::{BODIES, HEADERS, MARKS};

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_invariants_hold_for_any_calls_on_one_host(
        policy in policy(), (start, earn) in credit(), calls in vec(a_call(), 1..12),
    ) {
        let [budget_start, budget_earn] = [start, earn].map(|it| Duration::from_millis(it).as_secs_f64());
        let budget = Budget::builder().start(budget_start).earn(budget_earn);
        let builder = Endpoints::builder().fallback(policy).fallback_budget(budget);
        let endpoints = builder.observer(|_: &Event<'_>| {}).build().unwrap();
        let mut ledger = Ledger::new(start, earn);
        let mut now = Duration::ZERO;
        for planned in calls {
            play(&endpoints, planned, &mut now, &mut ledger);
        }
        let credit = endpoints.snapshot(Now::from_origin(now)).endpoints().first().map(EndpointSnapshot::credit);
        credit.into_iter().for_each(|credit| ledger.check_left(credit, now));
    }

    #[test]
    fn no_header_hides_its_response_or_makes_the_engine_panic(
        status in 100_u16..1000, lines in vec((header_name(), header_value()), 0..6), body in body(),
        received_at in received_at(),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let outcome = Outcome::response(StatusCode::from_u16(status).unwrap(), &headers, received_at).body(&body);
        let diagnosis = Diagnosis::of(&outcome);
        prop_assert!(!(diagnosis.is_hint_malformed() && diagnosis.hint().is_some()));
        prop_assert!(diagnosis.condition().is_some() || diagnosis.hint().is_none(), "a hint on an answer");
        prop_assert_eq!(diagnosis.condition().is_some(), diagnosis.advice().is_some());
        prop_assert!(diagnosis.condition().is_some() || diagnosis.issuer() == Issuer::Unknown, "an answer has no issuer");
    }
}

/// Plays one call, checked at every step.
fn play(endpoints: &Endpoints, plan: PlannedCall, now: &mut Duration, ledger: &mut Ledger) {
    let uri = Uri::from_static("http://orders.internal");
    let mut call = CheckedCall::start(endpoints, &uri, plan.said, *now);
    for step in plan.steps {
        if call.begin(*now, ledger) != Next::InFlight || step.drops == Drops::InFlight {
            break;
        }
        *now = step.time.after(*now);
        let Next::Waits(_, wait) = call.on_outcome(Mode::On, &step.received, *now, ledger) else { break };
        if step.drops == Drops::Waiting {
            break;
        }
        *now = step.sleep.after(now.saturating_add(wait));
    }
    call.drop(ledger);
}

fn patient() -> Rule {
    let backoff = Backoff::doubling(Duration::from_secs(1)).with_cap(Duration::MAX);
    Rule::new(9, backoff).with_repeat(Repeat::Any).with_price(3)
}

#[derive(Clone, Debug)]
struct PlannedCall {
    said: Said,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    received: Received,
    time: Passes,
    sleep: Passes,
    drops: Drops,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Drops {
    Never,
    InFlight,
    Waiting,
}

/// How time passes: not at all, a little, or for ages.
#[derive(Clone, Copy, Debug)]
struct Passes(Duration);

impl Passes {
    /// An odd number of microseconds goes backwards: clocks do that, too.
    fn after(self, now: Duration) -> Duration {
        if self.0.as_micros() % 2 == 1 { now.saturating_sub(self.0) } else { now.saturating_add(self.0) }
    }
}

fn policy() -> impl Strategy<Value = Policy> {
    let limits = (1_u32..6, option::of(passes()), option::of(passes()), option::of(passes()), any::<bool>());
    limits.prop_map(|(max_attempts, max_elapsed, timeout, attempt_timeout, patient_with_bugs)| {
        let at_least = |passes: Passes| passes.0.max(Duration::from_nanos(1));
        let mut policy = Policy::builder().max_attempts(max_attempts);
        if let Some(Passes(max_elapsed)) = max_elapsed {
            policy = policy.max_elapsed(max_elapsed);
        }
        if let Some(timeout) = timeout {
            policy = policy.timeout(at_least(timeout));
        }
        if let Some(timeout) = attempt_timeout {
            policy = policy.attempt_timeout(at_least(timeout));
        }
        if patient_with_bugs {
            policy = policy.rule(Condition::InternalError, patient());
        }
        policy.build().unwrap()
    })
}

/// What a budget starts with and what a success earns, in thousandths: mostly little, as plenty proves nothing.
fn credit() -> impl Strategy<Value = (u64, u64)> {
    let start = prop_oneof![3 => Just(4_000_u64), 3 => 1_000_u64..9_000, 1 => 1_000_u64..=10_000_000];
    let earn = prop_oneof![1 => Just(200_u64), 1 => 0_u64..=1_000];
    (start, earn)
}

fn a_call() -> impl Strategy<Value = PlannedCall> {
    let method = prop_oneof![Just(Method::GET), Just(Method::PUT), Just(Method::POST), Just(Method::PATCH)];
    let mostly = prop_oneof![9 => Just(true), 1 => Just(false)];
    let word = prop_oneof![6 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    (method, word, any::<bool>(), mostly.clone(), mostly, any::<u64>(), vec(step(), 0..8)).prop_map(
        |(method, word, key, replayable, visible_redirects, seed, steps)| {
            let hidden_redirects = !visible_redirects;
            let said = Said { method, word, key, replayable, hidden_redirects, max_elapsed: None, timeout: None, seed };
            PlannedCall { said, steps }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        6 => proptest::sample::select(vec![200, 404, 408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 530]),
        1 => 100_u16..1000,
    ]
    .prop_map(|status| StatusCode::from_u16(status).unwrap());
    let headers = vec((header_name(), header_value()), 0..3).prop_map(|lines| lines.into_iter().collect::<HeaderMap>());
    let failure = proptest::sample::select(vec![
        Failure::Connect,
        Failure::ConnectPermanent,
        Failure::StreamRefused,
        Failure::Interrupted,
        Failure::Timeout,
        Failure::Caller,
    ]);
    let result = prop_oneof![
        2 => (status, headers, received_at()).prop_map(Ok),
        1 => failure.prop_map(Err),
    ];
    let seldom = prop_oneof![9 => Just(false), 1 => Just(true)];
    let drops = prop_oneof![8 => Just(Drops::Never), 1 => Just(Drops::InFlight), 1 => Just(Drops::Waiting)];
    (result, body(), seldom, passes(), passes(), drops).prop_map(|(result, body, redirected, time, sleep, drops)| {
        Step { received: Received { result, body, redirected }, time, sleep, drops }
    })
}

fn passes() -> impl Strategy<Value = Passes> {
    prop_oneof![
        4 => Just(Duration::ZERO),
        8 => (0_u64..3_000).prop_map(Duration::from_millis),
        2 => (0_u64..3_000_000).prop_map(Duration::from_micros),
        2 => (0_u64..1_000_000).prop_map(Duration::from_secs),
        1 => any::<u64>().prop_map(Duration::from_nanos),
        1 => Just(Duration::MAX),
    ]
    .prop_map(Passes)
}

fn header_name() -> impl Strategy<Value = HeaderName> {
    let others = proptest::sample::select(HEADERS).prop_map(HeaderName::from_static);
    prop_oneof![4 => Just(RETRY_AFTER), 1 => Just(DATE), 1 => Just(AGE), 4 => others]
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    const DATES: &[&str] = &[
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Friday, 31-Dec-99 23:59:59 GMT",
    ];
    prop_oneof![
        6 => proptest::sample::select(MARKS).prop_map(str::to_owned),
        4 => (0_u64..100).prop_map(|seconds| seconds.to_string()),
        2 => "[0-9]{1,30}",
        1 => "[0-9]{1,25}\\.[0-9]{1,25}",
        1 => proptest::sample::select(DATES).prop_map(str::to_owned),
        1 => "[A-Z][a-z]{2}, [0-9]{1,2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC)",
        1 => "[ -~\t]{0,50}",
    ]
    .prop_map(String::into_bytes)
    .boxed()
    .prop_union(vec(32_u8..=255, 0..50).boxed())
    .prop_filter_map("no header value", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => proptest::sample::select(BODIES).prop_map(|body| body.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..100),
    ]
}

fn received_at() -> impl Strategy<Value = SystemTime> {
    prop_oneof![
        (0_u64..10_000_000_000).prop_map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        Just(UNIX_EPOCH + Duration::from_secs(1 << 60)),
        Just(UNIX_EPOCH - Duration::from_secs(1 << 40)),
    ]
}
