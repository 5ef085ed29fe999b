//! What is decided, as stories on made-up time. Needs no feature but `test-util`.
#![cfg(test)]

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forbear::{
    Backoff, Call, Condition, Confidence, Decision, Delivery, Diagnosis, Endpoints, Event, EventKind, Failure, Issuer,
    LookAt, Mode, Now, Outcome, Policy, PolicyBuilder, Repeat, Rule, Ruling, Scenario, StopReason, WaitSource,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

fn default() -> Scenario {
    Scenario::new(Policy::default())
}

fn with(change: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Scenario {
    Scenario::new(change(Policy::builder()).build().unwrap())
}

#[rustfmt::skip] // a story has a line for each thing that happens
mod stories {
    use super::*;

    #[test]
    fn a_503_gets_two_patient_retries() {
        default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(503).retries_within(1.0..=2.0)
            .at(3.0).receives(503).stops(StopReason::RuleAttempts);
    }

    #[test]
    fn a_503_waits_as_the_server_asks_and_half_as_long_again_at_most() {
        for seed in 0..100 {
            default().seed(seed)
                .at(0.0).with("retry-after", "10").receives(503).retries_within(10.0..=15.0);
        }
    }

    #[test]
    fn a_hint_is_a_minimum_for_every_condition_that_is_retried_but_makes_none_retryable() {
        default().at(0.0).with("retry-after", "7").receives(502).retries_within(7.0..=10.5);
        default().at(0.0).with("retry-after", "7").receives(504).retries_within(7.0..=10.5);
        default().at(0.0).with("retry-after", "1").receives(500).stops(StopReason::NoRetries);
        default().at(0.0).with("retry-after", "1").receives(404).is_handed_back();
        default().at(0.0).with("retry-after", "1").receives(301).is_handed_back();
    }

    #[test]
    fn a_hint_of_zero_or_nonsense_leaves_the_backoff_as_it_is() {
        for hint in ["0", "-1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            default().at(0.0).with("retry-after", hint).receives(503).retries_within(0.5..=1.0);
        }
    }

    #[test]
    fn a_hint_that_does_not_fit_stops_at_once_and_tells_when_to_ask_again() {
        let story = default()
            .at(1.0).with("retry-after", "3600").receives(503).stops(StopReason::HintTooLong);
        let report = story.report().unwrap();
        assert_eq!(report.hint(), Some(Duration::from_secs(3600)));
        assert_eq!(report.retry_at(), Some(UNIX_EPOCH + Duration::from_secs(3601)));

        let story = default()
            .at(0.0).with("retry-after", "99999999999999999999").receives(503).stops(StopReason::HintTooLong);
        assert_eq!(story.report().unwrap().hint(), Some(Duration::MAX));
        assert_eq!(story.report().unwrap().retry_at(), None, "cannot be represented");
    }

    #[test]
    fn a_hint_may_come_by_other_headers() {
        default().at(0.0).with("retry-after-ms", "4000").receives(503).retries_within(4.0..=6.0);
        default().at(0.0).with("x-ratelimit-reset", "4").receives(429).retries_within(4.0..=6.0);
        default().at(0.0).with("x-ratelimit-reset", "3600").receives(502).retries_within(0.5..=1.0); // not about rates
    }

    #[test]
    fn an_error_from_a_cache_is_not_asked_for_again_before_it_expires() {
        let cached = |age: &str, max_age: &str| default()
            .at(0.0).with("age", age).with("cache-control", max_age);
        cached("3", "max-age=10").receives(503).retries_within(7.0..=10.5);
        cached("3", "max-age=10").with("retry-after", "23").receives(503).retries_within(20.0..=30.0);
        cached("3", "max-age=3600").receives(503).stops(StopReason::HintTooLong);
        cached("0", "max-age=3600").receives(503).retries_within(0.5..=1.0);
    }

    #[test]
    fn what_limits_the_rate_behind_another_status_is_known_by_what_remains() {
        for status in [403, 503] {
            let limited = || default()
                .at(0.0).with("ratelimit", "\"a\";r=0;t=7").receives(status);
            let story = limited().retries_within(7.0..=10.5);
            assert_eq!(story.report().unwrap().attempts()[0].condition(), Some(Condition::RateLimited), "{status}");
        }
        default().at(0.0).with("ratelimit", "\"a\";r=1;t=7").receives(403).is_handed_back();
    }

    #[test]
    fn what_a_header_proves_lets_no_write_be_repeated_unless_that_is_trusted() {
        let trusting = || with(|policy| policy.trust_delivery(true)).method(Method::POST);
        default().method(Method::POST)
            .at(0.0).with("x-ratelimit-remaining", "0").receives(503).stops(StopReason::NotSafeToRepeat);
        trusting().at(0.0).with("x-ratelimit-remaining", "0").receives(503).retries_within(0.5..=1.0);
        for status in [521, 523, 530] {
            default().method(Method::POST).at(0.0).receives(status).stops(StopReason::NotSafeToRepeat);
            trusting().at(0.0).receives(status).retries_within(0.5..=1.0);
        }
        trusting().at(0.0).receives(503).stops(StopReason::NotSafeToRepeat);
        trusting().at(0.0).fails(Failure::Interrupted).stops(StopReason::NotSafeToRepeat);
    }

    #[test]
    fn a_proof_of_non_delivery_counts_for_a_write_only_if_it_is_trusted() {
        let trusting = || with(|policy| policy.trust_delivery(true)).method(Method::POST);
        for (name, value) in [
            ("x-squid-error", "ERR_CONNECT_FAIL 111"),
            ("server", "awselb/2.0"),
            ("proxy-status", "p; error=connection_refused"),
        ] {
            default().method(Method::POST).at(0.0).with(name, value).receives(503).stops(StopReason::NotSafeToRepeat);
            let story = trusting().at(0.0).with(name, value).receives(503).retries_within(0.5..=1.0);
            assert_eq!(story.report().unwrap().attempts()[0].condition(), Some(Condition::BadGateway), "{name}");
        }
        trusting().at(0.0).with("x-squid-error", "ERR_READ_ERROR 104").receives(502).stops(StopReason::NotSafeToRepeat);
        trusting().at(0.0).with("server", "CloudFront").receives(503).stops(StopReason::NotSafeToRepeat);
    }

    #[test]
    fn what_a_proxy_may_have_repeated_by_itself_it_proves_nothing_of() {
        let trusting = || with(|policy| policy.trust_delivery(true));
        for (method, expected) in [
            (Method::GET, Delivery::Unknown),
            (Method::PUT, Delivery::Unknown),
            (Method::POST, Delivery::NotDelivered),
        ] {
            let refused = trusting().method(method.clone()).at(0.0).with("x-squid-error", "ERR_CONNECT_FAIL 111");
            let story = refused.receives(503).retries_within(0.5..=1.0);
            assert_eq!(story.report().unwrap().attempts()[0].diagnosis().delivery(), expected, "{method}");
        }
        trusting().method(Method::PUT).idempotent(false)
            .at(0.0).with("x-squid-error", "ERR_CONNECT_FAIL 111").receives(503).stops(StopReason::NotSafeToRepeat);
    }

    #[test]
    fn a_proof_of_processing_or_of_a_lasting_fault_always_counts() {
        let limited = || default().method(Method::POST).at(0.0);
        limited().with("proxy-status", "p; error=http_response_timeout").receives(429).retries_within(0.5..=1.0);
        limited().with("proxy-status", "p; error=http_response_incomplete").receives(429)
            .stops(StopReason::NotSafeToRepeat);
        for error in ["tls_certificate_error", "proxy_loop_detected", "dns_error; rcode=\"NXDOMAIN\""] {
            let lasting = format!("p; error={error}");
            for status in [500, 502, 503, 504] {
                default().at(0.0).with("proxy-status", &lasting).receives(status).stops(StopReason::NoRetries);
            }
            let eager = default().at(0.0).with("proxy-status", &lasting).with("x-should-retry", "true");
            eager.receives(500).stops(StopReason::NoRetries);
        }
    }

    #[test]
    fn work_that_may_still_be_running_is_paid_for_as_such() {
        let gave_up = "p; error=http_response_timeout";
        default().at(0.0).with("proxy-status", gave_up).receives(503).retries_within(1.0..=2.0)
            .at(2.0).with("proxy-status", gave_up).receives(503).stops(StopReason::RuleAttempts);
        let never_began = "p; error=connection_timeout";
        default().at(0.0).with("proxy-status", never_began).receives(504).retries_within(1.0..=2.0); // no cheaper
    }

    #[test]
    fn the_server_may_forbid_a_retry_and_its_no_goes_before_its_yes() {
        default().at(0.0).with("x-should-retry", "false").receives(503).stops(StopReason::ServerForbids);
        default().at(0.0).with("grpc-retry-pushback-ms", "-1").receives(503).stops(StopReason::ServerForbids);
        default()
            .at(0.0).with("x-should-retry", "true").with("stripe-should-retry", "false").receives(503)
            .stops(StopReason::ServerForbids);
        default().at(0.0).with("x-should-retry", "false").receives(500).stops(StopReason::NoRetries);
        default().at(0.0).with("x-should-retry", "false").receives(404).is_handed_back();
        default()
            .at(0.0).with("x-should-retry", "false").receives(503).stops(StopReason::ServerForbids)
            .at(0.0).receives(503).retries_within(0.5..=1.0); // the next call is another
    }

    #[test]
    fn the_server_may_ask_for_a_retry_but_breaks_no_limit_with_it() {
        for status in [409, 500, 501] {
            let asked = |story: Scenario| story.at(0.0).with("x-should-retry", "true").receives(status);
            asked(default()).retries_within(0.5..=1.0);
            asked(default().method(Method::POST)).stops(StopReason::NotSafeToRepeat);
            asked(default().replayable(false)).stops(StopReason::NotReplayable);
            asked(with(|policy| policy.max_attempts(1))).stops(StopReason::Attempts);
        }
        default().at(0.0).with("x-should-retry", "true").receives(200).is_handed_back();
    }

    #[test]
    fn a_challenge_is_for_a_person() {
        for status in [403, 429, 503] {
            default().at(0.0).with("cf-mitigated", "challenge").receives(status).stops(StopReason::NoRetries);
        }
    }

    #[test]
    fn the_user_may_overrule_a_diagnosis_or_forbid_a_retry_but_breaks_no_limit_with_it() {
        let own = |outcome: &Outcome<'_>, diagnosis: &Diagnosis| match outcome.status().map(|status| status.as_u16()) {
            Some(409) => Ruling::Is(Condition::RateLimited),
            Some(503) => Ruling::NoRetry,
            Some(500) => Ruling::NoRetry,
            None if diagnosis.condition() == Some(Condition::Interrupted) => Ruling::Is(Condition::Permanent),
            _ => Ruling::AsDiagnosed,
        };
        let ruled = || with(|policy| policy.classify(own));
        ruled().at(0.0).with("retry-after", "7").receives(409).retries_within(7.0..=10.5);
        ruled().method(Method::POST).at(0.0).receives(409).retries_within(0.5..=1.0); // the user says what it proves
        ruled().replayable(false).at(0.0).receives(409).stops(StopReason::NotReplayable);
        ruled().at(0.0).receives(503).stops(StopReason::UserForbids);
        ruled().at(0.0).receives(500).stops(StopReason::NoRetries);
        ruled().at(0.0).receives(502).retries_within(0.5..=1.0);
        ruled().at(0.0).fails(Failure::Interrupted).stops(StopReason::NoRetries);
        ruled().at(0.0).fails(Failure::Caller).is_handed_back();
        ruled().at(0.0).receives(404).is_handed_back();
        ruled().at(0.0).receives(200).is_handed_back();
    }

    #[test]
    fn an_answer_ends_the_call_and_is_no_failure() {
        for status in [200, 204, 301, 400, 401, 403, 404, 409, 422] {
            let story = default().at(0.0).receives(status).is_handed_back();
            assert!(story.report().is_none(), "{status}");
        }
    }

    #[test]
    fn the_callers_own_error_is_handed_back_and_blames_nobody() {
        let story = default().at(0.0).fails(Failure::Caller).is_handed_back();
        assert!(story.report().is_none());
    }

    #[test]
    fn retries_of_one_condition_do_not_use_up_those_of_another_but_the_call_has_three_attempts() {
        default()
            .at(0.0).fails(Failure::Interrupted).retries_within(0.5..=1.0)
            .at(1.0).fails(Failure::Connect).retries_within(0.2..=0.4) // its second retry, whatever the first was for
            .at(2.0).receives(503).stops(StopReason::Attempts);
    }

    #[test]
    fn a_refused_stream_is_sent_again_at_once_and_for_nothing() {
        let mut story = default();
        for call in 0..20 {
            let at = f64::from(call);
            story = story.method(Method::POST)
                .at(at).fails(Failure::StreamRefused).retries_within(0.0..=0.0)
                .at(at).fails(Failure::StreamRefused).retries_within(0.1..=0.2)
                .at(at + 0.2).fails(Failure::StreamRefused).stops(StopReason::RuleAttempts);
        }
    }

    #[test]
    fn a_write_that_may_have_been_done_is_not_repeated() {
        for method in [Method::POST, Method::PATCH] {
            for status in [502, 503, 504, 408, 520, 521, 523, 524, 530] {
                default().method(method.clone()).at(0.0).receives(status).stops(StopReason::NotSafeToRepeat);
            }
            for failure in [Failure::Interrupted, Failure::Timeout] {
                default().method(method.clone()).at(0.0).fails(failure).stops(StopReason::NotSafeToRepeat);
            }
        }
    }

    #[test]
    fn a_write_that_was_certainly_not_done_is_repeated() {
        default().method(Method::POST).at(0.0).receives(429).retries_within(0.5..=1.0);
        default().method(Method::POST).at(0.0).receives(425).retries_within(0.5..=1.0);
        default().method(Method::POST).at(0.0).fails(Failure::Connect).retries_within(0.1..=0.2);
        default().method(Method::POST).at(0.0).fails(Failure::StreamRefused).retries_within(0.0..=0.0);
    }

    #[test]
    fn the_callers_word_goes_before_the_method() {
        default().method(Method::POST).idempotent(true).at(0.0).receives(503).retries_within(0.5..=1.0);
        default().method(Method::GET).idempotent(false).at(0.0).receives(503).stops(StopReason::NotSafeToRepeat);
    }

    #[test]
    fn a_rule_may_say_that_any_method_is_repeated() {
        let rule = Rule::new(1, Backoff::constant(Duration::from_secs(4))).with_repeat(Repeat::Any);
        with(|policy| policy.rule(Condition::InternalError, rule))
            .method(Method::POST)
            .at(0.0).receives(500).retries_within(2.0..=4.0)
            .at(4.0).receives(500).stops(StopReason::RuleAttempts);
    }

    #[test]
    fn a_body_that_cannot_be_replayed_is_sent_once() {
        default().replayable(false).at(0.0).receives(503).stops(StopReason::NotReplayable);
        default().replayable(false).at(0.0).fails(Failure::Connect).stops(StopReason::NotReplayable);
    }

    #[test]
    fn the_first_reason_in_the_order_of_the_questions_is_given() {
        let broke = || {
            with(|policy| policy.max_attempts(1).max_elapsed(Duration::ZERO))
                .method(Method::POST).replayable(false)
        };
        broke().at(0.0).receives(404).is_handed_back();
        broke().at(0.0).receives(500).stops(StopReason::NoRetries);
        broke().at(0.0).receives(503).stops(StopReason::NotSafeToRepeat);
        broke().idempotent(true).at(0.0).receives(503).stops(StopReason::NotReplayable);
        broke().idempotent(true).replayable(true).at(0.0).receives(503).stops(StopReason::Attempts);
        with(|policy| policy.max_elapsed(Duration::ZERO)).at(0.0).receives(503).stops(StopReason::NoTimeLeft);
        default()
            .at(0.0).fails(Failure::Timeout).retries_within(1.0..=2.0)
            .at(2.0).fails(Failure::Timeout).stops(StopReason::RuleAttempts)
            .at(2.0).with("retry-after", "3600").receives(503).stops(StopReason::HintTooLong)
            .at(2.0).receives(503).stops(StopReason::Budget);
    }

    #[test]
    fn one_attempt_sends_once() {
        with(|policy| policy.max_attempts(1)).at(0.0).receives(503).stops(StopReason::Attempts);
        with(|policy| policy.max_attempts(1)).at(0.0).fails(Failure::StreamRefused).stops(StopReason::Attempts);
    }

    #[test]
    fn a_policy_that_is_off_sends_once_and_keeps_silent() {
        let said = |event: &Event<'_>| panic!("{}", event.kind());
        let off = Policy::builder().mode(Mode::Off).build().unwrap();
        let story = Scenario::over(Endpoints::builder().fallback(off).observer(said).build().unwrap())
            .at(0.0).receives(503).is_handed_back()
            .at(0.0).fails(Failure::Connect).is_handed_back();
        assert!(story.report().is_none());
    }

    #[test]
    fn no_attempt_starts_after_max_elapsed_but_one_under_way_may_end_later() {
        with(|policy| policy.max_elapsed(Duration::from_secs(5)))
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(300.0).receives(503).stops(StopReason::NoTimeLeft);
        with(|policy| policy.max_elapsed(Duration::from_secs(5)))
            .calls_at(10.0)
            .at(14.0).receives(503).retries_within(0.5..=1.0)
            .at(99.0).receives(200).is_handed_back();
        // half of the backoff fits, so the jitter is cut to what is left
        let late = Policy::builder().max_elapsed(Duration::from_secs(5)).build().unwrap();
        for seed in 0..100 {
            let mut call = start(&Endpoints::new(late.clone()), Method::GET, seed);
            call.begin(at(0.0)).unwrap();
            let Decision::Retry(retry) = call.on_outcome(&unavailable(), at(4.4)) else { panic!("0.5 s fit into 0.6") };
            assert!(retry.wait() <= Duration::from_millis(600), "{retry:?}");
        }
    }

    #[test]
    fn max_elapsed_counts_from_the_first_attempt_and_the_timeout_from_the_start() {
        let five = Duration::from_secs(5);
        for (policy, reason) in [
            (Policy::builder().max_elapsed(five), None),
            (Policy::builder().timeout(five), Some(StopReason::NoTimeLeft)),
        ] {
            let mut call = start(&quiet(policy.build().unwrap()), Method::GET, 0);
            call.begin(at(4.8)).unwrap();
            match call.on_outcome(&unavailable(), at(4.8)) {
                Decision::Retry(_) => assert_eq!(reason, None),
                Decision::Done(done) => assert_eq!(done.reason(), reason),
            }
        }
    }

    #[test]
    fn the_calls_timeout_limits_the_start_of_attempts_too() {
        with(|policy| policy.timeout(Duration::from_secs(5)))
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(4.9).receives(503).stops(StopReason::NoTimeLeft);
        for hint in ["5", "6"] {
            with(|policy| policy.timeout(Duration::from_secs(5)))
                .at(0.0).with("retry-after", hint).receives(503).stops(StopReason::HintTooLong);
        }
        with(|policy| policy.max_elapsed(Duration::from_secs(5)))
            .at(0.0).with("retry-after", "5").receives(503).retries_within(5.0..=5.0)
            .at(5.0).receives(200).is_handed_back();
    }

    #[test]
    fn a_wait_that_overshot_sends_nothing_and_gives_the_price_back() {
        let story = default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .wakes_too_late_at(61.0);
        let report = story.report().unwrap();
        assert_eq!((report.reason(), report.elapsed()), (Some(StopReason::NoTimeLeft), Duration::from_secs(61)));
        assert!(report.to_string().ends_with(" s; woke after 61.000 s, stopped: no time left"), "{report}");
        // A timeout costs all of the four credits.
        story.at(61.0).fails(Failure::Timeout).retries_within(1.0..=2.0);
    }

    #[test]
    fn a_call_dropped_while_it_waits_gives_the_price_back() {
        default()
            .at(0.0).receives(503).retries_within(0.5..=1.0).abandons()
            .at(1.0).fails(Failure::Timeout).retries_within(1.0..=2.0);
    }

    #[test]
    fn a_retry_that_works_is_free_and_one_that_does_not_is_paid_for() {
        default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(200).is_handed_back()
            .at(1.0).fails(Failure::Timeout).retries_within(1.0..=2.0);
        default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(500).stops(StopReason::NoRetries)
            .at(1.0).fails(Failure::Timeout).stops(StopReason::Budget);
    }

    #[test]
    fn a_call_that_recovers_gets_back_what_all_its_retries_cost() {
        default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(503).retries_within(1.0..=2.0)
            .at(3.0).receives(200).is_handed_back()
            .at(3.0).fails(Failure::Timeout).retries_within(1.0..=2.0);
    }

    #[test]
    fn a_retry_that_is_refused_for_its_wait_costs_nothing() {
        default()
            .at(0.0).with("retry-after", "3600").receives(503).stops(StopReason::HintTooLong)
            .at(0.0).fails(Failure::Timeout).retries_within(1.0..=2.0);
    }

    #[test]
    fn the_callers_own_error_earns_nothing() {
        let mut story = default()
            .at(0.0).fails(Failure::Timeout).retries_within(1.0..=2.0)
            .at(2.0).fails(Failure::Timeout).stops(StopReason::RuleAttempts);
        for _ in 0..20 {
            story = story.at(2.0).fails(Failure::Caller).is_handed_back();
        }
        story.at(2.0).receives(503).stops(StopReason::Budget);
    }

    #[test]
    fn the_callers_own_error_after_a_retry_is_in_the_report_and_recovers_nothing() {
        let story = default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).fails(Failure::Caller).is_handed_back();
        let report = story.report().unwrap();
        assert_eq!((report.attempts().len(), report.reason(), report.is_recovered()), (2, None, false));
        assert!(report.to_string().ends_with("attempt 2 at 1.000 s: the caller's own error"), "{report}");
    }

    #[test]
    fn the_time_to_ask_again_counts_from_the_last_response() {
        let story = default()
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).with("retry-after", "3600").receives(503).stops(StopReason::HintTooLong);
        assert_eq!(story.report().unwrap().retry_at(), Some(UNIX_EPOCH + Duration::from_secs(3601)));
    }

    #[test]
    fn a_call_that_recovers_has_a_report_of_all_its_attempts() {
        let story = default()
            .calls_at(0.0)
            .at(0.25).with("retry-after", "2").receives(503).retries_within(2.0..=3.0)
            .at(3.5).receives(200).is_handed_back();
        let report = story.report().unwrap();
        assert!(report.is_recovered());
        let [first, second] = report.attempts() else { panic!("{report}") };
        assert_eq!((first.number(), first.status(), first.condition()), (1, Some(StatusCode::SERVICE_UNAVAILABLE), Some(Condition::Unavailable)));
        assert_eq!((first.elapsed(), first.wait_source()), (Duration::from_millis(250), Some(WaitSource::Hint)));
        assert_eq!((second.number(), second.status(), second.condition()), (2, Some(StatusCode::OK), None));
        assert_eq!((second.wait(), report.elapsed()), (None, Duration::from_millis(3500)));
    }
}

