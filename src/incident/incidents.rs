//! The incidents of one endpoint, which its threads share: what fails takes a lock, and a success hardly ever.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::sync::atomic::{AtomicU64, Ordering}; // std's, or those of a model
use super::sync::{Mutex, MutexGuard};
use crate::diagnosis::Diagnosis;
use crate::incident::pulse::{Pulse, millis};
use crate::incident::tally::Tally;
use crate::incident::{Incident, Lines, Stage};
use crate::now::Now;
use crate::policy::StopReason;

/// The incidents of one endpoint, one after the other.
///
/// What is to be said is returned, for the caller to say when no lock is held. A success writes nothing while all is well,
/// and otherwise takes a lock only to close an incident, or to count a call that a retry saved.
#[derive(Debug)]
pub(crate) struct Incidents {
    /// What a success must know. It is lowered without the lock, and raised and reset only under it.
    pub(super) pulse: AtomicU64,
    /// Nothing until something fails, and left as it is when all is well again.
    pub(super) run: Mutex<Option<Box<Run>>>,
    lines: Arc<Lines>,
}

impl Incidents {
    pub(crate) fn new(lines: Arc<Lines>) -> Self {
        Self { pulse: AtomicU64::new(Pulse::WELL.pack()), run: Mutex::new(None), lines }
    }

    /// Counts a failing attempt: a retry was decided, or its call was `stopped` and is lost.
    pub(crate) fn on_failure(&self, diagnosis: &Diagnosis, stopped: Option<StopReason>, now: Now) -> Option<Incident> {
        diagnosis.condition()?;
        let mut slot = self.lock();
        let closed = self.close(&mut slot, now, Pulse::is_stale);
        let ms = millis(now);
        let began = slot.as_ref().map_or(ms, |run| run.began);
        let before = self.change(|pulse| Some(pulse.failed(began, ms)))?;
        let run = match &mut *slot {
            Some(run) if before != Pulse::WELL => run,
            none => none.insert(Box::new(Run::new(ms))),
        };
        run.tally.add(diagnosis, stopped);
        let pulse = before.failed(began, ms);
        let due = pulse.is_failing().then(|| run.due(&self.lines, now)).flatten();
        closed.or_else(|| Some(self.incident(due?, run, pulse, now)))
    }

    /// Counts a call that is lost although a retry was decided: that could not start.
    pub(crate) fn on_lost(&self, reason: StopReason) {
        self.count(|tally| tally.lost.add(reason));
    }

    /// Counts a call that succeeded, at once or `saved` by a retry.
    pub(crate) fn on_success(&self, saved: bool, now: Now) -> Option<Incident> {
        if self.pulse() == Pulse::WELL {
            return None;
        }
        if saved {
            self.count(|tally| tally.saved = tally.saved.saturating_add(1));
        }
        self.change(Pulse::succeeded);
        if !self.pulse().is_over(millis(now)) {
            return None;
        }
        self.close(&mut self.lock(), now, Pulse::is_over)
    }

    /// Returns the time since the first failure of the incident that is open.
    pub(crate) fn open_for(&self, now: Now) -> Option<Duration> {
        self.pulse().held?;
        let slot = self.lock();
        self.pulse().held?;
        slot.as_ref().map(|run| Duration::from_millis(millis(now).saturating_sub(run.began)))
    }

    /// Closes the incident if that `is_over`, and returns it if its beginning was said.
    fn close(&self, slot: &mut Option<Box<Run>>, now: Now, is_over: impl Fn(Pulse, u64) -> bool) -> Option<Incident> {
        let before = self.change(|pulse| is_over(pulse, millis(now)).then_some(Pulse::WELL))?;
        let run = slot.take()?;
        run.said.is_some().then(|| self.incident(Stage::Closed, &run, before, now))
    }

    fn incident(&self, stage: Stage, run: &Run, pulse: Pulse, now: Now) -> Incident {
        let now = millis(now);
        Incident {
            stage,
            began: run.began,
            held: pulse.held.unwrap_or(now),
            now,
            left_out: self.lines.tell_left_out(run.left_out),
            tally: Box::new(run.tally.clone()),
        }
    }

    /// Counts what became of a call. While all is well, what is counted is counted anew before it is said.
    fn count(&self, count: impl FnOnce(&mut Tally)) {
        if let Some(run) = self.lock().as_mut() {
            count(&mut run.tally);
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        Pulse::unpack(self.pulse.load(Ordering::Relaxed))
    }

    /// Returns what it was, or `None` if that stays. What the lock guards is ordered by the lock.
    fn change(&self, mut to: impl FnMut(Pulse) -> Option<Pulse>) -> Option<Pulse> {
        self.pulse
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| to(Pulse::unpack(packed)).map(Pulse::pack))
            .ok()
            .map(Pulse::unpack)
    }

    /// Counts are right after each step, so nothing that panicked has left them wrong.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Box<Run>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has failed since all was well. Times are milliseconds.
#[derive(Debug)]
pub(super) struct Run {
    began: u64,
    tally: Tally,
    /// The number under which it was left out, if there was no line for it.
    left_out: Option<u64>,
    said: Option<Said>,
}

/// Enough is said until the next line.
#[derive(Clone, Copy, Debug)]
struct Said {
    next: u64,
    interval: u64,
}

impl Run {
    const fn new(now: u64) -> Self {
        Self { began: now, tally: Tally::NOTHING, left_out: None, said: None }
    }

    /// Returns what is to be said of an incident that is open, if there is a line for it.
    ///
    /// One that was left out is said to open as soon as there is one, if it still fails then.
    fn due(&mut self, lines: &Lines, now: Now) -> Option<Stage> {
        let (stage, price, interval) = match self.said {
            Some(said) if millis(now) < said.next => return None,
            Some(said) => (Stage::Continues, 1, said.interval.saturating_mul(2).min(LONGEST_INTERVAL)),
            None => (Stage::Opened, 2, FIRST_INTERVAL), // its end is paid for, too
        };
        if lines.take(price, now) {
            self.said = Some(Said { next: millis(now).saturating_add(interval), interval });
            return Some(stage);
        }
        if stage == Stage::Opened {
            self.left_out.get_or_insert_with(|| lines.leave_out());
        }
        None
    }
}

const FIRST_INTERVAL: u64 = 30_000;
const LONGEST_INTERVAL: u64 = 600_000;
