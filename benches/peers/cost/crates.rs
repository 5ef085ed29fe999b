//! What a program takes to build that sends one request: crates, bytes, seconds. Five programs, built from nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use forbear_peers::{Fallible, print_row};

/// Its name, what it depends on beyond reqwest and tokio, and how it makes a `response` of a `url`.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("reqwest", "", "let response = reqwest::Client::new().get(&url).send().await.unwrap();"),
    (
        "tower::retry",
        "http = \"1\"\ntower = { version = \"0.5.2\", features = [\"retry\", \"util\"] }",
        "use tower::{Service, ServiceExt};
    let client = reqwest::Client::new();
    let request = client.get(&url).build().unwrap();
    let mut service = tower::retry::Retry::new(patience::Patience::default(), client);
    let response = service.ready().await.unwrap().call(request).await.unwrap();",
    ),
    (
        "reqwest-retry",
        "reqwest-middleware = \"0.5\"\nreqwest-retry = \"0.9.1\"",
        "let policy = reqwest_retry::policies::ExponentialBackoff::builder().build_with_max_retries(2);
    let retry = reqwest_retry::RetryTransientMiddleware::new_with_policy(policy);
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(retry).build();
    let response = client.get(&url).send().await.unwrap();",
    ),
    ("forbear", concat!("forbear = { path = \"", env!("CARGO_MANIFEST_DIR"), "/../..\" }"), FORBEAR),
    (
        "forbear, reqwest alone",
        concat!(
            "forbear = { path = \"",
            env!("CARGO_MANIFEST_DIR"),
            "/../..\", default-features = false, features = [\"reqwest\"] }"
        ),
        FORBEAR,
    ),
];

const FORBEAR: &str = "let client = forbear::Client::builder(reqwest::Client::builder()).build().unwrap();
    let response = client.get(&url).send().await.unwrap();";

pub(crate) fn compare() -> Fallible<()> {
    print_row("\na program that sends one GET", ["crates", "more than reqwest", "bytes, stripped", "seconds to build"]);
    let mut bare = None;
    for (name, dependencies, response) in PROGRAMS {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates").join(name.replace([',', ' ', ':'], "-"));
        write(&home, dependencies, response)?;
        let crates = crates(&home)?;
        let bare = bare.get_or_insert_with(|| crates.clone());
        let added: Vec<_> = crates.difference(bare).cloned().collect();
        let (bytes, seconds) = build(&home)?;
        let columns = [crates.len().to_string(), added.len().to_string(), bytes.to_string(), format!("{seconds:.1}")];
        print_row(name, columns);
        if !added.is_empty() {
            print_row(&format!("  {}", added.join(", ")), [""; 0]);
        }
        assert!(!name.starts_with("forbear") || added.len() <= 10, "{name} adds {} crates", added.len());
    }
    Ok(())
}

fn write(home: &Path, dependencies: &str, response: &str) -> Fallible<()> {
    fs::create_dir_all(home.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [profile.release]\nstrip = true\n\n[dependencies]\n\
         reqwest = {{ version = \"0.13.5\", default-features = false, features = [\"http2\"] }}\n\
         tokio = {{ version = \"1\", features = [\"rt\", \"net\", \"time\"] }}\n{dependencies}\n"
    );
    fs::write(home.join("Cargo.toml"), manifest)?;
    let patience = if response.contains("patience") { "mod patience;\n\n" } else { "" };
    fs::write(home.join("src/patience.rs"), include_str!("../src/patience.rs"))?;
    let program = format!(
        "{patience}async fn run() {{\n    let url = std::env::args().nth(1).unwrap();\n    {response}\n    \
         println!(\"{{}}\", response.status());\n}}\n\nfn main() {{\n    \
         tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run());\n}}\n"
    );
    Ok(fs::write(home.join("src/main.rs"), program)?)
}

fn cargo(home: &Path, arguments: &[&str]) -> Fallible<String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(home)
        .env("CARGO_TARGET_DIR", home.join("target"))
        .env("CARGO_INCREMENTAL", "0")
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

/// The names of all crates in it but its own.
fn crates(home: &Path) -> Fallible<BTreeSet<String>> {
    let tree = cargo(home, &["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])?;
    let names = tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
    Ok(names.filter(|name| !name.is_empty() && name != "program").collect())
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn build(home: &Path) -> Fallible<(u64, f64)> {
    let _old = fs::remove_dir_all(home.join("target"));
    let started = Instant::now();
    cargo(home, &["build", "--release"])?;
    let seconds = started.elapsed().as_secs_f64();
    Ok((fs::metadata(home.join("target/release/program"))?.len(), seconds))
}
