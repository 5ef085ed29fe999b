//! Servers that lie, forge and flood: little is read of them, and the caller gets what a caller of bare reqwest gets.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use forbear::{Client, Delivery, Event, Report};
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, Method};
use reqwest::{ClientBuilder, Response};
use tokio::runtime::{Builder, Runtime};

use crate::client::{LONG, within};
use crate::server::{Answer, Seen, Server, hasty, respond};

/// What a caller sees of a response.
#[derive(Debug, PartialEq)]
struct Shown {
    status: u16,
    headers: HeaderMap,
    length: Option<u64>,
    body: Vec<u8>,
    end: End,
}

/// How a body ends.
#[derive(Debug, PartialEq)]
enum End {
    Well,
    Broken {
        body: bool,
        decode: bool,
    },
    /// Not while anybody waits.
    Never,
}

/// Reads what came of an attempt, or returns `None` if there was no response.
async fn shown<E>(result: Result<Response, E>, patience: Duration) -> Option<Shown> {
    let mut response = result.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let (length, mut body) = (response.content_length(), Vec::new());
    let end = loop {
        match within(patience, response.chunk()).await {
            Some(Ok(Some(chunk))) => body.extend(chunk),
            Some(Ok(None)) => break End::Well,
            Some(Err(error)) => break End::Broken { body: error.is_body(), decode: error.is_decode() },
            None => break End::Never,
        }
    };
    Some(Shown { status, headers, length, body, end })
}

