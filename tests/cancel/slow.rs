//! A body that comes slowly.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// A body of two frames that is pending before each of them and before its end.
pub(crate) struct Slow {
    frames: VecDeque<Bytes>,
    was_pending: bool,
    /// Counts that somebody has begun to read it.
    begun: Option<Arc<AtomicU32>>,
}

impl Slow {
    pub(crate) fn of(bytes: usize) -> Self {
        let halves = [bytes / 2, bytes - bytes / 2].map(|half| Bytes::from(vec![b'x'; half]));
        let frames = halves.into_iter().filter(|half| !half.is_empty()).collect();
        Self { frames, was_pending: false, begun: None }
    }

    pub(crate) fn counted(self, begun: &Arc<AtomicU32>) -> Self {
        Self { begun: Some(Arc::clone(begun)), ..self }
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(begun) = self.begun.take() {
            begun.fetch_add(1, Ordering::Relaxed);
        }
        self.was_pending = !self.was_pending;
        if self.was_pending {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.frames.pop_front().map(|frame| Ok(Frame::data(frame))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.frames.iter().map(|frame| u64::try_from(frame.len()).unwrap()).sum())
    }
}
