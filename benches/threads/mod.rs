//! How long threads take that do the same at once.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

pub(crate) const THREADS: [usize; 4] = [1, 2, 4, 8];
pub(crate) const CALLS: u32 = 20_000;
const RUNS: u32 = 30;

/// Returns the best time of many runs, in each of which every thread makes all calls of what it has.
pub(crate) fn best<T: Sync>(each: &[T], call: fn(&T)) -> Duration {
    (0..RUNS).map(|_| time(each, call)).min().unwrap_or_default()
}

/// Returns from when the first thread starts to when the last one ends.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn time<T: Sync>(each: &[T], call: fn(&T)) -> Duration {
    let ready = Barrier::new(each.len());
    thread::scope(|scope| {
        let run = |of| {
            let ready = &ready;
            scope.spawn(move || {
                ready.wait();
                let started = std::time::Instant::now();
                (0..CALLS).for_each(|_| call(of));
                (started, std::time::Instant::now())
            })
        };
        let threads: Vec<_> = each.iter().map(run).collect();
        let times: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let started = times.iter().map(|(started, _)| *started).min();
        let ended = times.iter().map(|(_, ended)| *ended).max();
        started.zip(ended).map(|(started, ended)| ended.duration_since(started)).unwrap_or_default()
    })
}
