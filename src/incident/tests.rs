//! Stories on made-up time: what opens an incident, what holds it open, what is said of it.
#![cfg(test)]

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, LazyLock};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use http::{HeaderMap, StatusCode};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::Config;
use proptest::{prop_assert_eq, proptest};

use super::incidents::Run;
use super::pulse::Pulse;
use super::*;
use crate::diagnosis::{Condition, Diagnosis, Issuer, LookAt};
use crate::now::Now;
use crate::outcome::{Failure, Outcome};
use crate::policy::StopReason;

#[test]
fn it_opens_at_a_score_of_three_that_took_a_second_and_a_half_or_else_of_ten() {
    let table: [(&[u64], usize, Option<u64>); 9] = [
        (&[0, 500, 1_500], 0, Some(3)),
        (&[0, 500, 1_499], 0, None),
        (&[0, 500, 1_499, 1_500], 0, Some(4)),
        (&[0; 9], 0, None),
        (&[0; 10], 0, Some(10)),
        (&[5_000, 4_000, 3_000, 2_000], 0, None),
        (&[0, 1_000, 2_000, 3_000], 1, Some(4)),
        (&[0, 1_000, 2_000, 3_000], 3, Some(4)),
        (&[0, 1_000, 2_000, 3_000], 4, None),
    ];
    for (failures, successes_between, opened_at) in table {
        let incidents = incidents();
        let mut opened = None;
        for (number, at) in (1..).zip(failures) {
            if let Some(incident) = fail(&incidents, *at) {
                assert_eq!((incident.stage(), opened.replace(number)), (Stage::Opened, None), "{failures:?}");
                assert_eq!(incident.failures(), number, "{failures:?}");
            }
            (0..successes_between).for_each(|_| assert!(succeed(&incidents, *at).is_none()));
        }
        assert_eq!(opened, opened_at, "{failures:?} with {successes_between} successes between");
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn one_failure_in_a_hundred_is_no_incident_however_it_falls() {
    for rate in RATES {
        let span = ZERO..(2 * HOUR).min(2_000_000 * S / rate);
        let mut dice = Rng::with_seed(1);
        assert_eq!(stages(&traffic(&incidents(), span.clone(), rate, |_| dice.u8(..100) == 0)), [], "{rate}/s");
        let mut turn = 0;
        let every_hundredth = |_| {
            turn += 1;
            turn % 100 == 0
        };
        assert_eq!(stages(&traffic(&incidents(), span, rate, every_hundredth)), [], "{rate}/s, in turn");
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn a_backend_of_four_that_fails_is_one_incident() {
    for rate in RATES {
        let mut dice = Rng::with_seed(4);
        let span = ZERO..(2 * HOUR).min(500_000 * S / rate);
        let said = stages(&traffic(&incidents(), span, rate, |_| dice.u8(..4) == 0));
        assert_eq!(said.first(), Some(&Stage::Opened), "{rate}/s");
        assert!(said[1..].iter().all(|stage| *stage == Stage::Continues), "{rate}/s: {said:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn flapping_is_one_incident() {
    for (rate, failing, period) in [(1, 5, 10), (2, 3, 12), (10, 1, 10), (100, 1, 5), (1_000, 1, 10)] {
        let incidents = incidents();
        let mut said = traffic(&incidents, ZERO..600 * S, rate, |at| at.as_secs() % period < failing);
        said.extend(traffic(&incidents, 600 * S..720 * S, rate, |_| false));
        let expected = [&[Stage::Opened][..], &[Stage::Continues; 4], &[Stage::Closed]].concat();
        assert_eq!(stages(&said), expected, "{failing} s of {period} s at {rate}/s");
    }
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn ten_minutes_of_a_thousand_failing_calls_a_second_are_six_lines() {
    let incidents = incidents();
    let mut said = traffic(&incidents, ZERO..600 * S, 1_000, |_| true);
    said.extend(traffic(&incidents, 600 * S..700 * S, 1_000, |_| false));
    let told = |it: &Incident| (it.stage(), it.failing().as_millis(), it.quiet().as_millis(), it.lost());
    let expected = [
        (Stage::Opened, 9, 0, 10),
        (Stage::Continues, 30_009, 0, 30_010),
        (Stage::Continues, 90_009, 0, 90_010),
        (Stage::Continues, 210_009, 0, 210_010),
        (Stage::Continues, 450_009, 0, 450_010),
        (Stage::Closed, 599_999, 10_000, 600_000),
    ];
    assert_eq!(said.iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn it_continues_at_doubling_intervals_up_to_ten_minutes() {
    let said = traffic(&incidents(), ZERO..2 * HOUR, 1, |_| true);
    let seconds: Vec<_> = said.iter().map(|incident| incident.failing().as_secs()).collect();
    assert_eq!(
        seconds,
        [2, 32, 92, 212, 452, 932, 1_532, 2_132, 2_732, 3_332, 3_932, 4_532, 5_132, 5_732, 6_332, 6_932]
    );
}

#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn a_busy_endpoint_is_well_again_although_one_in_a_hundred_still_fails() {
    for rate in [100, 1_000, 10_000] {
        let incidents = incidents();
        traffic(&incidents, ZERO..20 * S, rate, |_| true);
        let mut dice = Rng::with_seed(1);
        let said = traffic(&incidents, 20 * S..80 * S, rate, |_| dice.u8(..100) == 0);
        assert_eq!(stages(&said), [Stage::Closed], "{rate}/s");
        assert!((10..15).contains(&said[0].quiet().as_secs()), "{rate}/s: {said:?}");
        assert!(said[0].failures() > u64::from(20 * rate), "{rate}/s: stray failures are counted");
    }
}

#[test]
fn it_closes_at_a_success_after_ten_quiet_seconds_that_a_hundred_calls_filled_or_after_sixty() {
    let table = [(100, 9_999, false), (100, 10_000, true), (99, 10_000, false), (1, 59_999, false), (1, 60_000, true)];
    for (successes, quiet, closes) in table {
        let incidents = open();
        (1..successes).for_each(|_| assert!(succeed(&incidents, 1).is_none()));
        let said = succeed(&incidents, quiet).as_ref().map(Incident::stage);
        assert_eq!(said, closes.then_some(Stage::Closed), "{successes} successes, {quiet} ms");
        assert_eq!(incidents.open_for(at(quiet)).is_none(), closes);
    }
}

#[test]
fn what_holds_it_open_is_a_failure_that_leaves_the_score_at_three() {
    for (successes, closes_at) in [(80, 15_000), (81, 10_000)] {
        let incidents = open();
        (0..successes).for_each(|_| assert!(succeed(&incidents, 0).is_none()));
        assert!(fail(&incidents, 5_000).is_none());
        (0..100).for_each(|_| assert!(succeed(&incidents, 9_000).is_none()));
        assert!(succeed(&incidents, closes_at - 1).is_none(), "{successes} successes");
        let closed = succeed(&incidents, closes_at).unwrap();
        assert_eq!((closed.quiet(), closed.failures()), (10 * S, 11), "{successes} successes");
    }
}

#[test]
fn without_traffic_it_stays_open_until_something_comes() {
    let day = 24 * 3_600_000;
    let incidents = open();
    assert_eq!(incidents.open_for(at(day)), Some(24 * HOUR));
    let closed = succeed(&incidents, day).unwrap();
    assert_eq!((closed.stage(), closed.failing(), closed.quiet()), (Stage::Closed, ZERO, 24 * HOUR));

    let incidents = open();
    let closed = fail(&incidents, day).unwrap();
    assert_eq!((closed.stage(), closed.quiet(), closed.failures()), (Stage::Closed, 24 * HOUR, 10));
    assert_eq!(incidents.open_for(at(day)), None, "one failure is no incident");
    assert!(fail(&incidents, day + 1_000).is_none());
    let opened = fail(&incidents, day + 2_000).unwrap();
    assert_eq!((opened.stage(), opened.failing(), opened.failures()), (Stage::Opened, 2 * S, 3), "it counts anew");
}

#[test]
fn what_is_called_once_in_a_while_and_always_fails_has_one_incident() {
    for (every, expected) in [(15, 16), (120, 15), (600, 10)] {
        let incidents = incidents();
        let calls = (0..2 * 3_600).step_by(every).map(|second| u64::try_from(second * 1_000).unwrap());
        let said = stages(&calls.filter_map(|call| fail(&incidents, call)).collect::<Vec<_>>());
        assert_eq!(said.len(), expected, "every {every} s");
        assert_eq!(said[0], Stage::Opened, "every {every} s");
        assert!(said[1..].iter().all(|stage| *stage == Stage::Continues), "every {every} s: {said:?}");
    }
}

#[test]
fn it_says_what_failed_by_whom_and_what_became_of_the_calls() {
    let incidents = incidents();
    let timeout = Diagnosis::of(&Outcome::failure(Failure::Timeout));
    incidents.on_lost(StopReason::NoTimeLeft);
    assert!(incidents.on_success(true, at(0)).is_none());
    assert!(incidents.on_failure(&timeout, None, at(0)).is_none());
    incidents.on_lost(StopReason::NoTimeLeft);
    assert!(incidents.on_failure(&BAD_GATEWAY, None, at(500)).is_none());
    assert!(incidents.on_success(true, at(500)).is_none());
    (0..2).for_each(|_| _ = incidents.on_failure(&BAD_GATEWAY, Some(StopReason::Budget), at(900)));
    let opened = incidents.on_failure(&BAD_GATEWAY, Some(StopReason::Attempts), at(1_600)).unwrap();
    assert_eq!((opened.failures(), opened.retries(), opened.lost(), opened.saved()), (5, 2, 4, 1));
    let lost_why = [(StopReason::Budget, 2), (StopReason::NoTimeLeft, 1), (StopReason::Attempts, 1)];
    assert_eq!(opened.lost_why(), lost_why);
    assert_eq!(opened.conditions(), [(Condition::BadGateway, 4), (Condition::Timeout, 1)]);
    assert_eq!(opened.issuers(), [(Issuer::Unknown, 5)]);
    assert_eq!(opened.look_at(), LookAt::Infrastructure);
    assert_eq!(opened.advice(), BAD_GATEWAY.advice().unwrap());
    assert_eq!((opened.failing(), opened.left_out()), (Duration::from_millis(1_600), 0));
    incidents.on_lost(StopReason::NoTimeLeft);
    let closed = incidents.on_success(true, at(100_000)).unwrap();
    assert_eq!((closed.lost(), closed.saved()), (5, 2), "the one that closes it is counted");
    incidents.on_lost(StopReason::NoTimeLeft);
    assert!(incidents.on_success(true, at(100_000)).is_none());
}

#[test]
fn what_has_no_condition_is_no_failure() {
    let (incidents, headers) = (incidents(), HeaderMap::new());
    let answer = Outcome::response(StatusCode::NOT_FOUND, &headers, SystemTime::UNIX_EPOCH);
    for outcome in [answer, Outcome::failure(Failure::Caller)] {
        (0..20).for_each(|_| assert!(incidents.on_failure(&Diagnosis::of(&outcome), None, at(0)).is_none()));
    }
    assert!(incidents.lock().is_none());
}

#[test]
fn time_that_stands_still_or_goes_backwards_is_no_time() {
    let incidents = incidents();
    let opened = (50_000..50_010).rev().find_map(|ms| fail(&incidents, ms)).unwrap();
    assert_eq!((opened.failing(), opened.quiet()), (ZERO, ZERO));
    for ms in [50_000, 0, 49_000] {
        assert!(fail(&incidents, ms).is_none() && succeed(&incidents, ms).is_none(), "at {ms} ms");
        assert_eq!(incidents.open_for(at(ms)), Some(ZERO));
    }
    let closed = succeed(&incidents, u64::MAX).unwrap();
    assert_eq!((closed.stage(), closed.failing(), closed.failures()), (Stage::Closed, ZERO, 13));
    assert!((0..10).find_map(|_| fail(&incidents, u64::MAX)).is_some());
    assert!(fail(&incidents, 0).is_none() && succeed(&incidents, 0).is_none());
    assert!(incidents.on_success(true, Now::from_origin(Duration::MAX)).is_none());
}

#[test]
fn a_success_takes_no_lock_and_writes_nothing_while_all_is_well() {
    let well = incidents();
    let failing = open();
    for incidents in [&well, &failing] {
        let _lock = incidents.lock();
        assert!(succeed(incidents, 1).is_none(), "a lock would wait for ever");
    }
    let lock = well.lock();
    assert!(well.on_success(true, at(1)).is_none(), "a lock would wait for ever");
    drop(lock);
    assert_eq!(well.pulse.into_inner(), 0);
    assert!(well.run.into_inner().unwrap().is_none());
}

#[test]
fn a_host_that_never_failed_takes_little_memory_and_one_that_does_a_kilobyte() {
    assert!(size_of::<Incidents>() <= 48, "{}", size_of::<Incidents>());
    assert!(size_of::<Run>() <= 1_024, "{}", size_of::<Run>());
}

#[test]
fn a_panic_under_the_lock_is_survived() {
    let incidents = open();
    std::thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let _lock = incidents.lock();
            panic!("on purpose");
        });
        assert!(panics.join().is_err());
    });
    assert_eq!(incidents.open_for(at(5_000)), Some(5 * S));
    assert!(fail(&incidents, 40_000).is_some_and(|it| it.stage() == Stage::Continues && it.failures() == 11));
    assert!(succeed(&incidents, 100_000).is_some_and(|it| it.stage() == Stage::Closed));
}

/// A thousand hosts fail together for ten minutes, each once a second.
#[test]
#[cfg_attr(miri, ignore = "hours of traffic")]
fn lines_are_capped_over_all_hosts_and_what_is_left_out_is_told() {
    let lines = Arc::new(Lines::default());
    let hosts: Vec<_> = (0..1_000).map(|_| Incidents::new(Arc::clone(&lines))).collect();
    let (mut said, mut left_out) = (vec![Vec::new(); hosts.len()], Vec::new());
    for second in 0..1_200 {
        for (host, said) in hosts.iter().zip(&mut said) {
            let told = if second < 600 { fail(host, second * 1_000) } else { succeed(host, second * 1_000) };
            left_out.extend(told.iter().map(Incident::left_out).filter(|left_out| *left_out > 0));
            said.extend(told.map(|it| it.stage()));
        }
    }
    assert!(hosts.iter().all(|host| host.open_for(at(0)).is_none()));
    let total: usize = said.iter().map(Vec::len).sum();
    assert!((110..=120).contains(&total), "{total} lines: twenty and one for every six seconds of failure");
    assert_eq!(left_out, [989], "ten were said at once, and the next line is of one of the other 990");
    for said in said.iter().filter(|said| !said.is_empty()) {
        let (first, last) = (said.first(), said.last());
        assert_eq!((first, last), (Some(&Stage::Opened), Some(&Stage::Closed)), "{said:?}");
        assert!(said[1..said.len() - 1].iter().all(|stage| *stage == Stage::Continues), "{said:?}");
    }
}

#[test]
fn what_is_left_out_is_said_when_there_is_a_line_and_not_at_all_when_it_is_over_before() {
    let lines = Arc::new(Lines::of(2, 6_000));
    let [said, late, never] = [(); 3].map(|()| Incidents::new(Arc::clone(&lines)));
    let open = |host: &Incidents, ms| (0..10).find_map(|_| fail(host, ms));
    assert_eq!(open(&said, 0).unwrap().left_out(), 0);
    assert!(open(&late, 0).is_none() && open(&never, 0).is_none());
    assert!(late.open_for(at(0)).is_some() && never.open_for(at(0)).is_some());
    assert!(succeed(&never, 100_000).is_none(), "its beginning was not said");
    assert!(never.open_for(at(100_000)).is_none());
    let opened = fail(&late, 100_000).unwrap();
    assert_eq!((opened.stage(), opened.failing(), opened.left_out()), (Stage::Opened, 100 * S, 1), "but for itself");
    let closed = succeed(&said, 100_000).unwrap();
    assert_eq!((closed.stage(), closed.left_out()), (Stage::Closed, 0), "its end was paid for");
}

#[test]
fn each_beginning_and_each_end_is_said_once_and_counts_are_exact_under_any_number_of_threads() {
    const THREADS: u64 = if cfg!(miri) { 4 } else { 8 };
    const INCIDENTS: u64 = if cfg!(miri) { 2 } else { 40 };
    const STEPS: u64 = if cfg!(miri) { 40 } else { 200 };
    let incidents = incidents();
    let turn = Barrier::new(usize::try_from(THREADS).unwrap());
    let tell = |thread: u64| {
        let mut said = Vec::new();
        for incident in 0..INCIDENTS {
            turn.wait();
            let start = incident * 1_000_000;
            for step in 0..STEPS {
                let now = at(start + step);
                said.extend(match (thread + step) % 4 {
                    _ if step == 0 => incidents.on_failure(&BAD_GATEWAY, None, now),
                    0 => incidents.on_failure(&BAD_GATEWAY, Some(StopReason::Budget), now),
                    1 => incidents.on_failure(&BAD_GATEWAY, None, now),
                    2 => incidents.on_success(true, now),
                    _ => {
                        incidents.on_lost(StopReason::NoTimeLeft);
                        None
                    }
                });
            }
            turn.wait();
            said.extend((0..STEPS).filter_map(|_| incidents.on_success(false, at(start + 500_000))));
        }
        said
    };
    let told: Vec<Incident> = std::thread::scope(|scope| {
        let tell = &tell;
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || tell(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let began = |stage| told.iter().filter(move |it| it.stage() == stage).map(|it| it.began / 1_000_000);
    let expected: BTreeSet<_> = (0..INCIDENTS).collect();
    for stage in [Stage::Opened, Stage::Closed] {
        assert_eq!(began(stage).count(), expected.len(), "{stage:?}");
        assert_eq!(began(stage).collect::<BTreeSet<_>>(), expected, "{stage:?}");
    }
    // Of four threads in a row each kind of step is told once, but for the first ones, which are failures.
    let each = THREADS * STEPS / 4;
    for closed in told.iter().filter(|it| it.stage() == Stage::Closed) {
        let first = THREADS / 4;
        assert_eq!((closed.failures(), closed.retries()), (2 * each + 2 * first, each + 3 * first));
        assert_eq!((closed.lost(), closed.saved()), (2 * each - 2 * first, each - first));
    }
}

/// Ten successes make up for one failure, so the score of eight threads stays between 0 and 8, where each of them counts.
#[test]
fn no_success_is_lost_among_any_number_of_threads() {
    let incidents = incidents();
    let tell = || {
        for _ in 0..if cfg!(miri) { 10 } else { 3_000 } {
            assert!(fail(&incidents, 0).is_none());
            (0..10).for_each(|_| assert!(succeed(&incidents, 0).is_none()));
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| _ = scope.spawn(tell)));
    assert_eq!(incidents.pulse(), Pulse::WELL);
}

/// Threads that disagree about the time, so that failures race with what closes.
#[test]
fn beginnings_and_ends_come_in_pairs_however_they_race() {
    const STEPS: u32 = if cfg!(miri) { 100 } else { 20_000 };
    let incidents = incidents();
    let clock = AtomicU64::new(0);
    let tell = |seed| {
        let mut dice = Rng::with_seed(seed);
        let (mut opened, mut closed) = (0, 0);
        for _ in 0..STEPS {
            let jump = if dice.u8(..50) == 0 { 61_000 } else { 1 };
            let now = clock.fetch_add(jump, Ordering::Relaxed);
            let said = if dice.u8(..3) == 0 { fail(&incidents, now) } else { succeed(&incidents, now) };
            match said.map(|it| it.stage()) {
                Some(Stage::Opened) => opened += 1,
                Some(Stage::Closed) => closed += 1,
                Some(Stage::Continues) | None => {}
            }
        }
        (opened, closed)
    };
    let (opened, closed) = std::thread::scope(|scope| {
        let tell = &tell;
        let threads: Vec<_> = (0..8).map(|seed| scope.spawn(move || tell(seed))).collect();
        let told = threads.into_iter().map(|thread| thread.join().unwrap());
        told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
    });
    assert!(closed > STEPS / 200, "{closed} closed");
    assert_eq!(opened - closed, u32::from(incidents.open_for(at(0)).is_some()), "{opened} opened, {closed} closed");
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "thousands of steps")]
    fn a_line_counts_exactly_what_was_told_since_its_first_failure(steps in vec((told(), pause()), 0..200)) {
        let incidents = incidents();
        let (mut story, mut now, mut last) = (Vec::new(), 0, Stage::Closed);
        for (told, pause) in steps {
            now += pause;
            let said = match told {
                Told::Failure(stopped) => incidents.on_failure(&BAD_GATEWAY, stopped, at(now)),
                Told::Lost => {
                    incidents.on_lost(StopReason::NoTimeLeft);
                    None
                }
                Told::Success { saved } => incidents.on_success(saved, at(now)),
            };
            // A failure that ends a stale incident belongs to the next.
            let is_next = matches!(told, Told::Failure(_)) && said.as_ref().is_some_and(|it| it.stage() == Stage::Closed);
            if !is_next {
                story.push((now, told));
            }
            if let Some(said) = said {
                let is_first = said.stage() == Stage::Opened;
                prop_assert_eq!(is_first, last == Stage::Closed, "{:?} after {:?}", said.stage(), last);
                last = said.stage();
                let began = now - u64::try_from((said.quiet() + said.failing()).as_millis()).unwrap();
                let since = |of: fn(&Told) -> bool| {
                    let counted = story.iter().filter(|(at, told)| *at >= began && of(told)).count();
                    u64::try_from(counted).unwrap()
                };
                prop_assert_eq!(said.failures(), since(|it| matches!(it, Told::Failure(_))));
                prop_assert_eq!(said.retries(), since(|it| matches!(it, Told::Failure(None))));
                prop_assert_eq!(said.lost(), since(|it| matches!(it, Told::Failure(Some(_)) | Told::Lost)));
                prop_assert_eq!(said.saved(), since(|it| matches!(it, Told::Success { saved: true })));
            }
            if is_next {
                story.push((now, told));
            }
            prop_assert_eq!(incidents.open_for(at(now)).is_some(), last != Stage::Closed);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Failure(Option<StopReason>),
    Lost,
    Success { saved: bool },
}

fn told() -> impl Strategy<Value = Told> {
    let reason = prop_oneof![Just(None), Just(Some(StopReason::Budget))];
    prop_oneof![
        4 => reason.prop_map(Told::Failure),
        1 => Just(Told::Lost),
        3 => Just(Told::Success { saved: false }),
        1 => Just(Told::Success { saved: true }),
    ]
}

/// Never zero, so that a time tells which failure was the first.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1..400_u64, 1 => 9_000..70_000_u64, 1 => 590_000..610_000_u64]
}

const ZERO: Duration = Duration::ZERO;
const S: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
/// Calls per second.
const RATES: [u32; 5] = [1, 10, 100, 1_000, 10_000];

fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}

/// With as many lines as it likes.
fn incidents() -> Incidents {
    Incidents::new(Arc::new(Lines::of(0, 0)))
}

/// With one that opened at zero, by ten failures.
fn open() -> Incidents {
    let incidents = incidents();
    assert!((0..10).find_map(|_| fail(&incidents, 0)).is_some());
    incidents
}

static BAD_GATEWAY: LazyLock<Diagnosis> = LazyLock::new(|| {
    let headers = HeaderMap::new();
    Diagnosis::of(&Outcome::response(StatusCode::BAD_GATEWAY, &headers, SystemTime::UNIX_EPOCH))
});

fn fail(incidents: &Incidents, ms: u64) -> Option<Incident> {
    incidents.on_failure(&BAD_GATEWAY, Some(StopReason::Budget), at(ms))
}

fn succeed(incidents: &Incidents, ms: u64) -> Option<Incident> {
    incidents.on_success(false, at(ms))
}

fn stages(said: &[Incident]) -> Vec<Stage> {
    said.iter().map(Incident::stage).collect()
}

/// Makes so many calls per second, each of one attempt, and returns what is said.
fn traffic(
    incidents: &Incidents,
    span: Range<Duration>,
    per_second: u32,
    mut fails: impl FnMut(Duration) -> bool,
) -> Vec<Incident> {
    let calls = (0..).map(|number| span.start + S / per_second * number).take_while(|at| *at < span.end);
    let tell = |at| {
        let now = Now::from_origin(at);
        if fails(at) {
            incidents.on_failure(&BAD_GATEWAY, Some(StopReason::Budget), now)
        } else {
            incidents.on_success(false, now)
        }
    };
    calls.filter_map(tell).collect()
}
