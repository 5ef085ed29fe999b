//! What happens to the service, and how the fleet calls it.

use std::ops::Range;
use std::time::Duration;

use crate::answer::Answer;

/// One kind of trouble.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// By which it is asked for, and its figure is named.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) fault: Fault,
    pub(crate) traffic: Traffic,
    /// How long nothing happens and nothing counts before.
    pub(crate) warm_up: Duration,
    /// How long it lasts.
    pub(crate) trouble: Duration,
    /// How long calls go on when it is over.
    pub(crate) aftermath: Duration,
    /// What the service can do in a second, for [`CLIENTS_ONCE`] if each calls once.
    pub(crate) capacity: u32,
    /// What a request may wait for before the service turns it away.
    pub(crate) longest_queue: Duration,
    pub(crate) overflow: Overflow,
    /// Of one attempt.
    pub(crate) timeout: Option<Duration>,
}

impl Scenario {
    /// Returns when the trouble lasts.
    pub(crate) fn troubled(&self) -> Range<Duration> {
        self.warm_up..self.warm_up + self.trouble
    }

    /// Returns whether calls start when it is over.
    pub(crate) fn goes_on(&self) -> bool {
        match self.traffic {
            Traffic::Steady { .. } => !self.aftermath.is_zero(),
            Traffic::Once => false,
        }
    }

    /// Returns what the service can do in a second: where each client calls once, in proportion to their number.
    pub(crate) fn capacity_for(&self, clients: u32) -> u32 {
        match self.traffic {
            Traffic::Steady { .. } => self.capacity,
            Traffic::Once => (clients.saturating_mul(self.capacity / 100) / (CLIENTS_ONCE / 100)).max(1),
        }
    }

    pub(crate) fn answering(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

/// What answers instead of the service while the trouble lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    None,
    /// Every attempt.
    All(Answer),
    /// Each attempt with this probability.
    Share(f64, Answer),
    /// Every attempt for a while, again and again.
    Blips {
        length: Duration,
        every: Duration,
        answer: Answer,
    },
    /// It loses what it works on, and refuses connections until it is back.
    Restart,
}

/// How the fleet calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Traffic {
    /// At random times that wait for nobody, so many times its usual number while the trouble lasts.
    Steady { surge: f64 },
    /// Each client once, all in the same instant.
    Once,
}

/// What becomes of requests for which the queue is too long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overflow {
    /// They are answered so, at no cost.
    Shed(Answer),
    /// They are lost, and their clients wait in vain.
    Lose,
}

/// Returns all scenarios.
pub(crate) fn all() -> Vec<Scenario> {
    let outage = |name, title, hint| Scenario {
        fault: Fault::All(Answer::UNAVAILABLE.after(hint)),
        trouble: 30 * S,
        aftermath: 60 * S,
        ..calm(name, title)
    };
    let overload = |name, title| Scenario {
        traffic: Traffic::Steady { surge: 1.2 * f64::from(TIGHT) / f64::from(PER_SECOND) },
        capacity: TIGHT,
        trouble: 30 * S,
        aftermath: 45 * S,
        ..calm(name, title)
    };
    let share = |name, title, share, answer| calm(name, title).answering(Fault::Share(share, answer));
    let blips = |name, title, length| Scenario {
        fault: Fault::Blips { length, every: 10 * S, answer: Answer::BAD_GATEWAY },
        ..calm(name, title)
    };
    vec![
        outage("outage-hint-5", "full outage for 30 s: 503, Retry-After: 5", 5),
        outage("outage-hint-30", "full outage for 30 s: 503, Retry-After: 30", 30),
        Scenario {
            capacity: TIGHT,
            ..outage(
                "outage-tight",
                "full outage for 30 s: 503, Retry-After: 30, of a service with little to spare",
                30,
            )
        },
        outage("outage-hint-120", "full outage for 30 s: 503, Retry-After: 120", 120),
        overload("overload-shedding", "1.2 times the capacity for 30 s, the rest is shed by a 503"),
        Scenario {
            longest_queue: Duration::from_millis(4_700),
            overflow: Overflow::Lose,
            timeout: Some(2 * S),
            ..overload("overload-timeouts", "1.2 times the capacity for 30 s, a deep queue, clients wait for 2 s")
        },
        share("one-of-four", "one of four backends answers 502", 0.25, Answer::BAD_GATEWAY),
        Scenario {
            fault: Fault::All(Answer::BAD_GATEWAY),
            trouble: 20 * S,
            aftermath: 20 * S,
            ..calm("all-502", "all answer 502 for 20 s")
        },
        blips("blips-0.3", "0.3 s of 502 in every 10 s", 3 * S / 10),
        blips("blips-1", "1 s of 502 in every 10 s", S),
        blips("blips-3", "3 s of 502 in every 10 s", 3 * S),
        share("random-1", "1 % answer 503", 0.01, Answer::UNAVAILABLE),
        share("random-1-hint", "1 % answer 503, Retry-After: 2", 0.01, Answer::UNAVAILABLE.after(2)),
        share("random-20", "20 % answer 503", 0.2, Answer::UNAVAILABLE),
        share("random-20-hint", "20 % answer 503, Retry-After: 2", 0.2, Answer::UNAVAILABLE.after(2)),
        Scenario {
            fault: Fault::All(Answer::UNAVAILABLE.after(30)),
            traffic: Traffic::Once,
            trouble: 30 * S,
            aftermath: 60 * S,
            capacity: TIGHT,
            overflow: Overflow::Shed(Answer::UNAVAILABLE.after(30)),
            ..calm("same-hint", "all clients told Retry-After: 30 in the same instant")
        },
        Scenario { fault: Fault::Restart, trouble: S, aftermath: 20 * S, ..calm("restart", "a restart of 1 s") },
    ]
}

/// Returns what others differ from: 40 s in which nothing happens to a service that is busy half of the time.
pub(crate) fn calm(name: &'static str, title: &'static str) -> Scenario {
    Scenario {
        name,
        title,
        fault: Fault::None,
        traffic: Traffic::Steady { surge: 1.0 },
        warm_up: WARM_UP,
        trouble: 40 * S,
        aftermath: Duration::ZERO,
        capacity: 2 * PER_SECOND,
        longest_queue: S / 4,
        overflow: Overflow::Shed(Answer::UNAVAILABLE),
        timeout: None,
    }
}

/// The capacity of a service that is busy for five sixths of the time.
const TIGHT: u32 = 1_200;
/// Calls of the whole fleet in a second.
pub(crate) const PER_SECOND: u32 = 1_000;
/// Clients where each calls once, unless another number is asked for.
pub(crate) const CLIENTS_ONCE: u32 = 10_000;
/// In which budgets come to hold what they hold in the long run: four time constants of forbear's drift.
const WARM_UP: Duration = Duration::from_secs(40);
const S: Duration = Duration::from_secs(1);
