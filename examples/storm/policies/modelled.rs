//! A fleet of which each process follows a model.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;
use crate::simulation::Fleet;

/// Processes that share nothing.
pub(crate) struct Modelled<M>(Vec<M>);

impl<M: Model> Modelled<M> {
    pub(crate) fn new(processes: usize, model: &M) -> Self {
        Self(vec![model.clone(); processes])
    }
}

impl<M: Model> Fleet for Modelled<M> {
    type Call = Called;

    fn start(&mut self, process: u32, _: Duration, seed: u64) -> Option<Called> {
        Some(Called::new(process, seed))
    }

    fn begin(&mut self, call: &mut Called, _: Duration) -> bool {
        call.attempts += 1;
        true
    }

    fn on_answer(&mut self, call: &mut Called, answer: Answer, now: Duration) -> Option<Duration> {
        let process = usize::try_from(call.process).ok()?;
        self.0.get_mut(process)?.on_answer(call, answer, now)
    }
}
