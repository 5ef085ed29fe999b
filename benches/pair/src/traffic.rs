//! Ten clients that call at random times and wait for nobody, the same calls for each contender.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use forbear::StopReason;
use forbear_peers::Fallible;
use http::Method;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clock;
use crate::contender::{Client, Contender};

pub(crate) const CLIENTS: u8 = 10;

/// More are not under way at a time, of one contender: those that would be are not sent, and counted.
pub(crate) const MOST_UNDER_WAY: usize = 6000;

/// Bounds the time after the last call: the longest that one may take.
const LONGEST: Duration = Duration::from_secs(90);

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: Duration,
    pub(crate) method: Method,
    client: u8,
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    /// How long after its time it began.
    pub(crate) late: Duration,
    pub(crate) took: Duration,
}

/// What became of the calls of one contender.
pub(crate) struct Made {
    /// `None` for one that was not sent.
    pub(crate) ended: Vec<Option<Ended>>,
    /// For what reason calls were lost, as the clients say who do.
    pub(crate) stopped: [(StopReason, u64); StopReason::ALL.len()],
}

pub(crate) fn plan(arguments: &Arguments, end: Duration) -> Vec<Call> {
    let mut rng = Rng::with_seed(arguments.seed);
    let mut calls = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_secs_f64(-(1.0 - rng.f64()).ln() / f64::from(arguments.rate));
        if at >= end {
            return calls;
        }
        let method = match rng.u8(0..10) {
            0 => Method::PUT,
            1 => Method::POST,
            _ => Method::GET,
        };
        calls.push(Call { at, method, client: rng.u8(0..CLIENTS) });
    }
}

/// Makes the calls of all contenders.
pub(crate) async fn make(urls: &[String], calls: &[Call], origin: Instant) -> Fallible<Vec<Made>> {
    let calls: Arc<[Call]> = calls.into();
    let mut running = Vec::new();
    for (contender, url) in Contender::ALL.into_iter().zip(urls) {
        let clients: Vec<_> = (0..CLIENTS).map(|_| contender.client()).collect::<Fallible<_>>()?;
        let (calls, url) = (Arc::clone(&calls), format!("{url}/orders").into());
        running.push(tokio::spawn(make_of_one(clients, url, calls, origin)));
    }
    let mut made = Vec::new();
    for contender in running {
        made.push(contender.await??);
    }
    Ok(made)
}

async fn make_of_one(clients: Vec<Client>, url: Arc<str>, calls: Arc<[Call]>, origin: Instant) -> Fallible<Made> {
    let mut ended = vec![None; calls.len()];
    let mut under_way = JoinSet::new();
    let mut note = |(number, result): (usize, Ended)| {
        if let Some(place) = ended.get_mut(number) {
            *place = Some(result);
        }
    };
    for (number, call) in calls.iter().enumerate() {
        clock::until(origin + call.at).await;
        while let Some(result) = under_way.try_join_next() {
            note(result?);
        }
        if under_way.len() < MOST_UNDER_WAY {
            let client = clients.get(usize::from(call.client)).ok_or("no such client")?.clone();
            let (url, call) = (Arc::clone(&url), call.clone());
            under_way.spawn(async move {
                let began = clock::now();
                let status = client.send(&url, &call, number).await;
                let is_success = status.is_ok_and(|status| status.is_success());
                let late = began.saturating_duration_since(origin + call.at);
                (number, Ended { is_success, late, took: began.elapsed() })
            });
        }
    }
    clock::within(LONGEST, async {
        while let Some(result) = under_way.join_next().await {
            note(result?);
        }
        Fallible::Ok(())
    })
    .await??;
    let stopped = StopReason::ALL.map(|reason| (reason, clients.iter().map(|client| client.stopped(reason)).sum()));
    Ok(Made { ended, stopped })
}
