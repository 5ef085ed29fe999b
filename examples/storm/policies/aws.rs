//! A model of the standard mode of AWS's SDKs: of that for Rust, `aws-smithy-runtime`.

use std::mem;
use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Two retries, of which each takes 10 from a bucket of 500 tokens; a success gives back what the last retry of its call
/// took, or adds one token. It does not read `Retry-After`, but a header of AWS's own.
///
/// The SDKs for Python and Go take 10 only after a timeout, and 5 else. The one for Rust takes 5 only where an error code
/// tells of throttling, which no service here sends. `AWS_NEW_RETRIES_2026`, with other numbers, is not set.
///
/// It keeps what the last retry took in one place for all calls of a client. So what a call that fails has paid last is
/// not lost, as it is elsewhere, but comes back with the next success. Where calls overlap, they also get back what
/// others paid, or lose it: not here, where each gets its own, as if there were one call at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aws {
    tokens: u32,
    /// What the last call that failed had paid last, until a retry pays anew.
    left: u32,
}

impl Aws {
    /// Returns the longest wait after so many attempts. None reaches the cap of 20 s.
    pub(crate) fn longest_wait(attempts: u32) -> Option<Duration> {
        (attempts < MAX_ATTEMPTS).then(|| FIRST_WAIT * 2_u32.pow(attempts - 1))
    }

    fn retry(&mut self, call: &mut Called) -> Option<Duration> {
        let longest = Self::longest_wait(call.attempts)?;
        self.tokens = self.tokens.checked_sub(PRICE)?;
        (self.left, call.paid) = (0, PRICE);
        Some(call.up_to(longest))
    }
}

impl Default for Aws {
    fn default() -> Self {
        Self { tokens: CAPACITY, left: 0 }
    }
}

impl Model for Aws {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, _: Duration) -> Option<Duration> {
        if answer.is_success() {
            let paid = if call.paid > 0 { call.paid } else { mem::take(&mut self.left) };
            self.tokens = (self.tokens + paid.max(1)).min(CAPACITY);
            return None;
        }
        let wait = self.retry(call);
        if wait.is_none() && call.paid > 0 {
            self.left = call.paid;
        }
        wait
    }
}

const CAPACITY: u32 = 500;
const PRICE: u32 = 10;
const MAX_ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
