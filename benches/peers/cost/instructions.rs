//! Instructions of one call, counted by callgrind over a warm connection.
//!
//! This program runs itself under valgrind, once for each peer. Before and after a number of calls it enters a function
//! that makes callgrind write down its count, so that neither what it takes to start nor the first calls are in it. Counts
//! are repeatable where times are not. Without valgrind it says so and counts nothing.
//!
//! What callgrind wrote stays in `tmp/callgrind` of the target directory, a part for each number above: `callgrind_annotate`
//! shows where they go. Even parts are the calls.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use forbear_peers::{
    Fallible, Measure, Peer, Plan, Sends, Server, print_row, runtime, signed, signed_per_cent, succeed,
};

/// Names this program's run under valgrind.
pub(crate) const COUNTED: &str = "counted";
const WARM_UP: u32 = 50;
const CALLS: u32 = 200;

pub(crate) fn compare() -> Fallible<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        print_row("valgrind is not installed: no instructions counted", [""; 0]);
        return Ok(());
    }
    let server = Server::start()?;
    print_row("\ninstructions per call", Plan::COMPARED.map(Plan::name));
    let mut bare = None;
    let mut broken = Vec::new();
    for peer in Peer::ALL {
        let counts = count(peer, &server)?;
        let bare: &Vec<u64> = bare.get_or_insert_with(|| counts.clone());
        let columns = counts
            .iter()
            .zip(bare)
            .map(|(count, bare)| format!("{count} {} ({})", signed(*count, *bare), signed_per_cent(*count, *bare)));
        print_row(peer.name(), columns);
        for (plan, (most, (count, bare))) in
            Plan::COMPARED.iter().zip(bounds(peer).into_iter().flatten().zip(counts.iter().zip(bare)))
        {
            if *count > bare + bare * most / 1000 {
                broken.push(format!("{} through {}: {count}, bound {most} ‰ above {bare}", plan.name(), peer.name()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

/// Thousandths more than bare reqwest's: as measured, and 30 of head-room, for a release of reqwest or of the compiler
/// moves both. They are to notice what somebody adds to every call, and are set anew where that is meant.
const fn bounds(peer: Peer) -> Option<[u64; 4]> {
    match peer {
        Peer::Builder => Some([83, 93, 91, 305]),
        Peer::Endpoints(_) => Some([108, 126, 105, 339]),
        Peer::New => Some([100, 111, 100, 325]),
        Peer::Middleware => Some([132, 141, 121, 365]),
        Peer::Layer => Some([100, 108, 98, 346]),
        Peer::Bare
        | Peer::WithoutRetries
        | Peer::OwnRetry
        | Peer::EmptyChain
        | Peer::ReqwestRetry
        | Peer::TowerRetry => None,
    }
}

fn count(peer: Peer, server: &Server) -> Fallible<Vec<u64>> {
    let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callgrind").join(peer.name().replace(' ', "-"));
    let _old = std::fs::remove_dir_all(&files);
    std::fs::create_dir_all(&files)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-before=*a_part_of_the_count_ends*"])
        .arg(format!("--callgrind-out-file={}", files.join("part").display()))
        .arg(std::env::current_exe()?)
        .args([COUNTED, peer.name()])
        .args(Plan::COMPARED.map(|plan| server.url(plan)))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    // In odd parts it starts or warms up.
    let parts = (1..=Plan::COMPARED.len()).map(|part| total(&files.join(format!("part.{}", part * 2))));
    parts.map(|total| Ok(total? / u64::from(CALLS))).collect()
}

fn total(file: &Path) -> Fallible<u64> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("callgrind says no total")?;
    Ok(total.trim().parse()?)
}

/// Makes the calls of one peer.
pub(crate) fn counted() -> Fallible<()> {
    let mut arguments = std::env::args().skip(2);
    let name = arguments.next().unwrap_or_default();
    let peer = Peer::ALL.into_iter().find(|peer| peer.name() == name).ok_or(name)?;
    peer.measure(&mut Calls { peer, urls: arguments.collect() })
}

struct Calls {
    peer: Peer,
    urls: Vec<String>,
}

impl Measure for Calls {
    type Output = ();

    fn of(&mut self, client: &impl Sends) -> Fallible<()> {
        runtime()?.block_on(async {
            for (plan, url) in Plan::COMPARED.into_iter().zip(&self.urls) {
                for calls in [WARM_UP, CALLS] {
                    for _ in 0..calls {
                        succeed(self.peer, client, url, plan).await?;
                    }
                    a_part_of_the_count_ends();
                }
            }
            Ok(())
        })
    }
}

#[inline(never)]
fn a_part_of_the_count_ends() {
    black_box(());
}
