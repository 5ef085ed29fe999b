//! What a policy does about one condition.

use std::time::Duration;

use super::backoff::Backoff;
use crate::diagnosis::Condition;

/// What to do about a condition: how many retries, how patiently, at what price, and for which requests.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::{Backoff, Repeat, Rule};
/// let rule = Rule::new(1, Backoff::constant(Duration::from_secs(2))).with_price(4);
/// assert_eq!((rule.retries(), rule.price(), rule.repeat()), (1, 4, Repeat::Idempotent));
/// assert_eq!(Rule::never().retries(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    retries: u32,
    backoff: Backoff,
    price: u32,
    repeat: Repeat,
}

impl Rule {
    /// Returns a rule of at most `retries` retries for its condition in one call, at the price of 1, for idempotent
    /// requests.
    #[must_use]
    pub const fn new(retries: u32, backoff: Backoff) -> Self {
        Self { retries, backoff, price: 1, repeat: Repeat::Idempotent }
    }

    /// Returns the rule that never retries.
    #[must_use]
    pub const fn never() -> Self {
        Self::new(0, Backoff::constant(Duration::ZERO))
    }

    /// Sets how many retries a call may spend on this condition.
    #[must_use]
    pub const fn with_retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// Sets the backoff.
    #[must_use]
    pub const fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets what a retry costs, in credits of the budget. Default 1.
    ///
    /// A price above the credit that a budget starts with counts as that credit. At a price of 0 nothing is paid, and
    /// only the numbers of attempts limit the retries.
    #[must_use]
    pub const fn with_price(self, credits: u32) -> Self {
        Self { price: credits, ..self }
    }

    /// Sets which requests may be repeated. Default [`Repeat::Idempotent`].
    #[must_use]
    pub const fn with_repeat(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }

    /// Returns how many retries a call may spend on this condition.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// Returns the backoff.
    #[must_use]
    pub const fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// Returns what a retry costs, in credits of the budget.
    #[must_use]
    pub const fn price(&self) -> u32 {
        self.price
    }

    /// Returns which requests may be repeated.
    #[must_use]
    pub const fn repeat(&self) -> Repeat {
        self.repeat
    }

    /// Returns the rule that the default policy has for a condition.
    pub(super) const fn default_for(condition: Condition) -> Self {
        // Work that was abandoned is still running: to retry it freely is what keeps an overload alive.
        const ABANDONED: u32 = 4; // all that a quiet endpoint has
        const S: Duration = Duration::from_secs(1);
        const TWO_S: Duration = Duration::from_secs(2);
        const FIFTH_S: Duration = Duration::from_millis(200);
        match condition {
            Condition::Unavailable | Condition::BadGateway | Condition::OriginUnreachable => {
                Self::new(2, Backoff::doubling(S))
            }
            Condition::GatewayTimeout | Condition::Timeout => {
                Self::new(1, Backoff::constant(TWO_S)).with_price(ABANDONED)
            }
            Condition::RateLimited => Self::new(2, Backoff::doubling(S)).with_repeat(Repeat::Any),
            Condition::RequestTimeout | Condition::Interrupted => Self::new(1, Backoff::constant(S)),
            Condition::TooEarly => Self::new(1, Backoff::constant(S)).with_repeat(Repeat::Any),
            Condition::ConnectFailed => Self::new(2, Backoff::doubling(FIFTH_S)).with_repeat(Repeat::Any),
            Condition::StreamRefused => {
                Self::new(2, Backoff::constant(FIFTH_S).first_at_once()).with_price(0).with_repeat(Repeat::Any)
            }
            Condition::InternalError | Condition::Permanent => Self::never(),
        }
    }

    /// Returns the rule that the background policy has for a condition.
    pub(super) const fn background_for(condition: Condition) -> Self {
        const CAP: Duration = Duration::from_secs(60);
        let rule = Self::default_for(condition);
        let retries = match condition {
            // What waiting cures, with nothing of this call left running.
            Condition::Unavailable
            | Condition::RateLimited
            | Condition::OriginUnreachable
            | Condition::ConnectFailed => 4,
            Condition::BadGateway
            | Condition::GatewayTimeout
            | Condition::RequestTimeout
            | Condition::TooEarly
            | Condition::StreamRefused
            | Condition::Interrupted
            | Condition::Timeout
            | Condition::InternalError
            | Condition::Permanent => rule.retries,
        };
        rule.with_retries(retries).with_backoff(rule.backoff.with_cap(CAP))
    }
}

/// Which requests a rule may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repeat {
    /// Only those that may be done twice: by method, by `Idempotency-Key`, or by the caller's word.
    Idempotent,
    /// Any: the condition proves that the request was not processed.
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_sets_does_not_depend_on_the_order() {
        let rule = Rule::new(1, Backoff::constant(Duration::ZERO));
        assert_eq!(rule.with_price(5).with_repeat(Repeat::Any), rule.with_repeat(Repeat::Any).with_price(5));
    }
}
