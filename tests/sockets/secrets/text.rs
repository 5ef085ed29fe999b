//! Servers that write what no log should hold. Each event stays a line of our own words.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use forbear::{Client, Endpoints, Failure, Now, Outcome};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::heard::Heard;
use super::{Shown, chain, through_doors};
use crate::http2::{self, Reaction};
use crate::server::{Answer, Seen, Server, hasty};

/// By this a text is known wherever it comes out.
const EVIL: &str = "ev1l";

/// Ends of lines, forged lines, sequences for terminals, marks that turn text around, and what is no text at all.
const TEXTS: [&[u8]; 14] = [
    b"ev1l\nWARN forbear: ev1l",
    b"ev1l\r\n WARN forbear: ev1l",
    b"ev1l\r\n\tev1l",
    b"ev1l\rev1l",
    b"\x1b[2J\x1b[1;31mev1l\x1b[0m",
    b"\x1b]0;ev1l\x07",
    b"ev1l\0\x01\x08\x7f",
    b"\x9b31mev1l\x85ev1l",
    b"ev1l\xff\xfe\xc3\x28",
    "\u{9b}31mev1l\u{85}ev1l\u{2028}ev1l".as_bytes(),
    "\u{202e}ev1l\u{2066}\u{feff}".as_bytes(),
    b"ev1l\" retry.reason=\"ev1l",
    b"ev1l {} %s ${jndi:ldap://ev1l}",
    &[b'x'; 3 << 10],
];