#[test]
fn html_in_answer_to_a_request_for_json_comes_from_a_proxy_but_for_what_says_more() {
    use Issuer::{Application, Nginx, Proxy, Unknown};
    let html = ("content-type", "text/html; charset=utf-8");
    let page = "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>";
    // status, headers, body; issuer, and where to look
    for (status, lines, body, issuer, look_at) in [
        (502, &[html][..], "", Proxy, LookAt::Infrastructure),
        (503, &[html], "", Proxy, LookAt::Mixed),
        (504, &[html], "", Proxy, LookAt::Mixed),
        (500, &[html], "", Proxy, LookAt::Mixed),
        (501, &[html], "", Proxy, LookAt::Mixed),
        (502, &[html], page, Nginx, LookAt::Infrastructure),
        (502, &[html, ("x-powered-by", "Express")], "", Application, LookAt::Application),
        (503, &[html, ("proxy-status", "p; error=connection_refused")], "", Proxy, LookAt::Infrastructure),
        (503, &[html, ("proxy-status", "p; received-status=503")], "", Unknown, LookAt::Mixed),
        (503, &[html, ("x-envoy-upstream-service-time", "7")], "", Unknown, LookAt::Mixed),
        (429, &[html], "", Unknown, LookAt::Capacity),
        (503, &[("content-type", "text/plain")], "", Unknown, LookAt::Mixed),
        (503, &[], "", Unknown, LookAt::Mixed),
    ] {
        let header = |&(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers: HeaderMap = lines.iter().map(header).collect();
        let outcome = Outcome::response(StatusCode::from_u16(status).unwrap(), &headers, UNIX_EPOCH);
        let outcome = outcome.body(body.as_bytes());
        let [plain, asked] = [false, true].map(|asked| Diagnosis::of(&outcome.clone().asked_for_json(asked)));
        assert_eq!((asked.issuer(), asked.look_at()), (issuer, Some(look_at)), "{status} {lines:?}");
        if plain.issuer() == issuer {
            assert_eq!(asked, plain, "{status} {lines:?}");
        } else {
            assert_eq!((plain.issuer(), asked.confidence()), (Unknown, Confidence::Weak), "{status} {lines:?}");
            assert_eq!(asked.evidence().collect::<Vec<_>>(), ["content-type"], "{status} {lines:?}");
            assert!(asked.advice().unwrap().starts_with("probably a proxy "), "{status} {:?}", asked.advice());
            assert_eq!((asked.condition(), asked.delivery()), (plain.condition(), plain.delivery()), "{status}");
        }
    }
}

#[test]
fn a_failing_story_shows_its_whole_timeline() {
    let message = std::panic::catch_unwind(|| {
        let story = default().at(0.0).receives(503).retries_within(0.5..=1.0);
        story.at(1.0).with("retry-after", "soon").receives(502).stops(StopReason::Budget)
    })
    .unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    for part in
        ["expected a stop because of Budget", "0.000 s  attempt 1 receives 503", "1.000 s  attempt 2 receives 502"]
    {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
}

#[test]
fn conditions_have_the_retries_and_waits_of_the_table() {
    use Condition::*;
    // what comes back, and the longest wait before each retry
    let table: [(Condition, Result<u16, Failure>, &[f64]); 19] = [
        (Unavailable, Ok(503), &[1.0, 2.0]),
        (BadGateway, Ok(502), &[1.0, 2.0]),
        (BadGateway, Ok(520), &[1.0, 2.0]),
        (GatewayTimeout, Ok(504), &[2.0]),
        (GatewayTimeout, Ok(522), &[2.0]),
        (GatewayTimeout, Ok(524), &[2.0]),
        (RateLimited, Ok(429), &[1.0, 2.0]),
        (RequestTimeout, Ok(408), &[1.0]),
        (TooEarly, Ok(425), &[1.0]),
        (OriginUnreachable, Ok(521), &[1.0, 2.0]),
        (OriginUnreachable, Ok(523), &[1.0, 2.0]),
        (OriginUnreachable, Ok(530), &[1.0, 2.0]),
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

#[test]
fn four_credits_pay_for_four_retries_or_for_one_after_a_timeout() {
    for (outcome, expected) in [
        (Outcome::failure(Failure::Connect), 4),
        (Outcome::failure(Failure::Interrupted), 4),
        (Outcome::failure(Failure::Timeout), 1),
    ] {
        let endpoints = quiet(Policy::default());
        let mut paid = 0;
        for seed in 0..20 {
            let mut call = start(&endpoints, Method::GET, seed);
            while call.begin(at(0.0)).is_ok() {
                paid += u32::from(matches!(call.on_outcome(&outcome, at(0.0)), Decision::Retry(_)));
            }
        }
        assert_eq!(paid, expected, "{outcome:?}");
        assert!(endpoints.snapshot(at(0.0)).endpoints()[0].credit().abs() < 0.001, "{outcome:?} costs them all");
    }
}

#[test]
fn whatever_a_server_hints_all_waits_of_a_call_fit_into_its_max_elapsed() {
    let tireless = Rule::new(u32::MAX, Backoff::constant(Duration::ZERO)).with_price(0);
    let policy = Policy::builder().max_attempts(1_000).rule(Condition::Unavailable, tireless).build().unwrap();
    // Each with the fewest attempts that it leaves room for.
    for (hint, fewest) in [
        ("0", 1_000),
        ("1", 40),
        ("7", 6),
        ("29", 2),
        ("60", 2),
        ("61", 1),
        ("18446744073709551615", 1),
        ("99999999999999999999", 1),
    ] {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static(hint))]);
        let outcome = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, UNIX_EPOCH);
        for seed in 0..50 {
            let mut call = start(&quiet(policy.clone()), Method::GET, seed);
            let (mut waited, mut attempts) = (Duration::ZERO, 0);
            while call.begin(Now::from_origin(waited)).is_ok() {
                attempts += 1;
                let Decision::Retry(retry) = call.on_outcome(&outcome, Now::from_origin(waited)) else { break };
                waited += retry.wait();
            }
            assert!(waited <= Duration::from_secs(60), "{hint}: {waited:?}");
            assert!(attempts >= fewest, "{hint}: {attempts} attempts");
        }
    }
}

