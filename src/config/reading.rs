//! From a file to endpoints: what its values mean, and which of them are wrong.

use http::Method;

use super::file::{self, File, Named, Section};
use super::unwise;
use super::value::Value;
use crate::budget::{Budget, BudgetBuilder};
use crate::endpoints::{Endpoint, Endpoints, EndpointsBuilder, Shown, check_name};
use crate::policy::{Backoff, Mode, Policy, Repeat, Rule};

/// What became of a file.
pub(super) struct Reading {
    pub(super) builder: EndpointsBuilder,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Reading {
    pub(super) fn of(file: &File) -> Self {
        let mut reader = Reader::default();
        reader.mode = reader.read("", "mode", file.mode.as_ref(), |mode| mode.word(&MODES)).unwrap_or_default();
        reader.budgets = file.budgets.0.iter().map(|(name, budget)| reader.budget(name, budget)).collect();
        let mut builder = reader.fallback(&file.fallback);
        let fallback = builder.fallback_policy().clone();
        for (index, section) in file.endpoint.iter().enumerate() {
            builder = builder.endpoint(reader.endpoint(index, section, &fallback));
        }
        reader.problems.extend(builder.problems());
        let of_budgets =
            reader.budgets.iter().flat_map(|budget| unwise::budget(&budget.place, &budget.of, budget.used));
        reader.warnings.extend(of_budgets);
        Self { builder, problems: reader.problems, warnings: reader.warnings }
    }
}

#[derive(Default)]
struct Reader {
    mode: Mode,
    budgets: Vec<SharedBudget>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Clone)]
struct SharedBudget {
    place: String,
    name: String,
    /// What each host under the fallback begins with, if the fallback names it.
    builder: BudgetBuilder,
    of: Budget,
    used: bool,
}

impl Reader {
    /// Reads what is there, and tells what it must be if it is something else.
    fn read<T>(
        &mut self,
        place: &str,
        key: &str,
        value: Option<&Value>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = value?;
        read(value).map_err(|what| self.must(place, key, value, &what)).ok()
    }

    fn must(&mut self, place: &str, key: &str, value: &Value, what: &str) {
        let dot = if place.is_empty() { "" } else { "." };
        self.problems.push(format!("{place}{dot}{key} is {value}, but must {what}"));
    }

    fn budget(&mut self, name: &str, keys: &file::Budget) -> SharedBudget {
        let is_bare =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let place = format!("budgets.{}", if is_bare { name.to_owned() } else { Shown(name).to_string() });
        if let Err(what) = check_name(name) {
            self.problems.push(format!("{place}: its name must {what}"));
        }
        let is_unlimited = self.read(&place, "unlimited", keys.unlimited.as_ref(), Value::flag).unwrap_or_default();
        let mut builder = Budget::builder();
        for (key, value) in [("start", &keys.start), ("earn", &keys.earn)] {
            let Some(number) = self.read(&place, key, value.as_ref(), Value::number) else { continue };
            builder = if key == "start" { builder.start(number) } else { builder.earn(number) };
            if let Some(value) = value.as_ref().filter(|_| is_unlimited) {
                self.must(&place, key, value, "be left out where there is no limit");
            }
        }
        let of = if is_unlimited { Ok(Budget::unlimited()) } else { builder.build() };
        let of = of.unwrap_or_else(|error| {
            self.problems.extend(error.problems().map(|problem| format!("{place}.{problem}")));
            builder = Budget::builder();
            Budget::new()
        });
        SharedBudget { place, name: name.to_owned(), builder, of, used: false }
    }

    fn fallback(&mut self, section: &Section) -> EndpointsBuilder {
        const PLACE: &str = "fallback";
        let Section { name, host, methods, path, idempotent, .. } = section;
        for (key, is_there) in [
            ("name", name.is_some()),
            ("host", host.is_some()),
            ("methods", methods.is_some()),
            ("path", path.is_some()),
            ("idempotent", idempotent.is_some()),
        ] {
            if is_there {
                self.problems.push(format!("{PLACE}.{key} must be left out: it is for what no endpoint is for"));
            }
        }
        let policy = self.policy(PLACE, section, &Policy::default());
        let builder = Endpoints::builder().fallback(policy.clone());
        let found = section.budget.as_ref().and_then(|budget| self.find_budget(PLACE, budget));
        let (recipe, budget) = found.map_or((Budget::builder(), Budget::new()), |found| (found.builder, found.of));
        if let Some(value) = section.budget.as_ref().filter(|_| budget.is_unlimited()) {
            self.must(PLACE, "budget", value, "have a limit: what any host may do is not known");
        }
        self.warnings.extend(unwise::section(PLACE, section, &policy, &budget));
        builder.fallback_budget(recipe)
    }

