//! How long a call takes that is repeated without a wait. A wait of none that is handed to a timer is one of its ticks.

use std::time::{Duration, Instant};

use forbear_peers::{Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, succeed};

const ROUNDS: u32 = 40;
const CALLS: u32 = 20;

pub(crate) fn compare() -> Fallible<()> {
    let server = Server::start()?;
    let plan = Plan::Retry(1024);
    let mut peers = Vec::new();
    for peer in Peer::ALL {
        peers.push((peer, peer.measure(&mut Build { peer, plan, url: server.url(plan) })?, Duration::MAX));
    }
    for _ in 0..ROUNDS {
        for (_, call, best) in &mut peers {
            *best = (call()? / CALLS).min(*best);
        }
    }
    print_row("\none retry without a wait", ["µs of a call", "× two calls of reqwest"]);
    let mut bare = None;
    for (peer, _, best) in &peers {
        let bare = *bare.get_or_insert(*best);
        let ratio = best.as_secs_f64() / bare.as_secs_f64();
        print_row(peer.name(), [best.as_micros().to_string(), format!("{ratio:.2}")]);
    }
    Ok(())
}

struct Build {
    peer: Peer,
    plan: Plan,
    url: String,
}

impl Measure for Build {
    type Output = Box<dyn FnMut() -> Fallible<Duration>>;

    #[expect(clippy::disallowed_methods, reason = "it measures time")]
    fn of(&mut self, client: &impl Sends) -> Fallible<Self::Output> {
        let (peer, plan, client, url) = (self.peer, self.plan, client.clone(), self.url.clone());
        let runtime = runtime()?;
        Ok(Box::new(move || {
            let started = Instant::now();
            runtime.block_on(async {
                for _ in 0..CALLS {
                    succeed(peer, &client, &url, plan).await?;
                }
                Ok(started.elapsed())
            })
        }))
    }
}
