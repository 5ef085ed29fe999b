//! The crate's own engine: each process has its own `Endpoints`, each call is a real `Call`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use forbear::{BudgetBuilder, Call, Decision, Endpoints, Event, Now, Outcome, Policy};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, Uri};

use crate::answer::Answer;
use crate::simulation::Fleet;

/// Processes that share nothing. Each is made at its first call: until then it would be as new.
pub(crate) struct Ours {
    policy: Policy,
    budget: BudgetBuilder,
    processes: Vec<Option<Endpoints>>,
    uri: Uri,
    headers: BTreeMap<Option<u16>, HeaderMap>,
}

impl Ours {
    pub(crate) fn new(processes: usize, policy: Policy, budget: BudgetBuilder) -> Self {
        let uri = Uri::from_static("http://orders.internal/v1/orders/7");
        Self { policy, budget, processes: vec![None; processes], uri, headers: BTreeMap::new() }
    }
}

impl Fleet for Ours {
    type Call = Call;

    fn start(&mut self, process: u32, now: Duration, seed: u64) -> Option<Call> {
        let process = self.processes.get_mut(usize::try_from(process).ok()?)?;
        if process.is_none() {
            let silent = Endpoints::builder().observer(|_: &Event<'_>| {});
            *process = silent.fallback(self.policy.clone()).fallback_budget(self.budget).build().ok();
        }
        let call = process.as_ref()?.call(&Method::GET, &self.uri).replayable(true);
        Some(call.start(Now::from_origin(now), seed))
    }

    fn begin(&mut self, call: &mut Call, now: Duration) -> bool {
        call.begin(Now::from_origin(now)).is_ok()
    }

    fn on_answer(&mut self, call: &mut Call, answer: Answer, now: Duration) -> Option<Duration> {
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
