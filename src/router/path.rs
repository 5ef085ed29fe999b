//! One spelling for all paths that mean the same.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns the spelling of a request's path that is compared: without what may be written in two ways, and without one
/// slash at its end. The path `/` is empty then, and so is `*`, which asks of the whole server (RFC 9112 §3.2.4).
///
/// Borrows what is spelt so already, which is nearly everything.
pub(super) fn canonical(path: &str) -> Cow<'_, str> {
    match path {
        "*" => Cow::Borrowed(""),
        path if is_canonical(path) => Cow::Borrowed(path.strip_suffix('/').unwrap_or(path)),
        path => {
            let mut path = without_dot_segments(&canonical_escapes(path));
            if path.ends_with('/') {
                path.pop();
            }
            Cow::Owned(path)
        }
    }
}

/// Decodes what needs no escape, escapes what may not stand in a path, and writes escapes in upper case (RFC 3986 §6.2.2).
pub(super) fn canonical_escapes(path: &str) -> String {
    let mut canonical = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => escaped(*high, *low),
            _ => None,
        };
        let (byte, stays) = escaped.map_or((*byte, may_stand_in_path(*byte)), |byte| (byte, is_unreserved(byte)));
        if stays {
            canonical.push(char::from(byte));
        } else {
            let _never_fails = write!(canonical, "%{byte:02X}");
        }
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    canonical
}

/// RFC 3986 §5.2.4
fn without_dot_segments(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    kept.iter().flat_map(|segment| ["/", segment]).collect()
}

fn is_canonical(path: &str) -> bool {
    let mut rest = path.as_bytes();
    loop {
        rest = match rest {
            [] => return true,
            [b'/', after @ ..] if !starts_with_dot_segment(after) => after,
            [b'%', high, low, after @ ..] if is_canonical_escape(*high, *low) => after,
            [byte, after @ ..] if may_stand_in_path(*byte) && *byte != b'/' => after,
            _ => return false,
        };
    }
}

const fn starts_with_dot_segment(path: &[u8]) -> bool {
    matches!(path, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

fn is_canonical_escape(high: u8, low: u8) -> bool {
    let is_upper_case = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
    is_upper_case && escaped(high, low).is_some_and(|byte| !is_unreserved(byte))
}

/// Returns the byte that an escape stands for, or `None` if this is none.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

/// RFC 3986 §2.3
const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3
const fn may_stand_in_path(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'/' | b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::Config;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn each_path_has_one_spelling() {
        for (path, expected) in [
            ("", ""),
            ("/", ""),
            ("*", ""),
            ("//", "/"),
            ("/v1/charges", "/v1/charges"),
            ("/v1/charges/", "/v1/charges"),
            ("/v1/charges//", "/v1/charges/"),
            ("/V1//Charges", "/V1//Charges"),
            ("/%76%31/%63harges%2d7%7E", "/v1/charges-7~"),
            ("/a%2fb%3a", "/a%2Fb%3A"),
            ("/a%2Fb%3A", "/a%2Fb%3A"),
            ("/a:b@c!$&'()*+,;=d", "/a:b@c!$&'()*+,;=d"),
            ("/stra\u{df}e", "/stra%C3%9Fe"),
            ("/stra%c3%9fe", "/stra%C3%9Fe"),
            ("/a b\"{c}|d", "/a%20b%22%7Bc%7D%7Cd"),
            ("/100%", "/100%25"),
            ("/%4", "/%254"),
            ("/%zz%41", "/%25zzA"),
            ("/%+1", "/%25+1"),
            ("/%%41", "/%25A"),
            ("/%%341", "/%2541"),
            ("/%2541", "/%2541"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/%2E%2e/b", "/b"),
            ("/../../a", "/a"),
            ("/a/b/..", "/a"),
            ("/a/b/.", "/a/b"),
            ("/..", ""),
            ("/a//../b", "/a/b"),
            ("/a//.", "/a/"),
            ("/a/.b/..c/...", "/a/.b/..c/..."),
            ("/a/b;v=1/..", "/a"),
        ] {
            assert_eq!(canonical(path), expected, "{path}");
        }
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        #[test]
        #[cfg_attr(miri, ignore = "hundreds of cases")]
        fn a_canonical_path_stays_as_it_is(segments in "(/|%|%2[eEfF]|%[0-9a-fA-F]{2}|\\.|[a-z]|\\PC){0,12}") {
            let path = format!("/{segments}");
            let once = canonical(&path);
            let again = format!("{once}/");
            prop_assert_eq!(canonical(&again), &*once, "{}", path);
            prop_assert!(is_canonical(&once), "{}", path);
        }
    }

    #[test]
    fn what_has_its_one_spelling_is_borrowed() {
        for path in ["/", "/v1/charges/7", "/v1/charges/", "/a.b/..c/%2F%20/~", "/a:b@c,d;e=f"] {
            assert!(matches!(canonical(path), Cow::Borrowed(_)), "{path}");
        }
    }
}
