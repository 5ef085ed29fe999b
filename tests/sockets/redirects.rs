//! Redirects are followed below the client: what it repeats must not depend on where they led.

use forbear::{Client, Condition, Delivery, Report, StopReason};
use http::Method;

use crate::client::{careful, client};
use crate::server::{Answer, Seen, Server, hasty, respond};

fn doors() -> [(&'static str, Client); 2] {
    let policy = || hasty().build().unwrap();
    [("Client::builder", client(policy())), ("Client::new", careful(policy()))]
}

/// `/start` redirects to `/end`, which fails with `status` once and then succeeds.
async fn redirecting(code: u16, status: u16) -> Server {
    Server::start(move |seen: &Seen, _| match &*seen.line {
        line if line.ends_with("/start") => respond(code, &["location: /end"], b""),
        line => {
            let failed = FAILED.with_borrow_mut(|failed| failed.insert(line.to_owned()));
            if failed { respond(status, &["retry-after: 0"], b"") } else { respond(200, &[], b"") }
        }
    })
    .await
}

thread_local! {
    /// Tests run on one thread each, and so do their servers.
    static FAILED: std::cell::RefCell<std::collections::HashSet<String>> = std::cell::RefCell::default();
}

fn lines(server: &Server) -> Vec<String> {
    server.seen().into_iter().map(|seen| seen.line).collect()
}

#[tokio::test]
async fn a_get_is_repeated_from_the_start_whatever_the_redirect() {
    for (door, client) in doors() {
        for code in [301, 302, 303, 307, 308] {
            for status in [429, 502, 503] {
                FAILED.take();
                let server = redirecting(code, status).await;
                let response = client.get(format!("{}/start", server.url)).send().await.unwrap();
                assert_eq!(response.status(), 200, "{door}, {code}, {status}");
                assert!(Report::of(&response).unwrap().is_recovered());
                assert!(response.url().path() == "/end");
                assert_eq!(lines(&server), ["GET /start", "GET /end"].repeat(2), "{door}, {code}, {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_post_that_was_redirected_is_not_repeated_even_where_the_last_hop_did_nothing() {
    for (door, client) in doors() {
        for (code, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
            for status in [425, 429, 503] {
                FAILED.take();
                let server = redirecting(code, status).await;
                let request = client.post(format!("{}/start", server.url)).body("an order");
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), status, "{door}, {code}");
                let report = Report::of(&response).unwrap();
                assert_eq!(report.reason(), Some(StopReason::NotSafeToRepeat), "{door}, {code}");
                assert_eq!(lines(&server), ["POST /start", &format!("{method} /end")], "{door}, {code}, {status}");
                let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body.len()).collect();
                assert_eq!(bodies, [8, if method == "POST" { 8 } else { 0 }], "{door}, {code}");
            }
        }
    }
}

#[tokio::test]
async fn a_redirected_post_with_a_key_is_repeated_with_its_body() {
    for (door, client) in doors() {
        FAILED.take();
        let server = redirecting(307, 503).await;
        let request = client.post(format!("{}/start", server.url)).header("idempotency-key", "7f").body("an order");
        assert_eq!(request.send().await.unwrap().status(), 200, "{door}");
        assert!(server.seen().iter().all(|seen| seen.body == b"an order" && seen.head.contains("idempotency-key: 7f")));
        assert_eq!(server.counts().0, 4, "{door}");
    }
}

#[tokio::test]
async fn a_post_that_was_redirected_to_another_host_is_sent_once_to_each() {
    for (door, client) in doors() {
        for (code, line) in [(303, "GET /end"), (307, "POST /end")] {
            let busy = Server::start(|_, _| respond(429, &[], b"")).await;
            let to = format!("location: {}/end", busy.url);
            let server = Server::start(move |_, _| respond(code, &[&to], b"")).await;
            let response = client.post(format!("{}/start", server.url)).body("an order").send().await.unwrap();
            let report = Report::of(&response).unwrap();
            assert_eq!(report.reason(), Some(StopReason::NotSafeToRepeat), "{door}, {code}");
            assert_eq!(lines(&server), ["POST /start"], "{door}, {code}");
            assert_eq!(lines(&busy), [line], "{door}, {code}");
        }
    }
}

#[tokio::test]
async fn after_a_redirect_nothing_proves_that_the_request_was_not_delivered() {
    let dead = crate::client::nobody();
    for (door, client) in doors() {
        let to = format!("location: http://{dead}/");
        let server = Server::start(move |_, nth| match nth {
            1 => respond(303, &[&to], b""),
            _ => Answer::Close,
        })
        .await;
        let error = client.post(&server.url).send().await.unwrap_err();
        let first = &error.report().unwrap().attempts()[0];
        assert_eq!(first.condition(), Some(Condition::ConnectFailed), "{door}");
        assert_eq!(first.diagnosis().delivery(), Delivery::Unknown, "{door}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_is_followed_and_its_hint_holds_back_no_other_call() {
    for (door, client) in doors() {
        let busy = Server::start(|_, _| respond(503, &["retry-after: 3600"], b"")).await;
        let to = busy.url.clone();
        let server = Server::start(move |seen: &Seen, _| match &*seen.line {
            "GET /start" => respond(302, &[&format!("location: {to}/end")], b""),
            _ => respond(200, &[], b""),
        })
        .await;
        let response = client.get(format!("{}/start", server.url)).send().await.unwrap();
        assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::HintTooLong), "{door}");
        let response = client.get(format!("{}/other", server.url)).send().await.unwrap();
        assert_eq!((response.status().as_u16(), Report::of(&response)), (200, None), "{door}");
        assert_eq!((server.counts().0, busy.counts().0), (2, 1), "{door}");
    }
}

#[tokio::test]
async fn a_write_whose_redirect_loops_is_sent_once() {
    for (door, client) in doors() {
        for method in [Method::GET, Method::POST] {
            let server = Server::start(|_, _| respond(307, &["location: /start"], b"")).await;
            let request = client.request(method.clone(), format!("{}/start", server.url)).body("an order");
            let error = request.send().await.unwrap_err();
            assert!(error.is_redirect() && error.report().is_none(), "{door}: {error:?}");
            assert_eq!(server.counts().0, 11, "{door} {method}: sent once, and followed ten times");
        }
    }
}
