//! A policy for `tower::retry`, as its documentation has users write it, with the budget that tower has for them.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use reqwest::{Request, Response};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

/// Repeats what was answered with 503, twice and at once.
#[derive(Clone, Debug)]
pub struct Patience {
    budget: Arc<TpsBudget>,
    retries_left: u32,
}

impl Default for Patience {
    fn default() -> Self {
        // A thousand retries for each success: they are what is measured, and not their end.
        Self { budget: Arc::new(TpsBudget::new(Duration::from_secs(10), 10, 1000.0)), retries_left: 2 }
    }
}

impl<E> Policy<Request, Response, E> for Patience {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request, result: &mut Result<Response, E>) -> Option<Ready<()>> {
        let failed = result.as_ref().is_ok_and(|response| response.status() == StatusCode::SERVICE_UNAVAILABLE);
        if !failed {
            self.budget.deposit();
            return None;
        }
        self.retries_left = self.retries_left.checked_sub(1)?;
        self.budget.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}
