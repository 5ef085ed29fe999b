//! What the engine promises by its types, without reqwest, tokio and tracing.
#![cfg(test)]

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;

use forbear::{
    Attempt, AttemptReport, Backoff, Budget, BudgetBuilder, BudgetError, Call, CallBuilder, Carrier, Classify,
    Condition, Confidence, Decision, Delivery, Diagnosis, Done, EndpointSnapshot, Endpoints, EndpointsBuilder,
    EndpointsError, Event, EventKind, Failure, Incident, Issuer, LookAt, Mode, Now, Observer, Outcome, Overrides,
    Policy, PolicyBuilder, PolicyError, Repeat, Report, Retry, Rule, Ruling, Snapshot, StopReason, TooLate, WaitSource,
};
use http::{HeaderMap, Method, StatusCode, Uri};

fn moves_and_unwinds<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}

#[test]
fn all_of_it_may_be_sent_shared_and_unwound_through() {
    moves_and_unwinds::<(Attempt, AttemptReport, Backoff, Budget, BudgetBuilder, BudgetError, Call, CallBuilder<'_>)>();
    moves_and_unwinds::<(Condition, Confidence, Decision, Delivery, Diagnosis, Done, EndpointSnapshot, Endpoints)>();
    moves_and_unwinds::<(EndpointsBuilder, EndpointsError, Event<'_>, EventKind, Failure, Incident, Issuer, LookAt)>();
    moves_and_unwinds::<(Mode, Now, Outcome<'_>, Overrides, Policy, PolicyBuilder, PolicyError, Repeat, Report)>();
    moves_and_unwinds::<(Retry, Rule, Ruling, Snapshot, StopReason, TooLate, WaitSource)>();
}

#[test]
fn its_traits_are_objects() {
    let classify: Arc<dyn Classify> = Arc::new(|_: &Outcome<'_>, _: &Diagnosis| Ruling::NoRetry);
    let headers = HeaderMap::new();
    let outcome = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, std::time::SystemTime::UNIX_EPOCH);
    assert_eq!(classify.classify(&outcome, &Diagnosis::of(&outcome)), Ruling::NoRetry);
    let observer: Arc<dyn Observer> = Arc::new(|_: &Event<'_>| {});
    drop(Endpoints::builder().observer(observer).build().unwrap());
    let carrier: &dyn Carrier = &http::Response::new(());
    assert!(carrier.extensions().is_empty());
}

/// An observer that panics takes its call with it, and nothing else.
#[test]
fn what_is_unwound_through_is_right_afterwards() {
    let endpoints = Endpoints::builder().observer(|_: &Event<'_>| panic!("the observer's own bug")).build().unwrap();
    let uri = Uri::from_static("http://orders.internal");
    let call = || endpoints.call(&Method::GET, &uri).replayable(true).start(Now::default(), 7);
    for _ in 0..3 {
        let mut call = call();
        call.begin(Now::default()).unwrap();
        let refused = Outcome::failure(Failure::Connect);
        catch_unwind(AssertUnwindSafe(|| call.on_outcome(&refused, Now::default()))).unwrap_err();
        drop(call); // it is not told again
    }
    let snapshot = endpoints.snapshot(Now::default());
    assert!(snapshot.endpoints()[0].credit() > 3.99, "no retry was sent: each price was given back");
    assert_eq!(snapshot.endpoints()[0].waiting(), 0);
}

/// A call of a policy and a budget counts for nobody else, and opens no incident by itself.
#[test]
fn a_call_without_endpoints_pays_from_its_budget_and_is_told_of() {
    let (policy, budget, uri) = (Policy::default(), Budget::new(), Uri::from_static("https://api.example.com/v1"));
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    for _ in 0..3 {
        let listener = Arc::clone(&said);
        let observer = move |event: &Event<'_>| {
            listener.lock().unwrap().push((event.kind(), event.server_address().to_owned()));
        };
        let call = Call::of(policy.clone(), &budget, &Method::GET, &uri).observer(observer).replayable(true);
        let mut call = call.start(Now::default(), 7);
        let mut now = Now::default();
        while call.begin(now).is_ok() {
            match call.on_outcome(&Outcome::failure(Failure::Connect), now) {
                Decision::Retry(retry) => now = Now::from_origin(now.since_origin() + retry.wait()),
                Decision::Done(_) => break,
            }
        }
    }
    let kinds: Vec<_> = said.lock().unwrap().iter().map(|(kind, _)| *kind).collect();
    let (retry, stop) = (EventKind::Retry, EventKind::Stop);
    assert_eq!(kinds, [retry, retry, stop, retry, retry, stop, stop], "four credits are four retries");
    assert!(said.lock().unwrap().iter().all(|(_, host)| host == "api.example.com"));
    assert!(budget.balance(Now::default()) < 1.0);
}
