//! A future that is dropped at one of its polls.

use std::pin::pin;
use std::task::Poll;

/// Polls a future at most so many times, and drops it then. Returns its output if it came to one.
pub(crate) async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let poll = future.as_mut().poll(cx).map(Some);
        if left == 0 && poll.is_pending() { Poll::Ready(None) } else { poll }
    })
    .await
}
