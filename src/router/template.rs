//! Which paths an endpoint is for.

use super::path::canonical_escapes;

/// A path some of whose segments are open. Sorted by its shape, so that of two that match a path the more specific goes
/// first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Template {
    shape: Shape,
    /// As the router reads it. Parameters have no names here: names do not tell templates apart.
    route: String,
}

/// What each segment of a template is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape(Vec<Segment>);

/// The more specific goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text,
    Parameter,
    /// All that follows, or nothing.
    Tail,
}

impl Template {
    /// Returns the template of any path.
    pub(crate) fn any() -> Self {
        Self { shape: Shape(vec![Segment::Tail]), route: String::new() }
    }

    /// Reads what a user wrote.
    ///
    /// # Errors
    ///
    /// Says what it must be or have.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("be a path alone, without scheme and host".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err("have no query and no fragment: they play no part".to_owned());
        }
        if !is_printed(text) {
            return Err("have the escape of what is not printed: \"%0A\"".to_owned());
        }
        let mut template = Self { shape: Shape(Vec::new()), route: String::new() };
        let path = text.strip_suffix('/').unwrap_or(text);
        if !path.is_empty() {
            let segments = path.strip_prefix('/').ok_or("begin with `/`")?;
            segments.split('/').try_for_each(|segment| template.push(segment))?;
        }
        let parameters = template.shape.0.iter().filter(|segment| **segment == Segment::Parameter).count();
        if parameters > MAX_PARAMETERS {
            return Err(format!("have at most {MAX_PARAMETERS} parameters"));
        }
        Ok(template)
    }

    pub(super) fn into_parts(self) -> (Shape, String) {
        (self.shape, self.route)
    }

    fn push(&mut self, segment: &str) -> Result<(), String> {
        if self.shape.0.last() == Some(&Segment::Tail) {
            return Err("have its tail at the end".to_owned());
        }
        let parameter = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
        let kind = match parameter.filter(|name| !name.contains(['{', '}'])) {
            None => {
                self.route.extend(["/", &plain_text(segment)?]);
                Segment::Text
            }
            Some(name) => match name.strip_prefix('*') {
                None => {
                    check_name(name)?;
                    self.route.push_str("/{p}");
                    Segment::Parameter
                }
                Some(name) => {
                    check_name(name)?;
                    Segment::Tail
                }
            },
        };
        self.shape.0.push(kind);
        Ok(())
    }
}

impl Shape {
    /// Returns the part of a path, of so many segments, that templates of this shape are compared with, or `None` if none
    /// can match it.
    pub(super) fn cut<'p>(&self, path: &'p str, segments: usize) -> Option<&'p str> {
        let has_tail = self.0.last() == Some(&Segment::Tail);
        let closed = self.0.len() - usize::from(has_tail);
        if segments == closed {
            return Some(path);
        }
        if !has_tail {
            return None;
        }
        let (end, _) = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').nth(closed)?;
        path.get(..end)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let must_be = || "name its parameters with letters, digits, `_`, `-` and `.`: \"{id}\", \"{*rest}\"".to_owned();
    if is_name { Ok(()) } else { Err(must_be()) }
}

fn plain_text(segment: &str) -> Result<String, String> {
    if segment.contains(['{', '}']) {
        return Err("have whole segments as parameters: \"/{id}\"; a brace itself is written %7B or %7D".to_owned());
    }
    let is_escape = |escape: &str| escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !segment.split('%').skip(1).all(is_escape) {
        return Err("have two hexadecimal digits after each `%`".to_owned());
    }
    let canonical = canonical_escapes(segment);
    if matches!(canonical.as_str(), "." | "..") {
        return Err("have no segment `.` or `..`".to_owned());
    }
    Ok(canonical)
}

/// Returns whether a text can stand in any line as it is: no control character, no end of a line, nothing that turns the
/// direction of what follows.
pub(crate) fn is_printed(text: &str) -> bool {
    // A quote and a backslash have escapes, too, and are printed.
    text.split(['"', '\'', '\\']).all(|part| part.escape_debug().eq(part.chars()))
}

