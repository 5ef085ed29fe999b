//! The blocking client: the same decisions, on a thread of the caller's.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use forbear::blocking::{Client, ClientBuilder, error_for_status};
use forbear::{Attempt, Condition, Event, Policy, Report, StopReason};
use reqwest::blocking::{Body, Request};
use reqwest::redirect;

use crate::client::nobody;
use crate::server::{Answer, Seen, Server, hasty, respond};

/// A server on a runtime of its own, for as long as the test lasts.
struct Apart {
    url: String,
    counts: mpsc::Receiver<(usize, Vec<Seen>)>,
    ask: tokio::sync::mpsc::UnboundedSender<()>,
}

impl Apart {
    fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let (tell_url, url) = mpsc::channel();
        let (tell, counts) = mpsc::channel();
        let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::start(answer).await;
                tell_url.send(server.url.clone()).unwrap();
                while asked.recv().await.is_some() {
                    tell.send((server.counts().0, server.seen())).unwrap();
                }
            });
        });
        Self { url: url.recv().unwrap(), counts, ask }
    }

    fn seen(&self) -> Vec<Seen> {
        self.ask.send(()).unwrap();
        self.counts.recv().unwrap().1
    }
}

fn builder(policy: Policy) -> ClientBuilder {
    let quiet = |_: &Event<'_>| {};
    Client::builder(reqwest::blocking::Client::builder().no_proxy()).policy(policy).observer(quiet)
}

fn hasty_client() -> Client {
    builder(hasty().build().unwrap()).build().unwrap()
}

fn failing_twice(_: &Seen, nth: usize) -> Answer {
    if nth < 3 { respond(503, &[], b"failed") } else { respond(200, &[], b"done") }
}

#[test]
fn a_failure_is_retried_and_the_report_travels_with_the_response() {
    let server = Apart::start(failing_twice);
    let client = hasty_client();
    let response = client.put(&server.url).body("an order").send().unwrap();
    assert!(Report::of(&response).unwrap().is_recovered());
    assert_eq!(response.text().unwrap(), "done");
    let seen = server.seen();
    assert!(seen.len() == 3 && seen.iter().all(|seen| seen.body == b"an order"));
    assert_eq!(client.snapshot().endpoints()[0].recovered(), 1);
}

#[expect(clippy::disallowed_methods, reason = "real time")]
#[test]
fn a_wait_is_waited_in_full() {
    let server =
        Apart::start(
            |_, nth| if nth == 1 { respond(503, &["retry-after-ms: 60"], b"") } else { respond(200, &[], b"") },
        );
    let started = Instant::now();
    let response = hasty_client().get(&server.url).send().unwrap();
    let wait = Report::of(&response).unwrap().attempts()[0].wait().unwrap();
    assert!(wait >= Duration::from_millis(60) && started.elapsed() >= wait, "{wait:?}");
}

#[test]
fn the_last_response_is_handed_back_and_may_be_called_an_error() {
    let server = Apart::start(|_, _| respond(502, &[], b"the page of a proxy"));
    let response = hasty_client().get(&server.url).send().unwrap();
    let mut copy = Vec::new();
    let error = {
        let mut response = response;
        response.copy_to(&mut copy).unwrap();
        error_for_status(response).unwrap_err()
    };
    assert_eq!(copy, b"the page of a proxy");
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.report().unwrap().reason(), Some(StopReason::RuleAttempts));
}

#[test]
fn an_attempt_ends_with_its_timeout() {
    let server = Apart::start(|_, _| Answer::Stall(Vec::new()));
    let policy = hasty().attempt_timeout(Duration::from_millis(30)).build().unwrap();
    let error = builder(policy).build().unwrap().get(&server.url).send().unwrap_err();
    assert!(error.is_timeout());
    let attempts = error.report().unwrap().attempts();
    assert_eq!(attempts.iter().map(|it| it.condition()).collect::<Vec<_>>(), [Some(Condition::Timeout); 2]);

    let error = hasty_client().get(&server.url).timeout(Duration::from_millis(30)).send().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.report().unwrap().reason(), Some(StopReason::NoTimeLeft));
}

#[test]
fn a_refused_post_is_repeated_until_a_redirect_may_have_been_followed() {
    let nobody = nobody();
    let post = |client: Client| client.post(format!("http://{nobody}")).send().unwrap_err();
    assert_eq!(post(hasty_client()).report().unwrap().attempts().len(), 3);
    let finished =
        || reqwest::blocking::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let careful = Client::with_endpoints(finished(), hasty().build().unwrap());
    assert_eq!(post(careful.clone()).report().unwrap().attempts().len(), 1);
    assert_eq!(post(careful.without_redirects()).report().unwrap().attempts().len(), 3);

    // The first hop has written; the second does not connect. To send it again would write twice.
    let moved = format!("location: http://{nobody}");
    let server = Apart::start(move |_, _| respond(303, &[&moved], b""));
    let error = hasty_client().post(&server.url).send().unwrap_err();
    assert_eq!(error.report().unwrap().reason(), Some(StopReason::NotSafeToRepeat));
    assert_eq!(server.seen().len(), 1);

    // What cannot be watched is not trusted.
    let http = reqwest::blocking::Client::builder().no_proxy().redirect(redirect::Policy::limited(3));
    let error = post(Client::builder(http).policy(hasty().build().unwrap()).build().unwrap());
    assert_eq!(error.report().unwrap().attempts().len(), 1);
    let error = post(builder(hasty().build().unwrap()).redirect(redirect::Policy::limited(3)).build().unwrap());
    assert_eq!(error.report().unwrap().attempts().len(), 3, "watched, it is");
}

#[test]
fn a_reader_is_sent_once_and_one_that_can_be_made_anew_again() {
    let reader = || Body::new(io::Cursor::new("an order"));
    let server = Apart::start(failing_twice);
    let response = hasty_client().put(&server.url).body(reader()).send().unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotReplayable));

    let server = Apart::start(failing_twice);
    assert_eq!(hasty_client().put(&server.url).body_with(reader).send().unwrap().status(), 200);
    assert!(server.seen().iter().all(|seen| seen.body == b"8\r\nan order\r\n0\r\n\r\n"));
}

#[test]
fn hooks_and_keys_are_those_of_the_asynchronous_client() {
    let numbered = |request: &mut Request, upcoming: &Attempt| {
        request.headers_mut().append("x-attempt", upcoming.number().into());
        Ok(())
    };
    let value = |head: &str, name: &str| {
        let lines = head.lines().filter_map(|line| line.strip_prefix(name)).collect::<Vec<_>>();
        lines.concat()
    };
    let built = builder(hasty().build().unwrap()).before_attempt(numbered).idempotency_keys(forbear::random_key);
    let finished = hasty_client().before_attempt(numbered).idempotency_keys(forbear::random_key);
    for client in [built.build().unwrap(), finished] {
        let server = Apart::start(failing_twice);
        client.post(&server.url).send().unwrap();
        let heads: Vec<String> = server.seen().into_iter().map(|seen| seen.head).collect();
        let attempts: Vec<_> = heads.iter().map(|head| value(head, "x-attempt: ")).collect();
        assert_eq!(attempts, ["1", "2", "3"]);
        let keys: Vec<_> = heads.iter().map(|head| value(head, "idempotency-key: ")).collect();
        assert!(!keys[0].is_empty() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }

    let fails = |_: &mut Request, _: &Attempt| Err(io::Error::other("no keys").into());
    let error = builder(Policy::default()).before_attempt(fails).build().unwrap().get("http://localhost").send();
    assert!(error.unwrap_err().is_hook());
}
