//! The credit that threads share: every change is one compare-and-swap.

use std::sync::Arc;

use super::atomic::{AtomicU64, Ordering}; // std's, or those of a model
use crate::budget::Payment;
use crate::budget::state::{ONE, State, Terms};
use crate::now::Now;

/// Credit and the time to which it was counted, in one atomic: exact under any number of threads. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Credit {
    state: Arc<AtomicU64>,
    terms: Terms,
}

impl Credit {
    pub(super) fn new(terms: Terms) -> Self {
        Self { state: Arc::new(AtomicU64::new(State::new(terms).pack())), terms }
    }

    /// Returns the same credit on other terms.
    pub(super) fn on(&self, terms: Terms) -> Self {
        Self { state: Arc::clone(&self.state), terms }
    }

    pub(super) const fn terms(&self) -> Terms {
        self.terms
    }

    /// Pays, or returns `None` if the credit does not suffice; then nothing changes.
    pub(super) fn pay(&self, credits: u32, now: Now) -> Option<Payment> {
        let price = u64::from(credits).saturating_mul(ONE).min(self.terms.start);
        if price != 0 {
            self.change(|state| state.drifted(self.terms, now).without(price))?;
        }
        Some(Payment(price))
    }

    pub(super) fn succeed(&self, paid: Payment, now: Now) {
        self.change(|state| Some(state.drifted(self.terms, now).with(self.terms.earn).with(paid.0)));
    }

    pub(super) fn give_back(&self, payment: Payment) {
        if payment != Payment::NONE {
            self.change(|state| Some(state.with(payment.0)));
        }
    }

    pub(super) fn balance(&self, now: Now) -> u64 {
        self.state().drifted(self.terms, now).credit
    }

    pub(super) fn state(&self) -> State {
        State::unpack(self.state.load(Ordering::Relaxed))
    }

    /// The counter guards no other data, so no ordering is needed beyond its own.
    fn change(&self, mut to: impl FnMut(State) -> Option<State>) -> Option<()> {
        self.state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| to(State::unpack(packed)).map(State::pack))
            .ok()
            .map(|_| ())
    }
}
