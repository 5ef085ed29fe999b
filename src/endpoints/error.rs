//! Endpoints that make no sense.

use std::error::Error;
use std::fmt;

use crate::budget::BudgetError;

/// What is wrong with [`Endpoints`](crate::Endpoints), all of it at once. Its `Display` is a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsError {
    pub(super) problems: Vec<String>,
}

impl EndpointsError {
    pub(super) fn of(fallback: Option<BudgetError>, endpoints: Option<Self>) -> Self {
        let of_budget = fallback.iter().flat_map(BudgetError::problems);
        let problems = of_budget.map(|problem| format!("budget of the fallback: {problem}"));
        Self { problems: problems.chain(endpoints.into_iter().flat_map(|error| error.problems)).collect() }
    }

    /// Returns the problems. Each names the endpoint, the value and what it must be.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(String::as_str)
    }
}

impl fmt::Display for EndpointsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl Error for EndpointsError {}
