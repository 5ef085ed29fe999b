//! The loop around the crate's own engine, in single steps.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use forbear::{BudgetBuilder, Call, Decision, Endpoints, Event, Now, Outcome, Policy};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::answer::Answer;

/// Makes the `Endpoints` of processes, and drives their calls.
pub(super) struct Driver {
    policy: Policy,
    budget: BudgetBuilder,
    uri: Uri,
    /// By hint.
    headers: BTreeMap<Option<u16>, HeaderMap>,
}

impl Driver {
    pub(super) fn new(policy: Policy, budget: BudgetBuilder) -> Self {
        let uri = Uri::from_static("http://orders.internal/v1/orders/7");
        Self { policy, budget, uri, headers: BTreeMap::new() }
    }

    /// Returns those of a new process, unless the budget is impossible.
    pub(super) fn endpoints(&self) -> Option<Endpoints> {
        let silent = Endpoints::builder().observer(|_: &Event<'_>| {});
        silent.fallback(self.policy.clone()).fallback_budget(self.budget).build().ok()
    }

    pub(super) fn start(&self, endpoints: &Endpoints, now: Duration, seed: u64) -> Call {
        endpoints.call(&Method::GET, &self.uri).replayable(true).start(Now::from_origin(now), seed)
    }

    /// Returns whether there is an attempt.
    pub(super) fn begin(&self, call: &mut Call, now: Duration) -> bool {
        call.begin(Now::from_origin(now)).is_ok()
    }

    /// Returns after which wait there is another attempt.
    pub(super) fn on_answer(&mut self, call: &mut Call, answer: Answer, now: Duration) -> Option<Duration> {
        let headers = self.headers.entry(answer.hint).or_insert_with(|| headers(answer.hint));
        let outcome = match answer.result {
            Ok(status) => Outcome::response(status, headers, SystemTime::UNIX_EPOCH),
            Err(failure) => Outcome::failure(failure),
        };
        match call.on_outcome(&outcome, Now::from_origin(now)) {
            Decision::Retry(retry) => Some(retry.wait()),
            Decision::Done(_) => None,
        }
    }
}

fn headers(hint: Option<u16>) -> HeaderMap {
    hint.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))).into_iter().collect()
}
