//! Endpoints that are replaced while calls go on.
#![cfg(test)]
#![cfg(feature = "serde")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use forbear::{
    Budget, Call, Config, Decision, Endpoint, Endpoints, EndpointsBuilder, Event, EventKind, Failure, Mode, Now,
    Outcome, Policy, StopReason,
};
use http::{HeaderMap, Method, StatusCode, Uri};

const S: Duration = Duration::from_secs(1);
const NOW: Now = Now::from_origin(Duration::ZERO);
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

#[track_caller]
fn file(text: &str) -> EndpointsBuilder {
    toml::from_str::<Config>(text).unwrap().into_builder().unwrap().observer(|_: &Event<'_>| {})
}

#[track_caller]
fn start(endpoints: &Endpoints, host: &str, now: Now) -> Call {
    let uri: Uri = format!("http://{host}/").parse().unwrap();
    endpoints.call(&Method::GET, &uri).replayable(true).start(now, 7)
}

/// Lets an attempt fail and its retry begin, or returns why there is none.
fn fail(call: &mut Call, now: Now) -> Option<StopReason> {
    match call.on_outcome(&Outcome::failure(Failure::Connect), now) {
        Decision::Retry(_) => call.begin(now).err().map(|_| StopReason::NoTimeLeft), // else the price goes back
        Decision::Done(done) => done.reason(),
    }
}

fn succeed(call: &mut Call) {
    let outcome = Outcome::response(StatusCode::OK, &NO_HEADERS, UNIX_EPOCH);
    assert_eq!(call.on_outcome(&outcome, NOW).to_string(), "done");
}

/// Counts the retries that are paid for, at most as many as are asked for.
fn spend(endpoints: &Endpoints, host: &str, most: usize) -> usize {
    spend_at(endpoints, host, most, NOW)
}

fn spend_at(endpoints: &Endpoints, host: &str, most: usize, now: Now) -> usize {
    let is_paid = |_: &usize| {
        let mut call = start(endpoints, host, now);
        call.begin(now).unwrap();
        fail(&mut call, now).is_none()
    };
    (0..most).take_while(is_paid).count()
}

#[test]
fn what_stays_keeps_its_credit_under_the_new_numbers() {
    const BEFORE: &str = r#"
        [budgets.shared]
        start = 10
        [[endpoint]]
        name = "own"
        host = "own"
        [[endpoint]]
        name = "one"
        host = "one"
        budget = "shared"
    "#;
    const AFTER: &str = r#"
        [fallback]
        max_attempts = 2
        [budgets.shared]
        start = 3
        [[endpoint]]
        name = "own"
        host = "other"
        [[endpoint]]
        name = "two"
        host = "two"
        budget = "shared"
        [[endpoint]]
        name = "new"
        host = "own"
    "#;
    let endpoints = file(BEFORE).build().unwrap();
    assert_eq!(spend(&endpoints, "own", 3), 3);
    assert_eq!(spend(&endpoints, "one", 4), 4);
    assert_eq!(spend(&endpoints, "fallback", 2), 2);

    endpoints.replace(file(AFTER)).unwrap();
    assert_eq!(start(&endpoints, "fallback", NOW).policy().max_attempts(), 2);
    for (host, name, left) in [
        ("other", "own", 1),         // by its name
        ("two", "two", 6),           // by the name of its budget
        ("own", "new", 4),           // a new one
        ("fallback", "fallback", 2), // by its host
        ("one", "fallback", 4),      // a new host under the fallback
    ] {
        assert_eq!(start(&endpoints, host, NOW).endpoint(), name, "{host}");
        assert_eq!(spend(&endpoints, host, 100), left, "{host}");
    }
    let refilled = spend_at(&endpoints, "two", 100, Now::from_origin(1_000 * S));
    assert_eq!(refilled, 2, "credit drifts back to the new start, and is rounded down");
}

#[test]
fn what_changes_hands_begins_anew_and_what_the_user_gave_is_the_users() {
    let given = Budget::builder().start(50.0).build().unwrap();
    let with = |endpoint: Endpoint| Endpoints::builder().observer(|_: &Event<'_>| {}).endpoint(endpoint);
    let own = || with(Endpoint::new("it").host("it"));
    let endpoints = own().build().unwrap();
    assert_eq!(spend(&endpoints, "it", 100), 4);
    endpoints.replace(with(Endpoint::new("it").host("it").budget(given.clone()))).unwrap();
    assert_eq!(spend(&endpoints, "it", 10), 10);
    endpoints.replace(own()).unwrap();
    assert_eq!(spend(&endpoints, "it", 100), 4, "not the user's");
    endpoints.replace(with(Endpoint::new("it").host("it").budget(given))).unwrap();
    assert_eq!(spend(&endpoints, "it", 100), 40);
    endpoints.replace(with(Endpoint::new("it").host("it").budget(Budget::unlimited()))).unwrap();
    assert_eq!(spend(&endpoints, "it", 100), 100);
}

#[test]
fn a_call_under_way_ends_under_the_old_policy_and_pays_from_the_same_credit() {
    let endpoints = file("endpoint = [{ name = \"it\", host = \"it\", max_attempts = 3 }]").build().unwrap();
    let mut named = start(&endpoints, "it", NOW);
    let mut of_fallback = start(&endpoints, "other", NOW);
    for call in [&mut named, &mut of_fallback] {
        call.begin(NOW).unwrap();
        assert_eq!(fail(call, NOW), None);
    }

    endpoints.replace(file("fallback.max_attempts = 1\nendpoint = [{ name = \"it\", host = \"it\" }]")).unwrap();
    for (call, host) in [(&mut named, "it"), (&mut of_fallback, "other")] {
        assert_eq!(start(&endpoints, host, NOW).policy().max_attempts(), 1);
        assert_eq!(fail(call, NOW), None, "the second retry that it began with");
        endpoints.replace(file("endpoint = [{ name = \"it\", host = \"it\" }]")).unwrap();
        assert_eq!(spend(&endpoints, host, 100), 2, "two of four are paid");
        succeed(call);
        assert_eq!(spend(&endpoints, host, 100), 2, "and given back, with what it earned below one");
        endpoints.replace(file("fallback.max_attempts = 1\nendpoint = [{ name = \"it\", host = \"it\" }]")).unwrap();
    }
}

#[test]
fn an_incident_goes_on_and_a_switch_stays() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let is_incident =
        |kind| [EventKind::IncidentOpened, EventKind::IncidentContinues, EventKind::IncidentClosed].contains(&kind);
    let observer = move |event: &Event<'_>| {
        if is_incident(event.kind()) {
            listener.lock().unwrap().push((event.endpoint().to_owned(), event.kind()));
        }
    };
    let it = || file("endpoint = [{ name = \"it\", host = \"it\" }]");
    let endpoints = it().observer(observer).build().unwrap();
    let call_at = |host: &str, seconds: u64, failure: bool| {
        let now = Now::from_origin(Duration::from_secs(seconds));
        let mut call = start(&endpoints, host, now);
        call.begin(now).unwrap();
        let outcome = if failure {
            Outcome::failure(Failure::Connect)
        } else {
            Outcome::response(StatusCode::OK, &NO_HEADERS, UNIX_EPOCH)
        };
        let _done = call.on_outcome(&outcome, now);
    };
    for host in ["it", "other"] {
        for second in 0..5 {
            call_at(host, second, true);
            endpoints.replace(it()).unwrap();
        }
        call_at(host, 1_000, false);
    }
    let expected = ["it", "fallback"]
        .map(|name| [EventKind::IncidentOpened, EventKind::IncidentClosed].map(|kind| (name.to_owned(), kind)));
    assert_eq!(*said.lock().unwrap(), expected.concat());

    assert!(endpoints.switch_endpoint("it", Some(Mode::Off)));
    assert!(endpoints.switch_endpoint("fallback", Some(Mode::Off)));
    endpoints.replace(it()).unwrap();
    for host in ["it", "other"] {
        let mut call = start(&endpoints, host, NOW);
        call.begin(NOW).unwrap();
        assert_eq!(fail(&mut call, NOW), None);
        assert!(call.report().is_none(), "off: nothing is reported of {host}");
    }
}

