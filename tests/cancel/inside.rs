//! What is inside of a door: it answers as written, and counts what it is asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use crate::door::{Answer, Plan};
use crate::slow::Slow;

#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) plan: Plan,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<AtomicU32>,
}

impl Inside {
    pub(crate) fn of(plan: Plan, answers: Vec<Answer>) -> Self {
        Self { plan, answers: Arc::new(Mutex::new(answers.into())), sent: Arc::default() }
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Answers one attempt, which has begun as soon as this is polled.
    #[expect(clippy::disallowed_methods, reason = "paused time")]
    pub(crate) async fn answer(self) -> http::Response<Slow> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.lock().unwrap().pop_front().expect("no more attempts than answers");
        if self.plan.streams {
            tokio::task::yield_now().await;
        }
        let status = match answer {
            Answer::Status(status) => status,
            Answer::Silence => std::future::pending().await,
        };
        if !self.plan.takes.is_zero() {
            tokio::time::sleep(self.plan.takes).await;
        }
        http::Response::builder().status(status).body(Slow::of(self.plan.bytes)).unwrap()
    }
}
