//! A model of the standard mode of AWS's SDKs.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Two retries from a bucket of 500 tokens: 5 for a retry, 10 after a timeout; a success gives back what its retry took,
/// or adds one token. It does not read `Retry-After`, but a header of AWS's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aws {
    tokens: u32,
}

impl Default for Aws {
    fn default() -> Self {
        Self { tokens: CAPACITY }
    }
}

impl Model for Aws {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        if answer.is_success() {
            self.tokens = (self.tokens + call.paid.max(1)).min(CAPACITY);
            return None;
        }
        if call.attempts >= MAX_ATTEMPTS {
            return None;
        }
        let price = if answer.is_timeout() { 10 } else { 5 };
        self.tokens = self.tokens.checked_sub(price)?;
        call.paid = price;
        Some(call.up_to(Duration::from_secs(1) * 2_u32.pow(call.attempts - 1)))
    }
}

const CAPACITY: u32 = 500;
const MAX_ATTEMPTS: u32 = 3;
