//! What to do about each condition, within which limits. Pure data.

mod backoff;
mod classify;
mod decision;
mod rule;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use backoff::Backoff;
pub(crate) use backoff::Wait;
use classify::Classifier;
pub use classify::{Classify, Ruling};
pub use decision::{Decision, Done, Retry, StopReason, WaitSource};
pub use rule::{Repeat, Rule};

use crate::diagnosis::Condition;

/// A rule for each condition, and the limits of a call. Cheap to clone.
///
/// The default makes 3 attempts in all and starts none later than 60 s after the first; it sets no timeouts. Its
/// rules are the table of the [crate page](crate#defaults). Two other presets differ in their limits:
/// [`interactive`](Self::interactive) is briefer, [`background`](Self::background) more patient.
///
/// Four limits of time:
///
/// | limit | of | cuts off what is under way | the reading of the body included |
/// |---|---|---|---|
/// | [`max_elapsed`](PolicyBuilder::max_elapsed), or that of a request | the start of the last attempt | no | |
/// | [`attempt_timeout`](PolicyBuilder::attempt_timeout) | one attempt, to the head of its response | yes | no |
/// | [`timeout`](PolicyBuilder::timeout), or that of a request, which goes before it | the call | yes | yes |
/// | a reqwest client's own timeout, unless the request has one | one attempt | yes | yes |
///
/// ```
/// # use std::time::Duration;
/// # use forbear::Policy;
/// let policy = Policy::builder().max_attempts(2).max_elapsed(Duration::from_secs(5)).build()?;
/// assert_eq!(policy.max_attempts(), 2);
/// # Ok::<(), forbear::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(Arc<Settings>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    mode: Mode,
    trust_delivery: bool,
    looks_into_bodies: bool,
    classifier: Option<Classifier>,
    max_attempts: u32,
    max_elapsed: Duration,
    attempt_timeout: Option<Duration>,
    timeout: Option<Duration>,
    rules: [Rule; Condition::ALL.len()],
}

impl Policy {
    /// Returns a builder that starts from the default policy.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder {
            settings: Settings {
                mode: Mode::On,
                trust_delivery: false,
                looks_into_bodies: true,
                classifier: None,
                max_attempts: 3,
                max_elapsed: Duration::from_secs(60),
                attempt_timeout: None,
                timeout: None,
                rules: Condition::ALL.map(Rule::default_for),
            },
        }
    }

    /// Returns the policy for calls that somebody waits for: at most 2 attempts, the last no later than 5 s after the
    /// first. Its rules are the default's.
    #[must_use]
    pub fn interactive() -> Self {
        let settings = Self::builder().settings;
        Self(Arc::new(Settings { max_attempts: 2, max_elapsed: Duration::from_secs(5), ..settings }))
    }

    /// Returns the policy for jobs that nobody waits for: at most 5 attempts, the last no later than 10 min after the
    /// first, and no backoff above 60 s.
    ///
    /// A server that asks for patience, or cannot be reached, is asked all five times, while the budget pays for it: the four
    /// retries of one call are all that a budget starts with. A 502 gets two retries here, too: where a restart has not cured
    /// it, a person must.
    #[must_use]
    pub fn background() -> Self {
        let settings = Self::builder().settings;
        let rules = Condition::ALL.map(Rule::background_for);
        Self(Arc::new(Settings { max_attempts: 5, max_elapsed: Duration::from_secs(600), rules, ..settings }))
    }

    /// Returns a builder that starts from this policy.
    pub fn to_builder(&self) -> PolicyBuilder {
        PolicyBuilder { settings: Settings::clone(&self.0) }
    }

    /// Returns whether the policy is in force.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// Returns whether a proof of non-delivery from outside is trusted.
    #[must_use]
    pub fn trust_delivery(&self) -> bool {
        self.0.trust_delivery
    }

    /// Returns whether the bodies of failing responses are looked at.
    #[must_use]
    pub fn looks_into_bodies(&self) -> bool {
        self.0.looks_into_bodies
    }

    pub(crate) fn classifier(&self) -> Option<&dyn Classify> {
        self.0.classifier.as_ref().map(|classifier| &*classifier.0)
    }

    /// Returns the largest number of attempts, the first included.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.0.max_attempts
    }

    /// Returns how long after the first attempt the last one may start.
    #[must_use]
    pub fn max_elapsed(&self) -> Duration {
        self.0.max_elapsed
    }

    /// Returns how long one attempt may take to the head of its response.
    #[must_use]
    pub fn attempt_timeout(&self) -> Option<Duration> {
        self.0.attempt_timeout
    }

    /// Returns how long the whole call may take.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.0.timeout
    }

    /// Returns the rule for a condition.
    #[must_use]
    pub fn rule(&self, condition: Condition) -> Rule {
        self.0.rules.get(condition.index()).copied().unwrap_or(Rule::never())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self(Arc::new(Self::builder().settings))
    }
}

