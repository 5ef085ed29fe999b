//! The list as a document.

use std::fmt::Write as _;

use crate::source::{arms, docs, method, sayings};
use crate::words::{HEDGES, Kind, List, advice, blamed};

/// A field, what it holds and what that means.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    meaning: &'static str,
}

const fn field(name: &'static str, kind: Kind, meaning: &'static str) -> Described {
    Described { name, kind, meaning }
}

/// All fields. What they hold is held by what is heard of them.
#[rustfmt::skip] // a table has a line for each row
pub(crate) const FIELDS: &[Described] = &[
    field("error.type", Kind::Status(&[List::Conditions]), "the status that failed, or the condition where there is none"),
    field("http.request.method", Kind::Text("the caller's own: a token (RFC 9110 §5.6.2), as long as the caller makes it"), "the method"),
    field("http.request.resend_count", Kind::Number("retries"), "the attempt without the first; absent on the first"),
    field("http.response.status_code", Kind::Number("100 to 999"), "the status"),
    field("retry.advice", Kind::Advice, "one sentence for the person on call"),
    field("retry.attempt", Kind::Number("from 1"), "the attempt that this is about"),
    field("retry.budget", Kind::Decimal("credits"), "the credit of the endpoint after this decision"),
    field("retry.call", Kind::Hex, "joins the lines of one call: the seed that it was given"),
    field("retry.condition", Kind::Word(List::Conditions), "what is wrong"),
    field("retry.conditions", Kind::Counts(List::Conditions), "how many attempts failed with each"),
    field("retry.confidence", Kind::Word(List::Confidences), "how sure the issuer is"),
    field("retry.delivery", Kind::Word(List::Deliveries), "how far the request got"),
    field("retry.elapsed_ms", Kind::Number("milliseconds"), "since the call started"),
    field("retry.endpoint", Kind::Text("the user's own: the name of the endpoint, 1 to 100 printed characters; or `fallback`"), "the endpoint"),
    field("retry.evidence", Kind::Words(List::Evidence, 4), "what names the issuer: up to four names, never what is in them"),
    field("retry.failing_s", Kind::Number("seconds"), "from the first failure of the incident to the last"),
    field("retry.hint_malformed", Kind::Flag, "the server's hint was not understood"),
    field("retry.hint_ms", Kind::Number("milliseconds"), "how long the server asked to wait"),
    field("retry.issuer", Kind::Word(List::Issuers), "who produced the response"),
    field("retry.issuers", Kind::Counts(List::Issuers), "how many failures each issued, of eight at most"),
    field("retry.left_out", Kind::Number("incidents"), "those that were not said because there were too many"),
    field("retry.look_at", Kind::Word(List::Places), "where the person on call looks first"),
    field("retry.lost", Kind::Number("calls"), "those that ended with a failing outcome"),
    field("retry.lost_why", Kind::Counts(List::Reasons), "how many calls were lost for each reason"),
    field("retry.max_attempts", Kind::Number("from 1"), "the most attempts that the policy allows"),
    field("retry.quiet_s", Kind::Number("seconds"), "since the last failure"),
    field("retry.reason", Kind::Word(List::Reasons), "why it was not retried"),
    field("retry.remedy", Kind::Word(List::Remedies), "what the developer can do about that"),
    field("retry.retries", Kind::Number("retries"), "those that were decided"),
    field("retry.saved", Kind::Number("calls"), "those that a retry saved"),
    field("retry.wait_ms", Kind::Number("milliseconds"), "how long until the next attempt"),
    field("retry.wait_source", Kind::Word(List::Sources), "who asked for the wait"),
    field("server.address", Kind::Text("the caller's own: the host of the URL in lower case, of characters that may stand in one (RFC 3986 §3.2.2); of one longer than 253 the end after `…`"), "the host of the request"),
    field("server.port", Kind::Number("port"), "its port"),
    field("url.template", Kind::Text("the user's own: the template of the endpoint's paths as written, of printed characters"), "what stands for the path"),
];

/// The level of a message, by the variant of `EventKind`.
pub(crate) fn level(kind: &str) -> &'static str {
    match kind {
        "IncidentClosed" => "INFO",
        "IncidentOpened" | "IncidentContinues" => "WARN",
        _ => "DEBUG",
    }
}

pub(crate) fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    let docs = docs("src/event.rs", "EventKind");
    text.push_str("## Messages\n\n| message | level | when |\n|---|---|---|\n");
    for (variant, names) in arms(&method("src/event.rs", "EventKind", "as_str")) {
        let when = docs.iter().find(|(name, _)| *name == variant).map_or("", |(_, doc)| doc.trim_end_matches('.'));
        writeln!(text, "| `{}` | {} | {when} |", names[0], level(&variant)).unwrap();
    }
    text.push_str("\n## Fields\n\nA field is absent where there is nothing to say.\n\n");
    text.push_str("| field | at | holds | what that is |\n|---|---|---|---|\n");
    for Described { name, kind, meaning } in FIELDS {
        let at: Vec<String> = sayings()
            .into_iter()
            .filter(|saying| saying.fields.iter().any(|field| field == name))
            .map(|saying| saying.level)
            .collect();
        writeln!(text, "| `{name}` | {} | {} | {meaning} |", at.join(", "), holds(*kind)).unwrap();
    }
    text.push_str("\n## Words\n");
    for list in List::ALL {
        let words: Vec<String> = list.words().iter().map(|word| format!("`{word}`")).collect();
        write!(text, "\n**{}**, {}: {}\n", list.title(), words.len(), words.join(", ")).unwrap();
    }
    text.push_str("\n## Advice\n\nA clause of these, after who is blamed; ");
    write!(text, "before that `{}` where that is not sure. ", HEDGES[0].trim()).unwrap();
    text.push_str("What blames nobody stands alone.\n\n");
    write!(text, "**Who**: {}\n\n", blamed().join(", ")).unwrap();
    for clause in advice() {
        writeln!(text, "- {clause}").unwrap();
    }
    text
}

fn holds(kind: Kind) -> String {
    match kind {
        Kind::Number(unit) => format!("a whole number: {unit}"),
        Kind::Decimal(unit) => format!("a number, or `inf`: {unit}"),
        Kind::Flag => "`true`".to_owned(),
        Kind::Hex => "a number in hexadecimal digits".to_owned(),
        Kind::Status(_) => "a status, or one of the *conditions*".to_owned(),
        Kind::Word(list) => format!("one of the *{}*", list.title()),
        Kind::Words(list, most) => format!("up to {most} of the *{}*", list.title()),
        Kind::Counts(list) => format!("*{}*, each with a number", list.title()),
        Kind::Advice => "a sentence of *advice*".to_owned(),
        Kind::Text(whose) => format!("**text**, {whose}"),
    }
}

const INTRODUCTION: &str = "\
# Everything that is ever logged

Written by `tests/logged` from the sources (set `FORBEAR_BLESS` to write it again): `src/log.rs` is the only file that logs,
and `tests/house.rs` holds that. All events have the target `forbear`. A test plays calls that fail in all ways, and holds
that nothing is said but what stands here.

Four fields hold text that is not this crate's own, and all four are the caller's or the user's. No word comes from a
server: of what it sends, events hold statuses, times, and names from the lists below.

";
