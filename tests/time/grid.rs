//! The engine, with every duration at its extremes at once.

use std::time::{Duration, SystemTime};

use forbear::{Backoff, Condition, Decision, Endpoints, Event, Now, Outcome, Policy, Rule, StopReason};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

const S: Duration = Duration::from_secs(1);
const TIMES: [Duration; 6] =
    [Duration::ZERO, Duration::from_nanos(1), S, Duration::from_secs(60), Duration::from_secs(u64::MAX), Duration::MAX];
const STARTS: [Duration; 3] = [Duration::ZERO, S, Duration::MAX];
const HINTS: [(&str, Duration); 5] = [
    ("0", Duration::ZERO),
    ("0.0000000001", Duration::from_millis(1)),
    ("60", Duration::from_secs(60)),
    ("18446744073709551615", Duration::from_secs(u64::MAX)),
    ("99999999999999999999", Duration::MAX),
];

#[test]
fn no_extreme_of_any_duration_panics_wraps_or_makes_a_wait_shorter_than_it_may_be() {
    let (mut retries, mut too_long, mut too_late) = (0, 0, 0);
    for (max_elapsed, timeout, base, cap) in four_times() {
        let backoff = Backoff::doubling(base).with_cap(cap);
        let endpoints = endpoints(max_elapsed, timeout, backoff);
        for (text, hint) in HINTS {
            for (started, took) in STARTS.into_iter().flat_map(|started| TIMES.map(|took| (started, took))) {
                let row = || format!("{max_elapsed:?} {timeout:?} {backoff:?} {hint:?}, {took:?} from {started:?} on");
                let at = |elapsed| Now::from_origin(started.saturating_add(elapsed));
                let mut call = endpoints.call(&Method::GET, &URI).replayable(true).start(at(Duration::ZERO), 7);
                let attempt = call.begin(at(Duration::ZERO)).unwrap();
                assert_eq!((attempt.timeout(), attempt.time_left()), (timeout, timeout), "{}", row());

                let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
                let busy = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, SystemTime::UNIX_EPOCH);
                let decision = call.on_outcome(&busy, at(took));

                let elapsed = at(took).saturating_since(at(Duration::ZERO)); // no time is beyond the last
                let of_the_call = timeout.map_or(Duration::MAX, |timeout| timeout - Duration::from_nanos(1));
                let left = max_elapsed.saturating_sub(elapsed).min(of_the_call.saturating_sub(elapsed));
                let floor = hint.max(base.min(cap) / 2);
                match decision {
                    Decision::Retry(retry) => {
                        assert!((floor..=left).contains(&retry.wait()), "{}: {retry:?}", row());
                        call.begin(at(took.saturating_add(retry.wait()))).unwrap_or_else(|_| panic!("{}", row()));
                        retries += 1;
                    }
                    Decision::Done(done) if done.reason() == Some(StopReason::HintTooLong) => {
                        assert!(hint > left, "{}", row());
                        too_long += 1;
                    }
                    Decision::Done(done) => {
                        assert_eq!(done.reason(), Some(StopReason::NoTimeLeft), "{}", row());
                        assert!(hint <= left && (floor > left || left.is_zero()), "{}", row());
                        too_late += 1;
                    }
                }
                let report = call.into_report().unwrap();
                assert_eq!(report.retry_at(), SystemTime::UNIX_EPOCH.checked_add(hint), "{}", row());
                assert!(report.to_string().contains("attempt 1 at "), "{}", row());
            }
        }
    }
    assert!(retries > 10_000 && too_long > 10_000 && too_late > 10_000, "{retries}, {too_long}, {too_late}");
}

/// All that a policy can be built of.
fn four_times() -> impl Iterator<Item = (Duration, Option<Duration>, Duration, Duration)> {
    let timeouts = || [None].into_iter().chain(TIMES.into_iter().filter(|time| !time.is_zero()).map(Some));
    TIMES.into_iter().flat_map(move |max_elapsed| {
        timeouts().flat_map(move |timeout| {
            TIMES.into_iter().flat_map(move |base| TIMES.map(|cap| (max_elapsed, timeout, base, cap)))
        })
    })
}

fn endpoints(max_elapsed: Duration, timeout: Option<Duration>, backoff: Backoff) -> Endpoints {
    let rule = Rule::new(u32::MAX, backoff).with_price(0);
    let policy = Policy::builder().max_attempts(u32::MAX).max_elapsed(max_elapsed).rule(Condition::Unavailable, rule);
    let policy = if let Some(timeout) = timeout { policy.timeout(timeout) } else { policy };
    Endpoints::builder().fallback(policy.build().unwrap()).observer(|_: &Event<'_>| {}).build().unwrap()
}

static URI: std::sync::LazyLock<Uri> = std::sync::LazyLock::new(|| Uri::from_static("http://orders.internal"));
