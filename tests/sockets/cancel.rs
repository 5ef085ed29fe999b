//! A call may be dropped at any of its awaits: nothing is sent afterwards, and the books are right.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use forbear::{Client, Decision, Endpoints, Event, EventKind, Failure, Now, Outcome};
use http::{Method, Uri};

use crate::client::pause;
use crate::server::{Server, hasty, respond};

#[path = "../cancel/dropped.rs"]
mod dropped;

use dropped::dropped_after;

#[tokio::test]
async fn a_call_dropped_at_its_nth_poll_sends_nothing_more_and_leaves_the_books_right() {
    let mut last = 0;
    for polls in 1..200 {
        let server = Server::start(|_, nth| respond(if nth < 3 { 503 } else { 200 }, &[], b"a body")).await;
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&said);
        let observer = move |event: &Event<'_>| {
            listener.lock().unwrap().push((event.kind(), event.attempt(), event.attempt_report().is_some()));
        };
        let endpoints = Endpoints::builder().fallback(hasty().build().unwrap()).observer(observer).build().unwrap();
        let client =
            Client::builder(reqwest::Client::builder().no_proxy()).endpoints(endpoints.clone()).build().unwrap();
        let result = dropped_after(polls, client.get(&server.url).send()).await;
        let in_flight = said.lock().unwrap().clone();
        pause(Duration::from_millis(8)).await; // longer than any wait of the policy
        let (seen, uri) = (server.counts().0, server.url.parse().unwrap());
        let credit = credit_left(&endpoints, &uri);
        if let Some(response) = result {
            assert_eq!(response.unwrap().status(), 200);
            assert_eq!((seen, credit), (3, 4), "it recovered: its retries were free");
            last = polls;
            break;
        }
        let (kind, attempt, waiting) = *in_flight.last().unwrap();
        assert_eq!(kind, EventKind::Abandoned, "after {polls} polls");
        assert!(seen <= usize::try_from(attempt).unwrap(), "after {polls} polls: {seen} requests of {attempt} begun");
        let retries_sent = usize::try_from(attempt).unwrap() - 1;
        assert_eq!(credit, 4 - retries_sent, "after {polls} polls, waiting: {waiting}");
    }
    assert!(last > 5, "dropped at {last} awaits");
}

/// Spends all that is left and counts the retries that it paid for.
fn credit_left(endpoints: &Endpoints, uri: &Uri) -> usize {
    let now = Now::default();
    let mut calls = Vec::new();
    loop {
        let mut call = endpoints.call(&Method::GET, uri).replayable(true).start(now, 0);
        call.begin(now).unwrap();
        match call.on_outcome(&Outcome::failure(Failure::Connect), now) {
            Decision::Retry(_) => calls.push(call),
            Decision::Done(_) => return calls.len(),
        }
    }
}