/// The router gives up on more than 25.
const MAX_PARAMETERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn template(text: &str) -> Template {
        Template::parse(text).unwrap_or_else(|error| panic!("{text} must be {error}"))
    }

    #[test]
    fn templates_that_match_the_same_are_the_same() {
        for (one, others) in [
            ("/", &["", "/"][..]),
            ("/v1/charges/{id}", &["/v1/charges/{id}/", "/v1/charges/{charge_id}", "/%76%31/charges/{a.b-c}"]),
            ("/v1/{*rest}", &["/v1/{*rest}/", "/v1/{*path}"]),
            ("/{*rest}", &["/{*any}"]),
            ("/a%2fb", &["/a%2Fb"]),
            ("/stra\u{df}e", &["/stra%C3%9Fe"]),
        ] {
            for other in others {
                assert_eq!(template(one), template(other), "{one}, {other}");
            }
        }
        assert_eq!(Template::any(), template("/{*rest}"));
        let different = ["/", "//", "/a", "/A", "//a", "/a//", "/{a}", "/{*a}", "/a/{b}", "/a/{*b}", "/a%2Fb", "/a/b"];
        for (at, one) in different.iter().enumerate() {
            for other in different.iter().skip(at + 1) {
                assert_ne!(template(one), template(other), "{one}, {other}");
            }
        }
    }

    #[test]
    fn what_would_break_a_line_or_hide_in_it_is_not_printed() {
        for text in
            ["", "orders", "a b", "caf\u{e9}", "cafe\u{301}", "\u{65e5}\u{672c}", "\"a\" 'b' \\c", "{id}", "%0A"]
        {
            assert!(is_printed(text), "{text:?}");
        }
        for hidden in
            ["\0", "\t", "\n", "\r", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{9b}", "\u{2028}", "\u{202e}", "\u{feff}"]
        {
            for text in [hidden.to_owned(), format!("a{hidden}"), format!("a\"{hidden}b")] {
                assert!(!is_printed(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_template_is_refused_and_told_what_to_write() {
        let names = "name its parameters with letters, digits, `_`, `-` and `.`: \"{id}\", \"{*rest}\"";
        let whole = "have whole segments as parameters: \"/{id}\"; a brace itself is written %7B or %7D";
        let dots = "have no segment `.` or `..`";
        let escapes = "have two hexadecimal digits after each `%`";
        for (text, expected) in [
            ("v1/charges", "begin with `/`"),
            ("*", "begin with `/`"),
            (" /v1", "begin with `/`"),
            ("https://payments.internal/v1", "be a path alone, without scheme and host"),
            ("/v1?q={q}", "have no query and no fragment: they play no part"),
            ("/v1#f", "have no query and no fragment: they play no part"),
            ("/{*rest}/a", "have its tail at the end"),
            ("/{*rest}//", "have its tail at the end"),
            ("/{}", names),
            ("/{*}", names),
            ("/{**a}", names),
            ("/{a b}", names),
            ("/{\u{e9}}", names),
            ("/{id}:capture", whole),
            ("/img-{id}", whole),
            ("/{a}{b}", whole),
            ("/{{a}}", whole),
            ("/{a", whole),
            ("/a}", whole),
            ("/{a/b}", whole),
            ("/a/./b", dots),
            ("/a/..", dots),
            ("/%2e%2E/a", dots),
            ("/100%", escapes),
            ("/%4g", escapes),
            ("/%", escapes),
            ("/a\nb", "have the escape of what is not printed: \"%0A\""),
            ("/\u{1b}[2J", "have the escape of what is not printed: \"%0A\""),
        ] {
            assert_eq!(Template::parse(text).unwrap_err(), expected, "{text:?}");
        }
        assert_eq!(Template::parse(&"/{a}".repeat(17)).unwrap_err(), "have at most 16 parameters");
        assert!(Template::parse(&"/{a}".repeat(16)).is_ok());
    }
}
