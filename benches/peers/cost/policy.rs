//! What the policy alone takes, over what answers at once without a network.

use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use forbear::middleware::RetryMiddleware;
use forbear::tower::RetryLayer;
use forbear::{Now, Outcome};
use forbear_peers::{Fallible, Patience, print_row, reqwest_retry, runtime, silent_endpoints};
use http::{Extensions, HeaderMap, Method, StatusCode, Uri};
use reqwest::{Request, Response, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tower::{Layer, Service, ServiceExt, service_fn};

const ROUNDS: u32 = 50;
const CALLS: u32 = 2000;

/// A name, which row it is compared with, and a round of calls.
type Row = (&'static str, usize, Box<dyn FnMut() -> Duration>);

pub(crate) fn compare() -> Fallible<()> {
    let url: Url = "http://orders.internal/v0/orders/7".parse()?;
    let answers = service_fn(|_: Request| ready(Ok::<_, Infallible>(answer())));
    let tower = tower::retry::RetryLayer::new(Patience::default()).layer(answers);
    let layer = RetryLayer::new(silent_endpoints(0)?).layer(answers);
    let chain = || ClientBuilder::new(reqwest::Client::new());
    let middleware = RetryMiddleware::new(silent_endpoints(0)?);
    let mut rows: Vec<Row> = vec![
        ("a service that answers", 0, of_service(answers, &url)?),
        ("tower::retry, TpsBudget", 0, of_service(tower, &url)?),
        ("RetryLayer", 0, of_service(layer, &url)?),
        ("a middleware that answers", 3, of_chain(chain().with(Answers).build(), &url)?),
        ("reqwest-retry", 3, of_chain(chain().with(reqwest_retry()).with(Answers).build(), &url)?),
        ("RetryMiddleware", 3, of_chain(chain().with(middleware).with(Answers).build(), &url)?),
        ("nothing", 6, Box::new(|| timed(|| {}))),
        ("the engine", 6, of_engine(0, "http://orders.internal/v0/orders/7")?),
        ("… with 1,000 endpoints", 6, of_engine(1000, "http://orders.internal/v7/orders/7")?),
    ];
    let mut best = vec![Duration::MAX; rows.len()];
    for _ in 0..ROUNDS {
        for ((_, _, call), best) in rows.iter_mut().zip(&mut best) {
            *best = call().min(*best);
        }
    }
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(CALLS);
    print_row("\nthe policy alone", ["ns of a call", "ns more than without"]);
    for ((name, without, _), time) in rows.iter().zip(&best) {
        let without = best.get(*without).copied().unwrap_or_default();
        print_row(name, [format!("{:.0}", each(*time)), format!("{:.0}", each(time.saturating_sub(without)))]);
    }
    Ok(())
}

fn answer() -> Response {
    http::Response::new(reqwest::Body::default()).into()
}

fn of_service<S>(service: S, url: &Url) -> Fallible<Box<dyn FnMut() -> Duration>>
where
    S: Service<Request, Response = Response> + Clone + 'static,
{
    let (mut service, url, runtime) = (service, url.clone(), runtime()?);
    Ok(Box::new(move || {
        runtime.block_on(timed_async(async || {
            if let Ok(service) = service.ready().await {
                black_box(service.call(Request::new(Method::GET, url.clone())).await.is_ok());
            }
        }))
    }))
}

fn of_chain(client: ClientWithMiddleware, url: &Url) -> Fallible<Box<dyn FnMut() -> Duration>> {
    let (url, runtime) = (url.clone(), runtime()?);
    Ok(Box::new(move || {
        runtime.block_on(timed_async(async || {
            black_box(client.execute(Request::new(Method::GET, url.clone())).await.is_ok());
        }))
    }))
}

fn of_engine(number: u16, uri: &'static str) -> Fallible<Box<dyn FnMut() -> Duration>> {
    let (endpoints, uri, headers) = (silent_endpoints(number)?, Uri::from_static(uri), HeaderMap::new());
    Ok(Box::new(move || {
        timed(|| {
            let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(Now::default(), 7);
            black_box(call.begin(Now::default()).is_ok());
            let outcome = Outcome::response(StatusCode::OK, &headers, SystemTime::UNIX_EPOCH);
            let _decision = black_box(call.on_outcome(&outcome, Now::default()));
        })
    }))
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn timed(mut call: impl FnMut()) -> Duration {
    let started = Instant::now();
    (0..CALLS).for_each(|_| call());
    started.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
async fn timed_async(mut call: impl AsyncFnMut()) -> Duration {
    let started = Instant::now();
    for _ in 0..CALLS {
        call().await;
    }
    started.elapsed()
}

/// The last of a chain, which sends nothing.
struct Answers;

#[async_trait::async_trait]
impl Middleware for Answers {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> reqwest_middleware::Result<Response> {
        Ok(answer())
    }
}
