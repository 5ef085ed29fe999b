//! The loop: attempt, outcome, decision, wait, until the call is done.

pub(crate) mod clock;

use std::time::SystemTime;

use crate::call::{Attempt, Call};
use crate::outcome::Outcome;
use crate::policy::Decision;

/// What a loop needs of an HTTP client.
pub(crate) trait Transport {
    /// A response, or how it failed.
    type Reply: Send;

    /// Sends the request once.
    fn send(&mut self, attempt: &Attempt) -> impl Future<Output = Self::Reply> + Send;

    /// Returns the reply of an attempt that was cut off by its timeout.
    fn timed_out(&mut self) -> Self::Reply;

    /// Returns the facts of a reply that came at `received_at`.
    fn outcome<'r>(&self, reply: &'r Self::Reply, received_at: SystemTime) -> Outcome<'r>;

    /// Keeps a reply for the case that the retry which was to replace it cannot start, at the least cost for others.
    fn set_aside(&mut self, reply: Self::Reply) -> impl Future<Output = Self::Reply> + Send;
}

/// Drives a call to its end and returns the last reply, or `None` if it was too late for even one attempt.
///
/// Dropping this future sends nothing more.
pub(crate) async fn drive<T: Transport>(call: &mut Call, transport: &mut T) -> Option<T::Reply> {
    let mut last = None;
    // `begin` refuses after `max_attempts`, whatever was decided: this ends.
    while let Ok(attempt) = call.begin(clock::now()) {
        drop(last.take()); // its connection is not held through the next attempt
        let reply = match clock::limited(attempt.timeout(), transport.send(&attempt)).await {
            Some(reply) => reply,
            None => transport.timed_out(),
        };
        let decided_at = clock::now();
        match call.on_outcome(&transport.outcome(&reply, clock::wall()), decided_at) {
            Decision::Done(_) => return Some(reply),
            Decision::Retry(retry) => {
                last = Some(transport.set_aside(reply).await);
                clock::wait(decided_at, retry.wait()).await;
            }
        }
    }
    last
}
