//! Waits that are drawn, of a policy and of its model.

use std::time::Duration;

use crate::answer::Answer;
use crate::policies::model::{Called, Model};

/// Draws what a model that has decided nothing yet waits after so many attempts that are answered so, where it retries.
pub(crate) fn drawn(model: &impl Model, attempts: u32, answer: Answer) -> Vec<Duration> {
    let wait = |seed| {
        let mut call = Called::new(0, seed);
        call.attempts = attempts;
        model.clone().on_answer(&mut call, answer, Duration::ZERO)
    };
    (0..DRAWS).filter_map(wait).collect()
}

/// Fails unless the quarters of both are about the same.
#[track_caller]
pub(crate) fn assert_alike(mut real: Vec<Duration>, mut modelled: Vec<Duration>, longest: Duration, attempts: u32) {
    assert_eq!(real.len(), modelled.len(), "after {attempts} attempts");
    real.sort();
    modelled.sort();
    for part in [0, 1, 2, 3, 4] {
        let at = (real.len() - 1) * part / 4;
        let (real, modelled) = (real[at], modelled[at]);
        assert!(real.abs_diff(modelled) < longest / 20, "after {attempts} attempts: {real:?}, {modelled:?}");
    }
}

pub(crate) const DRAWS: u64 = 4_000;
