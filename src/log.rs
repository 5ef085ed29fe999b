//! The observer that speaks `tracing`. The only file that logs.

use std::time::Duration;

use crate::diagnosis::{Condition, Diagnosis, Issuer, LookAt};
use crate::event::{Event, EventKind, Observer};
use crate::incident::Incident;
use crate::policy::{StopReason, WaitSource};
use crate::report::AttemptReport;

/// Says every event as a `tracing` event with the target `forbear`. Names, fields and levels are public API; the
/// [crate page](crate#events) lists them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing;

impl Observer for Tracing {
    fn on_event(&self, event: &Event<'_>) {
        match event.incident() {
            None => say_call(event),
            Some(incident) => say_incident(event, incident),
        }
    }
}

fn say_call(event: &Event<'_>) {
    let report = event.attempt_report();
    let condition = report.and_then(AttemptReport::condition);
    let failing = report.map(AttemptReport::diagnosis).filter(|diagnosis| diagnosis.condition().is_some());
    let response = failing.filter(|_| event.status().is_some());
    tracing::event!(
        target: "forbear",
        tracing::Level::DEBUG,
        http.request.method = event.method().as_str(),
        server.address = event.server_address(),
        server.port = event.server_port(),
        url.template = event.url_template(),
        http.response.status_code = event.status().map(|status| status.as_u16()),
        error.type = error_type(event).as_deref(),
        http.request.resend_count = event.attempt().checked_sub(1).filter(|count| *count > 0),
        retry.call = %format_args!("{:x}", event.call()),
        retry.endpoint = event.endpoint(),
        retry.attempt = event.attempt(),
        retry.max_attempts = event.max_attempts(),
        retry.condition = condition.map(|condition| condition.as_str()),
        retry.issuer = response.map(|it| it.issuer().as_str()),
        retry.confidence = response.map(|it| it.confidence().as_str()),
        retry.evidence = response.and_then(evidence).as_deref(),
        retry.delivery = failing.map(|it| it.delivery().as_str()),
        retry.look_at = failing.and_then(Diagnosis::look_at).map(LookAt::as_str),
        retry.reason = event.reason().map(StopReason::as_str),
        retry.remedy = event.remedy(),
        retry.hint_ms = report.and_then(AttemptReport::hint).map(millis),
        retry.hint_malformed = report.filter(|it| it.diagnosis().is_hint_malformed()).map(|_| true),
        retry.wait_ms = report.and_then(AttemptReport::wait).map(millis),
        retry.wait_source = report.and_then(AttemptReport::wait_source).map(WaitSource::as_str),
        retry.elapsed_ms = event.elapsed().map(millis),
        retry.budget = event.budget(),
        "{}",
        event.kind(),
    );
}

fn say_incident(event: &Event<'_>, incident: &Incident) {
    // Its level has to be known when the program is built.
    macro_rules! say {
        ($level:ident, $($fields:tt)*) => {
            tracing::event!(
                target: "forbear",
                tracing::Level::$level,
                server.address = event.server_address(),
                server.port = event.server_port(),
                url.template = event.url_template(),
                retry.endpoint = event.endpoint(),
                $($fields)*
                retry.look_at = incident.look_at().as_str(),
                retry.failing_s = incident.failing().as_secs(),
                retry.lost = incident.lost(),
                retry.saved = incident.saved(),
                retry.retries = incident.retries(),
                retry.lost_why = counts(incident.lost_why(), StopReason::as_str).as_deref(),
                retry.conditions = counts(incident.conditions(), Condition::as_str).as_deref(),
                retry.issuers = counts(incident.issuers(), Issuer::as_str).as_deref(),
                retry.left_out = Some(incident.left_out()).filter(|count| *count > 0),
                "{}",
                event.kind(),
            )
        };
    }
    let report = event.attempt_report().filter(|report| report.condition().is_some());
    let diagnosis = report.map(AttemptReport::diagnosis);
    let response = diagnosis.filter(|_| event.status().is_some());
    if event.kind() == EventKind::IncidentClosed {
        say!(INFO, retry.quiet_s = incident.quiet().as_secs(),);
    } else {
        say!(
            WARN,
            http.response.status_code = response.and(event.status()).map(|status| status.as_u16()),
            error.type = error_type(event).as_deref(),
            retry.condition = report.and_then(AttemptReport::condition).map(Condition::as_str),
            retry.issuer = response.map(|it| it.issuer().as_str()),
            retry.confidence = response.map(|it| it.confidence().as_str()),
            retry.evidence = response.and_then(evidence).as_deref(),
            retry.advice = incident.advice(),
        );
    }
}

/// As in `budget 8394, attempts 5`, or `None` if there is nothing.
fn counts<K>(counts: Vec<(K, u64)>, name: fn(K) -> &'static str) -> Option<String> {
    let counts: Vec<String> = counts.into_iter().map(|(key, count)| format!("{} {count}", name(key))).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// OpenTelemetry's `error.type`: the status, or a name of few values; absent where nothing is wrong.
fn error_type(event: &Event<'_>) -> Option<String> {
    let condition = event.attempt_report()?.condition()?;
    Some(event.status().map_or_else(|| condition.as_str().to_owned(), |status| status.as_str().to_owned()))
}

/// The names of what tells the issuer, or `None` if only the status does.
fn evidence(diagnosis: &Diagnosis) -> Option<String> {
    let names: Vec<&str> = diagnosis.evidence().collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Rounded, as in a report.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.saturating_add(Duration::from_micros(500)).as_millis()).unwrap_or(u64::MAX)
}
