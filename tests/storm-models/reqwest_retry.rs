//! reqwest-retry against its model: what is retried, how often, and after which waits.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use forbear::Failure;
use http::StatusCode;
use reqwest_middleware::ClientBuilder;
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{
    DefaultRetryableStrategy, RetryDecision, RetryPolicy, RetryTransientMiddleware, Retryable, RetryableStrategy,
};

use crate::answer::Answer;
use crate::draws::{DRAWS, assert_alike, drawn};
use crate::policies::model::{Called, Model};
use crate::policies::reqwest_retry::ReqwestRetry;
use crate::scripted::{Scripted, played};

#[tokio::test]
async fn the_model_retries_what_the_strategy_calls_transient() {
    let response = |status| Ok(http::Response::builder().status(status).body("").unwrap().into());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // and closed again
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging_up = Scripted::start(); // its script is empty
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(200)).build().unwrap();
    let error = async |address| {
        let sent = client.get(format!("http://{address}")).send().await;
        Err(reqwest_middleware::Error::Reqwest(sent.unwrap_err()))
    };
    let cases = [
        (Answer::OK, response(StatusCode::OK)),
        (Answer::BAD_GATEWAY, response(StatusCode::BAD_GATEWAY)),
        (Answer::UNAVAILABLE, response(StatusCode::SERVICE_UNAVAILABLE)),
        (Answer::REFUSED, error(closed).await),
        (Answer::RESET, error(hanging_up.address).await),
        (Answer::TIMEOUT, error(mute.local_addr().unwrap()).await),
    ];
    for (answer, result) in cases {
        let transient = matches!(DefaultRetryableStrategy.handle(&result), Some(Retryable::Transient));
        let mut call = Called::new(0, 7);
        call.attempts = 1;
        let modelled = ReqwestRetry.on_answer(&mut call, answer, Duration::ZERO).is_some();
        assert_eq!(modelled, transient, "{answer:?}: {result:?}");
    }
    assert_eq!(Answer::RESET.result, Err(Failure::Interrupted));
}

/// Both draw evenly from zero to the same longest wait.
#[test]
fn the_model_waits_as_the_policy_does() {
    let policy = ExponentialBackoff::builder().build_with_max_retries(3);
    for attempts in 1..=5 {
        let real: Vec<Duration> = (0..DRAWS).filter_map(|_| wait(&policy, attempts - 1)).collect();
        let modelled = drawn(&ReqwestRetry, attempts, Answer::UNAVAILABLE);
        match ReqwestRetry::longest_wait(attempts) {
            Some(longest) => assert_alike(real, modelled, longest, attempts),
            None => assert_eq!((real, modelled), (Vec::new(), Vec::new()), "after {attempts} attempts"),
        }
    }
}

fn wait(policy: &ExponentialBackoff, retries: u32) -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "the policy reads the clock, too")]
    let now = SystemTime::now();
    match policy.should_retry(now, retries) {
        RetryDecision::Retry { execute_after } => Some(execute_after.duration_since(now).unwrap()),
        RetryDecision::DoNotRetry => None,
    }
}

/// Of each kind of answer in each place, and of four that fail the end.
#[tokio::test(start_paused = true)]
async fn the_model_sends_as_many_attempts_as_reqwest_retry() {
    let server = Scripted::start();
    let policy = ExponentialBackoff::builder().build_with_max_retries(3);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(client).with(RetryTransientMiddleware::new_with_policy(policy)).build();
    let answers = [Answer::OK, Answer::BAD_GATEWAY, Answer::UNAVAILABLE.after(1), Answer::RESET];
    let mut by_attempts = [0; 5];
    for number in 0..answers.len().pow(4) {
        let script = [1, 4, 16, 64].map(|place| answers[number / place % answers.len()]);
        server.tell(&script);
        let _response_or_error = client.get(server.url()).send().await;
        let attempts = script.len() - server.left();
        let (modelled, _) = played(&mut ReqwestRetry, &script, Duration::ZERO);
        assert_eq!(modelled, attempts, "{script:?}");
        by_attempts[attempts] += 1;
    }
    assert_eq!(by_attempts, [0, 64, 48, 36, 108], "calls of 0, 1, 2, 3, 4 attempts");
}
