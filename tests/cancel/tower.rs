//! The layer, over a service that is seldom ready.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use forbear::tower::RetryLayer;
use http::{Request, Response};
use tower::{Layer, Service, ServiceExt};

use crate::books::Books;
use crate::door::{Answer, Door, Plan, drop_everywhere, plans};
use crate::inside::Inside;
use crate::slow::Slow;

#[derive(Clone)]
struct Answers {
    inside: Inside,
    /// How often it is still to be asked until it is ready.
    unready: u32,
}

impl Answers {
    fn of(inside: &Inside) -> Self {
        Self { inside: inside.clone(), unready: if inside.plan.prepares { 2 } else { 0 } }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let Some(unready) = self.unready.checked_sub(1) else { return Poll::Ready(Ok(())) };
        self.unready = unready;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn answer(&mut self) -> impl Future<Output = Response<Slow>> + Send + use<> {
        assert_eq!(self.unready, 0, "called before it was ready");
        *self = Self::of(&self.inside);
        self.inside.clone().answer()
    }
}

impl Service<Request<()>> for Answers {
    type Response = Response<Slow>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Slow>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.poll_ready(cx)
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let answering = self.answer();
        Box::pin(async { Ok(answering.await) })
    }
}

struct OverHttp {
    layer: RetryLayer,
    inside: Inside,
}

impl Door for OverHttp {
    fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self {
        Self { layer: RetryLayer::new(books.endpoints.clone()), inside: Inside::of(plan, answers) }
    }

    fn sent(&self) -> u32 {
        self.inside.sent()
    }

    fn call(&self) -> impl Future<Output = u16> + Send + 'static {
        let request = Request::put("http://orders.internal/7").body(()).unwrap();
        let calling = self.layer.layer(Answers::of(&self.inside)).oneshot(request);
        async move { calling.await.unwrap().status().as_u16() }
    }
}

#[tokio::test(start_paused = true)]
async fn the_layer_over_http_dropped_at_every_poll_leaves_the_books_right() {
    drop_everywhere::<OverHttp>(plans()).await;
}

#[cfg(feature = "reqwest")]
mod over_reqwest {
    use reqwest::{Body, Method, Request, Response};

    use super::*;

    impl Service<Request> for Answers {
        type Response = Response;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.poll_ready(cx)
        }

        fn call(&mut self, _: Request) -> Self::Future {
            let answering = self.answer();
            Box::pin(async { Ok(answering.await.map(Body::wrap).into()) })
        }
    }

    struct OverReqwest(OverHttp);

    impl Door for OverReqwest {
        fn open(books: &Books, plan: Plan, answers: Vec<Answer>) -> Self {
            Self(OverHttp::open(books, plan, answers))
        }

        fn sent(&self) -> u32 {
            self.0.sent()
        }

        fn call(&self) -> impl Future<Output = u16> + Send + 'static {
            let request = Request::new(Method::PUT, "http://orders.internal/7".parse().unwrap());
            let calling = self.0.layer.layer(Answers::of(&self.0.inside)).oneshot(request);
            async move { calling.await.unwrap().status().as_u16() }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_layer_over_reqwest_dropped_at_every_poll_leaves_the_books_right() {
        drop_everywhere::<OverReqwest>(plans()).await;
    }
}