#[test]
fn a_server_that_always_asks_for_a_retry_gets_what_the_calls_and_the_budget_have() {
    let asks = [("x-should-retry", "true"), ("stripe-should-retry", "true"), ("retry-after", "0")];
    let headers = asks.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers = HeaderMap::from_iter(headers);
    for status in [409, 429, 500, 501, 502, 503] {
        let attempts =
            attempts_of(100, &Outcome::response(StatusCode::from_u16(status).unwrap(), &headers, UNIX_EPOCH));
        assert_eq!(attempts[..3], [3, 3, 1], "{status}: three for a call, while four credits last");
        assert_eq!(attempts.iter().sum::<u32>(), 104, "{status}: {attempts:?}");
    }
    let refused = attempts_of(100, &Outcome::failure(Failure::StreamRefused));
    assert_eq!(refused, [3; 100], "what was proven not to be processed is free, and no more than the rule says");
}

/// Returns how many attempts each of so many calls makes, one after the other, of which all fail so.
fn attempts_of(calls: u64, outcome: &Outcome<'_>) -> Vec<u32> {
    let endpoints = quiet(Policy::default());
    let attempts = |seed| {
        let mut call = start(&endpoints, Method::GET, seed);
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while call.begin(Now::from_origin(now)).is_ok() {
            sent += 1;
            let Decision::Retry(retry) = call.on_outcome(outcome, Now::default()) else { break };
            now += retry.wait();
        }
        sent
    };
    (0..calls).map(attempts).collect()
}

