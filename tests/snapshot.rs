//! The numbers for a dashboard: every one of them, exactly.
#![cfg(test)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use forbear::{
    Backoff, Call, Condition, Decision, EndpointSnapshot, Endpoints, Event, EventKind, Failure, Mode, Now, Outcome,
    Policy, PolicyBuilder, Rule, Ruling, Scenario, StopReason,
};
use http::{HeaderMap, Method, StatusCode};

fn endpoints(change: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Endpoints {
    let policy = change(Policy::builder()).build().unwrap();
    Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn default() -> Endpoints {
    endpoints(|policy| policy)
}

const fn at(seconds: u64) -> Now {
    Now::from_origin(Duration::from_secs(seconds))
}

/// Says all numbers that are not zero, so that one too many is seen as well as one that is missing.
fn told(endpoint: &EndpointSnapshot) -> String {
    let numbers = [
        ("attempts", endpoint.attempts()),
        ("answered", endpoint.answered()),
        ("recovered", endpoint.recovered()),
        ("abandoned", endpoint.abandoned()),
        ("waiting", endpoint.waiting()),
    ];
    let numbers = numbers.map(|(name, number)| (name.to_owned(), number));
    let retries = Condition::ALL.map(|it| (format!("retries:{it}"), endpoint.retries(it)));
    let stopped = StopReason::ALL.map(|it| (format!("stopped:{}", it.as_str()), endpoint.stopped(it)));
    let all = numbers.into_iter().chain(retries).chain(stopped).filter(|(_, number)| *number != 0);
    all.map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ")
}

/// Says the numbers of the only host, or nothing if there is none.
#[track_caller]
fn numbers(endpoints: &Endpoints) -> String {
    match endpoints.snapshot(Now::default()).endpoints() {
        [] => String::new(),
        [endpoint] => told(endpoint),
        all => panic!("{all:?}"),
    }
}

fn call(endpoints: &Endpoints) -> Call {
    call_to(endpoints, "http://orders.internal/v1/orders/7")
}

fn call_to(endpoints: &Endpoints, uri: &str) -> Call {
    endpoints.call(&Method::GET, &uri.parse().unwrap()).replayable(true).start(Now::default(), 7)
}

fn sent(mut call: Call) -> Call {
    call.begin(Now::default()).unwrap();
    call
}

fn decision(call: &mut Call, status: u16) -> Decision {
    let headers = HeaderMap::new();
    call.on_outcome(&Outcome::response(StatusCode::from_u16(status).unwrap(), &headers, UNIX_EPOCH), Now::default())
}

/// A call whose first attempt failed.
#[track_caller]
fn waiting(endpoints: &Endpoints) -> Call {
    let mut call = sent(call(endpoints));
    assert!(matches!(decision(&mut call, 503), Decision::Retry(_)));
    call
}

/// Ends a call with the outcome of the attempt that is in flight.
#[track_caller]
fn ended(mut call: Call, status: u16) -> Call {
    assert!(matches!(decision(&mut call, status), Decision::Done(_)));
    call
}

#[rustfmt::skip] // a story has a line for each thing that happens
mod stories {
    use super::*;

    #[test]
    fn answers_are_counted_at_once_and_after_retries() {
        let endpoints = default();
        Scenario::over(endpoints.clone())
            .at(0.0).receives(200).is_handed_back()
            .at(1.0).receives(404).is_handed_back();
        assert_eq!(numbers(&endpoints), "attempts 2, answered 2");
        let story = Scenario::over(endpoints.clone())
            .at(0.0).receives(503).retries_within(0.0..=1.0);
        assert_eq!(numbers(&endpoints), "attempts 3, answered 2, waiting 1, retries:unavailable 1");
        let story = story
            .at(1.0).receives(502).retries_within(0.0..=2.0);
        assert_eq!(numbers(&endpoints), "attempts 4, answered 2, waiting 1, retries:unavailable 1, retries:bad_gateway 1");
        let _ = story
            .at(3.0).receives(200).is_handed_back();
        assert_eq!(numbers(&endpoints), "attempts 5, answered 3, recovered 1, retries:unavailable 1, retries:bad_gateway 1");
    }

    #[test]
    fn a_failing_call_is_stopped_for_each_reason() {
        let stops = |change: fn(PolicyBuilder) -> PolicyBuilder, story: &dyn Fn(Scenario) -> Scenario| {
            let endpoints = endpoints(change);
            drop(story(Scenario::over(endpoints.clone())));
            numbers(&endpoints)
        };
        let told = [
            stops(|it| it, &|it| it.at(0.0).receives(500).stops(StopReason::NoRetries)),
            stops(|it| it, &|it| it.at(0.0).with("x-should-retry", "false").receives(503).stops(StopReason::ServerForbids)),
            stops(|it| it.classify(|_: &Outcome<'_>, _: &_| Ruling::NoRetry),
                &|it| it.at(0.0).receives(503).stops(StopReason::UserForbids)),
            stops(|it| it, &|it| it.method(Method::POST).at(0.0).receives(503).stops(StopReason::NotSafeToRepeat)),
            stops(|it| it, &|it| it.replayable(false).at(0.0).receives(503).stops(StopReason::NotReplayable)),
            stops(|it| it, &|it| it
                .at(0.0).receives(504).retries_within(0.0..=2.0)
                .at(2.0).receives(504).stops(StopReason::RuleAttempts)),
            stops(|it| it.max_attempts(1), &|it| it.at(0.0).receives(503).stops(StopReason::Attempts)),
            stops(|it| it, &|it| it.at(0.0).with("retry-after", "61").receives(503).stops(StopReason::HintTooLong)),
            stops(|it| it, &|it| it.at(0.0).receives(503).retries_within(0.0..=1.0).wakes_too_late_at(61.0)),
            stops(|it| it, &|it| it
                .at(0.0).receives(503).retries_within(0.0..=1.0)
                .at(1.0).fails(Failure::Timeout).stops(StopReason::Budget)),
            stops(|it| it.mode(Mode::Observe), &|it| it.at(0.0).receives(503).stops(StopReason::Observe)),
        ];
        assert_eq!(told, [
            "attempts 1, stopped:no_retries 1",
            "attempts 1, stopped:server_forbids 1",
            "attempts 1, stopped:user_forbids 1",
            "attempts 1, stopped:not_safe_to_repeat 1",
            "attempts 1, stopped:not_replayable 1",
            "attempts 2, retries:gateway_timeout 1, stopped:rule_attempts 1",
            "attempts 1, stopped:attempts 1",
            "attempts 1, stopped:hint_too_long 1",
            "attempts 1, retries:unavailable 1, stopped:no_time_left 1",
            "attempts 2, retries:unavailable 1, stopped:budget 1",
            "attempts 1, stopped:observe 1",
        ]);
        assert_eq!(told.len(), StopReason::ALL.len());
    }

    #[test]
    fn every_condition_is_counted_as_itself_and_as_what_the_user_says_it_is() {
        for condition in Condition::ALL {
            let rule = Rule::new(1, Backoff::constant(Duration::ZERO));
            let endpoints = endpoints(|policy| policy
                .rule(condition, rule)
                .classify(move |_: &Outcome<'_>, _: &_| Ruling::Is(condition)));
            let _ = Scenario::over(endpoints.clone())
                .at(0.0).receives(404).retries_within(0.0..=0.0);
            assert_eq!(numbers(&endpoints), format!("attempts 1, abandoned 1, retries:{condition} 1"));
        }
    }

    #[test]
    fn the_callers_own_error_is_an_attempt_and_nothing_else() {
        let endpoints = default();
        Scenario::over(endpoints.clone())
            .at(0.0).fails(Failure::Caller).is_handed_back()
            .at(0.0).receives(503).retries_within(0.0..=1.0)
            .at(1.0).fails(Failure::Caller).is_handed_back();
        assert_eq!(numbers(&endpoints), "attempts 3, retries:unavailable 1");
    }
}

#[test]
fn a_call_that_is_dropped_in_any_state_leaves_right_numbers() {
    let dropped = |state: fn(&Endpoints) -> Call| {
        let endpoints = default();
        let call = state(&endpoints);
        let before = numbers(&endpoints);
        drop(call);
        [before, numbers(&endpoints)]
    };
    assert_eq!(dropped(call), ["", ""]);
    assert_eq!(dropped(|it| sent(call(it))), ["", "attempts 1, abandoned 1"]);
    let unavailable = "retries:unavailable 1";
    let counted = [format!("attempts 1, waiting 1, {unavailable}"), format!("attempts 1, abandoned 1, {unavailable}")];
    assert_eq!(dropped(waiting), counted);
    let counted = [format!("attempts 1, {unavailable}"), format!("attempts 2, abandoned 1, {unavailable}")];
    assert_eq!(dropped(|it| sent(waiting(it))), counted);
    let recovered = |endpoints: &Endpoints| ended(sent(waiting(endpoints)), 200);
    assert_eq!(dropped(recovered), ["attempts 2, answered 1, recovered 1, retries:unavailable 1"; 2]);
}

#[test]
fn a_call_that_is_refused_waits_no_more_and_an_attempt_that_is_refused_is_none() {
    let endpoints = endpoints(|policy| policy.timeout(Duration::from_secs(5)));
    assert!(call(&endpoints).begin(at(5)).is_err());
    assert_eq!(numbers(&endpoints), "");
    let mut late = waiting(&endpoints);
    for _ in 0..2 {
        assert!(late.begin(at(5)).is_err());
        assert_eq!(numbers(&endpoints), "attempts 1, retries:unavailable 1, stopped:no_time_left 1");
    }
    let mut twice = sent(waiting(&endpoints));
    assert!(twice.begin(Now::default()).is_err(), "it is in flight");
    assert_eq!(numbers(&endpoints), "attempts 2, retries:unavailable 2, stopped:no_time_left 1");
}

#[test]
fn an_observer_that_panics_leaves_no_call_waiting() {
    let panics = |event: &Event<'_>| assert_ne!(event.kind(), EventKind::Retry);
    let endpoints = Endpoints::builder().observer(panics).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| waiting(&endpoints))).unwrap_err();
    assert_eq!(numbers(&endpoints), "attempts 1, abandoned 1, retries:unavailable 1");
}

#[test]
fn what_is_off_is_not_counted() {
    let off = Policy::builder().mode(Mode::Off).build().unwrap();
    let endpoints = default();
    let uri = "http://orders.internal/".parse().unwrap();
    let call = || sent(endpoints.call(&Method::GET, &uri).replayable(true).policy(off.clone()).start(at(0), 7));
    drop(call());
    for status in [200, 503] {
        ended(call(), status);
    }
    assert_eq!(numbers(&endpoints), "");
}

#[test]
fn hosts_are_sorted_and_each_is_told_from_the_others() {
    let endpoints = default();
    for uri in ["https://b:80/", "http://b/", "http://a:8080/", "/no-host", "http://[::1]/", "http://a/"] {
        ended(sent(call_to(&endpoints, uri)), 200);
    }
    drop(call_to(&endpoints, "http://nothing-to-count/"));
    let snapshot = endpoints.snapshot(Now::default());
    let told = snapshot.endpoints().iter().map(|it| {
        assert_eq!((it.name(), it.url_template()), ("fallback", None));
        (it.url_scheme().unwrap(), it.server_address().unwrap(), it.server_port(), told(it))
    });
    let expected = [
        ("", "", None),
        ("http", "[::1]", Some(80)),
        ("http", "a", Some(80)),
        ("http", "a", Some(8080)),
        ("http", "b", Some(80)),
        ("https", "b", Some(80)),
    ];
    let expected = expected.map(|(scheme, host, port)| (scheme, host, port, "attempts 1, answered 1".to_owned()));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[cfg(feature = "endpoints")]
#[test]
fn endpoints_come_first_as_they_were_written_and_count_for_all_their_hosts() {
    let endpoints = Endpoints::builder()
        .endpoint(forbear::Endpoint::new("search").host("*.internal"))
        .endpoint(forbear::Endpoint::new("charges").path("/v1/charges/{id}"))
        .observer(|_: &Event<'_>| {})
        .build()
        .unwrap();
    for uri in ["http://a.internal", "http://b.internal", "http://pay/v1/charges/7", "http://pay/v1"] {
        ended(sent(call_to(&endpoints, uri)), 200);
    }
    let snapshot = endpoints.snapshot(Now::default());
    let told = |it: &EndpointSnapshot| {
        let host = (it.url_scheme().is_some(), it.server_address().map(str::to_owned), it.server_port());
        (it.name().to_owned(), it.url_template().map(str::to_owned), host, it.answered())
    };
    let none = (false, None, None);
    let expected = [
        ("search".to_owned(), None, none.clone(), 2),
        ("charges".to_owned(), Some("/v1/charges/{id}".to_owned()), none, 1),
        ("fallback".to_owned(), None, (true, Some("pay".to_owned()), Some(80)), 1),
    ];
    assert_eq!(snapshot.endpoints().iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn credit_and_incident_are_those_of_the_moment() {
    let endpoints = default();
    let calls: Vec<Call> = (0..3).map(|_| waiting(&endpoints)).collect();
    for _ in 0..7 {
        ended(sent(call(&endpoints)), 500);
    }
    let of = |seconds| {
        let snapshot = endpoints.snapshot(at(seconds));
        let endpoint = &snapshot.endpoints()[0];
        (endpoint.credit(), endpoint.open_incident())
    };
    let (credit, incident) = of(0);
    assert!((credit - 1.0).abs() < 0.01, "{credit}");
    assert_eq!(incident, Some(Duration::ZERO));
    let (credit, incident) = of(100);
    assert!((credit - 2.896).abs() < 0.01, "{credit}");
    assert_eq!(incident, Some(Duration::from_secs(100)));
    drop(calls);
    assert!((of(0).0 - 4.0).abs() < 0.01);
    let mut well = sent(call(&endpoints));
    let headers = HeaderMap::new();
    let _done = well.on_outcome(&Outcome::response(StatusCode::OK, &headers, UNIX_EPOCH), at(100));
    assert_eq!(of(100).1, None);
}

#[test]
fn a_host_that_leaves_takes_its_numbers_along() {
    let endpoints = default();
    for _ in 0..3 {
        ended(sent(call(&endpoints)), 200);
    }
    for number in 0..1_024 {
        let uri = format!("http://host-{number}.internal/").parse().unwrap();
        drop(endpoints.call(&Method::GET, &uri).start(at(1), 7));
    }
    assert_eq!(numbers(&endpoints), "");
    ended(sent(call(&endpoints)), 200);
    assert_eq!(numbers(&endpoints), "attempts 1, answered 1");
}

#[test]
fn eight_threads_are_counted_to_the_unit_and_every_count_only_grows() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 1_000;
    let free = Rule::new(1, Backoff::constant(Duration::ZERO)).with_price(0);
    let endpoints = endpoints(|policy| policy.rule(Condition::Unavailable, free));
    let each_way = |endpoints: &Endpoints| {
        ended(sent(call(endpoints)), 200);
        ended(sent(waiting(endpoints)), 200);
        ended(sent(waiting(endpoints)), 503);
        ended(sent(call(endpoints)), 500);
        drop(waiting(endpoints));
        drop(sent(waiting(endpoints)));
        assert!(waiting(endpoints).begin(at(61)).is_err());
    };
    let (start, done) = (Barrier::new(9), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let counting: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..ROUNDS).for_each(|_| each_way(&endpoints));
                })
            })
            .collect();
        scope.spawn(|| {
            start.wait();
            let mut last = [0; 5];
            while !done.load(Ordering::Relaxed) {
                let snapshot = endpoints.snapshot(Now::default());
                let Some(it) = snapshot.endpoints().first() else { continue };
                let unavailable = it.retries(Condition::Unavailable);
                let counts = [it.attempts(), it.answered(), it.recovered(), it.abandoned(), unavailable];
                assert!(counts.iter().zip(last).all(|(now, before)| *now >= before), "{last:?}, {counts:?}");
                assert!(it.waiting() <= THREADS, "{} wait", it.waiting());
                last = counts;
            }
        });
        counting.into_iter().for_each(|thread| thread.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    let [of_one, two] = [1, 2].map(|times| times * THREADS * ROUNDS);
    let expected = format!(
        "attempts {}, answered {two}, recovered {of_one}, abandoned {two}, retries:unavailable {}, \
         stopped:no_retries {of_one}, stopped:rule_attempts {of_one}, stopped:no_time_left {of_one}",
        10 * of_one,
        5 * of_one,
    );
    assert_eq!(numbers(&endpoints), expected);
}

#[test]
fn a_snapshot_of_a_thousand_hosts_allocates_little() {
    const HOSTS: u64 = 1_000;
    let endpoints = default();
    for number in 0..HOSTS {
        ended(sent(call_to(&endpoints, &format!("http://host-{number}.internal/"))), 200);
    }
    let mut snapshot = None;
    let taken = allocation_counter::measure(|| snapshot = Some(endpoints.snapshot(Now::default())));
    assert_eq!(snapshot.unwrap().endpoints().len(), 1_000);
    println!("{} allocations, {} bytes at most", taken.count_total, taken.bytes_max);
    assert!(taken.count_total <= 2 * HOSTS + 20 && taken.bytes_max <= 1 << 20, "{taken:?}");
}
