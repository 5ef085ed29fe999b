//! The client against real sockets: what the server sees, and what the caller gets.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use crate::server::{Answer, Resolver, Seen, Server, hasty, respond};
use forbear::{
    Attempt, Client, Condition, Endpoints, Error, Event, EventKind, Hook, Issuer, Policy, Report, StopReason,
};
use http::header::ACCEPT;
use http::{HeaderMap, Method, StatusCode, Version};
use reqwest::{Body, Request, redirect};
use socket2::{Domain, Socket, Type};

/// Longer than the busiest machine takes for what need not be waited for.
pub(crate) const LONG: Duration = Duration::from_secs(10);

fn quiet(_: &Event<'_>) {}

/// A client from the first door.
pub(crate) fn client(policy: Policy) -> Client {
    Client::builder(reqwest::Client::builder().no_proxy()).policy(policy).observer(quiet).build().unwrap()
}

/// A client from the careful door.
pub(crate) fn careful(policy: Policy) -> Client {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Client::with_endpoints(http, Endpoints::builder().fallback(policy).observer(quiet).build().unwrap())
}

pub(crate) fn hasty_client() -> Client {
    client(hasty().build().unwrap())
}

fn failing_once(status: u16, headers: &'static [&'static str]) -> impl Fn(&Seen, usize) -> Answer {
    move |_, nth| if nth == 1 { respond(status, headers, b"failed") } else { respond(200, &[], b"done") }
}

/// An address of loopback at which nobody listens, and nobody else will: its port is kept.
pub(crate) fn nobody() -> SocketAddr {
    static KEPT: LazyLock<Socket> = LazyLock::new(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket
    });
    KEPT.local_addr().unwrap().as_socket().unwrap()
}

#[tokio::test]
async fn a_failure_is_retried_and_the_report_travels_with_the_response() {
    let server = Server::start(failing_once(503, &[])).await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let report = Report::of(&response).unwrap();
    assert!(report.is_recovered());
    assert_eq!(report.attempts()[0].condition(), Some(Condition::Unavailable));
    assert_eq!(report.attempts().len(), 2);
    assert_eq!(server.counts().0, 2);
}

#[expect(clippy::disallowed_methods, reason = "real time")]
#[tokio::test]
async fn a_snapshot_is_taken_by_the_clock_of_the_calls() {
    let server = Server::start(|_, _| respond(500, &[], b"")).await;
    let client = hasty_client();
    for _ in 0..10 {
        client.get(&server.url).send().await.unwrap();
    }
    let wait = Duration::from_millis(10);
    tokio::time::sleep(wait).await;
    let snapshot = client.snapshot();
    let [host] = snapshot.endpoints() else { panic!("{snapshot:?}") };
    assert_eq!((host.attempts(), host.stopped(StopReason::NoRetries)), (10, 10));
    assert!(host.open_incident() >= Some(wait), "{host:?}");
}

#[tokio::test]
async fn a_success_has_no_report() {
    let server = Server::start(|_, _| respond(404, &[], b"")).await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    assert_eq!(Report::of(&response), None);
    assert_eq!(server.counts(), (1, 1));
}

#[tokio::test]
async fn a_failed_response_of_up_to_64_kib_costs_no_new_connection() {
    for (length, connections) in [(0, 1), (1, 1), (1024, 1), (64 * 1024, 1), (64 * 1024 + 1, 2)] {
        let mut least = usize::MAX;
        // What a busy machine does not deliver in time is left on its connection, and rightly so.
        for _ in 0..5 {
            let body = vec![b'x'; length];
            let server = Server::start(move |_, nth| match nth {
                1 | 2 => respond(503, &[], &body),
                _ => respond(200, &[], b"done"),
            })
            .await;
            let response = hasty_client().get(&server.url).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let (requests, used) = server.counts();
            assert_eq!(requests, 3);
            least = least.min(used);
        }
        assert_eq!(least > 1, connections > 1, "{length} bytes used {least} connections");
    }
}

