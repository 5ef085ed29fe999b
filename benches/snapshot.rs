//! What it costs to take a snapshot.
//!
//! ```sh
//! cargo bench --bench snapshot
//! ```
//!
//! The times are the best of many runs, on this machine.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use forbear::{Endpoints, Event, Now, Outcome};
use http::{HeaderMap, Method, StatusCode, Uri};

const RUNS: u32 = 200;
/// As many failures at once are an incident.
const CALLS: u32 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:>6}  {:<24} {:>5} {:>12}", "hosts", "that", "µs", "allocations");
    for (hosts, that, status) in [
        (1, "are well", StatusCode::OK),
        (1_000, "are well", StatusCode::OK),
        (1_000, "fail, with an incident", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let endpoints = Endpoints::builder().observer(|_: &Event<'_>| {}).build()?;
        for number in 0..hosts {
            let uri: Uri = format!("http://host-{number}.internal/").parse()?;
            for _ in 0..CALLS {
                call(&endpoints, &uri, status)?;
            }
        }
        let take = || endpoints.snapshot(Now::default());
        assert_eq!(take().endpoints().len(), hosts);
        assert!(take().endpoints().iter().all(|it| it.open_incident().is_some() == status.is_server_error()));
        let allocations = allocation_counter::measure(|| drop(take())).count_total;
        println!("{hosts:>6}  {that:<24} {:>5} {allocations:>12}", best(take).as_micros());
    }
    Ok(())
}

fn call(endpoints: &Endpoints, uri: &Uri, status: StatusCode) -> Result<(), Box<dyn Error>> {
    let mut call = endpoints.call(&Method::GET, uri).start(Now::default(), 7);
    call.begin(Now::default())?;
    let headers = HeaderMap::new();
    let outcome = Outcome::response(status, &headers, SystemTime::UNIX_EPOCH);
    let _done = call.on_outcome(&outcome, Now::default());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn best<T>(take: impl Fn() -> T) -> Duration {
    let run = |_| {
        let started = std::time::Instant::now();
        drop(black_box(take()));
        started.elapsed()
    };
    (0..RUNS).map(run).min().unwrap_or_default()
}
