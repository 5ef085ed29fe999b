//! The crate's own engine: each process has its own `Endpoints`, each call is a real `Call`.

use std::time::Duration;

use forbear::{BudgetBuilder, Call, Endpoints, Policy};

use super::driver::Driver;
use crate::answer::Answer;
use crate::simulation::Fleet;

/// Processes that share nothing. Each is made at its first call: until then it would be as new.
pub(crate) struct Ours {
    driver: Driver,
    processes: Vec<Option<Endpoints>>,
}

impl Ours {
    pub(crate) fn new(processes: usize, policy: Policy, budget: BudgetBuilder) -> Self {
        Self { driver: Driver::new(policy, budget), processes: vec![None; processes] }
    }
}

impl Fleet for Ours {
    type Call = Call;

    fn start(&mut self, process: u32, now: Duration, seed: u64) -> Option<Call> {
        let process = self.processes.get_mut(usize::try_from(process).ok()?)?;
        if process.is_none() {
            *process = self.driver.endpoints();
        }
        Some(self.driver.start(process.as_ref()?, now, seed))
    }

    fn begin(&mut self, call: &mut Call, now: Duration) -> bool {
        self.driver.begin(call, now)
    }

    fn on_answer(&mut self, call: &mut Call, answer: Answer, now: Duration) -> Option<Duration> {
        self.driver.on_answer(call, answer, now)
    }
}
