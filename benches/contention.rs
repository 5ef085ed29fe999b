//! What a success costs the engine when many threads call at once, next to a counter that they share.
//!
//! ```sh
//! cargo bench --bench contention
//! ```
//!
//! Fails if a success allocates. The times are nanoseconds of a core, the best of many runs, and after them how many times
//! that of one thread it is. Threads beyond the cores take turns.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use forbear::{Budget, Endpoint, Endpoints, EndpointsError, Event, Now, Outcome};
use http::{HeaderMap, Method, StatusCode, Uri};

const THREADS: [usize; 4] = [1, 2, 4, 8];
const RUNS: u32 = 30;
const CALLS: u32 = 20_000;

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
    let costs = THREADS.map(|threads| {
        let best = (0..RUNS).map(|_| time(each.iter().take(threads), call)).min().unwrap_or_default();
        best.as_secs_f64() * 1e9 / f64::from(CALLS) * ratio(threads.min(cores), threads)
    });
    let alone = costs.first().copied().unwrap_or_default();
    println!("{name:<32}{}", costs.map(|cost| format!("{cost:>8.1} × {:<5.1}", cost / alone)).concat());
}

fn ratio(one: usize, other: usize) -> f64 {
    let [one, other] = [one, other].map(|it| u32::try_from(it).map_or(f64::NAN, f64::from));
    one / other
}

/// Returns from when the first thread starts to when the last one ends.
#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn time<'a, T: Sync + 'a>(each: impl ExactSizeIterator<Item = &'a T>, call: fn(&T)) -> Duration {
    let ready = Barrier::new(each.len());
    thread::scope(|scope| {
        let run = |of| {
            let ready = &ready;
            scope.spawn(move || {
                ready.wait();
                let started = std::time::Instant::now();
                (0..CALLS).for_each(|_| call(of));
                (started, std::time::Instant::now())
            })
        };
        let threads: Vec<_> = each.map(run).collect();
        let times: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let started = times.iter().map(|(started, _)| *started).min();
        let ended = times.iter().map(|(_, ended)| *ended).max();
        started.zip(ended).map(|(started, ended)| ended.duration_since(started)).unwrap_or_default()
    })
}