#[test]
fn a_call_that_fails_alone_may_make_all_its_attempts() {
    for outcome in [unavailable(), Outcome::failure(Failure::Connect)] {
        let mut call = start(&quiet(Policy::background()), Method::GET, 7);
        let mut sent = 0;
        while call.begin(at(0.0)).is_ok() {
            sent += 1;
            let Decision::Retry(_) = call.on_outcome(&outcome, at(0.0)) else { break };
        }
        assert_eq!(sent, Policy::background().max_attempts(), "four credits are enough");
    }
}

#[test]
fn each_host_has_a_budget_of_its_own() {
    let endpoints = quiet(Policy::default());
    let retries = |uri: &'static str| {
        let mut call = endpoints.call(&Method::GET, &Uri::from_static(uri)).replayable(true).start(at(0.0), 0);
        call.begin(at(0.0)).unwrap();
        let retries = matches!(call.on_outcome(&Outcome::failure(Failure::Timeout), at(0.0)), Decision::Retry(_));
        let _spent = call.begin(at(1.0));
        retries
    };
    assert!(retries("http://a.internal/v1"));
    assert!(!retries("http://a.internal:80/v2"), "the same host");
    assert!(retries("http://a.internal:8080/v1"), "another port");
    assert!(retries("https://a.internal/v1"), "another scheme");
    assert!(retries("http://b.internal/v1"), "another host");
}

