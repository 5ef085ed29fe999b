//! Incidents: what an endpoint's failures add up to, and when that is worth a line.
//!
//! A retry that is logged by itself says that one request failed. A person wants to know that something began to fail,
//! what, for how long, what it cost, and when it was over. The [rule](pulse::Pulse) says when; it needs no timer and no
//! task, as everything happens when something is told to it. So if traffic stops, an incident stays open until
//! something comes.

mod incidents;
mod lines;
#[cfg(all(test, not(miri)))]
mod modelled;
mod pulse;
mod said;
mod tally;
#[cfg(test)]
mod tests;

use std::sync;

pub(crate) use incidents::Incidents;
pub(crate) use lines::Lines;
pub use said::Incident;
pub(crate) use said::Stage;
