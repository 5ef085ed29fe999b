//! The future of a call. Its first attempt is polled by hand, where it is, so that a call that succeeds at once allocates
//! nothing here: only what comes after has no name, and is boxed.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::Error;
use crate::attempt::Attempt;
use crate::call::Call;
use crate::drive::clock::Deadline;
use crate::drive::{self, BoxError, Transport};
use crate::policy::Decision;

/// A transport whose attempts have a future with a name.
pub(super) trait Leg: Transport + Send + Sized + 'static {
    type Sending;
    type Response;

    /// Starts to send. The service has to be ready.
    fn start_sending(&mut self, attempt: &Attempt) -> Self::Sending;

    fn poll_sending(&mut self, sending: Pin<&mut Self::Sending>, cx: &mut Context<'_>) -> Poll<Self::Reply>;

    /// Returns what stands for a reply when the time was up.
    fn timed_out() -> Self::Reply;

    /// Makes what the caller gets of the last reply, if there was one.
    fn finish(last: Result<Option<Self::Reply>, BoxError>, call: &mut Call) -> Result<Self::Response, Error>;
}

pin_project! {
    /// A call that has begun.
    pub(super) struct Driving<T, F, R> {
        // `None` once the rest has it, or nothing is left to do.
        first: Option<First<T>>,
        // `None` if it was too late for even one attempt.
        #[pin]
        sending: Option<F>,
        rest: Option<Rest<R>>,
    }
}

/// The first attempt, without what is pinned.
struct First<T> {
    transport: T,
    call: Call,
    deadline: Deadline,
}

type Rest<R> = Pin<Box<dyn Future<Output = Result<R, Error>> + Send>>;

impl<T: Leg> Driving<T, T::Sending, T::Response> {
    /// Begins a call over a service that is ready.
    pub(super) fn begin(mut transport: T, mut call: Call) -> Self {
        let begun = call.begin(call.started()).ok();
        let deadline = Deadline::after(begun.as_ref().and_then(Attempt::timeout));
        let sending = begun.map(|attempt| transport.start_sending(&attempt));
        Self { first: Some(First { transport, call, deadline }), sending, rest: None }
    }
}

impl<T: Leg> Future for Driving<T, T::Sending, T::Response> {
    type Output = Result<T::Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(rest) = this.rest {
            return rest.as_mut().poll(cx);
        }
        #[expect(clippy::panic, reason = "as does every future that an `async` block makes")]
        let Some(First { transport, call, deadline }) = this.first else { panic!("polled after it was ready") };
        let last = match this.sending.as_mut().as_pin_mut() {
            None => None, // it was too late
            Some(sending) => {
                let reply = match transport.poll_sending(sending, cx) {
                    Poll::Ready(reply) => reply,
                    Poll::Pending if deadline.is_over(cx) => T::timed_out(),
                    Poll::Pending => return Poll::Pending,
                };
                let judged =
                    if transport.looks_into(&reply) { None } else { Some(drive::judge(call, transport, &reply)) };
                this.sending.set(None);
                if !matches!(judged, Some(Decision::Done(_))) {
                    let Some(First { transport, call, .. }) = this.first.take() else { unreachable!("it was there") };
                    return this.rest.insert(Box::pin(rest(transport, call, reply, judged))).as_mut().poll(cx);
                }
                Some(reply)
            }
        };
        let finished = T::finish(Ok(last), call);
        *this.first = None;
        Poll::Ready(finished)
    }
}

/// What comes after the first attempt: its body is looked into, if it was not judged yet, and then it is the loop of all
/// doors.
async fn rest<T: Leg>(
    mut transport: T,
    mut call: Call,
    mut reply: T::Reply,
    judged: Option<Decision>,
) -> Result<T::Response, Error> {
    let decision = match judged {
        Some(judged) => judged,
        None => {
            reply = transport.look_into(reply).await;
            drive::judge(&mut call, &transport, &reply)
        }
    };
    let last = match decision {
        Decision::Done(_) => Ok(Some(reply)),
        Decision::Retry(retry) => {
            let last = drive::wait_with(&mut transport, reply, retry.wait()).await;
            drive::drive(&mut call, &mut transport, Some(last)).await
        }
    };
    T::finish(last, &mut call)
}
