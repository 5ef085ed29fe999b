// On docs.rs each item tells its feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Its snippets need the client and endpoints; without these they are shown and not run.
#![cfg_attr(any(all(feature = "reqwest", feature = "endpoints"), not(doctest)), doc = include_str!("../README.md"))]
//!
//! # The problem
//!
//! A client that repeats what failed does good when one of four servers is down, and harm when all four are: it sends
//! three requests where one was too many. It charges a card twice when it repeats a write whose answer was lost. It
//! comes back after a second when it was told to stay away for a minute. And it says nothing of all this to the person
//! who is woken by it.
//!
//! So this crate asks, after each attempt: what is wrong, how far did the request get, what does the server want, is
//! it safe to repeat, is there time, is it paid for? The first "no" ends the call, and is its reason.
//!
//! # The way of a call
//!
//! ```text
//! method, url ──▶ Endpoints ──▶ Call (an endpoint: its policy and its budget; a seed)
//!                                 │ begin(now) ──▶ Attempt, or too late
//!                                 ▼
//!                             transport              the client of this crate, or your own loop
//!                                 │ Outcome: a response head, or a Failure
//!                                 ▼
//!                         Call::on_outcome(&outcome, now)
//!                            1 what does it mean?            Diagnosis: condition, issuer, delivery, hint
//!                            2 what does the policy say?     Rule: retries, backoff, price
//!                            3 may it be repeated?           StopReason, in the order of its variants
//!                            4 when, and is there time?      hint, backoff, jitter
//!                            5 is it paid for?               the budget, last
//!                                 ▼
//!                         Decision::Retry, or Decision::Done ──▶ Event, Report
//! ```
//!
//! # Why these defaults
//!
//! - **3 attempts.** In a large production service the first retry succeeded in 26 % of its cases, the second in 3 %,
//!   the third in 2 % (dotnet/extensions#7686): one earns most of what there is.
//! - **60 s.** Long enough for a restart and for most hints.
//! - **A second, doubling.** The process behind a 502 or a 503 needs a second or two to come back. A connection that
//!   was refused costs nothing to try: 0.2 s.
//! - **At once** for a refused stream: nothing was processed (RFC 9113 §8.7), and a new connection is all it takes.
//! - **Half a hint more.** 10,000 clients told the same hint come back within half of it, not in the same instant.
//! - **Timeouts cost 4**, all that a quiet endpoint has. The work they abandoned is still running. To retry them freely is
//!   what keeps an overload alive after its cause is gone.
//! - **4 credits, and 0.2 for a success.** Two calls may be retried twice, or one in a background job four times. In a
//!   simulated outage of a server with 1,000 calls per second, busy clients sent 1.1 requests per call and 10,000 quiet ones
//!   2.5; and of a server of which a quarter failed, 98.6 % of the calls succeeded, as many as without a budget.
//! - **No retry for a 500.** It is a bug (RFC 9110 §15.6.1), and most bugs are there the second time, too.
//! - **Idempotent requests only** (RFC 9110 §9.2.2), unless the condition proves that nothing was processed.
//!
//! # Events
//!
//! All have the target `forbear`. What is decided for one call is said at DEBUG; a real line of each, without the fields
//! that say the same in all:
//!
//! | message | when | a line |
//! |---|---|---|
//! | `retry` | a retry was decided | `retry http.request.method="GET" http.response.status_code=503 error.type="503" retry.attempt=1 retry.max_attempts=3 retry.condition="unavailable" retry.issuer="unknown" retry.confidence="status" retry.delivery="unknown" retry.look_at="mixed" retry.hint_ms=1000 retry.wait_ms=1101 retry.wait_source="hint" retry.elapsed_ms=1 retry.budget=3.0` |
//! | `stop` | a failing outcome is handed back | `stop http.request.method="POST" http.response.status_code=503 error.type="503" retry.attempt=1 retry.max_attempts=3 retry.condition="unavailable" retry.issuer="unknown" retry.confidence="status" retry.delivery="unknown" retry.look_at="mixed" retry.reason="not_safe_to_repeat" retry.remedy="send Idempotency-Key or mark the request idempotent" retry.elapsed_ms=1 retry.budget=4.0` |
//! | `recovered` | a call succeeded after at least one retry | `recovered http.request.method="GET" http.response.status_code=200 http.request.resend_count=1 retry.attempt=2 retry.max_attempts=3 retry.elapsed_ms=1105 retry.budget=4.21` |
//! | `abandoned` | a call was dropped in flight or waiting, or ended by its own hook or service | `abandoned http.request.method="GET" retry.attempt=1 retry.max_attempts=3` |
//!
//! Each carries `retry.call` (an id that joins the lines of one call), `retry.endpoint`, `server.address` and
//! `server.port`, too, and `url.template` if the endpoint has one. `http.request.resend_count` is absent on the first
//! attempt; `retry.hint_malformed` is there, and true, when the server's hint was not understood. `retry.issuer` and
//! `retry.confidence` (`proven`, `strong`, `weak`, `status`) are there for responses only, and `retry.evidence` (names of
//! headers, `body`, or `status` for one that only this issuer uses) where there is any. None carries a path, a query, user
//! information, a header value or a body: `docs/logged.md` of the repository lists every word that any of them can hold.
//!
//! What the failures of one endpoint add up to is an *incident*, and needs no DEBUG:
//!
//! | message | level | when | a line |
//! |---|---|---|---|
//! | `incident opened` | WARN | it began to fail | `incident opened server.address="orders.internal" retry.endpoint="orders" http.response.status_code=502 error.type="502" retry.condition="bad_gateway" retry.issuer="nginx" retry.confidence="strong" retry.evidence="body" retry.advice="nginx got no valid answer from the process behind it: is it up, …" retry.look_at="infrastructure" retry.failing_s=2 retry.lost=2 retry.saved=0 retry.retries=1 retry.lost_why="attempts 1, not_safe_to_repeat 1" retry.conditions="bad_gateway 3" retry.issuers="nginx 3"` |
//! | `incident continues` | WARN | 30 s later, then at doubling intervals up to 10 min | as above |
//! | `incident closed` | INFO | it is well again | `incident closed … retry.quiet_s=10 retry.look_at="infrastructure" retry.failing_s=40 retry.lost=12000 …` |
//!
//! Each failing attempt adds 1 to a score, each call that succeeds takes 0.1. An incident opens at 3, or at 10 if it took
//! less than a second and a half to get there: one failure in a hundred is none, a backend of four is one, and flapping is
//! one. It closes at a success when nothing has held it open for 10 s and the score is back at zero, or for 60 s. Nothing
//! ticks: if traffic stops, an incident stays open until something comes. Its lines tell where to look if more than half of
//! the failures point there, else `mixed`. Over all endpoints 20 lines are said at once and one more every 6 s; what is
//! left out is counted in `retry.left_out`. Status, condition and issuer are those of the failure that showed it.
//!
//! # Numbers
//!
//! [`Endpoints::snapshot`] counts per endpoint what the events tell one by one, but for the attempts of calls that are
//! answered at once, of which there are no events. A retry counts under its condition when it is decided, an attempt when
//! it ends. Every call that was sent and has ended is answered, stopped, abandoned, or met its caller's own error.
//!
//! # Features
//!
//! - `endpoints` (default): `Endpoint`, by which groups of requests have a policy and a budget of their own. Without it each
//!   host has the fallback.
//! - `reqwest` (default): `Client`, over reqwest 0.13, which is re-exported as `forbear::reqwest`.
//! - `tracing` (default): `Tracing`, the observer that is used unless another is set.
//! - `json`, `query`, `form`, `multipart`: the methods of `RequestBuilder` of the same names, as reqwest's own features.
//! - `blocking`: `blocking::Client`, over reqwest's blocking client.
//! - `middleware`: `middleware::RetryMiddleware`, for reqwest-middleware.
//! - `tower`: `tower::RetryLayer`, for services over HTTP.
//! - `serde`: `Config`, by which endpoints come from a file.
//! - `test-util`: for tests: `Scenario`, a policy on made-up time; `Script`, which answers a client without a network;
//!   `Recorder`, which remembers events.
//!
//! None of them changes what is decided.

