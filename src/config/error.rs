//! Files that make no sense.

use std::error::Error;
use std::fmt;

/// What is wrong with a [`Config`](crate::Config), all of it at once. Its `Display` is a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub(super) problems: Vec<String>,
}

impl ConfigError {
    /// Returns the problems. Each names the place, the value and what it must be.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(String::as_str)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl Error for ConfigError {}
