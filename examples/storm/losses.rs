//! Where another policy does better than forbear: what somebody who chooses must know, too.

use std::fmt;

use crate::fleet::Shape;
use crate::policies::Peer;
use crate::runs::Played;
use crate::summary::{Recovery, Summary};
use crate::table::percent;

/// A number in which the best of the others is better.
pub(crate) struct Loss {
    scenario: &'static str,
    shape: Shape,
    what: &'static str,
    ours: String,
    theirs: String,
    by: Peer,
    gap: f64,
}

/// Returns what is lost in a scenario by more than the dice explain, each number for the shape that loses most.
pub(crate) fn of(played: &Played<'_>) -> Vec<Loss> {
    let worst = MEASURES.iter().filter_map(|measure| {
        let losses = played.shapes().into_iter().filter_map(|shape| loss(played, shape, measure));
        losses.max_by(|one, other| one.gap.total_cmp(&other.gap))
    });
    worst.collect()
}

fn loss(played: &Played<'_>, shape: Shape, measure: &Measure) -> Option<Loss> {
    let ours = played.of(Peer::Forbear, shape)?;
    let peers = played.runs.iter().filter(|run| run.shape == shape && run.peer != Peer::Forbear);
    let peers = peers.filter(|run| !measure.of_equals || run.summary.success + NOISE_OF_SUCCESS > ours.success);
    let best =
        peers.min_by(|one, other| (measure.badness)(&one.summary).total_cmp(&(measure.badness)(&other.summary)))?;
    let gap = (measure.badness)(ours) - (measure.badness)(&best.summary);
    let [ours, theirs] = [ours, &best.summary].map(measure.text);
    let what = measure.what;
    (gap > measure.noise).then_some(Loss {
        scenario: played.scenario.name,
        shape,
        what,
        ours,
        theirs,
        by: best.peer,
        gap,
    })
}

/// A number of which less is better.
struct Measure {
    what: &'static str,
    badness: fn(&Summary) -> f64,
    /// Whether only those count that get as much done: who gives up sooner is faster and sends less.
    of_equals: bool,
    /// What differs from seed to seed.
    noise: f64,
    text: fn(&Summary) -> String,
}

const MEASURES: [Measure; 4] = [
    Measure {
        what: "success",
        badness: |summary| 1.0 - summary.success,
        of_equals: true,
        noise: NOISE_OF_SUCCESS,
        text: |summary| percent(summary.success),
    },
    Measure {
        what: "in all",
        badness: |summary| summary.requests,
        of_equals: true,
        noise: 0.01,
        text: |summary| format!("{:.3}", summary.requests),
    },
    Measure {
        what: "well",
        badness: until_well,
        of_equals: false,
        noise: 1.0,
        text: |summary| summary.recovery.to_string(),
    },
    Measure {
        what: "p99",
        badness: |summary| summary.p99.as_secs_f64(),
        of_equals: true,
        noise: 0.2,
        text: |summary| format!("{:.2} s", summary.p99.as_secs_f64()),
    },
];

fn until_well(summary: &Summary) -> f64 {
    match summary.recovery {
        Recovery::Unknown => 0.0,
        Recovery::After(duration) => duration.as_secs_f64(),
        Recovery::Never => f64::MAX,
    }
}

const NOISE_OF_SUCCESS: f64 = 0.002;

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, shape, what, ours, theirs, by, .. } = self;
        write!(f, "{scenario:18} {shape:19} {what:8} {ours:>8}  {by} {theirs}")
    }
}
