//! What is printed of a run.

use std::time::Duration;

use forbear::StopReason;
use forbear_peers::print_row;
use http::Method;

use crate::contender::Contender;
use crate::faults::{Fault, Schedule};
use crate::traffic::MOST_UNDER_WAY;
use crate::witness::{Seen, SeenCall};

/// A call that begins so much after its time is counted as late.
const LATE: Duration = Duration::from_millis(50);

/// One contender's run.
pub(crate) struct Figures<'a> {
    pub(crate) contender: Contender,
    pub(crate) schedule: &'a Schedule,
    pub(crate) seen: Seen,
}

pub(crate) fn print(all: &[Figures<'_>]) {
    let row = |name: &str, figure: &dyn Fn(&Figures<'_>) -> String| print_row(name, all.iter().map(figure));
    row("\nthe whole run", &|it| it.contender.name().to_owned());
    row("calls", &|it| it.sent().count().to_string());
    row(&format!("  began > {} ms late", LATE.as_millis()), &|it| {
        it.sent().filter(|call| call.ended.is_some_and(|it| it.late > LATE)).count().to_string()
    });
    row(&format!("  not sent: {MOST_UNDER_WAY} under way"), &|it| {
        (it.seen.calls.len() - it.sent().count()).to_string()
    });
    row("lost", &|it| it.lost(|_| true).to_string());
    for method in [Method::GET, Method::PUT, Method::POST] {
        row(&format!("  {method}"), &|it| it.lost(|call| call.call.method == method).to_string());
    }
    for reason in StopReason::ALL {
        if all.iter().any(|it| it.stopped(reason) > 0) {
            row(&format!("  {}", reason.as_str()), &|it| it.stopped(reason).to_string());
        }
    }
    row("success", &|it| format!("{:.2} %", 100.0 - 100.0 * ratio(it.lost(|_| true), it.sent().count())));
    row("saved by a retry", &|it| it.saved().to_string());
    row("requests per call", &|it| it.requests_per_call(|_| true));
    row("retries in vain", &|it| it.vain_retries().to_string());
    row("most requests in a second", &|it| it.seen.peak.to_string());
    row("POSTs done twice or more", &|it| it.doubles(&Method::POST).to_string());
    row("p50, p99 of a success", &|it| {
        let times = it.times();
        let at = |per_cent| times.get(times.len() * per_cent / 100).map_or(0, Duration::as_millis);
        format!("{}, {} ms", at(50), at(99))
    });
    for fault in Fault::ALL {
        let within = |it: &Figures<'_>, call: &SeenCall| it.fault(call) == Some(fault);
        row(&format!("\n{}", fault.name()), &|it| it.contender.name().to_owned());
        row("times, seconds in all", &|it| {
            let lengths =
                it.schedule.turns.iter().filter(|turn| turn.fault == fault).map(|turn| turn.well - turn.begins);
            format!("{}, {:.1} s", lengths.clone().count(), lengths.sum::<Duration>().as_secs_f64())
        });
        row("calls", &|it| it.sent().filter(|call| within(it, call)).count().to_string());
        row("lost", &|it| it.lost(|call| within(it, call)).to_string());
        row("  POST", &|it| it.lost(|call| within(it, call) && call.call.method == Method::POST).to_string());
        row("requests per call", &|it| it.requests_per_call(|call| within(it, call)));
        row("well after", &|it| format!("{:.1} s", it.well_after(fault).as_secs_f64()));
    }
}

impl Figures<'_> {
    pub(crate) fn sent(&self) -> impl Iterator<Item = &SeenCall> {
        self.seen.calls.iter().filter(|call| call.ended.is_some())
    }

    pub(crate) fn lost(&self, which: impl Fn(&SeenCall) -> bool) -> usize {
        self.sent().filter(|call| !call.is_success() && which(call)).count()
    }

    /// How many calls were lost for a reason, as the clients say.
    pub(crate) fn stopped(&self, reason: StopReason) -> u64 {
        self.seen.stopped.iter().filter(|(of, _)| *of == reason).map(|(_, calls)| calls).sum()
    }

    fn saved(&self) -> usize {
        self.sent().filter(|call| call.is_success() && call.requests > 1).count()
    }

    /// How many retries were made of calls that were lost all the same.
    pub(crate) fn vain_retries(&self) -> u64 {
        self.sent().filter(|call| !call.is_success()).map(|call| u64::from(call.requests.saturating_sub(1))).sum()
    }

    fn requests(&self, which: impl Fn(&SeenCall) -> bool) -> u64 {
        self.sent().filter(|call| which(call)).map(|call| u64::from(call.requests)).sum()
    }

    /// How many calls the application has done more than once.
    pub(crate) fn doubles(&self, method: &Method) -> usize {
        self.sent().filter(|call| call.done > 1 && call.call.method == *method).count()
    }

    /// Returns the fault in whose turn the call began.
    pub(crate) fn fault(&self, call: &SeenCall) -> Option<Fault> {
        self.schedule.at(call.call.at).map(|turn| turn.fault)
    }

    /// Of the calls that succeed, in order.
    fn times(&self) -> Vec<Duration> {
        let successes = self.sent().filter(|call| call.is_success());
        let mut times: Vec<_> = successes.filter_map(|call| Some(call.ended?.took)).collect();
        times.sort_unstable();
        times
    }

    fn requests_per_call(&self, which: impl Fn(&SeenCall) -> bool) -> String {
        format!("{:.3}", ratio(self.requests(&which), self.sent().filter(|call| which(call)).count()))
    }

    /// Returns how long after the fault the last call began that was lost, at worst.
    fn well_after(&self, fault: Fault) -> Duration {
        let lost = self.sent().filter(|call| !call.is_success());
        let after = lost.filter_map(|call| {
            let turn = self.schedule.at(call.call.at).filter(|turn| turn.fault == fault)?;
            Some(call.call.at.saturating_sub(turn.well))
        });
        after.max().unwrap_or_default()
    }
}

impl SeenCall {
    pub(crate) fn is_success(&self) -> bool {
        self.ended.is_some_and(|ended| ended.is_success)
    }
}

fn ratio(one: impl TryInto<u32>, other: impl TryInto<u32>) -> f64 {
    let float = |count: Option<u32>| count.map_or(f64::NAN, f64::from);
    float(one.try_into().ok()) / float(other.try_into().ok())
}
