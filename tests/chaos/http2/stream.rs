//! One request over HTTP/2.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response};
use tokio::task::yield_now;

use super::frame::{REFUSED_STREAM, early_hints, garbage};
use super::{Doom, Shared};
use crate::answer::{Answer, Framing};
use crate::clock;
use crate::fault::{Act, LastId};
use crate::log::Sighting;
use crate::plan::{Body, Plan, Step, call_in};
use crate::server::STALL;

/// Serves it.
pub(super) async fn serve(
    shared: Rc<Shared>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Option<()> {
    let call = call_in(request.uri().path_and_query()?.as_str())?;
    let plan = Plan::of(shared.state.seed, call);
    let id = respond.stream_id().as_u32();
    let (index, Step { act, answer }) = shared.state.log.borrow_mut().begin(&plan);
    shared.streams.borrow_mut().push((id, index));
    shared.note(index, |sighting| sighting.foretold = shared.foretold);
    read(&shared, &plan, index, request).await?;
    let nth = shared.note(index, |sighting| {
        promise(sighting, act, answer);
        sighting.act();
        sighting.nth
    });
    let body = answer.body(&plan.method, call, nth);
    let head = head(&plan, nth, act, answer, body.len());
    let part = Bytes::copy_from_slice(&body[..body.len() / 2]);
    match act {
        Act::NoAnswer { reset: resets } => return shared.end(Doom::Ends { resets }).await,
        Act::Garbage(number) => return shared.end(Doom::Writes(garbage(number, id))).await,
        Act::Rst { code, headers } => {
            *shared.state.log.borrow_mut().resets.entry(code).or_default() += 1;
            if headers {
                begin(&mut respond, head, part).await?.send_reset(Reason::from(code));
            } else {
                respond.send_reset(Reason::from(code));
            }
            return Some(());
        }
        Act::GoAway { code, last, headers } => {
            *shared.state.log.borrow_mut().leaves.entry(code).or_default() += 1;
            // A stream that is dropped is reset.
            let _held = if headers { Some(begin(&mut respond, head, part).await?) } else { None };
            let last = match last {
                LastId::Below => id.saturating_sub(2),
                LastId::Same => id,
                LastId::Above => id + 100,
            };
            return shared.end(Doom::GoAway { last, code }).await;
        }
        Act::Stall { at } => {
            if at % 2 == 0 {
                clock::sleep(STALL).await;
                respond.send_reset(Reason::CANCEL);
            } else {
                let mut sending = begin(&mut respond, head, part).await?;
                clock::sleep(STALL).await;
                sending.send_reset(Reason::INTERNAL_ERROR);
            }
            return Some(());
        }
        Act::CutResponse { at, reset } => shared.left.set(Some((at % (140 + body.len()), reset))),
        Act::EarlyHints => shared.write(&early_hints(id)),
        Act::Drain => {
            shared.dooms.send(Doom::Drains).ok()?;
            flushed().await;
        }
        Act::Plain | Act::Trickle | Act::BadLength(_) | Act::ClosesIdle { .. } => {}
        Act::CutRequest { .. }
        | Act::Short
        | Act::Long
        | Act::BadChunk(_)
        | Act::BadHead(_)
        | Act::Continue
        | Act::Unsolicited
        | Act::Early => unreachable!("of HTTP/1.1"),
    }
    if body.is_empty() && !matches!(act, Act::BadLength(_)) {
        respond.send_response(head, true).ok()?;
    } else {
        let mut sending = respond.send_response(head, false).ok()?;
        if act == Act::Trickle {
            for crumb in body.chunks(body.len() / 60 + 1) {
                sending.send_data(Bytes::copy_from_slice(crumb), false).ok()?;
                yield_now().await;
            }
            sending.send_data(Bytes::new(), true).ok()?;
        } else {
            sending.send_data(Bytes::from(body), true).ok()?;
        }
    }
    if let Act::ClosesIdle { after, reset: resets } = act {
        flushed().await;
        if after > Duration::from_micros(200) {
            clock::sleep(after).await; // a millisecond
        }
        return shared.end(Doom::Ends { resets }).await;
    }
    Some(())
}

/// Sends a head and a part of the body.
async fn begin(respond: &mut SendResponse<Bytes>, head: Response<()>, part: Bytes) -> Option<SendStream<Bytes>> {
    let mut sending = respond.send_response(head, false).ok()?;
    sending.send_data(part, false).ok()?;
    flushed().await;
    Some(sending)
}

fn head(plan: &Plan, nth: usize, act: Act, answer: Answer, body: usize) -> Response<()> {
    let mut head = Response::builder().status(answer.status);
    for (name, value) in answer.headers(plan.call, nth) {
        head = head.header(name, value);
    }
    let length = if plan.method == Method::HEAD { answer.length } else { body };
    if let Act::BadLength(number) = act {
        head = head.header("content-length", body + 1 + number % 9);
    } else if answer.status != 204 && answer.framing == Framing::Length {
        head = head.header("content-length", length);
    }
    head.body(()).unwrap()
}

/// Reads the body of a request and holds all against what the caller sends.
async fn read(shared: &Shared, plan: &Plan, index: usize, request: Request<RecvStream>) -> Option<()> {
    let (head, mut stream) = request.into_parts();
    let mut hasher = DefaultHasher::new();
    (&head.method, &head.uri).hash(&mut hasher);
    let mut headers: Vec<_> = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.sort_unstable();
    headers.hash(&mut hasher);
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let length = match plan.body {
        Body::Bytes(length) | Body::Stream(length) => header("content-length") == Some(length.to_string()),
        Body::None | Body::Chunks(_) | Body::Made(_) => header("content-length").is_none_or(|length| length == "0"),
    };
    let is_right = head.method == plan.method
        && head.uri.path_and_query().is_some_and(|path| path.as_str() == plan.path())
        && header("x-note") == Some(plan.note())
        && header("idempotency-key") == plan.key.then(|| plan.call.to_string())
        && length;
    let mut wrong = (!is_right).then(|| format!("{head:?}"));
    let expected = plan.body.bytes(plan.call);
    let mut read = 0;
    let is_whole = loop {
        match stream.data().await {
            Some(Ok(data)) => {
                if !expected[read..].starts_with(&data) {
                    wrong = wrong.or_else(|| Some(format!("another body, from byte {read} on")));
                    break false;
                }
                read += data.len();
                stream.flow_control().release_capacity(data.len()).ok()?;
            }
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    if is_whole && read != expected.len() {
        wrong = wrong.or_else(|| Some(format!("a body of {read} bytes, not {}", expected.len())));
    }
    shared.note(index, |sighting| (sighting.head, sighting.wrong) = (Some(hasher.finish()), wrong));
    is_whole.then_some(())
}

/// Writes down what the client may learn, before it does.
fn promise(sighting: &mut Sighting, act: Act, answer: Answer) {
    let (mut status, mut interrupted, mut whole) = (true, false, true);
    match act {
        Act::NoAnswer { .. } | Act::Garbage(_) => (status, interrupted, whole) = (false, true, false),
        Act::CutResponse { .. } => (interrupted, whole) = (true, false),
        Act::Stall { at } => (status, interrupted, whole) = (at % 2 == 1, true, false),
        Act::BadLength(_) => whole = false,
        Act::Rst { headers: true, .. } => (interrupted, whole) = (true, false),
        Act::Rst { code, headers: false } => {
            sighting.refused = code == REFUSED_STREAM;
            (status, interrupted, whole) = (false, !sighting.refused, false);
        }
        Act::GoAway { headers, .. } => (status, whole) = (headers, false), // see `Shared::doom`
        Act::Plain | Act::Trickle | Act::EarlyHints | Act::Drain | Act::ClosesIdle { .. } => {}
        Act::CutRequest { .. }
        | Act::Short
        | Act::Long
        | Act::BadChunk(_)
        | Act::BadHead(_)
        | Act::Continue
        | Act::Unsolicited
        | Act::Early => unreachable!("of HTTP/1.1"),
    }
    sighting.status = status.then_some(answer.status);
    sighting.hint = sighting.status.and(answer.hint.wait());
    sighting.unprocessed = sighting.refused || status && matches!(answer.status, 425 | 429);
    sighting.interrupted |= interrupted;
    sighting.whole = whole;
}

/// Lets the connection write what its streams have said.
async fn flushed() {
    for _ in 0..4 {
        yield_now().await;
    }
}
