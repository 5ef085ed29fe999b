//! A second copy of a request, at the least cost.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::Body as _;
use reqwest::{Body, Request};

use super::body;

/// Returns whether a request can be sent more than once.
pub(super) fn is_replayable(request: &Request) -> bool {
    request.body().is_none_or(|body| body.as_bytes().is_some())
}

/// Copies a request that [can be replayed](is_replayable). Both share the bytes of the body.
///
/// As [`Request::try_clone`], but for a GET it allocates once, for the URL, and not four times. A timeout is not
/// copied: each attempt sets its own.
pub(super) fn copy(request: &mut Request) -> Request {
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    if !request.headers().is_empty() {
        copy.headers_mut().clone_from(request.headers());
    }
    *copy.version_mut() = request.version();
    if let Some(body) = request.body_mut() {
        let bytes = take(body);
        *body = Body::from(bytes.clone());
        *copy.body_mut() = Some(Body::from(bytes));
    }
    copy
}

/// Makes a form replayable whose parts are all at hand. reqwest makes a stream of every form, and tells its length.
pub(super) fn gather(request: &mut Request) {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(length @ ..=GATHER_LIMIT) = length {
        *request.body_mut() = request.body_mut().take().map(|form| body::gather(form, length));
    }
}

/// Takes the bytes out of a body. Of one that holds them, the first frame is all of them, without a copy.
fn take(body: &mut Body) -> Bytes {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut cx) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Poll::Ready(Some(Err(_)) | None) | Poll::Pending => Bytes::new(), // empty
    }
}

/// Longest form that is copied into one piece. The copy is cheap next to sending it.
const GATHER_LIMIT: u64 = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, Version};

    use super::*;

    #[test]
    fn a_copy_is_the_same_request_and_leaves_the_original_whole() {
        for body in [None, Some(Vec::new()), Some(b"an order".to_vec()), Some(vec![7; 1 << 20])] {
            let mut request = Request::new(Method::PUT, "http://user:word@orders.internal/7?q#f".parse().unwrap());
            request.headers_mut().append("x-one", "1".parse().unwrap());
            request.headers_mut().append("x-one", "2".parse().unwrap());
            *request.version_mut() = Version::HTTP_2;
            *request.timeout_mut() = Some(Duration::from_secs(1));
            *request.body_mut() = body.clone().map(Body::from);
            for copy in [copy(&mut request), copy(&mut request)] {
                for request in [&request, &copy] {
                    assert_eq!((request.method(), request.version()), (&Method::PUT, Version::HTTP_2));
                    assert_eq!(request.url().as_str(), "http://user:word@orders.internal/7?q#f");
                    assert_eq!(request.headers().get_all("x-one").iter().collect::<Vec<_>>(), ["1", "2"]);
                    assert_eq!(request.body().map(|body| body.as_bytes().unwrap().to_vec()), body);
                }
            }
            assert_eq!(request.timeout(), Some(&Duration::from_secs(1)));
        }
    }
}
