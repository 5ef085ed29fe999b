//! What came of a call, in one line and in full.

use std::fmt::Write as _;
use std::time::Duration;

use forbear::{AttemptReport, Diagnosis, Issuer, Report, WaitSource};
use http::StatusCode;

/// What a door made of a call.
pub(crate) struct Told {
    pub(crate) story: String,
    /// All that was reported but the times of day.
    pub(crate) attempts: Vec<Attempted>,
}

type Attempted = (u32, Option<StatusCode>, Diagnosis, Option<Duration>, Option<WaitSource>);

impl Told {
    /// Tells of a call from its report, and from what its caller got: the status and the body, or nothing.
    pub(crate) fn of(report: Option<&Report>, response: Option<(u16, &[u8])>) -> Self {
        let attempts = report.map_or(&[][..], Report::attempts);
        let mut parts: Vec<String> = attempts.iter().map(attempt).collect();
        if parts.is_empty() {
            parts.push(response.map_or("no response".to_owned(), |(status, _)| status.to_string()));
        }
        let mut story = parts.join(", ");
        if let Some(reason) = report.and_then(Report::reason) {
            let _never_fails = write!(story, "; {}", reason.as_str());
        }
        let last = attempts.last().map_or(response.map(|(status, _)| status), |it| it.status().map(|it| it.as_u16()));
        assert_eq!(last, response.map(|(status, _)| status), "the caller gets what was reported last: {story}");
        let all = |it: &AttemptReport| (it.number(), it.status(), it.diagnosis().clone(), it.wait(), it.wait_source());
        Self { story, attempts: attempts.iter().map(all).collect() }
    }
}

/// As in `503 unavailable by nginx hint 30ms`.
fn attempt(report: &AttemptReport) -> String {
    let mut told = report.status().map_or("-".to_owned(), |status| status.as_u16().to_string());
    if let Some(condition) = report.condition() {
        let _never_fails = write!(told, " {condition}");
    }
    let issuer = report.diagnosis().issuer();
    if issuer != Issuer::Unknown && report.condition().is_some() {
        let _never_fails = write!(told, " by {issuer}");
    }
    if let Some(hint) = report.hint() {
        let _never_fails = write!(told, " hint {hint:?}");
    }
    if report.diagnosis().is_hint_malformed() {
        told.push_str(" hint malformed");
    }
    told
}
