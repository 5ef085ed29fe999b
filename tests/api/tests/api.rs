//! The public API, as `docs/api/` lists it: each line is a promise, and a change of one is to be seen in review.
//!
//! ```sh
//! cargo test -p forbear-api-tests            # compares
//! FORBEAR_BLESS=1 cargo test -p forbear-api-tests   # writes the lists anew
//! ```
//!
//! rustdoc's JSON needs a nightly toolchain. Without one the test says so and is skipped, where CI is not set.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use public_api::PublicApi;

/// Each list, and the features with which it is made.
const LISTS: [(&str, &[&str]); 3] =
    [("engine", &["--no-default-features"]), ("default", &[]), ("all-features", &["--all-features"])];

/// What of the crate root is the client's: these lines may name reqwest.
const CLIENT: [&str; 7] =
    ["Client", "ClientBuilder", "Error", "RequestBuilder", "Script", "error_for_status", "reqwest"];

#[test]
fn the_lists_are_what_the_crate_has_and_no_other_crate_shows_where_it_should_not() {
    if !has_nightly() {
        assert!(env::var_os("CI").is_none(), "CI needs a nightly toolchain for rustdoc's JSON");
        return println!("skipped: no nightly toolchain for rustdoc's JSON");
    }
    for (name, features) in LISTS {
        let api = listed(features);
        let file = root().join("docs/api").join(name).with_extension("txt");
        if env::var_os("FORBEAR_BLESS").is_some() {
            fs::write(&file, &api).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(differences(&written, &api), [""; 0], "{}: FORBEAR_BLESS=1 writes it anew", file.display());
        assert_eq!(strangers(name, &api), [""; 0], "{name}");
    }
}

#[test]
fn a_stranger_is_found() {
    let table = [
        ("engine", "pub fn forbear::Call::begin(&mut self, tokio::time::Instant)", true),
        ("engine", "pub fn forbear::Call::begin(&mut self, bytes::Bytes)", true),
        (
            "engine",
            "pub fn forbear::Outcome::headers(&self) -> core::option::Option<&http::header::map::HeaderMap>",
            false,
        ),
        ("all-features", "pub fn forbear::Report::of(&reqwest::Response) -> Self", true),
        ("all-features", "pub fn forbear::Client::new(reqwest::Client) -> Self", false),
        ("all-features", "pub fn forbear::ClientSnapshot::new(reqwest::Client) -> Self", true),
        ("all-features", "pub fn forbear::Report::x(&forbear::Error, reqwest::Response)", true),
        ("all-features", "pub fn forbear::Report::x(&forbear::tower::Error, tower_layer::Identity)", true),
        ("all-features", "impl core::convert::From<reqwest::Error> for forbear::Error", false),
        ("all-features", "impl forbear::Observer for tracing::Span", true),
        ("all-features", "impl<S> tower_layer::Layer<S> for forbear::tower::RetryLayer", false),
        ("all-features", "pub fn forbear::middleware::RetryMiddleware::f(tower::Timeout)", true),
    ];
    for (list, line, found) in table {
        assert_eq!(!strangers(list, line).is_empty(), found, "{list}: {line}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn has_nightly() -> bool {
    let asked = Command::new("cargo").args(["+nightly", "--version"]).output();
    asked.is_ok_and(|asked| asked.status.success())
}

fn listed(features: &[&str]) -> String {
    let target = root().join("target/api");
    let mut rustdoc = Command::new("cargo");
    rustdoc.args(["+nightly", "rustdoc", "--package", "forbear", "--lib", "--quiet"]).args(features);
    rustdoc.arg("--target-dir").arg(&target).args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    rustdoc.args(["--cap-lints", "allow"]);
    for of_stable in ["RUSTC", "RUSTDOC", "RUSTDOCFLAGS", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "CARGO"] {
        rustdoc.env_remove(of_stable);
    }
    let output = rustdoc.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let api: PublicApi = public_api::Builder::from_rustdoc_json(target.join("doc/forbear.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap();
    api.items().map(|item| format!("{item}\n")).collect()
}

/// Says which lines are in one text only.
fn differences(written: &str, found: &str) -> Vec<String> {
    let [written, found] = [written, found].map(|text| text.lines().collect::<BTreeSet<_>>());
    let gone = written.difference(&found).map(|line| format!("- {line}"));
    gone.chain(found.difference(&written).map(|line| format!("+ {line}"))).collect()
}

/// Says which lines name a crate that they should not.
fn strangers<'l>(list: &str, api: &'l str) -> Vec<&'l str> {
    api.lines().filter(|line| crates(line).iter().any(|name| !may_name(list, line, name))).collect()
}

/// The crates that a line names: what stands before the first `::` of each path.
fn crates(line: &str) -> BTreeSet<&str> {
    let is_of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let paths = line.split(|c| !is_of_path(c)).filter_map(|path| path.split_once("::"));
    paths.map(|(first, _)| first).filter(|first| first.starts_with(char::is_lowercase)).collect()
}

fn may_name(list: &str, line: &str, name: &str) -> bool {
    let declared = declared(line);
    let of_client = |_: &str| CLIENT.contains(&declared);
    let in_module = |module: &str| declared == module;
    match name {
        "core" | "alloc" | "std" | "http" | "forbear" => true,
        _ if list == "engine" => false,
        "reqwest" => {
            of_client(line) || ["blocking", "middleware", "tower"].into_iter().any(in_module) || is_carrier(line)
        }
        "reqwest_middleware" => in_module("middleware"),
        "tower_layer" | "tower_service" => in_module("tower"),
        "serde_core" => of_client(line) || in_module("blocking") || declared == "Config",
        _ => false,
    }
}

/// The item of the crate root that a line is about: of an `impl` what it is for.
fn declared(line: &str) -> &str {
    let of_impl = line.strip_prefix("impl").and_then(|rest| rest.split_once(" for "));
    let about = of_impl.map_or(line, |(_, target)| target);
    let path = about.split("forbear::").nth(1).unwrap_or_default();
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// A response of reqwest's carries a report.
fn is_carrier(line: &str) -> bool {
    line.starts_with("impl forbear::Carrier for reqwest::") || line.starts_with("pub fn reqwest::")
}
