//! Charges are not searches, and neither is a report: three endpoints, from the file beside this one, meet the same outage.
//!
//! Starts its own server on loopback, which fails for two and a half seconds. Prints each event as it happens, the lines of the
//! incidents, and the numbers of each endpoint as a table. The example fails if it does not come out as told.
//!
//! ```sh
//! cargo run --features serde --example per_endpoint
//! ```
#![expect(clippy::print_stdout, reason = "it shows")]

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use forbear::{Client, Condition, Config, EndpointSnapshot, RequestBuilder, StopReason};
use tokio::task::JoinSet;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result {
    let config: Config = toml::from_str(include_str!("per_endpoint.toml"))?;
    for warning in config.warnings() {
        println!("{warning}");
    }
    let endpoints = config.into_builder()?.build()?;

    let failing = Arc::new(AtomicBool::new(false));
    let server = start(Arc::clone(&failing)).await;
    let hosts = ["payments.internal", "search.internal", "reports.internal"];
    let http = reqwest::Client::builder().no_proxy();
    let http = hosts.into_iter().fold(http, |http, host| http.resolve(host, *server.address()));
    let client = Client::builder(http).endpoints(endpoints).build()?;
    let port = server.address().port();

    show_events();
    println!("── all is well: 100 calls to each endpoint, and nothing is said");
    send(&client, port, 100).await?;
    println!("── the server answers 503, Retry-After: 1, for two and a half seconds");
    failing.store(true, Ordering::Relaxed);
    let mut calls = JoinSet::new();
    for key in 0..BEATS {
        for request in requests(&client, port, key) {
            calls.spawn(request.send());
        }
        pause(Duration::from_millis(500)).await;
    }
    let during = client.snapshot();
    failing.store(false, Ordering::Relaxed);
    println!("── it is well again, but some calls still wait");
    let ended = calls.join_all().await;
    println!("── 100 calls more to each, and then one when ten seconds have been quiet: that closes the incidents");
    send(&client, port, 100).await?;
    pause(Duration::from_millis(10_100)).await;
    send(&client, port, 1).await?;
    let after = client.snapshot();

    println!("\nin the outage\n{}", table(during.endpoints()));
    println!("\nat the end\n{}", table(after.endpoints()));

    ensure(ended.iter().all(std::result::Result::is_ok), "a response is never an error")?;
    ensure(during.endpoints().iter().all(|it| it.open_incident().is_some()), "each has an incident of its own")?;
    ensure(after.endpoints().iter().all(|it| it.open_incident().is_none()), "which closes")?;
    let [charges, search, reports] = after.endpoints() else { return Err("there are three endpoints".into()) };
    ensure(charges.recovered() > 0, "a charge with a key is repeated, and some are saved")?;
    ensure(charges.stopped(StopReason::Attempts) > 0, "but each of them once only")?;
    ensure(search.stopped(StopReason::HintTooLong) == BEATS, "a search does not wait for so long as it is asked to")?;
    ensure(reports.recovered() == BEATS, "a report waits as long as it takes")
}

/// Calls of each kind that are made in the outage.
const BEATS: u64 = 5;

/// A charge, a search and a report.
fn requests(client: &Client, port: u16, key: u64) -> [RequestBuilder; 3] {
    let charge = client.post(format!("http://payments.internal:{port}/v1/charges/{key}"));
    let search = client.post(format!("http://search.internal:{port}/v1/search"));
    let report = client.put(format!("http://reports.internal:{port}/v1/reports/{key}"));
    [
        charge.header("Idempotency-Key", format!("key-{key}")).body("10 EUR"),
        search.body("shoes"),
        report.body("2026-11"),
    ]
}

async fn send(client: &Client, port: u16, count: u64) -> Result {
    for key in 0..count {
        for request in requests(client, port, key) {
            forbear::error_for_status(request.send().await?)?.bytes().await?; // so that the connection serves again
        }
    }
    Ok(())
}

async fn start(failing: Arc<AtomicBool>) -> MockServer {
    let server = MockServer::builder().disable_request_recording().start().await;
    let answer = move |_: &Request| match failing.load(Ordering::Relaxed) {
        true => {
            let answer = ResponseTemplate::new(503).insert_header("retry-after", "1");
            answer.set_body_raw(r#"{"error":"no database"}"#, "application/json")
        }
        false => ResponseTemplate::new(200),
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn table(endpoints: &[EndpointSnapshot]) -> String {
    let rows = endpoints.iter().map(|it| {
        let retries: u64 = Condition::ALL.into_iter().map(|condition| it.retries(condition)).sum();
        let incident = it.open_incident().map_or("none".to_owned(), |open| format!("open {:.1} s", open.as_secs_f64()));
        let stops = StopReason::ALL.into_iter().filter(|reason| it.stopped(*reason) > 0);
        let stops: Vec<String> = stops.map(|reason| format!("{} {}", reason.as_str(), it.stopped(reason))).collect();
        let row = format!(
            "{:<8} {:>8} {:>8} {retries:>7} {:>9} {:>7} {:>6.1}  {incident:<10}  {}",
            it.name(),
            it.attempts(),
            it.answered(),
            it.recovered(),
            it.waiting(),
            it.credit(),
            stops.join(", "),
        );
        row.trim_end().to_owned()
    });
    let head = "endpoint attempts answered retries recovered waiting credit  incident    stopped".to_owned();
    [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// What tells the endpoints apart here, of the fields `retry.…`.
const FIELDS: [&str; 9] =
    ["attempt", "reason", "hint_ms", "wait_ms", "budget", "failing_s", "lost", "saved", "lost_why"];

/// Prints each event as a short line, with the seconds since now.
fn show_events() {
    let short = debug_fn(|line, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(line, "{value:<18}"),
            "retry.endpoint" => write!(line, " {:<8}", value.trim_matches('"')),
            name => match name.strip_prefix("retry.").filter(|name| FIELDS.contains(name)) {
                Some(name) => write!(line, " {name}={value}"),
                None => Ok(()),
            },
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter("forbear=debug")
        .with_ansi(io::stdout().is_terminal())
        .with_timer(Seconds::since_now())
        .with_target(false)
        .fmt_fields(short)
        .init();
}

struct Seconds(Instant);

impl Seconds {
    #[expect(clippy::disallowed_methods, reason = "for people to read")]
    fn since_now() -> Self {
        Self(Instant::now())
    }
}

impl FormatTime for Seconds {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{:>6.2} s", self.0.elapsed().as_secs_f64())
    }
}

/// Fails if the story did not come out as told.
fn ensure(is_so: bool, claim: &str) -> Result {
    if is_so { Ok(()) } else { Err(format!("this is not so: {claim}").into()) }
}

#[expect(clippy::disallowed_methods, reason = "a story takes its time")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
