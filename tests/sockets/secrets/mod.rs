//! A canary in every place where a secret can be. No door says it, and no public type shows it.

mod heard;
mod text;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use forbear::middleware::{BodyWith, RetryMiddleware};
use forbear::tower::{Retry, RetryLayer};
use forbear::{
    Attempt, Backoff, Budget, Call, Client, Condition, Confidence, Config, Decision, Delivery, Diagnosis, Endpoint,
    Endpoints, Event, Failure, Issuer, LookAt, Mode, Now, Outcome, Overrides, Policy, Recorder, Repeat, Report, Ruling,
    Scenario, Script, Tracing, WaitSource, blocking,
};
use http::{Extensions, HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::TokioExecutor;
use reqwest::{Body, Proxy};
use tower::{Layer, ServiceExt};

use crate::client::nobody;
use crate::http2::{self, Reaction};
use crate::server::{Answer, Seen, Server, hasty};
use heard::Heard;

const CANARY: &str = "k4n4ry";

/// The canary as it looks among other text, as a list of bytes, and in base64 at each of the three places of a group.
const SPELLINGS: [&str; 5] = [CANARY, "107,52,110,52,114,121", "azRuNHJ5", "s0bjRye", "rNG40cn"];

/// Returns the spelling in which the canary is seen, if it is.
fn seen(text: &str) -> Option<&'static str> {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    SPELLINGS.into_iter().find(|spelling| dense.contains(spelling))
}

#[track_caller]
fn assert_no_canary(text: &str, place: &str) {
    assert_eq!(seen(text), None, "{place} shows\n{text}");
}

/// What an error shows, and all below it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        writeln!(shown, "{error}\n{error:#}\n{error:?}\n{error:#?}").unwrap();
        next = error.source();
    }
    shown
}

/// The headers in which a server can say something of its own, each with the canary and with what makes it count.
const SAID: &[(&str, &str)] = &[
    ("age", "k4n4ry"),
    ("cache-status", "k4n4ry; hit; ttl=0; detail=\"k4n4ry\""),
    ("cf-error-type", "k4n4ry"),
    ("cf-ray", "k4n4ry"),
    ("content-language", "k4n4ry"),
    ("content-type", "text/html; charset=k4n4ry"),
    ("date", "k4n4ry"),
    ("grpc-message", "k4n4ry"),
    ("grpc-status", "14"),
    ("l5d-proxy-error", "service overloaded k4n4ry"),
    ("location", "http://k4n4ry:k4n4ry@127.0.0.1/k4n4ry?k4n4ry#k4n4ry"),
    ("proxy-authenticate", "Basic realm=\"k4n4ry\""),
    ("proxy-status", "k4n4ry; error=connection_refused; next-hop=k4n4ry; details=\"k4n4ry\""),
    ("ratelimit", "\"k4n4ry\";r=0;t=0"),
    ("retry-after", "k4n4ry"),
    ("server", "awselb/2.0 k4n4ry"),
    ("set-cookie", "k4n4ry=k4n4ry; Domain=k4n4ry"),
    ("via", "1.1 k4n4ry (k4n4ry)"),
    ("www-authenticate", "Bearer error_description=\"k4n4ry\""),
    ("x-amzn-errortype", "ServiceUnavailableException:k4n4ry"),
    ("x-cache", "Error from cloudfront k4n4ry"),
    ("x-envoy-overloaded", "k4n4ry"),
    ("x-k4n4ry", "k4n4ry"),
    ("x-kong-response-latency", "k4n4ry"),
    ("x-ratelimit-remaining", "0 k4n4ry"),
    ("x-should-retry", "k4n4ry"),
    ("x-squid-error", "ERR_CONNECT_FAIL k4n4ry"),
];

/// A page of nginx's, with more in it.
const PAGE: &str = "<title>k4n4ry</title><center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>k4n4ry";

/// Says the canary wherever HTTP/1.1 has a place for it, in one header or in all.
fn telling(status: u16, only: Option<usize>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {CANARY}\r\ntransfer-encoding: chunked\r\ntrailer: x-{CANARY}\r\n");
    for (_, (name, value)) in SAID.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at)) {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "\r\n{:x};{CANARY}\r\n{PAGE}\r\n0\r\nx-{CANARY}: {CANARY}\r\n\r\n", PAGE.len()).unwrap();
    head.into_bytes()
}

