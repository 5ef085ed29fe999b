//! The body of a failed response: read to its end, so that its connection can be used again, and kept.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt};

use crate::drive::clock;

/// Reads the body of a response to its end within bounds and returns the response as if nobody had.
///
/// What is not read within the bounds is left on the connection, which cannot be used again then.
pub(super) async fn set_aside(response: Response) -> Response {
    if response.content_length().is_some_and(|length| length > DRAIN_LIMIT) {
        return response;
    }
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    let mut kept = Kept { length: body.size_hint(), read: VecDeque::new(), rest: Some(body) };
    // Either it was read in time or it was not: both are fine.
    let _in_time = clock::limited(DRAIN_TIME, kept.fill()).await;
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(with_url.into_parts().0.extensions);
    }
    http::Response::from_parts(parts, reqwest::Body::wrap(kept)).into()
}

/// A body of which the first frames were read already.
struct Kept {
    /// As it was before anything was read: who asks is told what the server said.
    length: SizeHint,
    read: VecDeque<Result<Frame<Bytes>, reqwest::Error>>,
    /// `None` once its end was reached: only then is the connection free.
    rest: Option<reqwest::Body>,
}

impl Kept {
    async fn fill(&mut self) {
        let mut length = 0;
        while length <= DRAIN_LIMIT {
            let Some(rest) = &mut self.rest else { return };
            let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *rest).poll_frame(cx)).await else {
                self.rest = None;
                return;
            };
            length = length.saturating_add(frame.as_ref().map_or(0, data_length));
            self.read.push_back(frame);
        }
    }
}

impl Body for Kept {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let frame = match (self.read.pop_front(), &mut self.rest) {
            (Some(frame), _) => Some(frame),
            (None, Some(rest)) => ready!(Pin::new(rest).poll_frame(cx)),
            (None, None) => None,
        };
        if let Some(Ok(frame)) = &frame {
            self.length = less(&self.length, data_length(frame));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.length
    }
}

fn less(length: &SizeHint, read: u64) -> SizeHint {
    let mut left = SizeHint::new();
    if let Some(upper) = length.upper() {
        left.set_upper(upper.saturating_sub(read));
    }
    left.set_lower(length.lower().saturating_sub(read));
    left
}

fn data_length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX))
}

/// Longest error body read to its end so that the connection can be used again.
const DRAIN_LIMIT: u64 = 64 * 1024;
/// Longest time to spend on that. It is part of the wait before the retry, which is longer.
const DRAIN_TIME: Duration = Duration::from_millis(20);
