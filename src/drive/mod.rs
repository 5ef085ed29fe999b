//! The loop: attempt, outcome, decision, wait, until the call is done.

mod accept;
pub(crate) mod cause;
pub(crate) mod clock;
mod door;
#[cfg(feature = "reqwest")]
mod hook;
mod key;

use std::error::Error;
#[cfg(feature = "blocking")]
use std::pin::pin;
#[cfg(feature = "blocking")]
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

pub(crate) use accept::asks_for_json;
use clock::Running;
pub(crate) use door::{Door, Head};
#[cfg(feature = "reqwest")]
pub use hook::Hook;
#[cfg(feature = "reqwest")]
pub(crate) use hook::Hooks;
pub(crate) use key::Keys;
pub use key::random_key;

use http::{HeaderMap, StatusCode};

use crate::attempt::Attempt;
use crate::call::Call;
use crate::outcome::Outcome;
use crate::policy::Decision;

/// An error of the user's own, or of a service below.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What came of preparing an attempt.
pub(crate) enum Prepared {
    Done,
    /// It took longer than the attempt may still start.
    TooLate,
    /// A hook failed, which ends the call.
    Failed(BoxError),
    /// The service below will never be ready again.
    NotReady(BoxError),
}

impl From<Result<(), BoxError>> for Prepared {
    fn from(result: Result<(), BoxError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) => Self::Failed(error),
        }
    }
}

/// What a loop needs of an HTTP client.
pub(crate) trait Transport {
    /// A response, or how it failed.
    type Reply: Send;

    /// Returns whether there is anything to prepare.
    fn needs_preparing(&self) -> bool;

    /// Prepares the attempt that is upcoming.
    fn prepare(&mut self, upcoming: &Attempt) -> impl Future<Output = Prepared> + Send;

    /// Sends the request once, and cuts it off after the attempt's timeout.
    fn send(&mut self, attempt: &Attempt) -> impl Future<Output = Self::Reply> + Send;

    /// Returns whether the request, of which all is known that the attempt could tell, can be sent again.
    fn is_replayable(&self) -> bool {
        true
    }

    /// Returns whether to look into the reply, which is the last one that came.
    fn looks_into(&mut self, reply: &Self::Reply) -> bool;

    /// Looks into a reply for what tells more of it. Not a part of the attempt's time: its head is there.
    fn look_into(&mut self, reply: Self::Reply) -> impl Future<Output = Self::Reply> + Send;

    /// Returns the facts of a reply that has just come.
    fn outcome<'r>(&'r self, reply: &'r Self::Reply) -> Outcome<'r>;

    /// Keeps a reply for the case that the retry which was to replace it cannot start, at the least cost for others.
    fn set_aside(&mut self, reply: Self::Reply) -> impl Future<Output = Self::Reply> + Send;

    /// Waits until `wait` has passed since `since`.
    fn wait(&mut self, since: Running, wait: Duration) -> impl Future<Output = ()> + Send {
        clock::wait(since, wait)
    }
}

/// Decides what is done about a reply that has just come.
pub(crate) fn judge<T: Transport>(call: &mut Call, transport: &T, reply: &T::Reply) -> Decision {
    if !transport.is_replayable() {
        call.set_replayable(false);
    }
    call.on_outcome(&transport.outcome(reply), clock::now())
}

/// Drives a call to its end and returns the last reply, or `None` if it was too late for even one attempt. It goes on after
/// an attempt that was made before if that left a reply, which was waited with.
///
/// Dropping this future sends nothing more.
///
/// # Errors
///
/// What a hook failed with, or why the service is not ready, if no reply is left to hand back. In both cases the call has not
/// ended: whoever drops it gives back what was not sent.
pub(crate) async fn drive<T: Transport>(
    call: &mut Call,
    transport: &mut T,
    mut last: Option<Box<T::Reply>>,
) -> Result<Option<T::Reply>, BoxError> {
    // What is seldom needed is boxed: a call in flight is as large as the largest of its states.
    let mut now = if last.is_none() { call.started() } else { clock::now() };
    // No retry is decided after `max_attempts`, and without one `begin` refuses: this ends.
    loop {
        if transport.needs_preparing() {
            if let Ok(upcoming) = call.upcoming(now) {
                let prepared = Box::pin(transport.prepare(&upcoming)).await;
                clock::notice_suspension();
                now = clock::now();
                match prepared {
                    Prepared::Done => {}
                    Prepared::TooLate => call.refuse(now),
                    Prepared::Failed(error) => return Err(error),
                    Prepared::NotReady(error) => return last.map(|last| Some(*last)).ok_or(error),
                }
            }
        }
        let Ok(attempt) = call.begin(now) else { return Ok(last.map(|last| *last)) };
        drop(last.take()); // its connection is not held through the next attempt
        // Without the scope, and without `sent`, the future would have room for a reply while an attempt is sent: 128 bytes.
        let waiting = {
            let sent = transport.send(&attempt).await;
            let mut reply = sent;
            if transport.looks_into(&reply) {
                reply = Box::pin(transport.look_into(reply)).await;
            }
            match judge(call, transport, &reply) {
                Decision::Done(_) => return Ok(Some(reply)),
                Decision::Retry(retry) => Box::pin(wait_with(transport, reply, retry.wait())),
            }
        };
        last = Some(waiting.await);
        now = clock::now();
    }
}

