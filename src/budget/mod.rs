//! What retries are paid from: credit that grows with success and runs out under failure.

mod builder;
mod credit;
mod decay;
#[cfg(all(test, not(miri)))]
mod modelled;
mod state;
#[cfg(test)]
mod tests;

use std::sync::atomic;
use std::time::Duration;

pub use builder::{BudgetBuilder, BudgetError};
use credit::Credit;
pub(crate) use state::Terms;

use crate::now::Now;

/// The credit that retries are paid from. Cheap to clone; clones share it.
///
/// A retry that works is free, one that does not is paid for. A retry pays its price when it is decided. A call that then
/// succeeds gets back all that it paid; a retry that is never sent gives its price back. Each success earns a little.
/// Credit drifts back to what it was at the start: from above with a time constant of 10 s, so that a busy endpoint holds
/// about two seconds of its own traffic, from below with one of 100 s, so that a quiet one is forgiven.
///
/// Each endpoint has a budget of its own. Endpoints that are given clones of one share its credit: those behind which the
/// same server works. All that share one must measure time from the same origin.
///
/// ```
/// # use forbear::{Budget, Now};
/// let budget = Budget::builder().start(20.0).earn(0.1).build()?;
/// assert_eq!(budget.balance(Now::default()), 20.0);
///
/// let error = Budget::builder().start(0.0).earn(7.0).build().unwrap_err();
/// assert_eq!(error.to_string(), "start is 0, but must be 1 to 10000\nearn is 7, but must be 0 to 1");
/// # Ok::<(), forbear::BudgetError>(())
/// ```
///
/// # The bound
///
/// Over any time, under any number of threads, with cancelled calls or without:
///
/// > prices paid ≤ credit at its start + what was given back + `earn` × successes + `start` × time / 100 s
///
/// For credit is never negative, and nothing but these adds to it: below the start it drifts up by a hundredth of what
/// is missing per second, thus by no more than a hundredth of the start. Leave out what was given back on both sides, and it
/// says what the retries that failed cost: by default, of an endpoint that always fails, four at once and then one in
/// 25 seconds. Credit and time are counted in thousandths and milliseconds, rounded down.
#[derive(Clone, Debug)]
pub struct Budget(Option<Credit>);

impl Budget {
    /// Returns a budget that starts with 4 credits and earns 0.2 for each success.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Terms::default())
    }

    /// Returns a builder that starts from the default budget.
    pub const fn builder() -> BudgetBuilder {
        BudgetBuilder::new()
    }

    /// Returns a budget that pays every retry.
    ///
    /// It risks a retry storm: only the numbers of attempts limit the retries then, and a server that fails under its load
    /// gets more of it for that. In a simulation of 1,000 calls per second, a total outage makes three requests of each
    /// call, where the default budget makes 1.1 of a busy client's; and an overload that ends is over 16 s later with the
    /// default budget, and never without one, because the retries of what timed out keep it alive. Take it for what nobody
    /// else depends on, or where something else limits the retries.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    pub(crate) fn on(terms: Terms) -> Self {
        Self(Some(Credit::new(terms)))
    }

    /// Returns the credit of another budget on the terms of this one. Where either has no limit, there is none to go on
    /// with.
    pub(crate) fn with_credit_of(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(new), Some(old)) => Self(Some(old.on(new.terms()))),
            (None, _) | (_, None) => self.clone(),
        }
    }

    /// Returns the credit, [`f64::INFINITY`] if it is unlimited. For people to read; nothing is decided by it.
    #[must_use]
    pub fn balance(&self, now: Now) -> f64 {
        self.0.as_ref().map_or(f64::INFINITY, |credit| credits(credit.balance(now)))
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn is_unlimited(&self) -> bool {
        self.0.is_none()
    }

    /// Pays for a retry. Returns what was paid, or `None` if the credit does not suffice; then nothing changes.
    ///
    /// A price above the credit at the start counts as that.
    pub(crate) fn pay(&self, credits: u32, now: Now) -> Option<Payment> {
        self.0.as_ref().map_or(Some(Payment::NONE), |credit| credit.pay(credits, now))
    }

    /// Counts a call that succeeded: it earns, and gets back what it paid.
    pub(crate) fn succeed(&self, paid: Payment, now: Now) {
        if let Some(credit) = &self.0 {
            credit.succeed(paid, now);
        }
    }

    /// Gives back the price of a retry that was never sent.
    ///
    /// It knows no time, as nothing that is dropped does. That loses a little: what is added before the drift is
    /// counted drifts with the rest.
    pub(crate) fn give_back(&self, payment: Payment) {
        if let Some(credit) = &self.0 {
            credit.give_back(payment);
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// What a call paid and may get back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "what is dropped here is lost to the budget"]
pub(crate) struct Payment(u64);

impl Payment {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Returns thousandths of a credit as credits, with three digits at most: a fraction of a second would add some of its own.
fn credits(thousandths: u64) -> f64 {
    Duration::from_secs(thousandths).as_secs_f64() / 1000.0
}
