//! Other defaults than forbear's.

use std::time::Duration;

use forbear::{Backoff, Budget, BudgetBuilder, Condition, Policy, PolicyBuilder, PolicyError, Rule};

/// A policy and a budget that could be the default.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) policy: Policy,
    pub(super) budget: BudgetBuilder,
}

/// Returns forbear's own defaults, then others.
pub(super) fn all() -> Result<Vec<Variant>, PolicyError> {
    let (policy, budget) = (Policy::builder, Budget::builder);
    let of = |name, policy: PolicyBuilder, budget| Ok(Variant { name, policy: policy.build()?, budget });
    let variants = [
        of("the defaults", policy(), budget()),
        of("start 3", policy(), budget().start(3.0)),
        of("start 5", policy(), budget().start(5.0)),
        of("start 8", policy(), budget().start(8.0)),
        of("earn 0.1", policy(), budget().earn(0.1)),
        of("earn 0.3", policy(), budget().earn(0.3)),
        of("502, 503: price 2", with(policy(), ILL, |rule| rule.with_price(2)), budget()),
        of("502, 503: 0.5 s", with(policy(), ILL, |rule| rule.with_backoff(doubling(500))), budget()),
        of("502, 503: 2 s", with(policy(), ILL, |rule| rule.with_backoff(doubling(2_000))), budget()),
        of("502, 503: 1 retry", with(policy(), ILL, |rule| rule.with_retries(1)), budget()),
        of("502, 503: 3 retries", with(policy(), ILL, |rule| rule.with_retries(3)).max_attempts(4), budget()),
        of("timeout: price 2", with(policy(), LATE, |rule| rule.with_price(2)), budget()),
        of("timeout: never", with(policy(), LATE, |rule| rule.with_retries(0)), budget()),
        of("connect: 0.4 s", with(policy(), LOST, |rule| rule.with_backoff(doubling(400))), budget()),
        of("connect: 0.5 s", with(policy(), LOST, |rule| rule.with_backoff(doubling(500))), budget()),
        of("connect: 1 s", with(policy(), LOST, |rule| rule.with_backoff(doubling(1_000))), budget()),
        of("connect: 3 retries", with(policy(), LOST, |rule| rule.with_retries(3)).max_attempts(4), budget()),
        of("reset: 2 retries", with(policy(), CUT, |rule| rule.with_retries(2)), budget()),
    ];
    variants.into_iter().collect()
}

fn with(policy: PolicyBuilder, conditions: &[Condition], change: impl Fn(Rule) -> Rule) -> PolicyBuilder {
    let rule = |condition| change(Policy::default().rule(condition));
    conditions.iter().fold(policy, |policy, condition| policy.rule(*condition, rule(*condition)))
}

fn doubling(base_ms: u64) -> Backoff {
    Backoff::doubling(Duration::from_millis(base_ms))
}

const ILL: &[Condition] = &[Condition::BadGateway, Condition::Unavailable];
const LATE: &[Condition] = &[Condition::Timeout];
const LOST: &[Condition] = &[Condition::ConnectFailed];
const CUT: &[Condition] = &[Condition::Interrupted];
