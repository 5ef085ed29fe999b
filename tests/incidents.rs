//! What incidents tell, as stories on made-up time.
#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use forbear::{
    Condition, Decision, Endpoints, Event, EventKind, Failure, Incident, LookAt, Mode, Now, Outcome, Policy, StopReason,
};
use http::{HeaderMap, Method, StatusCode, Uri};

/// Endpoints, and what they said: each event, and each incident as it was.
struct Story {
    endpoints: Endpoints,
    said: Arc<Mutex<Vec<Said>>>,
}

type Said = (EventKind, Option<Incident>);

impl Story {
    fn of(policy: Policy) -> Self {
        let said: Arc<Mutex<Vec<Said>>> = Arc::default();
        let listener = Arc::clone(&said);
        let observer =
            move |event: &Event<'_>| listener.lock().unwrap().push((event.kind(), event.incident().cloned()));
        Self { endpoints: Endpoints::builder().fallback(policy).observer(observer).build().unwrap(), said }
    }

    /// One call that is answered at once, each time it asks, by the next status; 0 stands for no answer.
    fn call(&self, method: &Method, host: &str, ms: u64, statuses: &[u16]) {
        let uri: Uri = format!("http://{host}/v1/orders/7").parse().unwrap();
        let headers = HeaderMap::new();
        let mut now = Now::from_origin(Duration::from_millis(ms));
        let mut call = self.endpoints.call(method, &uri).replayable(true).start(now, 7);
        for &status in statuses {
            call.begin(now).unwrap();
            let outcome = match StatusCode::from_u16(status) {
                Ok(status) => Outcome::response(status, &headers, SystemTime::UNIX_EPOCH),
                Err(_) => Outcome::failure(Failure::Timeout),
            };
            match call.on_outcome(&outcome, now) {
                Decision::Retry(retry) => now = Now::from_origin(now.since_origin() + retry.wait()),
                Decision::Done(_) => return,
            }
        }
    }

    fn get(&self, ms: u64, statuses: &[u16]) {
        self.call(&Method::GET, "orders.internal", ms, statuses);
    }

    fn kinds(&self) -> Vec<EventKind> {
        self.said.lock().unwrap().iter().map(|(kind, _)| *kind).collect()
    }

    fn incidents(&self) -> Vec<(EventKind, Incident)> {
        let said = self.said.lock().unwrap();
        said.iter().filter_map(|(kind, incident)| Some((*kind, incident.clone()?))).collect()
    }
}

fn once() -> Policy {
    Policy::builder().max_attempts(1).build().unwrap()
}

#[test]
fn an_outage_of_forty_seconds_is_three_lines() {
    let story = Story::of(once());
    for ms in 0..40_000 {
        story.get(ms, &[502]);
    }
    for ms in 40_000..60_000 {
        story.get(ms, &[200]);
    }
    let incidents = story.incidents();
    let kinds: Vec<EventKind> = incidents.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [EventKind::IncidentOpened, EventKind::IncidentContinues, EventKind::IncidentClosed]);
    let (_, closed) = &incidents[2];
    assert_eq!((closed.failing().as_millis(), closed.quiet().as_millis()), (39_999, 10_000));
    assert_eq!((closed.lost(), closed.saved(), closed.retries()), (40_000, 0, 0));
    assert_eq!(closed.lost_why(), [(StopReason::Attempts, 40_000)]);
    assert_eq!(closed.conditions(), [(Condition::BadGateway, 40_000)]);
    assert_eq!(closed.look_at(), LookAt::Infrastructure);
}

#[test]
fn an_incident_is_said_after_the_event_that_showed_it() {
    let story = Story::of(Policy::default());
    story.get(0, &[503, 503, 503]);
    assert_eq!(story.kinds(), [EventKind::Retry, EventKind::Retry, EventKind::Stop, EventKind::IncidentOpened]);
    story.get(10_000, &[503, 200]);
    for ms in 0..40 {
        story.get(70_000 + ms, &[200]);
    }
    let last = &story.kinds()[4..];
    assert_eq!(last, [EventKind::Retry, EventKind::Recovered, EventKind::IncidentClosed]);
    let (_, closed) = story.incidents().pop().unwrap();
    assert_eq!((closed.lost(), closed.saved(), closed.retries(), closed.failures()), (1, 1, 3, 4));
}

#[test]
fn a_retry_that_could_not_start_is_a_call_that_was_lost() {
    let story = Story::of(Policy::default());
    let uri = Uri::from_static("http://orders.internal");
    let at = |seconds| Now::from_origin(Duration::from_secs(seconds));
    let mut call = story.endpoints.call(&Method::GET, &uri).replayable(true).start(at(0), 7);
    call.begin(at(0)).unwrap();
    assert!(matches!(call.on_outcome(&Outcome::failure(Failure::Connect), at(0)), Decision::Retry(_)));
    call.begin(at(3600)).unwrap_err();
    story.get(3_601_000, &[502, 502]);
    let (kind, opened) = story.incidents().pop().unwrap();
    assert_eq!((kind, opened.lost(), opened.failures()), (EventKind::IncidentOpened, 1, 3));
    assert_eq!(opened.lost_why(), [(StopReason::NoTimeLeft, 1)]);
}

#[test]
fn neither_an_answer_nor_the_callers_error_nor_a_policy_that_is_off_is_an_incident() {
    let off = Policy::builder().mode(Mode::Off).build().unwrap();
    for (policy, status) in [(once(), 404), (off, 502)] {
        let story = Story::of(policy);
        (0..100).for_each(|call| story.get(call * 100, &[status]));
        assert_eq!(story.kinds(), [], "{status}");
    }
}

#[test]
fn each_host_has_its_own_and_the_lines_over_all_are_capped() {
    let story = Story::of(once());
    for host in 0..500 {
        for ms in [0, 1_000, 2_000] {
            story.call(&Method::GET, &format!("host-{host}.internal"), ms, &[502]);
        }
    }
    assert_eq!(story.incidents().len(), 10);
    for (ms, left_out) in [(70_000, 490), (71_000, 0)] {
        for ms in ms..ms + 40 {
            story.call(&Method::GET, &format!("host-{}.internal", ms / 71_000), ms, &[200]);
        }
        let (kind, closed) = story.incidents().pop().unwrap();
        assert_eq!((kind, closed.lost(), closed.left_out()), (EventKind::IncidentClosed, 3, left_out));
    }
}

#[test]
fn flapping_is_one_incident_and_one_failure_in_a_hundred_is_none() {
    let flaps = Story::of(once());
    for second in 0..600 {
        let status = if second % 10 < 3 { 503 } else { 200 };
        (0..10).for_each(|call| flaps.get(second * 1_000 + call * 100, &[status]));
    }
    let opened = flaps.incidents().iter().filter(|(kind, _)| *kind == EventKind::IncidentOpened).count();
    assert_eq!(opened, 1);
    assert!(flaps.incidents().len() < 10, "a handful of lines");

    let sound = Story::of(once());
    (0..60_000).for_each(|call| sound.get(call * 10, &[if call % 100 == 0 { 0 } else { 200 }]));
    assert_eq!(sound.incidents().len(), 0);
}
