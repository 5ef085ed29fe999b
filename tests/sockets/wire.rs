//! Every way to fail, from a real socket: what the client makes of it, and what the server saw.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forbear::{Client, Condition, Delivery, Event, Report};
use http::Method;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::client::{LONG, nobody, within};
use crate::http2::{self, Reaction};
use crate::server::{Answer, Resolver, Seen, Server, hasty, respond};

use Condition::{ConnectFailed, Interrupted, Permanent, StreamRefused, Timeout};
use Delivery::{NotDelivered, Unknown};

type React = fn(usize) -> Reaction;

/// What must come of one way to fail.
struct Expected {
    condition: Condition,
    delivery: Delivery,
    /// Attempts of a GET and of a POST.
    attempts: [usize; 2],
    /// Requests that the server saw of them.
    seen: [usize; 2],
}

const fn expect(condition: Condition, delivery: Delivery, attempts: [usize; 2], seen: [usize; 2]) -> Expected {
    Expected { condition, delivery, attempts, seen }
}

impl Expected {
    #[track_caller]
    fn check(&self, name: &str, method: usize, result: &Result<reqwest::Response, forbear::Error>, seen: usize) {
        let method_name = ["GET", "POST"][method];
        let report = result.as_ref().map_or_else(forbear::Error::report, Report::of);
        let report = report.unwrap_or_else(|| panic!("{name}: {method_name} has no report: {result:?}"));
        let first = &report.attempts()[0];
        let found = (first.condition(), first.diagnosis().delivery(), report.attempts().len(), seen);
        let expected = (Some(self.condition), self.delivery, self.attempts[method], self.seen[method]);
        assert_eq!(found, expected, "{name}: {method_name}: {result:?}");
        assert!(self.delivery != NotDelivered || self.seen == [0, 0], "{name}: not delivered, and yet seen");
    }
}

