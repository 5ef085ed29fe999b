//! What a diagnosis costs: its time and its allocations, over heads and bodies as they come.
//!
//! ```sh
//! cargo bench --bench diagnosis
//! ```
//!
//! Fails where what no rule matches allocates, or takes grossly more than its goal.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use forbear::{Diagnosis, Outcome};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What a failing head may cost if no rule matches, and what each byte of its body may add.
const GOAL: Duration = Duration::from_micros(2);
const GOAL_PER_BYTE: Duration = Duration::from_nanos(1);
/// How many times its goal is a fault of ours. A batch is shorter than a turn of the scheduler, so that the median one is
/// not interrupted; but a neighbour on the same core can double its time, and a throttled clock once more.
const GROSSLY: u32 = 5;
const BATCHES: usize = 201;
const BATCH: u32 = 100;

struct Case {
    name: &'static str,
    status: StatusCode,
    headers: HeaderMap,
    body: &'static [u8],
    /// Whether the goal is a gate, and nothing is allocated.
    promised: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut broken = Vec::new();
    println!("{:<32}{:>8}{:>10}{:>14}", "a diagnosis of", "ns", "goal", "allocations");
    for case in cases()? {
        let (time, allocations) = (time(&case), allocations(&case));
        let goal = GOAL + GOAL_PER_BYTE * u32::try_from(case.body.len())?;
        let shown = if case.promised { goal.as_nanos().to_string() } else { String::new() };
        println!("{:<32}{:>8}{shown:>10}{allocations:>14}", case.name, time.as_nanos());
        let too_slow = time > goal * GROSSLY && !cfg!(debug_assertions);
        if case.promised && (allocations > 0 || too_slow) {
            broken.push(format!("{}: {time:?} and {allocations} allocations, goal {goal:?} and none", case.name));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

fn cases() -> Result<[Case; 8], Box<dyn Error>> {
    let text = |length| TEXT.get(..length).unwrap_or(TEXT);
    let plain = |name, status, body| Case { name, status, headers: headers(&USUAL), body, promised: true };
    let marked = |name, status, headers, body| Case { name, status, headers, body, promised: false };
    let mut many = headers(&USUAL);
    for i in 0..1_000 {
        many.append(HeaderName::try_from(format!("x-header-{i}"))?, HeaderValue::from_static("value"));
    }
    let proxy_status = headers(&[("proxy-status", "cdn; error=connection_refused")]);
    Ok([
        plain("a success, 8 headers", StatusCode::OK, b""),
        plain("a failing head, 8 headers", StatusCode::SERVICE_UNAVAILABLE, b""),
        plain("… and a body of 300 bytes", StatusCode::SERVICE_UNAVAILABLE, text(300)),
        plain("… and a body of 4 KiB", StatusCode::SERVICE_UNAVAILABLE, text(4096)),
        marked("a page of nginx", StatusCode::BAD_GATEWAY, headers(&USUAL), NGINX),
        marked("a body of Envoy", StatusCode::SERVICE_UNAVAILABLE, headers(&[("server", "envoy")]), ENVOY),
        marked("a Proxy-Status", StatusCode::BAD_GATEWAY, proxy_status, b""),
        marked("a failing head, 1,000 headers", StatusCode::SERVICE_UNAVAILABLE, many, b""),
    ])
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn diagnose(case: &Case) {
    let outcome = Outcome::response(case.status, &case.headers, SystemTime::UNIX_EPOCH).body(case.body);
    black_box(Diagnosis::of(black_box(&outcome)));
}

/// Returns the median over the batches.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn time(case: &Case) -> Duration {
    let mut batches = [(); BATCHES].map(|()| {
        let started = Instant::now();
        (0..BATCH).for_each(|_| diagnose(case));
        started.elapsed()
    });
    let (_, median, _) = batches.select_nth_unstable(BATCHES / 2);
    *median / BATCH
}

fn allocations(case: &Case) -> u64 {
    allocation_counter::measure(|| diagnose(case)).count_total
}

/// What is long and names no issuer, though it speaks of all of them.
const TEXT: &[u8] = include_bytes!("../README.md");
const USUAL: [(&str, &str); 8] = [
    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("server", "nginx"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-length", "300"),
    ("connection", "keep-alive"),
    ("vary", "accept-encoding"),
    ("cache-control", "no-store"),
    ("x-request-id", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
];
const NGINX: &[u8] = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway\
    </h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
const ENVOY: &[u8] = b"upstream connect error or disconnect/reset before headers. reset reason: connection failure, \
    transport failure reason: delayed connect error: Connection refused";
