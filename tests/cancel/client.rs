//! The client, answered by a script.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use forbear::{Attempt, Client, EventKind, Hook, Mode, Script};
use reqwest::{Body, Request};
use tokio::task::yield_now;

use crate::books::{Books, START, brief, thousandths};
use crate::door::{Answer, Door, Plan, drop_everywhere, plans};
use crate::dropped::dropped_after;
use crate::slow::Slow;

pub(crate) struct Scripted {
    client: Client,
    plan: Plan,
    script: Script,
    /// Bodies that the script has begun to read.
    read: Arc<AtomicU32>,
}

impl Scripted {
    pub(crate) fn over(books: &Books, plan: Plan, script: Script) -> Self {
        let builder = Client::builder(reqwest::Client::builder().no_proxy()).endpoints(books.endpoints.clone());
        let builder = if plan.prepares { builder.before_attempt(Hesitates).before_attempt(Hesitates) } else { builder };
        Self { client: builder.build_scripted(&script).unwrap(), plan, script, read: Arc::default() }
    }
}

impl Door for Scripted {
    fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self {
        let script = answers.into_iter().fold(Script::new(), |script, answer| match answer {
            Answer::Status(status) => {
                let body = Body::wrap(Slow::of(plan.bytes));
                script.after(plan.takes).response(http::Response::builder().status(status).body(body).unwrap())
            }
            Answer::Silence => script.after(SILENCE).response(http::Response::new("")),
        });
        Self::over(books, plan, script)
    }

    /// An attempt begins in the poll that begins to read its body. Only one without a body is seen by the script as soon.
    fn sent(&self) -> u32 {
        let sent = if self.plan.streams { 0 } else { u32::try_from(self.script.sent().len()).unwrap() };
        sent + self.read.load(Ordering::Relaxed)
    }

    fn call(&self) -> impl Future<Output = u16> + Send + 'static {
        let mut request = self.client.put("http://orders.internal/7");
        if self.plan.streams {
            let read = Arc::clone(&self.read);
            request = request.body_with(move || Body::wrap(Slow::of(100).counted(&read)));
        }
        let sending = request.send();
        async move { sending.await.unwrap().status().as_u16() }
    }
}

/// A hook that is pending twice.
pub(crate) struct Hesitates;

impl Hook<Request> for Hesitates {
    async fn before_attempt(&self, _: &mut Request, _: &Attempt) -> Result<(), Box<dyn Error + Send + Sync>> {
        yield_now().await;
        yield_now().await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_dropped_at_every_poll_leaves_the_books_right() {
    drop_everywhere::<Scripted>(plans()).await;
}

/// Sent once, and never paid for.
#[tokio::test(start_paused = true)]
async fn a_call_that_observes_is_abandoned_and_one_that_is_off_was_never_there() {
    let plan = Plan { prepares: true, streams: true, bytes: 100, ..Plan::default() };
    for mode in [Mode::Observe, Mode::Off] {
        let mut dropped_in_flight = 0;
        for polls in 0..100 {
            let row = format!("{mode:?} dropped at poll {polls}");
            let books = Books::of(brief().mode(mode));
            let door = Scripted::open(&books, plan, vec![Answer::Status(503)]);
            let ended = dropped_after(polls, door.call()).await.is_some();
            let numbers = books.numbers().map(|numbers| {
                assert_eq!(thousandths(numbers.credit()), START, "{row}");
                (numbers.attempts(), numbers.abandoned(), numbers.waiting())
            });
            let (said, counted) = match (mode, door.sent(), ended) {
                (Mode::Off, _, _) | (_, 0, _) => (vec![], None),
                (_, _, false) => (vec![EventKind::Abandoned], Some((1, 1, 0))),
                (_, _, true) => (vec![EventKind::Stop], Some((1, 0, 0))),
            };
            assert_eq!((books.kinds(), numbers), (said, counted), "{row}");
            if ended {
                break;
            }
            dropped_in_flight += door.sent();
        }
        assert!(dropped_in_flight >= 3, "{mode:?} was dropped in flight {dropped_in_flight} times");
    }
}

/// How long an attempt is silent that is to be cut off.
const SILENCE: Duration = Duration::from_secs(60);