#[test]
fn an_idempotency_key_makes_a_write_repeatable_unless_it_is_empty_or_the_caller_objects() {
    let uri = Uri::from_static("http://payments.internal/v1/charges");
    let endpoints = quiet(Policy::default());
    for (method, key, word, repeated) in [
        (Method::POST, "7f", None, true),
        (Method::POST, "", None, false),
        (Method::POST, "7f", Some(false), false),
        (Method::POST, "", Some(true), true),
        (Method::PUT, "7f", None, true),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", key.parse().unwrap());
        let write = || endpoints.call(&method, &uri).replayable(true);
        let either_order = match word {
            None => [write().headers(&headers), write().headers(&headers)],
            Some(word) => [write().headers(&headers).idempotent(word), write().idempotent(word).headers(&headers)],
        };
        for builder in either_order {
            let mut call = builder.start(at(0.0), 0);
            call.begin(at(0.0)).unwrap();
            let decision = call.on_outcome(&unavailable(), at(0.0));
            let row = format!("{method}, key {key:?}, word {word:?}: {decision:?}");
            assert_eq!(matches!(decision, Decision::Retry(_)), repeated, "{row}");
        }
    }
}

#[test]
fn after_a_redirect_nothing_proves_that_a_write_was_not_done() {
    let refused = Outcome::failure(Failure::Connect);
    for (method, redirected, hidden, repeated) in [
        (Method::POST, false, false, true),
        (Method::POST, true, false, false),
        (Method::POST, false, true, false),
        (Method::GET, true, true, true),
    ] {
        let endpoints = quiet(Policy::default());
        let uri = Uri::from_static("http://orders.internal");
        let mut call = endpoints.call(&method, &uri).replayable(true).hidden_redirects(hidden).start(at(0.0), 0);
        let attempt = call.begin(at(0.0)).unwrap();
        assert_eq!(attempt.is_last(), hidden && !repeated, "{method}: the request need not be kept");
        let decision = call.on_outcome(&refused.clone().redirected(redirected), at(0.0));
        assert_eq!(matches!(decision, Decision::Retry(_)), repeated, "{method} {redirected} {hidden}");
    }
}

