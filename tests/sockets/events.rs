//! What is said, as `tracing` hears it: names, levels and fields, and never a secret.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::nobody;
use crate::server::{Answer, Frames, Resolver, Seen, Server, hasty, respond};
use forbear::{Client, Decision, Endpoints, Error, Event, Now, Outcome, Policy, Report};
use http::{HeaderMap, Method, StatusCode, Uri};
use reqwest::Body;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// An event as a subscriber sees it: target, level and fields, the message among them.
#[derive(Clone, Debug, Default)]
struct Line {
    target: String,
    level: String,
    fields: BTreeMap<&'static str, String>,
}

impl Line {
    fn message(&self) -> &str {
        &self.fields["message"]
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Hears everything that is said on this thread, at TRACE, by whatever crate.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Line>>>);

impl Ear {
    fn listen() -> (Self, DefaultGuard) {
        let ear = Self::default();
        let guard = tracing_subscriber::registry().with(ear.clone()).set_default();
        (ear, guard)
    }

    fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().iter().filter(|line| line.target == "forbear").cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            target: event.metadata().target().to_owned(),
            level: event.metadata().level().to_string(),
            fields: BTreeMap::new(),
        };
        event.record(&mut line);
        self.0.lock().unwrap().push(line);
    }
}

fn client() -> Client {
    Client::builder(reqwest::Client::builder().no_proxy()).policy(hasty().build().unwrap()).build().unwrap()
}

/// Asserts the names of all fields, and the values of those that are given one.
#[track_caller]
fn assert_fields(line: &Line, message: &str, expected: &[(&str, &str)]) {
    let level = match message {
        "incident opened" | "incident continues" => "WARN",
        "incident closed" => "INFO",
        _ => "DEBUG",
    };
    assert_eq!((line.message(), &*line.level), (message, level), "{line:?}");
    let names: Vec<&str> = line.fields.keys().copied().filter(|name| *name != "message").collect();
    let mut expected_names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    expected_names.sort_unstable();
    assert_eq!(names, expected_names, "{line:?}");
    for (name, value) in expected {
        assert!(*value == "_" || line.fields[name] == *value, "{name} is {}, not {value}", line.fields[name]);
    }
}

#[cfg(feature = "endpoints")]
#[tokio::test]
async fn events_and_reports_name_the_endpoint_and_its_template_and_not_the_path() {
    let (ear, _guard) = Ear::listen();
    let server = Server::start(|_, _| respond(500, &[], b"")).await;
    let endpoints = Endpoints::builder()
        .endpoint(forbear::Endpoint::new("charges").method(Method::GET).path("/v1/charges/{id}"))
        .endpoint(forbear::Endpoint::new("others"))
        .build()
        .unwrap();
    let client = Client::builder(reqwest::Client::builder().no_proxy()).endpoints(endpoints).build().unwrap();
    let url = format!("{}/v1/charges/7?q=1#f", server.url);
    for (request, endpoint, template) in
        [(client.get(&url), "charges", Some("/v1/charges/{id}")), (client.delete(&url), "others", None)]
    {
        let response = request.send().await.unwrap();
        let report = Report::of(&response).unwrap();
        assert_eq!((report.endpoint(), report.url_template()), (endpoint, template));
    }
    let lines = ear.lines();
    let fields = |line: &Line| ["retry.endpoint", "url.template"].map(|name| line.fields.get(name).cloned());
    let quoted = |text: &str| Some(format!("{text:?}"));
    assert_eq!(fields(&lines[0]), [quoted("charges"), quoted("/v1/charges/{id}")]);
    assert_eq!(fields(&lines[1]), [quoted("others"), None]);
}