#[tokio::test]
async fn html_in_answer_to_a_request_for_json_is_guessed_to_be_a_proxys_at_every_attempt() {
    let server = Server::start(|_, _| respond(503, &["content-type: text/html"], b"<h1>Sorry</h1>")).await;
    let policy = || hasty().build().unwrap();
    for (accept, issuer) in
        [(None, Issuer::Unknown), (Some("*/*"), Issuer::Unknown), (Some("application/json"), Issuer::Proxy)]
    {
        for (client, method, attempts) in [
            (client(policy()), Method::GET, 3),
            (client(policy()), Method::POST, 1),
            (careful(policy()), Method::POST, 1), // gives its request away at once
        ] {
            let mut request = client.request(method, &server.url);
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            let response = request.send().await.unwrap();
            let report = Report::of(&response).unwrap();
            let issuers = report.attempts().iter().map(|attempt| attempt.diagnosis().issuer());
            assert_eq!(issuers.collect::<Vec<_>>(), vec![issuer; attempts], "{accept:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_delays_a_retry_by_20_ms_at_most() {
    let server = Server::start(|_, nth| match nth {
        1 => Answer::Stall(b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec()),
        _ => respond(200, &[], b"done"),
    })
    .await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let elapsed = Report::of(&response).unwrap().elapsed();
    assert!((20..=21).contains(&elapsed.as_millis()), "{elapsed:?}, of which 4 ms at most are the wait");
}

#[tokio::test]
async fn the_last_response_is_handed_back_untouched() {
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let expected = body.clone();
    let server =
        Server::start(move |_, _| respond(503, &["x-one: a", "x-one: b", "retry-after: \u{fffd}"], &body)).await;
    let url = format!("{}/path?query=1", server.url);
    let response = hasty_client().get(&url).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::RuleAttempts));
    assert_eq!(server.counts().0, 3);
    assert_eq!((response.status(), response.version()), (StatusCode::SERVICE_UNAVAILABLE, Version::HTTP_11));
    assert_eq!(response.headers().get_all("x-one").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(response.headers()["retry-after"].as_bytes(), "\u{fffd}".as_bytes());
    assert_eq!(response.url().as_str(), url);
    assert_eq!(response.remote_addr().unwrap().to_string(), server.url.trim_start_matches("http://"));
    assert_eq!(response.content_length(), Some(100_000));
    assert_eq!(response.bytes().await.unwrap(), expected);
}

/// A hook takes until it is too late for the retry.
#[tokio::test]
async fn a_response_that_was_drained_for_a_retry_that_cannot_start_is_handed_back_whole() {
    let policy = hasty().build().unwrap();
    for (length, chunked) in [(0, false), (1000, false), (100_000, false), (1000, true)] {
        let body: Vec<u8> = (0..=255).cycle().take(length).collect();
        let sent = body.clone();
        let server = Server::start(move |_, _| match chunked {
            false => respond(503, &["x-last: yes"], &sent),
            true => {
                let mut bytes = b"HTTP/1.1 503 No\r\nx-last: yes\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n".to_vec();
                bytes.extend_from_slice(&sent);
                bytes.extend_from_slice(b"\r\n0\r\n\r\n");
                Answer::Bytes(bytes)
            }
        })
        .await;
        let client = Client::builder(reqwest::Client::builder().no_proxy())
            .policy(policy.clone())
            .observer(quiet)
            .before_attempt(TakesAMinute)
            .build()
            .unwrap();
        let url = format!("{}/whole", server.url);
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(server.counts().0, 1);
        let report = Report::of(&response).unwrap();
        assert_eq!(report.reason(), Some(StopReason::NoTimeLeft));
        assert!(report.attempts()[0].wait().is_some(), "a retry was decided");
        assert_eq!(response.headers()["x-last"], "yes");
        assert_eq!(response.url().as_str(), url);
        assert!(response.remote_addr().is_some());
        assert_eq!(response.content_length(), (!chunked).then_some(u64::try_from(length).unwrap()));
        assert_eq!(response.bytes().await.unwrap(), body, "{length} bytes, chunked: {chunked}");
    }
}

/// Before a retry: longer than the call has. No time passes but for the clock.
struct TakesAMinute;

impl Hook<Request> for TakesAMinute {
    async fn before_attempt(
        &self,
        _: &mut Request,
        upcoming: &Attempt,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if upcoming.retry().is_some() {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(61)).await;
            tokio::time::resume();
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_write_is_not_repeated_unless_it_may_be() {
    let busy = |_: &Seen, _: usize| respond(503, &[], b"");
    let post = |client: &Client, server: &Server| client.post(&server.url).body("an order");
    for (door, client) in [("builder", hasty_client()), ("new", careful(hasty().build().unwrap()))] {
        let server = Server::start(busy).await;
        let response = post(&client, &server).send().await.unwrap();
        assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotSafeToRepeat), "{door}");
        assert_eq!(server.counts().0, 1, "{door}");
        post(&client, &server).header("Idempotency-Key", "7f").send().await.unwrap();
        assert_eq!(server.counts().0, 4, "{door}, with a key");
        post(&client, &server).idempotent(true).send().await.unwrap();
        assert_eq!(server.counts().0, 7, "{door}, marked");
        client.get(&server.url).idempotent(false).send().await.unwrap();
        assert_eq!(server.counts().0, 8, "{door}, a GET that is not idempotent");
        assert!(server.seen().iter().take(7).all(|request| request.body == b"an order"));
    }
}

#[tokio::test]
async fn a_write_that_was_refused_is_repeated_by_the_door_that_sees_redirects() {
    for (client, requests) in [(hasty_client(), 2), (careful(hasty().build().unwrap()), 1)] {
        let server = Server::start(failing_once(429, &[])).await;
        client.post(&server.url).body("an order").send().await.unwrap();
        assert_eq!(server.counts().0, requests);
    }
}

#[tokio::test]
async fn every_attempt_sends_the_same_request() {
    // What would have a browser change its next request.
    let orders = [
        "location: /elsewhere",
        "refresh: 0; url=/elsewhere",
        "set-cookie: a=b",
        "www-authenticate: Basic realm=a",
        "alt-svc: h2=\":1\"",
        "accept-encoding: identity",
        "content-location: /elsewhere",
        "upgrade: h2c",
        "clear-site-data: \"*\"",
        "retry-after: 0",
    ];
    let server = Server::start(move |_, nth| respond(if nth < 3 { 503 } else { 200 }, &orders, b"")).await;
    let body = vec![7; 100_000];
    let request = hasty_client()
        .put(format!("{}/v1/orders?dry=1", server.url))
        .header("x-one", "1")
        .headers(HeaderMap::from_iter([("x-two".parse().unwrap(), "2".parse().unwrap())]))
        .basic_auth("user", Some("word"))
        .body(body.clone());
    assert_eq!(request.send().await.unwrap().status(), 200);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].line, "PUT /v1/orders?dry=1");
    assert!(seen[0].head.contains("x-one: 1\r\n") && seen[0].head.contains("x-two: 2\r\n"), "{}", seen[0].head);
    assert_eq!(seen[0].body, body);
    assert!(seen.iter().all(|request| (&request.head, &request.body) == (&seen[0].head, &seen[0].body)));
}

