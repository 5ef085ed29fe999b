//! What a call leaves behind: what was said of it, paid for it and counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use forbear::{
    Backoff, Condition, EndpointSnapshot, Endpoints, Event, EventKind, Incident, Now, Policy, PolicyBuilder, Rule,
    StopReason,
};
use tokio::time::Instant;

/// The endpoints that a call is made on, and what is said of it.
pub(crate) struct Books {
    pub(crate) endpoints: Endpoints,
    pub(crate) started: Instant,
    said: Arc<Mutex<Vec<Said>>>,
}

#[derive(Clone, Debug)]
struct Said {
    kind: EventKind,
    attempt: u32,
    /// Whether an outcome has come since the attempt began.
    knows_outcome: bool,
    incident: Option<Incident>,
}

/// How a call ended, if it was not dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Recovered,
    Stopped,
}

impl Books {
    #[expect(clippy::disallowed_methods, reason = "paused time")]
    pub(crate) fn of(policy: PolicyBuilder) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&said);
        let observer = move |event: &Event<'_>| {
            listener.lock().unwrap().push(Said {
                kind: event.kind(),
                attempt: event.attempt(),
                knows_outcome: event.attempt_report().is_some(),
                incident: event.incident().cloned(),
            });
        };
        let endpoints = Endpoints::builder().fallback(policy.build().unwrap()).observer(observer).build().unwrap();
        Self { endpoints, started: Instant::now(), said }
    }

    pub(crate) fn forget(&self) {
        self.said.lock().unwrap().clear();
    }

    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.said.lock().unwrap().iter().map(|said| said.kind).collect()
    }

    /// Returns how many retries were decided.
    pub(crate) fn retries(&self) -> u32 {
        self.count(EventKind::Retry)
    }

    fn count(&self, kind: EventKind) -> u32 {
        u32::try_from(self.kinds().into_iter().filter(|said| *said == kind).count()).unwrap()
    }

    /// Returns the numbers at a time before all that was counted, so that nothing drifts.
    pub(crate) fn numbers(&self) -> Option<EndpointSnapshot> {
        self.endpoints.snapshot(Now::default()).endpoints().first().cloned()
    }

    /// Checks what is said and counted of a call of which so many attempts began, after [`PRIMED`] others that failed.
    #[track_caller]
    pub(crate) fn check(&self, row: &str, sent: u32, ended: Option<Ended>) {
        let retries = self.retries();
        let decided = if ended.is_some() { sent - 1..=sent - 1 } else { sent.saturating_sub(1)..=sent };
        assert!(decided.contains(&retries), "{row}: {retries} retries decided, {sent} sent");
        let is_abandoned = sent > 0 && ended.is_none();

        let mut expected = vec![EventKind::Retry; usize::try_from(retries).unwrap()];
        if is_open_after(retries) {
            expected.push(EventKind::IncidentOpened);
        }
        expected.extend(match ended {
            Some(Ended::Recovered) => Some(EventKind::Recovered),
            Some(Ended::Stopped) => Some(EventKind::Stop),
            None => is_abandoned.then_some(EventKind::Abandoned),
        });
        assert_eq!(self.kinds(), expected, "{row}");
        if let Some(last) = self.said.lock().unwrap().last().filter(|last| last.kind == EventKind::Abandoned) {
            assert_eq!((last.attempt, last.knows_outcome), (sent, retries == sent), "{row}: in flight or waiting");
        }

        let numbers = self.numbers().unwrap();
        let credit = match ended {
            Some(Ended::Recovered) => START + EARN,
            Some(Ended::Stopped) | None => START - PRICE * u64::from(sent.saturating_sub(1)),
        };
        assert_eq!(thousandths(numbers.credit()), credit, "{row}: a retry is paid for if it was sent");
        let counted =
            (numbers.attempts(), numbers.answered(), numbers.recovered(), numbers.abandoned(), numbers.waiting());
        let recovered = u64::from(ended == Some(Ended::Recovered));
        let expected = (u64::from(PRIMED + sent), recovered, recovered, u64::from(is_abandoned), 0);
        assert_eq!(counted, expected, "{row}: attempts, answered, recovered, abandoned, waiting");
        let decided: u64 = Condition::ALL.into_iter().map(|condition| numbers.retries(condition)).sum();
        assert_eq!(decided, u64::from(retries), "{row}");
        let stopped = [StopReason::NoRetries, StopReason::RuleAttempts].map(|reason| numbers.stopped(reason));
        assert_eq!(stopped, [u64::from(PRIMED), u64::from(ended == Some(Ended::Stopped))], "{row}");
        assert_eq!(numbers.open_incident().is_some(), is_open_after(retries), "{row}");
    }

    /// Checks what the incident has counted, after a later call has closed it.
    #[track_caller]
    pub(crate) fn check_closed(&self, row: &str, retries: u32, ended: Option<Ended>) {
        let said = self.said.lock().unwrap();
        let closed = said.iter().find(|said| said.kind == EventKind::IncidentClosed);
        assert_eq!(closed.is_some(), is_open_after(retries), "{row}");
        let Some(incident) = closed.and_then(|closed| closed.incident.as_ref()) else { return };
        let counted = (incident.failures(), incident.retries(), incident.lost(), incident.saved());
        let failures = PRIMED + retries + u32::from(ended == Some(Ended::Stopped));
        let lost = failures - retries;
        let saved = u64::from(ended == Some(Ended::Recovered));
        let expected = (u64::from(failures), u64::from(retries), u64::from(lost), saved);
        assert_eq!(counted, expected, "{row}: who is dropped is neither lost nor saved");
    }
}

/// An incident opens at ten failures that come at once.
fn is_open_after(retries: u32) -> bool {
    PRIMED + retries >= 10
}

/// Waits of a few milliseconds, in which no credit drifts by a whole unit, and a retry for whatever fails but a 500.
pub(crate) fn brief() -> PolicyBuilder {
    let rule = Rule::new(2, Backoff::constant(Duration::from_millis(4)));
    let may_fail = Condition::ALL.into_iter().filter(|condition| *condition != Condition::InternalError);
    may_fail.fold(Policy::builder(), |policy, condition| policy.rule(condition, rule))
}

pub(crate) fn thousandths(credits: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(credits).as_millis()).unwrap()
}

/// How many calls fail before the one that is dropped, so that its second failure opens an incident.
pub(crate) const PRIMED: u32 = 8;
/// In thousandths, as a budget has them by default.
pub(crate) const START: u64 = 4_000;
const EARN: u64 = 200;
const PRICE: u64 = 1_000;
