//! The numbers of one moment, for a dashboard.

use std::borrow::Cow;
use std::time::Duration;

use crate::counters::Counts;
use crate::diagnosis::Condition;
use crate::endpoint::EndpointState;
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::{Mode, StopReason};

/// The numbers of all endpoints, as [`Endpoints::snapshot`](super::Endpoints::snapshot) found them.
///
/// It is a copy. With 1,000 hosts it takes a quarter of a millisecond, so take one every second. No call waits for it but
/// the first one to a host, for the microseconds in which the hosts are listed. Calls go on meanwhile, so that the numbers
/// of one snapshot may be apart by what a few of them did in between.
///
/// Each number only ever grows, but for [`waiting`](EndpointSnapshot::waiting), [`credit`](EndpointSnapshot::credit) and
/// [`open_incident`](EndpointSnapshot::open_incident). What goes through in [`Mode::Off`](crate::Mode::Off) is not counted.
///
/// In the text format of Prometheus, two of the numbers:
///
/// ```
/// use std::fmt::Write;
///
/// use forbear::{Condition, EndpointSnapshot, Snapshot};
///
/// fn prometheus(snapshot: &Snapshot) -> Result<String, std::fmt::Error> {
///     let mut text = "# TYPE forbear_attempts_total counter\n".to_owned();
///     for endpoint in snapshot.endpoints() {
///         writeln!(text, "forbear_attempts_total{{{}}} {}", labels(endpoint), endpoint.attempts())?;
///     }
///     text.push_str("# TYPE forbear_retries_total counter\n");
///     for endpoint in snapshot.endpoints() {
///         for condition in Condition::ALL.into_iter().filter(|condition| endpoint.retries(*condition) > 0) {
///             let (labels, name, count) = (labels(endpoint), condition.as_str(), endpoint.retries(condition));
///             writeln!(text, "forbear_retries_total{{{labels},condition=\"{name}\"}} {count}")?;
///         }
///     }
///     Ok(text)
/// }
///
/// /// All of these are needed to tell the hosts of the fallback apart.
/// fn labels(endpoint: &EndpointSnapshot) -> String {
///     let escaped = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
///     let mut labels = format!("endpoint=\"{}\"", escaped(endpoint.name()));
///     if let (Some(scheme), Some(address)) = (endpoint.url_scheme(), endpoint.server_address()) {
///         let port = endpoint.server_port().map(|port| format!(":{port}")).unwrap_or_default();
///         labels += &format!(",server=\"{}\"", escaped(&format!("{scheme}://{address}{port}")));
///     }
///     labels
/// }
/// # use forbear::{Endpoints, Failure, Now, Outcome};
/// # use http::{Method, Uri};
/// # let endpoints = Endpoints::default();
/// # let uri = Uri::from_static("http://orders.internal/v1/orders/7");
/// # let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(Now::default(), 7);
/// # call.begin(Now::default())?;
/// # let _retry = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default());
///
/// let text = prometheus(&endpoints.snapshot(Now::default()))?;
/// assert!(text.contains(r#"forbear_attempts_total{endpoint="fallback",server="http://orders.internal:80"} 1"#));
/// # assert!(text.contains(r#"{endpoint="fallback",server="http://orders.internal:80",condition="connect_failed"} 1"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    endpoints: Vec<EndpointSnapshot>,
}

impl Snapshot {
    pub(super) fn new(endpoints: Vec<EndpointSnapshot>) -> Self {
        Self { endpoints }
    }

    /// Returns the endpoints in the order in which they were written, then the hosts of the fallback by name.
    ///
    /// A host is there as soon as the fallback has something to count for it. The store of hosts is bounded: one that
    /// leaves it takes its numbers along, and counts from zero when it comes back.
    #[must_use]
    pub fn endpoints(&self) -> &[EndpointSnapshot] {
        &self.endpoints
    }
}

/// The numbers of one endpoint, or of one host of the fallback.
#[derive(Clone, Debug)]
pub struct EndpointSnapshot {
    name: Cow<'static, str>,
    url_template: Option<String>,
    /// Of the fallback only.
    origin: Option<Origin<'static>>,
    mode: Mode,
    counts: Counts,
    credit: f64,
    open_incident: Option<Duration>,
}

impl EndpointSnapshot {
    pub(super) fn of(
        endpoint: &EndpointState,
        origin: Option<&Origin<'static>>,
        switched: Option<Mode>,
        now: Now,
    ) -> Self {
        Self {
            name: endpoint.name.clone(),
            url_template: endpoint.url_template.clone(),
            origin: origin.cloned(),
            mode: switched.unwrap_or(endpoint.policy.mode()),
            counts: endpoint.counters.counts(),
            credit: endpoint.budget.balance(now),
            open_incident: endpoint.incidents.open_for(now),
        }
    }

    /// Returns the name of the endpoint, `fallback` for every host of the fallback.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the template of the path, as the endpoint has it.
    #[must_use]
    pub fn url_template(&self) -> Option<&str> {
        self.url_template.as_deref()
    }

    /// Returns the scheme of the host, or `None` for a named endpoint.
    #[must_use]
    pub fn url_scheme(&self) -> Option<&str> {
        self.origin.as_ref().map(Origin::scheme)
    }

    /// Returns the host, in lower case, or `None` for a named endpoint: it may have many.
    #[must_use]
    pub fn server_address(&self) -> Option<&str> {
        self.origin.as_ref().map(Origin::host)
    }

    /// Returns the port of the host, or `None` for a named endpoint and where there is none.
    #[must_use]
    pub fn server_port(&self) -> Option<u16> {
        self.origin.as_ref().and_then(Origin::port)
    }

    /// Returns the mode in force: the one that was [switched](super::Endpoints::switch) to, else that of the policy. A call with a
    /// policy of its own may have another.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns how many attempts were sent. Those in flight are counted when they end.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.counts.attempts
    }

    /// Returns how many calls were answered, at once or after a retry.
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.counts.answered
    }

    /// Returns how many calls were answered after a retry.
    #[must_use]
    pub const fn recovered(&self) -> u64 {
        self.counts.recovered
    }

    /// Returns how many retries were decided because of a condition, those among them that were not sent in the end.
    #[must_use]
    pub fn retries(&self, condition: Condition) -> u64 {
        self.counts.retries(condition)
    }

    /// Returns how many calls ended with a failing outcome for a reason: they are lost.
    #[must_use]
    pub fn stopped(&self, reason: StopReason) -> u64 {
        self.counts.stopped(reason)
    }

    /// Returns how many calls were dropped, in flight or waiting.
    #[must_use]
    pub const fn abandoned(&self) -> u64 {
        self.counts.abandoned
    }

    /// Returns how many calls wait now for a retry that was decided.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.counts.waiting
    }

    /// Returns the credit of the budget.
    #[must_use]
    pub const fn credit(&self) -> f64 {
        self.credit
    }

    /// Returns how long ago the incident began that is open, or `None` while there is none.
    ///
    /// No timer closes it: without traffic it stays open.
    #[must_use]
    pub const fn open_incident(&self) -> Option<Duration> {
        self.open_incident
    }
}
