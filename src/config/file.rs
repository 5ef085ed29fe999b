//! What may stand in a file. The format tells of wrong keys, with their line; values are taken as they come.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::value::Value;
use crate::diagnosis::Condition;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) mode: Option<Value>,
    pub(super) fallback: Section,
    pub(super) budgets: Entries<String, Budget>,
    pub(super) endpoint: Vec<Section>,
}

/// An endpoint, or the fallback, which must leave out what it is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    pub(super) name: Option<Value>,
    pub(super) host: Option<Value>,
    pub(super) methods: Option<Vec<Value>>,
    pub(super) path: Option<Value>,
    pub(super) idempotent: Option<Value>,
    pub(super) budget: Option<Value>,
    pub(super) preset: Option<Value>,
    pub(super) mode: Option<Value>,
    pub(super) max_attempts: Option<Value>,
    pub(super) max_elapsed: Option<Value>,
    pub(super) attempt_timeout: Option<Value>,
    pub(super) timeout: Option<Value>,
    pub(super) trust_delivery: Option<Value>,
    pub(super) looks_into_bodies: Option<Value>,
    pub(super) rules: Entries<Named, Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) retries: Option<Value>,
    pub(super) backoff: Option<Backoff>,
    pub(super) price: Option<Value>,
    pub(super) repeat: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Backoff {
    pub(super) base: Option<Value>,
    pub(super) cap: Option<Value>,
    pub(super) growth: Option<Value>,
    pub(super) first_at_once: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Budget {
    pub(super) start: Option<Value>,
    pub(super) earn: Option<Value>,
    pub(super) unlimited: Option<Value>,
}

/// A condition as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named(pub(super) Condition);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let condition = Condition::ALL.into_iter().find(|condition| condition.as_str() == name);
        condition.map(Self).ok_or_else(|| D::Error::unknown_field(&name, &CONDITIONS))
    }
}

/// What stands under names of the user's choice, in the order of the file. Not every format refuses a name that is there
/// twice.
#[derive(Clone, Debug)]
pub(super) struct Entries<K, V>(pub(super) Vec<(K, V)>);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: Deserialize<'de> + PartialEq, V: Deserialize<'de>> Deserialize<'de> for Entries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + PartialEq, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<K, V> {
    type Value = Entries<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("a key is there twice in one table"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

#[expect(clippy::indexing_slicing, reason = "`map` is not const")]
const CONDITIONS: [&str; Condition::ALL.len()] = {
    let mut names = [""; Condition::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Condition::ALL[at].as_str();
        at += 1;
    }
    names
};
