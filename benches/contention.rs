//! What a success costs the engine when many threads call at once, next to a counter that they share.
//!
//! ```sh
//! cargo bench --bench contention
//! ```
//!
//! Fails if a success allocates. The times are nanoseconds of a core, the best of many runs, and after them how many times
//! that of one thread it is. Threads beyond the cores take turns.
#![expect(clippy::print_stdout, reason = "it prints a table")]

mod threads;

use std::error::Error;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use forbear::{Budget, Endpoint, Endpoints, EndpointsError, Event, Now, Outcome};
use http::{HeaderMap, Method, StatusCode, Uri};
use threads::{CALLS, THREADS};

fn main() -> Result<(), Box<dyn Error>> {
    let one = endpoints(Budget::new)?;
    let unlimited = endpoints(Budget::unlimited)?;
    let apart = (0..8).map(|_| endpoints(Budget::new)).collect::<Result<Vec<_>, _>>()?;
    let uris =
        (0..8).map(|number| format!("http://one.internal/v{number}").parse()).collect::<Result<Vec<Uri>, _>>()?;
    let uri = Uri::from_static("http://one.internal/v0");
    let counter = AtomicU64::new(0);

    let cores = thread::available_parallelism()?.get();
    println!("{:<32}{}", format!("ns of {cores} cores for"), THREADS.map(|it| format!("{it:>8} threads")).concat());
    row("a counter, one `fetch_add`", cores, &[&counter; 8], |counter| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    row("a success on one endpoint", cores, &[(&one, &uri); 8], succeed);
    row("… if its budget is unlimited", cores, &[(&unlimited, &uri); 8], succeed);
    row("… on an endpoint each", cores, &uris.iter().map(|uri| (&one, uri)).collect::<Vec<_>>(), succeed);
    row("… with nothing in common", cores, &apart.iter().zip(&uris).collect::<Vec<_>>(), succeed);

    let allocations = allocation_counter::measure(|| succeed(&(&one, &uri))).count_total;
    assert_eq!(allocations, 0, "allocations of a success");
    Ok(())
}

/// Eight endpoints of one host.
fn endpoints(budget: fn() -> Budget) -> Result<Endpoints, EndpointsError> {
    let builder = Endpoints::builder().observer(|_: &Event<'_>| {});
    let endpoint = |number| Endpoint::new(format!("v{number}")).path(format!("/v{number}")).budget(budget());
    (0..8).fold(builder, |builder, number| builder.endpoint(endpoint(number))).build()
}

/// Makes a call that succeeds at once, all but the sending.
fn succeed((endpoints, uri): &(&Endpoints, &Uri)) {
    let mut call = endpoints.call(&Method::GET, uri).replayable(true).start(Now::default(), 7);
    let attempt = call.begin(Now::default());
    assert!(attempt.is_ok());
    let headers = HeaderMap::new();
    let outcome = Outcome::response(StatusCode::OK, &headers, SystemTime::UNIX_EPOCH);
    let _decision = black_box(call.on_outcome(&outcome, Now::default()));
}

/// Prints what a call costs, each thread with something of its own to call.
fn row<T: Sync>(name: &str, cores: usize, each: &[T], call: fn(&T)) {
    let costs = THREADS.map(|number| {
        let best = threads::best(each.get(..number).unwrap_or(each), call);
        best.as_secs_f64() * 1e9 / f64::from(CALLS) * ratio(number.min(cores), number)
    });
    let alone = costs.first().copied().unwrap_or_default();
    println!("{name:<32}{}", costs.map(|cost| format!("{cost:>8.1} × {:<5.1}", cost / alone)).concat());
}

fn ratio(one: usize, other: usize) -> f64 {
    let [one, other] = [one, other].map(|it| u32::try_from(it).map_or(f64::NAN, f64::from));
    one / other
}
