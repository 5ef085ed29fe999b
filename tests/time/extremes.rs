//! The doors, with each of their durations and numbers at each of its extremes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forbear::{
    Backoff, Client, Condition, Endpoints, Event, Policy, PolicyBuilder, Report, RequestBuilder, Rule, Script,
    StopReason,
};
use http::Response;

const S: Duration = Duration::from_secs(1);
const NS: Duration = Duration::from_nanos(1);
const YEARS: Duration = Duration::from_secs(10 * 31_556_952);
/// Longer than anybody waits: a number of milliseconds, of seconds, and the end of all durations.
const AGES: [Duration; 3] = [Duration::from_millis(u64::MAX), Duration::from_secs(u64::MAX), Duration::MAX];

/// How often a call was sent, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Answered {
        sent: usize,
    },
    Stopped {
        sent: usize,
        reason: StopReason,
    },
    TimedOut {
        sent: usize,
        reason: Option<StopReason>,
    },
    /// Still waits after ten years.
    Waits {
        sent: usize,
    },
}

const ANSWERED: Ends = Ends::Answered { sent: 3 };

/// Is busy twice, and takes a second for each answer.
fn script() -> Script {
    let busy = || Response::builder().status(503).body("").unwrap();
    Script::new().after(S).response(busy()).after(S).response(busy()).after(S).response(Response::new("done"))
}