/// Answers by the first part of the path: a status and a header of [`SAID`], or a fault.
fn answer(seen: &Seen, _: usize) -> Answer {
    let mut parts = seen.line.split('/').skip(1);
    match (parts.next().unwrap_or_default(), parts.next().and_then(|only| only.parse().ok())) {
        ("garbage", _) => Answer::Bytes(format!("{CANARY} {CANARY}\r\n\r\n").into_bytes()),
        ("bad-status", _) => Answer::Bytes(format!("HTTP/1.1 {CANARY}\r\n\r\n").into_bytes()),
        ("bad-header", _) => Answer::Bytes(format!("HTTP/1.1 503 OK\r\n{CANARY}\0: {CANARY}\r\n\r\n").into_bytes()),
        ("bad-chunk", _) => Answer::End(
            format!("HTTP/1.1 503 OK\r\ntransfer-encoding: chunked\r\n\r\n{CANARY}\r\n{CANARY}").into_bytes(),
        ),
        ("stall", _) => Answer::Stall(format!("HTTP/1.1 200 {CANARY}").into_bytes()),
        ("close", _) => Answer::Close,
        (status, only) => Answer::Bytes(telling(status.parse().unwrap(), only)),
    }
}

/// Everything that a caller could print of a call, but for the response.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn report(&mut self, report: Option<&Report>) {
        if let Some(report) = report {
            writeln!(self.0, "{report}\n{report:?}\n{report:#?}").unwrap();
        }
    }
}

