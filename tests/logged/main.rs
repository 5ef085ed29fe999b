//! `docs/logged.md`: everything that is ever logged, read from the sources; and that nothing else is.
//!
//! ```sh
//! cargo test --test logged                    # compares
//! FORBEAR_BLESS=1 cargo test --test logged    # writes the list anew
//! ```
#![cfg(test)]
#![cfg(feature = "tracing")]

mod document;
mod source;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use std::{env, fs};

use document::{FIELDS, document};
use forbear::{Condition, Decision, Endpoints, Failure, Mode, Now, Outcome, Policy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use source::{Saying, arms, method, sayings};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use words::List;

#[test]
fn the_list_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logged.md");
    let document = document();
    if env::var_os("FORBEAR_BLESS").is_some() {
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let [written, found] = [&written, &document].map(|text| text.lines().collect::<Vec<_>>());
    let only = |one: &[&str], other: &[&str], sign: char| -> Vec<String> {
        one.iter().filter(|line| !other.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    let differences = [only(&written, &found, '-'), only(&found, &written, '+')].concat();
    assert!(written == found, "docs/logged.md: FORBEAR_BLESS=1 writes it anew\n{}", differences.join("\n"));
}

#[test]
fn every_field_of_the_sources_is_described_and_no_other() {
    let said: BTreeSet<String> = sayings().into_iter().flat_map(|saying| saying.fields).collect();
    let described: BTreeSet<String> = FIELDS.iter().map(|field| field.name.to_owned()).collect();
    assert_eq!(said, described);
    assert_eq!(FIELDS.len(), described.len(), "each once");
    let levels: Vec<String> = sayings().into_iter().map(|saying| saying.level).collect();
    assert_eq!(levels, ["DEBUG", "INFO", "WARN"], "one macro for each level");
}

/// What was heard of one event.
#[derive(Clone, Debug, Default)]
struct Heard {
    level: String,
    message: String,
    /// Strings without their quotes.
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Heard {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            name => {
                self.fields.insert(name, value);
            }
        }
    }
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Heard>>>);

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut heard = Heard { level: event.metadata().level().to_string(), ..Heard::default() };
        event.record(&mut heard);
        self.0.lock().unwrap().push(heard);
    }
}

/// Plays calls that fail in all ways, each at an endpoint of its own that is well again in the end.
fn play() -> Vec<Heard> {
    let ear = Ear::default();
    let _guard = tracing_subscriber::registry().with(ear.clone()).set_default();
    let values = ["1", "soon", "p; error=connection_refused", "awselb/2.0", "Error from cloudfront", "false"];
    let bodies: [&[u8]; 3] = [
        b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>",
        b"upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        b"",
    ];
    let evidence = List::Evidence.words().iter().filter(|name| !["body", "status"].contains(&name.as_str()));
    let said = evidence.map(String::as_str).chain(["retry-after", "x-should-retry", "grpc-retry-pushback-ms"]);
    let heads: Vec<HeaderMap> = said
        .flat_map(|name| values.map(|value| (HeaderName::try_from(name).unwrap(), HeaderValue::from_static(value))))
        .map(|header| HeaderMap::from_iter([header]))
        .collect();
    let bare = HeaderMap::new();
    let statuses = [403, 408, 425, 429, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530];
    let failures = [
        Failure::Connect,
        Failure::ConnectPermanent,
        Failure::StreamRefused,
        Failure::Interrupted,
        Failure::Timeout,
        Failure::Caller,
    ];
    for (mode, method) in [(Mode::On, Method::GET), (Mode::On, Method::POST), (Mode::Observe, Method::GET)] {
        let response = |status, head, body| {
            let status = StatusCode::from_u16(status).unwrap();
            Outcome::response(status, head, UNIX_EPOCH).body(body)
        };
        let by_failure = failures.into_iter().map(Outcome::failure);
        let by_status = statuses.into_iter().flat_map(|status| bodies.map(|body| response(status, &bare, body)));
        let by_head = heads.iter().flat_map(|head| [429, 502, 503].map(|status| response(status, head, b"")));
        by_failure.chain(by_status).chain(by_head).for_each(|outcome| play_one(mode, &method, &outcome));
    }
    let heard = ear.0.lock().unwrap().clone();
    println!("{} events", heard.len());
    assert!(heard.len() > 5_000, "{} events", heard.len());
    heard
}

fn play_one(mode: Mode, method: &Method, outcome: &Outcome<'_>) {
    let rule = Policy::default().rule(Condition::Interrupted);
    let policy = Policy::builder().mode(mode).rule(Condition::InternalError, rule).build().unwrap();
    let endpoints = Endpoints::builder().fallback(policy);
    #[cfg(feature = "endpoints")]
    let endpoints = endpoints.endpoint(forbear::Endpoint::new("orders").path("/v1/orders/{id}"));
    let endpoints = endpoints.build().unwrap();
    let uri = Uri::from_static("http://orders.internal:8080/v1/orders/7");
    let well = HeaderMap::new();
    let well = Outcome::response(StatusCode::OK, &well, UNIX_EPOCH);
    let mut now = Now::default();
    for (call, left) in [(0, 4), (1, 1), (2, 4), (3, 0), (4, 1)] {
        now = Now::from_origin(now.since_origin() + Duration::from_secs(31));
        let mut machine = endpoints.call(method, &uri).replayable(call != 1).start(now, call);
        for attempt in 0..=left {
            if machine.begin(now).is_err() {
                break;
            }
            let is_last = attempt == left;
            let Decision::Retry(retry) = machine.on_outcome(if is_last { &well } else { outcome }, now) else { break };
            now = Now::from_origin(now.since_origin() + retry.wait());
            if call == 2 {
                break; // dropped while it waits
            }
        }
    }
    for second in 0..2 {
        let now = Now::from_origin(now.since_origin() + Duration::from_secs(61 + second));
        let mut machine = endpoints.call(&Method::GET, &uri).start(now, 7);
        machine.begin(now).unwrap();
        let _done = machine.on_outcome(&well, now);
    }
}

#[test]
fn nothing_is_said_that_is_not_in_the_list() {
    let sayings: BTreeMap<String, Saying> =
        sayings().into_iter().map(|saying| (saying.level.clone(), saying)).collect();
    let messages = arms(&method("src/event.rs", "EventKind", "as_str"));
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut said = BTreeSet::new();
    for event in play() {
        let message = messages.iter().find(|(_, texts)| texts[0] == event.message);
        let (kind, _) = message.unwrap_or_else(|| panic!("{event:?} is no message of ours"));
        assert_eq!(event.level, document::level(kind), "{event:?}");
        said.insert(kind.as_str());
        for (name, value) in &event.fields {
            assert!(sayings[&event.level].fields.iter().any(|field| field == name), "{name} in {event:?}");
            let field = FIELDS.iter().find(|field| field.name == *name).unwrap();
            assert!(field.kind.allows(value), "{name} is {value:?}, which {:?} does not allow", field.kind);
            seen.entry(event.level.clone()).or_default().insert(name);
        }
    }
    let all: BTreeSet<&str> = messages.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(said, all, "each message is played");
    // What needs more than twenty incidents at once, and what is only where a path has a template.
    let rare = ["retry.left_out", "url.template"];
    for (level, saying) in &sayings {
        let never: Vec<&String> = saying
            .fields
            .iter()
            .filter(|field| !seen[level].contains(field.as_str()) && !rare.contains(&field.as_str()))
            .collect();
        assert!(never.is_empty(), "{level} never said {never:?}: the test is too small");
    }
}
