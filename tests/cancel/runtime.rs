//! What else ends a call: `select!`, a timeout of the caller's own, an aborted task, and a runtime that is shut down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use forbear::{EventKind, Policy, Script};
use http::Response;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::books::{Books, PRIMED, START, brief, thousandths};
use crate::client::Scripted;
use crate::door::{Door, Plan, STORIES, a_day_passes, prime, primed};

/// Who ends it.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Select,
    Timeout,
    Abort,
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
impl Cut {
    /// Returns nothing if the call was not faster.
    async fn after<O: Send + 'static>(
        self,
        limit: Duration,
        call: impl Future<Output = O> + Send + 'static,
    ) -> Option<O> {
        match self {
            Self::Select => tokio::select! {
                output = call => Some(output),
                () = tokio::time::sleep(limit) => None,
            },
            Self::Timeout => tokio::time::timeout(limit, call).await.ok(),
            Self::Abort => {
                let task = tokio::spawn(call);
                tokio::time::sleep(limit).await;
                task.abort();
                task.await.ok()
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_a_call_at_any_time_leaves_the_books_right() {
    let plan = Plan { prepares: true, streams: true, bytes: 100, takes: Duration::from_millis(2) };
    let [(answers, ends), ..] = STORIES;
    for cut in [Cut::Select, Cut::Timeout, Cut::Abort] {
        let mut dropped = 0;
        for ms in 0..30 {
            let row = format!("{cut:?} after {ms} ms");
            let books = Books::of(brief());
            let door = Scripted::open(&books, plan, primed().chain(answers).collect());
            prime(&door, &books).await;
            let ended = cut.after(Duration::from_millis(ms), door.call()).await;
            let sent = door.sent() - PRIMED;
            books.check(&row, sent, ended.is_some().then_some(ends));
            a_day_passes().await;
            assert_eq!(door.sent() - PRIMED, sent, "{row}: sent afterwards");
            dropped += u32::from(ended.is_none() && sent > 0);
        }
        assert!((6..29).contains(&dropped), "{cut:?} dropped {dropped} calls under way, and the last is not");
    }
}

/// Polled each millisecond, though nothing has happened.
#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "paused time")]
async fn a_call_that_is_polled_without_need_does_nothing_sooner_and_nothing_twice() {
    let books = Books::of(Policy::builder());
    let plan = Plan { prepares: true, streams: true, bytes: 100, takes: Duration::from_secs(1) };
    let [(answers, _), ..] = STORIES;
    let door = Scripted::open(&books, plan, answers.to_vec());
    let started = Instant::now();
    let mut polls = 0;
    let mut call = pin!(door.call());
    let status = loop {
        tokio::select! {
            status = &mut call => break status,
            () = tokio::time::sleep(Duration::from_millis(1)) => polls += 1,
        }
    };
    assert_eq!((status, door.sent()), (200, 3));
    assert_eq!(books.kinds(), [EventKind::Retry, EventKind::Retry, EventKind::Recovered]);
    // Three attempts of a second, and waits of half of 1 s and of 2 s at least.
    assert!(started.elapsed() >= Duration::from_millis(4_500) && polls >= 4_000, "{polls} polls");
}

/// Where a runtime is shut down.
#[derive(Clone, Copy, Debug)]
enum Amid {
    Attempt,
    Wait,
}

impl Amid {
    const BOTH: [Self; 2] = [Self::Attempt, Self::Wait];

    /// Returns a door whose calls stay there for a minute of real time.
    fn open(self) -> (Books, Scripted) {
        let books = Books::of(Policy::builder());
        let busy = Response::builder().status(503).header("retry-after", "30").body("").unwrap();
        let script = match self {
            Self::Attempt => Script::new().after(Duration::from_secs(60)).response(busy),
            Self::Wait => Script::new().response(busy),
        };
        let door = Scripted::over(&books, Plan::default(), script);
        (books, door)
    }

    fn is_reached(self, books: &Books, door: &Scripted) -> bool {
        match self {
            Self::Attempt => door.sent() == 1,
            Self::Wait => books.retries() == 1,
        }
    }

    #[track_caller]
    fn check(self, row: &str, books: &Books, door: &Scripted) {
        let retries = match self {
            Self::Attempt => &[][..],
            Self::Wait => &[EventKind::Retry],
        };
        assert_eq!(books.kinds(), [retries, &[EventKind::Abandoned]].concat(), "{row}");
        let numbers = books.numbers().unwrap();
        let credit = thousandths(numbers.credit());
        assert_eq!((credit, numbers.attempts()), (START, 1), "{row}: nothing was sent that was paid for");
        assert_eq!((numbers.abandoned(), numbers.waiting(), door.sent()), (1, 0, 1), "{row}");
    }
}

#[test]
fn a_runtime_that_is_shut_down_amid_a_call_leaves_the_books_right() {
    let shut_downs: [fn(Runtime); 3] =
        [drop, |runtime| runtime.shutdown_timeout(Duration::from_secs(5)), Runtime::shutdown_background];
    for amid in Amid::BOTH {
        for (threads, kind) in ["current_thread", "multi_thread"].into_iter().enumerate() {
            for (how, shut_down) in ["drop", "shutdown_timeout", "shutdown_background"].into_iter().zip(shut_downs) {
                let row = format!("{kind}, {how} amid {amid:?}");
                let (books, door) = amid.open();
                let runtime = runtime(threads);
                let task = runtime.spawn(door.call());
                runtime.block_on(async {
                    for _ in (0..PATIENCE).take_while(|_| !amid.is_reached(&books, &door)) {
                        yield_now().await;
                    }
                });
                shut_down(runtime);
                for _ in (0..PATIENCE).take_while(|_| !task.is_finished()) {
                    std::thread::yield_now(); // `shutdown_background` does not wait for it
                }
                amid.check(&row, &books, &door);
            }
        }
    }
}

#[test]
fn a_call_that_outlives_its_runtime_is_dropped_as_any_other() {
    for amid in Amid::BOTH {
        for polled_again in [false, true] {
            let row = format!("amid {amid:?}, polled again: {polled_again}");
            let (books, door) = amid.open();
            let mut call = Box::pin(door.call());
            let first = runtime(0);
            first.block_on(async {
                for _ in (0..PATIENCE).take_while(|_| !amid.is_reached(&books, &door)) {
                    let pending = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
                    assert!(pending, "{row}");
                    yield_now().await;
                }
            });
            drop(first);
            if polled_again {
                let again = || runtime(0).block_on(call.as_mut());
                catch_unwind(AssertUnwindSafe(again)).expect_err("tokio panics: the timer is gone");
            }
            drop(call);
            amid.check(&row, &books, &door);
        }
    }
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(threads.max(1)).enable_time().build().unwrap()
}

/// How often it is asked whether something has happened.
const PATIENCE: usize = 10_000_000;