fn client(policy: PolicyBuilder, script: &Script) -> Client {
    let builder = Endpoints::builder().fallback(policy.build().unwrap()).observer(|_: &Event<'_>| {});
    let builder = Client::builder(reqwest::Client::builder().no_proxy()).endpoints(builder.build().unwrap());
    builder.build_scripted(script).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
async fn ends(policy: PolicyBuilder, script: Script, said: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Ends {
    let sending = said(client(policy, &script).get("http://orders.internal")).send();
    let Ok(result) = tokio::time::timeout(YEARS, sending).await else {
        return Ends::Waits { sent: script.sent().len() };
    };
    let sent = script.sent().len();
    match result {
        Ok(response) => match Report::of(&response).and_then(Report::reason) {
            Some(reason) => Ends::Stopped { sent, reason },
            None => {
                assert_eq!(response.text().await.unwrap(), "done", "its body may be read as long as the call may take");
                Ends::Answered { sent }
            }
        },
        Err(error) => {
            assert!(error.is_timeout(), "{error}");
            Ends::TimedOut { sent, reason: error.report().and_then(Report::reason) }
        }
    }
}

/// As [`ends`], through the layer.
#[cfg(feature = "tower")]
#[expect(clippy::disallowed_methods, reason = "paused time")]
async fn layer_ends(policy: PolicyBuilder) -> Ends {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use tower::{Layer, ServiceExt, service_fn};

    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let service = service_fn(move |_: http::Request<()>| {
        let nth = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(S).await;
            Ok::<_, Infallible>(Response::builder().status(if nth < 2 { 503 } else { 200 }).body(()).unwrap())
        }
    });
    let endpoints = Endpoints::builder().fallback(policy.build().unwrap()).observer(|_: &Event<'_>| {});
    let layer = forbear::tower::RetryLayer::new(endpoints.build().unwrap());
    let request = http::Request::get("http://orders.internal").body(()).unwrap();
    let result = tokio::time::timeout(YEARS, layer.layer(service).oneshot(request)).await;
    let sent = sent.load(Ordering::Relaxed);
    match result {
        Err(_) => Ends::Waits { sent },
        Ok(Ok(response)) => match Report::of(&response).and_then(Report::reason) {
            Some(reason) => Ends::Stopped { sent, reason },
            None => Ends::Answered { sent },
        },
        Ok(Err(error)) => {
            assert!(error.is_timeout(), "{error}");
            Ends::TimedOut { sent, reason: error.report().and_then(Report::reason) }
        }
    }
}

/// Checks what comes of a policy through each of the doors that have their own loop.
async fn check(policy: PolicyBuilder, expected: Ends, row: &str) {
    #[cfg(feature = "tower")]
    assert_eq!(layer_ends(policy.clone()).await, expected, "{row}, through the layer");
    assert_eq!(ends(policy, script(), as_it_is).await, expected, "{row}");
}

fn as_it_is(request: RequestBuilder) -> RequestBuilder {
    request
}

/// What comes of nothing, of a nanosecond, and of what is longer than anybody waits.
fn extremes(nothing: Ends, instant: Ends, ages: Ends) -> impl Iterator<Item = (Duration, Ends)> {
    [(Duration::ZERO, nothing), (NS, instant)].into_iter().chain(AGES.map(|age| (age, ages)))
}

#[tokio::test(start_paused = true)]
async fn max_elapsed_of_nothing_is_one_attempt_and_of_ages_is_no_limit() {
    let once = Ends::Stopped { sent: 1, reason: StopReason::NoTimeLeft };
    for (max_elapsed, expected) in extremes(once, once, ANSWERED) {
        check(Policy::builder().max_elapsed(max_elapsed), expected, &format!("{max_elapsed:?}")).await;
        let of_request = ends(Policy::builder(), script(), |request| request.max_elapsed(max_elapsed)).await;
        assert_eq!(of_request, expected, "{max_elapsed:?} of the request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_nothing_is_an_error_and_of_ages_is_none() {
    for timeout in [PolicyBuilder::attempt_timeout, PolicyBuilder::timeout] {
        timeout(Policy::builder(), Duration::ZERO).build().unwrap_err();
    }
    let never_sent = Ends::TimedOut { sent: 0, reason: None };
    let cut_off = Ends::TimedOut { sent: 1, reason: Some(StopReason::NoTimeLeft) };
    let each_cut_off = Ends::TimedOut { sent: 2, reason: Some(StopReason::RuleAttempts) };
    for (timeout, of_call) in extremes(never_sent, cut_off, ANSWERED) {
        let of_request = ends(Policy::builder(), script(), |request| request.timeout(timeout)).await;
        assert_eq!(of_request, of_call, "{timeout:?} of the request");
        if timeout.is_zero() {
            continue;
        }
        check(Policy::builder().timeout(timeout), of_call, &format!("{timeout:?}")).await;
        let of_attempt = if of_call == ANSWERED { ANSWERED } else { each_cut_off };
        check(Policy::builder().attempt_timeout(timeout), of_attempt, &format!("{timeout:?} of the attempt")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_nothing_is_none_and_one_of_ages_fits_only_where_nothing_limits_it() {
    let too_long = Ends::Stopped { sent: 1, reason: StopReason::NoTimeLeft };
    for (delay, expected) in extremes(ANSWERED, ANSWERED, Ends::Waits { sent: 1 }) {
        for backoff in [Backoff::constant(delay), Backoff::doubling(delay), Backoff::doubling(Duration::MAX)] {
            let rule = Rule::new(2, backoff.with_cap(delay));
            let policy = Policy::builder().rule(Condition::Unavailable, rule);
            let limited = if expected == ANSWERED { ANSWERED } else { too_long };
            check(policy.clone(), limited, &format!("{backoff:?}")).await;
            check(policy.max_elapsed(Duration::MAX), expected, &format!("{backoff:?}, without a limit")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_ages_is_kept_or_ends_the_call() {
    let too_long = Ends::Stopped { sent: 1, reason: StopReason::HintTooLong };
    for (header, value) in [
        ("retry-after", "18446744073709551615"),
        ("retry-after", "99999999999999999999"),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("retry-after-ms", "18446744073709551615"),
    ] {
        let script = || Script::new().response(Response::builder().status(503).header(header, value).body("").unwrap());
        assert_eq!(ends(Policy::builder(), script(), as_it_is).await, too_long, "{header}: {value}");
        let unlimited = Policy::builder().max_elapsed(Duration::MAX);
        assert_eq!(ends(unlimited, script(), as_it_is).await, Ends::Waits { sent: 1 }, "{header}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_without_bounds_end_with_the_answer_or_with_the_budget() {
    for (price, expected) in [
        (0, Ends::Answered { sent: 101 }),
        (u32::MAX, Ends::Stopped { sent: 2, reason: StopReason::Budget }), // counts as all the credit that there is
    ] {
        let busy = || Response::builder().status(503).body("").unwrap();
        let script = (0..100).fold(Script::new(), |script, _| script.response(busy())).response(Response::new("done"));
        let rule = Rule::new(u32::MAX, Backoff::constant(Duration::ZERO)).with_price(price);
        let policy = Policy::builder().max_attempts(u32::MAX).rule(Condition::Unavailable, rule);
        assert_eq!(ends(policy, script, as_it_is).await, expected, "price {price}");
    }
}

/// reqwest and tokio have the same durations, and add them to the time.
#[test]
fn a_timeout_of_ages_reaches_reqwest_and_is_none_there() {
    for age in AGES {
        let answered = over_sockets(|url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for policy in
                    [Policy::builder().timeout(age), Policy::builder().attempt_timeout(age), Policy::builder()]
                {
                    let http = reqwest::Client::builder().no_proxy();
                    let client = Client::builder(http).policy(policy.build().unwrap()).build().unwrap();
                    for request in [client.get(url), client.get(url).timeout(age).max_elapsed(age)] {
                        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "done", "{age:?}");
                    }
                }
            });
        });
        assert_eq!(answered, 6);
    }
}

#[cfg(feature = "blocking")]
#[test]
fn a_timeout_of_ages_reaches_reqwests_blocking_client_and_is_none_there() {
    for age in AGES {
        let answered = over_sockets(|url| {
            for policy in [Policy::builder().timeout(age), Policy::builder().attempt_timeout(age), Policy::builder()] {
                let http = reqwest::blocking::Client::builder().no_proxy();
                let client = forbear::blocking::Client::builder(http).policy(policy.build().unwrap()).build().unwrap();
                for request in [client.get(url), client.get(url).timeout(age).max_elapsed(age)] {
                    assert_eq!(request.send().unwrap().text().unwrap(), "done", "{age:?}");
                }
            }
        });
        assert_eq!(answered, 6);
    }
}

/// Makes calls to a server on loopback, and returns how many it has answered.
fn over_sockets(calls: impl FnOnce(&str)) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let mut answered = 0;
            for connection in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let mut connection = connection.unwrap();
                let _head = connection.read(&mut [0; 4_096]).unwrap();
                connection.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ndone").unwrap();
                answered += 1;
            }
            answered
        });
        let result = catch_unwind(AssertUnwindSafe(|| calls(&url)));
        is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(listener.local_addr().unwrap()));
        let answered = serving.join().unwrap();
        result.unwrap_or_else(|panic| resume_unwind(panic));
        answered
    })
}
