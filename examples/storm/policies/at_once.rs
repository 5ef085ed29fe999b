//! A number of attempts and no wait: none of the retries that it counts, or the loop that everybody writes first.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// So many attempts, one right after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtOnce {
    pub(crate) max_attempts: u32,
}

impl Model for AtOnce {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        (!answer.is_success() && call.attempts < self.max_attempts).then_some(Duration::ZERO)
    }
}