#[test]
fn an_observer_that_panics_is_not_told_again_while_the_call_is_dropped() {
    let endpoints = Endpoints::builder().observer(|event: &Event<'_>| panic!("{}", event.kind())).build().unwrap();
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let mut call = start(&endpoints, Method::GET, 0);
        call.begin(at(0.0)).unwrap();
        let _ = call.on_outcome(&unavailable(), at(0.0));
    }));
    // To panic a second time while the first unwinds would abort.
    assert_eq!(panicked.unwrap_err().downcast_ref::<String>().unwrap(), "retry");
}

#[test]
fn an_attempt_has_the_shorter_of_its_own_time_and_the_calls() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (attempt_timeout, timeout, first, second) in [
        (None, None, None, None),
        (seconds(3), None, seconds(3), seconds(3)),
        (None, seconds(10), seconds(10), seconds(6)),
        (seconds(3), seconds(10), seconds(3), seconds(3)),
        (seconds(8), seconds(10), seconds(8), seconds(6)),
    ] {
        let mut policy = Policy::builder();
        if let Some(timeout) = attempt_timeout {
            policy = policy.attempt_timeout(timeout);
        }
        if let Some(timeout) = timeout {
            policy = policy.timeout(timeout);
        }
        let mut call = start(&quiet(policy.build().unwrap()), Method::GET, 0);
        assert_eq!(call.begin(at(0.0)).unwrap().timeout(), first);
        assert!(matches!(call.on_outcome(&unavailable(), at(1.0)), Decision::Retry(_)));
        let attempt = call.begin(at(4.0)).unwrap();
        assert_eq!(attempt.timeout(), second);
        assert_eq!(attempt.time_left(), timeout.map(|timeout| timeout - Duration::from_secs(4)));
    }
}

