//! All that the server does instead of answering.

use std::time::Duration;

use fastrand::Rng;

/// What is done about a request. Where a number says which byte or which piece of garbage, any number will do; over HTTP/1.1
/// it becomes the byte at which a message is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is answered, be it by a failing status.
    Plain,
    /// So much of the request is read, and the connection ends.
    CutRequest {
        at: usize,
        reset: bool,
    },
    /// The request is read, and the connection ends.
    NoAnswer {
        reset: bool,
    },
    /// So much of the response is written, and the connection ends.
    CutResponse {
        at: usize,
        reset: bool,
    },
    /// So much of the response is written, and then nothing for longer than anybody waits.
    Stall {
        at: usize,
    },
    /// The response comes in crumbs.
    Trickle,
    /// The body is shorter than it says.
    Short,
    /// The body is longer than it says.
    Long,
    /// The length is none, or another one.
    BadLength(usize),
    BadChunk(usize),
    Garbage(usize),
    BadHead(usize),
    /// One or more 100 before the response.
    Continue,
    /// A 103 before a 503.
    EarlyHints,
    /// A second response that nobody has asked for.
    Unsolicited,
    /// The response comes before the body of the request is read, and then the connection ends.
    Early,
    /// The response is whole, and soon after the connection ends.
    ClosesIdle {
        after: Duration,
        reset: bool,
    },
    Rst {
        code: u32,
        headers: bool,
    },
    GoAway {
        code: u32,
        last: LastId,
        headers: bool,
    },
    /// A `GOAWAY` that lets the stream end, and it is answered.
    Drain,
}

/// The last stream id of a `GOAWAY`, next to that of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastId {
    Below,
    Same,
    Above,
}

impl LastId {
    pub(crate) fn any(rng: &mut Rng) -> Self {
        [Self::Below, Self::Same, Self::Above][rng.usize(..3)]
    }
}

impl Act {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "answers",
            Self::CutRequest { reset: true, .. } => "resets at a byte of the request",
            Self::CutRequest { reset: false, .. } => "closes at a byte of the request",
            Self::NoAnswer { reset: true } => "reads the request and resets",
            Self::NoAnswer { reset: false } => "reads the request and closes",
            Self::CutResponse { reset: true, .. } => "resets at a byte of the response",
            Self::CutResponse { reset: false, .. } => "truncates at a byte of the response",
            Self::Stall { .. } => "stalls at a byte of the response",
            Self::Trickle => "trickles",
            Self::Short => "says a longer body than it sends",
            Self::Long => "says a shorter body than it sends",
            Self::BadLength(_) => "says an impossible length",
            Self::BadChunk(_) => "lies about a chunk",
            Self::Garbage(_) => "sends garbage",
            Self::BadHead(_) => "sends a malformed head",
            Self::Continue => "100-continue before the response",
            Self::EarlyHints => "103 before 503",
            Self::Unsolicited => "an unsolicited second response",
            Self::Early => "answers before the body is read, and ends",
            Self::ClosesIdle { reset: true, .. } => "resets the idle connection",
            Self::ClosesIdle { reset: false, .. } => "closes the idle connection",
            Self::Rst { headers: false, .. } => "RST_STREAM before headers",
            Self::Rst { headers: true, .. } => "RST_STREAM after headers",
            Self::GoAway { headers: false, last: LastId::Below, .. } => "GOAWAY below the stream, before headers",
            Self::GoAway { headers: false, last: LastId::Same, .. } => "GOAWAY at the stream, before headers",
            Self::GoAway { headers: false, last: LastId::Above, .. } => "GOAWAY above the stream, before headers",
            Self::GoAway { headers: true, last: LastId::Below, .. } => "GOAWAY below the stream, after headers",
            Self::GoAway { headers: true, last: LastId::Same, .. } => "GOAWAY at the stream, after headers",
            Self::GoAway { headers: true, last: LastId::Above, .. } => "GOAWAY above the stream, after headers",
            Self::Drain => "GOAWAY that lets the stream end",
        }
    }
}
