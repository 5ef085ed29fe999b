//! What a call holds while it is in flight: a thousand that are never answered, on the client's thread.

use std::sync::Arc;
use std::time::Duration;

use forbear_peers::{Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, signed};
use tokio::task::JoinSet;

const CALLS: u64 = 1000;

pub(crate) fn compare() -> Fallible<()> {
    print_row("\nheld by a call in flight", ["bytes of heap", "more than reqwest", "bytes of its future"]);
    let (mut bare, mut theirs) = (None, u64::MAX);
    for peer in Peer::ALL {
        let (heap, future) = peer.measure(&mut InFlight)?;
        let bare = *bare.get_or_insert(heap);
        print_row(peer.name(), [heap.to_string(), signed(heap, bare), future.to_string()]);
        match peer {
            Peer::ReqwestRetry => theirs = heap.saturating_sub(bare),
            Peer::Builder | Peer::Endpoints(_) | Peer::New | Peer::Layer => {
                let more = heap.saturating_sub(bare);
                assert!(more <= theirs / 4, "{}: {more} bytes more, promised a quarter of {theirs}", peer.name());
            }
            Peer::Bare
            | Peer::WithoutRetries
            | Peer::OwnRetry
            | Peer::EmptyChain
            | Peer::TowerRetry
            | Peer::Middleware => {}
        }
    }
    Ok(())
}

struct InFlight;

impl Measure for InFlight {
    type Output = (u64, u64);

    fn of(&mut self, client: &impl Sends) -> Fallible<Self::Output> {
        let server = Server::start()?;
        let (runtime, mut calls) = (runtime()?, JoinSet::new());
        let (warm, url) = (server.url(Plan::Get), server.url(Plan::Silence));
        let shared = Arc::new((client.clone(), url.clone()));
        runtime.block_on(client.send(&warm, Plan::Get))?;
        let mut result = Ok(());
        let held = allocation_counter::measure(|| {
            result = runtime.block_on(async {
                for _ in 0..CALLS {
                    let shared = Arc::clone(&shared);
                    calls.spawn(async move { shared.0.send(&shared.1, Plan::Silence).await });
                }
                while server.counts()?.1 < CALLS {
                    settle().await;
                }
                settle().await;
                Ok(())
            });
        });
        result.map(|()| (u64::try_from(held.bytes_current).unwrap_or(0) / CALLS, size(client.future_size(&url))))
    }
}

fn size(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Lets all calls go as far as they can.
#[expect(clippy::disallowed_methods, reason = "it waits for another process")]
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
