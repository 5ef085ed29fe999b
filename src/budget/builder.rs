//! What a user says of a budget.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::Budget;
use super::state::{ONE, Terms};

/// Builds a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a builder does nothing until it is built"]
pub struct BudgetBuilder {
    start: f64,
    earn: f64,
}

impl BudgetBuilder {
    pub(super) const fn new() -> Self {
        Self { start: 4.0, earn: 0.2 }
    }

    /// Sets the credit at the start, which all credit drifts back towards. Default 4, at least 1, at most 10,000.
    ///
    /// It is what a quiet endpoint may spend at once, and a hundredth of it is what an endpoint that always fails may spend
    /// per second. A price above it counts as it. With more than 4, a quiet endpoint has something left after the retry of a
    /// timeout: raise its [price](crate::Rule::with_price), too, where an overload would go on for that.
    pub fn start(mut self, credits: f64) -> Self {
        self.start = credits;
        self
    }

    /// Sets what each call that succeeds earns. Default 0.2, at least 0, at most 1.
    ///
    /// A busy endpoint holds what it earns in ten seconds. At 0 it has no more to spend than a quiet one.
    pub fn earn(mut self, credits: f64) -> Self {
        self.earn = credits;
        self
    }

    /// Builds the budget. Credit is counted in thousandths; what is below one is dropped.
    ///
    /// # Errors
    ///
    /// Names every field that has an impossible value, and its range.
    pub fn build(self) -> Result<Budget, BudgetError> {
        self.terms().map(Budget::on)
    }

    pub(crate) fn terms(self) -> Result<Terms, BudgetError> {
        let fields = [("start", self.start, 1, MAX_START), ("earn", self.earn, 0, MAX_EARN)];
        let checked = fields.map(|(field, value, least, most)| {
            let in_range = thousandths(value).filter(|value| (least * ONE..=most * ONE).contains(value));
            in_range.ok_or_else(|| format!("{field} is {value}, but must be {least} to {most}"))
        });
        match checked {
            [Ok(start), Ok(earn)] => Ok(Terms { start, earn }),
            checked => Err(BudgetError { problems: checked.into_iter().filter_map(Result::err).collect() }),
        }
    }
}

/// Returns `None` for what is negative, not finite or beyond all bounds.
fn thousandths(credits: f64) -> Option<u64> {
    let as_time = Duration::try_from_secs_f64(credits).ok()?; // to the nearest billionth, so that 0.29 is 290
    u64::try_from(as_time.as_millis()).ok()
}

/// A budget that makes no sense: all that is wrong with it at once. Its `Display` is a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetError {
    problems: Vec<String>,
}

impl BudgetError {
    /// Returns the problems. Each names the field, the value and its range.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(String::as_str)
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl Error for BudgetError {}

/// A hundred retries per second for an endpoint that always fails.
const MAX_START: u64 = 10_000;
/// A retry for each success.
const MAX_EARN: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_impossible_values_are_named_with_their_ranges() {
        const START: &str = "start is VALUE, but must be 1 to 10000";
        const EARN: &str = "earn is VALUE, but must be 0 to 1";
        for value in [-1.0, -0.001, 0.0, 0.999_9, 10_000.001, f64::MAX, f64::INFINITY, f64::NAN] {
            let error = Budget::builder().start(value).build().unwrap_err();
            assert_eq!(error.to_string(), START.replace("VALUE", &value.to_string()));
        }
        for value in [-1.0, -0.001, 1.001, f64::MAX, f64::NEG_INFINITY, f64::NAN] {
            let error = Budget::builder().earn(value).build().unwrap_err();
            assert_eq!(error.to_string(), EARN.replace("VALUE", &value.to_string()));
        }
        let error = Budget::builder().start(f64::NAN).earn(2.0).build().unwrap_err();
        let both = [START.replace("VALUE", "NaN"), EARN.replace("VALUE", "2")];
        assert_eq!(error.problems().collect::<Vec<_>>(), both);
        assert_eq!(error.to_string(), both.join("\n"));
    }

    #[test]
    fn possible_values_are_counted_in_thousandths() {
        for (value, expected) in
            [(1.0, 1_000), (1.000_999, 1_000), (1.29, 1_290), (9_999.999, 9_999_999), (1e4, 10_000_000)]
        {
            assert_eq!(Budget::builder().start(value).terms().unwrap().start, expected, "{value}");
        }
        for (value, expected) in
            [(-0.0, 0), (0.000_9, 0), (0.001, 1), (0.2, 200), (0.29, 290), (0.57, 570), (1.0, 1_000)]
        {
            assert_eq!(Budget::builder().earn(value).terms().unwrap().earn, expected, "{value}");
        }
    }

    #[test]
    fn a_builder_starts_from_the_default() {
        assert_eq!(Budget::builder().terms(), Ok(Terms::default()));
    }
}
