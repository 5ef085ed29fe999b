//! What a fleet did to a service, and what its calls got.

use std::ops::Range;
use std::time::Duration;

use crate::scenario::Scenario;

/// One scenario under one policy, in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// Of the calls that started in the trouble.
    pub(crate) requests_in_trouble: f64,
    /// Of the calls that started in the trouble or after it.
    pub(crate) requests: f64,
    /// Most requests in one second, while the trouble lasts.
    pub(crate) peak_during: u32,
    /// The same when it is over.
    pub(crate) peak_after: Option<u32>,
    /// The share of the calls that started in the trouble or after it.
    pub(crate) success: f64,
    /// How long after the trouble the last call started that failed.
    pub(crate) recovery: Recovery,
    /// How long calls took that succeeded: of a hundred, the 50th and the 99th.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The share of the service's work that was done for nobody.
    pub(crate) wasted: f64,
    /// Second by second, from [`LEAD`] before the trouble on.
    pub(crate) seconds: Vec<Second>,
}

/// When all is well again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recovery {
    /// No call starts when the trouble is over.
    Unknown,
    After(Duration),
    /// Calls fail to the end of the simulation.
    Never,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    pub(crate) requests: u32,
    /// That started in it.
    pub(crate) calls: u32,
    /// That succeeded of these, however late.
    pub(crate) succeeded: u32,
    /// That ended in it and succeeded.
    pub(crate) ended_well: u32,
}

/// Counts while the simulation runs.
pub(crate) struct Recorder {
    trouble: Range<Duration>,
    goes_on: bool,
    end: Duration,
    seconds: Vec<Second>,
    in_trouble: Sum,
    in_all: Sum,
    succeeded: u32,
    last_failed: Option<Duration>,
    /// In seconds.
    latencies: Vec<f32>,
}

#[derive(Default)]
struct Sum {
    calls: u32,
    attempts: u32,
}

impl Sum {
    fn add(&mut self, attempts: u32) {
        self.calls += 1;
        self.attempts += attempts;
    }

    fn mean(&self) -> f64 {
        share(self.attempts, self.calls)
    }
}

impl Recorder {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let trouble = scenario.troubled();
        let end = trouble.end + scenario.aftermath;
        Self {
            trouble,
            goes_on: scenario.goes_on(),
            end,
            seconds: vec![Second::default(); second(end)],
            in_trouble: Sum::default(),
            in_all: Sum::default(),
            succeeded: 0,
            last_failed: None,
            latencies: Vec::new(),
        }
    }

    pub(crate) fn on_attempt(&mut self, now: Duration) {
        if let Some(second) = self.seconds.get_mut(second(now)) {
            second.requests += 1;
        }
    }

    pub(crate) fn on_end(&mut self, started: Duration, now: Duration, attempts: u32, succeeded: bool) {
        if let Some(second) = self.seconds.get_mut(second(started)) {
            second.calls += 1;
            second.succeeded += u32::from(succeeded);
        }
        if let Some(second) = self.seconds.get_mut(second(now)) {
            second.ended_well += u32::from(succeeded);
        }
        if started < self.trouble.start {
            return;
        }
        if started < self.trouble.end {
            self.in_trouble.add(attempts);
        }
        self.in_all.add(attempts);
        if succeeded {
            self.succeeded += 1;
            self.latencies.push((now - started).as_secs_f32());
        } else {
            self.last_failed = self.last_failed.max(Some(started));
        }
    }

    pub(crate) fn summary(mut self, worked: u32, wasted: u32) -> Summary {
        let (trouble, after) = (second(self.trouble.start), second(self.trouble.end));
        let peak = |seconds: Option<&[Second]>| seconds?.iter().map(|second| second.requests).max();
        Summary {
            requests_in_trouble: self.in_trouble.mean(),
            requests: self.in_all.mean(),
            peak_during: peak(self.seconds.get(trouble..after)).unwrap_or_default(),
            peak_after: peak(self.seconds.get(after..)),
            success: share(self.succeeded, self.in_all.calls),
            recovery: self.recovery(),
            p50: percentile(&mut self.latencies, 50),
            p99: percentile(&mut self.latencies, 99),
            wasted: share(wasted, worked),
            seconds: self.seconds.get(second(self.trouble.start.saturating_sub(LEAD))..).unwrap_or_default().to_vec(),
        }
    }

    fn recovery(&self) -> Recovery {
        match self.last_failed {
            _ if !self.goes_on => Recovery::Unknown,
            Some(last) if self.end - last < Duration::from_secs(1) => Recovery::Never,
            Some(last) => Recovery::After(last.saturating_sub(self.trouble.end)),
            None => Recovery::After(Duration::ZERO),
        }
    }
}

fn second(time: Duration) -> usize {
    usize::try_from(time.as_secs()).unwrap_or(usize::MAX)
}

fn share(part: u32, of: u32) -> f64 {
    f64::from(part) / f64::from(of.max(1))
}

fn percentile(latencies: &mut [f32], percent: usize) -> Duration {
    let index = latencies.len() * percent / 100;
    if index >= latencies.len() {
        return Duration::ZERO;
    }
    let (_, latency, _) = latencies.select_nth_unstable_by(index, f32::total_cmp);
    Duration::from_secs_f32(*latency)
}

/// What is shown of the time before the trouble.
pub(crate) const LEAD: Duration = Duration::from_secs(5);
