//! What a policy of others decides, one process at a time.

use std::time::Duration;

use fastrand::Rng;

use crate::answer::Answer;

/// What one process under a policy knows and decides.
pub(crate) trait Model: Clone {
    /// Decides after each attempt how long to wait before the next one, if there is one.
    fn on_answer(&mut self, call: &mut Called, answer: Answer, now: Duration) -> Option<Duration>;
}

/// A call, as far as a model knows it.
#[derive(Debug)]
pub(crate) struct Called {
    pub(super) process: u32,
    /// Sent so far.
    pub(crate) attempts: u32,
    pub(crate) dice: Rng,
}

impl Called {
    pub(crate) fn new(process: u32, seed: u64) -> Self {
        Self { process, attempts: 0, dice: Rng::with_seed(seed) }
    }

    /// Draws from zero to `longest`.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.dice.f64())
    }
}
