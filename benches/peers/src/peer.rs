//! What a user could pick, all with the same settings: two retries of a 503, at once.

use std::time::Duration;

use forbear::middleware::RetryMiddleware;
use forbear::tower::RetryLayer;
use forbear::{Backoff, Client, Condition, Endpoint, Endpoints, Event, Policy, Rule};
use http::StatusCode;
use reqwest_middleware::ClientBuilder;
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryTransientMiddleware};
use tower::Layer;
use tower::retry::{Retry, RetryLayer as TowerLayer};

use crate::sends::OverReqwest;
use crate::{Fallible, Patience, Sends};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// reqwest with its defaults. All others are compared with it.
    Bare,
    /// reqwest, its own retries of refused streams switched off.
    WithoutRetries,
    /// reqwest with a `retry` policy.
    OwnRetry,
    /// reqwest-middleware with nothing in it, which is what any middleware is added to.
    EmptyChain,
    ReqwestRetry,
    TowerRetry,
    Builder,
    /// The same with so many endpoints, one of which is called.
    Endpoints(u16),
    New,
    Middleware,
    Layer,
}

/// What is measured of each peer.
pub trait Measure {
    type Output;

    /// # Errors
    ///
    /// If it cannot be measured.
    fn of(&mut self, client: &impl Sends) -> Fallible<Self::Output>;
}

impl Peer {
    pub const ALL: [Self; 13] = [
        Self::Bare,
        Self::WithoutRetries,
        Self::OwnRetry,
        Self::EmptyChain,
        Self::ReqwestRetry,
        Self::TowerRetry,
        Self::Builder,
        Self::Endpoints(1),
        Self::Endpoints(100),
        Self::Endpoints(1000),
        Self::New,
        Self::Middleware,
        Self::Layer,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "reqwest",
            Self::WithoutRetries => "reqwest, no inner retries",
            Self::OwnRetry => "reqwest's own retry",
            Self::EmptyChain => "reqwest-middleware, empty",
            Self::ReqwestRetry => "reqwest-retry",
            Self::TowerRetry => "tower::retry, TpsBudget",
            Self::Builder => "Client::builder",
            Self::Endpoints(1) => "… with 1 endpoint",
            Self::Endpoints(100) => "… with 100 endpoints",
            Self::Endpoints(_) => "… with 1,000 endpoints",
            Self::New => "Client::new",
            Self::Middleware => "RetryMiddleware",
            Self::Layer => "RetryLayer",
        }
    }

    #[must_use]
    pub const fn retries(self) -> bool {
        !matches!(self, Self::Bare | Self::WithoutRetries | Self::EmptyChain)
    }

    /// Builds the client and measures it.
    ///
    /// # Errors
    ///
    /// If it cannot be built or measured.
    pub fn measure<M: Measure>(self, measure: &mut M) -> Fallible<M::Output> {
        let http = || reqwest::Client::builder().no_proxy();
        match self {
            Self::Bare => measure.of(&http().build()?),
            Self::WithoutRetries => {
                measure.of(&http().retry(reqwest::retry::never().max_retries_per_request(0)).build()?)
            }
            Self::OwnRetry => measure.of(&http().retry(own_retry()).build()?),
            Self::EmptyChain => measure.of(&ClientBuilder::new(http().build()?).build()),
            Self::ReqwestRetry => measure.of(&ClientBuilder::new(http().build()?).with(reqwest_retry()).build()),
            Self::TowerRetry => {
                let client = http().build()?;
                let service: Retry<Patience, _> = TowerLayer::new(Patience::default()).layer(client.clone());
                measure.of(&OverReqwest { client, service })
            }
            Self::Builder => measure.of(&Client::builder(http()).endpoints(silent_endpoints(0)?).build()?),
            Self::Endpoints(number) => {
                measure.of(&Client::builder(http()).endpoints(silent_endpoints(number)?).build()?)
            }
            Self::New => measure.of(&Client::with_endpoints(http().build()?, silent_endpoints(0)?)),
            Self::Middleware => {
                let chain = ClientBuilder::new(http().build()?);
                measure.of(&chain.with(RetryMiddleware::new(silent_endpoints(0)?)).build())
            }
            Self::Layer => {
                let client = http().build()?;
                let service = RetryLayer::new(silent_endpoints(0)?).layer(client.clone());
                measure.of(&OverReqwest { client, service })
            }
        }
    }
}

/// Returns so many endpoints under a fallback, whose events nobody hears.
///
/// # Errors
///
/// Never, for they are right.
pub fn silent_endpoints(number: u16) -> Fallible<Endpoints> {
    let policy = forbear_policy()?;
    let builder = Endpoints::builder().fallback(policy.clone()).observer(|_: &Event<'_>| {});
    let endpoint = |number: u16| {
        Endpoint::new(format!("v{number}")).path(format!("/v{number}/{{kind}}/{{id}}")).policy(policy.clone())
    };
    Ok((0..number).fold(builder, |builder, number| builder.endpoint(endpoint(number))).build()?)
}

/// Returns a policy that repeats at once. Its budget is the usual one: retries that work are free.
///
/// # Errors
///
/// Never, for it is right.
pub fn forbear_policy() -> Fallible<Policy> {
    let at_once = Rule::new(2, Backoff::constant(Duration::ZERO));
    Ok(Policy::builder().rule(Condition::Unavailable, at_once).build()?)
}

#[must_use]
pub fn reqwest_retry() -> RetryTransientMiddleware<ExponentialBackoff> {
    let at_once = ExponentialBackoff::builder().retry_bounds(Duration::ZERO, Duration::ZERO).jitter(Jitter::None);
    RetryTransientMiddleware::new_with_policy(at_once.build_with_max_retries(2))
}

fn own_retry() -> reqwest::retry::Builder {
    // As many retries as tower's budget has here.
    reqwest::retry::for_host("127.0.0.1").max_extra_load(1000.0).classify_fn(|seen| {
        if seen.status() == Some(StatusCode::SERVICE_UNAVAILABLE) { seen.retryable() } else { seen.success() }
    })
}