    fn endpoint(&mut self, index: usize, section: &Section, fallback: &Policy) -> Endpoint {
        let number = format!("endpoint[{index}]");
        if section.name.is_none() {
            self.problems.push(format!("{number}.name is missing, but must be there"));
        }
        let name = self.read(&number, "name", section.name.as_ref(), |name| name.text().map(str::to_owned));
        let place = name.as_ref().map_or_else(|| number.clone(), |name| format!("{number} {}", Shown(name)));

        let mut endpoint = Endpoint::new(name.unwrap_or(number)).at(place.clone());
        if let Some(host) = self.read(&place, "host", section.host.as_ref(), |host| host.text().map(str::to_owned)) {
            endpoint = endpoint.host(host);
        }
        if let Some(path) = self.read(&place, "path", section.path.as_ref(), |path| path.text().map(str::to_owned)) {
            endpoint = endpoint.path(path);
        }
        if section.methods.as_ref().is_some_and(Vec::is_empty) {
            self.problems.push(format!("{place}.methods is empty, but must be left out to mean all methods"));
        }
        for (index, value) in section.methods.iter().flatten().enumerate() {
            if let Some(method) = self.read(&place, &format!("methods[{index}]"), Some(value), method) {
                endpoint = endpoint.method(method);
            }
        }
        if let Some(idempotent) = self.read(&place, "idempotent", section.idempotent.as_ref(), Value::flag) {
            endpoint = endpoint.idempotent(idempotent);
        }
        let policy = self.policy(&place, section, fallback);
        let budget = section.budget.as_ref().and_then(|budget| self.find_budget(&place, budget));
        let credit = budget.as_ref().map(|budget| budget.of.clone()).unwrap_or_default();
        self.warnings.extend(unwise::section(&place, section, &policy, &credit));
        endpoint = endpoint.policy(policy);
        if let Some(budget) = budget { endpoint.named_budget(budget.name, budget.of) } else { endpoint }
    }

    fn find_budget(&mut self, place: &str, value: &Value) -> Option<SharedBudget> {
        let is_it = |budget: &&mut SharedBudget| value.text() == Ok(&budget.name);
        if let Some(budget) = self.budgets.iter_mut().find(is_it) {
            budget.used = true;
            return Some(budget.clone());
        }
        let names: Vec<String> = self.budgets.iter().map(|budget| Shown(&budget.name).to_string()).collect();
        let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        self.must(place, "budget", value, &format!("be a name under `budgets`: there is {there_are}"));
        None
    }

    fn policy(&mut self, place: &str, section: &Section, inherited: &Policy) -> Policy {
        let preset = self.read(place, "preset", section.preset.as_ref(), |preset| preset.word(&PRESETS));
        let base = preset.map_or_else(|| inherited.clone(), |preset| preset());
        let mode = self.read(place, "mode", section.mode.as_ref(), |mode| mode.word(&MODES)).unwrap_or(self.mode);

        let mut policy = base.to_builder().mode(mode);
        if let Some(attempts) = self.read(place, "max_attempts", section.max_attempts.as_ref(), |it| it.whole(1)) {
            policy = policy.max_attempts(attempts);
        }
        if let Some(elapsed) = self.read(place, "max_elapsed", section.max_elapsed.as_ref(), Value::duration) {
            policy = policy.max_elapsed(elapsed);
        }
        if let Some(timeout) = self.read(place, "attempt_timeout", section.attempt_timeout.as_ref(), Value::timeout) {
            policy = policy.attempt_timeout(timeout);
        }
        if let Some(timeout) = self.read(place, "timeout", section.timeout.as_ref(), Value::timeout) {
            policy = policy.timeout(timeout);
        }
        if let Some(trust) = self.read(place, "trust_delivery", section.trust_delivery.as_ref(), Value::flag) {
            policy = policy.trust_delivery(trust);
        }
        if let Some(looks) = self.read(place, "looks_into_bodies", section.looks_into_bodies.as_ref(), Value::flag) {
            policy = policy.looks_into_bodies(looks);
        }
        for (Named(condition), rule) in &section.rules.0 {
            let place = format!("{place}.rules.{condition}");
            policy = policy.rule(*condition, self.rule(&place, rule, base.rule(*condition)));
        }
        policy.build().unwrap_or_else(|error| {
            self.problems.push(format!("{place}.{error}"));
            base
        })
    }

