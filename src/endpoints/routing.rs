//! Reads what users say of endpoints and sorts them into a router.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::error::EndpointsError;
use super::shown::{Bare, Shown};
use crate::budget::Budget;
use crate::endpoint::{BudgetOf, EndpointState, FALLBACK};
use crate::incident::{Incidents, Lines};
use crate::policy::Policy;
use crate::router::{HostPattern, Router, RouterBuilder, Template, is_printed};

/// Builds the endpoints and the router to them, or says what is wrong with any of them.
pub(super) fn router(
    endpoints: Vec<Endpoint>,
    fallback: &Policy,
    lines: &Arc<Lines>,
    before: &[Arc<EndpointState>],
) -> Result<(Router, Vec<Arc<EndpointState>>), EndpointsError> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    let mut router = RouterBuilder::default();
    let mut states = Vec::new();
    let before: HashMap<&str, &EndpointState> = before.iter().map(|state| (&*state.name, &**state)).collect();
    for endpoint in endpoints {
        let place = endpoint.place.clone().unwrap_or_else(|| format!("endpoint {}", Shown(&endpoint.name)));
        let mut must = |field, value: &str, what: &str| {
            problems.push(format!("{place}.{field} is {}, but must {what}", Shown(value)));
        };
        if !names.insert(endpoint.name.clone()) {
            must("name", &endpoint.name, "be unlike all others");
        } else if endpoint.name == FALLBACK {
            must("name", &endpoint.name, "be another: it is that of the fallback");
        } else if let Err(what) = check_name(&endpoint.name) {
            must("name", &endpoint.name, what);
        }
        let host = endpoint.host.as_deref().map_or(Ok(HostPattern::ANY), HostPattern::parse);
        let path = endpoint.path.as_deref().map_or(Ok(Template::any()), Template::parse);
        for (field, value, error) in
            [("host", &endpoint.host, host.as_ref().err()), ("path", &endpoint.path, path.as_ref().err())]
        {
            if let (Some(value), Some(what)) = (value, error) {
                must(field, value, what);
            }
        }
        let (Ok(host), Ok(path)) = (host, path) else { continue };
        let (budget_of, budget) = budget(&endpoint, &before);
        let state = EndpointState {
            name: endpoint.name.clone().into(),
            url_template: endpoint.path.clone(),
            policy: endpoint.policy.clone().unwrap_or_else(|| fallback.clone()),
            idempotent: endpoint.idempotent,
            budget,
            budget_of,
            incidents: Arc::new(Incidents::new(Arc::clone(lines))),
            counters: Arc::default(),
            switch: Arc::default(),
        };
        let state = Arc::new(match before.get(&*state.name) {
            Some(before) => state.succeeding(before),
            None => state,
        });
        states.push(Arc::clone(&state));
        if let Err(other) = router.insert(host, path, &endpoint.methods, &state) {
            let other = Shown(&other.name);
            problems.push(format!(
                "{place}: for {}, it cannot be told apart from endpoint {other}: one must have another host, path or \
                 method",
                requests(&endpoint),
            ));
        }
    }
    match router.build() {
        Ok(router) if problems.is_empty() => Ok((router, states)),
        Ok(_) => Err(EndpointsError { problems }),
        Err(error) => {
            problems.push(format!("the router refuses a path: {error}"));
            Err(EndpointsError { problems })
        }
    }
}

/// Returns the budget of an endpoint, with the credit that it had before.
fn budget(endpoint: &Endpoint, before: &HashMap<&str, &EndpointState>) -> (BudgetOf, Budget) {
    let (of, budget) = endpoint.budget.clone().unwrap_or((BudgetOf::Endpoint, Budget::new()));
    let before = match of {
        BudgetOf::Endpoint => before.get(&*endpoint.name).filter(|before| before.budget_of == of),
        BudgetOf::Name(_) => before.values().find(|before| before.budget_of == of),
        BudgetOf::User => None,
    };
    let budget = before.map_or_else(|| budget.clone(), |before| budget.with_credit_of(&before.budget));
    (of, budget)
}

pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_short = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
    if is_short && is_printed(name) { Ok(()) } else { Err("be 1 to 100 characters long, all of them printed ones") }
}

/// Says what an endpoint is for.
fn requests(endpoint: &Endpoint) -> String {
    let methods: Vec<&str> = endpoint.methods.iter().map(http::Method::as_str).collect();
    let methods = if methods.is_empty() { "all methods" } else { &methods.join(", ") };
    let host = endpoint.host.as_deref().unwrap_or("any host");
    let path = endpoint.path.as_deref().unwrap_or("any path");
    format!("{}, {}, {}", Bare(methods), Bare(host), Bare(path))
}

const LONGEST_NAME: usize = 100;
