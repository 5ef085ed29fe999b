//! Bodies that are read ahead and yet arrive whole.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt};
use tokio::time::Sleep;

use crate::drive::clock;

/// Reads the body of a response to its end within bounds and returns the response as if nobody had.
///
/// What is not read within the bounds is left on the connection, which cannot be used again then.
pub(super) async fn set_aside(response: Response) -> Response {
    if response.content_length().is_some_and(|length| length > READ_AHEAD_LIMIT) {
        return response;
    }
    let (parts, body) = take_apart(response);
    let mut kept = Kept::new(body);
    // Either it was read in time or it was not: both are fine.
    clock::limited(Some(READ_AHEAD_TIME), pin!(kept.read_ahead(READ_AHEAD_LIMIT, MOST_FRAMES)), || ()).await;
    http::Response::from_parts(parts, reqwest::Body::wrap(kept)).into()
}

/// Returns whether the body of a response may tell more of it: a 429 or a status of `from` on, whose length says that it
/// is small.
pub(super) fn may_tell(response: &Response, from: u16) -> bool {
    let status = response.status();
    (status.as_u16() >= from || status == StatusCode::TOO_MANY_REQUESTS)
        && matches!(response.content_length(), Some(1..=LOOK_LIMIT))
}

/// Returns a response as if nobody had looked, and what was there of its body.
pub(super) async fn look_into(response: Response) -> (Response, Bytes) {
    let (parts, body) = take_apart(response);
    let mut kept = Kept::new(body);
    clock::limited(Some(LOOK_TIME), pin!(kept.read_ahead(LOOK_LIMIT, MOST_FRAMES)), || ()).await;
    let seen = kept.seen();
    (http::Response::from_parts(parts, reqwest::Body::wrap(kept)).into(), seen)
}

/// Limits the time in which the body of a response may be read, as reqwest does for a request with a timeout.
pub(super) fn limit(response: Response, left: Duration) -> Response {
    let (parts, body) = take_apart(response);
    let limited = Limited { body, deadline: Box::pin(clock::sleep(left)) };
    http::Response::from_parts(parts, reqwest::Body::wrap(limited)).into()
}

/// Reads a body to its end, if all of its `length` is at hand; otherwise the body is as it was.
pub(super) fn gather(body: reqwest::Body, length: u64) -> reqwest::Body {
    let mut kept = Kept::new(body);
    // Polled once, with nobody to wake: what has to be waited for is not at hand.
    let _at_hand = pin!(kept.read_ahead(length, usize::MAX)).poll(&mut Context::from_waker(Waker::noop()));
    kept.into_bytes(length).map_or_else(reqwest::Body::wrap, reqwest::Body::from)
}

/// The parts keep the URL for the response that is made of them again.
fn take_apart(response: Response) -> (http::response::Parts, reqwest::Body) {
    let url = response.url().clone();
    let (mut parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(with_url.into_parts().0.extensions);
    }
    (parts, body)
}

/// A body that fails when its time is up.
struct Limited {
    body: reqwest::Body,
    deadline: Pin<Box<Sleep>>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
    fn new(body: reqwest::Body) -> Self {
        Self { length: body.size_hint(), read: VecDeque::new(), rest: Some(body) }
    }

    /// Reads until the end, the first error, more than `limit` bytes, or as many as `frames`.
    async fn read_ahead(&mut self, limit: u64, frames: usize) {
        let mut length = 0;
        while length <= limit && self.read.len() < frames {
            let Some(rest) = &mut self.rest else { return };
            let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *rest).poll_frame(cx)).await else {
                self.rest = None;
                return;
            };
            let broken = frame.is_err();
            length = length.saturating_add(frame.as_ref().map_or(0, data_length));
            self.read.push_back(frame);
            if broken {
                return; // a stream that was reset says so for ever
            }
        }
    }

    /// Returns a copy of the bytes that were read: of one frame, which is usual, without copying them.
    fn seen(&self) -> Bytes {
        let mut data = self.read.iter().flatten().filter_map(Frame::data_ref);
        match (data.next(), data.next()) {
            (None, _) => Bytes::new(),
            (Some(only), None) => only.clone(),
            (Some(_), Some(_)) => concatenated(self.read.iter().flatten().filter_map(Frame::data_ref)),
        }
    }

    /// Returns all bytes, if it was read to its end and is nothing but data of this length.
    fn into_bytes(self, length: u64) -> Result<Bytes, Self> {
        let read = self.read.iter().flatten().map(data_length).fold(0, u64::saturating_add);
        if read != length
            || self.rest.is_some()
            || !self.read.iter().all(|frame| frame.as_ref().is_ok_and(Frame::is_data))
        {
            return Err(self);
        }
        Ok(concatenated(self.read.iter().flatten().filter_map(Frame::data_ref)))
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

    /// Never says so ahead of time: of a body that is shorter than its `Content-Length`, hyper then would not notice it.
    fn is_end_stream(&self) -> bool {
        false
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

fn concatenated<'d>(data: impl Iterator<Item = &'d Bytes>) -> Bytes {
    let mut all = BytesMut::new();
    data.for_each(|data| all.extend_from_slice(data));
    all.freeze()
}

fn data_length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX))
}

/// Longest body that is looked at for what tells its issuer: their pages are smaller.
const LOOK_LIMIT: u64 = 4 * 1024;
/// Longest time that a caller waits for that. What has a length and is small comes with the head.
const LOOK_TIME: Duration = Duration::from_millis(50);
/// Longest error body read to its end so that the connection can be used again.
const READ_AHEAD_LIMIT: u64 = 64 * 1024;
/// Longest time to spend on that. It counts as a part of the wait before the retry.
const READ_AHEAD_TIME: Duration = Duration::from_millis(20);
/// Most frames read for either: each takes memory and time, however few bytes it has.
const MOST_FRAMES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Has an empty frame at hand whenever it is asked, and says so if that is too often.
    struct Empty(usize);

    impl Body for Empty {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            self.0 += 1;
            assert!(self.0 <= 1024, "read for ever");
            Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
        }
    }

    #[test]
    fn a_body_of_empty_frames_is_not_read_for_ever() {
        let mut kept = Kept::new(reqwest::Body::wrap(Empty(0)));
        let read = pin!(kept.read_ahead(LOOK_LIMIT, MOST_FRAMES)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(read.is_ready() && kept.read.len() == 1024 && kept.rest.is_some());
    }

    #[test]
    fn what_was_read_before_counts_until_it_is_read_again() {
        let read = ["hello", "you"].map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes()))));
        let mut kept = Kept { length: SizeHint::with_exact(8), read: read.into(), rest: None };
        let mut cx = Context::from_waker(Waker::noop());
        for (left, ends) in [(8, false), (3, false), (0, true)] {
            assert_eq!((kept.size_hint().exact(), kept.is_end_stream()), (Some(left), false), "{left} bytes left");
            assert!(matches!(Pin::new(&mut kept).poll_frame(&mut cx), Poll::Ready(frame) if frame.is_none() == ends));
        }
    }

    #[test]
    fn a_body_is_gathered_if_it_has_the_length_it_says() {
        for (length, says, gathered) in [(0, 0, true), (99, 99, true), (99, 100, false), (101, 100, false)] {
            let body = gather(reqwest::Body::wrap("x".repeat(length)), says);
            assert_eq!(body.as_bytes().map(<[u8]>::len), gathered.then_some(length), "{length} bytes of {says}");
        }
    }
}
