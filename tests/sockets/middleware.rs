//! The middleware in a chain of reqwest-middleware.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forbear::middleware::{BodyWith, RetryMiddleware};
use forbear::{Attempt, Client, Endpoints, Event, Overrides, Policy, Report, StopReason};
use http::Extensions;
use reqwest::{Body, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};

use crate::client::nobody;
use crate::server::{Answer, Frames, Seen, Server, hasty, respond};

fn endpoints(policy: Policy) -> Endpoints {
    Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn retries(policy: Policy) -> RetryMiddleware {
    RetryMiddleware::new(endpoints(policy))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build().unwrap()
}

fn client(retries: RetryMiddleware) -> ClientWithMiddleware {
    ClientBuilder::new(http()).with(retries).build()
}

fn hasty_client() -> ClientWithMiddleware {
    client(retries(hasty().build().unwrap()))
}

fn failing_twice(_: &Seen, nth: usize) -> Answer {
    if nth < 3 { respond(503, &[], b"failed") } else { respond(200, &[], b"done") }
}

/// Sends a GET and returns what came, with the report from the extensions.
async fn get(client: &ClientWithMiddleware, url: &str) -> (Result<Response, Error>, Option<Report>) {
    let request = client.get(url).build().unwrap();
    let mut extensions = Extensions::new();
    let result = client.execute_with_extensions(request, &mut extensions).await;
    (result, Report::of(&extensions).cloned())
}

#[tokio::test]
async fn a_failure_is_retried_and_the_report_travels_in_the_extensions_and_on_the_response() {
    let server = Server::start(failing_twice).await;
    let (response, report) = get(&hasty_client(), &server.url).await;
    let response = response.unwrap();
    assert_eq!(Report::of(&response), report.as_ref());
    assert!(report.unwrap().is_recovered());
    assert_eq!((response.status().as_u16(), server.counts()), (200, (3, 1)), "over one connection");
    assert_eq!(response.text().await.unwrap(), "done");
}

#[tokio::test]
async fn errors_stay_what_they_are_and_the_report_is_kept() {
    let address = nobody();
    let (error, report) = get(&hasty_client(), &format!("http://{address}")).await;
    let error = error.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout() && matches!(error, Error::Reqwest(_)));
    assert_eq!(report.unwrap().attempts().len(), 3);

    let server = Server::start(|_, _| Answer::Stall(Vec::new())).await;
    let policy = hasty().attempt_timeout(Duration::from_millis(300)).build().unwrap();
    let (error, report) = get(&client(retries(policy)), &server.url).await;
    let error = error.unwrap_err();
    assert!(error.is_timeout() && matches!(error, Error::Reqwest(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("://"), "{error:?}: no URL that nobody asked for");
    assert_eq!(report.unwrap().reason(), Some(StopReason::RuleAttempts));
    assert_eq!(server.counts().0, 2);
}

#[tokio::test]
async fn a_post_is_sent_once_unless_something_says_that_it_may_be_repeated() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let client = hasty_client();
    let sent = async |request: reqwest_middleware::RequestBuilder| {
        let before = server.counts().0;
        request.body("an order").send().await.unwrap();
        server.counts().0 - before
    };
    assert_eq!(sent(client.post(&server.url)).await, 1);
    assert_eq!(sent(client.post(&server.url).header("Idempotency-Key", "7")).await, 3);
    assert_eq!(sent(client.post(&server.url).with_extension(Overrides::new().idempotent(true))).await, 3);
}

#[tokio::test]
async fn a_refused_post_is_repeated_only_where_no_redirect_can_have_been_followed() {
    let url = format!("http://{}", nobody());
    for (watched, attempts) in [(false, 1), (true, 3)] {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut retries = retries(hasty().build().unwrap());
        if watched {
            retries = retries.without_redirects();
        }
        let client = ClientBuilder::new(http).with(retries).build();
        let request = client.post(&url).build().unwrap();
        let mut extensions = Extensions::new();
        client.execute_with_extensions(request, &mut extensions).await.unwrap_err();
        assert_eq!(Report::of(&extensions).unwrap().attempts().len(), attempts);
    }
}

#[tokio::test]
async fn a_stream_is_sent_once_and_one_that_can_be_made_anew_again() {
    let stream = || Body::wrap_stream(Frames::from([Some(Ok("one "))]));
    let server = Server::start(failing_twice).await;
    let response = hasty_client().put(&server.url).body(stream()).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotReplayable));

    let server = Server::start(failing_twice).await;
    let upload = hasty_client().put(&server.url).with_extension(BodyWith::new(stream));
    assert_eq!(upload.send().await.unwrap().status(), 200);
    assert!(server.seen().iter().all(|seen| seen.body == b"4\r\none \r\n0\r\n\r\n"));
}

/// Fails as a middleware that cannot get a token.
struct Tokenless(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Middleware for Tokenless {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response, Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Error::middleware(io::Error::other("no token")))
    }
}