/// A request with the canary wherever it has a place for it.
fn request(method: &Method, url: &str) -> http::request::Builder {
    let headers = [("cookie", "k4n4ry=k4n4ry"), ("authorization", "Bearer k4n4ry"), ("idempotency-key", "k4n4ry")];
    let request = Request::builder().method(method).uri(url).header("x-k4n4ry", "k4n4ry");
    headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

fn for_reqwest(method: &Method, url: &str) -> reqwest::Request {
    let mut request = reqwest::Request::try_from(request(method, url).body(CANARY).unwrap()).unwrap();
    // http knows no fragment, and reqwest takes the user of a URL for itself.
    *request.url_mut() = url.parse().unwrap();
    request
}

/// Sends through every door that has no test of its own, and returns what each shows of it.
async fn through_doors(endpoints: &Endpoints, method: &Method, url: &str) -> Vec<(&'static str, String)> {
    let http = || reqwest::Client::builder().no_proxy().build().unwrap();
    let mut all = Vec::new();

    let mut shown = Shown::default();
    let client = Client::builder(reqwest::Client::builder().no_proxy()).endpoints(endpoints.clone()).build().unwrap();
    match client.execute(for_reqwest(method, url)).await {
        Ok(response) => {
            shown.report(Report::of(&response));
            if let Err(error) = forbear::error_for_status(response) {
                shown.0 += &chain(&error);
            }
        }
        Err(error) => shown.0 += &chain(&error),
    }
    all.push(("client", shown.0));

    let mut shown = Shown::default();
    let layer = RetryLayer::new(endpoints.clone());
    match layer.layer(http()).oneshot(for_reqwest(method, url)).await {
        Ok(response) => shown.report(Report::of(&response)),
        Err(error) => shown.0 += &chain(&error),
    }
    all.push(("tower over reqwest", shown.0));

    let mut shown = Shown::default();
    let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let bare = url.split('#').next().unwrap();
    match layer.layer(hyper).oneshot(request(method, bare).body(Full::from(CANARY)).unwrap()).await {
        Ok(response) => shown.report(Report::of(&response)),
        Err(error) => shown.0 += &chain(&error),
    }
    all.push(("tower over hyper", shown.0));

    // An error is reqwest-middleware's own, with its URL: only the report is ours.
    let mut shown = Shown::default();
    let client = reqwest_middleware::ClientBuilder::new(http()).with(RetryMiddleware::new(endpoints.clone())).build();
    let mut extensions = Extensions::new();
    let result = client.execute_with_extensions(for_reqwest(method, url), &mut extensions).await;
    shown.report(Report::of(&extensions));
    shown.report(result.ok().as_ref().and_then(Report::of));
    all.push(("middleware", shown.0));

    all.push(("blocking", blocking(endpoints.clone(), method.clone(), url.to_owned()).await));
    all
}

/// The one error of the middleware that is ours, in one of reqwest-middleware's.
#[tokio::test]
async fn a_hook_that_fails_in_the_middleware_shows_nothing_of_its_request() {
    let fails = |_: &mut reqwest::Request, _: &Attempt| Err(std::io::Error::other("no keys").into());
    let retries = RetryMiddleware::new(Policy::default()).before_attempt(fails);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(http).with(retries).build();
    let request = for_reqwest(&Method::PUT, "http://k4n4ry:k4n4ry@127.0.0.1:9/k4n4ry?k4n4ry#k4n4ry");
    let error = client.execute(request).await.unwrap_err();
    let shown = chain(&error);
    assert!(shown.contains("no keys"), "{shown}");
    assert_no_canary(&shown, "the error of a hook");
}

/// reqwest's blocking client must not be used where futures are driven.
async fn blocking(endpoints: Endpoints, method: Method, url: String) -> String {
    let send = move || {
        let mut shown = Shown::default();
        let http = reqwest::blocking::Client::builder().no_proxy();
        let client = blocking::Client::builder(http).endpoints(endpoints).build().unwrap();
        let mut request = reqwest::blocking::Request::try_from(request(&method, &url).body(CANARY).unwrap()).unwrap();
        *request.url_mut() = url.parse().unwrap();
        match client.execute(request) {
            Ok(response) => {
                shown.report(Report::of(&response));
                if let Err(error) = blocking::error_for_status(response) {
                    shown.0 += &chain(&error);
                }
            }
            Err(error) => shown.0 += &chain(&error),
        }
        shown.0
    };
    tokio::task::spawn_blocking(send).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_shows_what_is_in_the_request_or_in_the_response() {
    let server = Server::start(answer).await;
    let policy = hasty().attempt_timeout(Duration::from_millis(80)).build().unwrap();
    let secret = "k4n4ry/k4n4ry?q=k4n4ry#k4n4ry";
    let base = server.url.replace("http://", "http://k4n4ry:k4n4ry@");
    let mut urls: Vec<String> = (0..SAID.len()).map(|only| format!("{base}/503/{only}/{secret}")).collect();
    urls.extend([429, 500, 502, 503, 504, 520].map(|status| format!("{base}/{status}/all/{secret}")));
    let faults = ["garbage", "bad-status", "bad-header", "bad-chunk", "stall", "close"];
    urls.extend(faults.map(|fault| format!("{base}/{fault}/0/{secret}")));
    urls.push(format!("http://k4n4ry:k4n4ry@{}/{secret}", nobody()));

    let heard = Heard::default();
    let endpoints = heard.endpoints(policy);
    let mut printed = 0;
    for (url, method) in urls.iter().flat_map(|url| [(url, Method::GET), (url, Method::POST)]) {
        for (door, shown) in through_doors(&endpoints, &method, url).await {
            assert_no_canary(&shown, &format!("{door}, {method} {url}"));
            printed += usize::from(!shown.is_empty());
        }
    }
    assert_no_canary(&heard.all(), "what is said");
    let snapshot = endpoints.snapshot(Now::default());
    assert_no_canary(&format!("{snapshot:?}{snapshot:#?}"), "the snapshot");
    let events = heard.recorder.events().len();
    println!("{printed} calls, {} requests, {events} events", server.counts().0);
    assert_eq!(printed, urls.len() * 2 * 5, "each door showed something of each failing call");
    assert!(events > printed && server.counts().0 > printed, "{events} events, {:?} requests", server.counts());
}

/// What a server of HTTP/2 says when it goes away is text of its own (RFC 9113 §6.8), and h2 shows it.
#[tokio::test]
async fn what_a_server_says_as_it_goes_away_is_shown_nowhere() {
    let react =
        |_: usize| Reaction::GoAway { last: 0, code: http2::ENHANCE_YOUR_CALM, text: b"k4n4ry \x1b[2J\r\nk4n4ry" };
    let (url, arrivals) = http2::start(react).await;
    let heard = Heard::default();
    let endpoints = heard.endpoints(hasty().build().unwrap());

    let http = || reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    let bare = http().build().unwrap().get(&url).send().await.unwrap_err();
    assert!(chain(&bare).contains(CANARY), "reqwest shows it: {bare:?}");

    let client = Client::builder(http()).endpoints(endpoints.clone()).build().unwrap();
    let error = client.get(&url).send().await.unwrap_err();
    assert_no_canary(&chain(&error), "the client's error");
    assert!(chain(error.as_reqwest().unwrap()).contains(CANARY), "whoever asks for it has it");

    let layer = RetryLayer::new(endpoints);
    let error = layer.layer(http().build().unwrap()).oneshot(for_reqwest(&Method::GET, &url)).await.unwrap_err();
    assert_no_canary(&chain(&error), "the layer's error over reqwest");
    let mut hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    let hyper = hyper.http2_only(true).build_http::<Full<Bytes>>();
    let error = layer.layer(hyper).oneshot(request(&Method::GET, &url).body(Full::from("")).unwrap()).await;
    let error = error.unwrap_err();
    assert_no_canary(&chain(&error), "the layer's error over hyper");
    assert!(chain(&*error.into_inner().unwrap()).contains(CANARY), "whoever asks for it has it");
    assert_no_canary(&heard.all(), "what is said");
    assert!(arrivals.lock().unwrap().len() >= 4);
}

/// Which public types were printed, and how.
#[derive(Clone, Default)]
struct Printed {
    debug: Arc<Mutex<BTreeSet<String>>>,
    display: Arc<Mutex<BTreeSet<String>>>,
    errors: Arc<Mutex<BTreeSet<String>>>,
    /// Those that showed the canary.
    leaking: Arc<Mutex<Vec<String>>>,
}

impl Printed {
    fn debug(&self, path: &str, value: &impl Debug) {
        self.debug.lock().unwrap().insert(name(path));
        self.check(path, &format!("{value:?}{value:#?}"));
    }

    fn display(&self, path: &str, value: &(impl Debug + Display)) {
        self.debug(path, value);
        self.display.lock().unwrap().insert(name(path));
        self.check(path, &format!("{value}{value:#}"));
    }

    fn error(&self, path: &str, value: &(impl Error + 'static)) {
        self.display(path, value);
        self.errors.lock().unwrap().insert(name(path));
        self.check(path, &chain(value));
    }

    fn check(&self, path: &str, text: &str) {
        if let Some(spelling) = seen(text) {
            self.leaking.lock().unwrap().push(format!("{path} as {spelling}"));
        }
    }
}

/// Without parameters.
fn name(path: &str) -> String {
    path.split(['<', '(']).next().unwrap().replace(' ', "")
}

/// Prints values of types, which are named as in `docs/api`.
macro_rules! print_each {
    ($printed:ident.$how:ident: $($path:ty = $value:expr;)+) => {$({
        let value: &$path = $value;
        $printed.$how(stringify!($path), value);
    })+};
}

/// The types of `docs/api` that have a line which begins so.
fn listed(beginnings: &[&str]) -> BTreeSet<String> {
    let api = include_str!("../../../docs/api/all-features.txt");
    let after = |line: &'static str| {
        let line = line.strip_prefix("#[non_exhaustive] ").unwrap_or(line);
        let line = match line.strip_prefix("impl<").and_then(|rest| rest.split_once("> ")) {
            Some((_, rest)) => format!("impl {rest}"),
            None => line.to_owned(),
        };
        beginnings.iter().find_map(|beginning| Some(name(line.strip_prefix(beginning)?)))
    };
    api.lines().filter_map(after).collect()
}

/// Its service is asked for nothing: only its type counts.
type Layered = Retry<reqwest::Client, forbear::tower::CloneBody>;

#[expect(unused_qualifications, reason = "types are named as docs/api names them")]
#[test]
fn no_public_type_shows_a_secret_by_debug_display_or_as_an_error() {
    let printed = Printed::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let uri = Uri::from_static("http://k4n4ry:k4n4ry@orders.internal:81/k4n4ry?k4n4ry");
    let url = "http://k4n4ry:k4n4ry@orders.internal:81/k4n4ry?k4n4ry#k4n4ry";
    let headers: HeaderMap =
        SAID.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();

    // The engine, with whatever an SDK gives it.
    let classify = |_: &Outcome<'_>, _: &Diagnosis| Ruling::AsDiagnosed;
    let policy = || Policy::builder().max_attempts(2).classify(classify);
    let recorder = Recorder::new();
    let (remember, events) = (recorder.clone(), printed.clone());
    let observer = move |event: &Event<'_>| {
        forbear::Observer::on_event(&remember, event);
        print_each! { events.debug: forbear::Event<'_> = event; }
    };
    let endpoints =
        || Endpoints::builder().fallback(policy().build().unwrap()).endpoint(Endpoint::new("orders").path("/{id}"));
    let listening = endpoints().observer(observer).build().unwrap();
    let now = Now::default();
    let builder = |replayable| listening.call(&Method::GET, &uri).headers(&headers).replayable(replayable);
    print_each! { printed.debug: forbear::CallBuilder<'_> = &builder(true); }
    let alone = Call::of(Policy::default(), &Budget::new(), &Method::GET, &uri);
    print_each! { printed.debug: forbear::CallBuilder<'_> = &alone; }
    let outcome = Outcome::response(StatusCode::BAD_GATEWAY, &headers, UNIX_EPOCH).body(PAGE.as_bytes());
    let mut call = builder(true).start(now, 7);
    let attempt = call.begin(now).unwrap();
    let decision = call.on_outcome(&outcome, now);
    let Decision::Retry(retry) = &decision else { panic!("{decision}") };
    for seconds in 1..4 {
        let later = Now::from_origin(Duration::from_secs(seconds));
        let mut call = builder(false).start(later, 7);
        call.begin(later).unwrap();
        let Decision::Done(done) = call.on_outcome(&outcome, later) else { panic!("it is not replayable") };
        print_each! { printed.debug: forbear::Done = &done; }
    }
    let late = call.begin(now).and_then(|_| call.begin(now)).unwrap_err();
    let remembered = recorder.events();
    let incident = remembered.iter().find_map(forbear::RecordedEvent::incident).unwrap();
    let report = call.report().unwrap();
    let snapshot = listening.snapshot(now);
    print_each! { printed.debug:
        forbear::Outcome<'_> = &outcome;
        forbear::Call = &call;
        forbear::Attempt = &attempt;
        forbear::Retry = retry;
        forbear::Incident = incident;
        forbear::Recorder = &recorder;
        forbear::Endpoints = &listening;
        forbear::EndpointsBuilder = &endpoints();
        forbear::Snapshot = &snapshot;
        forbear::EndpointSnapshot = &snapshot.endpoints()[0];
        forbear::Overrides = &Overrides::new().policy(policy().build().unwrap());
        forbear::Policy = &policy().build().unwrap();
        forbear::PolicyBuilder = &policy();
        forbear::Rule = &policy().build().unwrap().rule(Condition::BadGateway);
        forbear::Backoff = &Backoff::constant(Duration::ZERO);
        forbear::Budget = &Budget::new();
        forbear::BudgetBuilder = &Budget::builder();
        forbear::Now = &now;
        forbear::Tracing = &Tracing;
        forbear::Failure = &Failure::Interrupted;
        forbear::Mode = &Mode::On;
        forbear::Repeat = &Repeat::Any;
        forbear::Ruling = &Ruling::AsDiagnosed;
        forbear::WaitSource = &WaitSource::Hint;
    }
    print_each! { printed.display:
        forbear::Report = report;
        forbear::AttemptReport = &report.attempts()[0];
        forbear::RecordedEvent = &remembered[0];
        forbear::Diagnosis = report.attempts()[0].diagnosis();
        forbear::Decision = &decision;
        forbear::StopReason = &remembered.iter().find_map(forbear::RecordedEvent::reason).unwrap();
        forbear::EventKind = &remembered[0].kind();
        forbear::Condition = &Condition::BadGateway;
        forbear::Confidence = &Confidence::Proven;
        forbear::Delivery = &Delivery::Unknown;
        forbear::Issuer = &Issuer::Nginx;
        forbear::LookAt = &LookAt::Mixed;
    }

    // What users say, and what is wrong with it.
    let endpoint = Endpoint::new("a").host("http://k4n4ry@orders.internal?k4n4ry").path("/a?k4n4ry=k4n4ry");
    let text = "[[endpoint]]\nname = \"a\"\nhost = \"k4n4ry@orders.internal\"\npath = \"/a?k4n4ry\"\ntimeout = \"http://k4n4ry:k4n4ry@h/?k4n4ry#k4n4ry\"";
    let config: Config = toml::from_str(text).unwrap();
    print_each! { printed.debug: forbear::Endpoint = &endpoint; forbear::Config = &config; }
    print_each! { printed.error:
        forbear::TooLate = &late;
        forbear::PolicyError = &Policy::builder().max_attempts(0).build().unwrap_err();
        forbear::BudgetError = &Budget::builder().start(-1.0).build().unwrap_err();
        forbear::EndpointsError = &Endpoints::builder().endpoint(endpoint).build().unwrap_err();
        forbear::ConfigError = &config.into_builder().unwrap_err();
    }

    // Test doubles.
    let story = Scenario::over(endpoints().observer(|_: &Event<'_>| {}).build().unwrap()).url(&uri.to_string());
    print_each! { printed.debug: forbear::Scenario = &story; }
    let moment = story.at(0.0).with("x-k4n4ry", CANARY);
    print_each! { printed.debug: forbear::ScenarioMoment = &moment; }
    print_each! { printed.debug: forbear::ScenarioStep = &moment.receives(503); }
    let said = Response::builder().status(502).header("x-k4n4ry", CANARY).body(CANARY).unwrap();
    let script = Script::new().failure(Failure::ConnectPermanent).response(said);

    // The doors, whose clients hold secrets, too.
    let http = || {
        let proxy = Proxy::all("http://k4n4ry:k4n4ry@127.0.0.1:9/k4n4ry").unwrap().basic_auth(CANARY, CANARY);
        reqwest::Client::builder().proxy(proxy).user_agent(CANARY).default_headers(headers.clone())
    };
    let on = || endpoints().observer(|_: &Event<'_>| {}).build().unwrap();
    let builder = || Client::builder(http()).endpoints(on()).idempotency_keys(|| CANARY.parse().unwrap());
    let hook = |request: &mut reqwest::Request, _: &Attempt| {
        request.headers_mut().insert("x-k4n4ry", CANARY.parse()?);
        Ok(())
    };
    let client = builder().before_attempt(hook).build_scripted(&script).unwrap();
    let request = || client.put(url).basic_auth(CANARY, Some(CANARY)).header("x-k4n4ry", CANARY).body(CANARY);
    let error = runtime.block_on(request().send()).unwrap_err();
    print_each! { printed.debug:
        forbear::Client = &client;
        forbear::ClientBuilder = &builder().before_attempt(hook);
        forbear::RequestBuilder = &request();
        forbear::RequestBuilder = &request().body_with(|| Body::from(CANARY)).max_elapsed(Duration::ZERO);
        forbear::Script = &script;
    }
    print_each! { printed.error: forbear::Error = &error; }
    let retries = RetryMiddleware::new(on()).before_attempt(hook).idempotency_keys(|| CANARY.parse().unwrap());
    let layer = RetryLayer::new(on()).idempotency_keys(|| CANARY.parse().unwrap());
    let service: Layered = layer.layer(reqwest::Client::new());
    let refused = format!("http://k4n4ry:k4n4ry@{}/k4n4ry?k4n4ry", nobody());
    let future = Box::pin({
        let _on_a_runtime = runtime.enter();
        tower::Service::call(&mut service.clone(), for_reqwest(&Method::PATCH, &refused))
    });
    let answers = tower::service_fn(|_: Request<&str>| std::future::ready(Ok::<_, Infallible>(Response::new(""))));
    let over_http = tower::Service::call(&mut layer.layer(answers), Request::new(CANARY));
    print_each! { printed.debug:
        forbear::middleware::RetryMiddleware = &retries;
        forbear::middleware::BodyWith = &BodyWith::new(|| Body::from(CANARY));
        forbear::tower::RetryLayer<_> = &layer;
        forbear::tower::Retry<_, _> = &service;
        forbear::tower::ReqwestFuture<_> = &future;
        forbear::tower::ResponseFuture<_, _, _> = &over_http;
    }
    let error = runtime.block_on(future).unwrap_err();
    print_each! { printed.error: forbear::tower::Error = &error; }
    let http = reqwest::blocking::Client::builder().user_agent(CANARY).default_headers(headers.clone());
    let builder = blocking::Client::builder(http).endpoints(on());
    print_each! { printed.debug: forbear::blocking::ClientBuilder = &builder; }
    let client = builder.build().unwrap();
    print_each! { printed.debug:
        forbear::blocking::Client = &client;
        forbear::blocking::RequestBuilder = &client.put(url).bearer_auth(CANARY).body(CANARY);
    }

    // What is still to be dropped may be said, and printed.
    let leaking = printed.leaking.lock().unwrap().clone();
    assert_eq!(leaking, [""; 0], "these show it");
    let [debug, display, errors] =
        [printed.debug, printed.display, printed.errors].map(|set| set.lock().unwrap().clone());
    let mut all = listed(&["pub struct ", "pub enum ", "pub union "]);
    assert!(all.remove("forbear::tower::CloneBody"), "nobody can have one by itself");
    assert_eq!(debug, all, "every public type of docs/api, and no other");
    assert_eq!(display, listed(&["impl core::fmt::Display for "]), "all that have a `Display`");
    assert_eq!(errors, listed(&["impl core::error::Error for "]), "all that are errors");
}
