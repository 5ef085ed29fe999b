//! Endpoints from a file.

mod error;
mod file;
mod reading;
mod unwise;
mod value;

use serde::Deserialize;
use serde::de::Deserializer;

pub use error::ConfigError;
use file::File;
use reading::Reading;

use crate::endpoints::EndpointsBuilder;

/// Endpoints as a file says them, in any format of serde's that describes itself: TOML, JSON, YAML and others.
///
/// ```
/// # use forbear::{Config, Now};
/// # use http::{Method, Uri};
/// let config: Config = toml::from_str(
///     r#"
///     mode = "on"
///
///     [fallback]
///     preset = "interactive"
///
///     [budgets.payments]             # shared by those who name it
///     start = 4
///     earn = 0.2
///
///     [[endpoint]]
///     name = "charges"
///     host = "payments.internal"
///     methods = ["POST"]
///     path = "/v1/charges/{id}"
///     idempotent = true
///     max_attempts = 2
///     attempt_timeout = "2s"
///     budget = "payments"
///     rules.bad_gateway = { retries = 1, backoff = { base = "1s", cap = "5s" } }
///     "#,
/// )?;
/// for warning in config.warnings() {
///     eprintln!("{warning}");
/// }
/// let endpoints = config.into_builder()?.build()?;
///
/// let uri = Uri::from_static("https://payments.internal/v1/charges/7");
/// let call = endpoints.call(&Method::POST, &uri).start(Now::default(), 7);
/// assert_eq!((call.endpoint(), call.policy().max_attempts()), ("charges", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A problem has a place such as `endpoint[0] "charges".max_attempts`, and no line: serde does not tell it. `examples/explain` finds
/// the line in the text.
///
/// An empty file is [`Endpoints::default`](crate::Endpoints::default). Whatever code can say of a policy a file can, but for
/// [`classify`](crate::PolicyBuilder::classify).
///
/// | key | value | default |
/// |---|---|---|
/// | `mode` | `"on"`, `"observe"`, `"off"`: that of all which have none of their own | `"on"` |
/// | `fallback` | the policy of what no endpoint is for: keys of a policy, and `budget` | |
/// | `budgets.NAME` | the credit of those who name it: keys of a budget | |
/// | `endpoint` | a list, in any order: keys of an endpoint, and of a policy | |
///
/// Keys of an endpoint:
///
/// | key | value | default |
/// |---|---|---|
/// | `name` | 1 to 100 characters, unlike all others, not `"fallback"` | |
/// | `host`, `methods`, `path` | what it is for, as [`Endpoint`](crate::Endpoint) tells: `"*.internal"`, `["GET"]`, `"/v1/{id}"` | any |
/// | `idempotent` | whether its requests may be done twice | by method and `Idempotency-Key` |
/// | `budget` | a name of `budgets`, whose credit it shares. Under `fallback` each host begins with one like it | its own |
///
/// Keys of a policy. An endpoint without a `preset` starts from the policy of the fallback:
///
/// | key | value | in the default preset |
/// |---|---|---|
/// | `preset` | `"default"`, `"interactive"`, `"background"`: what the other keys change | |
/// | `mode` | as above, for this one | that of the file |
/// | `max_attempts` | from 1, the first included | `3` |
/// | `max_elapsed` | a duration: how long after the first attempt the last one may start | `"60s"` |
/// | `attempt_timeout` | a duration: one attempt, to the head of its response | none |
/// | `timeout` | a duration: the whole call | none |
/// | `trust_delivery` | whether a response is believed how far its request got | `false` |
/// | `looks_into_bodies` | whether the client looks there for the issuer | `true` |
/// | `rules.CONDITION` | what is done about a [`Condition`](crate::Condition), such as `bad_gateway`: keys of a rule | [the table](crate#defaults) |
///
/// Keys of a rule. What it leaves out stays as it was:
///
/// | key | value |
/// |---|---|
/// | `retries` | from 0 |
/// | `price` | credits, from 0 |
/// | `repeat` | `"idempotent"` or `"any"`: which requests may be repeated |
/// | `backoff.base` | a duration, at most the cap |
/// | `backoff.cap` | a duration, at least the base |
/// | `backoff.growth` | `"doubling"` or `"constant"` |
/// | `backoff.first_at_once` | whether the first retry of a call does not wait |
///
/// Keys of a budget:
///
/// | key | value | default |
/// |---|---|---|
/// | `start` | credits, from 1 to 10,000 | `4` |
/// | `earn` | credits for each success, from 0 to 1 | `0.2` |
/// | `unlimited` | whether it pays everything, as [`Budget::unlimited`](crate::Budget::unlimited) | `false` |
///
/// A duration is a text with its unit: `"2s"`, `"500ms"`, `"1m 30s"`. Letter case counts everywhere but in hosts.
///
/// # Errors
///
/// What is no such file, a key that is none and a list in the place of a text are errors of the format, which says the
/// line. Everything else is said at once by [`into_builder`](Self::into_builder), with its place, its value and what it must
/// be; endpoints and methods are counted from 0:
///
/// ```
/// # use forbear::Config;
/// let config: Config = serde_json::from_str(
///     r#"{
///         "fallback": { "timeout": 2 },
///         "endpoint": [{ "name": "charges", "methods": ["post"], "rules": { "timeout": { "price": -1 } } }]
///     }"#,
/// )?;
/// let error = config.into_builder().unwrap_err();
/// assert_eq!(error.problems().collect::<Vec<_>>(), [
///     r#"fallback.timeout is 2, but must be a duration with its unit, such as "2s" or "500ms""#,
///     r#"endpoint[0] "charges".methods[0] is "post", but must be "POST": letter case tells methods apart"#,
///     r#"endpoint[0] "charges".rules.timeout.price is -1, but must be a whole number from 0 to 4294967295"#,
/// ]);
///
/// let error = toml::from_str::<Config>("mode = \"on\"\n\n[falback]\n").unwrap_err().to_string();
/// assert!(error.starts_with("TOML parse error at line 3, column 2"), "{error}");
/// assert!(error.ends_with("unknown field `falback`, expected one of `mode`, `fallback`, `budgets`, `endpoint`\n"), "{error}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    file: File,
}

impl Config {
    /// Makes a builder of what the file says, to which code can add an observer and further endpoints.
    ///
    /// # Errors
    ///
    /// Names everything that is wrong, each with its place, its value and what it must be: impossible values, names that
    /// nobody has or two have, and endpoints that no request can belong to.
    pub fn into_builder(self) -> Result<EndpointsBuilder, ConfigError> {
        let Reading { builder, problems, .. } = Reading::of(&self.file);
        if problems.is_empty() { Ok(builder) } else { Err(ConfigError { problems }) }
    }

    /// Returns what is possible but unwise, a line for each with its place.
    ///
    /// A retry that can never fit into the time of its call or for which there is no attempt, a timeout that another one
    /// forestalls, a price above what the budget starts with, a budget that nobody uses or that has no limit.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        Reading::of(&self.file).warnings
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        File::deserialize(deserializer).map(|file| Self { file })
    }
}
