//! Faults over real sockets: a server that fails in every way that it knows, as a seed says, and is the witness of what
//! the client does about it.
//!
//! `CHAOS_CALLS=200000 cargo test --release --test chaos -- --nocapture` is the whole of it. `CHAOS_SEED` repeats a run:
//! the faults are the same. Only the race between the two ends is not, and at which byte a message is cut off: at the next one.
#![cfg(test)]
#![cfg(all(feature = "endpoints", feature = "reqwest"))]

mod answer;
mod caller;
mod check;
mod clock;
mod fault;
mod http1;
mod http2;
mod log;
mod plan;
mod server;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use forbear::{Condition, StopReason};
use tokio::runtime::Builder;

use caller::{Callers, IDLE, Told};
use log::Log;
use plan::{Plan, Way};
use server::Server;

#[test]
fn the_server_fails_in_every_way_and_its_log_agrees_with_what_the_callers_were_told() {
    let seed = number("CHAOS_SEED").unwrap_or_else(clock::seed);
    let calls = number("CHAOS_CALLS").unwrap_or(10_000);
    println!("CHAOS_SEED={seed} CHAOS_CALLS={calls}");
    let run = Run::of(seed, calls);
    run.print();
    let checked = run.told.iter().map(|told| check::check(seed, told, &run.log));
    let (exact, wrong): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} calls are wrong, the first of them:\n{}", wrong.len(), wrong[0]);
    println!("{} requests of which one thing only could be told", exact.into_iter().flatten().sum::<usize>());
    run.check();
}

/// All calls, and what became of them.
struct Run {
    seed: u64,
    calls: u64,
    told: Vec<Told>,
    log: Log,
    /// After how many calls, and how many bytes the client holds then, more than after those before.
    held: Vec<(u64, i64)>,
    /// Connections that nobody used and nobody closed.
    left: usize,
    took: Duration,
}

impl Run {
    fn of(seed: u64, calls: u64) -> Self {
        let ways = [[Way::Http1; 24].as_slice(), &[Way::Http2; 8], &[Way::Gate; 4]].concat();
        let server = Server::start(seed, &ways);
        let callers = Callers::new(seed);
        // One thread, so that all that it allocates is the client's.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let began_at = clock::now();
        let warm = WARM.min(calls / 2);
        let ends = [warm].into_iter().chain((1..=4).map(|quarter| warm + (calls - warm) * quarter / 4));
        let (mut held, mut left, mut start) = (Vec::new(), 0, 0);
        for end in ends {
            let counts = allocation_counter::measure(|| {
                runtime.block_on(async {
                    callers.call(start..end, server.ports()).await;
                    // What is idle is closed by then, what is leaked never.
                    clock::sleep(3 * IDLE).await;
                    clock::within(Duration::from_secs(2), server.all_are_closed()).await;
                    left += server.open();
                });
            });
            held.push((end, counts.bytes_current));
            start = end;
        }
        let took = began_at.elapsed();
        let told = callers.finish();
        let log = runtime.block_on(server.stop());
        Self { seed, calls, told, log, held, left, took }
    }

