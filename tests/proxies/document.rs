//! `docs/proxies.md`: what each proxy really sends, kept current by a test.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::{env, fs, iter};

use crate::case::Case;
use crate::observe::{Cell, Observed, observed};
use crate::proxy::ALL;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn the_document_says_what_proxies_send() {
    let observed = observed().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies.md");
    let all = observed.len() == ALL.len();
    if env::var_os("FORBEAR_BLESS").is_some() {
        assert!(all, "the document needs all proxies");
        fs::write(&path, document(observed)).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap();
    let mut wrong: Vec<String> = observed.iter().filter_map(|proxy| difference(&committed, &section(proxy))).collect();
    if all {
        wrong.extend(difference(&committed, &matrix(observed)));
    }
    assert!(wrong.is_empty(), "docs/proxies.md says otherwise; set FORBEAR_BLESS to write it\n{}", wrong.join("\n"));
    for proxy in observed.iter().filter(|proxy| !committed.contains(&version_line(proxy))) {
        let _ = writeln!(io::stderr(), "docs/proxies.md was written with another version of {}", proxy.name);
    }
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
    for case in Case::ALL {
        write!(text, "\n| {} |", case.as_str()).unwrap();
        for proxy in observed {
            let cell = proxy.cells.iter().find(|cell| cell.case == case);
            match cell.map(|cell| (cell.answer.status, cell.seen)) {
                Some((Some(status), seen)) => write!(text, " {status}, {seen} |").unwrap(),
                Some((None, seen)) => write!(text, " –, {seen} |").unwrap(),
                None => text.push_str("  |"),
            }
        }
    }
    text.push('\n');
    text
}

/// What one proxy sends; equal answers once.
fn section(proxy: &Observed) -> String {
    let mut text = format!("\n## {}\n", proxy.name);
    for (row, cell) in proxy.cells.iter().enumerate() {
        let is_same = |other: &&Cell| other.answer.text == cell.answer.text;
        if proxy.cells[..row].iter().any(|earlier| is_same(&earlier)) {
            continue;
        }
        let same = proxy.cells.iter().filter(is_same);
        let names: Vec<String> = same.map(|cell| format!("{} ({})", cell.case.as_str(), cell.seen)).collect();
        write!(text, "\n{}:\n\n```text\n{}```\n", names.join("; "), cell.answer.text).unwrap();
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

const DIFFERENCE_LINES: usize = 12;

const INTRODUCTION: &str = "\
# What nine real proxies send

Written by `tests/proxies` (set `FORBEAR_BLESS` to write it again). Each case has a proxy and an application of its own,
both just started, and a plain `GET` of a client that tries once. A case with a past, as \"is back after it was killed\",
had others before; where a second one is well, up to four are sent, until one fails, and all of them count. In brackets
stand cases in which the proxy does something of its own; in all others it sends to the application, which fails. A cell
of the table is the status that the client received (–: none) and how often the application saw the request. Below it
stands what was received; `…`, `PORT` and `VERSION` are masks.

Known from their documentation, and not observed: Akamai, the load balancers and gateways of AWS, Azure and Google,
Cloudflare, CloudFront, Fastly, Heroku, Kong, linkerd, Render and Vercel.

What this crate makes of each of them, of a `POST` as of a `GET`, is asserted in `tests/proxies/matrix.rs`.

";