#[test]
fn the_calls_own_timeout_goes_before_the_policys() {
    let policy = Policy::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let uri = Uri::from_static("http://orders.internal");
    for timeout in [2, 20].map(Duration::from_secs) {
        let mut call = quiet(policy.clone()).call(&Method::GET, &uri).timeout(timeout).start(at(0.0), 0);
        assert_eq!(call.begin(at(0.0)).unwrap().time_left(), Some(timeout));
    }
}

#[test]
fn no_attempt_begins_once_the_time_of_the_call_is_up() {
    let policy = Policy::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let mut first = start(&quiet(policy.clone()), Method::GET, 0);
    assert!(first.begin(at(5.0)).is_err(), "no time is left for the first");
    assert!(first.begin(at(0.0)).is_err(), "it has ended");
    assert!(first.report().is_none());
    let mut second = start(&quiet(policy), Method::GET, 0);
    second.begin(at(0.0)).unwrap();
    assert!(matches!(second.on_outcome(&unavailable(), at(1.0)), Decision::Retry(_)));
    assert!(second.begin(at(5.0)).is_err(), "no time is left for the second");
}

#[test]
fn the_last_attempt_knows_that_it_is() {
    for (max_attempts, replayable, expected) in
        [(1, true, &[true][..]), (2, true, &[false, true]), (3, false, &[true]), (3, true, &[false, false, true])]
    {
        let endpoints = quiet(Policy::builder().max_attempts(max_attempts).build().unwrap());
        let uri = Uri::from_static("http://orders.internal");
        let mut call = endpoints.call(&Method::GET, &uri).replayable(replayable).start(at(0.0), 0);
        let mut last = Vec::new();
        while let Ok(attempt) = call.begin(at(3.0)) {
            last.push(attempt.is_last());
            let _ = call.on_outcome(&unavailable(), at(0.0));
        }
        assert_eq!(last, expected, "{max_attempts} attempts, replayable: {replayable}");
    }
}

#[test]
fn a_call_is_not_replayable_until_somebody_says_so() {
    let uri = Uri::from_static("http://orders.internal");
    let mut call = quiet(Policy::default()).call(&Method::GET, &uri).start(at(0.0), 0);
    call.begin(at(0.0)).unwrap();
    let Decision::Done(done) = call.on_outcome(&unavailable(), at(0.0)) else { panic!("sent again") };
    assert_eq!(done.reason(), Some(StopReason::NotReplayable));
}

#[test]
fn what_is_only_observed_is_sent_once_and_pays_nothing() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let observer = move |event: &Event<'_>| {
        let wait = event.attempt_report().and_then(|attempt| attempt.wait());
        listener.lock().unwrap().push((event.kind(), event.reason(), wait.is_some(), event.budget()));
    };
    let observing = Policy::builder().mode(Mode::Observe).build().unwrap();
    let endpoints = Endpoints::builder().fallback(observing).observer(observer).build().unwrap();
    for (method, reason, waits) in
        [(Method::GET, StopReason::Observe, true), (Method::POST, StopReason::NotSafeToRepeat, false)]
    {
        let mut call = start(&endpoints, method, 7);
        assert!(call.begin(at(0.0)).unwrap().is_last(), "nobody need keep the request");
        let decision = call.on_outcome(&unavailable(), at(0.0));
        assert_eq!(decision.to_string(), format!("stop: {}", reason.as_str()));
        assert!(call.begin(at(10.0)).is_err());
        let told = call.into_report().unwrap().to_string();
        assert!(told.ends_with(&format!("; stopped: {reason}")), "{told}");
        assert_eq!((told.contains("; would retry after"), told.contains("; retry after")), (waits, false), "{told}");
        assert_eq!(said.lock().unwrap().pop(), Some((EventKind::Stop, Some(reason), waits, Some(4.0))));
    }
    assert!(said.lock().unwrap().is_empty());
}

#[test]
fn where_hidden_redirects_alone_are_in_the_way_the_remedy_says_so() {
    let refused = || Outcome::failure(Failure::Connect);
    for (hidden, method, outcome, remedy) in [
        (true, Method::POST, refused(), Some("let the client see redirects, or rule them out")),
        (true, Method::POST, unavailable(), Some("send Idempotency-Key")), // would not be repeated anyhow
        (false, Method::POST, unavailable(), Some("send Idempotency-Key")),
        (false, Method::POST, refused(), None), // is repeated
        (true, Method::GET, refused(), None),
    ] {
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&said);
        let observer = move |event: &Event<'_>| listener.lock().unwrap().push(event.remedy());
        let endpoints = Endpoints::builder().observer(observer).build().unwrap();
        let uri = Uri::from_static("http://orders.internal");
        let mut call = endpoints.call(&method, &uri).replayable(true).hidden_redirects(hidden).start(at(0.0), 7);
        call.begin(at(0.0)).unwrap();
        let _decision = call.on_outcome(&outcome, at(0.0));
        let said = said.lock().unwrap()[0];
        assert_eq!(said.is_some(), remedy.is_some(), "{hidden}, {method}: {said:?}");
        assert!(said.unwrap_or_default().starts_with(remedy.unwrap_or_default()), "{hidden}, {method}: {said:?}");
    }
}

#[test]
fn a_mode_that_is_switched_goes_before_that_of_the_policy_and_one_endpoints_before_that_of_all() {
    let policy = |mode| Policy::builder().mode(mode).build().unwrap();
    let (on, observe, off) = (Some(Mode::On), Some(Mode::Observe), Some(Mode::Off));
    for (configured, all, fallback, expected) in [
        (Mode::On, None, None, on),
        (Mode::Off, None, None, off),
        (Mode::On, observe, None, observe),
        (Mode::Off, on, None, on),
        (Mode::On, off, observe, observe),
        (Mode::Off, observe, on, on),
        (Mode::Observe, None, off, off),
    ] {
        let endpoints = quiet(policy(configured));
        let mut under_way = start(&endpoints, Method::GET, 7);
        endpoints.switch(all);
        assert!(endpoints.switch_endpoint("fallback", fallback));
        let decide = |call: &mut Call| {
            call.begin(at(0.0)).unwrap();
            match call.on_outcome(&unavailable(), at(0.0)) {
                Decision::Retry(_) => on,
                Decision::Done(done) => done.reason().map_or(off, |_| observe),
            }
        };
        let case = format!("{configured:?}, {all:?}, {fallback:?}");
        assert_eq!(decide(&mut start(&endpoints, Method::GET, 7)), expected, "{case}");
        assert_eq!(decide(&mut under_way), Some(configured), "{case}: it ends as it began");
        for host in endpoints.snapshot(at(0.0)).endpoints() {
            assert_eq!(Some(host.mode()), expected, "{case}: it is told");
        }
        endpoints.switch(None);
        assert!(endpoints.switch_endpoint("fallback", None));
        assert_eq!(decide(&mut start(&endpoints, Method::GET, 7)), Some(configured), "{case}: given back");
    }
}

