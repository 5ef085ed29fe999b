//! How many calls a second a budget keeps the books of, when threads share it.

use std::time::{Duration, SystemTime};

use forbear::{Endpoints, Now, Outcome};
use forbear_peers::{Fallible, print_row, silent_endpoints};
use http::{HeaderMap, Method, StatusCode, Uri};
use tower::retry::budget::{Budget, TpsBudget};

use crate::threads::{self, CALLS, THREADS};

pub(crate) fn compare() -> Fallible<()> {
    let budget = TpsBudget::new(Duration::from_secs(10), 10, 0.2);
    let uri = Uri::from_static("http://orders.internal/v0/orders/7");
    let endpoints = (silent_endpoints(0)?, uri);
    print_row("\nmillion successes a second of", THREADS.map(|number| format!("{number} threads")));
    // reqwest's own is this one, and is not to be had without sending.
    row("TpsBudget, a deposit", &[&budget; 8], |budget| budget.deposit());
    row("the engine, a whole call", &[&endpoints; 8], |endpoints| succeed(endpoints));
    Ok(())
}

fn row<T: Sync>(name: &str, each: &[T], call: fn(&T)) {
    let rates = THREADS.map(|number| {
        let best = threads::best(each.get(..number).unwrap_or(each), call);
        let calls = u32::try_from(number).map_or(f64::NAN, f64::from) * f64::from(CALLS);
        format!("{:.1}", calls / best.as_secs_f64() / 1e6)
    });
    print_row(name, rates);
}

/// Makes a call that succeeds at once, all but the sending.
fn succeed((endpoints, uri): &(Endpoints, Uri)) {
    let mut call = endpoints.call(&Method::GET, uri).replayable(true).start(Now::default(), 7);
    let begun = call.begin(Now::default());
    assert!(begun.is_ok());
    let headers = HeaderMap::new();
    let outcome = Outcome::response(StatusCode::OK, &headers, SystemTime::UNIX_EPOCH);
    let _decision = std::hint::black_box(call.on_outcome(&outcome, Now::default()));
}
