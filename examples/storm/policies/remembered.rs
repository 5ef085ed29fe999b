//! The crate's own engine for more clients than fit into memory: a process is kept as what it was told.

use std::time::Duration;

use forbear::{BudgetBuilder, Call, Endpoints, Policy};

use super::driver::Driver;
use crate::answer::Answer;
use crate::simulation::Fleet;

/// Processes that share nothing. Whenever something happens to one, it is made anew and told again all that it was told
/// before: the engine has no clock and no dice of its own, so that it comes to be as it was.
///
/// A real `Endpoints` with a call that waits takes 4 KiB, what it was told a few hundred bytes.
pub(crate) struct Remembered {
    driver: Driver,
    processes: Vec<Vec<Told>>,
}

/// What a process can be told.
#[derive(Clone, Copy)]
struct Told {
    /// Among its calls.
    call: usize,
    what: What,
    now: Duration,
}

#[derive(Clone, Copy)]
enum What {
    Start { seed: u64 },
    Begin,
    Answer(Answer),
}

/// What it answers to the last of it.
enum Said {
    Nothing,
    Sent(bool),
    Wait(Option<Duration>),
}

impl Remembered {
    pub(crate) fn new(processes: usize, policy: Policy, budget: BudgetBuilder) -> Self {
        Self { driver: Driver::new(policy, budget), processes: vec![Vec::new(); processes] }
    }

    fn tell(&mut self, process: usize, told: Told) -> Option<Said> {
        let memory = self.processes.get_mut(process)?;
        memory.push(told);
        let endpoints = self.driver.endpoints()?;
        let mut calls: Vec<Call> = Vec::new();
        let mut said = Said::Nothing;
        for told in memory {
            said = told.to(&mut self.driver, &endpoints, &mut calls)?;
        }
        Some(said)
    }
}

impl Told {
    fn to(self, driver: &mut Driver, endpoints: &Endpoints, calls: &mut Vec<Call>) -> Option<Said> {
        let Self { call, what, now } = self;
        Some(match what {
            What::Start { seed } => {
                calls.push(driver.start(endpoints, now, seed));
                Said::Nothing
            }
            What::Begin => Said::Sent(driver.begin(calls.get_mut(call)?, now)),
            What::Answer(answer) => Said::Wait(driver.on_answer(calls.get_mut(call)?, answer, now)),
        })
    }
}

impl Fleet for Remembered {
    /// The process, and which of its calls.
    type Call = (usize, usize);

    fn start(&mut self, process: u32, now: Duration, seed: u64) -> Option<(usize, usize)> {
        let process = usize::try_from(process).ok()?;
        let starts = |told: &&Told| matches!(told.what, What::Start { .. });
        let call = self.processes.get(process)?.iter().filter(starts).count();
        self.tell(process, Told { call, what: What::Start { seed }, now })?;
        Some((process, call))
    }

    fn begin(&mut self, &mut (process, call): &mut (usize, usize), now: Duration) -> bool {
        matches!(self.tell(process, Told { call, what: What::Begin, now }), Some(Said::Sent(true)))
    }

    fn on_answer(
        &mut self,
        &mut (process, call): &mut (usize, usize),
        answer: Answer,
        now: Duration,
    ) -> Option<Duration> {
        match self.tell(process, Told { call, what: What::Answer(answer), now })? {
            Said::Wait(wait) => wait,
            Said::Nothing | Said::Sent(_) => None,
        }
    }
}