/// Where HTTP/1.1 has a place for a text: before it and behind it.
const PLACES: [(&[u8], &[u8]); 14] = [
    (b"HTTP/1.1 503 ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\n", b": 1\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nserver: ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nserver: awselb/2.0", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nretry-after: ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nvia: 1.1 ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nx-squid-error: ERR_CONNECT_FAIL ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\ncf-error-type: ", b"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nproxy-status: p; error=connection_refused; details=\"", b"\"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\nproxy-status: p; details=%\"%1b%0a\"; error=\"", b"\"\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 302 No\r\nlocation: http://", b"/\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 302 No\r\nlocation: ", b"://a:b@c/\r\ncontent-length: 0\r\n\r\n"),
    (b"HTTP/1.1 503 No\r\ncontent-length: 4000\r\n\r\n<center>nginx</center>", b""),
    (b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n1;", b"\r\nx\r\n0\r\nx-trailer: 1\r\n\r\n"),
];

/// Asserts that all is ours and printed, and that each event is one line, in all formats.
#[track_caller]
fn assert_lines(heard: &Heard, place: &str) {
    let events = heard.recorder.events().len();
    let (plain, colored) = (heard.plain.text(), heard.colored.text());
    for line in plain.lines().chain(heard.compact.text().lines()) {
        let is_ours = ["DEBUG", "WARN", "INFO"].iter().any(|level| line.trim_start().starts_with(level));
        assert!(is_ours && line.contains("forbear: ") && is_printed(line), "{place}: {line:?}");
    }
    assert_eq!((plain.lines().count(), heard.compact.text().lines().count()), (events, events), "{place}");
    assert_eq!(without_colors(&colored), plain, "{place}: all that is colored is the formatter's");
    assert!(without_colors(&heard.pretty.text()).lines().all(is_printed), "{place}");
    assert!(!heard.all().contains(EVIL), "{place}:\n{plain}");
}

/// Asserts that what a caller may print is printed, too. `Debug` of a duration has a letter of its own.
#[track_caller]
fn assert_printed(shown: &Shown, place: &str) {
    let text = shown.0.replace("µs", "us");
    assert!(!text.contains(EVIL) && text.lines().all(is_printed), "{place}:\n{text}");
}

fn is_printed(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Takes out what `tracing_subscriber` writes for a terminal, and nothing else: `ESC [`, digits and `;`, and an `m`.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (color, rest) = part.split_once('m').unwrap_or((part, ""));
        assert!(color.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{part:?}");
        plain += rest;
    }
    plain
}

fn answer(seen: &Seen, _: usize) -> Answer {
    let mut numbers = seen.line.split('/').skip(1).map(|number| number.parse::<usize>().unwrap_or_default());
    let (before, behind) = PLACES[numbers.next().unwrap_or_default()];
    let text = TEXTS[numbers.next().unwrap_or_default()];
    Answer::End([before, text, behind].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_server_writes_reaches_a_line() {
    let server = Server::start(answer).await;
    let mut failed = 0;
    for (number, (before, _)) in PLACES.iter().enumerate() {
        let heard = Heard::default();
        let policy = hasty().attempt_timeout(Duration::from_millis(200)).build().unwrap();
        let http = reqwest::Client::builder().no_proxy();
        let client = Client::builder(http).endpoints(heard.endpoints(policy)).build().unwrap();
        let mut shown = Shown::default();
        for text in 0..TEXTS.len() {
            match client.get(format!("{}/{number}/{text}/", server.url)).send().await {
                Ok(response) => shown.report(forbear::Report::of(&response)),
                Err(error) => shown.0 += &chain(&error),
            }
        }
        let place = String::from_utf8_lossy(before);
        assert_lines(&heard, &place);
        assert_printed(&shown, &place);
        failed += heard.recorder.events().len();
    }
    assert!(failed > PLACES.len() * TEXTS.len(), "{failed} events");

    // Through every door, the place that tells an issuer and a text of each kind.
    let heard = Heard::default();
    let endpoints = heard.endpoints(hasty().build().unwrap());
    for text in 0..TEXTS.len() {
        for (door, shown) in through_doors(&endpoints, &Method::GET, &format!("{}/3/{text}/", server.url)).await {
            assert_printed(&Shown(shown), door);
        }
    }
    assert_lines(&heard, "all doors");
    println!("{failed} events, and {} through all doors", heard.recorder.events().len());
    assert!(heard.recorder.events().len() >= 5 * TEXTS.len(), "{} events", heard.recorder.events().len());
}

/// The server's fields are bytes there, too, and it may say why it goes away.
#[tokio::test]
async fn nothing_that_a_server_writes_in_http_2_reaches_a_line() {
    let react = |connection: usize| match connection {
        0..4 => Reaction::Fields(b"\x08\x03503\x00\x06server\x0e\x1b[2Jev1l\r\nev1l"),
        4..8 => Reaction::Fields(b"\x08\x03503\x00\x06server\x0aev1l\xff\xfe\x9b31m"),
        8..12 => Reaction::Fields(b"\x08\x03503\x00\x0bretry-after\x06ev1l\x85 "),
        12..16 => Reaction::Fields(b"\x08\x03ev1l"),
        _ => Reaction::GoAway { last: 0, code: http2::INTERNAL_ERROR, text: b"\x1b[2Jev1l\nWARN forbear: ev1l" },
    };
    let (url, arrivals) = http2::start(react).await;
    let heard = Heard::default();
    let endpoints = heard.endpoints(hasty().build().unwrap());
    let (mut shown, mut calls) = (Shown::default(), 0);
    while arrivals.lock().unwrap().last().is_none_or(|connection| *connection < 18) && calls < 100 {
        calls += 1;
        let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
        let client = Client::builder(http).endpoints(endpoints.clone()).build().unwrap();
        match client.get(&url).send().await {
            Ok(response) => shown.report(forbear::Report::of(&response)),
            Err(error) => shown.0 += &chain(&error),
        }
    }
    assert_lines(&heard, "HTTP/2");
    assert_printed(&shown, "HTTP/2");
    assert!(calls < 100, "{:?}", arrivals.lock().unwrap());
}

/// What of a line is the caller's, a method and a host, has no byte that breaks it: their types refuse it.
#[test]
fn no_method_and_no_host_breaks_a_line() {
    let heard = Heard::default();
    let endpoints: Endpoints = heard.endpoints(hasty().build().unwrap());
    let mut calls = 0;
    let mut fail = |method: &Method, uri: &Uri| {
        let mut call = endpoints.call(method, uri).start(Now::default(), 7);
        call.begin(Now::default()).unwrap();
        let _done = call.on_outcome(&Outcome::failure(Failure::Interrupted), Now::default());
        calls += 1;
    };
    for byte in 0..=u8::MAX {
        if let Ok(method) = Method::from_bytes(&[b'A', byte, b'B']) {
            fail(&method, &Uri::from_static("http://orders.internal"));
        }
        for around in [(&b"http://a"[..], &b"b/"[..]), (b"http://[::1%25", b"]/")] {
            if let Ok(uri) = Uri::try_from([around.0, &[byte], around.1].concat()) {
                fail(&Method::GET, &uri);
            }
        }
    }
    assert!(calls > 150, "{calls} calls");
    assert_lines(&heard, "the caller's");
    let mut methods = String::new();
    for event in heard.recorder.events() {
        writeln!(methods, "{event}").unwrap();
    }
    assert!(methods.lines().all(is_printed), "{methods}");
}

/// An SDK hands over what its own client has read.
#[test]
fn headers_of_any_bytes_reach_no_line() {
    let heard = Heard::default();
    let endpoints = heard.endpoints(hasty().build().unwrap());
    let names = ["server", "via", "retry-after", "proxy-status", "x-squid-error", "cf-error-type", "x-should-retry"];
    for (at, (name, text)) in names.iter().flat_map(|name| TEXTS.map(|text| (name, text))).enumerate() {
        let Ok(value) = HeaderValue::from_bytes(text) else { continue };
        let headers = HeaderMap::from_iter([((*name).parse().unwrap(), value)]);
        let now = Now::from_origin(Duration::from_secs(u64::try_from(at).unwrap()));
        let mut call = endpoints.call(&Method::GET, &Uri::from_static("http://orders.internal")).start(now, 7);
        call.begin(now).unwrap();
        let outcome = Outcome::response(StatusCode::BAD_GATEWAY, &headers, UNIX_EPOCH).body(text);
        let _done = call.on_outcome(&outcome, now);
    }
    assert_lines(&heard, "the engine");
    let incidents = heard.recorder.events().iter().filter(|event| event.incident().is_some()).count();
    assert!(incidents > 0 && heard.recorder.events().len() > 40, "{incidents} incidents");
}