#[tokio::test]
async fn a_streaming_body_is_sent_once_and_whole_and_the_report_says_so() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let stream = Body::wrap("a stream".to_owned());
    let response = hasty_client().put(&server.url).body(stream).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotReplayable));
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(String::from_utf8_lossy(&seen[0].body).contains("a stream"));
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_retried_for_a_get_only() {
    for (method, requests, reason) in
        [(Method::GET, 2, StopReason::RuleAttempts), (Method::POST, 1, StopReason::NotSafeToRepeat)]
    {
        let server = Server::start(|_, _| Answer::Close).await;
        let error = hasty_client().request(method.clone(), &server.url).body("x").send().await.unwrap_err();
        let report = error.report().unwrap();
        assert_eq!(report.attempts()[0].condition(), Some(Condition::Interrupted), "{method}");
        assert_eq!(report.reason(), Some(reason), "{method}");
        assert_eq!(server.counts().0, requests, "{method}");
        assert!(error.is_request() && !error.is_timeout() && !error.is_connect());
    }
}

#[tokio::test]
async fn nobody_at_home_is_retried_for_a_post_too() {
    let url = format!("http://{}", nobody());
    let error = hasty_client().post(&url).body("x").send().await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout());
    assert_eq!(error.report().unwrap().attempts().len(), 3);
    assert_eq!(
        error.to_string(),
        format!("POST {url}: no connection after 3 attempts (connect_failed): no retries left for this condition")
    );
    let debug = format!("{error:?}");
    assert!(debug.starts_with(&format!("Error({error}, reqwest::Error {{ kind: Request")), "{debug}");
    assert!(error.as_reqwest().unwrap().is_connect() && !error.is_dns());
    assert!(error.source().unwrap().is::<reqwest::Error>(), "the last cause");
    assert!(error.into_reqwest().unwrap().is_connect());
}

