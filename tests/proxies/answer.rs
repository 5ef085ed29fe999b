//! What a client received through a proxy and makes of it, with what changes from run to run masked.

use std::error::Error;
use std::fmt::Write;
use std::iter;

use forbear::{Client, Diagnosis, Report};
use http::Method;
use http::header::CONTENT_LENGTH;
use hyper::ext::ReasonPhrase;

use crate::application::COUNTED;

/// Headers whose values differ from run to run.
const VOLATILE_HEADERS: [&str; 4] = ["age", "date", "x-envoy-upstream-service-time", "x-varnish"];

/// Parts of bodies that differ from run to run, or that say nothing: each lies between two texts.
const VOLATILE_PARTS: [(&str, &str); 4] =
    [("XID: ", "</p>"), ("Generated ", " by "), ("mailto:", "\""), ("<style", "</style>")];

/// Most of a body that is kept.
const BODY_LIMIT: usize = 4 * 1024;

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `None`: no response came.
    pub(crate) status: Option<u16>,
    /// Status line, headers and body, or the error.
    pub(crate) text: String,
    /// `None`: nothing is wrong.
    pub(crate) diagnosis: Option<Diagnosis>,
}

impl Answer {
    /// Sends one request, once, and says whether the application is to count it.
    pub(crate) async fn to(client: &Client, method: &Method, url: &str, counts: bool) -> Self {
        let mut request = client.request(method.clone(), url);
        if counts {
            request = request.header(COUNTED, "1");
        }
        if *method == Method::POST {
            request = request.header(CONTENT_LENGTH, "0"); // Traffic Server wants to know
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let text = format!("no response: {}\n", kind(&error));
                return Self { status: None, text, diagnosis: error.report().map(last) };
            }
        };
        let diagnosis = Report::of(&response).map(last);
        let status = response.status();
        let reason = response.extensions().get::<ReasonPhrase>().map(|reason| reason.as_bytes().to_vec());
        let reason = reason.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().into());
        let reason = String::from_utf8_lossy(&reason);
        let mut text = format!("{:?} {} {reason}\n", response.version(), status.as_u16());
        let headers = response.headers().clone();
        let mut body = Vec::new();
        let end = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break String::new(),
                Err(error) => {
                    body.clear(); // how much of it came before that is chance
                    assert!(!error.is_timeout(), "the body of {text} does not end");
                    break "[the body broke off]".to_owned();
                }
            }
        };
        let kept = String::from_utf8_lossy(&body[..body.len().min(BODY_LIMIT)]).replace('\r', "\\r");
        let kept = VOLATILE_PARTS.iter().fold(kept, |text, (from, to)| masked(&text, from, to));
        let is_masked = kept.contains('…');
        for (name, value) in &headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let is_volatile = VOLATILE_HEADERS.contains(&name.as_str()) || is_masked && name == "content-length";
            writeln!(text, "{name}: {}", if is_volatile { "…" } else { &value }).unwrap();
        }
        let count = if is_masked { "…".to_owned() } else { body.len().to_string() };
        writeln!(text, "\n{}{end}\n[{count} bytes]", kept.trim_end()).unwrap();
        Self { status: Some(status.as_u16()), text, diagnosis }
    }
}

fn last(report: &Report) -> Diagnosis {
    report.attempts().last().unwrap().diagnosis().clone()
}

/// Says what went wrong, in words that do not change with the client's version.
fn kind(error: &forbear::Error) -> &'static str {
    let causes = iter::successors(error.source(), |error| Error::source(*error));
    let hyper = causes.filter_map(|cause| cause.downcast_ref::<hyper::Error>()).last();
    match hyper {
        _ if error.is_timeout() => "nothing came in time",
        Some(error) if error.is_incomplete_message() => "the connection ended",
        Some(error) if error.is_parse() => "what came is not HTTP",
        _ => "something else",
    }
}

/// Returns `text` with all that lies between `from` and the next `to` replaced.
fn masked(text: &str, from: &str, to: &str) -> String {
    let Some((before, rest)) = text.split_once(from) else { return text.to_owned() };
    let Some(end) = rest.find(to) else { return format!("{before}{from}…") };
    format!("{before}{from}…{}", masked(&rest[end..], from, to))
}

#[test]
fn what_lies_between_two_texts_is_masked() {
    for (text, expected) in
        [("a [1] b [2] c", "a […] b […] c"), ("a [1", "a […"), ("a 1] b", "a 1] b"), ("[]", "[…]"), ("", "")]
    {
        assert_eq!(masked(text, "[", "]"), expected, "{text}");
    }
}