/// Wraps the error of the rest of the chain in one of its own.
struct Wrapping;

#[derive(Debug)]
struct Wrapped(Error);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("wrapped")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[async_trait::async_trait]
impl Middleware for Wrapping {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        next.run(request, extensions).await.map_err(|error| Error::middleware(Wrapped(error)))
    }
}

#[tokio::test]
async fn what_another_middleware_fails_with_is_handed_back_at_once_but_what_it_only_wraps_is_known() {
    let asked = Arc::new(AtomicUsize::new(0));
    let retries = retries(hasty().build().unwrap());
    let tokenless = ClientBuilder::new(http()).with(retries.clone()).with(Tokenless(Arc::clone(&asked))).build();
    let (error, report) = get(&tokenless, "http://127.0.0.1:9").await;
    assert_eq!((error.unwrap_err().to_string(), asked.load(Ordering::Relaxed)), ("no token".to_owned(), 1));
    assert!(report.is_none(), "it blames nobody");

    let url = format!("http://{}", nobody());
    let wrapping = ClientBuilder::new(http()).with(retries).with(Wrapping).build();
    let (error, report) = get(&wrapping, &url).await;
    assert_eq!(error.unwrap_err().to_string(), "wrapped");
    assert_eq!(report.unwrap().attempts().len(), 3, "not connected: nothing was sent");
}

#[tokio::test]
async fn a_hook_that_fails_is_a_middleware_error_of_ours() {
    let fails = |_: &mut Request, _: &Attempt| Err(io::Error::other("no keys").into());
    let (error, _) = get(&client(retries(Policy::default()).before_attempt(fails)), "http://127.0.0.1:9").await;
    let Error::Middleware(error) = error.unwrap_err() else { panic!("not a middleware error") };
    assert!(error.downcast_ref::<forbear::Error>().unwrap().is_hook());
}

#[tokio::test]
async fn both_doors_may_share_endpoints() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let shared = endpoints(hasty().build().unwrap());
    let middleware = client(RetryMiddleware::new(shared.clone()));
    middleware.get(&server.url).send().await.unwrap();
    let direct = Client::builder(reqwest::Client::builder().no_proxy()).endpoints(shared).build().unwrap();
    direct.get(&server.url).send().await.unwrap();
    assert_eq!(direct.snapshot().endpoints()[0].attempts(), 6);
}

/// Beside `reqwest-tracing`: the spans that it makes, and what they say of the attempt.
mod spans {
    use reqwest_tracing::{ReqwestOtelSpanBackend, TracingMiddleware, default_on_request_end, reqwest_otel_span};
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id};
    use tracing_subscriber::layer::{Context, SubscriberExt as _};
    use tracing_subscriber::{Layer, registry};

    use super::*;

    /// As `docs/from-reqwest-retry.md` has it.
    struct WithResendCount;

    impl ReqwestOtelSpanBackend for WithResendCount {
        fn on_request_start(request: &Request, extensions: &mut Extensions) -> tracing::Span {
            let resend_count = extensions.get().and_then(Attempt::resend_count);
            reqwest_otel_span!(name = request.method().as_str(), request, http.request.resend_count = resend_count)
        }

        fn on_request_end(span: &tracing::Span, outcome: &Result<Response, Error>, _: &mut Extensions) {
            default_on_request_end(span, outcome);
        }
    }

    /// The `http.request.resend_count` of each span of a request.
    #[derive(Clone, Default)]
    struct Spans(Arc<Mutex<Vec<Option<u64>>>>);

    struct ResendCount(Option<u64>);

    impl Visit for ResendCount {
        fn record_u64(&mut self, field: &Field, value: u64) {
            if field.name() == "http.request.resend_count" {
                self.0 = Some(value);
            }
        }

        fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
    }

    impl<S: tracing::Subscriber> Layer<S> for Spans {
        fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            if attributes.fields().field("http.request.resend_count").is_some() {
                let mut count = ResendCount(None);
                attributes.record(&mut count);
                self.0.lock().unwrap().push(count.0);
            }
        }
    }

    #[tokio::test]
    async fn each_attempt_has_a_span_and_the_right_resend_count() {
        let spans = Spans::default();
        let _guard = tracing::subscriber::set_default(registry().with(spans.clone()));
        let server = Server::start(failing_twice).await;
        let client = ClientBuilder::new(http())
            .with(retries(hasty().build().unwrap()))
            .with(TracingMiddleware::<WithResendCount>::new())
            .build();
        let mut extensions = Extensions::new();
        for _ in 0..2 {
            let request = client.get(&server.url).build().unwrap();
            client.execute_with_extensions(request, &mut extensions).await.unwrap();
        }
        assert_eq!(*spans.0.lock().unwrap(), [None, Some(1), Some(2), None], "the second call succeeds at once");
        assert!(Report::of(&extensions).is_none(), "the report of the first call is not that of the second");
    }
}