fn client(http: reqwest::ClientBuilder) -> Client {
    let policy = hasty().build().unwrap();
    Client::builder(http.no_proxy()).policy(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

async fn send(client: &Client, method: usize, url: &str) -> Result<reqwest::Response, forbear::Error> {
    let method = [Method::GET, Method::POST][method].clone();
    client.request(method, url).body("an order").send().await
}

#[tokio::test]
async fn what_happens_before_a_connection_delivers_nothing() {
    let refused = nobody();
    let (full, _backlog) = blackhole().await;
    let quick = || reqwest::Client::builder().connect_timeout(Duration::from_millis(30));
    let total = || reqwest::Client::builder().timeout(Duration::from_millis(30));
    for (name, http, url, expected) in [
        ("refused", quick(), format!("http://{refused}"), expect(ConnectFailed, NotDelivered, [3, 3], [0, 0])),
        (
            "no such name",
            quick().dns_resolver(Resolver::Fails),
            "http://nobody.invalid".into(),
            expect(ConnectFailed, NotDelivered, [3, 3], [0, 0]),
        ),
        ("blackholed", quick(), format!("http://{full}"), expect(ConnectFailed, NotDelivered, [3, 3], [0, 0])),
        // reqwest does not say what the time was spent on
        ("total timeout while connecting", total(), format!("http://{full}"), expect(Timeout, Unknown, [2, 1], [0, 0])),
    ] {
        let client = client(http);
        for method in [0, 1] {
            expected.check(name, method, &send(&client, method, &url).await, 0);
        }
    }
}

/// A socket whose backlog is full: it neither refuses nor accepts.
async fn blackhole() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut backlog = Vec::new();
    while let Some(Ok(stream)) = within(Duration::from_millis(50), TcpStream::connect(address)).await {
        backlog.push(stream);
    }
    (address, (listener, backlog))
}

#[tokio::test]
async fn what_happens_on_http_1_is_seen_as_it_is() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n";
    let endless: Vec<u8> = [&head[..], b"x: ", &[b'x'; 1 << 20]].concat();
    let many = ["x: x"; 1_000];
    let table: Vec<(&str, Answer, Expected)> = vec![
        ("end of file after the request was read", Answer::Close, expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("reset after the request was read", Answer::Reset(vec![]), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("end of file in the head", Answer::End(head.to_vec()), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("reset in the head", Answer::Reset(head.to_vec()), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("not HTTP", Answer::End(b"220 ready\r\n".to_vec()), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("an endless header", Answer::End(endless), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("1,000 headers", respond(503, &many, b""), expect(Interrupted, Unknown, [2, 1], [2, 1])),
        ("no answer in time", Answer::Stall(vec![]), expect(Timeout, Unknown, [2, 1], [2, 1])),
        ("half a head in time", Answer::Stall(head.to_vec()), expect(Timeout, Unknown, [2, 1], [2, 1])),
        ("an unknown 5xx", respond(599, &[], b""), expect(Permanent, Unknown, [1, 1], [1, 1])),
    ];
    for (name, answer, expected) in table {
        let limit = if matches!(answer, Answer::Stall(_)) { Duration::from_millis(150) } else { LONG };
        for method in [0, 1] {
            let answer = answer.clone();
            let server = Server::start(move |_: &Seen, _| answer.clone()).await;
            let client = client(reqwest::Client::builder().timeout(limit));
            let result = send(&client, method, &server.url).await;
            expected.check(name, method, &result, server.counts().0);
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_request_was_read_may_have_delivered_it() {
    for reset in [false, true] {
        for method in [0, 1] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move {
                while let Ok((socket, _)) = listener.accept().await {
                    socket.peek(&mut [0]).await.unwrap();
                    if reset {
                        socket.set_zero_linger().unwrap();
                    }
                }
            });
            let result = send(&client(reqwest::Client::builder()), method, &url).await;
            expect(Interrupted, Unknown, [2, 1], [0, 0]).check("closed unread", method, &result, 0);
        }
    }
}

/// Below the head nothing is retried: the caller reads the body, and learns of its end.
#[tokio::test]
async fn a_body_that_breaks_is_not_retried_and_the_caller_sees_it_break() {
    for quarter in 0..4 {
        for reset in [false, true] {
            let part: Vec<u8> =
                [&b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n"[..], &vec![7; 1024 * quarter]].concat();
            let answer = if reset { Answer::Reset(part) } else { Answer::End(part) };
            let server = Server::start(move |_: &Seen, _| answer.clone()).await;
            let result = send(&client(reqwest::Client::builder()), 0, &server.url).await;
            match result {
                Ok(response) => {
                    assert_eq!(Report::of(&response), None);
                    let error = response.bytes().await.unwrap_err();
                    assert!(error.is_decode() || error.is_body(), "{error:?}");
                    assert_eq!(server.counts().0, 1);
                }
                // A reset may overtake the head, which then was never there.
                Err(error) => assert!(reset && error.report().unwrap().attempts().len() == 2, "{error:?}"),
            }
        }
    }
}

/// hyper sends it again by itself where nothing was written, and that is safe; if not, it is as interrupted as any.
#[tokio::test]
async fn a_kept_connection_that_closes_just_as_it_is_used_never_doubles_a_write() {
    for round in 0..50 {
        let server = Server::start(|_, _| Answer::End(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec())).await;
        let client = client(reqwest::Client::builder());
        send(&client, 1, &server.url).await.unwrap().bytes().await.unwrap();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let second = send(&client, 1, &server.url).await;
        let posts = server.counts().0;
        match second {
            Ok(_) => assert_eq!(posts, 2, "round {round}"),
            Err(error) => {
                assert!(posts <= 2, "round {round}: {posts} requests, {error:?}");
                assert_eq!(error.report().unwrap().attempts().len(), 1, "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_happens_on_http_2_is_seen_as_it_is() {
    use http2::{CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM};
    let refused = || expect(StreamRefused, NotDelivered, [3, 3], [0, 0]);
    let broken = || expect(Interrupted, Unknown, [2, 1], [2, 1]);
    let table: [(&str, React, Expected); 9] = [
        ("REFUSED_STREAM", |_| Reaction::Reset(REFUSED_STREAM), refused()),
        ("GOAWAY(NO_ERROR) above the last id", |_| Reaction::GoAway { last: 0, code: NO_ERROR, text: b"" }, refused()),
        (
            "GOAWAY(NO_ERROR) that includes it, and close",
            |_| Reaction::GoAway { last: 1, code: NO_ERROR, text: b"" },
            broken(),
        ),
        ("GOAWAY(ENHANCE_YOUR_CALM)", |_| Reaction::GoAway { last: 0, code: ENHANCE_YOUR_CALM, text: b"" }, broken()),
        ("GOAWAY(INTERNAL_ERROR)", |_| Reaction::GoAway { last: 1, code: INTERNAL_ERROR, text: b"" }, broken()),
        ("CANCEL", |_| Reaction::Reset(CANCEL), broken()),
        ("INTERNAL_ERROR", |_| Reaction::Reset(INTERNAL_ERROR), broken()),
        ("ENHANCE_YOUR_CALM", |_| Reaction::Reset(ENHANCE_YOUR_CALM), broken()),
        ("close after the request", |_| Reaction::Close, broken()),
    ];
    for (name, react, expected) in table {
        for method in [0, 1] {
            let (url, arrivals) = http2::start(react).await;
            let result = send(&client(reqwest::Client::builder().http2_prior_knowledge()), method, &url).await;
            let arrived = arrivals.lock().unwrap().len();
            assert_eq!(arrived, expected.attempts[method], "{name}: reqwest sends nothing by itself");
            // A stream that was refused was seen and not processed: the word of the server, which is the proof.
            let processed = if expected.condition == StreamRefused { 0 } else { arrived };
            expected.check(name, method, &result, processed);
        }
    }
}

#[tokio::test]
async fn a_server_that_drains_a_connection_with_a_hundred_streams_open_loses_no_call() {
    for method in [0, 1] {
        let (url, arrivals) = http2::start(|connection| match connection {
            0 => Reaction::DrainAfter(100),
            _ => http2::ANSWER,
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
        let client = Client::builder(http).observer(|_: &Event<'_>| {}).build().unwrap();
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(async move { send(&client, method, &url).await })
            })
            .collect();
        for call in calls {
            let response = call.await.unwrap().unwrap();
            assert_eq!(response.status(), 200);
            let report = Report::of(&response).expect("reqwest did not send it again, forbear did");
            assert_eq!(report.attempts()[0].condition(), Some(StreamRefused), "{report}");
            assert_eq!(report.attempts()[0].wait(), Some(Duration::ZERO), "{report}");
        }
        let arrivals = arrivals.lock().unwrap();
        assert_eq!(arrivals.iter().filter(|connection| **connection > 0).count(), 100, "each was answered once");
    }
}

/// Is slow to look a name up the first time.
#[derive(Default)]
struct SlowOnce(AtomicBool);

impl reqwest::dns::Resolve for SlowOnce {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        if !self.0.swap(true, Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        let found: reqwest::dns::Addrs = Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0))));
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// The first call makes the connection for all of them. That it was dropped is no fault of the others.
#[tokio::test]
async fn calls_that_wait_for_the_connection_of_a_call_that_is_dropped_make_one_of_their_own() {
    for method in [0, 1] {
        let (url, arrivals) = http2::start(|_| http2::ANSWER).await;
        let url = url.replace("127.0.0.1", "orders.test");
        let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().dns_resolver(SlowOnce::default());
        let client = client(http);
        let send = || {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { send(&client, method, &url).await })
        };
        let (first, others) = (send(), [send(), send(), send()]);
        tokio::task::yield_now().await; // all of them wait
        first.abort();
        for call in others {
            let response = call.await.unwrap().unwrap();
            let report = Report::of(&response).expect("it had to wait for another");
            let first = &report.attempts()[0];
            assert_eq!((first.condition(), response.status().as_u16()), (Some(ConnectFailed), 200), "{report}");
        }
        assert_eq!(arrivals.lock().unwrap().len(), 3, "each is sent once");
    }
}

#[tokio::test]
async fn below_the_careful_door_reqwest_saves_those_streams_itself_and_nobody_knows() {
    let (url, _) = http2::start(|connection| match connection {
        0 => Reaction::DrainAfter(10),
        _ => http2::ANSWER,
    })
    .await;
    let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let client =
        Client::with_endpoints(http, forbear::Endpoints::builder().observer(|_: &Event<'_>| {}).build().unwrap());
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { send(&client, 1, &url).await })
        })
        .collect();
    for call in calls {
        let response = call.await.unwrap().unwrap();
        assert_eq!((response.status().as_u16(), Report::of(&response)), (200, None));
    }
}

/// A stream that was reset says so each time it is asked: to read it to its end would never end.
#[tokio::test]
async fn a_failed_response_whose_body_is_reset_is_retried_like_any_other() {
    let (url, arrivals) = http2::start(|_| Reaction::BreakBody).await;
    let client = client(reqwest::Client::builder().http2_prior_knowledge());
    let response = within(Duration::from_secs(5), send(&client, 0, &url)).await.expect("an end").unwrap();
    assert_eq!((response.status().as_u16(), arrivals.lock().unwrap().len()), (503, 3));
    assert!(response.bytes().await.is_err(), "the caller sees it break");
}
