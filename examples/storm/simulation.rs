//! The simulation: one event after the other, in the order of time, from one seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;

use crate::answer::Answer;
use crate::scenario::{PER_SECOND, Scenario, Traffic};
use crate::service::Service;
use crate::summary::{Recorder, Summary};

/// All processes that call, and how they decide.
pub(crate) trait Fleet {
    type Call;

    /// Starts a call of one process, unless there is no such process.
    fn start(&mut self, process: u32, now: Duration, seed: u64) -> Option<Self::Call>;

    /// Begins an attempt. Returns whether it is sent.
    fn begin(&mut self, call: &mut Self::Call, now: Duration) -> bool;

    /// Decides after an attempt how long to wait before the next one, if there is one.
    fn on_answer(&mut self, call: &mut Self::Call, answer: Answer, now: Duration) -> Option<Duration>;
}

/// What is played: a scenario, the number of clients, and a seed.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) scenario: Scenario,
    pub(crate) clients: u32,
    pub(crate) seed: u64,
}

impl Setting {
    pub(crate) fn processes(&self) -> usize {
        usize::try_from(self.clients).unwrap_or(usize::MAX)
    }
}

/// Plays a scenario, and follows each call to its end.
pub(crate) fn run<F: Fleet>(setting: &Setting, fleet: F) -> Summary {
    let scenario = &setting.scenario;
    let mut dice = Rng::with_seed(setting.seed);
    let mut simulation = Simulation {
        fleet,
        service: Service::new(scenario, scenario.capacity_for(setting.clients), dice.u64(..)),
        arrivals: Arrivals::new(setting, dice.u64(..)),
        agenda: BinaryHeap::new(),
        calls: Vec::new(),
        free: Vec::new(),
        recorder: Recorder::new(scenario),
    };
    simulation.run();
    let Simulation { recorder, service, .. } = simulation;
    recorder.summary(service.worked, service.wasted)
}

struct Simulation<'a, F: Fleet> {
    fleet: F,
    service: Service<'a>,
    arrivals: Arrivals<'a>,
    /// What happens when to which call.
    agenda: BinaryHeap<Reverse<(Duration, usize)>>,
    calls: Vec<Option<UnderWay<F::Call>>>,
    /// Places among the calls.
    free: Vec<usize>,
    recorder: Recorder,
}

/// A call and how far it is.
struct UnderWay<C> {
    call: C,
    started: Duration,
    attempts: u32,
    /// On its way to the client.
    answer: Option<Answer>,
    succeeded: bool,
}

impl<F: Fleet> Simulation<'_, F> {
    fn run(&mut self) {
        let mut arrival = self.arrivals.next();
        loop {
            let due = self.agenda.peek().map(|Reverse((time, _))| *time);
            match arrival {
                Some(next) if due.is_none_or(|due| next.at <= due) => {
                    arrival = self.arrivals.next();
                    self.start(&next);
                }
                Some(_) | None => {
                    let Some(Reverse((now, index))) = self.agenda.pop() else { return };
                    self.step(now, index);
                }
            }
        }
    }

    fn start(&mut self, arrival: &Arrival) {
        let Some(call) = self.fleet.start(arrival.process, arrival.at, arrival.seed) else { return };
        let call = Some(UnderWay { call, started: arrival.at, attempts: 0, answer: None, succeeded: false });
        let index = self.free.pop().unwrap_or(self.calls.len());
        match self.calls.get_mut(index) {
            Some(place) => *place = call,
            None => self.calls.push(call),
        }
        self.step(arrival.at, index);
    }

    /// Sends an attempt, or takes its answer.
    fn step(&mut self, now: Duration, index: usize) {
        let Some(place) = self.calls.get_mut(index) else { return };
        let Some(call) = place else { return };
        let next = match call.answer.take() {
            None if self.fleet.begin(&mut call.call, now) => {
                let reply = self.service.on_attempt(now);
                call.attempts += 1;
                call.answer = Some(reply.answer);
                self.recorder.on_attempt(now);
                Some(reply.at)
            }
            None => None,
            Some(answer) => {
                call.succeeded = answer.is_success();
                self.fleet.on_answer(&mut call.call, answer, now).map(|wait| now + wait)
            }
        };
        match next {
            Some(next) => self.agenda.push(Reverse((next, index))),
            None => {
                self.recorder.on_end(call.started, now, call.attempts, call.succeeded);
                *place = None;
                self.free.push(index);
            }
        }
    }
}

/// A call that starts.
struct Arrival {
    at: Duration,
    process: u32,
    seed: u64,
}

/// The calls, from dice of their own: all policies meet the same ones.
struct Arrivals<'a> {
    setting: &'a Setting,
    dice: Rng,
    last: Duration,
    made: u32,
}

impl<'a> Arrivals<'a> {
    fn new(setting: &'a Setting, seed: u64) -> Self {
        Self { setting, dice: Rng::with_seed(seed), last: Duration::ZERO, made: 0 }
    }

    fn next(&mut self) -> Option<Arrival> {
        let Setting { scenario, clients, .. } = self.setting;
        let process = match scenario.traffic {
            Traffic::Once if self.made == *clients => return None,
            Traffic::Once => {
                self.last = scenario.warm_up;
                self.made
            }
            Traffic::Steady { surge } => {
                let trouble = scenario.troubled();
                let surge = if trouble.contains(&self.last) { surge } else { 1.0 };
                let pause = -(1.0 - self.dice.f64()).ln() / (f64::from(PER_SECOND) * surge);
                self.last += Duration::from_secs_f64(pause);
                if self.last >= trouble.end + scenario.aftermath {
                    return None;
                }
                self.dice.u32(..*clients)
            }
        };
        self.made += 1;
        Some(Arrival { at: self.last, process, seed: self.dice.u64(..) })
    }
}
