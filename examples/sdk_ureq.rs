//! An SDK over ureq, which blocks: the engine of forbear alone, under a client of its own.
//!
//! `sdk` and `transport` are for authors to copy. `sdk` knows the service: two operations with a policy each, idempotency
//! keys, the codes of its errors. `transport` knows ureq: one loop, which every operation goes through. Then five calls meet
//! a server on loopback that fails as it is told, and each prints its report.
//!
//! ```sh
//! cargo run --no-default-features --features endpoints --example sdk_ureq
//! ```
#![expect(clippy::print_stdout, reason = "it shows")]

use std::error::Error;
use std::iter;

use forbear::Report;
use sdk::{Answer, Code, ErrorKind, Order, Orders};
use server::{Reply, Server};

#[path = "sdk/server.rs"]
mod server;
#[path = "sdk/ureq.rs"]
mod transport;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result {
    println!("── GET: 503 that asks for 1 s, then the order");
    let server = Server::start(&[Reply::Answers(503, "retry-after: 1", "{}"), Reply::Answers(200, "", SHIPPED)])?;
    tell(Orders::new(server.url())?.get_order(7), 2)?;

    println!("\n── POST with the caller's own key: a 400 whose code says that it was throttled, then placed");
    let throttled = Reply::Answers(400, "", r#"{"code": "ThrottlingException"}"#);
    let server = Server::start(&[throttled, Reply::Answers(201, "", ACCEPTED)])?;
    tell(Orders::new(server.url())?.place_order("shoes", Some("cart-31")), 2)?;
    tell_keys(&server)?;

    println!("\n── POST with a key of the SDK's: the connection breaks, then placed");
    let server = Server::start(&[Reply::Breaks, Reply::Answers(201, "", ACCEPTED)])?;
    tell(Orders::new(server.url())?.place_order("shoes", None), 2)?;
    tell_keys(&server)?;

    println!("\n── GET: a 429 whose code says that the quota is used up, which no wait cures");
    let used_up = Reply::Answers(429, "retry-after: 1", r#"{"code": "insufficient_quota"}"#);
    let server = Server::start(&[used_up])?;
    tell(Orders::new(server.url())?.get_order(7), 1)?;

    println!("\n── GET: connection refused");
    tell(Orders::new(server::nobody()?)?.get_order(7), 2)
}

const SHIPPED: &str = r#"{"id": 7, "state": "shipped"}"#;
const ACCEPTED: &str = r#"{"id": 8, "state": "accepted"}"#;

/// Prints the report of a call and what came of it. Fails if it made another number of attempts.
fn tell(result: std::result::Result<Answer<Order>, sdk::Error>, attempts: usize) -> Result {
    let report = result.as_ref().map_or_else(sdk::Error::report, Answer::report);
    let told = report.map_or(1, |report| report.attempts().len());
    println!("{}", report.map_or("answered at once".to_owned(), Report::to_string));
    match result.map(Answer::into_value) {
        Ok(order) => println!("→ order {} is {}", order.id, order.state),
        Err(error) if matches!(error.kind(), ErrorKind::Refused(_, Some(Code::InsufficientQuota))) => {
            println!("→ {error}: buy more");
        }
        Err(error) => {
            let error: &dyn Error = &error;
            let causes = iter::successors(Some(error), |&error| error.source());
            println!("→ {}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
        }
    }
    if told == attempts { Ok(()) } else { Err(format!("{attempts} attempts were expected").into()) }
}

/// Prints the keys that arrived. Fails if they are not one and the same.
fn tell_keys(server: &Server) -> Result {
    let keys = server.keys();
    println!("keys that arrived: {}", keys.join(", "));
    let same = keys.len() == 2 && keys.first() == keys.last();
    if same { Ok(()) } else { Err("each attempt should carry the same key".into()) }
}

/// What the service is, and what its users see.
pub(crate) mod sdk {
    use std::fmt;
    use std::time::Duration;

    use forbear::{Condition, Diagnosis, Endpoint, Endpoints, Outcome, Policy, Report, Ruling};
    use http::header::{ACCEPT, CONTENT_TYPE};
    use http::{Method, Request, Response, StatusCode};
    use serde_json::{Value, json};

    use super::transport::{Transport, TransportError};

    /// A client of the orders service. Keep one: it holds the connections and the budgets.
    #[derive(Debug)]
    pub(crate) struct Orders {
        base: String,
        transport: Transport,
    }

    impl Orders {
        /// Returns a client of the service at `base`, such as `http://orders.internal`.
        pub(crate) fn new(base: impl Into<String>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Self { base: base.into(), transport: Transport::new(endpoints()?) })
        }

        /// Returns an order.
        pub(crate) fn get_order(&self, id: u64) -> Result<Answer<Order>, Error> {
            let request = Request::get(format!("{}/v1/orders/{id}", self.base)).header(ACCEPT, JSON);
            self.call(request.body(Vec::new()))
        }

        /// Places an order, at most once.
        ///
        /// `key` is the idempotency key, for callers who have their own, for instance one that outlives the process. Default
        /// a new one for each call.
        pub(crate) fn place_order(&self, item: &str, key: Option<&str>) -> Result<Answer<Order>, Error> {
            let request = Request::post(format!("{}/v1/orders", self.base))
                .header(ACCEPT, JSON)
                .header(CONTENT_TYPE, JSON)
                // Made here, once per call, so that it is the same on every attempt.
                .header("Idempotency-Key", key.map_or_else(new_key, str::to_owned));
            self.call(request.body(json!({ "item": item }).to_string().into_bytes()))
        }

        fn call(&self, request: http::Result<Request<Vec<u8>>>) -> Result<Answer<Order>, Error> {
            let request = request.map_err(|error| Error { kind: ErrorKind::Request(error), report: None })?;
            let (result, report) = self.transport.send(&request, new_seed());
            let report = report.map(Box::new);
            match result.map_err(ErrorKind::Transport).and_then(|response| Order::of(&response)) {
                Ok(value) => Ok(Answer { value, report }),
                Err(kind) => Err(Error { kind, report }),
            }
        }
    }

    /// What the service answered, and how it came to that.
    #[derive(Debug)]
    pub(crate) struct Answer<T> {
        value: T,
        report: Option<Box<Report>>,
    }

    impl<T> Answer<T> {
        /// Returns what happened, or `None` if the first attempt succeeded.
        pub(crate) fn report(&self) -> Option<&Report> {
            self.report.as_deref()
        }

        pub(crate) fn into_value(self) -> T {
            self.value
        }
    }

    /// An order.
    #[derive(Debug)]
    pub(crate) struct Order {
        pub(crate) id: u64,
        pub(crate) state: String,
    }

    impl Order {
        fn of(response: &Response<Vec<u8>>) -> Result<Self, ErrorKind> {
            if !response.status().is_success() {
                return Err(ErrorKind::Refused(response.status(), Code::of(response.body())));
            }
            let json: Value = serde_json::from_slice(response.body()).map_err(|_| ErrorKind::Malformed)?;
            let id = json.get("id").and_then(Value::as_u64);
            let state = json.get("state").and_then(Value::as_str);
            id.zip(state).map(|(id, state)| Self { id, state: state.to_owned() }).ok_or(ErrorKind::Malformed)
        }
    }

    /// A call that failed.
    #[derive(Debug)]
    pub(crate) struct Error {
        kind: ErrorKind,
        report: Option<Box<Report>>,
    }

    impl Error {
        pub(crate) fn kind(&self) -> &ErrorKind {
            &self.kind
        }

        /// Returns what happened, or `None` if nothing was worth a retry, as after a 404.
        pub(crate) fn report(&self) -> Option<&Report> {
            self.report.as_deref()
        }
    }

    impl fmt::Display for Error {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match &self.kind {
                ErrorKind::Refused(_, Some(Code::InsufficientQuota)) => f.write_str("the quota is used up"),
                ErrorKind::Refused(_, Some(Code::Throttled)) => f.write_str("the service is too busy for this account"),
                ErrorKind::Refused(status, None) => write!(f, "the service answered {}", status.as_u16()),
                ErrorKind::Malformed => f.write_str("the service answered with something else than an order"),
                ErrorKind::Transport(_) => f.write_str("the service did not answer"),
                ErrorKind::Request(_) => f.write_str("this is no request"),
            }
        }
    }

    impl std::error::Error for Error {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            match &self.kind {
                ErrorKind::Transport(error) => Some(error),
                ErrorKind::Request(error) => Some(error),
                ErrorKind::Refused(..) | ErrorKind::Malformed => None,
            }
        }
    }

