//! The smallest races about an incident, played in every order that the memory model permits, stale reads included.
#![cfg(test)]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use loom::sync::{self, Arc};
use loom::thread;

use super::Stage;
use super::pulse::Pulse;
use crate::diagnosis::Diagnosis;
use crate::incident::{Incident, Lines};
use crate::now::Now;
use crate::outcome::Outcome;
use crate::policy::StopReason;

/// The same source, over the lock and the atomic that it finds here.
#[expect(clippy::duplicate_mod, reason = "what threads share is to be run over loom's locks, too")]
#[path = "incidents.rs"]
mod incidents;

use incidents::Incidents;

#[test]
fn of_failures_that_race_one_opens_it() {
    for before in [8, 9] {
        race(before, [(fails, 0), (fails, 0)], |said, incidents| {
            assert_eq!((opened(said), closed(said)), (1, 0));
            assert_eq!(said[0].failures(), 10, "the tenth opens it, whosever it is");
            assert!(incidents.open_for(at(0)).is_some());
        });
    }
}

#[test]
fn of_successes_that_race_one_closes_it() {
    race(10, [(succeeds, 60_000), (is_saved, 60_000)], |said, incidents| {
        assert_eq!((opened(said), closed(said)), (1, 1));
        assert_eq!(incidents.pulse(), Pulse::WELL);
    });
}

#[test]
fn what_comes_while_it_closes_finds_it_open_or_closed_and_belongs_to_one_of_them() {
    const PAIRS: [(Plays, Plays); 3] = [(succeeds, fails), (is_saved, fails), (succeeds, is_lost)];
    for (one, other) in PAIRS {
        for ms in [59_999, 60_000] {
            race(10, [(one, 60_000), (other, ms)], |said, incidents| {
                let is_open = incidents.open_for(at(60_000)).is_some();
                assert_eq!((opened(said), closed(said)), (1, usize::from(!is_open)));
                let mut ends = said.iter().filter(|it| it.stage() == Stage::Closed);
                assert!(ends.all(|it| it.quiet() >= Duration::from_secs(10)), "what fails holds it open");
                let later = (0..20).find_map(|_| fails(incidents, at(60_000))).map(|it| (it.stage(), it.failures()));
                let ends = succeeds(incidents, at(200_000)).map(|it| it.stage());
                if !is_open {
                    assert_eq!(later, Some((Stage::Opened, 10)), "whatever failed meanwhile is one of the next ten");
                }
                assert_eq!(ends, Some(Stage::Closed));
            });
        }
    }
}

#[test]
fn no_failure_no_success_and_no_count_is_lost() {
    race(2, [(fails, 0), (succeeds, 0)], |_, incidents| assert_eq!(incidents.pulse().score, 29));
    race(2, [(is_saved, 0), (is_lost, 0)], |_, incidents| {
        assert_eq!(incidents.pulse().score, 19);
        let opened = (0..10).find_map(|_| fails(incidents, at(0))).unwrap();
        assert_eq!((opened.failures(), opened.saved(), opened.lost()), (11, 1, 1));
    });
}

/// What is told to it, at a time.
type Plays = fn(&Incidents, Now) -> Option<Incident>;

fn fails(incidents: &Incidents, now: Now) -> Option<Incident> {
    incidents.on_failure(&BAD_GATEWAY, None, now)
}

fn succeeds(incidents: &Incidents, now: Now) -> Option<Incident> {
    incidents.on_success(false, now)
}

fn is_saved(incidents: &Incidents, now: Now) -> Option<Incident> {
    incidents.on_success(true, now)
}

fn is_lost(incidents: &Incidents, _: Now) -> Option<Incident> {
    incidents.on_lost(StopReason::NoTimeLeft);
    None
}

/// Lets so many fail, then one and the other in threads of their own, and checks what all of them said.
fn race(before: usize, both: [(Plays, u64); 2], check: fn(&[Incident], &Incidents)) {
    LazyLock::force(&BAD_GATEWAY);
    loom::model(move || {
        let incidents = Arc::new(Incidents::new(std::sync::Arc::new(Lines::of(0, 0))));
        let mut said: Vec<Incident> = (0..before).filter_map(|_| fails(&incidents, at(0))).collect();
        let threads = both.map(|(plays, ms)| {
            let incidents = Arc::clone(&incidents);
            thread::spawn(move || plays(&incidents, at(ms)))
        });
        said.extend(threads.into_iter().filter_map(|thread| thread.join().unwrap()));
        check(&said, &incidents);
    });
}

fn opened(said: &[Incident]) -> usize {
    said.iter().filter(|it| it.stage() == Stage::Opened).count()
}

fn closed(said: &[Incident]) -> usize {
    said.iter().filter(|it| it.stage() == Stage::Closed).count()
}

fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}

static BAD_GATEWAY: LazyLock<Diagnosis> = LazyLock::new(|| {
    let headers = HeaderMap::new();
    Diagnosis::of(&Outcome::response(StatusCode::BAD_GATEWAY, &headers, SystemTime::UNIX_EPOCH))
});
