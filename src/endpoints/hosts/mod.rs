//! The hosts that were called, in bounded memory.

#[cfg(all(test, not(miri)))]
mod modelled;
mod store;
#[cfg(test)]
mod tests;

use std::sync;

pub(super) use store::Hosts;

/// More hosts than a service calls; a crawler's budgets would not fill up between two visits anyway.
const MAX_HOSTS: usize = 1_024;
