//! A model of the standard mode of AWS's SDKs: of that for Rust, `aws-smithy-runtime`.

use std::mem;
use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Two retries, of which each takes 10 from a bucket of 500 tokens. What the last one took comes back with the next success,
/// of whichever call: there is one place for it. A success that finds it empty adds one token. It does not read `Retry-After`,
/// but a header of AWS's own.
///
/// The SDKs for Python and Go take 10 only after a timeout, and 5 else. The one for Rust takes 5 only where an error code
/// tells of throttling, which no service here sends. `AWS_NEW_RETRIES_2026`, with other numbers, is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aws {
    tokens: u32,
    /// For the last retry, if no success has followed it.
    paid: u32,
}

impl Aws {
    /// Returns the longest wait after so many attempts. None reaches the cap of 20 s.
    pub(crate) fn longest_wait(attempts: u32) -> Option<Duration> {
        (attempts < MAX_ATTEMPTS).then(|| FIRST_WAIT * 2_u32.pow(attempts - 1))
    }
}

impl Default for Aws {
    fn default() -> Self {
        Self { tokens: CAPACITY, paid: 0 }
    }
}

impl Model for Aws {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        if answer.is_success() {
            self.tokens = (self.tokens + mem::take(&mut self.paid).max(1)).min(CAPACITY);
            return None;
        }
        let longest = Self::longest_wait(call.attempts)?;
        self.tokens = self.tokens.checked_sub(PRICE)?;
        self.paid = PRICE;
        Some(call.up_to(longest))
    }
}

const CAPACITY: u32 = 500;
const PRICE: u32 = 10;
const MAX_ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
