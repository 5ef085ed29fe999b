//! A model of gRPC's retries (its proposal A6), with the numbers of the proposal's examples.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Three retries while more than half of ten tokens are there: each failing attempt takes one, each success adds a tenth.
/// A hint is its pushback: it waits exactly that long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grpc {
    /// In tenths.
    tokens: u32,
}

impl Default for Grpc {
    fn default() -> Self {
        Self { tokens: MAX_TOKENS }
    }
}

impl Model for Grpc {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        if answer.is_success() {
            self.tokens = (self.tokens + 1).min(MAX_TOKENS);
            return None;
        }
        self.tokens = self.tokens.saturating_sub(10);
        if self.tokens <= MAX_TOKENS / 2 || call.attempts >= MAX_ATTEMPTS {
            return None;
        }
        if let Some(pushback) = answer.hint {
            return Some(Duration::from_secs(pushback.into()));
        }
        let longest = INITIAL_BACKOFF * 2_u32.pow(call.attempts - 1);
        Some(call.up_to(longest.min(MAX_BACKOFF)))
    }
}

const MAX_TOKENS: u32 = 100;
const MAX_ATTEMPTS: u32 = 4;
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
