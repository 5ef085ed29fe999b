//! How what a user wrote is shown: in one line, not too long, and without what may be secret.

use std::fmt;

/// A value in quotes, without user information, query and fragment.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Bare(self.0))
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The same without the quotes.
pub(super) struct Bare<'a>(pub(super) &'a str);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_path = self.0.starts_with('/') && !self.0.starts_with("//"); // which has no user
        let (user, value) = match self.0.rsplit_once('@') {
            Some((_, value)) if !is_path => ("…@", value),
            Some(_) | None => ("", self.0),
        };
        let (value, query) = match value.find(['?', '#']) {
            Some(at) => value.split_at(at + 1),
            None => (value, ""),
        };
        let (value, rest) = match value.char_indices().nth(LONGEST) {
            Some((end, _)) => value.split_at(end),
            None => (value, query),
        };
        let dots = if rest.is_empty() { "" } else { "…" };
        write!(f, "{user}{}{dots}", value.escape_debug())
    }
}

const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_one_line_not_long_and_without_what_may_be_secret() {
        let long = "x".repeat(LONGEST);
        for (value, expected) in [
            ("", ""),
            ("payments.internal", "payments.internal"),
            ("user:word@pay", "…@pay"),
            ("token@pay", "…@pay"),
            ("https://a@b:c@pay/v1", "…@pay/v1"),
            ("/v1?token=7#f", "/v1?…"),
            ("/v1?", "/v1?"),
            ("/v1#f?g", "/v1#…"),
            ("/v1?mail=a@b?c", "/v1?…"),
            ("/users/@{name}/posts", "/users/@{name}/posts"),
            ("//user:word@pay/v1", "…@pay/v1"),
            ("a\nb\u{1b}[2J\u{202e}\"", r#"a\nb\u{1b}[2J\u{202e}\""#),
            (&long, &long),
            (&format!("{long}\n?q"), &format!("{long}…")),
        ] {
            assert_eq!(Bare(value).to_string(), expected, "{value:?}");
            assert_eq!(format!("{:?}", Shown(value)), format!("\"{expected}\""), "{value:?}");
        }
    }
}
