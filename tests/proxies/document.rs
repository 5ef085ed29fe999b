//! `docs/proxies.md`: what each proxy really sends, kept current by a test.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, iter};

use crate::answer::Answer;
use crate::application::{Application, Fault};
use crate::pause;
use crate::proxy::{ALL, Software};

/// What one proxy sends, in the order of [`cases`].
struct Observed {
    name: &'static str,
    version: String,
    cells: Vec<(Answer, usize)>,
}

/// Run by whoever changes it, and once `install.sh` is a part of CI, there: `cargo test --test proxies -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs what tests/proxies/install.sh installs; then: cargo test --test proxies -- --ignored"]
async fn the_document_says_what_proxies_send() {
    let present = ALL.iter().filter_map(|software| Some((software, software.version()?)));
    let running: Vec<_> = present.map(|(software, version)| tokio::spawn(observe(software, version))).collect();
    let mut observed = Vec::new();
    for running in running {
        observed.push(running.await.unwrap());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies.md");
    let all = observed.len() == ALL.len();
    if env::var_os("FORBEAR_BLESS").is_some() {
        assert!(all, "the document needs all proxies");
        fs::write(&path, document(&observed)).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap();
    let mut wrong: Vec<String> = observed.iter().filter_map(|proxy| difference(&committed, &section(proxy))).collect();
    if all {
        wrong.extend(difference(&committed, &matrix(&observed)));
    }
    assert!(wrong.is_empty(), "docs/proxies.md says otherwise; set FORBEAR_BLESS to write it\n{}", wrong.join("\n"));
    for proxy in observed.iter().filter(|proxy| !committed.contains(&version_line(proxy))) {
        println!("docs/proxies.md was written with another version of {}", proxy.name);
    }
}

/// Every fault, and last a page of the proxy's own.
fn cases() -> impl Iterator<Item = (&'static str, Fault, &'static str)> {
    let faults = Fault::ALL.into_iter().map(|fault| (fault.as_str(), fault, "/orders"));
    faults.chain([("(maintenance in the proxy)", Fault::Refuse, "/maintenance")])
}

async fn observe(software: &'static Software, version: String) -> Observed {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut cells = Vec::new();
    for (_, fault, path) in cases() {
        // Both are new for each case: no pooled connection and no memory of earlier failures.
        let application = Application::start(fault);
        let proxy = software.start(application.port).await;
        let before = usize::from(matches!(fault, Fault::Gone | Fault::CloseKept));
        if before == 1 {
            assert_eq!(Answer::to(&client, proxy.url(path)).await.status, Some(200), "{}", software.name);
        }
        if fault == Fault::Gone {
            application.kill();
            pause(Duration::from_millis(200)).await;
        }
        let mut answer = Answer::to(&client, proxy.url(path)).await;
        for (volatile, shown) in [(proxy.port, "PORT"), (application.port, "PORT")] {
            answer.text = answer.text.replace(&volatile.to_string(), shown);
        }
        answer.text = answer.text.replace(&version, "VERSION");
        cells.push((answer, application.seen() - before));
    }
    Observed { name: software.name, version, cells }
}

fn document(observed: &[Observed]) -> String {
    let mut text = INTRODUCTION.to_owned();
    text.extend(observed.iter().map(version_line));
    text.push('\n');
    text.push_str(&matrix(observed));
    text.extend(observed.iter().map(section));
    text
}

fn version_line(proxy: &Observed) -> String {
    format!("- {} {}\n", proxy.name, proxy.version)
}

/// One line for each fault, one column for each proxy.
fn matrix(observed: &[Observed]) -> String {
    let mut text = String::from("| the application |");
    text.extend(observed.iter().map(|proxy| format!(" {} |", proxy.name)));
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(observed.len()));
    for (row, (name, ..)) in cases().enumerate() {
        write!(text, "\n| {name} |").unwrap();
        for proxy in observed {
            let (answer, seen) = &proxy.cells[row];
            let status = answer.status.map_or("–".to_owned(), |status| status.to_string());
            write!(text, " {status}, {seen} |").unwrap();
        }
    }
    text.push('\n');
    text
}

/// What one proxy sends; equal answers once.
fn section(proxy: &Observed) -> String {
    let mut text = format!("\n## {}\n", proxy.name);
    for (row, (answer, _)) in proxy.cells.iter().enumerate() {
        if proxy.cells[..row].iter().any(|(earlier, _)| earlier == answer) {
            continue;
        }
        let same = cases().zip(&proxy.cells).filter(|(_, (other, _))| other == answer);
        let names: Vec<String> = same.map(|((name, ..), (_, seen))| format!("{name} ({seen})")).collect();
        write!(text, "\n{}:\n\n```text\n{}```\n", names.join("; "), answer.text).unwrap();
    }
    text
}

/// Returns the first lines in which `part` differs from what `committed` has in its place, if it does.
fn difference(committed: &str, part: &str) -> Option<String> {
    if committed.contains(part) {
        return None;
    }
    let title = part.trim_start().lines().next().unwrap_or_default();
    let old = committed.find(title).map_or("", |start| &committed[start..]);
    let lines = part.trim_start().lines().zip(old.lines().chain(iter::repeat("")));
    let mut text = format!("{title}\n");
    for (new, old) in lines.filter(|(new, old)| new != old).take(DIFFERENCE_LINES) {
        writeln!(text, "-{old}\n+{new}").unwrap();
    }
    Some(text)
}

/// Longer than any of these proxies waits for its upstream, its own retries included.
const PATIENCE: Duration = Duration::from_secs(12);

const DIFFERENCE_LINES: usize = 12;

const INTRODUCTION: &str = "\
# What nine real proxies send

Written by `tests/proxies` (set `FORBEAR_BLESS` to write it again). Each case has a proxy and an application of its own,
both just started, and one `GET` from a plain client; where it says \"after one answer\", another `GET` came before. A cell
of the table is the status that the client received (–: none) and how often the application saw the request. Below it
stands what was received; `…`, `PORT` and `VERSION` are masks.

";
