//! What is done to the request of each attempt: hooks, keys, and bodies that are made anew.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use forbear::{
    Attempt, Client, ClientBuilder, Endpoints, EventKind, Hook, Mode, Policy, Report, StopReason, random_key,
};
use http::HeaderValue;
use reqwest::{Body, Request};

use crate::server::{Answer, Frames, Seen, Server, hasty, respond};

type BoxError = Box<dyn Error + Send + Sync>;

fn builder(policy: Policy) -> ClientBuilder {
    let quiet = |_: &forbear::Event<'_>| {};
    Client::builder(reqwest::Client::builder().no_proxy()).policy(policy).observer(quiet)
}

fn failing_twice(_: &Seen, nth: usize) -> Answer {
    if nth < 3 { respond(503, &[], b"failed") } else { respond(200, &[], b"done") }
}

/// The values of a header, request by request.
fn values(server: &Server, name: &str) -> Vec<Vec<String>> {
    let of_one = |seen: &Seen| {
        let lines = seen.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).collect()
    };
    server.seen().iter().map(of_one).collect()
}

fn number(request: &mut Request, upcoming: &Attempt) -> Result<(), BoxError> {
    request.headers_mut().append("x-attempt", HeaderValue::from(upcoming.number()));
    Ok(())
}

/// A hook that has to wait.
struct FreshToken(AtomicUsize);

impl Hook<Request> for FreshToken {
    async fn before_attempt(&self, request: &mut Request, upcoming: &Attempt) -> Result<(), BoxError> {
        tokio::task::yield_now().await;
        let token = format!("{}-{:?}", self.0.fetch_add(1, Ordering::Relaxed), upcoming.resend_count());
        request.headers_mut().append("x-token", token.parse()?);
        Ok(())
    }
}

#[tokio::test]
async fn each_attempt_starts_from_the_request_of_the_caller_and_is_prepared_anew() {
    let server = Server::start(failing_twice).await;
    let hooked = builder(hasty().build().unwrap()).before_attempt(number).before_attempt(FreshToken(0.into()));
    let call = hooked.build().unwrap().put(&server.url).header("x-attempt", "caller's").body("an order");
    assert_eq!(call.send().await.unwrap().status(), 200);
    let expected = [["caller's", "1"], ["caller's", "2"], ["caller's", "3"]];
    assert_eq!(values(&server, "x-attempt"), expected, "appended once each");
    assert_eq!(values(&server, "x-token"), [["0-None"], ["1-Some(1)"], ["2-Some(2)"]]);
    assert!(server.seen().iter().all(|seen| seen.body == b"an order"));
}

#[tokio::test]
async fn what_makes_a_request_valid_is_done_in_every_mode_and_to_what_is_sent_once() {
    for (policy, sent) in [(hasty().mode(Mode::Off), 1), (hasty().mode(Mode::Observe), 1), (hasty().max_attempts(1), 1)]
    {
        let server = Server::start(failing_twice).await;
        let client = builder(policy.build().unwrap()).before_attempt(number).build().unwrap();
        client.get(&server.url).send().await.unwrap();
        assert_eq!(values(&server, "x-attempt"), vec![["1"]; sent]);
    }
}

#[tokio::test]
async fn a_hook_that_fails_ends_the_call_with_its_error_and_gives_the_retry_back() {
    let server = Server::start(failing_twice).await;
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let fails = |_: &mut Request, upcoming: &Attempt| match upcoming.retry() {
        None => Ok(()),
        Some(_) => Err(io::Error::other("the keys of the signer are gone").into()),
    };
    let client = builder(hasty().build().unwrap())
        .observer(move |event: &forbear::Event<'_>| listener.lock().unwrap().push((event.kind(), event.attempt())))
        .before_attempt(fails)
        .build()
        .unwrap();
    let error = client.get(format!("{}/?secret", server.url)).send().await.unwrap_err();
    assert!(error.is_hook() && !error.is_timeout() && !error.is_request());
    assert_eq!(error.source().unwrap().to_string(), "the keys of the signer are gone");
    let expected =
        format!("GET {}: a hook that is asked before each attempt failed after 1 attempt (unavailable)", server.url);
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.report().unwrap().attempts()[0].status().unwrap(), 503);
    assert_eq!(server.counts().0, 1);
    let expected = [(EventKind::Retry, 1), (EventKind::Abandoned, 1)];
    assert_eq!(*said.lock().unwrap(), expected);
    assert!(client.snapshot().endpoints()[0].credit() > 3.99, "what was not sent is not paid for");
}

