//! What may stand in each field.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::source::{arms, constant, first_of, literals, method};

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A whole number, with its unit.
    Number(&'static str),
    /// A number with a fraction, or `inf`.
    Decimal(&'static str),
    /// `true`.
    Flag,
    /// Hexadecimal digits.
    Hex,
    /// A status, or a word of these lists.
    Status(&'static [List]),
    /// A word.
    Word(List),
    /// Up to so many words, `, ` between them.
    Words(List, usize),
    /// Words with numbers, as in `budget 8394, attempts 5`.
    Counts(List),
    /// A sentence that is made of words of ours.
    Advice,
    /// Text that is not ours: whose it is, and what it cannot be.
    Text(&'static str),
}

/// A closed list of words, read from the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Conditions,
    Issuers,
    Confidences,
    Evidence,
    Deliveries,
    Places,
    Reasons,
    Remedies,
    Sources,
}

impl List {
    pub(crate) const ALL: [Self; 9] = [
        Self::Conditions,
        Self::Issuers,
        Self::Confidences,
        Self::Evidence,
        Self::Deliveries,
        Self::Places,
        Self::Reasons,
        Self::Remedies,
        Self::Sources,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Conditions => "conditions",
            Self::Issuers => "issuers",
            Self::Confidences => "confidences",
            Self::Evidence => "evidence",
            Self::Deliveries => "deliveries",
            Self::Places => "places to look at",
            Self::Reasons => "reasons",
            Self::Remedies => "remedies",
            Self::Sources => "sources of a wait",
        }
    }

    /// Its words, read once.
    pub(crate) fn words(self) -> &'static [String] {
        static WORDS: LazyLock<Vec<(List, Vec<String>)>> =
            LazyLock::new(|| List::ALL.map(|list| (list, list.read())).to_vec());
        WORDS.iter().find(|(list, _)| *list == self).map_or(&[], |(_, words)| words)
    }

    fn read(self) -> Vec<String> {
        let names = |path, of| literals(&method(path, of, "as_str"));
        match self {
            Self::Conditions => names("src/diagnosis/condition.rs", "Condition"),
            Self::Issuers => issuers().into_iter().map(|(word, _)| word).collect(),
            Self::Confidences => names("src/diagnosis/issuer/mod.rs", "Confidence"),
            Self::Evidence => evidence(),
            Self::Deliveries => names("src/diagnosis/delivery.rs", "Delivery"),
            Self::Places => names("src/diagnosis/cause.rs", "LookAt"),
            Self::Reasons => names("src/policy/decision.rs", "StopReason"),
            Self::Remedies => {
                let of_reasons = literals(&method("src/policy/decision.rs", "StopReason", "remedy"));
                [of_reasons, literals(&method("src/event.rs", "Event", "remedy"))].concat()
            }
            Self::Sources => names("src/policy/decision.rs", "WaitSource"),
        }
    }
}

/// The name of each issuer in events, and for people.
fn issuers() -> Vec<(String, String)> {
    let names = arms(&method("src/diagnosis/issuer/mod.rs", "Issuer", "names"));
    names.into_iter().map(|(_, names)| (names[0].clone(), names[1].clone())).collect()
}

/// What marks in the table name, and what is named beside it.
fn evidence() -> Vec<String> {
    let of_marks = method("src/diagnosis/issuer/mark.rs", "Mark", "evidence");
    let arms = arms(&of_marks);
    let by_text: Vec<String> = literals(&of_marks);
    // Alternatives share the result of the last: `Self::Has(name) | Self::Is(name, _) => Some(name)`.
    let has_body = arms.iter().position(|(_, texts)| !texts.is_empty()).expect("one that names the body");
    let says = arms[..has_body].iter().map(|(variant, _)| variant.clone());
    let naming: Vec<String> = says.filter(|variant| variant != "Says" && variant != "Whole").collect();
    let mut names: BTreeSet<String> = by_text.into_iter().collect();
    names.extend(first_of("src/diagnosis/issuer/table.rs", &naming));
    names.extend(first_of("src/diagnosis/issuer/mod.rs", &naming));
    names.extend(literals(&method("src/diagnosis/issuer/mod.rs", "Finding", "and")));
    names.insert(constant("src/diagnosis/proxy_status.rs", "PROXY_STATUS"));
    names.into_iter().collect()
}

/// Who is blamed, as `retry.advice` begins.
pub(crate) fn blamed() -> Vec<String> {
    let nameless = literals(&method("src/diagnosis/cause.rs", "Cause", "advice"));
    let nameless = nameless.into_iter().filter(|text| !text.contains('{') && !HEDGES.contains(&text.as_str()));
    let mut who: Vec<String> = issuers().into_iter().map(|(_, title)| title).chain(nameless).collect();
    who.sort();
    who
}

/// What they are blamed for, as it ends; and the sentences that blame nobody.
pub(crate) fn advice() -> Vec<String> {
    let mut clauses = literals(&method("src/diagnosis/cause.rs", "Cause", "clause"));
    clauses.push(constant("src/incident/tally.rs", "NO_DOMINANT_CAUSE"));
    clauses
}

/// Before who is blamed, if that is not sure.
pub(crate) const HEDGES: [&str; 2] = ["probably ", ""];

impl Kind {
    /// Returns whether this may be said. Texts that are not ours may be anything that is printed.
    pub(crate) fn allows(self, value: &str) -> bool {
        let is_number = |text: &str| text.parse::<u64>().is_ok();
        match self {
            Self::Number(_) => is_number(value),
            Self::Decimal(_) => value.parse::<f64>().is_ok(),
            Self::Flag => value == "true",
            Self::Hex => u64::from_str_radix(value, 16).is_ok(),
            Self::Status(lists) => {
                let is_word = |list: &List| list.words().iter().any(|word| word == value);
                value.len() == 3 && is_number(value) || lists.iter().any(is_word)
            }
            Self::Word(list) => list.words().iter().any(|word| word == value),
            Self::Words(list, most) => {
                let words = list.words();
                value.split(", ").count() <= most && value.split(", ").all(|word| words.iter().any(|it| it == word))
            }
            Self::Counts(list) => {
                let words = list.words();
                let is_count = |(word, count): (&str, &str)| words.iter().any(|it| it == word) && is_number(count);
                value.split(", ").all(|part| part.rsplit_once(' ').is_some_and(is_count))
            }
            Self::Advice => {
                static WHO: LazyLock<Vec<String>> = LazyLock::new(blamed);
                static WHY: LazyLock<Vec<String>> = LazyLock::new(advice);
                let rest = HEDGES.iter().find_map(|hedge| value.strip_prefix(hedge)).unwrap_or_default();
                let is_clause = |text: &str| WHY.iter().any(|clause| clause == text);
                let blames = |who: &String| rest.strip_prefix(&format!("{who} ")).is_some_and(is_clause);
                is_clause(value) || WHO.iter().any(blames)
            }
            Self::Text(_) => value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        }
    }
}
