//! reqwest's own `retry` against its model, call by call.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use http::StatusCode;

use crate::answer::Answer;
use crate::policies::model::{Called, Model};
use crate::policies::reqwest_own::ReqwestOwn;
use crate::scripted::{Scripted, played};

/// A trace of quiet times, outages that spend the whole budget, and all that is between; time stands still but where
/// the trace lets it go on.
#[tokio::test(start_paused = true)]
async fn the_model_sends_as_many_attempts_as_reqwest() {
    let server = Scripted::start();
    let retryable = |status: Option<StatusCode>| status.is_none_or(|status| status.is_server_error());
    let policy = reqwest::retry::for_host("127.0.0.1")
        .classify_fn(move |answer| if retryable(answer.status()) { answer.retryable() } else { answer.success() });
    let client = reqwest::Client::builder().retry(policy).no_proxy().build().unwrap();
    let (mut model, mut dice, mut now) = (ReqwestOwn::default(), Rng::with_seed(7), Duration::ZERO);
    let mut by_attempts = [0; 4];
    for (calls, failing, longest_pause) in PHASES {
        for call in 0..calls {
            let pause = Duration::from_millis(dice.u64(..=longest_pause));
            tokio::time::advance(pause).await;
            now += pause;
            let failure = [Answer::BAD_GATEWAY, Answer::RESET][dice.usize(..2)];
            let script = [(); 3].map(|()| if dice.f64() < failing { failure } else { Answer::OK });
            server.tell(&script);
            let _response_or_error = client.get(server.url()).send().await;
            let attempts = script.len() - server.left();
            let modelled = played(&mut model, &script, now);
            assert_eq!(modelled, (attempts, Duration::ZERO), "call {call} at {now:?}, {failing} failing: {script:?}");
            by_attempts[attempts] += 1;
        }
    }
    assert!(by_attempts[1..].iter().all(|calls| *calls > 30), "{by_attempts:?} calls of 0, 1, 2, 3 attempts");
}

#[tokio::test]
async fn the_model_retries_a_connection_that_ends_without_a_word_and_no_timeout() {
    for (answer, is_held) in [(Answer::RESET, false), (Answer::TIMEOUT, true)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, accepted) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&accepted);
        thread::spawn(move || {
            let mut held = Vec::new();
            for connection in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                held.extend(connection.ok().filter(|_| is_held));
            }
        });
        let policy = reqwest::retry::for_host("127.0.0.1").classify_fn(|answer| answer.retryable());
        let limit = if is_held { Duration::from_secs(1) } else { Duration::from_secs(60) };
        let client = reqwest::Client::builder().retry(policy).no_proxy().timeout(limit);
        let error = client.build().unwrap().get(url).send().await.unwrap_err();
        assert_eq!(error.is_timeout(), is_held, "{error:?}");

        let (mut model, mut call) = (ReqwestOwn::default(), Called::new(0, 0));
        call.attempts = 1;
        while model.on_answer(&mut call, answer, Duration::ZERO).is_some() {
            call.attempts += 1;
        }
        assert_eq!(accepted.load(Ordering::SeqCst), usize::try_from(call.attempts).unwrap(), "{answer:?}");
    }
}

/// Calls, how many of their attempts fail, and the longest pause before each, in milliseconds.
const PHASES: [(u32, f64, u64); 6] =
    [(100, 0.02, 20), (150, 1.0, 10), (100, 1.0, 400), (200, 0.3, 60), (40, 0.9, 3_000), (150, 1.0, 0)];
