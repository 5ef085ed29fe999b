//! What is wrong, as a closed list. A policy has one rule for each.

use std::fmt;

use http::StatusCode;

use crate::outcome::Failure;

/// What is wrong. Each condition has a [`Rule`](crate::Rule) of its own.
///
/// An *answer* has no condition: a response that blames nobody but the request, such as a 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The server asks for patience: 503 (RFC 9110 §15.6.4).
    Unavailable,
    /// A gateway got no valid response from the server behind it: 502 (RFC 9110 §15.6.3), 520.
    BadGateway,
    /// A gateway got no response in time: 504 (RFC 9110 §15.6.5), 522, 524. The work may still be running.
    GatewayTimeout,
    /// Too many requests: 429 (RFC 6585 §4). Refused before processing.
    RateLimited,
    /// The server did not get the whole request in time: 408 (RFC 9110 §15.5.9).
    RequestTimeout,
    /// Early data was refused: 425 (RFC 8470 §5.2).
    TooEarly,
    /// A gateway cannot reach the origin: 521, 523, 530.
    OriginUnreachable,
    /// No connection was made. Nothing was sent.
    ConnectFailed,
    /// The stream was refused, or closed before the request was written. Nothing was processed.
    StreamRefused,
    /// The connection broke before the response, or what came was not HTTP.
    Interrupted,
    /// No answer in time.
    Timeout,
    /// An unexpected error in the server: 500 (RFC 9110 §15.6.1).
    InternalError,
    /// Asking again cannot help: any other 5xx, a certificate, a configuration. An invalid status (600 and above)
    /// counts as a 5xx (RFC 9110 §15).
    Permanent,
}

impl Condition {
    /// All conditions, in the order of the table of defaults.
    pub const ALL: [Self; 13] = [
        Self::Unavailable,
        Self::BadGateway,
        Self::GatewayTimeout,
        Self::RateLimited,
        Self::RequestTimeout,
        Self::TooEarly,
        Self::OriginUnreachable,
        Self::ConnectFailed,
        Self::StreamRefused,
        Self::Interrupted,
        Self::Timeout,
        Self::InternalError,
        Self::Permanent,
    ];

    /// Returns the name used in events, such as `bad_gateway`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::BadGateway => "bad_gateway",
            Self::GatewayTimeout => "gateway_timeout",
            Self::RateLimited => "rate_limited",
            Self::RequestTimeout => "request_timeout",
            Self::TooEarly => "too_early",
            Self::OriginUnreachable => "origin_unreachable",
            Self::ConnectFailed => "connect_failed",
            Self::StreamRefused => "stream_refused",
            Self::Interrupted => "interrupted",
            Self::Timeout => "timeout",
            Self::InternalError => "internal_error",
            Self::Permanent => "permanent",
        }
    }

    /// Returns the position in [`Condition::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Unavailable => 0,
            Self::BadGateway => 1,
            Self::GatewayTimeout => 2,
            Self::RateLimited => 3,
            Self::RequestTimeout => 4,
            Self::TooEarly => 5,
            Self::OriginUnreachable => 6,
            Self::ConnectFailed => 7,
            Self::StreamRefused => 8,
            Self::Interrupted => 9,
            Self::Timeout => 10,
            Self::InternalError => 11,
            Self::Permanent => 12,
        }
    }

    /// Returns what a status says by itself, or `None` if it is an answer.
    pub(super) fn of_status(status: StatusCode) -> Option<Self> {
        match status.as_u16() {
            408 => Some(Self::RequestTimeout),
            425 => Some(Self::TooEarly),
            429 => Some(Self::RateLimited),
            ..=499 => None,
            500 => Some(Self::InternalError),
            502 | 520 => Some(Self::BadGateway),
            503 => Some(Self::Unavailable),
            504 | 522 | 524 => Some(Self::GatewayTimeout),
            521 | 523 | 530 => Some(Self::OriginUnreachable),
            501 | 505.. => Some(Self::Permanent),
        }
    }

    /// Returns what a failure means, or `None` if it is the caller's own.
    pub(super) const fn of_failure(failure: Failure) -> Option<Self> {
        match failure {
            Failure::Connect => Some(Self::ConnectFailed),
            Failure::ConnectPermanent => Some(Self::Permanent),
            Failure::StreamRefused => Some(Self::StreamRefused),
            Failure::Interrupted => Some(Self::Interrupted),
            Failure::Timeout => Some(Self::Timeout),
            Failure::Caller => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_table_has_its_condition() {
        let table: [(&[u16], Option<Condition>); 10] = [
            (&[503], Some(Condition::Unavailable)),
            (&[502, 520], Some(Condition::BadGateway)),
            (&[504, 522, 524], Some(Condition::GatewayTimeout)),
            (&[429], Some(Condition::RateLimited)),
            (&[408], Some(Condition::RequestTimeout)),
            (&[425], Some(Condition::TooEarly)),
            (&[521, 523, 530], Some(Condition::OriginUnreachable)),
            (&[500], Some(Condition::InternalError)),
            (&[501, 505, 511, 519, 525, 526, 527, 529, 531, 599, 600, 999], Some(Condition::Permanent)),
            (&[100, 103, 200, 204, 206, 301, 304, 308, 400, 401, 403, 404, 409, 421, 422, 451, 499], None),
        ];
        for (statuses, expected) in table {
            for &status in statuses {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(Condition::of_status(status), expected, "status {status}");
            }
        }
    }

    #[test]
    fn all_lists_every_condition_at_its_index() {
        for (index, condition) in Condition::ALL.into_iter().enumerate() {
            assert_eq!(condition.index(), index, "{condition}");
        }
    }
}