/// Sets a reply aside and waits. The one is a part of the other.
pub(crate) async fn wait_with<T: Transport>(transport: &mut T, reply: T::Reply, wait: Duration) -> Box<T::Reply> {
    let since = clock::running();
    let reply = Box::new(transport.set_aside(reply).await);
    transport.wait(since, wait).await;
    reply
}

/// Returns the outcome of a response that has just come. The wall clock is read only where a date may have to be compared.
pub(crate) fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome<'_> {
    let received_at = if status.as_u16() < 400 { SystemTime::UNIX_EPOCH } else { clock::wall() };
    Outcome::response(status, headers, received_at)
}

/// Drives a call over a transport that blocks, and so is never pending.
#[cfg(feature = "blocking")]
pub(crate) fn block_on<F: Future>(driving: F) -> F::Output {
    match pin!(driving).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a transport that blocks waits for nobody to wake it"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    use http::{HeaderValue, Method, Uri, header::RETRY_AFTER};
    use tokio::time::Instant;

    use super::*;
    use crate::endpoints::Endpoints;
    use crate::event::{Event, EventKind};
    use crate::outcome::Failure;
    use crate::policy::{Policy, StopReason};
    use crate::report::Report;

    const S: Duration = Duration::from_secs(1);

    /// Answers each attempt as written, over paused time.
    struct Script {
        started: Instant,
        replies: VecDeque<(Duration, Reply)>,
        sent_at: Vec<Duration>,
        /// How long it takes to set a reply aside.
        setting_aside: Duration,
        /// How long a hook takes, if there is one.
        preparing: Duration,
        prepared: Vec<Attempt>,
    }

    #[derive(Clone, Debug, PartialEq)]
    enum Reply {
        Response(StatusCode, HeaderMap),
        Failure(Failure),
    }

    impl Script {
        #[expect(clippy::disallowed_methods, reason = "paused time")]
        fn new(replies: impl IntoIterator<Item = (Duration, Reply)>) -> Self {
            let replies = replies.into_iter().collect();
            Self {
                started: Instant::now(),
                replies,
                sent_at: Vec::new(),
                setting_aside: Duration::ZERO,
                preparing: Duration::ZERO,
                prepared: Vec::new(),
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "paused time")]
    impl Transport for Script {
        type Reply = Reply;

        fn needs_preparing(&self) -> bool {
            !self.preparing.is_zero()
        }

        async fn prepare(&mut self, upcoming: &Attempt) -> Prepared {
            self.prepared.push(upcoming.clone());
            let preparing = pin!(async {
                tokio::time::sleep(self.preparing).await;
                Prepared::Done
            });
            clock::limited(upcoming.time_to_start(), preparing, || Prepared::TooLate).await
        }

        async fn send(&mut self, attempt: &Attempt) -> Reply {
            self.sent_at.push(self.started.elapsed());
            let (after, reply) = self.replies.pop_front().expect("no more attempts than replies");
            let sending = pin!(async {
                tokio::time::sleep(after).await;
                reply
            });
            clock::limited(attempt.timeout(), sending, || Reply::Failure(Failure::Timeout)).await
        }

        fn looks_into(&mut self, _: &Reply) -> bool {
            false
        }

        async fn look_into(&mut self, reply: Reply) -> Reply {
            reply
        }

        fn outcome<'r>(&'r self, reply: &'r Reply) -> Outcome<'r> {
            match reply {
                Reply::Response(status, headers) => outcome(*status, headers),
                Reply::Failure(failure) => Outcome::failure(*failure),
            }
        }

        async fn set_aside(&mut self, reply: Reply) -> Reply {
            tokio::time::sleep(self.setting_aside).await;
            reply
        }
    }

    fn status(status: u16) -> Reply {
        Reply::Response(StatusCode::from_u16(status).unwrap(), HeaderMap::new())
    }

    fn asks_for(seconds: u32) -> Reply {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from(seconds))]);
        Reply::Response(StatusCode::SERVICE_UNAVAILABLE, headers)
    }

    fn endpoints(policy: Policy) -> Endpoints {
        Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {}).build().unwrap()
    }

    fn call(endpoints: &Endpoints) -> Call {
        let uri = Uri::from_static("http://orders.internal");
        endpoints.call(&Method::GET, &uri).replayable(true).start(clock::now(), clock::seed())
    }

    async fn driven(policy: Policy, script: &mut Script) -> (Option<Reply>, Option<Report>) {
        let mut call = call(&endpoints(policy));
        (drive(&mut call, script, None).await.unwrap(), call.into_report())
    }

    /// Spends all that is left and counts the retries that it paid for.
    fn credit_left(endpoints: &Endpoints) -> usize {
        let refused = Outcome::failure(Failure::Connect);
        let mut calls = Vec::new();
        loop {
            let mut call = call(endpoints);
            let _first = call.begin(clock::now());
            match call.on_outcome(&refused, clock::now()) {
                Decision::Retry(_) => calls.push(call),
                Decision::Done(_) => return calls.len(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_is_slept_in_full_and_not_much_longer() {
        let mut script = Script::new([(S, asks_for(10)), (S, status(502)), (S, status(200))]);
        let (reply, report) = driven(Policy::default(), &mut script).await;
        assert_eq!(reply, Some(status(200)));
        let report = report.unwrap();
        let waits: Vec<Duration> = report.attempts().iter().filter_map(|attempt| attempt.wait()).collect();
        let expected = [Duration::ZERO, S + waits[0], S + waits[0] + S + waits[1]];
        assert_eq!(script.sent_at.len(), 3);
        for (sent_at, expected) in script.sent_at.iter().zip(expected) {
            let late = sent_at.checked_sub(expected).expect("not early");
            assert!(late <= Duration::from_millis(4), "sent at {sent_at:?}, expected {expected:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_of_zero_is_none() {
        let mut script =
            Script::new([(Duration::ZERO, Reply::Failure(Failure::StreamRefused)), (Duration::ZERO, status(200))]);
        assert_eq!(driven(Policy::default(), &mut script).await.0, Some(status(200)));
        assert_eq!(script.sent_at, [Duration::ZERO; 2]);
    }

    /// A tick of the timer is a millisecond; here there is no timer to ask.
    #[test]
    fn a_wait_that_is_over_is_ready_on_a_runtime_without_a_timer() {
        let mut waiting = pin!(clock::wait(clock::running(), Duration::ZERO));
        assert_eq!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_before_the_wait_is_part_of_it() {
        let mut script = Script::new([(Duration::ZERO, asks_for(10)), (Duration::ZERO, status(200))]);
        script.setting_aside = 9 * S;
        driven(Policy::default(), &mut script).await.0.unwrap();
        assert!(script.sent_at[1] < 16 * S, "{:?}", script.sent_at);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_cut_off_at_its_timeout_and_another_follows() {
        let policy = Policy::builder().attempt_timeout(3 * S).build().unwrap();
        let mut script = Script::new([(60 * S, status(200)), (2 * S, status(200))]);
        let (reply, report) = driven(policy, &mut script).await;
        assert_eq!(reply, Some(status(200)));
        let report = report.unwrap();
        assert_eq!(report.attempts()[0].condition(), Some(crate::diagnosis::Condition::Timeout));
        assert!((3 * S..4 * S).contains(&report.attempts()[0].elapsed()), "{report}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_takes_too_long_lets_no_attempt_start_late() {
        let policy = || Policy::builder().max_elapsed(20 * S);
        let mut script = Script::new([(S, asks_for(10)), (S, status(200))]);
        script.preparing = 9 * S; // 9 s, an attempt, 10 s to 15 s of waiting, 9 s
        let (reply, report) = driven(policy().max_elapsed(19 * S).build().unwrap(), &mut script).await;
        assert_eq!((reply, script.sent_at.len()), (Some(asks_for(10)), 1));
        assert_eq!(report.unwrap().reason(), Some(StopReason::NoTimeLeft));
        let numbers: Vec<_> = script.prepared.iter().map(|it| (it.number(), it.retry().is_some())).collect();
        assert_eq!(numbers, [(1, false), (2, true)]);
        assert!(script.started.elapsed() < 30 * S, "and nothing is waited for any longer than it could start");

        let mut script = Script::new([(S, status(200))]);
        script.preparing = 60 * S;
        let (reply, report) = driven(policy().timeout(5 * S).build().unwrap(), &mut script).await;
        assert_eq!((reply, script.sent_at.len()), (None, 0), "cut off, and too late for the first");
        assert!(report.is_none() && script.started.elapsed() < 6 * S);
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_is_cut_off_at_its_timeout() {
        let policy = Policy::builder().timeout(5 * S).build().unwrap();
        let mut script = Script::new([(2 * S, status(503)), (60 * S, status(200))]);
        let (reply, report) = driven(policy, &mut script).await;
        assert_eq!(reply, Some(Reply::Failure(Failure::Timeout)));
        let report = report.unwrap();
        assert_eq!(report.reason(), Some(StopReason::NoTimeLeft));
        assert!((5 * S..6 * S).contains(&report.elapsed()), "{report}");
    }

    /// Never connects, and counts the replies that are held when an attempt is sent.
    #[derive(Default)]
    struct Holder {
        replies: Arc<()>,
        held: Vec<usize>,
    }

    impl Transport for Holder {
        type Reply = Arc<()>;

        fn needs_preparing(&self) -> bool {
            false
        }

        async fn prepare(&mut self, _: &Attempt) -> Prepared {
            Prepared::Done
        }

        async fn send(&mut self, _: &Attempt) -> Arc<()> {
            self.held.push(Arc::strong_count(&self.replies) - 1);
            Arc::clone(&self.replies)
        }

        fn looks_into(&mut self, _: &Arc<()>) -> bool {
            false
        }

        async fn look_into(&mut self, reply: Arc<()>) -> Arc<()> {
            reply
        }

        fn outcome<'r>(&'r self, _: &'r Arc<()>) -> Outcome<'r> {
            Outcome::failure(Failure::Connect)
        }

        async fn set_aside(&mut self, reply: Arc<()>) -> Arc<()> {
            reply
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_reply_is_held_through_the_next_attempt() {
        let mut holder = Holder::default();
        drive(&mut call(&endpoints(Policy::default())), &mut holder, None).await.unwrap().unwrap();
        assert_eq!(holder.held, [0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_that_wakes_too_late_is_not_sent_and_the_response_is_handed_back() {
        let endpoints = endpoints(Policy::default());
        let mut call = call(&endpoints);
        let mut script = Script::new([(Duration::ZERO, asks_for(2))]);
        script.setting_aside = 61 * S; // as a suspended machine would
        assert_eq!(drive(&mut call, &mut script, None).await.unwrap(), Some(asks_for(2)));
        assert_eq!(call.report().unwrap().reason(), Some(StopReason::NoTimeLeft));
        assert_eq!(script.sent_at.len(), 1);
        assert_eq!(credit_left(&endpoints), 4, "what was not sent is not paid for");
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_drop_at_any_await_nothing_more_is_sent_and_the_credit_is_right() {
        // seconds until the drop, attempts sent, credit left; dropped while it sends, sets aside, waits, sends again
        for (seconds, sent, credit) in [(0, 1, 4), (2, 1, 4), (4, 1, 4), (30, 2, 3)] {
            let said = Arc::new(Mutex::new(Vec::new()));
            let listener = Arc::clone(&said);
            let observer = move |event: &Event<'_>| listener.lock().unwrap().push(event.kind());
            let endpoints = Endpoints::builder().observer(observer).build().unwrap();
            let mut script = Script::new([(S, asks_for(10)), (60 * S, status(200))]);
            script.setting_aside = 2 * S;
            {
                let mut call = call(&endpoints);
                let mut driving = pin!(drive(&mut call, &mut script, None));
                let mut cx = Context::from_waker(Waker::noop());
                for _ in 0..=seconds {
                    assert!(driving.as_mut().poll(&mut cx).is_pending());
                    tokio::time::advance(S).await;
                }
            }
            assert_eq!(said.lock().unwrap().last(), Some(&EventKind::Abandoned), "dropped after {seconds} s");
            assert_eq!(script.sent_at.len(), sent, "dropped after {seconds} s");
            assert_eq!(credit_left(&endpoints), credit, "dropped after {seconds} s");
        }
    }
}
