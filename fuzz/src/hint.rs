//! How long a response asks to wait, read as slowly as the table says it.
//!
//! `Retry-After` in its two forms (RFC 9110 §10.2.3), then the headers in milliseconds, then the fields about rates. Where
//! a value may be refused and may be understood, both are right; to read it as another time is not.

use std::time::Duration;

use arbitrary::Arbitrary;
use http::header::{AGE, CACHE_CONTROL, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::date::dates;
use crate::text::Text;
use crate::time::{Clock, SECOND};

/// What is made of a value, or of a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hint {
    Absent,
    Wait(Duration),
    Malformed,
}

/// A response with headers about when to ask again.
#[derive(Debug, Arbitrary)]
pub struct Hints {
    status: Status,
    received_at: Clock,
    retry_after: Vec<Text>,
    date: Option<Text>,
    age: Option<Text>,
    max_age: Option<u32>,
    millis: [Option<Text>; 3],
    remaining: Option<(Remaining, Text)>,
    resets: [Option<Text>; 4],
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Status {
    Answer,
    Forbidden,
    RateLimited,
    Unavailable,
    BadGateway,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Remaining {
    Draft,
    Hyphenated,
    Other,
}

impl Hints {
    pub fn status(&self) -> StatusCode {
        match self.status {
            Status::Answer => StatusCode::NOT_FOUND,
            Status::Forbidden => StatusCode::FORBIDDEN,
            Status::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Status::BadGateway => StatusCode::BAD_GATEWAY,
        }
    }

    pub fn received_at(&self) -> Clock {
        self.received_at
    }

    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut append = |name: HeaderName, Text(value): &Text| {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        };
        self.retry_after.iter().for_each(|line| append(RETRY_AFTER, line));
        let fixed = [(DATE, &self.date), (AGE, &self.age)];
        let named = MILLIS.into_iter().zip(&self.millis).chain(RESETS.into_iter().zip(&self.resets));
        let named = named.map(|(name, value)| (HeaderName::from_static(name), value));
        for (name, value) in fixed.into_iter().chain(named) {
            value.iter().for_each(|value| append(name.clone(), value));
        }
        if let Some((remaining, value)) = &self.remaining {
            append(HeaderName::from_static(remaining.name()), value);
        }
        if let Some(max_age) = self.max_age {
            append(CACHE_CONTROL, &Text(format!("public, max-age={max_age}").into_bytes()));
        }
        headers
    }

    /// Returns all that may be made of it.
    pub fn expected(&self) -> Vec<Hint> {
        let remains = self.remaining.as_ref().and_then(|(_, text)| whole(visible(text)?));
        let is_exhausted = self.age.is_none() && remains.is_some_and(|remains| remains == [0]);
        let limits_rate = match self.status {
            Status::Answer => return vec![Hint::Absent],
            Status::Forbidden if !is_exhausted => return vec![Hint::Absent],
            Status::Forbidden | Status::RateLimited => true,
            Status::Unavailable => is_exhausted,
            Status::BadGateway => false,
        };
        let millis = first_understood(self.millis.iter().map(|text| [millis(text.as_ref())].to_vec()).collect());
        let rates = if limits_rate && self.age.is_none() { self.rates() } else { vec![Hint::Absent] };
        let mut all = Vec::new();
        for retry_after in self.retry_after() {
            for &millis in &millis {
                for &rate in &rates {
                    all.push(self.in_cache(asked(retry_after, millis, rate)));
                }
            }
        }
        all
    }

    fn retry_after(&self) -> Vec<Hint> {
        if self.retry_after.is_empty() {
            return vec![Hint::Absent];
        }
        let Some(lines) = self.retry_after.iter().map(visible).collect::<Option<Vec<&str>>>() else {
            return vec![Hint::Malformed];
        };
        let value = lines.join(", ");
        let members: Option<Vec<Vec<u8>>> = value.split(',').map(|member| whole(member.trim_matches(OWS))).collect();
        if let Some(members) = members {
            let largest = members.into_iter().map(seconds).max().unwrap_or_default();
            return vec![Hint::Wait(largest.saturating_sub(self.age()))];
        }
        if let Some(wait) = decimal(&value) {
            return vec![Hint::Wait(wait.saturating_sub(self.age()))];
        }
        // A year of two digits is near the response's own `Date`, if it has one.
        let now = |sent_at: Option<i64>| sent_at.map_or(self.received_at.nanos(), |at| i128::from(at) * SECOND);
        let read: Vec<Option<i64>> = self.sent_at().into_iter().flat_map(|at| dates(&value, now(at))).collect();
        let mut all: Vec<Hint> = read.iter().flatten().flat_map(|at| self.until(i128::from(*at) * SECOND)).collect();
        if read.contains(&None) || lines.len() > 1 {
            all.push(Hint::Malformed);
        }
        all
    }

    /// The time left until a date in nanoseconds since 1970: from the response's own `Date` and `Age`, or from the local
    /// clock. A part of a second is rounded up.
    fn until(&self, at: i128) -> Vec<Hint> {
        let rounded_up = |from: i128| {
            let whole = ((at - from).max(0) + SECOND - 1) / SECOND;
            Duration::from_secs(u64::try_from(whole).unwrap())
        };
        let wait = |sent_at: Option<i64>| match sent_at {
            Some(sent_at) => rounded_up(i128::from(sent_at) * SECOND).saturating_sub(self.age()),
            None => rounded_up(self.received_at.nanos()),
        };
        self.sent_at().into_iter().map(|sent_at| Hint::Wait(wait(sent_at))).collect()
    }

    /// All that may be made of its `Date`.
    fn sent_at(&self) -> Vec<Option<i64>> {
        let date = self.date.as_ref().and_then(visible);
        date.map_or(vec![None], |date| dates(date, self.received_at.nanos()))
    }

    fn age(&self) -> Duration {
        self.age.as_ref().and_then(visible).and_then(whole).map_or(Duration::ZERO, seconds)
    }

    /// The field of the draft in its older form, and those from before it.
    fn rates(&self) -> Vec<Hint> {
        let [draft, after, reset, other] = &self.resets;
        let delta = |text: &Option<Text>| match text.as_ref().map(visible) {
            None => vec![Hint::Absent],
            Some(Some(text)) if whole(text).is_some() => vec![Hint::Wait(seconds(whole(text).unwrap()))],
            Some(text) => vec![text.and_then(decimal).map_or(Hint::Malformed, Hint::Wait)],
        };
        let epoch = |text: &Option<Text>| match text.as_ref().map(visible) {
            None => vec![Hint::Absent],
            Some(text) => match text.and_then(whole) {
                None => vec![Hint::Malformed],
                Some(digits) => self.epoch(seconds(digits).as_secs()),
            },
        };
        first_understood(vec![delta(draft), delta(after), epoch(reset), epoch(other)])
    }

    fn epoch(&self, number: u64) -> Vec<Hint> {
        const BILLION: u64 = 1_000_000_000;
        match number {
            ..=BILLION => vec![Hint::Wait(Duration::from_secs(number))],
            seconds if seconds <= 1_000 * BILLION => self.until(i128::from(seconds) * SECOND),
            millis => self.until(i128::from(millis) * SECOND / 1_000),
        }
    }

    /// What came from a cache is there until it expires.
    fn in_cache(&self, asked: Hint) -> Hint {
        let expires = self.max_age.filter(|_| !self.age().is_zero());
        let expires = expires.map(|max_age| Duration::from_secs(max_age.into()).saturating_sub(self.age()));
        match (asked, expires) {
            (Hint::Wait(asked), Some(expires)) => Hint::Wait(asked.max(expires)),
            (Hint::Absent | Hint::Malformed, Some(expires)) if !expires.is_zero() => Hint::Wait(expires),
            (asked, _) => asked,
        }
    }
}

impl Remaining {
    fn name(self) -> &'static str {
        match self {
            Self::Draft => "ratelimit-remaining",
            Self::Hyphenated => "x-ratelimit-remaining",
            Self::Other => "x-rate-limit-remaining",
        }
    }
}