mod attempt;
#[cfg(feature = "blocking")]
pub mod blocking;
mod budget;
mod call;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "serde")]
mod config;
mod counters;
mod diagnosis;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod drive;
mod endpoint;
mod endpoints;
mod event;
mod host;
mod incident;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "middleware")]
pub mod middleware;
mod now;
mod origin;
mod outcome;
mod policy;
#[cfg(feature = "test-util")]
mod recorder;
mod report;
#[cfg(feature = "endpoints")]
mod router;
#[cfg(not(feature = "endpoints"))]
#[path = "router/none.rs"]
mod router;
#[cfg(feature = "test-util")]
mod scenario;
#[cfg(feature = "tower")]
pub mod tower;

pub use attempt::{Attempt, TooLate};
pub use budget::{Budget, BudgetBuilder, BudgetError};
pub use call::Call;
#[cfg(all(feature = "reqwest", feature = "test-util"))]
pub use client::Script;
#[cfg(feature = "reqwest")]
pub use client::{Client, ClientBuilder, Error, RequestBuilder, error_for_status};
#[cfg(feature = "serde")]
pub use config::{Config, ConfigError};
pub use diagnosis::{Condition, Confidence, Delivery, Diagnosis, Issuer, LookAt};
#[cfg(feature = "reqwest")]
pub use drive::Hook;
#[cfg(any(feature = "reqwest", feature = "tower"))]
pub use drive::random_key;
#[cfg(feature = "endpoints")]
pub use endpoints::Endpoint;
pub use endpoints::{CallBuilder, EndpointSnapshot, Endpoints, EndpointsBuilder, EndpointsError, Overrides, Snapshot};
pub use event::{Event, EventKind, Observer};
pub use incident::Incident;
#[cfg(feature = "tracing")]
pub use log::Tracing;
pub use now::Now;
pub use outcome::{Failure, Outcome};
pub use policy::{
    Backoff, Classify, Decision, Done, Mode, Policy, PolicyBuilder, PolicyError, Repeat, Retry, Rule, Ruling,
    StopReason, WaitSource,
};
#[cfg(feature = "test-util")]
pub use recorder::{RecordedEvent, Recorder};
pub use report::{AttemptReport, Carrier, Report};
#[cfg(feature = "reqwest")]
pub use reqwest;
#[cfg(feature = "test-util")]
pub use scenario::{Scenario, ScenarioMoment, ScenarioStep};