/// Builds a [`Policy`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct PolicyBuilder {
    settings: Settings,
}

impl PolicyBuilder {
    /// Sets whether the policy is in force. Default [`Mode::On`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Sets whether what a response says of how far the request got is trusted, so that one which is not idempotent may
    /// be repeated. Default `false`: anybody on the way can write it.
    ///
    /// What makes the client more careful always counts, and so does what the connection itself proves.
    pub fn trust_delivery(mut self, trust: bool) -> Self {
        self.settings.trust_delivery = trust;
        self
    }

    /// Sets whether the client looks into the bodies of failing responses for what tells their issuer. Default `true`.
    ///
    /// Only for 5xx and 429, only into bodies whose length says that they are at most 4 KiB, and only at what comes within
    /// 50 ms. The caller receives every byte as if nobody had looked.
    pub fn looks_into_bodies(mut self, looks: bool) -> Self {
        self.settings.looks_into_bodies = looks;
        self
    }

    /// Sets who may overrule the diagnosis of an outcome that is no success. Default nobody.
    ///
    /// The client then looks into the bodies of 4xx, too.
    pub fn classify(mut self, classify: impl Classify + 'static) -> Self {
        self.settings.classifier = Some(Classifier(Arc::new(classify)));
        self
    }

    /// Sets the largest number of attempts, the first included. Default 3: the first retry earns most of what there
    /// is, the second a little, and a third hardly anything.
    ///
    /// The rule of a condition may allow fewer: to retry one more often, raise its
    /// [retries](Rule::with_retries), too. 1 sends once. 0 is an error.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.max_attempts = attempts;
        self
    }

    /// Sets how long after the first attempt the last one may start. Default 60 s.
    ///
    /// [`Duration::ZERO`] means one attempt, [`Duration::MAX`] no limit. An attempt under way is not cut off: it may
    /// end later than this.
    pub fn max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.settings.max_elapsed = max_elapsed;
        self
    }

    /// Sets how long one attempt may take to the head of its response. Default none.
    ///
    /// The reading of the body is not limited. Zero is an error.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = Some(timeout);
        self
    }

    /// Sets how long the whole call may take, waits and the reading of the body included. Default none.
    ///
    /// An attempt under way is cut off. A request's own timeout goes before this one. A timeout
    /// of the reqwest client stays what it is, one of each attempt. Zero is an error.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// Sets the rule for a condition.
    pub fn rule(mut self, condition: Condition, rule: Rule) -> Self {
        if let Some(slot) = self.settings.rules.get_mut(condition.index()) {
            *slot = rule;
        }
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    ///
    /// Names the first field that has an impossible value, and its range.
    pub fn build(self) -> Result<Policy, PolicyError> {
        let Settings { max_attempts, attempt_timeout, timeout, .. } = self.settings;
        if max_attempts == 0 {
            return Err(PolicyError { field: "max_attempts", value: "0", range: "1 or more" });
        }
        for (field, value) in [("attempt_timeout", attempt_timeout), ("timeout", timeout)] {
            if value.is_some_and(|timeout| timeout.is_zero()) {
                return Err(PolicyError { field, value: "0s", range: "longer than zero" });
            }
        }
        Ok(Policy(Arc::new(self.settings)))
    }
}