/// The fields that every event of one call has.
fn common(server: &Server) -> Vec<(&'static str, String)> {
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    vec![
        ("http.request.method", r#""GET""#.to_owned()),
        ("server.address", r#""127.0.0.1""#.to_owned()),
        ("server.port", port),
        ("retry.call", "_".to_owned()),
        ("retry.endpoint", r#""fallback""#.to_owned()),
        ("retry.max_attempts", "3".to_owned()),
    ]
}

#[tokio::test]
async fn retry_stop_and_recovered_have_their_names_levels_and_fields() {
    let (ear, _guard) = Ear::listen();
    let server = Server::start(|_, nth| match nth {
        1 => respond(503, &["retry-after: 0", "x-kong-response-latency: 3"], b""),
        2 => respond(502, &["retry-after: soon"], b""),
        3 => respond(200, &[], b""),
        _ => respond(503, &["retry-after: 3600"], b""),
    })
    .await;
    client().get(&server.url).send().await.unwrap();
    client().get(&server.url).send().await.unwrap();

    let common = common(&server);
    let with = |own: &[(&'static str, &'static str)]| -> Vec<(&'static str, String)> {
        common.iter().cloned().chain(own.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
    };
    let expected = [
        (
            "retry",
            with(&[
                ("http.response.status_code", "503"),
                ("error.type", r#""503""#),
                ("retry.attempt", "1"),
                ("retry.condition", r#""bad_gateway""#),
                ("retry.issuer", r#""kong""#),
                ("retry.confidence", r#""proven""#),
                ("retry.evidence", r#""x-kong-response-latency""#),
                ("retry.delivery", r#""not_delivered""#),
                ("retry.look_at", r#""infrastructure""#),
                ("retry.hint_ms", "0"),
                ("retry.wait_ms", "_"),
                ("retry.wait_source", r#""backoff""#),
                ("retry.elapsed_ms", "_"),
                ("retry.budget", "_"),
            ]),
        ),
        (
            "retry",
            with(&[
                ("http.response.status_code", "502"),
                ("http.request.resend_count", "1"),
                ("error.type", r#""502""#),
                ("retry.attempt", "2"),
                ("retry.condition", r#""bad_gateway""#),
                ("retry.issuer", r#""unknown""#),
                ("retry.confidence", r#""status""#),
                ("retry.delivery", r#""unknown""#),
                ("retry.look_at", r#""infrastructure""#),
                ("retry.hint_malformed", "true"),
                ("retry.wait_ms", "_"),
                ("retry.wait_source", r#""backoff""#),
                ("retry.elapsed_ms", "_"),
                ("retry.budget", "_"),
            ]),
        ),
        (
            "recovered",
            with(&[
                ("http.response.status_code", "200"),
                ("http.request.resend_count", "2"),
                ("retry.attempt", "3"),
                ("retry.elapsed_ms", "_"),
                ("retry.budget", "_"),
            ]),
        ),
        (
            "stop",
            with(&[
                ("http.response.status_code", "503"),
                ("error.type", r#""503""#),
                ("retry.attempt", "1"),
                ("retry.condition", r#""unavailable""#),
                ("retry.issuer", r#""unknown""#),
                ("retry.confidence", r#""status""#),
                ("retry.delivery", r#""unknown""#),
                ("retry.look_at", r#""mixed""#),
                ("retry.reason", r#""hint_too_long""#),
                ("retry.remedy", r#""ask again when the report's hint says, or raise max_elapsed""#),
                ("retry.hint_ms", "3600000"),
                ("retry.elapsed_ms", "_"),
                ("retry.budget", "_"),
            ]),
        ),
    ];
    let lines = ear.lines();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (message, fields)) in lines.iter().zip(&expected) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_fields(line, message, &fields);
    }
    let call = |index: usize| &lines[index].fields["retry.call"];
    assert!(call(0) == call(1) && call(1) == call(2) && call(2) != call(3), "the id joins the lines of one call");
}

#[test]
fn incidents_have_their_names_levels_and_fields() {
    let (ear, _guard) = Ear::listen();
    let endpoints = Endpoints::new(Policy::builder().max_attempts(2).build().unwrap());
    let uri = Uri::from_static("http://orders.internal:8080/v1/orders/7");
    let headers = HeaderMap::new();
    let page = b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>";
    let call = |method: &Method, status: StatusCode, ms: u64| {
        let now = Now::from_origin(Duration::from_millis(ms));
        let mut call = endpoints.call(method, &uri).replayable(true).start(now, 7);
        call.begin(now).unwrap();
        let outcome = Outcome::response(status, &headers, std::time::UNIX_EPOCH).body(page);
        if let Decision::Retry(retry) = call.on_outcome(&outcome, now) {
            let now = Now::from_origin(now.since_origin() + retry.wait());
            call.begin(now).unwrap();
            let _ = call.on_outcome(&outcome, now);
        }
    };
    call(&Method::GET, StatusCode::BAD_GATEWAY, 0);
    call(&Method::POST, StatusCode::BAD_GATEWAY, 2_000);
    call(&Method::POST, StatusCode::BAD_GATEWAY, 32_000);
    for ms in 0..40 {
        call(&Method::GET, StatusCode::OK, 42_000 + ms);
    }
    let common = || {
        vec![
            ("server.address", r#""orders.internal""#),
            ("server.port", "8080"),
            ("retry.endpoint", r#""fallback""#),
            ("retry.look_at", r#""infrastructure""#),
            ("retry.saved", "0"),
            ("retry.retries", "1"),
        ]
    };
    let failing = || {
        let advice = r#""nginx got no valid answer from the process behind it: is it up, just deployed, OOM-killed, on the right port, its keep-alive timeout shorter than the proxy's, a header too large? Usually not a bug in the application, which may have logged nothing""#;
        let of_the_last = [
            ("http.response.status_code", "502"),
            ("error.type", r#""502""#),
            ("retry.condition", r#""bad_gateway""#),
            ("retry.issuer", r#""nginx""#),
            ("retry.confidence", r#""strong""#),
            ("retry.evidence", r#""body""#),
            ("retry.advice", advice),
        ];
        [common(), of_the_last.to_vec()].concat()
    };
    let expected = [
        ("incident opened", failing(), "2", "2", r#""attempts 1, not_safe_to_repeat 1""#, "3"),
        ("incident continues", failing(), "32", "3", r#""not_safe_to_repeat 2, attempts 1""#, "4"),
        (
            "incident closed",
            [common(), vec![("retry.quiet_s", "10")]].concat(),
            "32",
            "3",
            r#""not_safe_to_repeat 2, attempts 1""#,
            "4",
        ),
    ];
    let lines: Vec<Line> = ear.lines().into_iter().filter(|line| line.message().starts_with("incident")).collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (message, fields, failing_s, lost, lost_why, failures)) in lines.iter().zip(expected) {
        let counted = [
            ("retry.lost_why", lost_why.to_owned()),
            ("retry.conditions", format!(r#""bad_gateway {failures}""#)),
            ("retry.issuers", format!(r#""nginx {failures}""#)),
        ];
        let counted = counted.iter().map(|(name, value)| (*name, &**value));
        let fields = fields.into_iter().chain([("retry.failing_s", failing_s), ("retry.lost", lost)]).chain(counted);
        assert_fields(line, message, &fields.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn times_are_those_of_the_report_in_milliseconds_and_a_failure_without_a_status_has_a_name() {
    let (ear, _guard) = Ear::listen();
    let error = client().get(format!("http://{}", nobody())).send().await.unwrap_err();
    let report = error.report().unwrap();
    let lines = ear.lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let ms = |duration: Duration| format!("{:.0}", duration.as_secs_f64() * 1000.0);
    for (line, attempt) in lines.iter().zip(report.attempts()) {
        assert_eq!(line.fields["error.type"], r#""connect_failed""#);
        assert_eq!(line.fields["retry.elapsed_ms"], ms(attempt.elapsed()));
        assert_eq!(line.fields.get("retry.wait_ms").cloned(), attempt.wait().map(ms));
    }
}

#[tokio::test]
async fn a_failure_without_a_response_has_no_issuer() {
    let (ear, _guard) = Ear::listen();
    let server = Server::start(|_, _| Answer::Close).await;
    client().post(&server.url).send().await.unwrap_err();
    let lines = ear.lines();
    let [line] = &*lines else { panic!("{lines:#?}") };
    assert_eq!((line.message(), &*line.fields["retry.delivery"]), ("stop", r#""unknown""#), "{line:?}");
    assert_eq!(line.fields["retry.look_at"], r#""mixed""#);
    for absent in ["retry.issuer", "retry.confidence", "retry.evidence"] {
        assert!(!line.fields.contains_key(absent), "{absent} in {line:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_says_abandoned() {
    let (ear, _guard) = Ear::listen();
    let server = Server::start(|_, _| Answer::Stall(Vec::new())).await;
    let policy = hasty().build().unwrap();
    let client = Client::builder(reqwest::Client::builder().no_proxy()).policy(policy).build().unwrap();
    assert!(within_20_ms(client.get(&server.url).send()).await.is_none());
    let lines = ear.lines();
    let [line] = &*lines else { panic!("{lines:#?}") };
    let fields: Vec<(&str, String)> = common(&server).into_iter().chain([("retry.attempt", "1".to_owned())]).collect();
    assert_fields(line, "abandoned", &fields.iter().map(|(name, value)| (*name, &**value)).collect::<Vec<_>>());
}

#[expect(clippy::disallowed_methods, reason = "a user's own timeout")]
async fn within_20_ms<F: Future>(future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_millis(20), future).await.ok()
}

fn failing() -> Frames {
    Frames::from([Some(Err(std::io::Error::other("the caller's own")))])
}

const CANARY: &str = "k4n4ry";

/// Everything that a program could print of a result.
fn everything_shown(result: &Result<reqwest::Response, Error>) -> String {
    let mut shown = String::new();
    let report = result.as_ref().map_or_else(Error::report, Report::of);
    if let Some(report) = report {
        let _never_fails = write!(shown, "{report}{report:?}{report:#?}");
    }
    if let Err(error) = result {
        let _never_fails = write!(shown, "{error}{error:#}{error:?}{error:#?}");
        let mut source = error.source();
        while let Some(error) = source {
            let _never_fails = write!(shown, "{error}{error:#}{error:?}{error:#?}");
            source = error.source();
        }
    }
    shown
}

#[tokio::test]
async fn a_secret_in_the_request_or_the_response_is_in_no_event_error_or_report() {
    let (ear, _guard) = Ear::listen();
    let leaky = format!("x-leak: {CANARY}");
    let named = format!("x-squid-error: ERR_{CANARY}");
    let answers = move |seen: &Seen, _: usize| {
        let path = seen.line.split(['/', '?']).nth(1).unwrap_or_default();
        match path {
            "status" => {
                let status = seen.line.rsplit('/').next().and_then(|it| it.get(..3)?.parse().ok()).unwrap_or(500);
                let location = format!("location: /{CANARY}");
                respond(status, &[&leaky, &named, &location, "retry-after: k4n4ry", "date: k4n4ry"], CANARY.as_bytes())
            }
            "garbage" => Answer::Bytes(format!("{CANARY} {CANARY}\r\n\r\n").into_bytes()),
            "badstatus" => Answer::Bytes(format!("HTTP/1.1 {CANARY}\r\n\r\n").into_bytes()),
            "badheader" => Answer::Bytes(format!("HTTP/1.1 200 OK\r\n{CANARY}\0\r\n\r\n").into_bytes()),
            "stall" => Answer::Stall(format!("HTTP/1.1 200 {CANARY}").into_bytes()),
            "half" => {
                Answer::Bytes(format!("HTTP/1.1 503 {CANARY}\r\ncontent-length: 99\r\n\r\n{CANARY}").into_bytes())
            }
            "loop" => respond(302, &[&format!("location: /loop/{CANARY}")], b""),
            "scheme" => respond(302, &[&format!("location: ftp://{CANARY}@host/{CANARY}")], b""),
            "port" => respond(302, &[&format!("location: http://{CANARY}@host:99999/{CANARY}")], b""),
            _ => Answer::Close,
        }
    };
    let server = Server::start(answers).await;
    let refused = nobody();
    let authority = |base: &str| base.replace("http://", &format!("http://{CANARY}:{CANARY}@"));
    let mut urls: Vec<String> =
        ["garbage", "badstatus", "badheader", "stall", "half", "loop", "scheme", "port", "close"]
            .iter()
            .map(|path| format!("{}/{path}/{CANARY}?q={CANARY}#{CANARY}", authority(&server.url)))
            .collect();
    for status in [200, 400, 403, 404, 408, 425, 429, 500, 501, 502, 503, 504, 520, 524, 530, 999] {
        urls.push(format!("{}/status/{CANARY}/{status}", authority(&server.url)));
    }
    urls.push(format!("http://{CANARY}:{CANARY}@{refused}/{CANARY}?{CANARY}"));
    urls.push(format!("http://{CANARY}:{CANARY}@does-not-exist.invalid/{CANARY}"));
    urls.push(format!("http://[{CANARY}/{CANARY}"));
    urls.push(format!("ftp://{CANARY}:{CANARY}@host/{CANARY}"));
    urls.push(CANARY.to_owned());

    let policy = || hasty().attempt_timeout(Duration::from_millis(50)).build().unwrap();
    let https_only = reqwest::Client::builder().no_proxy().https_only(true);
    let http = || reqwest::Client::builder().no_proxy().dns_resolver(Resolver::Fails);
    let endpoints = || Endpoints::builder().fallback(policy());
    let as_data = Arc::new(Mutex::new(String::new()));
    let listener = Arc::clone(&as_data);
    let observer = move |event: &Event<'_>| listener.lock().unwrap().push_str(&format!("{event:?}{event:#?}"));
    let clients = [
        Client::builder(http()).endpoints(endpoints().build().unwrap()).build().unwrap(),
        Client::builder(http()).endpoints(endpoints().observer(observer).build().unwrap()).build().unwrap(),
        Client::with_endpoints(http().build().unwrap(), endpoints().build().unwrap()),
        Client::builder(https_only).policy(policy()).build().unwrap(),
    ];
    let mut failures = 0;
    for (client, url, method) in clients.iter().flat_map(|client| {
        urls.iter().flat_map(move |url| [Method::GET, Method::POST].map(|method| (client, url, method)))
    }) {
        let request = || client.request(method.clone(), url).header("x-secret", CANARY).bearer_auth(CANARY);
        for request in [
            request().body(CANARY),
            request().body(Body::wrap(CANARY.to_owned())),
            request().body(Body::wrap_stream(failing())),
        ] {
            assert!(!format!("{request:?}").contains(CANARY));
            let result = request.send().await;
            failures += usize::from(result.is_err());
            let shown = everything_shown(&result);
            assert!(!shown.contains(CANARY), "{method} {url} shows\n{shown}");
            let Ok(response) = result else { continue };
            if let Err(error) = forbear::error_for_status(response) {
                assert!(!everything_shown(&Err(error)).contains(CANARY), "{method} {url}");
            }
        }
    }
    assert!(failures > 300 && server.counts().0 > 400, "{failures} failures, {:?} requests", server.counts());
    let dropped = clients[0].get(format!("{}/stall/{CANARY}?{CANARY}", server.url)).bearer_auth(CANARY);
    assert!(within_20_ms(dropped.send()).await.is_none());
    assert!(ear.lines().iter().any(|line| line.message() == "abandoned"));
    let as_data = as_data.lock().unwrap();
    assert!(as_data.len() > 1000 && !as_data.contains(CANARY), "{as_data}");
    let lines = ear.lines();
    assert!(lines.len() > 100, "{} events", lines.len());
    for line in lines {
        assert!(!format!("{line:?}").contains(CANARY), "{line:#?}");
    }
}
