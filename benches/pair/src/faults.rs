//! What is done to the application, and when: the same to each of the three, at the same time.

use std::ops::Range;
use std::time::{Duration, Instant};

use fastrand::Rng;
use forbear_peers::Fallible;

use crate::clock;
use crate::process::Application;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// By SIGKILL, and back after as long as a supervisor waits and a large application starts.
    Killed,
    /// By SIGKILL, and back as soon as a small application starts.
    Restarted,
    /// Sheds for a while, finishes what it has, ends, and is started anew.
    Drained,
    /// Does half of what it is asked for, and sheds the rest.
    Sheds,
    /// Does half of what it is asked for, and lets the rest wait until nginx gives up.
    Waits,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] = [Self::Killed, Self::Restarted, Self::Drained, Self::Sheds, Self::Waits];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Restarted => "restarted",
            Self::Drained => "drained",
            Self::Sheds => "overloaded, sheds",
            Self::Waits => "overloaded, lets wait",
        }
    }

    /// How long it may take, in seconds.
    const fn length(self) -> Range<f64> {
        match self {
            Self::Killed => 3.0..6.0,
            Self::Restarted => 0.2..0.8,
            Self::Drained => 2.5..3.0, // it drains for two
            Self::Sheds => 3.0..5.0,
            Self::Waits => 4.0..6.0,
        }
    }
}

/// A fault, and the quiet until the next one begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) fault: Fault,
    pub(crate) begins: Duration,
    /// When the application is well again.
    pub(crate) well: Duration,
}

pub(crate) struct Schedule {
    pub(crate) turns: Vec<Turn>,
    /// When the last call is made.
    pub(crate) end: Duration,
}

impl Schedule {
    /// Rounds of about 70 s, each fault once in each of them, in an order of its own. Before them, it is quiet.
    pub(crate) fn new(seconds: u32, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (rounds, end) = ((seconds / 70).max(1), f64::from(seconds));
        let quiet = (end / 8.0).min(10.0);
        let each = (end - quiet) / f64::from(5 * rounds);
        let mut faults = Vec::new();
        for _ in 0..rounds {
            let mut round = Fault::ALL;
            rng.shuffle(&mut round);
            faults.extend(round);
        }
        let mut begins = quiet;
        let mut turns = Vec::new();
        for fault in faults {
            let Range { start, end } = fault.length();
            let well = begins + start + (end - start) * rng.f64();
            turns.push(Turn { fault, begins: Duration::from_secs_f64(begins), well: Duration::from_secs_f64(well) });
            begins += each;
        }
        Self { turns, end: Duration::from_secs_f64(end) }
    }

    /// Returns in whose turn a call began. One that began just before a fault was met by it.
    pub(crate) fn at(&self, time: Duration) -> Option<&Turn> {
        self.turns.iter().rfind(|turn| turn.begins <= time + UNDER_WAY)
    }
}

/// Longer than a call is under way in the quiet.
const UNDER_WAY: Duration = Duration::from_millis(100);

pub(crate) fn play(schedule: &Schedule, origin: Instant, application: &mut Application) -> Fallible<()> {
    for turn in &schedule.turns {
        clock::hold_until(origin + turn.begins);
        application.meets(turn.fault)?;
        clock::hold_until(origin + turn.well);
        application.is_over(turn.fault)?;
    }
    Ok(())
}
