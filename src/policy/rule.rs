//! What a policy does about one condition.

use std::time::Duration;

use super::backoff::Backoff;
use crate::diagnosis::Condition;

/// What to do about a condition: how many retries, how patiently, at what price, and for which requests.
///
/// ```
/// # use std::time::Duration;
/// # use forbear::{Backoff, Repeat, Rule};
/// let rule = Rule::retries(1, Backoff::constant(Duration::from_secs(2))).price(5);
/// assert_eq!(rule.max_retries(), 1);
/// assert_eq!(Rule::never().max_retries(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    retries: u32,
    backoff: Backoff,
    price: u32,
    repeat: Repeat,
}

impl Rule {
    /// Returns a rule of at most `retries` retries for its condition in one call, at the price of 1.
    #[must_use]
    pub const fn retries(retries: u32, backoff: Backoff) -> Self {
        Self { retries, backoff, price: 1, repeat: Repeat::Idempotent }
    }

    /// Returns the rule that never retries.
    #[must_use]
    pub const fn never() -> Self {
        Self::retries(0, Backoff::constant(Duration::ZERO))
    }

    /// Sets what a retry costs, in credits of the budget. Default 1.
    ///
    /// A price above the credit that a budget starts with counts as that credit. At a price of 0 nothing is paid, and
    /// only the numbers of attempts limit the retries.
    #[must_use]
    pub const fn price(self, credits: u32) -> Self {
        Self { price: credits, ..self }
    }

    /// Sets which requests may be repeated. Default [`Repeat::Idempotent`].
    #[must_use]
    pub const fn repeat(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }

    /// Returns how many retries a call may spend on this condition.
    #[must_use]
    pub const fn max_retries(&self) -> u32 {
        self.retries
    }

    pub(crate) const fn backoff(&self) -> Backoff {
        self.backoff
    }

    pub(crate) const fn credits(&self) -> u32 {
        self.price
    }

    /// Returns which requests may be repeated.
    #[must_use]
    pub const fn repeats(&self) -> Repeat {
        self.repeat
    }

    pub(crate) const fn repeats_any(&self) -> bool {
        matches!(self.repeat, Repeat::Any)
    }

    /// Returns the rule that the default policy has for a condition.
    pub(super) const fn default_for(condition: Condition) -> Self {
        // Work that was abandoned is still running: to retry it freely is what keeps an overload alive.
        const ABANDONED: u32 = 5;
        const S: Duration = Duration::from_secs(1);
        const TWO_S: Duration = Duration::from_secs(2);
        const FIFTH_S: Duration = Duration::from_millis(200);
        match condition {
            Condition::Unavailable | Condition::BadGateway | Condition::OriginUnreachable => {
                Self::retries(2, Backoff::doubling(S))
            }
            Condition::GatewayTimeout | Condition::Timeout => {
                Self::retries(1, Backoff::constant(TWO_S)).price(ABANDONED)
            }
            Condition::RateLimited => Self::retries(2, Backoff::doubling(S)).repeat(Repeat::Any),
            Condition::RequestTimeout | Condition::Interrupted => Self::retries(1, Backoff::constant(S)),
            Condition::TooEarly => Self::retries(1, Backoff::constant(S)).repeat(Repeat::Any),
            Condition::ConnectFailed => Self::retries(2, Backoff::doubling(FIFTH_S)).repeat(Repeat::Any),
            Condition::StreamRefused => {
                Self::retries(2, Backoff::constant(FIFTH_S).first_at_once()).price(0).repeat(Repeat::Any)
            }
            Condition::InternalError | Condition::Permanent => Self::never(),
        }
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
