//! What a success costs, next to bare reqwest in the same run. Counts of allocations on the client's thread; times
//! prove nothing on a shared machine.

use std::sync::mpsc;
use std::thread;

use crate::server::{Server, respond};
use forbear::{Client, Endpoints, Event, Mode, Policy};
use http::Method;
use reqwest::Body;
use tokio::runtime::{Builder, Runtime};

/// The two doors, and bare reqwest with its defaults.
struct Doors {
    runtime: Runtime,
    url: String,
    bare: reqwest::Client,
}

/// A request to send, through whatever door.
#[derive(Clone, Copy)]
struct Plan {
    method: fn() -> Method,
    headers: &'static [&'static str],
    body: Option<fn() -> Body>,
}

const GET: Plan = Plan { method: || Method::GET, headers: &[], body: None };
const GET_WITH_HEADERS: Plan = Plan { headers: &["x-one", "x-two", "x-three", "x-four"], ..GET };
const PUT: Plan = Plan { method: || Method::PUT, headers: &[], body: Some(|| vec![7; 1024].into()) };
const POST: Plan = Plan { method: || Method::POST, ..PUT };
const STREAM: Plan = Plan { body: Some(|| Body::wrap("a stream".to_owned())), ..PUT };

/// The builders of reqwest and of forbear have the same methods, and no trait in common.
macro_rules! request {
    ($client:expr, $url:expr, $plan:expr) => {{
        let mut request = $client.request(($plan.method)(), $url);
        for name in $plan.headers {
            request = request.header(*name, "value");
        }
        match $plan.body {
            Some(body) => request.body(body()),
            None => request,
        }
    }};
}

macro_rules! read {
    ($request:expr) => {{
        $request.send().await.unwrap().bytes().await.unwrap();
    }};
}

#[test]
fn a_success_allocates_no_more_than_the_promise() {
    let doors = Doors::open();
    let once = || Policy::builder().max_attempts(1).build().unwrap();
    let off = || Policy::builder().mode(Mode::Off).build().unwrap();
    // more allocations than bare reqwest: through `Client::builder`, and through `Client::new`
    for (name, plan, built, new) in [
        ("GET", GET, -1, 1),
        ("GET with 4 headers", GET_WITH_HEADERS, 1, 3),
        ("PUT of 1 KiB", PUT, -1, 1),
        ("POST of 1 KiB", POST, -1, 0),
    ] {
        let bare = doors.bare(plan);
        let counts =
            [doors.owning(Policy::default(), plan), doors.careful(Policy::default(), plan)].map(|it| it - bare);
        println!("{name}: bare reqwest {bare}, Client::builder {:+}, Client::new {:+}", counts[0], counts[1]);
        assert!(counts[0] <= built && counts[1] <= new, "{name}: {counts:?}, promised {built} and {new}");
    }
    for (name, plan, policy) in [
        ("max_attempts(1)", GET, once()),
        ("max_attempts(1), headers", GET_WITH_HEADERS, once()),
        ("off", GET, off()),
        ("off, with headers", GET_WITH_HEADERS, off()),
        ("a stream", STREAM, Policy::default()),
    ] {
        let counts = [doors.owning(policy.clone(), plan), doors.careful(policy, plan)];
        println!("{name}: Client::builder {}, Client::new {}", counts[0], counts[1]);
        assert_eq!(counts, [doors.without_retries(plan), doors.bare(plan)], "{name}: the request was cloned");
    }
}

#[test]
fn a_known_host_is_found_and_a_call_is_started_without_allocating() {
    let endpoints = Endpoints::default();
    let uri = http::Uri::from_static("https://orders.internal:8443/v1/orders/7");
    let started = || drop(endpoints.call(&Method::GET, &uri).replayable(true).start(forbear::Now::default(), 7));
    assert_eq!(allocations(started), 0);
}

#[test]
fn the_future_of_a_call_is_of_reasonable_size() {
    let client = Client::new(reqwest::Client::new());
    let sending = size_of_val(&client.get("http://orders.internal").send());
    println!("{sending} bytes");
    assert!(sending <= 896, "a future of {sending} bytes, and every call in flight holds one");
}