#[test]
fn the_seed_makes_the_jitter() {
    let wait = |seed| {
        let mut call = start(&quiet(Policy::default()), Method::GET, seed);
        call.begin(at(0.0)).unwrap();
        let Decision::Retry(retry) = call.on_outcome(&unavailable(), at(0.0)) else { panic!("not retried") };
        retry.wait()
    };
    assert_eq!(wait(1), wait(1));
    assert_ne!(wait(1), wait(2));
}

#[test]
fn the_events_of_a_call_have_its_own_time_credit_and_limits() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let observer = move |event: &Event<'_>| {
        let condition = event.attempt_report().and_then(|attempt| attempt.condition());
        let credit = event.budget().map(|credit| format!("{credit:.1}"));
        listener.lock().unwrap().push((event.kind(), condition, event.elapsed(), credit, event.max_attempts()));
    };
    let endpoints = Endpoints::builder().observer(observer).build().unwrap();
    let uri = Uri::from_static("http://orders.internal");
    let four = Policy::builder().max_attempts(4).build().unwrap();
    let begun = |at: Now| {
        let mut call = endpoints.call(&Method::GET, &uri).replayable(true).policy(four.clone()).start(at, 0);
        call.begin(at).unwrap();
        call
    };
    drop(endpoints.call(&Method::GET, &uri).start(at(0.0), 0)); // never begun: nothing to say
    let mut dropped = begun(at(100.0));
    let _ = dropped.on_outcome(&unavailable(), at(101.0));
    dropped.begin(at(103.0)).unwrap();
    drop(dropped); // in flight: it has no outcome
    let mut objected = begun(at(103.0));
    let _ = objected.on_outcome(&unavailable(), at(103.0));
    objected.begin(at(105.0)).unwrap();
    let _ = objected.on_outcome(&Outcome::failure(Failure::Caller), at(105.0)); // blames nobody: nothing to say
    let mut spent = begun(at(103.0));
    let _ = spent.on_outcome(&Outcome::failure(Failure::Timeout), at(150.0));

    let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
    let credit = |text: &str| Some(text.to_owned());
    let expected = [
        (EventKind::Retry, Some(Condition::Unavailable), seconds(1.0), credit("3.0"), 4),
        (EventKind::Abandoned, None, None, None, 4),
        (EventKind::Retry, Some(Condition::Unavailable), seconds(0.0), credit("2.0"), 4),
        (EventKind::Stop, Some(Condition::Timeout), seconds(47.0), credit("2.8"), 4),
        (EventKind::IncidentOpened, Some(Condition::Timeout), seconds(47.0), credit("2.8"), 4),
    ];
    assert_eq!(*said.lock().unwrap(), expected);
}

#[test]
fn a_call_that_has_ended_or_waits_for_nothing_begins_no_attempt() {
    let mut call = start(&quiet(Policy::default()), Method::GET, 0);
    assert_eq!(call.on_outcome(&unavailable(), at(0.0)), done(), "nothing was sent");
    call.begin(at(0.0)).unwrap();
    assert!(call.begin(at(0.0)).is_err(), "no decision permits a second attempt");
    assert!(matches!(call.on_outcome(&unavailable(), at(0.0)), Decision::Retry(_)));
    call.begin(at(1.0)).unwrap();
    let ok = HeaderMap::new();
    let ok = Outcome::response(StatusCode::OK, &ok, SystemTime::UNIX_EPOCH);
    assert_eq!(call.on_outcome(&ok, at(1.0)), done());
    assert!(call.begin(at(1.0)).is_err());
    assert_eq!(call.on_outcome(&unavailable(), at(1.0)), done());
}

#[test]
fn a_report_is_one_readable_line_per_attempt() {
    let story = default().at(0.0).with("retry-after", "2").receives(503).retries_within(2.0..=3.0);
    let story = story.at(3.0).fails(Failure::Interrupted).retries_within(0.5..=1.0);
    let story = story.at(4.5).with("retry-after", "soon").receives(502).stops(StopReason::Attempts);
    let report = story.report().unwrap();
    let waits = [0, 1].map(|index| report.attempts()[index].wait().unwrap().as_secs_f64());
    assert_eq!(
        report.to_string(),
        format!(
            "attempt 1 at 0.000 s: 503 unavailable, server asks for 2.000 s; retry after {:.3} s\n\
             attempt 2 at 3.000 s: interrupted; retry after {:.3} s\n\
             attempt 3 at 4.500 s: 502 bad_gateway, hint not understood; stopped: no attempts left",
            waits[0], waits[1]
        )
    );
}

fn quiet(policy: Policy) -> Endpoints {
    Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn start(endpoints: &Endpoints, method: Method, seed: u64) -> Call {
    endpoints.call(&method, &Uri::from_static("http://orders.internal")).replayable(true).start(at(0.0), seed)
}

fn unavailable() -> Outcome<'static> {
    static HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &HEADERS, SystemTime::UNIX_EPOCH)
}

fn done() -> Decision {
    let mut call = start(&quiet(Policy::default()), Method::GET, 0);
    call.begin(at(0.0)).unwrap();
    call.on_outcome(&Outcome::failure(Failure::Caller), at(0.0))
}

fn at(seconds: f64) -> Now {
    Now::from_origin(Duration::from_secs_f64(seconds))
}
