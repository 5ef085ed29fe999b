//! What a call is and what the server does about each of its requests: all of it follows from the seed and its number.

use std::time::Duration;

use fastrand::Rng;
use forbear::{Backoff, Condition, Policy};
use http::Method;

use crate::answer::{Answer, Framing, Hint};
use crate::fault::{Act, LastId};

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) call: u64,
    pub(crate) way: Way,
    pub(crate) method: Method,
    /// Whether it carries an `Idempotency-Key`.
    pub(crate) key: bool,
    /// Whether the caller says `.idempotent(true)`.
    pub(crate) marked: bool,
    pub(crate) body: Body,
    pub(crate) limits: Limits,
    /// How many attempts find the gate shut.
    pub(crate) refusals: usize,
    steps: [Step; FAULTY],
}

/// What kind of server a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Http1,
    Http2,
    /// HTTP/1.1 at a port where nobody listens until it is opened.
    Gate,
}

/// A body that follows from the number of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Bytes(usize),
    /// A stream with a `Content-Length`, that cannot be sent again.
    Stream(usize),
    /// A stream in chunks, that cannot be sent again.
    Chunks(usize),
    /// A stream in chunks that is made anew for each attempt.
    Made(usize),
}

/// A policy by its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    pub(crate) max_attempts: u32,
    /// Whether each rule has as many retries as there are attempts.
    pub(crate) persistent: bool,
    pub(crate) timed: bool,
}

/// What the server does about one request of a call.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) answer: Answer,
}

impl Plan {
    pub(crate) fn of(seed: u64, call: u64) -> Self {
        let mut rng = dice(seed, call, 0);
        let way = match rng.u8(..100) {
            0..50 => Way::Http1,
            50..97 => Way::Http2,
            _ => Way::Gate,
        };
        let (method, key, marked) = match rng.u8(..100) {
            0..30 => (Method::GET, false, false),
            30..38 => (Method::HEAD, false, false),
            38..50 => (Method::PUT, false, false),
            50..58 => (Method::DELETE, false, false),
            58..80 => (Method::POST, false, false),
            80..88 => (Method::PATCH, false, false),
            88..94 => (Method::POST, true, false),
            _ => (Method::POST, false, true),
        };
        let body = match (&method, rng.u8(..100)) {
            (&Method::GET | &Method::HEAD, _) | (_, 0..15) => Body::None,
            (_, 15..60) => Body::Bytes(rng.usize(1..400)),
            (_, 60..63) => Body::Bytes(rng.usize(20_000..150_000)),
            (_, 63..73) => Body::Stream(rng.usize(1..2_000)),
            (_, 73..83) => Body::Chunks(rng.usize(1..2_000)),
            _ => Body::Made(rng.usize(1..2_000)),
        };
        let steps = [65, 45, 40, 30].map(|percent| Step::of(&mut rng, way, percent));
        let limits = Limits {
            max_attempts: [1, 2, 3, 3, 3, 5][rng.usize(..6)],
            persistent: rng.bool(),
            timed: steps.iter().any(|step| matches!(step.act, Act::Stall { .. })),
        };
        let refusals = if way == Way::Gate { rng.usize(1..4) } else { 0 };
        Self { call, way, method, key, marked, body, limits, refusals, steps }
    }

    /// Returns what is done about the `nth` request that is seen of the call, the first being 0.
    pub(crate) fn step(&self, nth: usize) -> Step {
        self.steps.get(nth).cloned().unwrap_or(Step { act: Act::Plain, answer: Answer::FINE })
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.key || self.marked || self.method.is_idempotent()
    }

    pub(crate) fn is_replayable(&self) -> bool {
        !matches!(self.body, Body::Stream(_) | Body::Chunks(_))
    }

    pub(crate) fn path(&self) -> String {
        format!("/c/{}?n={}", self.call, self.call.wrapping_mul(0x9e37))
    }

    /// A header of its own.
    pub(crate) fn note(&self) -> String {
        format!("{:x}", dice(self.call, 1, 1).u64(..))
    }
}

/// Returns the number of the call in what [`Plan::path`] made.
pub(crate) fn call_in(path: &str) -> Option<u64> {
    path.strip_prefix("/c/")?.split('?').next()?.parse().ok()
}