/// Whether a policy is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// It decides.
    #[default]
    On,
    /// It sends each call once, and says what it would have done: a failing outcome that it would have retried is handed
    /// back with [`StopReason::Observe`], and the event tells the wait. Diagnosis, events, reports and incidents are as
    /// ever, as are its timeouts. Nothing is paid, so the budget refuses nothing that it would not refuse at once; and of
    /// the retries of a call only the first is told, as nobody knows what would have come of it.
    Observe,
    /// It does nothing: each call is sent once, and nothing is diagnosed, said, reported or counted. Its timeouts stay, and
    /// so does what `Client::builder` switched off: reqwest does not retry instead.
    Off,
}

/// A policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    field: &'static str,
    value: &'static str,
    range: &'static str,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but must be {}", self.field, self.value, self.range)
    }
}

impl Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_value_is_named_with_its_range() {
        for (builder, text) in [
            (Policy::builder().max_attempts(0), "max_attempts is 0, but must be 1 or more"),
            (Policy::builder().attempt_timeout(Duration::ZERO), "attempt_timeout is 0s, but must be longer than zero"),
            (Policy::builder().timeout(Duration::ZERO), "timeout is 0s, but must be longer than zero"),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn one_rule_changes_and_the_others_stay() {
        let rule = Rule::new(7, Backoff::constant(Duration::from_secs(3)));
        let policy = Policy::builder().rule(Condition::InternalError, rule).build().unwrap();
        for condition in Condition::ALL {
            let expected = if condition == Condition::InternalError { rule } else { Policy::default().rule(condition) };
            assert_eq!(policy.rule(condition), expected, "{condition}");
        }
    }

    #[test]
    fn presets_change_what_their_docs_tell_and_nothing_else() {
        let s = Duration::from_secs;
        let interactive = Policy::builder().max_attempts(2).max_elapsed(s(5)).build().unwrap();
        assert_eq!(Policy::interactive(), interactive);

        let limits = Policy::builder().max_attempts(5).max_elapsed(s(600));
        let background = Condition::ALL.into_iter().fold(limits, |policy, condition| {
            let rule = Policy::default().rule(condition);
            let retries = match condition.as_str() {
                "unavailable" | "rate_limited" | "origin_unreachable" | "connect_failed" => 4,
                _ => rule.retries(),
            };
            policy.rule(condition, rule.with_retries(retries).with_backoff(rule.backoff().with_cap(s(60))))
        });
        assert_eq!(Policy::background(), background.build().unwrap());
    }

    #[test]
    fn a_builder_starts_from_any_policy() {
        let policy = Policy::background();
        assert_eq!(policy.to_builder().build().unwrap(), policy);
        let changed = policy.to_builder().max_attempts(4).build().unwrap();
        assert_eq!((changed.max_attempts(), changed.max_elapsed()), (4, policy.max_elapsed()));
    }

    #[test]
    fn the_readme_tells_the_defaults_of_the_code() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let policy = Policy::default();
        assert_eq!((policy.max_attempts(), policy.max_elapsed()), (3, Duration::from_secs(60)));
        assert!(readme.contains("At most 3 attempts, the last of which starts no later than 60 s after the first."));
        let rows: Vec<Vec<&str>> = readme
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), Condition::ALL.len());
        for (condition, row) in Condition::ALL.into_iter().zip(rows) {
            let [name, _, retries, delays, price, any] = *row else { panic!("{row:?} has not six cells") };
            assert_eq!(name.trim_matches('`'), condition.as_str());
            let told = match retries {
                "0" => Rule::never(),
                retries => Rule::new(retries.parse().unwrap(), told_backoff(delays))
                    .with_price(price.parse().unwrap())
                    .with_repeat(if any == "yes" { Repeat::Any } else { Repeat::Idempotent }),
            };
            assert_eq!(policy.rule(condition), told, "{name}");
        }
    }

    fn told_backoff(text: &str) -> Backoff {
        let seconds = |text: &str| Duration::from_secs_f64(text.strip_suffix(" s").unwrap().parse().unwrap());
        match (text.strip_suffix(" × 2ⁿ⁻¹"), text.strip_prefix("0 s, then ")) {
            (Some(base), _) => Backoff::doubling(seconds(base)),
            (_, Some(later)) => Backoff::constant(seconds(later)).first_at_once(),
            (None, None) => Backoff::constant(seconds(text)),
        }
    }
}
