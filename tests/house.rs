//! The house: each module uses only lower floors, the engine does no I/O, no dependency needs a newer Rust, and what is
//! written of tests and examples is so.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use serde_json::Value;

/// The rooms, lowest floor first: a room uses only rooms on lower floors. A directory with all its files is one room.
const FLOORS: [&[&str]; 18] = [
    &["now"],
    &["outcome"],
    &["diagnosis"],
    &["policy"],
    &["attempt", "budget", "counters"],
    &["incident"],
    &["endpoint", "origin"],
    &["router"],
    &["host"],
    &["report"],
    &["event"],
    &["call", "log", "recorder"], // log is below endpoints, which make it the default observer
    &["endpoints"],
    &["config"],
    &["drive"],
    &["client"],
    &["tower", "middleware", "blocking"],
    &["scenario"],
];

/// Rooms that a room must not use, though they are below it.
const WALLS: [(&str, &[&str]); 2] =
    [("config", &["log"]), ("scenario", &["log", "drive", "client", "tower", "middleware", "blocking"])];

/// The rooms that touch the world. All others are told the time, and send and print nothing.
const DRIVERS: [&str; 5] = ["drive", "client", "tower", "middleware", "blocking"];

/// The newest Rust that we and our dependencies may need.
const MSRV: (u32, u32) = (1, 85);

#[test]
fn every_room_uses_only_lower_floors_and_the_engine_touches_nothing() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = rust_files(&src);
    files.sort();
    assert!(files.contains(&src.join("lib.rs")), "no lib.rs in {}", src.display());
    let name = |file: &Path| file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
    let check = |file: &PathBuf| violations(&name(file), &fs::read_to_string(file).unwrap());
    let found: Vec<String> = files.iter().flat_map(check).collect();
    assert!(found.is_empty(), "the house is out of order:\n{}", found.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    let table = [
        ("budget.rs", "//! One.\n\nuse crate::call::Call;", "src/budget.rs:3: budget must not use call"),
        ("call.rs", "use crate::{now::Now, policy::{Policy, Rule}, client::{Client}};", "call must not use client"),
        ("call.rs", "fn f() { let limit = crate::drive::clock::now(); }", "call must not use drive"),
        ("call.rs", "use crate::log::Tracing;", "call must not use log"),
        ("config.rs", "use crate::log::Tracing;", "config must not use log"),
        ("scenario.rs", "use crate::drive::Transport;", "scenario must not use drive"),
        ("budget.rs", "use super::call;", "budget must not use call"),
        ("budget.rs", "use super::{now::Now, r#call::Call};", "budget must not use call"),
        ("budget.rs", "mod inner { use super::super::call; }", "budget must not use call"),
        ("policy/mod.rs", "use self::super::call::Call;", "policy must not use call"),
        ("policy/rule.rs", "use super::super::{call::Call};", "policy must not use call"),
        ("policy/a/b.rs", "fn f() { super::super::super::call::f() }", "policy must not use call"),
        ("outcome.rs", "struct S<'a>(Vec<&'a crate::policy::Policy>);", "outcome must not use policy"),
        ("outcome.rs", "#[derive(crate::policy::Wise)] struct S;", "outcome must not use policy"),
        ("now.rs", "macro_rules! m { ($x:ty) => { <$crate::call::Call as $x>::f() } }", "now must not use call"),
        ("now.rs", "fn f() { assert!(matches!(x, Some(crate::call::Call { .. }))); }", "now must not use call"),
        ("now.rs", "#[cfg(not(test))] use crate::call::Call;", "now must not use call"),
        ("now.rs", "#[cfg(test)] mod tests; use crate::call::Call;", "now must not use call"),
        ("now.rs", "struct S { #[cfg(test)] n: u32, call: crate::call::Call }", "now must not use call"),
        ("budget.rs", "use crate::Now;", "`Now` is not a room: name the room it lives in"),
        ("budget.rs", "use super::*;", "`*` is not a room"),
        ("budget.rs", "use crate as root;", "`as` is not a room"),
        ("budget.rs", "use crate::{self as root};", "`as` is not a room"),
        ("attic.rs", "", "src/attic.rs: `attic` is on no floor"),
        ("call.rs", "fn f() { tokio::spawn(g()); }", "call names `tokio`: only drive and above"),
        ("log.rs", "use ::reqwest::Client;", "log names `reqwest`: only drive and above"),
        ("scenario.rs", "type E = h2::Error;", "scenario names `h2`: only drive and above"),
        ("budget.rs", "use std::time::{Duration, Instant};", "budget names `Instant`: the engine is told"),
        ("budget.rs", "fn f() { std::time::SystemTime::now(); }", "budget names `SystemTime::now`: the engine"),
        ("budget.rs", "use std::thread;", "budget names `thread`: the engine"),
        ("budget.rs", "fn f() { fastrand::u64(..); }", "budget names `fastrand::u64`: the engine is given a seed"),
        ("budget.rs", "use fastrand::{Rng, u64};", "budget names `fastrand::{"),
        ("budget.rs", "fn f() { dbg!(1); }", "budget names `dbg`: the engine"),
        ("client/mod.rs", "#[tracing::instrument] fn f() {}", "client names `tracing`: only log"),
    ];
    for (file, source, expected) in table {
        let found = violations(file, source);
        assert!(found.len() == 1 && found[0].contains(expected), "{file}: {source}\n{found:?}\nnot {expected}");
    }
}