#[tokio::test]
async fn a_hook_that_fails_at_once_sends_nothing() {
    let server = Server::start(failing_twice).await;
    let fails = |_: &mut Request, _: &Attempt| Err(io::Error::other("no keys").into());
    let error = builder(Policy::default()).before_attempt(fails).build().unwrap().get(&server.url).send().await;
    let error = error.unwrap_err();
    assert!(error.is_hook() && error.report().is_none());
    assert_eq!(error.to_string(), "a hook that is asked before each attempt failed");
    assert_eq!(server.counts().0, 0);
}

#[tokio::test]
async fn a_key_is_made_once_per_call_and_only_where_one_is_missing() {
    let server = Server::start(failing_twice).await;
    let made = Arc::new(AtomicUsize::new(0));
    let generator = {
        let made = Arc::clone(&made);
        move || HeaderValue::from(made.fetch_add(1, Ordering::Relaxed))
    };
    let client = builder(hasty().build().unwrap()).idempotency_keys(generator).build().unwrap();
    client.post(&server.url).body("an order").send().await.unwrap();
    assert_eq!(values(&server, "idempotency-key"), [["0"], ["0"], ["0"]], "the same on every attempt");
    client.post(&server.url).send().await.unwrap();
    client.put(&server.url).send().await.unwrap();
    client.post(&server.url).header("Idempotency-Key", "caller's").send().await.unwrap();
    let later = &values(&server, "idempotency-key")[3..];
    assert_eq!(later, [vec!["1".to_owned()], vec![], vec!["caller's".to_owned()]]);
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn without_keys_a_post_is_sent_once_and_with_random_ones_again() {
    for (keys, sent) in [(false, 1), (true, 3)] {
        let server = Server::start(failing_twice).await;
        let mut builder = builder(hasty().build().unwrap());
        if keys {
            builder = builder.idempotency_keys(random_key);
        }
        builder.build().unwrap().post(&server.url).send().await.unwrap();
        assert_eq!(server.counts().0, sent);
    }
}

/// To switch off, or to observe, changes no request.
#[tokio::test]
async fn a_key_is_sent_in_every_mode() {
    for mode in [Mode::On, Mode::Observe, Mode::Off] {
        let server = Server::start(|_, _| respond(200, &[], b"")).await;
        let client = builder(hasty().mode(mode).build().unwrap()).idempotency_keys(|| HeaderValue::from_static("7"));
        client.build().unwrap().post(&server.url).send().await.unwrap();
        assert_eq!(values(&server, "idempotency-key"), [["7"]], "{mode:?}");
    }
}

#[tokio::test]
async fn who_says_that_a_request_is_not_idempotent_is_believed_whatever_its_key() {
    let server = Server::start(failing_twice).await;
    let client = builder(hasty().build().unwrap()).idempotency_keys(random_key).build().unwrap();
    let response = client.post(&server.url).idempotent(false).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotSafeToRepeat));
}

/// As one that asks a server for a token does: what it fails with may hold a secret.
#[tokio::test]
async fn no_url_of_a_hook_is_shown() {
    let fails = |_: &mut Request, _: &Attempt| {
        let error = reqwest::Client::new().get("http://[::1/?token=hunter2").build().unwrap_err();
        Err(error.with_url("http://tokens.internal/?token=hunter2".parse()?).into())
    };
    let error =
        builder(Policy::default()).before_attempt(fails).build().unwrap().get("http://127.0.0.1:9").send().await;
    let error = error.unwrap_err();
    assert!(error.is_hook() && !format!("{error} {error:?} {:?}", error.source()).contains("hunter2"), "{error:?}");

    let wraps = |_: &mut Request, _: &Attempt| {
        let error = reqwest::Client::new().get("http://[::1/").build().unwrap_err();
        Err(io::Error::other(error.with_url("http://tokens.internal/?token=hunter2".parse()?)).into())
    };
    let error =
        builder(Policy::default()).before_attempt(wraps).build().unwrap().get("http://127.0.0.1:9").send().await;
    let error = error.unwrap_err();
    assert!(error.is_hook() && error.source().is_none() && !format!("{error:?}").contains("hunter2"), "{error:?}");
}