    /// Why a call failed.
    #[derive(Debug)]
    #[non_exhaustive]
    pub(crate) enum ErrorKind {
        /// The service refused, with a code if it is one that is known.
        Refused(StatusCode, Option<Code>),
        /// The service answered with something else than it promises.
        Malformed,
        /// No answer arrived.
        Transport(TransportError),
        /// The address of the service or the caller's key cannot be sent.
        Request(http::Error),
    }

    /// A code from the body of an error: `{"code": "…"}`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub(crate) enum Code {
        /// Too many requests at once. Nothing was done.
        Throttled,
        /// The account has used up what it paid for.
        InsufficientQuota,
    }

    impl Code {
        fn of(body: &[u8]) -> Option<Self> {
            let json: Value = serde_json::from_slice(body).ok()?;
            match json.get("code")?.as_str()? {
                "ThrottlingException" => Some(Self::Throttled),
                "insufficient_quota" => Some(Self::InsufficientQuota),
                _ => None,
            }
        }
    }

    /// Returns what the codes of the service mean, whatever the status that they come with.
    fn rule_on_code(outcome: &Outcome<'_>, _: &Diagnosis) -> Ruling {
        match Code::of(outcome.body_start()) {
            Some(Code::Throttled) => Ruling::Is(Condition::RateLimited),
            Some(Code::InsufficientQuota) => Ruling::NoRetry,
            None => Ruling::AsDiagnosed,
        }
    }

    /// Returns a policy for each operation. No host: this client calls one service only.
    fn endpoints() -> Result<Endpoints, Box<dyn std::error::Error + Send + Sync>> {
        let get = Policy::interactive().to_builder().attempt_timeout(Duration::from_secs(2)).classify(rule_on_code);
        let place = Policy::builder()
            .max_attempts(2)
            .max_elapsed(Duration::from_secs(20))
            .attempt_timeout(Duration::from_secs(10))
            .classify(rule_on_code);
        let get = Endpoint::new("get_order").method(Method::GET).path("/v1/orders/{id}").policy(get.build()?);
        let place = Endpoint::new("place_order").method(Method::POST).path("/v1/orders").policy(place.build()?);
        Ok(Endpoints::builder().endpoint(get).endpoint(place).build()?)
    }

    /// Returns an idempotency key. One that must not be guessed takes its bits from `getrandom`.
    fn new_key() -> String {
        format!("{:032x}", fastrand::u128(..))
    }

    /// Returns the seed of a call: its jitter, and its id in events.
    #[expect(clippy::disallowed_methods, reason = "an SDK has dice of its own")]
    fn new_seed() -> u64 {
        fastrand::u64(..)
    }

    const JSON: &str = "application/json";
}
