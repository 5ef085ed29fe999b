//! How the calls are spread over clients.

use std::fmt;

use crate::scenario::{CLIENTS_ONCE, PER_SECOND, Scenario, Traffic};

/// A number of clients, each a process with budgets of its own, that share the calls of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) clients: u32,
}

impl Shape {
    /// From a few busy clients to many quiet ones.
    pub(crate) const ALL: [Self; 4] =
        [Self { clients: 10 }, Self { clients: 100 }, Self { clients: 1_000 }, Self { clients: 10_000 }];

    /// Returns which of these play a scenario: where each client calls once, one shape is enough.
    pub(crate) fn of(scenario: &Scenario, shapes: &[Self]) -> Vec<Self> {
        match (scenario.traffic, shapes) {
            (Traffic::Once, [_, _, ..]) => vec![Self { clients: CLIENTS_ONCE }],
            (Traffic::Once | Traffic::Steady { .. }, _) => shapes.to_vec(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = f64::from(PER_SECOND) / f64::from(self.clients);
        f.pad(&format!("{} × {each}/s", grouped(self.clients)))
    }
}

/// Writes a number with commas between its thousands.
pub(crate) fn grouped(number: u32) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}
