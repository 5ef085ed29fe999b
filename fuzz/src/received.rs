//! Made-up responses and failures.

use arbitrary::{Arbitrary, Unstructured};
use forbear::Failure;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::text::Text;
use crate::time::Clock;
use crate::words::{BODIES, HEADERS};

/// The head of a response, and the start of its body.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub received_at: Clock,
}

impl<'a> Arbitrary<'a> for Response {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let status = if u.ratio(7, 8)? { *u.choose(&STATUSES)? } else { u.int_in_range(100..=999)? };
        let mut headers = HeaderMap::new();
        for _ in 0..u.int_in_range(0..=5)? {
            let name = if u.ratio(1, 3)? { "retry-after" } else { u.choose(HEADERS)? };
            let Text(value) = u.arbitrary()?;
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
        }
        let mut body = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            match u.int_in_range(0..=3)? {
                0..=2 => body.extend_from_slice(u.choose(BODIES)?.as_bytes()),
                _ => body.extend_from_slice(u.arbitrary()?),
            }
        }
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Self { status, headers, body, received_at: u.arbitrary()? })
    }
}

/// Returns any failure.
pub fn failure(u: &mut Unstructured<'_>) -> arbitrary::Result<Failure> {
    u.choose(&[
        Failure::Connect,
        Failure::ConnectPermanent,
        Failure::StreamRefused,
        Failure::Interrupted,
        Failure::Timeout,
        Failure::Caller,
    ])
    .copied()
}

const STATUSES: [u16; 20] =
    [200, 301, 403, 404, 408, 425, 429, 500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530, 600];