#[test]
fn what_only_looks_like_a_violation_is_let_through() {
    let table = [
        ("lib.rs", "mod attic; pub use client::Client; pub use reqwest;"),
        ("call.rs", "use crate::{budget::Payment, policy::{Policy, Rule}}; use super::now::Now;"),
        ("endpoints.rs", "#[cfg(feature = \"tracing\")] fn f() { g(crate::log::Tracing) }"),
        ("scenario.rs", "use crate::endpoints::Endpoints; use std::time::SystemTime;"),
        ("log.rs", "fn f() { tracing::event!(tracing::Level::DEBUG, call = 1); }"),
        ("drive/clock.rs", "use tokio::time::Instant; fn f() { SystemTime::now(); }"),
        ("tower.rs", "use ::tower::Service; use tower::blocking; use crate::client::Client;"),
        ("now.rs", "// use crate::call;\n/* tokio::spawn */ /// [`crate::call`]\nstruct S; //! Instant"),
        ("now.rs", "fn f() { (\"crate::call\", r#\"tokio::x\"#, b\"thread\", \"{Instant}\"); }"),
        ("now.rs", "#[cfg(test)] #[expect(x)] mod tests { use super::*; use crate::call::C; use std::thread; }"),
        ("now.rs", "#[cfg(all(test, feature = \"x\"))] use crate::{call::Call, client};"),
        ("policy/tests.rs", "//! Docs.\n#![cfg(test)]\nuse crate::call::Call; use std::thread;"),
        ("policy/mod.rs", "mod rule; mod call; use rule::Rule; use self::call::Call; use crate::policy::rule;"),
        ("policy/rule.rs", "use super::backoff; use super::{call, event::*}; pub(in super::super) struct S;"),
        ("policy/rule.rs", "mod inner { use super::super::call; } pub(crate) fn f(call: u8, client: u8) {}"),
        ("policy.rs", "fn f(self: Box<Self>) { match self { call => client::new(self.drive) } }"),
        ("call.rs", "use fastrand::Rng; fn f() { fastrand::Rng::with_seed(7); }"),
        ("call.rs", "struct SystemTime; fn now() -> Now { Now::now() } fn f(from_reqwest: Reqwest) {}"),
    ];
    for (file, source) in table {
        assert_eq!(violations(file, source), [""; 0], "{file}: {source}");
    }
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let inside = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return inside.flat_map(|path| rust_files(&path)).collect();
    }
    path.extension().filter(|extension| *extension == "rs").map(|_| path.to_owned()).into_iter().collect()
}