#[tokio::test]
async fn a_finished_client_repeats_a_refused_post_once_redirects_are_ruled_out() {
    let http = || reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
    let finished = Client::with_endpoints(http().build().unwrap(), hasty().build().unwrap());
    let built = Client::builder(http()).endpoints(hasty().build().unwrap()).build().unwrap();
    for client in [finished, built] {
        for (client, attempts) in [(client.clone(), 1), (client.without_redirects(), 3)] {
            let error = client.post(format!("http://{}", nobody())).body("x").send().await.unwrap_err();
            assert_eq!(error.report().unwrap().attempts().len(), attempts, "{error}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_not_found_and_one_not_found_in_time_are_retried_for_a_post_too() {
    for (resolver, limit_ms, dns) in [(Resolver::Fails, 60_000, true), (Resolver::Hangs, 20, false)] {
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_millis(limit_ms));
        let client = Client::builder(http.dns_resolver(resolver));
        let client = client.policy(hasty().build().unwrap()).observer(quiet).build().unwrap();
        let error = client.post("http://orders.internal").body("x").send().await.unwrap_err();
        let conditions: Vec<_> = error.report().unwrap().attempts().iter().map(|it| it.condition()).collect();
        assert_eq!(conditions, [Some(Condition::ConnectFailed); 3], "{resolver:?}");
        assert_eq!((error.is_connect(), error.is_dns(), error.is_timeout()), (true, dns, !dns), "{resolver:?}");
    }
}

#[tokio::test]
async fn a_redirected_write_is_sent_once_by_both_doors() {
    let dead = nobody();
    for (door, client) in [("builder", hasty_client()), ("new", careful(hasty().build().unwrap()))] {
        let to_nobody = format!("location: http://{dead}/");
        let server = Server::start(move |_, _| respond(303, &[&to_nobody], b"")).await;
        let error = client.post(&server.url).body("an order").send().await.unwrap_err();
        assert_eq!(error.report().unwrap().reason(), Some(StopReason::NotSafeToRepeat), "{door}");
        assert_eq!(server.counts().0, 1, "{door}: POST, 303, GET to a dead host");

        let server = Server::start(|seen, _| match &*seen.line {
            "POST /" => respond(303, &["location: /"], b""),
            _ => respond(429, &[], b""),
        })
        .await;
        let response = client.post(&server.url).body("an order").send().await.unwrap();
        assert_eq!(response.status(), 429, "{door}");
        let posts = server.seen().iter().filter(|request| request.line == "POST /").count();
        assert_eq!(posts, 1, "{door}: POST, 303, GET of the same URL, 429");
    }
}

#[tokio::test]
async fn the_users_own_redirect_policy_is_kept() {
    let never = redirect::Policy::none;
    let http = || reqwest::Client::builder().no_proxy();
    for (place, client, posts) in [
        ("on forbear's builder", Client::builder(http()).redirect(never()), 2),
        ("on reqwest's builder: kept, and careful", Client::builder(http().redirect(never())), 1),
    ] {
        let client = client.policy(hasty().build().unwrap()).observer(quiet).build().unwrap();
        let server = Server::start(|seen, nth| match &*seen.line {
            "GET /" => respond(303, &["location: /elsewhere"], b""),
            _ if nth == 2 => respond(429, &[], b""),
            _ => respond(200, &[], b""),
        })
        .await;
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 303, "{place}");
        client.post(&server.url).send().await.unwrap();
        assert_eq!(server.counts().0, 1 + posts, "{place}");
    }
}

#[tokio::test]
async fn the_time_of_the_call_covers_the_reading_of_the_body() {
    let stalls = |_: &Seen, _: usize| Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".to_vec());
    let server = Server::start(stalls).await;
    let timeout = Duration::from_millis(500);
    let of_the_request = hasty_client().get(&server.url).timeout(timeout);
    let of_the_policy = client(hasty().timeout(timeout).build().unwrap()).get(&server.url);
    for request in [of_the_request, of_the_policy] {
        let response = request.send().await.unwrap();
        assert!(response.bytes().await.unwrap_err().is_timeout());
    }
}

#[tokio::test]
async fn the_time_of_an_attempt_does_not_cover_the_reading_of_the_body() {
    let server =
        Server::start(|_, _| Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".to_vec())).await;
    let client = client(hasty().attempt_timeout(Duration::from_secs(1)).build().unwrap());
    let mut response = client.get(&server.url).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "hello");
    let more = within(Duration::from_millis(1_100), response.chunk()).await;
    assert!(more.is_none(), "still open: {more:?}");
}

#[expect(clippy::disallowed_methods, reason = "what must not come over a socket has to be waited for")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[expect(clippy::disallowed_methods, reason = "a socket that stays silent can only be waited for")]
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_a_timeout() {
    let server = Server::start(|_, _| Answer::Stall(Vec::new())).await;
    let client = client(hasty().attempt_timeout(Duration::from_millis(20)).build().unwrap());
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(error.is_timeout() && error.is_request() && error.as_reqwest().is_none());
    let report = error.report().unwrap();
    assert_eq!(report.attempts()[0].condition(), Some(Condition::Timeout));
    assert_eq!(report.attempts().len(), 2);
    let expected = "no response after 2 attempts (timeout): no retries left for this condition";
    assert_eq!(error.to_string(), format!("GET {}: {expected}", server.url));
}

#[tokio::test]
async fn a_failing_status_becomes_an_error_that_keeps_the_report() {
    let server = Server::start(|_, _| respond(503, &["retry-after: 3600"], b"")).await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    let error = forbear::error_for_status(response).unwrap_err();
    assert!(error.is_status() && !error.is_request());
    assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(error.report().unwrap().hint(), Some(Duration::from_secs(3600)));
    assert_eq!(
        error.to_string(),
        format!(
            "GET {}: 503 Service Unavailable after 1 attempt (unavailable): \
             the server asked for a longer wait than the call has left",
            server.url
        )
    );
    let server = Server::start(|_, nth| respond(if nth == 1 { 503 } else { 404 }, &[], b"")).await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    let error = forbear::error_for_status(response).unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    assert!(error.report().unwrap().is_recovered());
    let server = Server::start(|_, _| respond(204, &[], b"")).await;
    let response = hasty_client().get(&server.url).send().await.unwrap();
    assert_eq!(forbear::error_for_status(response).unwrap().status(), 204);
}

#[tokio::test]
async fn a_request_that_cannot_be_built_says_so_and_sends_nothing() {
    let error = hasty_client().get("http://").send().await.unwrap_err();
    assert!(error.is_builder() && error.report().is_none());
    assert_eq!(error.to_string(), "the request could not be built");
    assert!(hasty_client().get("http://a.internal").header("x", "\n").build().unwrap_err().is_builder());
    let error = hasty_client().execute(Request::new(Method::GET, "ftp://a.internal".parse().unwrap())).await;
    let error = error.unwrap_err();
    assert!(error.is_builder() && error.report().is_none());
}

#[tokio::test]
async fn a_call_without_any_time_sends_nothing_and_says_why() {
    let server = Server::start(|_, _| respond(200, &[], b"")).await;
    let error = hasty_client().get(&server.url).timeout(Duration::ZERO).send().await.unwrap_err();
    assert!(error.is_timeout() && error.report().is_none());
    assert_eq!((error.to_string().as_str(), server.counts().0), ("no response: no time left", 0));
}

#[tokio::test]
async fn an_error_of_the_body_becomes_one_of_forbear_without_its_url() {
    async fn text(client: &Client, url: &str) -> Result<String, Error> {
        Ok(client.get(url).send().await?.text().await?)
    }
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello";
    let server = Server::start(|_, _| Answer::End(cut.to_vec())).await;
    let error = text(&hasty_client(), &format!("{}/secret", server.url)).await.unwrap_err();
    assert!(error.is_decode() && !error.is_dns() && error.report().is_none());
    assert_eq!(error.to_string(), "the body is broken or not what it should be");
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn a_redirect_loop_is_the_callers_own_error() {
    let server = Server::start(|_, _| respond(302, &["location: /"], b"")).await;
    let error = hasty_client().get(&server.url).send().await.unwrap_err();
    assert!(error.is_redirect() && error.report().is_none());
    assert_eq!(error.to_string(), "a redirect was not followed");
    assert_eq!(server.counts().0, 11, "sent once, and followed ten times");
}

/// A user's own error, below which is one of reqwest's.
#[derive(Debug)]
struct Refused(reqwest::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn an_error_with_a_url_anywhere_below_it_is_not_shown() {
    let server = Server::start(|_, _| respond(302, &["location: /"], b"")).await;
    let with_url = || reqwest::Client::new().get("data:k4n4ry").build().unwrap_err();
    let redirects = [
        redirect::Policy::custom(move |attempt| attempt.error(Refused(with_url()))),
        redirect::Policy::custom(move |attempt| attempt.error(io::Error::other(with_url()))),
        redirect::Policy::custom(move |attempt| attempt.error(io::Error::other(Refused(with_url())))),
    ];
    for leaky in redirects {
        let http = reqwest::Client::builder().no_proxy();
        let client = Client::builder(http).redirect(leaky).observer(quiet).build().unwrap();
        let error = client.get(&server.url).send().await.unwrap_err();
        assert!(error.is_redirect() && error.source().is_none(), "{error}");
        assert!(!format!("{error:?}").contains("k4n4ry"), "{error:?}");
        assert!(format!("{:?}", error.as_reqwest()).contains("k4n4ry"), "as reqwest would have shown it");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "compared with the clock of the client")]
async fn the_time_to_ask_again_is_by_the_wall_clock() {
    let server = Server::start(|_, _| respond(503, &["retry-after: 3600"], b"")).await;
    let called_at = SystemTime::now();
    let response = hasty_client().get(&server.url).send().await.unwrap();
    let retry_at = Report::of(&response).unwrap().retry_at().unwrap();
    assert!((called_at..=SystemTime::now()).contains(&(retry_at - Duration::from_secs(3600))), "{retry_at:?}");
}

#[tokio::test]
async fn reqwests_own_retries_are_replaced() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let eager = reqwest::retry::for_host("127.0.0.1").no_budget().classify_fn(|attempt| attempt.retryable());
    let once = Policy::builder().max_attempts(1).build().unwrap();
    let http = reqwest::Client::builder().no_proxy().retry(eager);
    let client = Client::builder(http).policy(once).observer(quiet).build().unwrap();
    client.get(&server.url).send().await.unwrap();
    assert_eq!(server.counts().0, 1);
}

#[tokio::test]
async fn shared_endpoints_go_before_the_builders_own_policy_and_observer() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let endpoints = Endpoints::builder()
        .fallback(Policy::builder().max_attempts(1).build().unwrap())
        .observer(move |event: &Event<'_>| listener.lock().unwrap().push(event.kind()))
        .build()
        .unwrap();
    let client = Client::builder(reqwest::Client::builder().no_proxy()).policy(hasty().build().unwrap());
    let client = client.observer(quiet).endpoints(endpoints).build().unwrap();
    client.get(&server.url).send().await.unwrap();
    assert_eq!((server.counts().0, &**said.lock().unwrap()), (1, &[EventKind::Stop][..]));
}

#[tokio::test]
async fn a_request_has_a_policy_of_its_own() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let once = Policy::builder().max_attempts(1).build().unwrap();
    let response = hasty_client().get(&server.url).policy(once).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::Attempts));
    assert_eq!(server.counts().0, 1);
    let response = hasty_client().get(&server.url).max_elapsed(Duration::ZERO).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NoTimeLeft));
    assert_eq!(server.counts().0, 2);
}

