//! What happened to the calls of one act, and where to look, as the client diagnosed it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use forbear::{AttemptReport, Diagnosis, Issuer, LookAt, Report, StopReason};
use reqwest::StatusCode;

use crate::traffic::Ended;
use crate::{Result, ensure};

pub(crate) struct Summary {
    calls: Vec<Ended>,
    /// The most frequent first.
    met: Vec<Met>,
}

impl Summary {
    pub(crate) fn of(calls: Vec<Ended>) -> Self {
        let mut met: Vec<Met> = Vec::new();
        for attempt in attempts(&calls).filter(|attempt| attempt.condition().is_some()) {
            let Some(status) = attempt.status() else { continue };
            let diagnosis = attempt.diagnosis();
            match met.iter_mut().find(|met| met.status == status && met.diagnosis == *diagnosis) {
                Some(met) => met.count += 1,
                None => met.push(Met { status, diagnosis: diagnosis.clone(), count: 1 }),
            }
        }
        met.sort_by_key(|met| Reverse(met.count));
        Self { calls, met }
    }

    /// Fails unless the client says this of most failing responses.
    pub(crate) fn must_be(&self, status: u16, issuer: Issuer, look_at: LookAt) -> Result {
        let is_it = |met: &Met| {
            let diagnosis = &met.diagnosis;
            met.status == status && diagnosis.issuer() == issuer && diagnosis.look_at() == Some(look_at)
        };
        ensure(self.met.first().is_some_and(is_it), &format!("a {status} was issued by {issuer}: look at {look_at}"))
    }

    pub(crate) fn recovered_at(&self, instance: &str) -> usize {
        self.recovered().filter(|(_, by)| *by == instance).count()
    }

    pub(crate) fn stopped(&self, reason: StopReason) -> usize {
        reports(&self.calls).filter(|report| report.reason() == Some(reason)).count()
    }

    pub(crate) fn shortest_wait(&self) -> Option<Duration> {
        attempts(&self.calls).filter_map(AttemptReport::wait).min()
    }

    fn recovered(&self) -> impl Iterator<Item = (&Report, &str)> {
        let calls = self.calls.iter().filter_map(|call| Some((call.report.as_ref()?, call.by.as_deref()?)));
        calls.filter(|(report, _)| report.is_recovered())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Met { diagnosis, .. }) = self.met.first() else { return f.write_str("what happened: nothing failed") };
        let met: Vec<String> = self.met.iter().map(Met::to_string).collect();
        let failing = reports(&self.calls).count();
        write!(f, "what happened: {}, to {failing} of {} calls", met.join(", "), self.calls.len())?;
        let at: BTreeSet<&str> = self.recovered().map(|(_, by)| by).collect();
        let at = Vec::from_iter(at).join(", ");
        let longest = self.recovered().map(|(report, _)| report.elapsed()).max().unwrap_or_default();
        write!(f, ": {} recovered at {at} within {:.1} s", self.recovered().count(), longest.as_secs_f64())?;
        let stops = StopReason::ALL.map(|reason| (self.stopped(reason), reason));
        for (index, (count, reason)) in stops.iter().filter(|(count, _)| *count > 0).enumerate() {
            let separator = if index == 0 { "; stopped:" } else { "," };
            write!(f, "{separator} {count} {}", reason.as_str())?;
        }
        let (look_at, advice) = (diagnosis.look_at().map(LookAt::as_str), diagnosis.advice());
        write!(f, "\nwhere to look: {}: {}", look_at.unwrap_or_default(), advice.unwrap_or_default())
    }
}

/// Failing responses of one meaning.
struct Met {
    status: StatusCode,
    diagnosis: Diagnosis,
    count: usize,
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} {}", self.count, self.status.as_u16(), self.diagnosis)
    }
}

fn reports(calls: &[Ended]) -> impl Iterator<Item = &Report> {
    calls.iter().filter_map(|call| call.report.as_ref())
}

fn attempts(calls: &[Ended]) -> impl Iterator<Item = &AttemptReport> {
    reports(calls).flat_map(Report::attempts)
}