/// Says what is wrong with `source`, if it were the file `src/{file}`.
fn violations(file: &str, source: &str) -> Vec<String> {
    let modules: Vec<&str> = file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let room = modules[0];
    if file == "lib.rs" {
        return Vec::new();
    }
    if floor(room).is_none() {
        return vec![format!("src/{file}: `{room}` is on no floor: give it one in tests/house.rs")];
    }
    let mut named = Named::default();
    named.read(source.parse().unwrap(), modules.len());
    let uses = named.rooms.iter().filter_map(|(line, other)| Some((line, wrong_use(room, other)?)));
    let names = named.names.iter().filter_map(|(line, name)| Some((line, wrong_name(room, name)?)));
    let mut found: Vec<String> = uses.chain(names).map(|(line, why)| format!("src/{file}:{line}: {why}")).collect();
    found.dedup(); // `self::super::call` is met twice
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn wrong_use(room: &str, other: &str) -> Option<String> {
    let Some(other_floor) = floor(other) else {
        return Some(format!("`{other}` is not a room: name the room it lives in"));
    };
    let walled = WALLS.iter().any(|(from, to)| *from == room && to.contains(&other));
    let allowed = room == other || Some(other_floor) < floor(room) && !walled;
    (!allowed).then(|| format!("{room} must not use {other}: it is not on a lower floor, or behind a wall"))
}

fn wrong_name(room: &str, name: &str) -> Option<String> {
    let (allowed, why) = match name {
        "tracing" => (room == "log", "only log speaks"),
        "tokio" | "reqwest" | "hyper" | "h2" => (DRIVERS.contains(&room), "only drive and above know the transport"),
        "fastrand::Rng" => return None,
        dice if dice.starts_with("fastrand") => (DRIVERS.contains(&room), "the engine is given a seed"),
        "Instant" | "SystemTime::now" | "thread" => (DRIVERS.contains(&room), "the engine is told the time"),
        "println" | "eprintln" | "dbg" => (DRIVERS.contains(&room), "the engine is silent"),
        _ => return None,
    };
    (!allowed).then(|| format!("{room} names `{name}`: {why}"))
}

/// What a source names, each with its line. Literals name nothing, and doc comments are literals.
#[derive(Default)]
struct Named {
    /// What is taken from the crate root.
    rooms: Vec<(usize, String)>,
    /// All identifiers, `SystemTime::now`, and what is named of fastrand.
    names: Vec<(usize, String)>,
}

impl Named {
    /// Reads what stands `depth` modules below the crate root, but for what is for tests only.
    fn read(&mut self, stream: TokenStream, depth: usize) {
        let all: Vec<TokenTree> = stream.into_iter().collect();
        let mut trees = &all[..];
        while let [tree, rest @ ..] = trees {
            let before = &all[..all.len() - trees.len()];
            match tree {
                TokenTree::Group(group) if is_test_only(group) && is(before.last(), "!") => return,
                TokenTree::Group(group) if is_test_only(group) => {
                    trees = after_item(rest);
                    continue;
                }
                TokenTree::Group(group) => {
                    let is_module = before.len() >= 2 && is(before.get(before.len() - 2), "mod");
                    self.read(group.stream(), depth + usize::from(is_module));
                }
                TokenTree::Ident(name) => {
                    let path = trees.iter().take(4).map(ToString::to_string).collect::<String>();
                    let is_told = path == "SystemTime::now" || path.starts_with("fastrand::");
                    let name = if is_told { path } else { name.to_string() };
                    self.names.push((tree.span().start().line, name));
                    self.read_path(trees, depth);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            trees = rest;
        }
    }

    /// Follows the path at the start of `trees` to what it takes from the crate root: `super::{a, b::c}` takes two.
    fn read_path(&mut self, trees: &[TokenTree], mut depth: usize) {
        for (i, tree) in trees.iter().enumerate() {
            match (tree, tree.to_string().as_str()) {
                (_, "crate") => depth = 0,
                (_, "super") => depth = depth.saturating_sub(1),
                (_, "self") => {}
                (_, ":") if i > 0 => {}
                (TokenTree::Group(group), _) if i > 0 && is(trees.get(i - 1), ":") => {
                    let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                    return branches.split(|tree| is(Some(tree), ",")).for_each(|branch| self.read_path(branch, depth));
                }
                (TokenTree::Ident(_), name) | (_, name @ "*") if depth == 0 => {
                    let name = name.trim_start_matches("r#").to_owned();
                    return self.rooms.push((tree.span().start().line, name));
                }
                _ => return,
            }
        }
    }
}

fn is(tree: Option<&TokenTree>, text: &str) -> bool {
    tree.is_some_and(|tree| tree.to_string() == text)
}

fn is_test_only(attribute: &Group) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text == "[cfg(test)]" || text.starts_with("[cfg(all(test,")
}

/// Returns what follows an item, a field or a statement: it ends with its braces, a semicolon or a comma.
fn after_item(trees: &[TokenTree]) -> &[TokenTree] {
    let is_end = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    trees.iter().position(is_end).map_or(&[], |end| &trees[end + 1..])
}

#[test]
fn no_normal_dependency_needs_a_newer_rust() {
    let metadata = metadata();
    let any = newer_than((0, 0), &metadata).join("\n");
    for (package, is_normal) in [("#http@", true), ("#hyper@", true), ("#itoa@", true), ("#proptest@", false)] {
        assert_eq!(any.contains(package), is_normal, "{package} in\n{any}");
    }
    let found = newer_than(MSRV, &metadata);
    assert!(found.is_empty(), "need a Rust newer than {MSRV:?}:\n{}", found.join("\n"));
}

fn metadata() -> Value {
    let run = |more: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--format-version", "1", "--all-features"]);
        cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]).args(more);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
    };
    let offline = run(&["--offline"]);
    let output = if offline.status.success() { offline } else { run(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the packages that need a Rust above `limit`, of the root and all that it reaches by normal dependencies.
fn newer_than(limit: (u32, u32), metadata: &Value) -> Vec<String> {
    let mut reached = vec![&metadata["resolve"]["root"]];
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(&id) = reached.get(next) {
        let package = with_id(&metadata["packages"], id);
        if let Some(rust) = package["rust_version"].as_str().filter(|rust| major_minor(rust) > limit) {
            found.push(format!("{id} (Rust {rust})"));
        }
        let node = with_id(&metadata["resolve"]["nodes"], id);
        let needed = node["deps"].as_array().unwrap().iter().filter(|dependency| is_normal(dependency));
        let new: Vec<_> = needed.map(|dependency| &dependency["pkg"]).filter(|id| !reached.contains(id)).collect();
        reached.extend(new);
        next += 1;
    }
    found
}

fn is_normal(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().unwrap().iter().any(|of| of["kind"].is_null())
}

fn with_id<'v>(list: &'v Value, id: &Value) -> &'v Value {
    list.as_array().unwrap().iter().find(|entry| entry["id"] == *id).unwrap()
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap_or(0))
}

