//! Allocations and bytes of one call, on the client's thread, over a warm connection.

use allocation_counter::AllocationInfo;
use forbear::Endpoints;
use forbear_peers::{
    Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, signed, silent_endpoints, succeed,
};
use tokio::runtime::Runtime;

pub(crate) fn compare() -> Fallible<()> {
    let server = Server::start()?;
    print_row("\nallocations, bytes per call", Plan::COMPARED.map(Plan::name));
    let mut bare = None;
    for peer in Peer::ALL {
        let mut calls = Calls { peer, runtime: runtime()?, server: &server };
        let counts = peer.measure(&mut calls)?;
        let bare = bare.get_or_insert_with(|| counts.clone());
        let columns: Vec<_> = counts.iter().zip(bare.iter()).map(|(count, bare)| cell(count, bare)).collect();
        print_row(peer.name(), columns);
        hold(peer, &counts, bare)?;
    }
    compare_blocking(&server)
}

fn cell(count: &AllocationInfo, bare: &AllocationInfo) -> String {
    let more = |one, other| if one == other { "=".to_owned() } else { signed(one, other) };
    format!(
        "{} ({}), {} ({})",
        count.count_total,
        more(count.count_total, bare.count_total),
        count.bytes_total,
        more(count.bytes_total, bare.bytes_total),
    )
}

/// Allocations more than bare reqwest's that a GET, one with 4 headers and a POST of 1 KiB may make: what is promised.
const fn promised(peer: Peer) -> Option<[i64; 3]> {
    match peer {
        Peer::Builder | Peer::Endpoints(_) => Some([-1, 1, 1]),
        Peer::New => Some([1, 3, 3]),
        Peer::Bare
        | Peer::WithoutRetries
        | Peer::OwnRetry
        | Peer::EmptyChain
        | Peer::ReqwestRetry
        | Peer::TowerRetry
        | Peer::Middleware
        | Peer::Layer => None,
    }
}

fn hold(peer: Peer, counts: &[AllocationInfo], bare: &[AllocationInfo]) -> Fallible<()> {
    for (plan, (most, (count, bare))) in
        Plan::COMPARED.iter().zip(promised(peer).into_iter().flatten().zip(counts.iter().zip(bare)))
    {
        let more = i64::try_from(count.count_total)? - i64::try_from(bare.count_total)?;
        assert!(more <= most, "{} through {}: {more:+} allocations, promised {most:+}", plan.name(), peer.name());
    }
    Ok(())
}

struct Calls<'a> {
    peer: Peer,
    runtime: Runtime,
    server: &'a Server,
}

impl Measure for Calls<'_> {
    type Output = Vec<AllocationInfo>;

    fn of(&mut self, client: &impl Sends) -> Fallible<Self::Output> {
        let counts = Plan::COMPARED.map(|plan| {
            let url = self.server.url(plan);
            least(|| self.runtime.block_on(succeed(self.peer, client, &url, plan)))
        });
        counts.into_iter().collect()
    }
}

/// Those of a run over a warm connection: the least of many, for a pool may clean up in any of them.
fn least(mut run: impl FnMut() -> Fallible<()>) -> Fallible<AllocationInfo> {
    (0..10).try_for_each(|_| run())?;
    let mut result = Ok(());
    let counts =
        (0..30).map(|_| allocation_counter::measure(|| result = run().and(std::mem::replace(&mut result, Ok(())))));
    let least = counts.min_by_key(|count| (count.count_total, count.bytes_total)).unwrap_or_default();
    result.map(|()| least)
}

/// reqwest's blocking client sends on a thread of its own, which is not counted.
fn compare_blocking(server: &Server) -> Fallible<()> {
    macro_rules! counts {
        ($client:expr) => {{
            let client = $client;
            [Plan::Get, Plan::GetWithHeaders].map(|plan| {
                let url = server.url(plan);
                least(|| {
                    let request = plan.headers().iter().fold(client.get(&url), |it, name| it.header(*name, "value"));
                    request.send()?.bytes()?;
                    Ok(())
                })
            })
        }};
    }
    let http = || reqwest::blocking::Client::builder().no_proxy();
    let endpoints: Endpoints = silent_endpoints(0)?;
    let bare = counts!(http().build()?);
    let patient = counts!(forbear::blocking::Client::builder(http()).endpoints(endpoints).build()?);
    let bare: Vec<_> = bare.into_iter().collect::<Fallible<_>>()?;
    let patient: Vec<_> = patient.into_iter().collect::<Fallible<_>>()?;
    print_row("reqwest::blocking", bare.iter().map(|count| cell(count, count)));
    print_row("blocking::Client", patient.iter().zip(&bare).map(|(count, bare)| cell(count, bare)));
    Ok(())
}
