//! The middleware, over another that answers.

use async_trait::async_trait;
use forbear::middleware::{BodyWith, RetryMiddleware};
use http::Extensions;
use reqwest::{Body, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};

use crate::books::Books;
use crate::client::Hesitates;
use crate::door::{Answer, Door, Plan, drop_everywhere, plans};
use crate::inside::Inside;
use crate::slow::Slow;

struct Chain {
    client: ClientWithMiddleware,
    inside: Inside,
}

struct Answers(Inside);

#[async_trait]
impl Middleware for Answers {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        Ok(self.0.clone().answer().await.map(Body::wrap).into())
    }
}

impl Door for Chain {
    fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self {
        let inside = Inside::of(plan, answers);
        let mut retries = RetryMiddleware::new(books.endpoints.clone());
        if plan.prepares {
            retries = retries.before_attempt(Hesitates).before_attempt(Hesitates);
        }
        let client = ClientBuilder::new(reqwest::Client::new()).with(retries).with(Answers(inside.clone())).build();
        Self { client, inside }
    }

    fn sent(&self) -> u32 {
        self.inside.sent()
    }

    fn call(&self) -> impl Future<Output = u16> + Send + 'static {
        let mut request = self.client.put("http://orders.internal/7");
        if self.inside.plan.streams {
            request = request.with_extension(BodyWith::new(|| Body::wrap(Slow::of(100))));
        }
        let sending = request.send();
        async move { sending.await.unwrap().status().as_u16() }
    }
}

#[tokio::test(start_paused = true)]
async fn the_middleware_dropped_at_every_poll_leaves_the_books_right() {
    drop_everywhere::<Chain>(plans()).await;
}