fn asked(retry_after: Hint, millis: Hint, rate: Hint) -> Hint {
    if let (Hint::Wait(coarse), Hint::Wait(fine)) = (retry_after, millis) {
        let difference = coarse.max(fine) - coarse.min(fine);
        return if difference <= Duration::from_secs(1) { millis } else { retry_after };
    }
    let in_order = [retry_after, millis, rate];
    let understood = in_order.into_iter().find(|hint| matches!(hint, Hint::Wait(_)));
    let malformed = in_order.into_iter().find(|hint| *hint == Hint::Malformed);
    understood.or(malformed).unwrap_or(Hint::Absent)
}

/// Of headers in their order, each with all that may be made of it.
fn first_understood(headers: Vec<Vec<Hint>>) -> Vec<Hint> {
    let mut all = vec![Hint::Absent];
    for hints in headers {
        let next = |before: &Hint| match before {
            Hint::Wait(_) => vec![*before],
            Hint::Absent => hints.clone(),
            Hint::Malformed => hints.iter().map(|it| if *it == Hint::Absent { Hint::Malformed } else { *it }).collect(),
        };
        all = all.iter().flat_map(next).collect();
    }
    all
}

fn millis(text: Option<&Text>) -> Hint {
    let Some(text) = text else { return Hint::Absent };
    let millis = visible(text).and_then(whole).map(|digits| seconds(digits).as_secs());
    millis.map_or(Hint::Malformed, |millis| Hint::Wait(Duration::from_millis(millis)))
}

/// Returns the text without the white space around it, if it is visible ASCII.
fn visible(Text(bytes): &Text) -> Option<&str> {
    let is_visible = bytes.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    is_visible.then(|| std::str::from_utf8(bytes).unwrap().trim_matches(OWS))
}

/// Returns the digits of a whole number, without zeros before it.
fn whole(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().map(|byte| byte.wrapping_sub(b'0')).collect();
    if digits.is_empty() || digits.iter().any(|digit| *digit > 9) {
        return None;
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    Some(digits[zeros.min(digits.len() - 1)..].to_vec())
}

/// More than fit are very long.
fn seconds(digits: Vec<u8>) -> Duration {
    let mut number: u128 = 0;
    for digit in digits {
        number = number.saturating_mul(10).saturating_add(digit.into());
    }
    u64::try_from(number).map_or(Duration::MAX, Duration::from_secs)
}

/// Digits, a point and digits: rounded up to the millisecond.
fn decimal(text: &str) -> Option<Duration> {
    let (before, after) = text.split_once('.')?;
    let (before, decimals) = (whole(before)?, after.as_bytes());
    whole(after)?;
    let mut millis = 0;
    for place in 0..3 {
        millis = millis * 10 + u64::from(decimals.get(place).map_or(0, |digit| digit - b'0'));
    }
    let has_rest = decimals.iter().skip(3).any(|digit| *digit != b'0');
    Some(seconds(before).saturating_add(Duration::from_millis(millis + u64::from(has_rest))))
}

const MILLIS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];
const RESETS: [&str; 4] = ["ratelimit-reset", "x-ratelimit-reset-after", "x-ratelimit-reset", "x-rate-limit-reset"];
const OWS: [char; 2] = [' ', '\t'];
