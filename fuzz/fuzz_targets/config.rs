//! A configuration file: what is wrong is told with its place, and what is right builds and leads its requests.
#![no_main]

use std::collections::BTreeSet;

use forbear::{Config, ConfigError, Decision, Endpoints, Event, Failure, Now, Outcome};
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use toml::{Table, Value};

fuzz_target!(|text: &str| {
    let config: Config = match toml::from_str(text) {
        Ok(config) => config,
        Err(error) => return check_format(text, &error),
    };
    let warnings = config.warnings();
    warnings.iter().for_each(|warning| check_line(warning));
    let Ok(table) = toml::from_str::<Table>(text) else { return }; // no room for numbers beyond 64 bits
    check_order(&config, &table);
    match config.into_builder() {
        Err(error) => check_problems(&error, &table),
        Ok(builder) => {
            let endpoints = builder.observer(|_: &Event<'_>| {}).build().unwrap();
            for endpoint in list(&table) {
                check_requests(&endpoints, endpoint, list(&table));
            }
        }
    }
});

/// The format says where it is wrong.
fn check_format(text: &str, error: &toml::de::Error) {
    let says = error.to_string();
    assert!(!says.trim().is_empty());
    assert!(error.span().is_some_and(|span| span.end <= text.len()), "{says}");
}

/// Another order of the same keys is the same file, but that it tells in another order.
fn check_order(config: &Config, table: &Table) {
    let sorted = Config::deserialize(table.clone()).unwrap();
    let all = |lines: Vec<String>| lines.into_iter().collect::<BTreeSet<String>>();
    assert_eq!(all(sorted.warnings()), all(config.warnings()));
    let problems = |config: Config| -> BTreeSet<String> {
        let problems = |error: ConfigError| error.problems().map(without_list).collect();
        config.into_builder().err().map(problems).unwrap_or_default()
    };
    assert_eq!(problems(sorted), problems(config.clone()));
}

/// The budgets that there are, are listed as they come.
fn without_list(problem: &str) -> String {
    problem.split("be a name under `budgets`").next().unwrap_or_default().to_owned()
}

fn check_problems(error: &ConfigError, table: &Table) {
    assert!(error.problems().count() > 0, "wrong, but nothing is");
    for problem in error.problems() {
        check_line(problem);
        let is_must = problem.contains(" must ") || problem.contains(" cannot be told apart from ");
        assert!(is_must, "{problem} does not say what it must be");
        let rest = problem.strip_prefix("endpoint[").and_then(|rest| rest.split_once(']'));
        match rest {
            Some((index, _)) => assert!(index.parse::<usize>().unwrap() < list(table).len(), "{problem}"),
            None => {
                let place = problem.split(['.', ' ']).next().unwrap_or_default();
                assert!(["mode", "fallback", "budgets"].contains(&place), "{problem} has no place");
                assert!(table.contains_key(place), "{problem} is of what is not there");
            }
        }
    }
}

/// One line for people, of bounded length, in which nothing from the file can move the cursor.
fn check_line(line: &str) {
    assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
    assert!(line.chars().count() < 20_000, "{} characters", line.chars().count());
}

/// A request that an endpoint is for belongs to it, or to another endpoint that is for it, too: never to the fallback.
fn check_requests(endpoints: &Endpoints, endpoint: &Table, all: Vec<&Table>) {
    let text = |key: &str| endpoint.get(key).and_then(Value::as_str);
    let host = text("host").unwrap_or("example.com");
    let host = host.replacen("*.", "a.", 1);
    let host = if host.matches(':').count() > 1 && !host.contains('[') { format!("[{host}]") } else { host };
    let segment = |segment: &str| match segment.strip_prefix("{*") {
        Some(_) => "/x/y".to_owned(),
        None if segment.starts_with('{') => "/x".to_owned(),
        None => format!("/{}", segment.bytes().map(escaped).collect::<String>()),
    };
    let path: String = text("path").unwrap_or("").split('/').skip(1).map(segment).collect();
    let path = if path.is_empty() { "/" } else { &path };
    let uri: Uri = format!("http://{host}{path}").parse().unwrap_or_else(|error| panic!("{host}, {path}: {error}"));
    let methods = endpoint.get("methods").and_then(Value::as_array);
    let methods = methods.map_or(vec!["GET"], |all| all.iter().filter_map(Value::as_str).collect());
    for method in methods {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = endpoints.call(&method, &uri).replayable(true).start(Now::default(), 7);
        let found = all.iter().find(|other| other.get("name").and_then(Value::as_str) == Some(call.endpoint()));
        let found = *found.unwrap_or_else(|| panic!("{method} {uri} is led to {}", call.endpoint()));
        let is_more_specific = ["host", "path", "methods"].iter().any(|key| found.get(*key) != endpoint.get(*key));
        assert!(found == endpoint || is_more_specific, "{method} {uri} is led to {}", call.endpoint());

        // The keys of the endpoint that it has found are in force.
        let most = found.get("max_attempts").and_then(Value::as_integer);
        assert!(most.is_none_or(|most| most == i64::from(call.policy().max_attempts())), "{found:?}");
        let mut attempts = 0;
        while call.begin(Now::default()).is_ok() {
            attempts += 1;
            assert!(attempts <= call.policy().max_attempts(), "{found:?}");
            let decision = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default());
            if matches!(decision, Decision::Done(_)) || attempts > MOST_ATTEMPTS {
                break;
            }
        }
        assert!(attempts > 0, "{found:?} sends nothing");
    }
}

/// What may not stand in a URI.
fn escaped(byte: u8) -> String {
    let stands = byte.is_ascii_alphanumeric() || b"%-._~!$&'()*+,;=:@".contains(&byte);
    if stands { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn list(table: &Table) -> Vec<&Table> {
    let list = table.get("endpoint").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_table).collect()
}

/// More are not played.
const MOST_ATTEMPTS: u32 = 20;