/// A claim is worth what its test is.
#[test]
fn every_line_about_security_and_every_invariant_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for (file, from, to, least) in [
        ("SECURITY.md", "## What a hostile server", "## What it does not", 30),
        ("docs/reliability.md", "## The invariants", "## Fuzzing", 11),
    ] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let claims = text.split_once(from).and_then(|(_, claims)| claims.split_once(to)).unwrap().0;
        let is_head = |line: &str| ["| it c", "| of |", "| |"].iter().any(|head| line.starts_with(head));
        let rows: Vec<&str> = claims.lines().filter(|line| line.starts_with("| ") && !is_head(line)).collect();
        assert!(rows.len() >= least, "{file}: {} rows", rows.len());
        for row in rows {
            let last = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
            let names = last.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2);
            assert!(names.clone().count() > 0, "{file} names no test in: {row}");
            for name in names {
                assert!(sources.contains(&format!("fn {name}(")), "{file}: no test is called {name}");
            }
        }
    }
}

#[test]
fn every_example_is_run_before_a_change_lands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(steps) = fs::read_to_string(root.join(".ci/run")) else {
        assert!(env::var_os("CI").is_none(), "no .ci/run");
        return println!("skipped: the packed crate has no .ci");
    };
    let metadata = metadata();
    let examples = examples(&metadata);
    assert!(examples.len() >= 7, "{examples:?}");
    for example in examples {
        let name = example["name"].as_str().unwrap();
        assert!(is_run(&steps, name), "{name} is not run in .ci/run");
    }
    let only_named = "# cargo run --example storm\nstep cargo test --example storm\nstep cargo run --example storms";
    assert!(!is_run(only_named, "storm"));
}

/// Those of an example are not run unless its target in `Cargo.toml` says `test = true`.
#[test]
fn an_example_with_tests_is_tested() {
    let metadata = metadata();
    let (mut with_tests, mut tested) = (Vec::new(), Vec::new());
    for example in examples(&metadata) {
        let main = Path::new(example["src_path"].as_str().unwrap());
        let own = [main.to_owned(), main.with_file_name("tests.rs")];
        let files = if main.ends_with("main.rs") { &own[..] } else { &own[..1] };
        let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
        with_tests.extend(texts.filter(|text| text.contains("#[test]")).map(|_| &example["name"]).take(1));
        tested.extend((example["test"] == true).then_some(&example["name"]));
    }
    assert_eq!(with_tests, tested);
}

fn examples(metadata: &Value) -> Vec<&Value> {
    let package = with_id(&metadata["packages"], &metadata["resolve"]["root"]);
    let targets = package["targets"].as_array().unwrap().iter();
    targets.filter(|target| target["kind"][0] == "example").collect()
}

/// Returns whether a line of a script runs an example.
fn is_run(script: &str, example: &str) -> bool {
    let lines = script.lines().filter(|line| !line.trim_start().starts_with('#') && line.contains("cargo run"));
    let names_it = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).any(|pair| pair == ["--example", example])
    };
    lines.into_iter().any(names_it)
}