    fn print(&self) {
        let Self { calls, told, log, took, .. } = self;
        println!(
            "{calls} calls in {took:.1?}, {:.1} % of them met a fault; {} requests seen, {} of them repeats; {} connections, \
             at most {} at once, {} left open",
            100.0 * ratio(self.faulty(), *calls),
            log.sightings.len(),
            log.sightings.iter().filter(|seen| seen.nth > 0).count(),
            log.connections,
            log.most_open,
            self.left,
        );
        let ended = |name, is: fn(&Told) -> bool| println!("{:>8} {name}", told.iter().filter(|told| is(told)).count());
        ended("succeeded at once", |told| told.attempts.is_empty());
        ended("recovered", |told| !told.attempts.is_empty() && told.reason.is_none());
        for reason in StopReason::ALL {
            let count = told.iter().filter(|told| told.reason == Some(reason)).count();
            println!("{count:>8} stopped: {}", reason.as_str());
        }
        println!("attempts told of, by condition");
        for condition in Condition::ALL {
            let tried = told.iter().flat_map(|told| &told.attempts);
            println!("{:>8} {condition}", tried.filter(|tried| tried.condition == Some(condition)).count());
        }
        println!("times, over HTTP/1.1 and over HTTP/2");
        for (fault, [http1, http2]) in self.faults() {
            println!("{http1:>8} {http2:>8} {fault}");
        }
        println!("hints with them: {:?}", log.hints);
        println!("RST_STREAM by code: {:?}", log.resets);
        println!("GOAWAY by code: {:?}", log.leaves);
        for (act, cuts) in &log.cuts {
            println!("{act}: at each of the first {}", cuts.first());
        }
        println!("bytes held by the client, after so many calls and more than before: {:?}", self.held);
    }

    fn check(&self) {
        let Self { seed, calls, log, .. } = self;
        let seed = format!("seed {seed}");
        assert_eq!(u64::try_from(self.told.len()).unwrap(), *calls, "{seed}: each call has ended once");
        assert!(self.faulty() * 2 >= *calls, "{seed}: {} calls met a fault", self.faulty());
        let least = if *calls >= 200_000 { 1000 } else { *calls / 400 };
        for (fault, counts) in self.faults() {
            let count = counts.iter().sum::<u64>();
            assert!(count >= least, "{seed}: {count} times only: {fault}");
        }
        assert_eq!(self.faults().len(), FAULTS, "{seed}: as many kinds of faults");
        for (frame, codes) in [("RST_STREAM", &log.resets), ("GOAWAY", &log.leaves)] {
            assert_eq!(codes.len(), 15, "{seed}: {frame} with each error code, and one that is none");
            assert!(codes.values().all(|count| *count * 2 >= least), "{seed}: {frame} by code: {codes:?}");
        }
        if *calls >= 200_000 {
            assert_eq!(log.cuts.len(), 4, "{seed}: closed and reset, requests and responses");
            assert!(
                log.cuts.values().all(|cuts| cuts.first() > 300),
                "{seed}: not cut off at each byte: {:?}",
                log.cuts
            );
        }
        assert_eq!(self.left, 0, "{seed}: connections were leaked");
        assert!(log.most_open <= CALLERS * 2, "{seed}: {} connections at once", log.most_open);
        let more: i64 = self.held[1..].iter().map(|(_, bytes)| bytes).sum();
        assert!(more < MOST_MORE, "{seed}: {more} bytes more than after the first {} calls", self.held[0].0);
    }

    fn faults(&self) -> BTreeMap<&str, [u64; 2]> {
        let mut faults: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        for ((fault, way), count) in &self.log.faults {
            faults.entry(fault).or_default()[usize::from(*way == Way::Http2)] += count;
        }
        let at_a_gate = |told: &&Told| Plan::of(self.seed, told.call).way == Way::Gate;
        let refused = self.told.iter().filter(at_a_gate).flat_map(|told| &told.attempts);
        let refused = refused.filter(|tried| tried.condition == Some(Condition::ConnectFailed)).count();
        faults.insert("refuses the connection, as its callers tell", [u64::try_from(refused).unwrap(), 0]);
        faults
    }

    /// How many calls met a fault, by the log or by what their callers were told.
    fn faulty(&self) -> u64 {
        let is_faulty = |told: &&Told| !told.attempts.is_empty() || self.log.of_call(told.call).any(|seen| seen.fault);
        u64::try_from(self.told.iter().filter(is_faulty).count()).unwrap()
    }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// From then on the memory stays flat.
const WARM: u64 = 10_000;
/// How flat, in bytes: a table may grow once more.
const MOST_MORE: i64 = 16 * 1024;
/// How many kinds of faults there are.
const FAULTS: usize = 42;
/// How many calls are made at once.
const CALLERS: usize = 60;
