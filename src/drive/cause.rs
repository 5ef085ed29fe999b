//! From the errors of hyper, h2 and io to the facts of an attempt.

use std::error::Error;
use std::io;

/// Returns whether a connection could not be made for a reason that may pass. Asked of what did not connect only.
pub(crate) fn is_transient(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(
        kind,
        Some(
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::AddrNotAvailable
        )
    ) || is_of_another_call(error)
}

/// Calls over HTTP/2 wait for one connection, which the first of them makes: it came to nothing, or that call was dropped.
/// hyper-util says so in words only.
fn is_of_another_call(error: &(dyn Error + 'static)) -> bool {
    error.to_string() == "request was canceled"
}

/// Closed before the request was written, or refused by an HTTP/2 server (RFC 9113 §8.7). A stream that ends with
/// `GOAWAY(NO_ERROR)` is one above the last id that the server has processed.
pub(crate) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
        return true;
    }
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        let reason = error.reason();
        error.is_remote()
            && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
                || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
    })
}

/// Returns whether an error shows what a server wrote: with a `GOAWAY` of HTTP/2 comes text of its own (RFC 9113 §6.8).
pub(crate) fn shows_server(error: &(dyn Error + 'static)) -> bool {
    chain(error).filter_map(|below| below.downcast_ref::<h2::Error>()).any(|error| {
        let says_more = |reason: h2::Reason| !error.to_string().ends_with(&reason.to_string());
        error.is_go_away() && error.is_remote() && error.reason().is_none_or(says_more)
    })
}

/// Instead of an error that would show it.
pub(crate) const NOT_SHOWN: &str = "not shown: it has a URL, or what a server wrote";

/// The error and all below it.
pub(crate) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = below(error);
        Some(error)
    })
}

/// The source, but of an io error its payload, which [`Error::source`] skips.
fn below<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(payload) => Some(payload),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    #[test]
    fn a_failure_to_connect_that_may_pass_is_told_from_one_that_lasts() {
        for (kind, passes) in [
            (io::ErrorKind::ConnectionRefused, true),
            (io::ErrorKind::ConnectionReset, true),
            (io::ErrorKind::HostUnreachable, true),
            (io::ErrorKind::NetworkUnreachable, true),
            (io::ErrorKind::NetworkDown, true),
            (io::ErrorKind::AddrNotAvailable, true),
            (io::ErrorKind::InvalidData, false), // how a fault of TLS arrives
            (io::ErrorKind::Other, false),
        ] {
            assert_eq!(is_transient(&io::Error::from(kind)), passes, "{kind:?}");
        }
    }

    #[test]
    fn what_is_packed_into_an_io_error_is_below_it() {
        let packed = io::Error::other(io::Error::other(io::Error::from(io::ErrorKind::NetworkDown)));
        assert_eq!(chain(&packed).count(), 3);
        assert!(chain(&packed).any(is_transient));
    }

    /// A connection on which nothing ever happens.
    struct Silent;

    impl hyper::rt::Read for Silent {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: hyper::rt::ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl hyper::rt::Write for Silent {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_connection_that_closes_before_the_request_is_written_has_refused_it() {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(Silent).await.unwrap();
        drop(connection);
        let error = sender.send_request(http::Request::new(String::new())).await.unwrap_err();
        assert!(is_refused(&error), "{error:?}");
    }
}
