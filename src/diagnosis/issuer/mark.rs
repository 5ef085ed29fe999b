//! Marks that a response carries: headers and phrases, compared in place.

use http::{HeaderMap, StatusCode};

/// A mark, and how it is found. Neither white space nor case counts but in a whole body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// The header is there.
    Has(&'static str),
    /// The header is not there.
    Lacks(&'static str),
    /// The value is this.
    Is(&'static str, &'static str),
    /// The value begins so.
    Begins(&'static str, &'static str),
    /// The value has this in it.
    Names(&'static str, &'static str),
    /// No value has this in it.
    NotNames(&'static str, &'static str),
    /// The body has this in it.
    Says(&'static str),
    /// The body is this and nothing else, byte for byte.
    Whole(&'static str),
}

impl Mark {
    /// Returns what names this mark as evidence, or `None` for the absence of a header.
    pub(super) const fn evidence(self) -> Option<&'static str> {
        match self {
            Self::Has(name) | Self::Is(name, _) | Self::Begins(name, _) | Self::Names(name, _) => Some(name),
            Self::Says(_) | Self::Whole(_) => Some("body"),
            Self::Lacks(_) | Self::NotNames(..) => None,
        }
    }

    pub(super) fn is_on(self, seen: &Seen<'_>) -> bool {
        match self {
            Self::Has(name) => seen.has(name),
            Self::Lacks(name) => !seen.has(name),
            Self::Is(name, text) => seen.any(name, |value| value.eq_ignore_ascii_case(text.as_bytes())),
            Self::Begins(name, text) => seen.any(name, |value| begins(value, text)),
            Self::Names(name, text) => seen.any(name, |value| contains(value, text)),
            Self::NotNames(name, text) => !seen.any(name, |value| contains(value, text)),
            Self::Says(phrase) => contains(seen.body, phrase),
            Self::Whole(text) => seen.body == text.as_bytes(),
        }
    }
}

/// What there is to be seen of a response.
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    headers: &'a HeaderMap,
    /// One bit for each name that is there: most marks are not, and need no look-up.
    names: u64,
    body: &'a [u8],
}

impl<'a> Seen<'a> {
    /// Bodies count for 5xx and 429 only: in all others the application speaks of the request.
    pub(super) fn of(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        let telling = status.as_u16() >= 500 || status == StatusCode::TOO_MANY_REQUESTS;
        let names = headers.keys().fold(0, |names, name| names | bit(name.as_str()));
        Self { status: status.as_u16(), headers, names, body: if telling { body } else { &[] } }
    }

    fn has(&self, name: &str) -> bool {
        self.names & bit(name) != 0 && self.headers.contains_key(name)
    }

    fn any(&self, name: &str, found: impl Fn(&[u8]) -> bool) -> bool {
        if self.names & bit(name) == 0 {
            return false;
        }
        let lines = self.headers.get_all(name).iter().take(MOST_LINES);
        lines.map(|value| value.as_bytes()).any(|value| value.len() <= LONGEST_VALUE && found(value))
    }
}

/// Two names seldom share their bit; then both are looked up.
fn bit(name: &str) -> u64 {
    let last = name.bytes().next_back().map_or(0, usize::from);
    1 << ((name.len() * 31 + last) % 64)
}

fn contains(text: &[u8], phrase: &str) -> bool {
    let Some(first) = phrase.bytes().next() else { return true };
    let starts = text.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(&first));
    starts.filter_map(|(at, _)| text.get(at..)).any(|rest| begins(rest, phrase))
}

fn begins(text: &[u8], phrase: &str) -> bool {
    let mut text = dense(text);
    dense(phrase.as_bytes()).all(|byte| text.next().is_some_and(|other| other.eq_ignore_ascii_case(&byte)))
}

/// Without white space: lines of a page are broken where its author liked.
fn dense(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace())
}

/// No intermediary signs at greater length.
const LONGEST_VALUE: usize = 4 * 1024;
/// Nor more often.
const MOST_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_white_space_nor_case_counts_in_a_phrase() {
        for (text, phrase, expected) in [
            ("an invalid\r\n\tresponse", "invalid response", true),
            ("AN INVALID RESPONSE", "invalid response", true),
            ("{ \"kind\" : \"Status\" }", "\"kind\":\"Status\"", true),
            ("an invalid respons", "invalid response", false),
            ("iinvalid", "invalid", true),
            ("", "invalid", false),
        ] {
            assert_eq!(contains(text.as_bytes(), phrase), expected, "{text:?}");
        }
        assert!(contains(b"\xff\xfeno healthy upstream\xff", "no healthy upstream"), "bytes are not text");
    }

    #[test]
    fn what_is_too_long_or_too_often_there_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert("via", format!("{}caddy", "x".repeat(LONGEST_VALUE)).parse().unwrap());
        let names = |headers: &HeaderMap| Mark::Names("via", "caddy").is_on(&Seen::of(StatusCode::OK, headers, b""));
        assert!(!names(&headers));
        for _ in 0..MOST_LINES {
            headers.append("via", "x".parse().unwrap());
        }
        headers.append("via", "caddy".parse().unwrap());
        assert!(!names(&headers));
    }
}
