//! Those who call: through the client, as anybody would, and they write down what they are told.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use forbear::{
    AttemptReport, Budget, Client, Condition, Delivery, Endpoint, Endpoints, Event, EventKind, Report, StopReason,
};
use http_body_util::Full;
use reqwest::{Body, Response};
use tokio::task::JoinSet;

use crate::answer::SERVED;
use crate::clock;
use crate::plan::{self, Plan, Way};
use crate::server::Port;

/// What a caller was told of a call.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) call: u64,
    pub(crate) started_at: Instant,
    /// When each retry was decided.
    pub(crate) retried_at: Vec<Instant>,
    /// When there was a response, or none.
    pub(crate) returned_at: Instant,
    /// When its body was read.
    pub(crate) ended_at: Instant,
    /// By the report, if there is one.
    pub(crate) attempts: Vec<Tried>,
    pub(crate) reason: Option<StopReason>,
    pub(crate) events: Vec<Said>,
    pub(crate) end: End,
}

/// One attempt, as the report has it.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) status: Option<u16>,
    pub(crate) condition: Option<Condition>,
    pub(crate) delivery: Delivery,
    pub(crate) hint: Option<Duration>,
    pub(crate) wait: Option<Duration>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) kind: EventKind,
    pub(crate) attempt: u32,
    pub(crate) status: Option<u16>,
    pub(crate) condition: Option<Condition>,
    pub(crate) reason: Option<StopReason>,
}

#[derive(Clone, Debug)]
pub(crate) enum End {
    Response(Received),
    Error(#[expect(dead_code, reason = "shown with a call that is wrong")] String),
    Never,
}

/// A response, held against the one that the server has meant.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    /// Which one, or `None` if nobody has asked for it.
    pub(crate) nth: Option<usize>,
    pub(crate) wrong: Option<String>,
    /// How much of the body came. If that is not all, it is the beginning of what was meant.
    pub(crate) read: usize,
    pub(crate) whole: bool,
}

/// The clients, one for each kind of server.
pub(crate) struct Callers {
    seed: u64,
    http1: Client,
    http2: Client,
    gate: Client,
    told: Arc<Mutex<Vec<Told>>>,
}

tokio::task_local! {
    /// The call that goes on. Events are told on the thread that drives it.
    static CALLING: Calling;
}

struct Calling {
    said: Mutex<Vec<Said>>,
    retried_at: Mutex<Vec<Instant>>,
    /// The port that is shut until so many attempts were refused.
    shut: Mutex<Option<(Port, usize)>>,
}

impl Callers {
    pub(crate) fn new(seed: u64) -> Self {
        let http = || reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE);
        let any = || Endpoint::new("any").host("127.0.0.1").budget(Budget::unlimited());
        let one = || Endpoints::builder().endpoint(any()).observer(listen).build().unwrap();
        let ample = Budget::builder().start(10_000.0).earn(1.0);
        let each = Endpoints::builder().fallback_budget(ample).observer(listen).build().unwrap();
        Self {
            seed,
            http1: Client::builder(http()).endpoints(one()).build().unwrap(),
            http2: Client::builder(http().http2_prior_knowledge()).endpoints(each).build().unwrap(),
            gate: Client::builder(http().pool_max_idle_per_host(0)).endpoints(one()).build().unwrap(),
            told: Arc::default(),
        }
    }

    /// Makes all calls of a range, at each port one after the other, or over HTTP/2 some at once.
    pub(crate) async fn call(&self, range: Range<u64>, ports: &[Port]) {
        let mut callers = JoinSet::new();
        for (way, client, at_once) in
            [(Way::Http1, &self.http1, 1), (Way::Http2, &self.http2, 4), (Way::Gate, &self.gate, 1)]
        {
            let next = Arc::new(AtomicU64::new(range.start));
            for port in ports.iter().filter(|port| port.way == way) {
                for _ in 0..at_once {
                    let (seed, end, next, told) = (self.seed, range.end, Arc::clone(&next), Arc::clone(&self.told));
                    let (client, port) = (client.clone(), port.clone());
                    callers.spawn(async move {
                        loop {
                            let call = next.fetch_add(1, Ordering::Relaxed);
                            if call >= end {
                                return;
                            }
                            let plan = Plan::of(seed, call);
                            if plan.way == way {
                                let one = tell(&client, &port, &plan).await;
                                uncounted(|| told.lock().unwrap().push(one));
                            }
                        }
                    });
                }
            }
        }
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    }

    /// Drops the clients and returns what was told.
    pub(crate) fn finish(self) -> Vec<Told> {
        Arc::into_inner(self.told).unwrap().into_inner().unwrap()
    }
}

/// Makes a call.
async fn tell(client: &Client, port: &Port, plan: &Plan) -> Told {
    let mut shut = None;
    if plan.refusals > 0 {
        port.shut().await;
        shut = Some((port.clone(), plan.refusals));
    }
    let calling = Calling { said: Mutex::default(), retried_at: Mutex::default(), shut: Mutex::new(shut) };
    let telling = async {
        let started_at = clock::now();
        let result = clock::within(PATIENCE, send(client, port, plan)).await;
        let returned_at = clock::now();
        let (end, report) = match result {
            None => (End::Never, None),
            Some(Ok(mut response)) => {
                let report = response.extensions_mut().remove::<Report>();
                (End::Response(receive(response, plan).await), report)
            }
            Some(Err(error)) => (uncounted(|| End::Error(format!("{error:?}"))), error.report().cloned()),
        };
        let ended_at = clock::now();
        let (events, retried_at) = CALLING.with(|calling| {
            if let Some((port, _)) = calling.shut.lock().unwrap().take() {
                port.open();
            }
            let Calling { said, retried_at, .. } = calling;
            (std::mem::take(&mut *said.lock().unwrap()), std::mem::take(&mut *retried_at.lock().unwrap()))
        });
        let attempts = || report.iter().flat_map(Report::attempts).map(Tried::from).collect();
        let reason = report.as_ref().and_then(Report::reason);
        let call = plan.call;
        uncounted(|| Told {
            call,
            started_at,
            retried_at,
            returned_at,
            ended_at,
            attempts: attempts(),
            reason,
            events,
            end,
        })
    };
    CALLING.scope(calling, telling).await
}

