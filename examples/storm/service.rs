//! The service that all call: what comes back from an attempt that is sent now, and when.

use std::time::Duration;

use fastrand::Rng;

use crate::answer::Answer;
use crate::scenario::{Fault, Overflow, Scenario};

/// One queue, worked on in the order of arrival, in front of what can go wrong.
///
/// It goes on working on what its client no longer waits for: nobody tells it.
pub(crate) struct Service<'a> {
    scenario: &'a Scenario,
    /// Of one request.
    work: Duration,
    /// When all that was accepted is done.
    busy_until: Duration,
    dice: Rng,
    pub(crate) worked: u32,
    /// Of these, for nobody.
    pub(crate) wasted: u32,
}

/// What an attempt comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) at: Duration,
    pub(crate) answer: Answer,
}

impl<'a> Service<'a> {
    pub(crate) fn new(scenario: &'a Scenario, capacity: u32, seed: u64) -> Self {
        Self {
            scenario,
            work: Duration::from_secs(1) / capacity,
            busy_until: Duration::ZERO,
            dice: Rng::with_seed(seed),
            worked: 0,
            wasted: 0,
        }
    }

    /// Answers an attempt. They must come in the order of time.
    pub(crate) fn on_attempt(&mut self, now: Duration) -> Reply {
        match self.fault(now) {
            Some(answer) => Reply { at: now + LATENCY, answer },
            None => self.accept(now),
        }
    }

    fn fault(&mut self, now: Duration) -> Option<Answer> {
        let troubled = self.scenario.troubled();
        let since = now.checked_sub(troubled.start).filter(|_| troubled.contains(&now))?;
        match self.scenario.fault {
            Fault::None => None,
            Fault::All(answer) => Some(answer),
            Fault::Share(share, answer) => (self.dice.f64() < share).then_some(answer),
            Fault::Blips { length, every, answer } => {
                let since_last = since.as_nanos() % every.as_nanos();
                (since_last < length.as_nanos()).then_some(answer)
            }
            Fault::Restart => Some(Answer::REFUSED),
        }
    }

    fn accept(&mut self, now: Duration) -> Reply {
        let waiting = self.busy_until.saturating_sub(now);
        let patience = self.scenario.timeout.unwrap_or(Duration::MAX);
        if waiting > self.scenario.longest_queue {
            return match self.scenario.overflow {
                Overflow::Shed(answer) => Reply { at: now + LATENCY, answer },
                Overflow::Lose => Reply { at: now.saturating_add(patience), answer: Answer::TIMEOUT },
            };
        }
        let done = now + waiting + self.work;
        let restart = matches!(self.scenario.fault, Fault::Restart).then_some(self.scenario.warm_up);
        if let Some(restart) = restart.filter(|restart| (now..done + LATENCY).contains(restart)) {
            return Reply { at: restart, answer: Answer::RESET };
        }
        self.busy_until = done;
        self.worked += 1;
        if done + LATENCY - now > patience {
            self.wasted += 1;
            return Reply { at: now + patience, answer: Answer::TIMEOUT };
        }
        Reply { at: done + LATENCY, answer: Answer::OK }
    }
}

/// Of the network, there and back.
const LATENCY: Duration = Duration::from_millis(20);
