//! Latency and throughput next to bare reqwest's, in rounds in which each peer has its turn. Printed, never held: times of a
//! machine that others use tell little, and their ratios a bit more.

use std::time::Duration;

use forbear_peers::{Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, succeed};
use tokio::task::JoinSet;

const ROUNDS: u32 = 30;
const TASKS: [u32; 2] = [1, 64];
/// Of all tasks in one round.
const CALLS: u32 = 256;

pub(crate) fn compare() -> Fallible<()> {
    let server = Server::start()?;
    let mut peers = Vec::new();
    for peer in Peer::ALL {
        peers.push(peer.measure(&mut Build { peer, url: server.url(Plan::Get) })?);
    }
    for tasks in TASKS {
        let mut seen: Vec<_> = Peer::ALL.iter().map(|_| Seen::default()).collect();
        for round in 0..=ROUNDS {
            for (call, seen) in peers.iter_mut().zip(&mut seen) {
                let (latencies, elapsed) = call(tasks)?;
                if round > 0 {
                    seen.latencies.extend(latencies);
                    seen.rounds.push(elapsed);
                }
            }
        }
        print_row(&format!("\nGET, tasks at once: {tasks}"), ["p50", "p99", "throughput"]);
        let mut bare = None;
        for (peer, seen) in Peer::ALL.iter().zip(&mut seen) {
            let figures = seen.figures();
            let bare = *bare.get_or_insert(figures);
            let columns = figures.iter().zip(bare).zip(["µs", "µs", "/s"]);
            let cell = |((figure, bare), unit)| format!("{figure:.0} {unit}, × {:.3}", figure / bare);
            print_row(peer.name(), columns.map(cell));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    rounds: Vec<Duration>,
}

impl Seen {
    fn figures(&mut self) -> [f64; 3] {
        [
            at(&mut self.latencies, 50) * 1e6,
            at(&mut self.latencies, 99) * 1e6,
            f64::from(CALLS) / at(&mut self.rounds, 50),
        ]
    }
}

/// Returns the seconds of which so many per cent are less.
fn at(times: &mut [Duration], per_cent: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * per_cent / 100).map_or(f64::NAN, Duration::as_secs_f64)
}

/// Makes the calls of one round from so many tasks, and tells how long each took, and all of them.
type Call = Box<dyn FnMut(u32) -> Fallible<(Vec<Duration>, Duration)>>;

struct Build {
    peer: Peer,
    url: String,
}

impl Measure for Build {
    type Output = Call;

    fn of(&mut self, client: &impl Sends) -> Fallible<Call> {
        let (peer, client, url, runtime) = (self.peer, client.clone(), self.url.clone(), runtime()?);
        Ok(Box::new(move |tasks| {
            runtime.block_on(async {
                let mut all = JoinSet::new();
                let started = now();
                for _ in 0..tasks {
                    let (client, url) = (client.clone(), url.clone());
                    all.spawn(async move {
                        let mut latencies = Vec::new();
                        for _ in 0..CALLS / tasks {
                            let started = now();
                            succeed(peer, &client, &url, Plan::Get).await?;
                            latencies.push(started.elapsed());
                        }
                        Fallible::Ok(latencies)
                    });
                }
                let latencies = all.join_all().await.into_iter().collect::<Fallible<Vec<_>>>()?;
                Ok((latencies.concat(), started.elapsed()))
            })
        }))
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
