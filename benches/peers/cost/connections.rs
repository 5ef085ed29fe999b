//! How many connections failed responses cost, counted where they are accepted. That of a response whose body nobody reads
//! cannot be used again.

use forbear_peers::{Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, succeed};

const CALLS: u32 = 1000;

pub(crate) fn compare() -> Fallible<()> {
    print_row("\nnew connections of", ["1,000 failures of 1 KiB", "of 64 KiB"]);
    for peer in Peer::ALL {
        let connections =
            [1024, 64 * 1024].map(|length| least(peer, length)).into_iter().collect::<Fallible<Vec<_>>>()?;
        print_row(peer.name(), connections.iter().map(u64::to_string));
        match peer {
            Peer::Builder | Peer::Endpoints(_) | Peer::New | Peer::Middleware | Peer::Layer => {
                assert!(connections.iter().all(|it| *it == 0), "{}: new connections", peer.name());
            }
            Peer::Bare
            | Peer::WithoutRetries
            | Peer::OwnRetry
            | Peer::EmptyChain
            | Peer::ReqwestRetry
            | Peer::TowerRetry => {}
        }
    }
    Ok(())
}

/// The least of a few runs: what a busy machine does not deliver in time is left on its connection, and rightly so.
fn least(peer: Peer, length: usize) -> Fallible<u64> {
    let mut least = u64::MAX;
    for _ in 0..20 {
        let server = Server::start()?;
        least = least.min(peer.measure(&mut Calls { peer, length, server })?);
        if least == 0 || least > u64::from(CALLS) / 2 {
            break;
        }
    }
    Ok(least)
}

struct Calls {
    peer: Peer,
    length: usize,
    server: Server,
}

impl Measure for Calls {
    type Output = u64;

    fn of(&mut self, client: &impl Sends) -> Fallible<u64> {
        let (warm, plan) = (self.server.url(Plan::Get), Plan::Retry(self.length));
        let url = self.server.url(plan);
        runtime()?.block_on(async {
            succeed(self.peer, client, &warm, Plan::Get).await?;
            let (before, _) = self.server.counts()?;
            for _ in 0..CALLS {
                succeed(self.peer, client, &url, plan).await?;
            }
            Ok(self.server.counts()?.0 - before - 1) // the question was one
        })
    }
}
