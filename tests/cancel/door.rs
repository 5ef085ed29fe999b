//! A door, and how its calls are dropped at each of their polls.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::books::{Books, Ended, PRIMED, brief};
use crate::dropped::dropped_after;

/// Where calls go in, over something that answers as written and counts what it is asked.
pub(crate) trait Door {
    fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self;

    /// Returns how many attempts began.
    fn sent(&self) -> u32;

    /// Makes a call, and returns the status that it ended with.
    fn call(&self) -> impl Future<Output = u16> + Send + 'static;
}

/// What one attempt is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u16),
    /// Nothing, for longer than an attempt may take.
    Silence,
}

/// What there is to await on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plan {
    /// Before each attempt: hooks, or a service that is not ready.
    pub(crate) prepares: bool,
    /// Within it: the body of the request.
    pub(crate) streams: bool,
    /// After it: so many bytes of a failing response.
    pub(crate) bytes: usize,
    /// Within it: time.
    pub(crate) takes: Duration,
}

/// Drops a call at each of its polls, whatever there is to await and whatever it is answered.
pub(crate) async fn drop_everywhere<D: Door>(plans: impl IntoIterator<Item = Plan>) {
    let mut dropped_at = BTreeSet::new();
    for plan in plans {
        for (answers, ends) in STORIES {
            drop_at_every_poll::<D>(plan, answers, ends, &mut dropped_at).await;
        }
    }
    let everywhere = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)]; // attempts begun, retries decided
    assert_eq!(dropped_at, BTreeSet::from(everywhere));
}

/// Drops a call at each of its polls, until it comes to its end before.
async fn drop_at_every_poll<D: Door>(
    plan: Plan,
    answers: [Answer; 3],
    ends: Ended,
    dropped_at: &mut BTreeSet<(u32, u32)>,
) {
    for polls in 0..1_000 {
        let row = format!("{plan:?}, {answers:?} dropped at poll {polls}");
        let books = Books::of(brief().attempt_timeout(Duration::from_millis(8)));
        let door = D::open(&books, plan, primed().chain(answers).collect());
        prime(&door, &books).await;

        let status = dropped_after(polls, door.call()).await;
        let sent = door.sent() - PRIMED;
        let ended = status.is_some().then_some(ends);
        books.check(&row, sent, ended);

        let retries = books.retries();
        a_day_passes().await;
        assert_eq!(door.sent() - PRIMED, sent, "{row}: sent afterwards");
        assert_eq!(D::open(&books, Plan::default(), vec![Answer::Status(200)]).call().await, 200);
        books.check_closed(&row, retries, ended);
        if ended.is_some() {
            return;
        }
        dropped_at.insert((sent, retries));
    }
    panic!("{plan:?} does not end");
}

/// Makes the calls that come before.
pub(crate) async fn prime(door: &impl Door, books: &Books) {
    for _ in 0..PRIMED {
        assert_eq!(door.call().await, 500);
    }
    books.forget();
}

pub(crate) fn primed() -> impl Iterator<Item = Answer> {
    (0..PRIMED).map(|_| Answer::Status(500))
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
pub(crate) async fn a_day_passes() {
    tokio::time::sleep(Duration::from_secs(86_400)).await;
}

/// Each kind of await by itself, and all of them together.
pub(crate) fn plans() -> impl Iterator<Item = Plan> {
    let takes = Duration::from_millis(2);
    let alone = [
        Plan::default(),
        Plan { prepares: true, ..Plan::default() },
        Plan { streams: true, ..Plan::default() },
        Plan { bytes: 100, ..Plan::default() },    // looked into
        Plan { bytes: 10_000, ..Plan::default() }, // set aside
        Plan { takes, ..Plan::default() },
    ];
    let together = [100, 10_000].map(|bytes| Plan { prepares: true, streams: true, bytes, takes });
    alone.into_iter().chain(together)
}

/// What a call is answered with, and how it ends by that.
pub(crate) const STORIES: [([Answer; 3], Ended); 3] = [
    ([Answer::Status(503), Answer::Status(502), Answer::Status(200)], Ended::Recovered),
    ([Answer::Status(503), Answer::Status(503), Answer::Status(503)], Ended::Stopped),
    ([Answer::Silence, Answer::Silence, Answer::Status(404)], Ended::Recovered),
];