/// What each framework needs is what it needs for something that does nothing.
#[cfg(all(feature = "blocking", feature = "middleware", feature = "tower"))]
#[test]
fn an_adapter_allocates_one_copy_of_the_url_and_of_the_headers_beyond_what_its_framework_needs() {
    use std::convert::Infallible;

    use forbear::middleware::RetryMiddleware;
    use forbear::tower::RetryLayer;
    use http::{Extensions, Request, Response};
    use reqwest_middleware::{ClientBuilder, Middleware, Next};
    use tower::{Layer, Service, ServiceExt, service_fn};

    struct Nothing;

    #[async_trait::async_trait]
    impl Middleware for Nothing {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut Extensions,
            next: Next<'_>,
        ) -> Result<reqwest::Response, reqwest_middleware::Error> {
            next.run(request, extensions).await
        }
    }

    let doors = Doors::open();
    let endpoints = || Endpoints::builder().observer(silent).build().unwrap();
    // The first copy of a name or a value makes it one that is shared. reqwest does that, too, but the blocking one on a
    // thread of its own, where it is not counted: over all threads the blocking client allocates as `Client::builder` does.
    for (name, plan, copies, shared) in [("GET", GET, 1, 0), ("GET with 4 headers", GET_WITH_HEADERS, 3, 8)] {
        let through = |client: &reqwest_middleware::ClientWithMiddleware| {
            allocations(|| doors.runtime.block_on(async { read!(request!(client, &doors.url, plan)) }))
        };
        let chain = ClientBuilder::new(doors.bare.clone());
        let nothing = through(&chain.with(Nothing).build());
        let chain = ClientBuilder::new(doors.bare.clone());
        let middleware = through(&chain.with(RetryMiddleware::new(endpoints())).build()) - nothing;

        let through = |service: &mut dyn FnMut(reqwest::Request)| {
            let build = || request!(doors.bare, &doors.url, plan).build().unwrap();
            allocations(|| service(build()))
        };
        let mut bare = doors.bare.clone();
        let plain = through(&mut |request| {
            doors.runtime.block_on(async { bare.call(request).await.unwrap().bytes().await.unwrap() });
        });
        let mut layered = RetryLayer::new(endpoints()).layer(doors.bare.clone());
        let tower = through(&mut |request| {
            let response = async { layered.ready().await.unwrap().call(request).await.unwrap().bytes().await.unwrap() };
            doors.runtime.block_on(response);
        }) - plain;

        let http = || reqwest::blocking::Client::builder().no_proxy();
        let bare = http().build().unwrap();
        let plain = allocations(|| drop(request!(bare, &doors.url, plan.blocking()).send().unwrap().bytes().unwrap()));
        let client = forbear::blocking::Client::builder(http()).endpoints(endpoints()).build().unwrap();
        let blocking =
            allocations(|| drop(request!(client, &doors.url, plan.blocking()).send().unwrap().bytes().unwrap()))
                - plain;

        println!("{name}: middleware {middleware:+}, tower over reqwest {tower:+}, blocking {blocking:+}");
        assert!(middleware <= copies, "{name}: middleware {middleware}");
        assert!(tower <= copies, "{name}: tower {tower}");
        assert!(blocking <= copies + shared, "{name}: blocking {blocking}");
    }

    let ready_made = service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(Response::new(()))));
    let request = || Request::get("http://orders.internal/7").body(()).unwrap();
    let mut plain = ready_made;
    let plain = allocations(|| drop(doors.runtime.block_on(plain.call(request())).unwrap()));
    let mut layered = RetryLayer::new(endpoints()).layer(ready_made);
    let layered = allocations(|| drop(doors.runtime.block_on(layered.call(request())).unwrap()));
    println!("a service that is ready-made: tower {:+}", layered - plain);
    assert_eq!(layered, plain, "nothing for the future, nor for a copy that has nothing to copy");
}

impl Plan {
    #[cfg(feature = "blocking")]
    fn blocking(self) -> BlockingPlan {
        BlockingPlan { method: self.method, headers: self.headers, body: None }
    }
}

/// A plan without a body, whose type is another there.
#[cfg(feature = "blocking")]
#[derive(Clone, Copy)]
struct BlockingPlan {
    method: fn() -> Method,
    headers: &'static [&'static str],
    body: Option<fn() -> reqwest::blocking::Body>,
}

impl Doors {
    fn open() -> Self {
        let (tell, url) = mpsc::channel();
        thread::spawn(move || {
            runtime().block_on(async {
                let server = Server::start(|_, _| respond(200, &[], b"done")).await;
                tell.send(server.url.clone()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let bare = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { runtime: runtime(), url: url.recv().unwrap(), bare }
    }

    fn bare(&self, plan: Plan) -> i64 {
        self.reqwest(&self.bare, plan)
    }

    fn without_retries(&self, plan: Plan) -> i64 {
        let never = reqwest::retry::never().max_retries_per_request(0);
        self.reqwest(&reqwest::Client::builder().no_proxy().retry(never).build().unwrap(), plan)
    }

    fn owning(&self, policy: Policy, plan: Plan) -> i64 {
        let client = Client::builder(reqwest::Client::builder().no_proxy()).policy(policy).observer(silent);
        self.forbear(&client.build().unwrap(), plan)
    }

    fn careful(&self, policy: Policy, plan: Plan) -> i64 {
        let endpoints = Endpoints::builder().fallback(policy).observer(silent).build().unwrap();
        self.forbear(&Client::with_endpoints(self.bare.clone(), endpoints), plan)
    }

    fn reqwest(&self, client: &reqwest::Client, plan: Plan) -> i64 {
        allocations(|| self.runtime.block_on(async { read!(request!(client, &self.url, plan)) }))
    }

    fn forbear(&self, client: &Client, plan: Plan) -> i64 {
        allocations(|| self.runtime.block_on(async { read!(request!(client, &self.url, plan)) }))
    }
}

fn silent(_: &Event<'_>) {}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Allocations of a run over a warm connection: the least of many, for a pool may clean up in any of them.
fn allocations(mut run: impl FnMut()) -> i64 {
    (0..10).for_each(|_| run());
    let counts = (0..20).map(|_| allocation_counter::measure(&mut run).count_total);
    i64::try_from(counts.min().unwrap()).unwrap()
}
