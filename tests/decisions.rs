//! What is decided, as stories on made-up time. Needs no feature but `test-util`.
#![cfg(test)]

use forbear::{Condition, Failure, Policy, Scenario, StopReason};

fn default() -> Scenario {
    Scenario::new(Policy::default())
}

#[test]
fn a_503_gets_two_patient_retries() {
    default()
        .at(0.0)
        .receives(503)
        .retries_within(0.5..=1.0)
        .at(1.0)
        .receives(503)
        .retries_within(1.0..=2.0)
        .at(3.0)
        .receives(503)
        .stops(StopReason::RuleAttempts);
}

#[test]
fn a_503_waits_as_the_server_asks_and_a_half_more_at_most() {
    for seed in 0..100 {
        default().seed(seed).at(0.0).with("retry-after", "10").receives(503).retries_within(10.0..=15.0);
    }
}

#[test]
fn conditions_have_the_retries_and_waits_of_the_table() {
    use Condition::*;
    // what comes back, and the longest wait before each retry
    let table: [(Condition, Result<u16, Failure>, &[f64]); 16] = [
        (Unavailable, Ok(503), &[1.0, 2.0]),
        (BadGateway, Ok(502), &[1.0, 2.0]),
        (BadGateway, Ok(520), &[1.0, 2.0]),
        (GatewayTimeout, Ok(504), &[2.0]),
        (GatewayTimeout, Ok(522), &[2.0]),
        (RateLimited, Ok(429), &[1.0, 2.0]),
        (RequestTimeout, Ok(408), &[1.0]),
        (TooEarly, Ok(425), &[1.0]),
        (OriginUnreachable, Ok(521), &[1.0, 2.0]),
        (ConnectFailed, Err(Failure::Connect), &[0.2, 0.4]),
        (StreamRefused, Err(Failure::StreamRefused), &[0.0, 0.2]),
        (Interrupted, Err(Failure::Interrupted), &[1.0]),
        (Timeout, Err(Failure::Timeout), &[2.0]),
        (InternalError, Ok(500), &[]),
        (Permanent, Ok(501), &[]),
        (Permanent, Err(Failure::ConnectPermanent), &[]),
    ];
    for (condition, from, waits) in table {
        let mut story = default();
        let mut now = 0.0;
        let next = |story: Scenario, now: f64| match from {
            Ok(status) => story.at(now).receives(status),
            Err(failure) => story.at(now).fails(failure),
        };
        for longest in waits {
            story = next(story, now).retries_within(longest / 2.0..=*longest);
            now += longest;
        }
        let last = if waits.is_empty() { StopReason::NoRetries } else { StopReason::RuleAttempts };
        story = next(story, now).stops(last);
        assert_eq!(story.report().unwrap().attempts().last().unwrap().condition(), Some(condition));
    }
}
