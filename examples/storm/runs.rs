//! Many simulations at once, on all cores. What comes out does not depend on their number.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::fleet::Shape;
use crate::policies::Peer;
use crate::progress::Progress;
use crate::scenario::Scenario;
use crate::simulation::Setting;
use crate::summary::Summary;

/// One simulation and its outcome.
pub(crate) struct Run {
    pub(crate) peer: Peer,
    pub(crate) shape: Shape,
    pub(crate) summary: Summary,
}

/// All simulations of one scenario.
pub(crate) struct Played<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) runs: Vec<Run>,
}

impl Played<'_> {
    pub(crate) fn of(&self, peer: Peer, shape: Shape) -> Option<&Summary> {
        self.runs.iter().find(|run| run.peer == peer && run.shape == shape).map(|run| &run.summary)
    }

    /// Returns the shapes in their order.
    pub(crate) fn shapes(&self) -> Vec<Shape> {
        let mut shapes: Vec<Shape> = self.runs.iter().map(|run| run.shape).collect();
        shapes.dedup();
        shapes
    }
}

/// Plays each scenario in each shape under each policy.
pub(crate) fn play<'a>(scenarios: &'a [Scenario], shapes: &[Shape], peers: &[Peer], seed: u64) -> Vec<Played<'a>> {
    let mut jobs = Vec::new();
    for scenario in scenarios {
        for shape in Shape::of(scenario, shapes) {
            jobs.extend(peers.iter().map(|peer| (scenario, shape, *peer)));
        }
    }
    let summaries = in_parallel(&jobs, |(scenario, shape, peer)| {
        peer.play(&Setting { scenario: Scenario::clone(scenario), clients: shape.clients, seed })
    });
    let mut runs = jobs.iter().zip(summaries);
    let played = scenarios.iter().map(|scenario| {
        let count = Shape::of(scenario, shapes).len() * peers.len();
        let runs = runs.by_ref().take(count);
        let runs = runs.map(|((_, shape, peer), summary)| Run { peer: *peer, shape: *shape, summary }).collect();
        Played { scenario, runs }
    });
    played.collect()
}

/// Does each job on some thread, and returns what comes of them in their order.
pub(crate) fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let (next, progress) = (AtomicUsize::new(0), Progress::new(jobs.len()));
    let (sender, receiver) = mpsc::channel();
    let worker = |sender: mpsc::Sender<(usize, R)>| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            if sender.send((index, work(job))).is_err() {
                return;
            }
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let sender = sender.clone();
            scope.spawn(|| worker(sender));
        }
        drop(sender);
        receiver.into_iter().inspect(|_| progress.advance()).collect()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