#[tokio::test]
async fn a_builder_is_copied_split_and_built_on_as_with_reqwest() {
    let server = Server::start(|_, nth| respond(if nth % 2 == 1 { 503 } else { 200 }, &[], b"")).await;
    let request = hasty_client().post(&server.url).body("an order").idempotent(true);
    let copy = request.try_clone().unwrap();
    assert_eq!(copy.send().await.unwrap().status(), 200, "the copy is marked, too");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert!(hasty_client().post(&server.url).body(Body::wrap("a stream".to_owned())).try_clone().is_none());
    let (client, request) = hasty_client().get(&server.url).header("x-one", "1").build_split();
    let request = forbear::RequestBuilder::from_parts(client, request.unwrap()).header("x-two", "2");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let last = server.seen().pop().unwrap();
    assert!(last.head.contains("x-one: 1") && last.head.contains("x-two: 2"), "{}", last.head);
    assert_eq!(server.counts().0, 6);
    let bare = hasty_client().as_reqwest().get(&server.url).send().await.unwrap();
    assert_eq!((bare.status().as_u16(), server.counts().0), (503, 7), "not retried");
}

#[tokio::test]
async fn each_method_of_the_client_sends_its_own() {
    let server = Server::start(|_, _| respond(200, &[], b"")).await;
    let (client, url) = (hasty_client(), &server.url);
    let get: fn(&Client, &str) -> forbear::RequestBuilder = |client, url| client.get(url);
    let rest: [fn(&Client, &str) -> forbear::RequestBuilder; 4] = [
        |client, url| client.post(url),
        |client, url| client.put(url),
        |client, url| client.patch(url),
        |client, url| client.delete(url),
    ];
    for request in [get].into_iter().chain(rest) {
        request(&client, url).bearer_auth("token").send().await.unwrap();
    }
    let lines: Vec<String> = server.seen().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /"]);
    assert!(server.seen().iter().all(|request| request.head.contains("authorization: Bearer token")));
    let head = Server::start(|_, _| Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec())).await;
    assert_eq!(client.head(&head.url).send().await.unwrap().status(), 200);
    assert_eq!(head.seen()[0].line, "HEAD /");
}

#[cfg(all(feature = "json", feature = "query", feature = "form"))]
#[tokio::test]
async fn bodies_and_queries_are_encoded_as_reqwest_does() {
    let server = Server::start(|_, _| respond(200, &[], b"")).await;
    let pairs = [("a", "1"), ("b", "x y")];
    hasty_client().post(&server.url).query(&pairs).json(&pairs).send().await.unwrap();
    hasty_client().post(&server.url).form(&pairs).send().await.unwrap();
    let seen = server.seen();
    assert_eq!((&*seen[0].line, &*seen[0].body), ("POST /?a=1&b=x+y", &br#"[["a","1"],["b","x y"]]"#[..]));
    assert_eq!(seen[1].body, b"a=1&b=x+y");
}

#[test]
fn futures_are_send_and_clients_are_cheap_to_share() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let client = hasty_client();
    is_shared(&client);
    is_send(&client.get("http://a.internal").send());
    is_send(&client.execute(Request::new(Method::GET, "http://a.internal".parse().unwrap())));
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_error::<Error>();
}
