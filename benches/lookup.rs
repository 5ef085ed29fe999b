//! What it costs to find the endpoint of a call among a thousand, to start the call and to drop it.
//!
//! ```sh
//! cargo bench --bench lookup
//! ```
//!
//! Fails if anything is allocated. The times are the best of many runs, on this machine.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use forbear::{Endpoint, Endpoints, EndpointsError, Event, Now};
use http::{Method, Uri};

/// Ten for each of a hundred resources are a thousand endpoints of one host.
const TEMPLATES: [&str; 10] = [
    "/v1/NAME",
    "/v1/NAME/search",
    "/v1/NAME/{id}",
    "/v1/NAME/{id}/items",
    "/v1/NAME/{id}/items/{item}",
    "/v1/accounts/{account}/NAME",
    "/v1/accounts/{account}/NAME/{id}",
    "/v1/accounts/{account}/NAME/{id}/items/{item}",
    "/v1/{kind}/NAME/{*rest}",
    "/v1/files/NAME/{*rest}",
];
const RUNS: u32 = 200;
const CALLS: u32 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let none = build([])?;
    let of_one_host = build((0..100).flat_map(|number| {
        TEMPLATES.map(|template| {
            let path = template.replace("NAME", &format!("orders{number}"));
            Endpoint::new(&path).host("one.internal").path(&path)
        })
    }))?;
    let of_hosts = |below: &'static str| {
        let host = move |number| Endpoint::new(format!("host {number}")).host(format!("{below}host{number}.internal"));
        build((0..1_000).map(host))
    };
    let (hosts, parents) = (of_hosts("")?, of_hosts("*.")?);

    println!("{:<22} {:<62} {:>5} {:>12}", "endpoints", "call", "ns", "allocations");
    for (among, endpoints, url, expected) in [
        ("none", &none, "http://one.internal/v1/orders7", "fallback"),
        ("1,000 other hosts", &hosts, "http://one.internal/v1/orders7", "fallback"),
        ("1,000 hosts", &hosts, "http://host7.internal/v1/orders7", "host 7"),
        ("1,000 names below", &parents, "http://a.host7.internal/v1/orders7", "host 7"),
        ("1,000 of one host", &of_one_host, "http://one.internal/v1/orders7", "/v1/orders7"),
        ("", &of_one_host, "http://one.internal/v1/orders7/7", "/v1/orders7/{id}"),
        ("", &of_one_host, "http://one.internal/v1/orders7/search", "/v1/orders7/search"),
        ("", &of_one_host, "http://one.internal/v1/orders7/7/items/7", "/v1/orders7/{id}/items/{item}"),
        (
            "",
            &of_one_host,
            "http://one.internal/v1/accounts/7/orders7/7/items/7",
            "/v1/accounts/{account}/orders7/{id}/items/{item}",
        ),
        ("", &of_one_host, "http://one.internal/v1/files/orders7/a/b/c/d", "/v1/files/orders7/{*rest}"),
        ("", &of_one_host, "http://one.internal/v1/other/orders7/a/b/c/d", "/v1/{kind}/orders7/{*rest}"),
        ("", &of_one_host, "http://one.internal/v2/orders7/7/items/7", "fallback"),
    ] {
        let url: Uri = url.parse()?;
        let call = || endpoints.call(&Method::GET, black_box(&url)).replayable(true).start(Now::default(), 7);
        assert_eq!(call().endpoint(), expected, "{url}");
        let allocations = allocation_counter::measure(|| drop(call())).count_total;
        println!(
            "{among:<22} {:<62} {:>5} {allocations:>12}",
            url.to_string(),
            nanoseconds(|| drop(black_box(call())))
        );
        assert_eq!(allocations, 0, "{url}");
    }
    Ok(())
}

fn build(endpoints: impl IntoIterator<Item = Endpoint>) -> Result<Endpoints, EndpointsError> {
    let builder = Endpoints::builder().observer(|_: &Event<'_>| {});
    endpoints.into_iter().fold(builder, |builder, endpoint| builder.endpoint(endpoint)).build()
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn nanoseconds(call: impl Fn()) -> u128 {
    let run = |_| {
        let started = std::time::Instant::now();
        (0..CALLS).for_each(|_| call());
        started.elapsed()
    };
    (0..RUNS).map(run).min().unwrap_or(Duration::ZERO).as_nanos() / u128::from(CALLS)
}
