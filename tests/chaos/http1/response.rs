//! The bytes of a response, with the lies that belong to an act, and what the client may learn from them.

use http::Method;

use crate::answer::{Answer, Framing};
use crate::fault::Act;
use crate::log::Sighting;
use crate::plan::{Plan, stuff};

/// Writes down what the client may learn, before it does.
pub(super) fn promise(sighting: &mut Sighting, plan: &Plan, act: Act, answer: Answer, head: usize, body: usize) {
    let (mut status, mut interrupted, mut whole, mut least) = (true, false, true, 0);
    match act {
        Act::Plain | Act::Trickle | Act::Continue | Act::EarlyHints | Act::Unsolicited => {}
        Act::BadLength(_) if !answer.has_body(&plan.method) => interrupted = true, // nor a length: it may be left unread
        Act::NoAnswer { .. } | Act::BadLength(_) | Act::Garbage(_) | Act::BadHead(_) => {
            (status, interrupted, whole) = (false, true, false);
        }
        Act::CutResponse { at, reset } => {
            status = at >= head;
            interrupted = at < head || reset; // a reset may overtake what was written
            whole = at == head + body && !reset;
            least = if reset { 0 } else { at.saturating_sub(head) };
        }
        Act::Stall { at } => {
            let at = at % (head + body);
            status = at >= head;
            (interrupted, whole, least) = (!status, false, at.saturating_sub(head));
        }
        Act::Short => (whole, least) = (false, body),
        Act::Long | Act::BadChunk(_) => whole = false,
        Act::Early => (interrupted, whole) = (true, false),
        Act::ClosesIdle { reset, .. } => (interrupted, whole) = (reset, !reset),
        Act::CutRequest { .. } | Act::Rst { .. } | Act::GoAway { .. } | Act::Drain => {
            unreachable!("has no response, or is of HTTP/2")
        }
    }
    sighting.status = status.then_some(answer.status);
    sighting.hint = sighting.status.and(answer.hint.wait());
    sighting.unprocessed = status && matches!(answer.status, 425 | 429);
    (sighting.interrupted, sighting.whole) = (interrupted, whole);
    // Where a chunk is cut off, nothing says how much of it is handed on.
    sighting.least = if answer.framing == Framing::Chunked { 0 } else { least };
}

/// Returns head and body as they are written.
pub(super) fn response(plan: &Plan, nth: usize, act: Act, answer: Answer) -> (Vec<u8>, Vec<u8>) {
    if let Act::Garbage(number) = act {
        return (stuff(u64::try_from(number).unwrap(), 1 + number % 500), Vec::new());
    }
    if let Act::BadHead(number) = act {
        return (BAD_HEADS[number % BAD_HEADS.len()].to_vec(), Vec::new());
    }
    let mut head = String::new();
    if act == Act::Continue {
        head.push_str(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(1 + nth));
    }
    if act == Act::EarlyHints {
        head.push_str("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n");
    }
    head.push_str(&format!("HTTP/1.1 {} Whatever\r\n", answer.status));
    for (name, value) in answer.headers(plan.call, nth) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = answer.body(&plan.method, plan.call, nth);
    let length = if plan.method == Method::HEAD { answer.length } else { body.len() };
    let framing = match (act, answer.framing) {
        (Act::BadLength(number), _) => BAD_LENGTHS[number % BAD_LENGTHS.len()].to_owned(),
        (Act::Short, _) => format!("content-length: {}\r\n", length + 1 + nth),
        (Act::Long, _) => format!("content-length: {}\r\n", length / 2),
        _ if answer.status == 204 => String::new(),
        (_, Framing::Length) => format!("content-length: {length}\r\n"),
        (_, Framing::Chunked) => "transfer-encoding: chunked\r\n".to_owned(),
        (_, Framing::UntilClose) => "connection: close\r\n".to_owned(),
    };
    head.push_str(&framing);
    head.push_str("\r\n");
    let body = match (act, answer.framing) {
        _ if !answer.has_body(&plan.method) => body,
        (Act::BadChunk(number), _) => bad_chunks(number, &body),
        (_, Framing::Chunked) => chunks(&body),
        (_, Framing::Length | Framing::UntilClose) => body,
    };
    (head.into_bytes(), body)
}

fn chunks(body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in body.chunks(97) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

fn bad_chunks(number: usize, body: &[u8]) -> Vec<u8> {
    let whole = chunks(body);
    match number % 5 {
        0 => whole[..whole.len() - 5].to_vec(), // without its last chunk
        1 => [b"zz\r\n", &whole[..]].concat(),
        2 => [b"ffffffffffffffff\r\n", body].concat(),
        3 => [format!("{:x}\r\n", body.len() + 7).as_bytes(), body].concat(),
        _ => [format!("{:x}\r\n", body.len() / 2).as_bytes(), body, b"\r\n0\r\n\r\n"].concat(),
    }
}

const BAD_LENGTHS: [&str; 4] = [
    "content-length: many\r\n",
    "content-length: -1\r\n",
    "content-length: 99999999999999999999999\r\n",
    "content-length: 1\r\ncontent-length: 2\r\n",
];
const BAD_HEADS: [&[u8]; 9] = [
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/9.1 200 OK\r\n\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: \x01\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx\0: y\r\n\r\n",
    b"HTTP/2.0 200 OK\r\n\r\n",
];