    fn rule(&mut self, place: &str, keys: &file::Rule, base: Rule) -> Rule {
        let mut rule = base;
        if let Some(retries) = self.read(place, "retries", keys.retries.as_ref(), |retries| retries.whole(0)) {
            rule = rule.with_retries(retries);
        }
        if let Some(price) = self.read(place, "price", keys.price.as_ref(), |price| price.whole(0)) {
            rule = rule.with_price(price);
        }
        if let Some(repeat) = self.read(place, "repeat", keys.repeat.as_ref(), |repeat| repeat.word(&REPEATS)) {
            rule = rule.with_repeat(repeat);
        }
        if let Some(backoff) = &keys.backoff {
            rule = rule.with_backoff(self.backoff(&format!("{place}.backoff"), backoff, base.backoff()));
        }
        let says_base = keys.backoff.as_ref().is_some_and(|backoff| backoff.base.is_some());
        if base.retries() == 0 && rule.retries() > 0 && base.backoff().base().is_zero() && !says_base {
            self.problems.push(format!("{place}.backoff.base is missing, but must be there: there is none to keep"));
        }
        rule
    }

    fn backoff(&mut self, place: &str, keys: &file::Backoff, kept: Backoff) -> Backoff {
        let base = self.read(place, "base", keys.base.as_ref(), Value::duration);
        let cap = self.read(place, "cap", keys.cap.as_ref(), Value::duration);
        let growth = self.read(place, "growth", keys.growth.as_ref(), |growth| growth.word(&GROWTHS));
        let at_once = self.read(place, "first_at_once", keys.first_at_once.as_ref(), Value::flag);

        let mut backoff = kept.with_base(base.unwrap_or(kept.base())).with_cap(cap.unwrap_or(kept.cap()));
        if backoff.base() > backoff.cap() {
            match (&keys.base, &keys.cap) {
                (Some(value), _) if base.is_some() => {
                    self.must(place, "base", value, &format!("be at most the cap, {:?}", backoff.cap()));
                }
                (_, Some(value)) => {
                    self.must(place, "cap", value, &format!("be at least the base, {:?}", backoff.base()));
                }
                (_, None) => {}
            }
        }
        if let Some(is_doubling) = growth {
            backoff = backoff.with_doubling(is_doubling);
        }
        backoff.with_first_at_once(at_once.unwrap_or(kept.is_first_at_once()))
    }
}

fn method(value: &Value) -> Result<Method, String> {
    let text = value.text()?;
    let upper_case = text.to_ascii_uppercase();
    if text != upper_case && STANDARD_METHODS.contains(&upper_case.as_str()) {
        return Err(format!("be {upper_case:?}: letter case tells methods apart"));
    }
    Method::from_bytes(text.as_bytes()).map_err(|_| "be a method, such as \"POST\"".to_owned())
}

const MODES: [(&str, Mode); 3] = [("on", Mode::On), ("observe", Mode::Observe), ("off", Mode::Off)];
type Preset = fn() -> Policy;
const PRESETS: [(&str, Preset); 3] =
    [("default", Policy::default), ("interactive", Policy::interactive), ("background", Policy::background)];
const REPEATS: [(&str, Repeat); 2] = [("idempotent", Repeat::Idempotent), ("any", Repeat::Any)];
/// Whether it doubles.
const GROWTHS: [(&str, bool); 2] = [("doubling", true), ("constant", false)];
/// RFC 9110 §9.1 and RFC 5789
const STANDARD_METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