#[test]
fn a_replacement_that_fails_changes_nothing() {
    let endpoints = file("endpoint = [{ name = \"it\", host = \"it\" }]").build().unwrap();
    assert_eq!(spend(&endpoints, "it", 2), 2);
    let wrong = Endpoints::builder()
        .fallback(Policy::background())
        .endpoint(Endpoint::new("it").host("elsewhere"))
        .endpoint(Endpoint::new("wrong").host("https://wrong"));
    let error = endpoints.replace(wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"endpoint "wrong".host is "https://wrong", but must be a host alone: write "wrong""#
    );
    assert_eq!(start(&endpoints, "it", NOW).endpoint(), "it");
    assert_eq!(*start(&endpoints, "elsewhere", NOW).policy(), Policy::default());
    assert_eq!(spend(&endpoints, "it", 100), 2);
}

#[test]
fn while_threads_call_no_call_is_lost_and_no_credit_is_made_or_lost() {
    const START: usize = 1_000;
    const OF_EACH_HOST: usize = 20;
    const ROUNDS: usize = 3_000;
    const THREADS: usize = 8;
    let host = |round: usize| format!("host-{}", round / 10); // new ones all the time, met by all threads at once
    let files = [1, 2].map(|attempts| {
        let text = format!(
            r#"
            fallback = {{ max_attempts = {attempts}, budget = "each" }}
            budgets.each.start = {OF_EACH_HOST}
            budgets.shared.start = {START}
            endpoint = [
                {{ name = "one", host = "one", budget = "shared", max_attempts = 3 }},
                {{ name = "two", host = "two", path = "/{{*rest}}", budget = "shared", max_attempts = 3 }},
            ]
            "#
        );
        move || file(&text)
    });
    let endpoints = files[1]().build().unwrap();
    let paid: [AtomicUsize; 2] = Default::default();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS)
            .map(|number| {
                let (endpoints, paid) = (&endpoints, &paid);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let (host, name, of) = match (round + number) % 3 {
                            0 => ("one".to_owned(), "one", 0),
                            1 => ("two".to_owned(), "two", 0),
                            _ => (host(round), "fallback", 1),
                        };
                        let mut call = start(endpoints, &host, NOW);
                        assert_eq!(call.endpoint(), name);
                        call.begin(NOW).unwrap();
                        if fail(&mut call, NOW).is_none() {
                            paid[of].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let (endpoints, is_over) = (&endpoints, &is_over);
        let replacer = scope.spawn(move || {
            let mut replaced = 0;
            while !is_over.load(Ordering::Relaxed) {
                endpoints.replace(files[replaced % 2]()).unwrap();
                replaced += 1;
            }
            replaced
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
        let replaced = replacer.join().unwrap();
        println!("replaced {replaced} times");
        assert!(replaced > 0);
    });
    let [shared, other] = paid.map(AtomicUsize::into_inner);
    assert_eq!(shared, START);
    endpoints.replace(file(&format!("budgets.each.start = {OF_EACH_HOST}\nfallback.budget = \"each\""))).unwrap();
    let left: usize = (0..ROUNDS).step_by(10).map(|round| spend(&endpoints, &host(round), 100)).sum();
    assert_eq!(other + left, OF_EACH_HOST * ROUNDS / 10);
}
