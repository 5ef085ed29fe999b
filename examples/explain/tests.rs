//! What it says, to the letter.

use std::ffi::OsString;

use super::explain;

#[test]
fn it_says_what_the_session_shows() {
    let mut commands = include_str!("session.txt").split("$ explain ");
    assert_eq!(commands.next(), Some(""));
    for command in commands {
        let (line, expected) = command.split_once('\n').unwrap();
        let text = explain(arguments(line)).unwrap_or_else(|error| format!("explain: {error}\n"));
        assert_eq!(text.trim_end(), expected.trim_end(), "{line}");
    }
}

#[test]
fn the_readme_shows_what_it_says() {
    let charge = "examples/per_endpoint.toml POST https://payments.internal/v1/charges/7";
    let told =
        explain(arguments(&format!("{charge} --idempotency-key 8e03978e --status 503 --header 'Retry-After: 30'")));
    assert!(include_str!("../../README.md").contains(&told.unwrap()));
}

/// As a shell does it: what is quoted is one argument.
fn arguments(line: &str) -> Vec<OsString> {
    let mut is_quoted = true;
    let parts = line.split('\'').flat_map(|part| {
        is_quoted = !is_quoted;
        if is_quoted { vec![part] } else { part.split_whitespace().collect() }
    });
    parts.map(OsString::from).collect()
}