fn patient(http: ClientBuilder) -> Client {
    let policy = hasty().build().unwrap();
    Client::builder(http).policy(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn head(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 503 No\r\n{lines}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_body_that_lies_about_itself_lies_to_the_caller_as_it_does_without_us() {
    let page = &b"no healthy upstream"[..];
    let packed = gzip(page);
    let torn = &packed[..packed.len() - 9];
    let long = [b"1;", &b"x".repeat(1 << 16)[..], b"\r\nn\r\n0\r\n\r\n"].concat();
    for (lines, body) in [
        ("content-length: 19", page),
        ("content-length: 0", page),
        ("content-length: 4", page),
        ("content-length: 300", page),
        ("content-length: 4096", b""),
        ("content-length: 4097", page),
        ("content-length: 18446744073709551613", page),
        ("content-length: 99999999999999999999999", page),
        ("content-length: -1", page),
        ("content-length: 19\r\ncontent-length: 4", page),
        ("content-length: 19\r\ncontent-length: 19", page),
        ("content-length: 19\r\ntransfer-encoding: chunked", b"4\r\nno h\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", b"4\r\nno healthy upstream\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", b"ffffffffffffffff\r\nno healthy upstream"),
        ("transfer-encoding: chunked", b"zz\r\nno healthy upstream"),
        ("transfer-encoding: chunked", b"13\r\nno healthy upstream\r\n"),
        ("transfer-encoding: chunked", &long),
        ("transfer-encoding: no", page),
        ("content-encoding: gzip\r\ncontent-length: 19", page),
        ("content-encoding: gzip\r\ncontent-length: 4", &packed),
        ("content-encoding: gzip\r\ncontent-length: 300", torn),
        ("content-encoding: gzip, gzip\r\ncontent-length: 39", &packed),
    ] {
        let bytes = [&head(lines), body].concat();
        for (ends, gzip) in [(false, true), (true, true), (true, false)] {
            let (answer, patience) = match ends {
                true => (Answer::End(bytes.clone()), LONG),
                false => (Answer::Stall(bytes.clone()), Duration::from_millis(300)),
            };
            let server = Server::start(move |_: &Seen, _| answer.clone()).await;
            let http = || reqwest::Client::builder().no_proxy().gzip(gzip);
            let expected = shown(http().build().unwrap().post(&server.url).send().await, patience).await;
            for method in [Method::POST, Method::GET] {
                let found = shown(patient(http()).request(method.clone(), &server.url).send().await, patience).await;
                assert_eq!(found, expected, "{method}, {lines}, {} bytes, ends {ends}, gzip {gzip}", body.len());
            }
        }
    }
}

/// One mark of each kind at least, and what no reader of text would like.
const FORGED: &[u8] = b"server: awselb/2.0\r\n\
    server: CloudFront\r\n\
    cf-error-type: origin\r\n\
    x-vercel-error: FUNCTION_THROTTLED\r\n\
    x-azure-externalerror: 1\r\n\
    x-render-routing: no-server\r\n\
    x-amzn-errortype: ServiceUnavailableException\r\n\
    x-kong-response-latency: 3\r\n\
    x-envoy-overloaded: true\r\n\
    l5d-proxy-error: service overloaded\r\n\
    x-squid-error: ERR_CONNECT_FAIL 111\r\n\
    proxy-status: p; error=connection_refused\r\n\
    x-ratelimit-remaining: 0\r\n\
    x-should-retry: true\r\n\
    via: \xff\xfe\r\n\
    retry-after: \xd9\xa1\xd9\xa2\r\n";

#[tokio::test]
async fn a_forged_head_of_1000_headers_and_64_kib_values_repeats_no_write_and_is_handed_back_as_it_came() {
    let line =
        |name: String, length: usize| [name.as_bytes(), b": ", &b"\xc3\x28 ".repeat(length / 3), b"~\r\n"].concat();
    let many: Vec<u8> = (0..1_000).flat_map(|i| line(format!("x-{i}"), 100)).collect();
    let large: Vec<u8> =
        ["server", "via", "retry-after", "x-squid-error"].map(|name| line(name.into(), 64 << 10)).concat();
    for lines in [FORGED, &[FORGED, &many].concat(), &[FORGED, &large].concat(), &[&large, FORGED].concat()] {
        let body = b"content-length: 19\r\n\r\nno healthy upstream";
        let bytes = [b"HTTP/1.1 503 No\r\n", lines, body].concat();
        let server = Server::start(move |_: &Seen, _| Answer::Bytes(bytes.clone())).await;
        let http = || reqwest::Client::builder().no_proxy().http1_max_headers(2_000);
        let expected = shown(http().build().unwrap().post(&server.url).send().await, LONG).await;
        assert!(expected.is_some(), "it is a response");
        let client = patient(http());
        for (method, attempts) in [(Method::POST, 1), (Method::GET, 3)] {
            let response = client.request(method, &server.url).send().await.unwrap();
            let report = Report::of(&response).unwrap();
            assert_eq!(report.attempts().len(), attempts, "{report}");
            assert_ne!(report.attempts()[0].diagnosis().delivery(), Delivery::NotDelivered, "{report}");
            assert_eq!(shown(Ok::<_, ()>(response), LONG).await, expected);
        }
    }
}

/// Runs the client alone on this thread, and the server on another: what that allocates is not counted.
struct Scales {
    runtime: Runtime,
    url: String,
}

impl Scales {
    fn new(answer: Answer) -> Self {
        let (tell, url) = mpsc::channel();
        thread::spawn(move || {
            runtime().block_on(async {
                let server = Server::start(move |_: &Seen, _| answer.clone()).await;
                tell.send(server.url.clone()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        Self { runtime: runtime(), url: url.recv().unwrap() }
    }

    /// Returns what came of a run, and the most bytes that were allocated at a time.
    fn weigh<T>(&self, run: impl Future<Output = T>) -> (T, u64) {
        let mut output = None;
        let counts = allocation_counter::measure(|| output = Some(self.runtime.block_on(run)));
        (output.unwrap(), counts.bytes_max)
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What is read ahead of a body, of its unpacked form or in crumbs.
const MOST_READ: u64 = 256 * 1024;

#[test]
fn a_gzip_bomb_is_not_unpacked_further_than_any_body_and_reaches_the_caller_whole() {
    let zeros = vec![0; 3 << 20];
    let bomb = gzip(&zeros);
    assert!(bomb.len() <= 4096, "small enough to be looked into");
    let scales = Scales::new(respond(503, &["content-encoding: gzip"], &bomb));
    for (unpacks, accepts) in [(true, None), (false, None), (true, Some("identity")), (false, Some("gzip"))] {
        let http = || reqwest::Client::builder().no_proxy().gzip(unpacks);
        let (bare, patient) = (http().build().unwrap(), patient(http()));
        let mut requests = (bare.get(&scales.url), patient.get(&scales.url));
        if let Some(accepts) = accepts {
            requests = (requests.0.header(ACCEPT_ENCODING, accepts), requests.1.header(ACCEPT_ENCODING, accepts));
        }
        let (expected, least) = scales.weigh(requests.0.send());
        let (found, most) = scales.weigh(requests.1.send());
        assert!(most < least + MOST_READ, "unpacks {unpacks}, accepts {accepts:?}: {most} bytes, without us {least}");
        let (expected, found) =
            scales.runtime.block_on(async { (shown(expected, LONG).await, shown(found, LONG).await) });
        let body = if unpacks { &zeros } else { &bomb };
        assert!(found == expected && found.unwrap().body == *body, "unpacks {unpacks}, accepts {accepts:?}");
    }
}

#[test]
fn a_body_without_end_is_read_ahead_no_further_and_no_longer_than_any() {
    let chunked = || head("transfer-encoding: chunked");
    for (name, answer) in [
        ("of chunks", Answer::Flood(chunked(), [&b"4000\r\n"[..], &[7; 0x4000], b"\r\n"].concat())),
        ("of crumbs", Answer::Flood(chunked(), b"1\r\nx\r\n".repeat(4096))),
        ("of one chunk", Answer::Flood([chunked(), b"7fffffffffffffff\r\n".to_vec()].concat(), vec![7; 1 << 14])),
        ("until the connection ends", Answer::Flood(head("x: y"), vec![7; 1 << 14])),
        ("of a great length", Answer::Flood(head("content-length: 18446744073709551613"), vec![7; 1 << 14])),
        ("behind a small length", Answer::Flood(head("content-length: 4096"), vec![7; 1 << 14])),
        (
            "of an empty gzip",
            Answer::Flood([head("content-encoding: gzip"), gzip(b"")].concat(), gzip(b"").repeat(512)),
        ),
    ] {
        let scales = Scales::new(answer);
        let http = || reqwest::Client::builder().no_proxy();
        let (bare, client) = (http().build().unwrap(), patient(http()));
        let least = scales.weigh(bare.get(&scales.url).send()).1;
        let (response, most) = scales.weigh(client.get(&scales.url).send());
        let report = Report::of(response.as_ref().unwrap()).unwrap();
        assert!(most < least + MOST_READ, "a flood {name}: {most} bytes, without us {least}");
        assert!(report.attempts().len() == 3 && report.elapsed() < LONG, "a flood {name}: {report}");
    }
}
