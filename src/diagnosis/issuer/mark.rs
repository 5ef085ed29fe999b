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
            Self::Is(name, text) => {
                seen.may_begin(name, text) && seen.any(name, |value| value.eq_ignore_ascii_case(text.as_bytes()))
            }
            Self::Begins(name, text) => seen.may_begin(name, text) && seen.any(name, |value| begins(value, text)),
            Self::Names(name, text) => seen.any(name, |value| contains(value, text)),
            Self::NotNames(name, text) => !seen.any(name, |value| contains(value, text)),
            Self::Says(phrase) => seen.says(phrase),
            Self::Whole(text) => seen.body == text.as_bytes(),
        }
    }
}

/// What there is to be seen of a response. Most marks are not, and a glance tells so.
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    headers: &'a HeaderMap,
    /// A bit for each name that is there.
    names: u64,
    /// A bit for each name with the first letter of its value.
    beginnings: u64,
    body: &'a [u8],
    fours: Fours,
}

impl<'a> Seen<'a> {
    /// Bodies count for 5xx and 429 only: in all others the application speaks of the request.
    pub(super) fn of(status: StatusCode, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        let telling = status.as_u16() >= 500 || status == StatusCode::TOO_MANY_REQUESTS;
        let body = if telling { body } else { &[] };
        let (mut names, mut beginnings) = (0, 0);
        for (name, value) in headers {
            names |= bit(name.as_str(), None);
            beginnings |= bit(name.as_str(), value.as_bytes().first());
        }
        Self { status: status.as_u16(), headers, names, beginnings, body, fours: Fours::of(body) }
    }

    fn has(&self, name: &str) -> bool {
        self.names & bit(name, None) != 0 && self.headers.contains_key(name)
    }

    fn any(&self, name: &str, found: impl Fn(&[u8]) -> bool) -> bool {
        if self.names & bit(name, None) == 0 {
            return false;
        }
        let lines = self.headers.get_all(name).iter().take(MOST_LINES);
        lines.map(|value| value.as_bytes()).any(|value| value.len() <= LONGEST_VALUE && found(value))
    }

    fn may_begin(&self, name: &str, text: &str) -> bool {
        self.beginnings & bit(name, text.as_bytes().first()) != 0
    }

    fn says(&self, phrase: &str) -> bool {
        self.fours.may_say(phrase) && contains(self.body, phrase)
    }
}

/// Two names seldom share their bit; then both are looked up. No white space stands before a value (RFC 9110 §5.5).
fn bit(name: &str, first: Option<&u8>) -> u64 {
    let last = name.bytes().next_back().map_or(0, usize::from);
    let first = first.map_or(0, |first| usize::from(first.to_ascii_lowercase()));
    1 << ((name.len() * 31 + last + first * 7) % 64)
}

/// Which four letters in a row a text has: it is read once, and not once for each phrase.
struct Fours([bool; SLOTS]);

impl Fours {
    fn of(text: &[u8]) -> Self {
        let mut there = [false; SLOTS];
        slots(text).for_each(|slot| {
            if let Some(there) = there.get_mut(slot) {
                *there = true;
            }
        });
        Self(there)
    }

    fn may_say(&self, phrase: &str) -> bool {
        slots(phrase.as_bytes()).all(|slot| self.0.get(slot) == Some(&true))
    }
}

/// Returns a slot for each four letters in a row. As in a phrase, neither white space nor case counts; that some signs are
/// folded, too, costs nothing but a second look.
fn slots(text: &[u8]) -> impl Iterator<Item = usize> {
    let fours = dense(text).scan(0_u32, |four, byte| {
        *four = *four << 8 | u32::from(byte | 0x20);
        Some(*four)
    });
    let slot = |four: u32| four.wrapping_mul(GOLDEN) >> (u32::BITS - SLOT_BITS);
    fours.skip(3).map(move |four| usize::try_from(slot(four)).unwrap_or_default())
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

/// The longest body leaves half of the slots empty.
const SLOT_BITS: u32 = 11;
const SLOTS: usize = 1 << SLOT_BITS;
/// 2³² over the golden ratio: its multiples lie far apart (Knuth, volume 3, §6.4).
const GOLDEN: u32 = 0x9e37_79b1;
/// No intermediary signs at greater length.
const LONGEST_VALUE: usize = 4 * 1024;
/// Nor more often.
const MOST_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(mark: Mark, headers: &HeaderMap, body: &[u8], expected: bool) {
        let seen = Seen::of(StatusCode::BAD_GATEWAY, headers, body);
        assert_eq!(mark.is_on(&seen), expected, "{mark:?} on {headers:?} {}", String::from_utf8_lossy(body));
    }

    #[test]
    fn neither_white_space_nor_case_counts_in_a_phrase() {
        for (body, phrase, expected) in [
            ("an invalid\r\n\tresponse", "invalid response", true),
            ("AN INVALID RESPONSE", "invalid response", true),
            ("{ \"kind\" : \"Status\" }", "\"kind\":\"Status\"", true),
            ("an invalid respons", "invalid response", false),
            ("iinvalid", "invalid", true),
            ("i n\nvalid", "invalid", true),
            ("the invoice is valid", "invalid", false),
            ("[@]", "{`}", false),
            ("", "invalid", false),
            ("no", "no", true),
            ("on", "no", false),
        ] {
            check(Mark::Says(phrase), &HeaderMap::new(), body.as_bytes(), expected);
        }
        check(Mark::Says("healthy"), &HeaderMap::new(), b"\xff\xfeno healthy upstream\xff", true); // bytes are not text
    }

    #[test]
    fn a_body_that_has_all_letters_of_a_phrase_has_it_only_in_their_order() {
        let phrase = "an invalid response from an upstream server";
        let fours = |text: &str| Fours::of(text.as_bytes()).may_say(phrase);
        assert!(fours("AN INVALID\r\nRESPONSE FROM AN UPSTREAM SERVER"));
        assert!(!fours("an invalid response from a server"), "told without a search");
        let torn = "response from an upstream server, an invalid response from";
        assert!(fours(torn));
        check(Mark::Says(phrase), &HeaderMap::new(), torn.as_bytes(), false);
    }

    #[test]
    fn the_case_of_a_value_does_not_count() {
        for (mark, expected) in [
            (Mark::Has("server"), true),
            (Mark::Has("via"), false),
            (Mark::Lacks("server"), false),
            (Mark::Lacks("via"), true),
            (Mark::Is("server", "cloudFront/2"), true),
            (Mark::Is("server", "cloudFront"), false),
            (Mark::Is("via", "cloudFront/2"), false),
            (Mark::Begins("server", "cLOUD"), true),
            (Mark::Begins("server", "loud"), false),
            (Mark::Begins("server", "cloudy"), false),
            (Mark::Begins("age", "1"), true),
            (Mark::Names("server", "FRONT"), true),
            (Mark::Names("server", "back"), false),
            (Mark::NotNames("server", "FRONT"), false),
            (Mark::NotNames("via", "front"), true),
        ] {
            let headers = [("server", "nginx"), ("server", "CloudFront/2"), ("age", "17"), ("etag", "")];
            let line = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            let mut map = HeaderMap::new();
            for (name, value) in headers.map(line) {
                map.append(name, value);
            }
            check(mark, &map, b"", expected);
        }
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
