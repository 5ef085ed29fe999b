//! The numbers to reach, and whether they are.

use std::fmt;

use crate::fleet::Shape;
use crate::policies::Peer;
use crate::runs::Played;
use crate::summary::{Recovery, Summary};

/// What forbear must reach in a scenario, for each shape.
struct Target {
    scenario: &'static str,
    measure: Measure,
    bounds: [f64; Shape::ALL.len()],
}

#[derive(Clone, Copy)]
enum Measure {
    /// At most, of the calls that start in the trouble.
    RequestsInTrouble,
    /// At most, of those that start after it, too.
    Requests,
    /// At least.
    Success,
    /// At most, in seconds, compared with no retries at all.
    Later,
    /// At most, of the capacity, when the trouble is over.
    Load,
}

const TARGETS: [Target; 7] = [
    Target { scenario: "all-502", measure: Measure::RequestsInTrouble, bounds: [1.10, 1.15, 1.40, 2.60] },
    Target { scenario: "outage-hint-30", measure: Measure::Requests, bounds: [1.05, 1.05, 1.15, 1.40] },
    Target { scenario: "one-of-four", measure: Measure::Success, bounds: [0.983; 4] },
    Target { scenario: "blips-1", measure: Measure::Success, bounds: [0.985; 4] },
    Target { scenario: "overload-timeouts", measure: Measure::Later, bounds: [1.0, 1.0, 1.0, 5.0] },
    Target { scenario: "same-hint", measure: Measure::Load, bounds: [1.0; 4] },
    Target { scenario: "same-hint", measure: Measure::Success, bounds: [1.0; 4] },
];

/// Returns whether anything is to be reached in a scenario.
pub(crate) fn has_any(scenario: &str) -> bool {
    TARGETS.iter().any(|target| target.scenario == scenario)
}

/// A number that was measured, and the one to reach.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) scenario: &'static str,
    pub(crate) shape: Shape,
    what: &'static str,
    pub(crate) number: f64,
    pub(crate) bound: f64,
    pub(crate) reached: bool,
}

/// Compares what was played with what is to be reached.
pub(crate) fn measure(played: &[Played<'_>]) -> Vec<Measured> {
    let mut measured = Vec::new();
    for target in &TARGETS {
        for played in played.iter().filter(|played| played.scenario.name == target.scenario) {
            let bounds = Shape::ALL.into_iter().zip(target.bounds);
            measured.extend(bounds.filter_map(|(shape, bound)| target.measure.compare(played, shape, bound)));
        }
    }
    measured
}

impl Measure {
    fn compare(self, played: &Played<'_>, shape: Shape, bound: f64) -> Option<Measured> {
        let (ours, none) = (played.of(Peer::Forbear, shape)?, played.of(Peer::NoRetries, shape)?);
        let number = match self {
            Self::RequestsInTrouble => ours.requests_in_trouble,
            Self::Requests => ours.requests,
            Self::Success => ours.success,
            Self::Later => seconds(ours) - seconds(none),
            Self::Load => f64::from(ours.peak_after?) / f64::from(played.scenario.capacity_for(shape.clients)),
        };
        let reached = if matches!(self, Self::Success) { number >= bound } else { number <= bound };
        Some(Measured { scenario: played.scenario.name, shape, what: self.as_str(), number, bound, reached })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::RequestsInTrouble => "requests per call in the trouble, at most",
            Self::Requests => "requests per call in all, at most",
            Self::Success => "success, at least",
            Self::Later => "seconds until all is well, more than without retries, at most",
            Self::Load => "peak when the trouble is over, of the capacity, at most",
        }
    }
}

fn seconds(summary: &Summary) -> f64 {
    match summary.recovery {
        Recovery::Unknown => 0.0,
        Recovery::After(duration) => duration.as_secs_f64(),
        Recovery::Never => f64::INFINITY,
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, shape, what, number, bound, reached } = self;
        let verdict = if *reached { "reached" } else { "MISSED" };
        write!(f, "{verdict:8} {scenario:18} {shape:19} {number:>6.3} {bound:>6.3}  {what}")
    }
}
