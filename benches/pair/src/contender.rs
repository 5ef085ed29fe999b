//! Who calls: three ways to send, each with its defaults, or with what its documentation shows where it has none.

use std::time::Duration;

use forbear::{Budget, Endpoint, Endpoints, StopReason};
use forbear_peers::Fallible;
use http::{Method, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;

use crate::application::CALL;
use crate::traffic::Call;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    NoRetries,
    ReqwestRetry,
    Forbear,
    /// Told to pay every retry: what its budget holds back, and what it costs without one.
    Unlimited,
}

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::NoRetries, Self::ReqwestRetry, Self::Forbear, Self::Unlimited];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoRetries => "no retries",
            Self::ReqwestRetry => "reqwest-retry",
            Self::Forbear => "forbear",
            Self::Unlimited => "forbear, unlimited budget",
        }
    }

    pub(crate) fn client(self) -> Fallible<Client> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        Ok(match self {
            Self::NoRetries => Client::Reqwest(http.retry(reqwest::retry::never().max_retries_per_request(0)).build()?),
            Self::ReqwestRetry => {
                let retries = ExponentialBackoff::builder().build_with_max_retries(3);
                let retries = RetryTransientMiddleware::new_with_policy(retries);
                Client::Middleware(ClientBuilder::new(http.build()?).with(retries).build())
            }
            Self::Forbear => Client::Forbear(forbear::Client::builder(http).build()?),
            Self::Unlimited => {
                let all = Endpoint::new("all").budget(Budget::unlimited());
                let endpoints = Endpoints::builder().endpoint(all).build()?;
                Client::Forbear(forbear::Client::builder(http).endpoints(endpoints).build()?)
            }
        })
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Client {
    Reqwest(reqwest::Client),
    Middleware(ClientWithMiddleware),
    Forbear(forbear::Client),
}

/// Builders of different crates have the same methods, and no trait in common.
macro_rules! send {
    ($client:expr, $url:expr, $call:expr, $number:expr) => {{
        let request = $client.request($call.method.clone(), $url).header(CALL, $number);
        let request = if $call.method == Method::GET { request } else { request.body("one order") };
        let response = request.send().await?;
        let status = response.status();
        response.bytes().await?;
        Ok(status)
    }};
}

impl Client {
    /// Makes a call and reads its response to the end.
    pub(crate) async fn send(&self, url: &str, call: &Call, number: usize) -> Fallible<StatusCode> {
        match self {
            Self::Reqwest(client) => send!(client, url, call, number),
            Self::Middleware(client) => send!(client, url, call, number),
            Self::Forbear(client) => send!(client, url, call, number),
        }
    }

    /// Returns how many calls were lost for a reason, as the client says. The others say nothing.
    pub(crate) fn stopped(&self, reason: StopReason) -> u64 {
        match self {
            Self::Reqwest(_) | Self::Middleware(_) => 0,
            Self::Forbear(client) => client.snapshot().endpoints().iter().map(|it| it.stopped(reason)).sum(),
        }
    }
}

/// Of one attempt. nginx gives up earlier.
const TIMEOUT: Duration = Duration::from_secs(5);
