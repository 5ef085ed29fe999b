//! What a file says that has a meaning, but hardly the one that was meant.

use std::time::Duration;

use super::file::Section;
use crate::budget::Budget;
use crate::diagnosis::Condition;
use crate::now::Now;
use crate::policy::{Policy, Rule};

/// Warns of a budget.
pub(super) fn budget(place: &str, budget: &Budget, used: bool) -> Vec<String> {
    let unused = (!used).then(|| format!("{place} is used by no endpoint"));
    let unlimited = budget
        .is_unlimited()
        .then(|| format!("{place} has no limit: when all calls fail, their retries multiply the load of the server"));
    unused.into_iter().chain(unlimited).collect()
}

/// Warns of what a section says itself: of what it inherits, those are warned who said it.
pub(super) fn section(place: &str, section: &Section, policy: &Policy, budget: &Budget) -> Vec<String> {
    let mut warnings = Vec::new();
    attempts(place, section, policy, &mut warnings);
    waits(place, section, policy, &mut warnings);
    prices(place, section, policy, budget, &mut warnings);
    if let (Some(attempt), Some(call)) = (policy.attempt_timeout(), policy.timeout()) {
        if attempt > call && (section.attempt_timeout.is_some() || section.timeout.is_some()) {
            warnings.push(format!("{place}.attempt_timeout, {attempt:?}, is never reached: timeout is {call:?}"));
        }
    }
    warnings
}

fn attempts(place: &str, section: &Section, policy: &Policy, warnings: &mut Vec<String>) {
    let room = policy.max_attempts().saturating_sub(1);
    for (condition, rule) in own_rules(section, policy, |rule| rule.retries.is_some()) {
        if rule.retries() > room {
            let retries = rule.retries();
            warnings.push(format!(
                "{place}.rules.{condition}.retries is {retries}, but max_attempts leaves room for {room}"
            ));
        }
    }
    let most = Condition::ALL.into_iter().map(|condition| policy.rule(condition).retries()).max().unwrap_or_default();
    if section.max_attempts.is_some() && room > most {
        let attempts = policy.max_attempts();
        warnings.push(format!("{place}.max_attempts is {attempts}, but no rule has more than {most} retries"));
    }
}

fn waits(place: &str, section: &Section, policy: &Policy, warnings: &mut Vec<String>) {
    let instant = Duration::from_nanos(1); // to start when the time of the call is up is of no use
    let limits = [
        ("max_elapsed", Some(policy.max_elapsed()).filter(|max| !max.is_zero()), section.max_elapsed.is_some()),
        ("timeout", policy.timeout().map(|timeout| timeout.saturating_sub(instant)), section.timeout.is_some()),
    ];
    for (limit, longest, is_own) in limits {
        let Some(longest) = longest else { continue };
        let mut own = Vec::new();
        for (condition, rule) in own_rules(section, policy, |rule| rule.retries.is_some() || rule.backoff.is_some()) {
            own.push(condition);
            let retries = possible(rule, policy);
            let fitting = fitting(rule, retries, longest);
            if fitting < retries {
                warnings
                    .push(format!("{place}.rules.{condition}: of {retries} retries, {fitting} can fit into {limit}"));
            }
        }
        let never_fits = |condition: &Condition| {
            let rule = policy.rule(*condition);
            let retries = possible(rule, policy).min(1);
            !own.contains(condition) && fitting(rule, retries, longest) < retries
        };
        let never: Vec<&str> = Condition::ALL.into_iter().filter(never_fits).map(Condition::as_str).collect();
        if is_own && !never.is_empty() {
            warnings.push(format!("{place}.{limit} is too short for any retry of {}", never.join(", ")));
        }
    }
}

fn prices(place: &str, section: &Section, policy: &Policy, budget: &Budget, warnings: &mut Vec<String>) {
    let start = budget.balance(Now::default());
    let is_above = |rule: Rule| rule.retries() > 0 && f64::from(rule.price()) > start;
    let mut own = Vec::new();
    for (condition, rule) in own_rules(section, policy, |rule| rule.price.is_some()) {
        own.push(condition);
        if is_above(rule) {
            let price = rule.price();
            warnings.push(format!(
                "{place}.rules.{condition}.price is {price}, but counts as {start}, with which its budget starts"
            ));
        }
    }
    let above = |condition: &Condition| !own.contains(condition) && is_above(policy.rule(*condition));
    let above: Vec<&str> = Condition::ALL.into_iter().filter(above).map(Condition::as_str).collect();
    if section.budget.is_some() && !above.is_empty() {
        warnings.push(format!("{place}.budget starts with {start}, below the price of {}", above.join(", ")));
    }
}

/// Returns the rules of which a section itself says something.
fn own_rules<'s>(
    section: &'s Section,
    policy: &'s Policy,
    says: impl Fn(&super::file::Rule) -> bool + 's,
) -> impl Iterator<Item = (Condition, Rule)> + 's {
    let own = section.rules.0.iter().filter(move |(_, rule)| says(rule));
    own.map(|(named, _)| (named.0, policy.rule(named.0)))
}

/// Returns the retries for which a policy has attempts.
fn possible(rule: Rule, policy: &Policy) -> u32 {
    rule.retries().min(policy.max_attempts().saturating_sub(1))
}

/// Returns how many of the first retries of a call could start in time, with the luckiest jitter.
fn fitting(rule: Rule, retries: u32, longest: Duration) -> u32 {
    let mut elapsed = Duration::ZERO;
    for retry in 1..=retries.min(MOST_COUNTED) {
        elapsed = elapsed.saturating_add(rule.backoff().delay(retry) / 2);
        if elapsed > longest {
            return retry.saturating_sub(1);
        }
    }
    retries
}

/// More is not worth a warning.
const MOST_COUNTED: u32 = 1_000;
