//! What is known of each call: what its client found, and what nginx and the application have written of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use forbear::StopReason;
use forbear_peers::Fallible;

use crate::traffic::{Call, Ended, Made};

/// All that is known of one contender's run.
pub(crate) struct Seen {
    pub(crate) calls: Vec<SeenCall>,
    /// Most requests that began in one second, at nginx.
    pub(crate) peak: u32,
    /// As the clients say.
    pub(crate) stopped: [(StopReason, u64); StopReason::ALL.len()],
}

pub(crate) struct SeenCall {
    pub(crate) call: Call,
    /// `None` if it was not sent.
    pub(crate) ended: Option<Ended>,
    /// At nginx.
    pub(crate) requests: u32,
    /// How often the application has done the work.
    pub(crate) done: u32,
}

/// Reads the logs once the processes have ended.
pub(crate) fn read(place: &Path, calls: &[Call], made: Made) -> Fallible<Seen> {
    let mut seen: Vec<_> = calls
        .iter()
        .zip(made.ended)
        .map(|(call, ended)| SeenCall { call: call.clone(), ended, requests: 0, done: 0 })
        .collect();
    let mut seconds = BTreeMap::<i64, u32>::new();
    for line in fs::read_to_string(place.join("access.log"))?.lines() {
        let mut fields = line.split(' ');
        let mut next = || fields.next().ok_or("a line of nginx is short");
        let (end, took, number) = (millis(next()?)?, millis(next()?)?, next()?.parse::<usize>()?);
        *seconds.entry((end - took).div_euclid(1000)).or_default() += 1;
        seen.get_mut(number).ok_or("nginx saw a call that nobody made")?.requests += 1;
    }
    for line in fs::read_to_string(place.join("application.log"))?.lines() {
        seen.get_mut(line.parse::<usize>()?).ok_or("the application saw a call that nobody made")?.done += 1;
    }
    Ok(Seen { calls: seen, peak: seconds.into_values().max().unwrap_or(0), stopped: made.stopped })
}

/// Reads seconds with three decimals, as nginx writes all times.
fn millis(text: &str) -> Fallible<i64> {
    let (seconds, millis) = text.split_once('.').ok_or("no time of nginx")?;
    Ok(seconds.parse::<i64>()? * 1000 + millis.parse::<i64>()?)
}
