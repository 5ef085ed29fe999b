//! One way to send, whatever the client.

use std::error::Error;

use http::StatusCode;
use reqwest::{Request, Response};
use reqwest_middleware::ClientWithMiddleware;
use tower::{Service, ServiceExt};

use crate::{Fallible, Peer, Plan};

/// A client that can send each of the calls.
pub trait Sends: Clone + Send + Sync + 'static {
    /// Makes a call and reads its response to the end.
    fn send(&self, url: &str, plan: Plan) -> impl Future<Output = Fallible<StatusCode>> + Send;

    /// Returns the size of the future of a call, as its client hands it out.
    fn future_size(&self, url: &str) -> usize;
}

/// Makes a call that ends with 200: a peer that does not retry is called again by hand, with a new request.
///
/// # Errors
///
/// If it ends otherwise.
pub async fn succeed(peer: Peer, client: &impl Sends, url: &str, plan: Plan) -> Fallible<()> {
    let mut status = client.send(url, plan).await?;
    if status == StatusCode::SERVICE_UNAVAILABLE && !peer.retries() {
        status = client.send(url, plan).await?;
    }
    if status == StatusCode::OK {
        Ok(())
    } else {
        Err(format!("{} through {}: {status}", plan.name(), peer.name()).into())
    }
}

/// Builders of different crates have the same methods, and no trait in common.
macro_rules! request {
    ($client:expr, $url:expr, $plan:expr) => {{
        let mut request = $client.request($plan.method(), $url);
        for name in $plan.headers() {
            request = request.header(*name, "value");
        }
        match $plan.body() {
            Some(body) => request.body(body),
            None => request,
        }
    }};
}

macro_rules! sends_by_builder {
    ($client:ty) => {
        impl Sends for $client {
            async fn send(&self, url: &str, plan: Plan) -> Fallible<StatusCode> {
                let response = request!(self, url, plan).send().await?;
                let status = response.status();
                response.bytes().await?;
                Ok(status)
            }

            fn future_size(&self, url: &str) -> usize {
                size_of_val(&self.get(url).send())
            }
        }
    };
}

/// A service over a reqwest client, and that client, which builds its requests.
#[derive(Clone, Debug)]
pub(crate) struct OverReqwest<S> {
    pub(crate) client: reqwest::Client,
    pub(crate) service: S,
}

impl<S> Sends for OverReqwest<S>
where
    S: Service<Request, Response = Response, Error: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn send(&self, url: &str, plan: Plan) -> Fallible<StatusCode> {
        let mut service = self.service.clone();
        let service = service.ready().await.map_err(Into::into)?;
        let sending = service.call(request!(self.client, url, plan).build()?);
        let response = sending.await.map_err(Into::into)?;
        let status = response.status();
        response.bytes().await?;
        Ok(status)
    }

    fn future_size(&self, url: &str) -> usize {
        let request = self.client.get(url).build();
        request.map_or(0, |request| size_of_val(&self.service.clone().call(request)))
    }
}

sends_by_builder!(reqwest::Client);
sends_by_builder!(ClientWithMiddleware);
sends_by_builder!(forbear::Client);