fn send(
    client: &Client,
    port: &Port,
    plan: &Plan,
) -> impl Future<Output = Result<Response, forbear::Error>> + Send + use<> {
    let url = format!("http://{}{}", port.address, plan.path());
    let mut request = client.request(plan.method.clone(), url).header("x-note", plan.note());
    request = request.policy(plan.limits.policy());
    if plan.key {
        request = request.header("idempotency-key", plan.call);
    }
    if plan.marked {
        request = request.idempotent(true);
    }
    let (call, body) = (plan.call, plan.body);
    let bytes = move || body.bytes(call);
    match body {
        plan::Body::None => request,
        plan::Body::Bytes(_) => request.body(bytes()),
        plan::Body::Stream(_) => request.body(Body::wrap(Full::new(Bytes::from(bytes())))),
        plan::Body::Chunks(_) => request.body(Body::wrap_stream(Pieces::of(&bytes()))),
        plan::Body::Made(_) => request.body_with(move || Body::wrap_stream(Pieces::of(&bytes()))),
    }
    .send()
}

/// Reads a response to its end.
async fn receive(mut response: Response, plan: &Plan) -> Received {
    let status = response.status().as_u16();
    let served = response.headers().get(SERVED).and_then(|served| served.to_str().ok()).unwrap_or_default();
    if served == "unsolicited" {
        drop(response.bytes().await);
        return Received { status, nth: None, wrong: None, read: 0, whole: false };
    }
    let nth = served.strip_prefix(&format!("{}.", plan.call)).and_then(|nth| nth.parse().ok());
    let Some(nth) = nth else {
        let wrong = uncounted(|| format!("a response that is not of this call: {:?}", response.headers()));
        return Received { status, nth: None, wrong: Some(wrong), read: 0, whole: false };
    };
    let answer = plan.step(nth).answer;
    let expected = answer.headers(plan.call, nth);
    let framing = ["content-length", "transfer-encoding", "connection"];
    let found = response.headers().iter().filter(|(name, _)| !framing.contains(&name.as_str()));
    let mut wrong = None;
    if !found
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .eq(expected.iter().map(|(name, value)| (*name, value.as_bytes())))
        || status != answer.status
    {
        wrong = uncounted(|| Some(format!("{status} and {:?}", response.headers())));
    }
    let (mut read, mut ended) = (0, false);
    let expected = answer.body(&plan.method, plan.call, nth);
    loop {
        match clock::within(PATIENCE, response.chunk()).await {
            Some(Ok(Some(chunk))) if expected[read..].starts_with(&chunk) => read += chunk.len(),
            Some(Ok(Some(_))) => {
                wrong = uncounted(|| Some(format!("another body from byte {read} on")));
                break;
            }
            Some(Ok(None)) => {
                ended = true;
                break;
            }
            Some(Err(_)) => break,
            None => {
                wrong = uncounted(|| Some("a body that never ends".to_owned()));
                break;
            }
        }
    }
    Received { status, nth: Some(nth), wrong, read, whole: ended && read == expected.len() }
}

/// Remembers an event of the call that goes on.
fn listen(event: &Event<'_>) {
    if event.incident().is_some() {
        return;
    }
    let said = Said {
        kind: event.kind(),
        attempt: event.attempt(),
        status: event.status().map(|status| status.as_u16()),
        condition: event.attempt_report().and_then(AttemptReport::condition),
        reason: event.reason(),
    };
    CALLING.with(|calling| {
        if said.kind == EventKind::Retry {
            uncounted(|| calling.retried_at.lock().unwrap().push(clock::now()));
            let mut shut = calling.shut.lock().unwrap();
            if let Some((port, _)) = shut.take_if(|(_, refusals)| u32::try_from(*refusals) == Ok(said.attempt)) {
                port.open();
            }
        }
        uncounted(|| calling.said.lock().unwrap().push(said));
    });
}

impl From<&AttemptReport> for Tried {
    fn from(report: &AttemptReport) -> Self {
        Self {
            status: report.status().map(|status| status.as_u16()),
            condition: report.condition(),
            delivery: report.diagnosis().delivery(),
            hint: report.hint(),
            wait: report.wait(),
        }
    }
}

/// A body in pieces.
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.chunks(333).map(Bytes::copy_from_slice).collect())
    }
}

impl futures_core::Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// Does what belongs to the test: its memory is not the client's.
pub(crate) fn uncounted<T>(run: impl FnOnce() -> T) -> T {
    let mut output = None;
    allocation_counter::opt_out(|| output = Some(run()));
    output.unwrap()
}

/// After which a connection is not used again, and what is left of those that were closed is thrown away.
pub(crate) const IDLE: Duration = Duration::from_millis(100);
/// Longer than any call may take.
const PATIENCE: Duration = Duration::from_secs(20);
