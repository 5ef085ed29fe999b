//! What became of the attempts and calls of one endpoint, by count.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::diagnosis::Condition;
use crate::policy::StopReason;

/// Counts that only grow, and how many calls wait now.
///
/// A call that is answered at once adds to one counter, which is sharded. All others are for what fails.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    answered_at_once: Sharded,
    /// That ended otherwise than with an answer at once.
    attempts: AtomicU64,
    retries: [AtomicU64; Condition::ALL.len()],
    recovered: AtomicU64,
    stopped: [AtomicU64; StopReason::ALL.len()],
    abandoned: AtomicU64,
    waiting: AtomicU64,
}

impl Counters {
    /// Counts a call that was answered, at once or after a retry.
    pub(crate) fn on_answer(&self, is_retried: bool) {
        if is_retried {
            add_one(&self.attempts);
            add_one(&self.recovered);
        } else {
            self.answered_at_once.add_one();
        }
    }

    /// Counts an attempt that ended without an answer.
    pub(crate) fn on_no_answer(&self) {
        add_one(&self.attempts);
    }

    /// Counts a retry that was decided. Its call waits until [`on_wait_over`](Self::on_wait_over).
    pub(crate) fn on_retry(&self, condition: Condition) {
        self.retries.get(condition.index()).into_iter().for_each(add_one);
        add_one(&self.waiting);
    }

    /// Counts the end of a wait, however it came. Each follows a retry of the same call, so that none goes below zero.
    pub(crate) fn on_wait_over(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn on_stop(&self, reason: StopReason) {
        self.stopped.get(reason.index()).into_iter().for_each(add_one);
    }

    pub(crate) fn on_abandon(&self) {
        add_one(&self.abandoned);
    }

    pub(crate) fn counts(&self) -> Counts {
        let (at_once, recovered) = (self.answered_at_once.sum(), load(&self.recovered));
        Counts {
            attempts: at_once.saturating_add(load(&self.attempts)),
            answered: at_once.saturating_add(recovered),
            recovered,
            retries: self.retries.each_ref().map(load),
            stopped: self.stopped.each_ref().map(load),
            abandoned: load(&self.abandoned),
            waiting: load(&self.waiting),
        }
    }
}

/// What the counters say at some moment, each at one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) attempts: u64,
    pub(crate) answered: u64,
    pub(crate) recovered: u64,
    retries: [u64; Condition::ALL.len()],
    stopped: [u64; StopReason::ALL.len()],
    pub(crate) abandoned: u64,
    pub(crate) waiting: u64,
}

impl Counts {
    pub(crate) fn retries(&self, condition: Condition) -> u64 {
        self.retries.get(condition.index()).copied().unwrap_or_default()
    }

    pub(crate) fn stopped(&self, reason: StopReason) -> u64 {
        self.stopped.get(reason.index()).copied().unwrap_or_default()
    }
}

/// A counter that threads can add to without waiting for each other's cache line.
#[derive(Debug, Default)]
struct Sharded([Shard; SHARDS]);

impl Sharded {
    fn add_one(&self) {
        SHARD.with(|own| self.0.get(*own).into_iter().for_each(|shard| add_one(&shard.0)));
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, shard| sum.saturating_add(load(&shard.0)))
    }
}

/// Fills a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

thread_local! {
    /// The shard that this thread adds to. To draw one for each call would spread nothing: every core would write to every
    /// cache line.
    static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

/// Threads that have counted an answer.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// More would be felt in memory: each of 1,024 hosts has as many cache lines.
const SHARDS: usize = 4;

/// A count guards no other data, so no ordering is needed beyond its own.
fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_adds_to_one_shard_and_the_next_ones_to_others() {
        let counter = Sharded::default();
        let shards = || counter.0.each_ref().map(|shard| load(&shard.0));
        // Threads of other tests may come in between.
        let rounds = if cfg!(miri) { 2 } else { 100 };
        for _ in 0..rounds * SHARDS {
            let before = shards();
            std::thread::scope(|scope| scope.spawn(|| (0..3).for_each(|_| counter.add_one())).join().unwrap());
            let mut grown: Vec<u64> = shards().into_iter().zip(before).map(|(now, before)| now - before).collect();
            grown.retain(|by| *by != 0);
            assert_eq!(grown, [3]);
        }
        assert!(shards().iter().all(|count| *count != 0), "{:?}", shards());
        assert_eq!(counter.sum(), 3 * u64::try_from(rounds * SHARDS).unwrap());
    }
}
