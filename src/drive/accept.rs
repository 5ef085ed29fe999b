//! What a request asked for, as evidence against what came.

use http::HeaderMap;
use http::header::ACCEPT;

/// Returns whether a request asks for JSON and would take no HTML. What reqwest adds to its headers is not seen.
pub(crate) fn asks_for_json(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut asks = false;
    for range in lines.flat_map(|line| line.split(',')) {
        let name = range.split(';').next().unwrap_or_default().trim();
        let is = |kind: &str| name.rsplit(['/', '+']).next().is_some_and(|last| last.eq_ignore_ascii_case(kind));
        if is("html") || is("*") {
            return false;
        }
        asks |= is("json");
    }
    asks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_json_would_take_no_html() {
        for (lines, expected) in [
            (&[][..], false),
            (&["application/json"], true),
            (&["Application/JSON;charset=utf-8"], true),
            (&["application/vnd.api+json, application/problem+json;q=0.5"], true),
            (&["text/plain, application/json"], true),
            (&["text/plain", "application/json"], true),
            (&["application/json, text/html;q=0.1"], false),
            (&["application/json", "*/*;q=0.1"], false),
            (&["application/json, text/*"], false),
            (&["application/json, application/*"], false),
            (&["*/*"], false),
            (&["application/jsonl"], false),
            (&["application/xml"], false),
            (&[", ;,/+"], false),
            (&["\u{e9}"], false),
        ] {
            let line = |line: &&str| (ACCEPT, http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
            let mut headers = HeaderMap::new();
            headers.extend(lines.iter().map(line));
            assert_eq!(asks_for_json(&headers), expected, "{lines:?}");
        }
    }
}
