//! The engine, under a loop that awaits something between each two of its steps.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use forbear::{Decision, Endpoints, Failure, Now, Outcome};
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::books::Books;
use crate::door::{Answer, Door, Plan, drop_everywhere, plans};

struct Sdk {
    endpoints: Endpoints,
    started: Instant,
    plan: Plan,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<AtomicU32>,
}

impl Door for Sdk {
    fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self {
        Self {
            endpoints: books.endpoints.clone(),
            started: books.started,
            plan,
            answers: Arc::new(Mutex::new(answers.into())),
            sent: Arc::default(),
        }
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    #[expect(clippy::disallowed_methods, reason = "paused time")]
    fn call(&self) -> impl Future<Output = u16> + Send + 'static {
        let (endpoints, started, plan) = (self.endpoints.clone(), self.started, self.plan);
        let (answers, sent) = (Arc::clone(&self.answers), Arc::clone(&self.sent));
        async move {
            let now = || Now::from_origin(started.elapsed());
            let uri = Uri::from_static("http://orders.internal");
            let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(now(), 7);
            loop {
                let upcoming = call.upcoming(now()).unwrap();
                if plan.prepares {
                    yield_now().await;
                }
                assert_eq!(call.begin(now()).unwrap(), upcoming);
                sent.fetch_add(1, Ordering::Relaxed);
                if plan.streams || plan.bytes > 0 {
                    yield_now().await;
                }
                tokio::time::sleep(plan.takes).await;
                let answer = answers.lock().unwrap().pop_front().unwrap();
                let headers = HeaderMap::new();
                let (status, outcome) = match answer {
                    Answer::Status(status) => {
                        let code = StatusCode::from_u16(status).unwrap();
                        (status, Outcome::response(code, &headers, SystemTime::UNIX_EPOCH))
                    }
                    Answer::Silence => (0, Outcome::failure(Failure::Timeout)),
                };
                let decision = call.on_outcome(&outcome, now());
                match decision {
                    Decision::Retry(retry) => tokio::time::sleep(retry.wait()).await,
                    Decision::Done(_) => return status,
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_engine_dropped_between_each_two_steps_leaves_the_books_right() {
    drop_everywhere::<Sdk>(plans()).await;
}