impl Step {
    fn of(rng: &mut Rng, way: Way, percent: u8) -> Self {
        if rng.u8(..100) >= percent {
            return Self { act: Act::Plain, answer: Answer::fine(rng) };
        }
        let (at, reset, code) = (rng.usize(..1 << 20), rng.bool(), rng.u32(..15));
        let kinds = if way == Way::Http2 { 30 } else { 22 };
        let act = match (way, rng.u8(..kinds)) {
            (_, 0..3) => Act::Plain, // and a failing status
            (_, 3) => Act::NoAnswer { reset },
            (_, 4) => Act::CutResponse { at, reset },
            (_, 5) if rng.bool() => Act::Stall { at },
            (_, 5 | 6) => Act::Trickle,
            (_, 7) => Act::EarlyHints,
            (_, 8) => Act::BadLength(at),
            (_, 9) => Act::Garbage(at),
            (_, 10) => Act::ClosesIdle { after: Duration::from_micros(rng.u64(..400)), reset },
            (Way::Http2, 11..19) => Act::Rst { code, headers: reset },
            (Way::Http2, 19..28) => {
                let code = if rng.u8(..16) == 0 { 0 } else { code };
                Act::GoAway { code, last: LastId::any(rng), headers: reset }
            }
            (Way::Http2, _) => Act::Drain,
            (Way::Http1 | Way::Gate, 11 | 12) => Act::CutRequest { at, reset },
            (Way::Http1 | Way::Gate, 13) => Act::CutResponse { at, reset },
            (Way::Http1 | Way::Gate, 14) => Act::Short,
            (Way::Http1 | Way::Gate, 15) => Act::Long,
            (Way::Http1 | Way::Gate, 16) => Act::BadChunk(at),
            (Way::Http1 | Way::Gate, 17) => Act::BadHead(at),
            (Way::Http1 | Way::Gate, 18) => Act::Continue,
            (Way::Http1 | Way::Gate, 19) => Act::Unsolicited,
            (Way::Http1 | Way::Gate, _) => Act::Early,
        };
        let failing = matches!(act, Act::Plain | Act::EarlyHints) || rng.u8(..100) < 60;
        let mut answer = if failing { Answer::failing(rng) } else { Answer::fine(rng) };
        if act == Act::EarlyHints {
            (answer.status, answer.hint) = (503, Hint::None);
        }
        if matches!(act, Act::BadChunk(_)) {
            answer.framing = Framing::Chunked;
        }
        if matches!(act, Act::Short | Act::Long | Act::Unsolicited | Act::ClosesIdle { .. }) {
            answer.framing = Framing::Length;
        }
        Self { act, answer }
    }

    /// Returns what is done, as a fault, or `None` if it is none.
    pub(crate) fn fault(&self) -> Option<String> {
        let is_plain = self.act == Act::Plain;
        match self.answer.status {
            ..408 if is_plain => None,
            status if is_plain => Some(format!("answers {status}")),
            _ => Some(self.act.name().to_owned()),
        }
    }
}

impl Body {
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Bytes(length) | Self::Stream(length) | Self::Chunks(length) | Self::Made(length) => length,
        }
    }

    pub(crate) fn bytes(self, call: u64) -> Vec<u8> {
        stuff(call, self.length())
    }
}

impl Limits {
    /// Returns the policy, whose waits are of milliseconds.
    pub(crate) fn policy(self) -> Policy {
        let mut policy = Policy::builder().max_attempts(self.max_attempts);
        for condition in Condition::ALL {
            let rule = Policy::default().rule(condition);
            if rule.retries() == 0 {
                continue;
            }
            let backoff = if condition == Condition::StreamRefused {
                Backoff::constant(2 * MS).first_at_once()
            } else if matches!(condition, Condition::Unavailable | Condition::BadGateway | Condition::RateLimited) {
                Backoff::doubling(3 * MS)
            } else {
                Backoff::constant(4 * MS)
            };
            let retries = if self.persistent { self.max_attempts } else { rule.retries() };
            policy = policy.rule(condition, rule.with_backoff(backoff).with_retries(retries));
        }
        if self.timed {
            policy = policy.attempt_timeout(ATTEMPT_TIMEOUT);
        }
        policy.build().unwrap()
    }
}

/// Bytes that follow from a number, so that each is known by its place.
pub(crate) fn stuff(number: u64, length: usize) -> Vec<u8> {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&word.to_le_bytes());
        word = word.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
    }
    bytes.truncate(length);
    bytes
}

/// Returns dice of their own for a number.
pub(crate) fn dice(seed: u64, number: u64, of: u64) -> Rng {
    let mixed = Rng::with_seed(seed ^ of.rotate_left(32)).u64(..) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Rng::with_seed(mixed)
}

const MS: Duration = Duration::from_millis(1);
/// Of the calls that meet a stall.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(60);
/// How many requests of a call may meet a fault. Those after them are answered.
const FAULTY: usize = 4;
