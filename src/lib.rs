//! stub
mod budget;
mod call;
mod diagnosis;
mod endpoint;
mod endpoints;
mod event;
#[cfg(feature = "tracing")]
mod log;
mod now;
mod outcome;
mod policy;
mod report;

pub use call::{Attempt, Call, TooLate};
pub use diagnosis::{Condition, Diagnosis};
pub use endpoints::{CallBuilder, Endpoints, EndpointsBuilder};
pub use event::{Event, EventKind, Observer};
#[cfg(feature = "tracing")]
pub use log::Tracing;
pub use now::Now;
pub use outcome::{Failure, Outcome};
pub use policy::{
    Backoff, Decision, Done, Policy, PolicyBuilder, PolicyError, Repeat, Retry, Rule, StopReason, WaitSource,
};
pub use report::{AttemptReport, Report};
#[cfg(feature = "test-util")]
pub use scenario::{Moment, Scenario, Step};
#[cfg(feature = "test-util")]
mod scenario;
#[cfg(feature = "reqwest")]
pub use client::{Client, ClientBuilder, Error, RequestBuilder, error_for_status};
#[cfg(feature = "reqwest")]
pub use reqwest;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(feature = "reqwest")]
mod drive;
