//! The layer in stacks of tower, over services that answer as written, on paused time.
#![cfg(test)]
#![cfg(feature = "tower")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use forbear::tower::{Retry, RetryLayer};
use forbear::{Attempt, Condition, Endpoints, Event, EventKind, Failure, Overrides, Policy, Report, StopReason};
use http::{Method, Request, Response};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::trace::TraceLayer;

const S: Duration = Duration::from_secs(1);

/// What a service saw of one attempt: when it began, its body, its key, and how many were before it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    at: Duration,
    body: &'static str,
    key: Option<String>,
    resend_count: Option<u32>,
}

/// Answers as written. It insists on being ready before each call, and takes its time for that.
#[derive(Clone)]
struct Script {
    started: Instant,
    answers: Arc<Mutex<VecDeque<Result<u16, io::ErrorKind>>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    readying: Duration,
    until_ready: Option<Instant>,
    is_ready: bool,
    /// Will never be ready again once it was called so often.
    ends_after: usize,
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
impl Script {
    fn of(answers: impl IntoIterator<Item = Result<u16, io::ErrorKind>>) -> Self {
        Self {
            started: Instant::now(),
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
            readying: Duration::ZERO,
            until_ready: None,
            is_ready: false,
            ends_after: usize::MAX,
        }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
impl Service<Request<&'static str>> for Script {
    type Response = Response<String>;
    type Error = io::Error;
    type Future = Ready<io::Result<Response<String>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.seen().len() == self.ends_after {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let until = *self.until_ready.get_or_insert_with(|| Instant::now() + self.readying);
        if Instant::now() < until {
            let waker = cx.waker().clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(until).await;
                waker.wake();
            });
            return Poll::Pending;
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<&'static str>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called before it was ready");
        self.until_ready = None;
        let key = request.headers().get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
        let resend_count = request.extensions().get().and_then(Attempt::resend_count);
        let seen = Seen { at: self.started.elapsed(), body: request.into_body(), key, resend_count };
        self.seen.lock().unwrap().push(seen);
        ready(match self.answers.lock().unwrap().pop_front().expect("no more attempts than answers") {
            Ok(status) => Ok(Response::builder().status(status).body(format!("body of {status}")).unwrap()),
            Err(kind) => Err(kind.into()),
        })
    }
}

fn quiet(policy: Policy) -> Endpoints {
    Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn layer() -> RetryLayer {
    RetryLayer::new(quiet(Policy::default()))
}

fn request(method: Method) -> Request<&'static str> {
    Request::builder().method(method).uri("http://orders.internal/7").body("an order").unwrap()
}

fn stopped(report: Option<&Report>) -> Option<StopReason> {
    report.expect("a report").reason()
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_with_the_same_request_and_the_report_travels_with_the_response() {
    let script = Script::of([Ok(503), Ok(502), Ok(200)]);
    let response = layer().layer(script.clone()).oneshot(request(Method::PUT)).await.unwrap();
    assert_eq!(response.body(), "body of 200");
    let report = Report::of(&response).unwrap();
    assert!(report.is_recovered());
    let waits: Vec<_> = report.attempts().iter().filter_map(|attempt| attempt.wait()).collect();
    let seen = script.seen();
    assert!(seen[1].at >= waits[0] && seen[1].at < waits[0] + S / 100, "{seen:?} {waits:?}");
    assert!(seen.iter().all(|seen| seen.body == "an order"));
    let counts: Vec<_> = seen.iter().map(|seen| seen.resend_count).collect();
    assert_eq!(counts, [None, Some(1), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn the_last_response_is_handed_back_whole_and_an_error_keeps_its_source_and_its_history() {
    let script = Script::of([Ok(503), Ok(503), Ok(503)]);
    let response = layer().layer(script).oneshot(request(Method::GET)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (503, "body of 503"));
    assert_eq!(stopped(Report::of(&response)), Some(StopReason::RuleAttempts));

    let refused = io::ErrorKind::ConnectionReset;
    let script = Script::of([Err(refused), Err(refused)]);
    let error = layer().layer(script).oneshot(request(Method::GET)).await.unwrap_err();
    assert_eq!(stopped(error.report()), Some(StopReason::RuleAttempts));
    let expected = "GET http://orders.internal:80: no response after 2 attempts (interrupted): no retries left for this \
                    condition";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.source().unwrap().downcast_ref::<io::Error>().unwrap().kind(), refused);
    assert!(!error.is_timeout() && error.into_inner().unwrap().is::<io::Error>());
}

/// Needs to be known as not connected: tower knows the errors of hyper-util for that, and a service of one's own says it.
fn refused_is_connect(error: &(dyn Error + 'static)) -> Option<Failure> {
    let error = error.downcast_ref::<io::Error>()?;
    (error.kind() == io::ErrorKind::ConnectionRefused).then_some(Failure::Connect)
}

#[tokio::test(start_paused = true)]
async fn what_is_not_idempotent_is_repeated_only_if_no_redirect_can_have_been_followed() {
    for (sees_redirects, sent) in [(false, 1), (true, 2)] {
        let script = Script::of([Err(io::ErrorKind::ConnectionRefused), Ok(200)]);
        let mut layer = layer().failures(refused_is_connect);
        if sees_redirects {
            layer = layer.without_redirects();
        }
        let _either = layer.layer(script.clone()).oneshot(request(Method::POST)).await;
        assert_eq!(script.seen().len(), sent, "sees redirects: {sees_redirects}");
    }
    let script = Script::of([Ok(503)]);
    let response = layer().without_redirects().layer(script.clone()).oneshot(request(Method::POST)).await.unwrap();
    assert_eq!((stopped(Report::of(&response)), script.seen().len()), (Some(StopReason::NotSafeToRepeat), 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_says_in_its_extensions_what_it_asks_for() {
    let script = Script::of([Ok(503), Ok(503)]);
    let mut request = request(Method::POST);
    let policy = Policy::builder().max_attempts(2).build().unwrap();
    request.extensions_mut().insert(Overrides::new().idempotent(true).policy(policy));
    let response = layer().layer(script.clone()).oneshot(request).await.unwrap();
    assert_eq!((stopped(Report::of(&response)), script.seen().len()), (Some(StopReason::Attempts), 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_the_same_on_every_attempt_and_makes_a_post_repeatable() {
    let script = Script::of([Ok(503), Ok(200), Ok(200)]);
    let mut service = layer().idempotency_keys(forbear::random_key).layer(script.clone());
    for method in [Method::POST, Method::GET] {
        service.ready().await.unwrap().call(request(method)).await.unwrap();
    }
    let keys: Vec<_> = script.seen().into_iter().map(|seen| seen.key).collect();
    assert!(keys[0].is_some() && keys[0] == keys[1] && keys[2].is_none(), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_sent_again_is_sent_once() {
    for (replays, sent, reason) in [(true, 3, StopReason::RuleAttempts), (false, 1, StopReason::NotReplayable)] {
        let script = Script::of([Ok(503), Ok(503), Ok(503)]);
        let layer = layer().replay_with(move |body: &&'static str| replays.then_some(*body));
        let response = layer.layer(script.clone()).oneshot(request(Method::GET)).await.unwrap();
        assert_eq!((script.seen().len(), stopped(Report::of(&response))), (sent, Some(reason)));
    }
}

#[tokio::test(start_paused = true)]
async fn each_retry_waits_for_the_service_to_be_ready_and_does_not_start_late() {
    let policy = |seconds| Policy::builder().max_elapsed(seconds * S).build().unwrap();
    for (max_elapsed, status, sent) in [(20, 200, 2), (5, 503, 1)] {
        let script = Script { readying: 9 * S, ..Script::of([Ok(503), Ok(200)]) };
        let layer = RetryLayer::new(quiet(policy(max_elapsed)));
        let started = script.started;
        let mut service = layer.layer(script.clone());
        let response = service.ready().await.unwrap().call(request(Method::GET)).await.unwrap();
        assert_eq!((response.status().as_u16(), script.seen().len()), (status, sent), "within {max_elapsed} s");
        assert_eq!(script.seen()[0].at, 9 * S, "ready before the first, too");
        if sent == 1 {
            assert_eq!(stopped(Report::of(&response)), Some(StopReason::NoTimeLeft));
            assert!(started.elapsed() < 15 * S, "it is not waited for longer than it could start");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_never_ready_again_loses_no_response() {
    let script = Script { ends_after: 1, ..Script::of([Ok(503)]) };
    let layer = layer();
    let mut service = layer.layer(script.clone());
    let response = service.ready().await.unwrap().call(request(Method::GET)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (503, "body of 503"));
    assert_eq!(Report::of(&response).unwrap().attempts().len(), 1);
    let snapshot = layer.snapshot();
    assert_eq!((snapshot.endpoints()[0].waiting(), snapshot.endpoints()[0].abandoned()), (0, 1));
    assert!(snapshot.endpoints()[0].credit() > 3.99, "the retry was never sent");
    let error = service.ready().await.unwrap_err();
    assert_eq!(error.into_inner().unwrap().downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::BrokenPipe);
}

/// Answers the first attempt with 503 and takes a second for each.
fn slow(
    seen: &Arc<Mutex<Vec<Instant>>>,
) -> impl Service<
    Request<&'static str>,
    Response = Response<()>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<()>, Infallible>> + Send,
> + Clone
+ Send
+ 'static {
    let seen = Arc::clone(seen);
    #[expect(clippy::disallowed_methods, reason = "paused time")]
    service_fn(move |_| {
        let nth = {
            let mut seen = seen.lock().unwrap();
            seen.push(Instant::now());
            seen.len()
        };
        async move {
            tokio::time::sleep(S).await;
            Ok(Response::builder().status(if nth == 1 { 503 } else { 200 }).body(()).unwrap())
        }
    })
}

/// Inside, a place in the line is free while its call waits; outside, it is not.
#[tokio::test(start_paused = true)]
async fn a_limit_inside_is_not_held_through_a_wait() {
    for (inside, ahead) in [(true, true), (false, false)] {
        let seen = Arc::default();
        let layer = RetryLayer::new(quiet(Policy::default()));
        let boxed = if inside {
            let limited = ServiceBuilder::new().layer(layer).concurrency_limit(1).service(slow(&seen));
            limited.map_err(Box::<dyn Error + Send + Sync>::from).boxed_clone()
        } else {
            let limited = ServiceBuilder::new().concurrency_limit(1).layer(layer).service(slow(&seen));
            limited.map_err(Box::<dyn Error + Send + Sync>::from).boxed_clone()
        };
        let one = tokio::spawn(boxed.clone().oneshot(request(Method::GET)));
        tokio::task::yield_now().await;
        let other = boxed.oneshot(request(Method::GET)).await.unwrap();
        assert_eq!(other.status(), 200);
        assert_eq!(!one.is_finished(), ahead, "inside: {inside}");
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_of_an_attempt_and_one_outside_of_the_call() {
    let hangs = service_fn(|_: Request<&'static str>| std::future::pending::<io::Result<Response<()>>>());
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let observer = move |event: &Event<'_>| listener.lock().unwrap().push(event.kind());
    let endpoints = Endpoints::builder().observer(observer).build().unwrap();

    let inside = ServiceBuilder::new().layer(RetryLayer::new(endpoints.clone())).timeout(2 * S).service(hangs);
    let error = inside.oneshot(request(Method::GET)).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.report().unwrap().attempts()[0].condition(), Some(Condition::Timeout));
    assert_eq!(error.report().unwrap().attempts().len(), 2);
    assert_eq!(std::mem::take(&mut *said.lock().unwrap()), [EventKind::Retry, EventKind::Stop]);

    let outside = ServiceBuilder::new().timeout(2 * S).layer(RetryLayer::new(endpoints)).service(hangs);
    let error = outside.oneshot(request(Method::GET)).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!(*said.lock().unwrap(), [EventKind::Abandoned]);
}

#[tokio::test(start_paused = true)]
async fn a_trace_inside_has_a_span_for_each_attempt_and_one_outside_for_the_call() {
    for (inside, expected) in [(true, vec![None, Some(1), Some(2)]), (false, vec![None])] {
        let statuses = Mutex::new(VecDeque::from([503, 502, 200]));
        let answers = Arc::new(statuses);
        let service = service_fn(move |_: Request<String>| {
            let status = answers.lock().unwrap().pop_front().expect("no more attempts than answers");
            ready(Ok::<_, Infallible>(Response::builder().status(status).body(String::new()).unwrap()))
        });
        let spans = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&spans);
        let trace = TraceLayer::new_for_http().make_span_with(move |request: &Request<String>| {
            seen.lock().unwrap().push(request.extensions().get().and_then(Attempt::resend_count));
            tracing::Span::none()
        });
        let (builder, request) = (ServiceBuilder::new(), Request::new(String::new()));
        let status = if inside {
            builder.layer(layer()).layer(trace).service(service).oneshot(request).await.unwrap().status()
        } else {
            builder.layer(trace).layer(layer()).service(service).oneshot(request).await.unwrap().status()
        };
        assert_eq!((status.as_u16(), &*spans.lock().unwrap()), (200, &expected), "inside: {inside}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_policys_own_timeouts_hold_too() {
    let hangs = service_fn(|_: Request<&'static str>| std::future::pending::<io::Result<Response<()>>>());
    let policy = Policy::builder().attempt_timeout(S).timeout(2 * S).build().unwrap();
    let error = RetryLayer::new(quiet(policy)).layer(hangs).oneshot(request(Method::GET)).await.unwrap_err();
    assert!(error.is_timeout() && error.source().is_none());
    assert_eq!(error.to_string(), "GET http://orders.internal:80: no response after 1 attempt (timeout): no time left");
}

#[tokio::test(start_paused = true)]
async fn what_this_client_sheds_itself_is_handed_back_and_blames_nobody() {
    let seen = Arc::default();
    let layer = RetryLayer::new(quiet(Policy::default()));
    let service = ServiceBuilder::new().layer(layer.clone()).load_shed().concurrency_limit(1).service(slow(&seen));
    let one = tokio::spawn(service.clone().oneshot(request(Method::GET)));
    tokio::task::yield_now().await;
    let error = service.oneshot(request(Method::GET)).await.unwrap_err();
    assert!(error.into_inner().unwrap().is::<tower::load_shed::error::Overloaded>());
    assert_eq!(seen.lock().unwrap().len(), 1);
    one.await.unwrap().unwrap();
    let snapshot = layer.snapshot();
    let counted: u64 = StopReason::ALL.into_iter().map(|reason| snapshot.endpoints()[0].stopped(reason)).sum();
    assert_eq!((counted, snapshot.endpoints()[0].open_incident()), (0, None));
}

/// As a buffer does that has become too large.
#[tokio::test(start_paused = true)]
async fn a_body_that_can_be_sent_again_only_once_is_and_the_last_response_is_handed_back() {
    let script = Script::of([Ok(503), Ok(503)]);
    let left = Mutex::new(1_u32);
    let layer = layer().replay_with(move |body: &&'static str| {
        let mut left = left.lock().unwrap();
        *left = left.checked_sub(1)?;
        Some(*body)
    });
    let response = layer.layer(script.clone()).oneshot(request(Method::GET)).await.unwrap();
    assert_eq!(response.body(), "body of 503");
    assert_eq!(stopped(Report::of(&response)), Some(StopReason::NotReplayable));
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "paused time")]
async fn a_call_that_is_dropped_while_it_waits_sends_nothing_more_and_gives_back_what_it_paid() {
    let script = Script::of([Ok(503)]);
    let layer = layer();
    let call = layer.layer(script.clone()).oneshot(request(Method::GET));
    tokio::time::timeout(S / 10, call).await.unwrap_err();
    tokio::time::sleep(9 * S).await;
    assert_eq!(script.seen().len(), 1);
    let snapshot = layer.snapshot();
    let endpoint = &snapshot.endpoints()[0];
    assert_eq!((endpoint.abandoned(), endpoint.waiting()), (1, 0));
    assert!(endpoint.credit() > 3.99);
}

#[tokio::test(start_paused = true)]
async fn a_future_is_polled_to_its_end_once() {
    let mut call =
        Box::pin(layer().layer(Script { is_ready: true, ..Script::of([Ok(200)]) }).call(request(Method::GET)));
    call.as_mut().await.unwrap();
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _never = call.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
    }));
    assert!(again.is_err(), "as every future of an `async` block, it says that it is over");
}

#[test]
fn a_service_that_may_be_sent_makes_futures_that_may_be() {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    fn is_clone_and_sync<T: Clone + Send + Sync>(_: &T) {}
    let service = service_fn(|_: Request<String>| async { Ok::<_, Infallible>(Response::new(())) });
    let mut service: Retry<_> = layer().layer(service);
    is_clone_and_sync(&service);
    drop(is_send(service.call(Request::new(String::new()))));
}
