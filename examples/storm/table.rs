//! The numbers of one scenario, a row for each fleet and policy.

use std::fmt;
use std::time::Duration;

use crate::fleet::grouped;
use crate::runs::Played;
use crate::summary::{Recovery, Summary};

/// What the columns mean, in words.
pub(crate) const LEGEND: &str = "\
requests   per call: of the calls that start in the trouble, and of those that start in it or after it
peak       most requests in one second: while the trouble lasts, and when it is over
success    of the calls that start in the trouble or after it
well       how long after the trouble the last call starts that fails; – where none starts then
p50, p99   how long calls take that succeed
wasted     work of the service for clients that had gone
";

impl fmt::Display for Played<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.scenario.name, self.scenario.title)?;
        writeln!(
            f,
            "{:19} {:14} {:>8} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7} {:>7} {:>7}",
            "clients", "policy", "requests", "in all", "peak", "after", "success", "well", "p50", "p99", "wasted"
        )?;
        for (index, shape) in self.shapes().into_iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            for run in self.runs.iter().filter(|run| run.shape == shape) {
                writeln!(f, "{shape:19} {:14} {}", run.peer, Row(&run.summary))?;
            }
        }
        Ok(())
    }
}

struct Row<'a>(&'a Summary);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { requests_in_trouble, requests, success, wasted, recovery, p50, p99, .. } = self.0;
        let [peak, after] = [Some(self.0.peak_during), self.0.peak_after].map(|peak| peak.map_or(NONE.into(), grouped));
        let [p50, p99] = [*p50, *p99].map(latency);
        write!(f, "{requests_in_trouble:>8.3} {requests:>7.3} {peak:>7} {after:>7} {:>8}", percent(*success))?;
        write!(f, " {:>7} {p50:>7} {p99:>7} {:>7}", recovery.to_string(), percent(*wasted))
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.pad(NONE),
            Self::After(duration) => write!(f, "{:.1} s", duration.as_secs_f64()),
            Self::Never => f.pad("never"),
        }
    }
}

/// Writes a share of one.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn latency(latency: Duration) -> String {
    match latency.as_millis() {
        0 => NONE.to_owned(),
        millis @ ..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", latency.as_secs_f64()),
    }
}

/// Where there is no such number.
const NONE: &str = "–";
