//! The doors: each sends a case's request its own way and tells what came of it.

use std::time::Duration;

use forbear::middleware::RetryMiddleware;
use forbear::tower::RetryLayer;
use forbear::{AttemptReport, Client, Endpoints, Report, blocking};
use http::{Extensions, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioExecutor;
use reqwest::redirect;
use tower::{Layer, ServiceExt};

use crate::cases::Case;
use crate::server::{Seen, Server};
use crate::story::Told;
use crate::{sdk_hyper, sdk_ureq};

/// A way for a call to be made.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    send: fn(&Endpoints, Request<Vec<u8>>, u64) -> Sent,
}

/// What came of a call.
struct Sent {
    report: Option<Report>,
    response: Option<(u16, Vec<u8>)>,
}

pub(crate) const HYPER: &str = "engine with hyper";
pub(crate) const UREQ: &str = "engine with ureq";
pub(crate) const CLIENT: &str = "client";
pub(crate) const BLOCKING: &str = "blocking";
pub(crate) const TOWER: &str = "tower over hyper";
pub(crate) const TOWER_REQWEST: &str = "tower over reqwest";
pub(crate) const MIDDLEWARE: &str = "middleware";

pub(crate) const DOORS: [Door; 7] = [
    Door { name: HYPER, send: with_hyper },
    Door { name: UREQ, send: with_ureq },
    Door { name: CLIENT, send: with_client },
    Door { name: BLOCKING, send: with_blocking },
    Door { name: TOWER, send: with_tower },
    Door { name: TOWER_REQWEST, send: with_tower_over_reqwest },
    Door { name: MIDDLEWARE, send: with_middleware },
];

impl Door {
    /// Makes the call of a case and checks what holds for all: what the server saw, and that the body is whole.
    pub(crate) fn tell(&self, case: &Case, number: u64) -> Told {
        let server = Server::start(case.answers);
        let request = case.request(server.address);
        let expected = Seen {
            line: format!("{} /v1/orders/7?q=1 HTTP/1.1", request.method()),
            key: request.headers().get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()),
            body: request.body().clone(),
        };
        // Each door draws its seed here, or from these dice: so all draw the same.
        fastrand::seed(number);
        let seed = fastrand::Rng::with_seed(number).u64(..);
        let sent = (self.send)(&case.endpoints(), request, seed);
        let seen = server.seen();
        let attempts = sent.report.as_ref().map_or(1, |report| report.attempts().len());
        let place = format!("{}, {}", case.name, self.name);
        if let Some(report) = &sent.report {
            let waited: Duration = report.attempts().iter().take(attempts - 1).filter_map(AttemptReport::wait).sum();
            assert!(report.elapsed() >= waited, "{place}: each wait is slept, {report}");
        }
        let reached = if case.answers.is_empty() { 0 } else { attempts + case.redirects(seen.len()) };
        assert_eq!(seen, vec![expected; reached], "{place}: the same request, once for each attempt and redirect");
        if let Some((status, body)) = &sent.response {
            assert_eq!(case.body(reached), Some((*status, body.as_slice())), "{place}: handed back whole");
        }
        Told::of(sent.report.as_ref(), sent.response.as_ref().map(|(status, body)| (*status, body.as_slice())))
    }
}

fn with_hyper(endpoints: &Endpoints, request: Request<Vec<u8>>, seed: u64) -> Sent {
    runtime().block_on(async {
        let transport = sdk_hyper::Transport::new(endpoints.clone());
        let (result, report) = transport.send(&request.map(Full::from), seed).await;
        Sent { report, response: result.ok().map(|response| parts(response.map(Vec::from))) }
    })
}

fn with_ureq(endpoints: &Endpoints, request: Request<Vec<u8>>, seed: u64) -> Sent {
    let transport = sdk_ureq::Transport::new(endpoints.clone());
    let (result, report) = transport.send(&request, seed);
    Sent { report, response: result.ok().map(parts) }
}

fn with_client(endpoints: &Endpoints, request: Request<Vec<u8>>, _: u64) -> Sent {
    runtime().block_on(async {
        let http = reqwest::Client::builder().no_proxy();
        let client = Client::builder(http).endpoints(endpoints.clone()).build().unwrap();
        match client.execute(for_reqwest(request)).await {
            Ok(response) => of_reqwest(Report::of(&response).cloned(), Some(response)).await,
            Err(error) => of_reqwest(error.report().cloned(), None).await,
        }
    })
}

fn with_blocking(endpoints: &Endpoints, request: Request<Vec<u8>>, _: u64) -> Sent {
    let http = reqwest::blocking::Client::builder().no_proxy();
    let client = blocking::Client::builder(http).endpoints(endpoints.clone()).build().unwrap();
    let has_body = has_body(&request);
    let mut request = reqwest::blocking::Request::try_from(request).unwrap();
    if !has_body {
        *request.body_mut() = None;
    }
    match client.execute(request) {
        Ok(response) => {
            let report = Report::of(&response).cloned();
            Sent { report, response: Some((response.status().as_u16(), response.bytes().unwrap().to_vec())) }
        }
        Err(error) => Sent { report: error.report().cloned(), response: None },
    }
}

fn with_tower(endpoints: &Endpoints, request: Request<Vec<u8>>, _: u64) -> Sent {
    runtime().block_on(async {
        let mut http = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        let http = http.retry_canceled_requests(false).build_http::<Full<Bytes>>();
        let layer = RetryLayer::new(endpoints.clone()).without_redirects();
        match layer.layer(http).oneshot(request.map(Full::from)).await {
            Ok(response) => {
                let report = Report::of(&response).cloned();
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Sent { report, response: Some((head.status.as_u16(), body.to_vec())) }
            }
            Err(error) => Sent { report: error.report().cloned(), response: None },
        }
    })
}

fn with_tower_over_reqwest(endpoints: &Endpoints, request: Request<Vec<u8>>, _: u64) -> Sent {
    runtime().block_on(async {
        let layer = RetryLayer::new(endpoints.clone()).without_redirects();
        match layer.layer(finished()).oneshot(for_reqwest(request)).await {
            Ok(response) => of_reqwest(Report::of(&response).cloned(), Some(response)).await,
            Err(error) => of_reqwest(error.report().cloned(), None).await,
        }
    })
}

fn with_middleware(endpoints: &Endpoints, request: Request<Vec<u8>>, _: u64) -> Sent {
    runtime().block_on(async {
        let retries = RetryMiddleware::new(endpoints.clone()).without_redirects();
        let client = reqwest_middleware::ClientBuilder::new(finished()).with(retries).build();
        let mut extensions = Extensions::new();
        let result = client.execute_with_extensions(for_reqwest(request), &mut extensions).await;
        of_reqwest(Report::of(&extensions).cloned(), result.ok()).await
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A client that was finished by somebody else: it follows no redirects, and that is said to the door.
fn finished() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap()
}

fn for_reqwest(request: Request<Vec<u8>>) -> reqwest::Request {
    let has_body = has_body(&request);
    let mut request = reqwest::Request::try_from(request).unwrap();
    if !has_body {
        *request.body_mut() = None;
    }
    request
}

fn has_body(request: &Request<Vec<u8>>) -> bool {
    !request.body().is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(request.method())
}

async fn of_reqwest(report: Option<Report>, response: Option<reqwest::Response>) -> Sent {
    let response = match response {
        Some(response) => Some((response.status().as_u16(), response.bytes().await.unwrap().to_vec())),
        None => None,
    };
    Sent { report, response }
}

fn parts(response: http::Response<Vec<u8>>) -> (u16, Vec<u8>) {
    (response.status().as_u16(), response.into_body())
}