/// Never comes to an end.
struct Hangs;

impl Hook<Request> for Hangs {
    async fn before_attempt(&self, _: &mut Request, upcoming: &Attempt) -> Result<(), BoxError> {
        match upcoming.retry() {
            None => Ok(()),
            Some(_) => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn a_hook_that_never_ends_is_cut_off_and_the_response_is_handed_back() {
    let server = Server::start(failing_twice).await;
    let policy = hasty().max_elapsed(std::time::Duration::from_millis(60)).build().unwrap();
    let client = builder(policy).before_attempt(Hangs).build().unwrap();
    let response = client.get(&server.url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.counts().0), (503, 1));
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NoTimeLeft));
    assert_eq!(response.text().await.unwrap(), "failed");
}

#[tokio::test]
async fn a_factory_makes_a_stream_replayable() {
    let stream = || Body::wrap_stream(Frames::from([Some(Ok("one ")), None, Some(Ok("two"))]));
    let server = Server::start(failing_twice).await;
    let client = builder(hasty().build().unwrap()).build().unwrap();
    let response = client.put(&server.url).body_with(stream).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let bodies: Vec<Vec<u8>> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"; 3]);

    let server = Server::start(failing_twice).await;
    let response = client.put(&server.url).body_with(stream).body(stream()).send().await.unwrap();
    let reason = Report::of(&response).unwrap().reason();
    assert_eq!(reason, Some(StopReason::NotReplayable), "the body that was set last is the one");
}

#[cfg(all(feature = "json", feature = "form", feature = "multipart"))]
#[tokio::test]
async fn the_body_that_was_set_last_is_the_one() {
    let made = || Body::from("made");
    let server = Server::start(|_, _| respond(200, &[], b"")).await;
    let client = builder(Policy::default()).build().unwrap();
    let parts = || reqwest::multipart::Form::new().text("a", "b");
    client.put(&server.url).body_with(made).json(&7).send().await.unwrap();
    client.put(&server.url).body_with(made).form(&[("a", "b")]).send().await.unwrap();
    client.put(&server.url).body_with(made).multipart(parts()).send().await.unwrap();
    client.put(&server.url).multipart(parts()).body_with(made).send().await.unwrap();
    let bodies: Vec<String> = server.seen().into_iter().map(|seen| String::from_utf8(seen.body).unwrap()).collect();
    assert_eq!((bodies[0].as_str(), bodies[1].as_str(), bodies[3].as_str()), ("7", "a=b", "made"));
    assert!(bodies[2].contains("name=\"a\""), "{}", bodies[2]);
}

#[tokio::test]
async fn a_client_that_others_made_has_hooks_and_keys_and_its_clones_stay_as_they_are() {
    let server = Server::start(|_, nth| if nth == 1 { respond(503, &[], b"") } else { respond(200, &[], b"") }).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let theirs = Client::with_endpoints(http, Endpoints::from(hasty().build().unwrap()));
    let mine = theirs.clone().before_attempt(number).before_attempt(number).idempotency_keys(random_key);
    assert_eq!(mine.post(&server.url).send().await.unwrap().status(), 200);
    assert_eq!(theirs.post(&server.url).send().await.unwrap().status(), 200);
    assert_eq!(values(&server, "x-attempt"), [vec!["1"; 2], vec!["2"; 2], vec![]]);
    let keys = values(&server, "idempotency-key");
    assert!(!keys[0].is_empty() && keys[0] == keys[1] && keys[2].is_empty(), "{keys:?}");
    let attempts: Vec<u64> = theirs.snapshot().endpoints().iter().map(|host| host.attempts()).collect();
    assert_eq!(attempts, [3], "what both do is counted together");
}
