//! A model of reqwest-retry 0.9 with its default strategy, and the three retries of its documentation.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Retries every 5xx, timeout and lost connection, with full jitter and without a budget. It does not read hints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReqwestRetry;

impl ReqwestRetry {
    /// Returns the longest wait after so many attempts.
    pub(crate) fn longest_wait(attempts: u32) -> Option<Duration> {
        let retries = attempts.checked_sub(1).filter(|retries| *retries < MAX_RETRIES)?;
        Some(MIN_INTERVAL * 2_u32.pow(retries))
    }
}

impl Model for ReqwestRetry {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        if answer.is_success() {
            return None;
        }
        Some(call.up_to(Self::longest_wait(call.attempts)?))
    }
}

/// `ExponentialBackoff::builder().build_with_max_retries(3)`
const MAX_RETRIES: u32 = 3;
/// Its default.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
