//! A client meets failing servers, eleven times over.
//!
//! Starts its own servers on loopback, sends real requests, prints each event as it happens and a table at the end.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
#![expect(clippy::print_stdout, reason = "it shows")]

use std::error::Error;
use std::io::{self, IsTerminal};
use std::time::Duration;

use forbear::{AttemptReport, Client, Report};
use reqwest::{Body, Response};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tracing_subscriber::fmt::format::debug_fn;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    show_events();

    let server = failing_server().await;
    let url = |path: &str| format!("{}{path}", server.uri());
    let client = Client::builder(reqwest::Client::builder().no_proxy()).build()?;

    let mut rows = Vec::new();
    for (case, request) in [
        ("503 that asks for 1 s, then 200", client.get(url("/restarts"))),
        ("502, then 200", client.get(url("/blips"))),
        ("502 for ever", client.get(url("/lost"))),
        ("500", client.get(url("/bug"))),
        ("404", client.get(url("/nothing"))),
        ("429 to a POST, then 200", client.post(url("/limits")).body("refused before it was processed")),
        ("503 that asks for an hour", client.get(url("/maintained"))),
        ("503 to a POST", client.post(url("/busy")).body("an order: never twice")),
        ("503 to a streaming upload", client.put(url("/busy")).body(Body::wrap("a stream is sent once".to_owned()))),
        ("connection refused", client.get(refusing().await?)),
        ("closed without an answer", client.get(slamming().await?)),
    ] {
        println!("\n── {case}");
        let result = request.send().await;
        if result.as_ref().is_ok_and(|response| Report::of(response).is_none()) {
            println!("(an answer at once: no event)");
        }
        rows.push(row(case, result));
    }

    println!("\n{:<33} {:>8} {:>8}  {:<26} why it ended", "case", "attempts", "waited", "result");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}

/// Prints forbear's events on one line each: without the fields that are the same in every line here, and without the
/// prefix of the others.
fn show_events() {
    let brief = debug_fn(|line, field, value| match field.name() {
        // The fields that are the same in every line here are left out, and the prefixes of the others.
        "message" => write!(line, "{value:?}"),
        "server.address" | "server.port" | "retry.endpoint" | "retry.elapsed_ms" | "error.type" => Ok(()),
        name => write!(line, " {}={value:?}", name.trim_start_matches("retry.").trim_start_matches("http.")),
    });
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "forbear=debug".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stdout().is_terminal())
        .without_time()
        .fmt_fields(brief)
        .init();
}

fn row(case: &str, result: Result<Response, forbear::Error>) -> String {
    let outcome = match &result {
        Ok(response) => response.status().to_string(),
        Err(_) => "no response".to_owned(),
    };
    let report = result.as_ref().map_or_else(forbear::Error::report, Report::of);
    let attempts = report.map_or(1, |report| report.attempts().len());
    let waited: Duration = report.iter().flat_map(|it| it.attempts()).filter_map(AttemptReport::wait).sum();
    let why = match report {
        None => "answered at once".to_owned(),
        Some(report) => report.reason().map_or("answered after a retry".to_owned(), |reason| reason.to_string()),
    };
    format!("{case:<33} {attempts:>8} {:>6.2} s  {outcome:<26} {why}", waited.as_secs_f64())
}

/// What each path answers at first, and from then on.
async fn failing_server() -> MockServer {
    let server = MockServer::start().await;
    let respond = |status: u16| ResponseTemplate::new(status);
    for (at, first, then) in [
        ("/restarts", respond(503).insert_header("retry-after", "1"), respond(200)),
        ("/blips", respond(502), respond(200)),
        ("/lost", respond(502), respond(502)),
        ("/bug", respond(500), respond(500)),
        ("/nothing", respond(404), respond(404)),
        ("/limits", respond(429), respond(200)),
        ("/maintained", respond(503).insert_header("retry-after", "3600"), respond(503)),
        ("/busy", respond(503), respond(503)),
    ] {
        Mock::given(path(at)).respond_with(first).up_to_n_times(1).mount(&server).await;
        Mock::given(path(at)).respond_with(then).mount(&server).await;
    }
    server
}

/// A port of loopback on which nobody listens.
async fn refusing() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(format!("http://{}", listener.local_addr()?))
}

/// A server that reads a request and closes the connection, as one that crashes does.
async fn slamming() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _read = socket.read(&mut [0; 1024]).await;
        }
    });
    Ok(url)
}
