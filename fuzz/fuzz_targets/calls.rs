//! Whole calls, several at once: any outcome, hint and time, in any order, dropped anywhere.
//!
//! Each step is held to the design's invariants 1 to 4, 7 and 10; after each, what is counted and what is left of the
//! credit must be right.
#![no_main]

#[path = "../../tests/properties/checked.rs"]
mod checked;

use std::collections::HashMap;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use checked::{CheckedCall, Ledger, Next, Received, Said};
use forbear::{
    Backoff, Budget, BudgetBuilder, Condition, Endpoint, EndpointSnapshot, Endpoints, Event, Mode, Now, Policy, Repeat,
    Rule, StopReason,
};
use forbear_fuzz::{Passes, Response, failure};
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|story: Story| {
    let mut world = World::new(&story);
    for step in story.steps {
        world.play(step);
        world.check();
    }
    world.drop_all();
    world.check();
});

/// Two endpoints and the fallback, and the calls that are under way.
struct World {
    endpoints: Endpoints,
    modes: [Mode; 3],
    switched: [Option<Mode>; 3],
    all_switched: Option<Mode>,
    ledgers: [Ledger; 3],
    /// The second endpoint pays from the first one's.
    shares: bool,
    counts: [Counts; 3],
    calls: Vec<Running>,
    now: Duration,
}

struct Running {
    call: CheckedCall,
    place: usize,
    mode: Mode,
    is_retried: bool,
    next: Option<Next>,
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    attempts: u64,
    answered: u64,
    recovered: u64,
    retries: HashMap<Condition, u64>,
    stopped: HashMap<StopReason, u64>,
    abandoned: u64,
    waiting: u64,
}

impl World {
    fn new(story: &Story) -> Self {
        let [first, second, of_host] = story.places.each_ref().map(|place| place.credit.builder());
        let first = first.build().unwrap();
        let second = if story.shares { first.clone() } else { second.build().unwrap() };
        let policy = |place: usize| story.places[place].policy.clone();
        let endpoint = |place: usize| Endpoint::new(NAMES[place]).host(NAMES[place]).policy(policy(place));
        let endpoints = Endpoints::builder()
            .endpoint(endpoint(0).budget(first))
            .endpoint(endpoint(1).budget(second))
            .fallback(policy(2))
            .fallback_budget(of_host)
            .observer(|_: &Event<'_>| {})
            .build()
            .unwrap();
        Self {
            endpoints,
            modes: story.places.each_ref().map(|place| place.policy.mode()),
            switched: [None; 3],
            all_switched: None,
            ledgers: story.places.each_ref().map(|place| place.credit.ledger()),
            shares: story.shares,
            counts: Default::default(),
            calls: Vec::new(),
            now: Duration::ZERO,
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Start(place, said) => self.start(usize::from(place) % 3, said),
            Step::Switch(place, mode) => self.switch(usize::from(place) % 4, mode),
            Step::Pass(passes) => self.now = passes.after(self.now),
            Step::Sleep(number, passes) => {
                if let Some(Some(Next::Waits(_, wait))) = self.number(number).map(|at| self.calls[at].next) {
                    self.now = passes.after(self.now.saturating_add(wait));
                }
            }
            Step::Go(number, passes, received) => {
                let Some(at) = self.number(number) else { return };
                if self.calls[at].next == Some(Next::InFlight) {
                    self.receive(at, passes, &received.0);
                } else {
                    self.begin(at);
                }
            }
            Step::Drop(number) => {
                if let Some(at) = self.number(number) {
                    self.drop_call(at);
                }
            }
        }
    }

    fn number(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.calls.len())
    }

    fn start(&mut self, place: usize, said: Said) {
        if self.calls.len() < MOST_CALLS {
            let uri: Uri = format!("http://{}/v1", NAMES[place]).parse().unwrap();
            let call = CheckedCall::start(&self.endpoints, &uri, said, self.now);
            let mode = self.switched[place].or(self.all_switched).unwrap_or(self.modes[place]);
            self.calls.push(Running { call, place, mode, is_retried: false, next: None });
        }
    }

    fn switch(&mut self, place: usize, mode: Option<Mode>) {
        match self.switched.get_mut(place) {
            Some(switched) => {
                *switched = mode;
                let name = if place == 2 { "fallback" } else { NAMES[place] };
                assert!(self.endpoints.switch_endpoint(name, mode), "{name}");
            }
            None => {
                self.all_switched = mode;
                self.endpoints.switch(mode);
            }
        }
    }

    fn ledger(&self, place: usize) -> usize {
        if self.shares && place == 1 { 0 } else { place }
    }

    fn begin(&mut self, at: usize) {
        let (place, ledger) = (self.calls[at].place, self.ledger(self.calls[at].place));
        let running = &mut self.calls[at];
        let waited = matches!(running.next, Some(Next::Waits(..)));
        let next = running.call.begin(self.now, &mut self.ledgers[ledger]);
        running.next = Some(next);
        let counts = &mut self.counts[place];
        counts.waiting -= u64::from(waited);
        if let Next::Stopped(reason) = next {
            *counts.stopped.entry(reason).or_default() += 1;
        }
        if next != Next::InFlight {
            self.calls.swap_remove(at);
        }
    }

    fn receive(&mut self, at: usize, passes: Passes, received: &Received) {
        self.now = passes.after(self.now);
        let (place, ledger) = (self.calls[at].place, self.ledger(self.calls[at].place));
        let running = &mut self.calls[at];
        let next = running.call.on_outcome(running.mode, received, self.now, &mut self.ledgers[ledger]);
        running.next = Some(next);
        let counts = &mut self.counts[place];
        counts.attempts += u64::from(next != Next::Unseen);
        match next {
            Next::Waits(condition, _) => {
                assert_eq!(running.mode, Mode::On, "it only looks on");
                running.is_retried = true;
                counts.waiting += 1;
                *counts.retries.entry(condition).or_default() += 1;
                return;
            }
            Next::Answered => {
                counts.answered += 1;
                counts.recovered += u64::from(running.is_retried);
            }
            Next::Stopped(reason) => *counts.stopped.entry(reason).or_default() += 1,
            Next::Blameless | Next::Unseen | Next::NeverSent | Next::InFlight => {}
        }
        self.calls.swap_remove(at);
    }

    fn drop_call(&mut self, at: usize) {
        let running = self.calls.swap_remove(at);
        let ledger = self.ledger(running.place);
        let counts = &mut self.counts[running.place];
        let was_in_flight = running.next == Some(Next::InFlight);
        counts.waiting -= u64::from(matches!(running.next, Some(Next::Waits(..))));
        let is_abandoned = running.call.drop(&mut self.ledgers[ledger]) && running.mode != Mode::Off;
        counts.abandoned += u64::from(is_abandoned);
        counts.attempts += u64::from(is_abandoned && was_in_flight);
    }

    fn drop_all(&mut self) {
        while !self.calls.is_empty() {
            self.drop_call(0);
        }
    }

    fn check(&self) {
        let snapshot = self.endpoints.snapshot(Now::from_origin(self.now));
        let found = snapshot.endpoints();
        assert_eq!(found.len(), if self.counts[2].attempts > 0 { 3 } else { 2 });
        for (place, found) in found.iter().enumerate() {
            assert_eq!(Counts::of(found), self.counts[place], "at {}", NAMES[place]);
            let never_failed = self.counts[place].attempts == self.counts[place].answered;
            assert!(found.open_incident().is_none() || !never_failed, "an incident of nothing");
            self.ledgers[self.ledger(place)].check_left(found.credit(), self.now);
        }
    }
}

impl Counts {
    fn of(found: &EndpointSnapshot) -> Self {
        let retries = Condition::ALL.into_iter().map(|of| (of, found.retries(of)));
        let stopped = StopReason::ALL.into_iter().map(|of| (of, found.stopped(of)));
        Self {
            attempts: found.attempts(),
            answered: found.answered(),
            recovered: found.recovered(),
            retries: retries.filter(|(_, count)| *count > 0).collect(),
            stopped: stopped.filter(|(_, count)| *count > 0).collect(),
            abandoned: found.abandoned(),
            waiting: found.waiting(),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Story {
    places: [Place; 3],
    shares: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
struct Place {
    #[arbitrary(with = policy)]
    policy: Policy,
    credit: Credit,
}

/// In thousandths.
#[derive(Debug)]
struct Credit {
    start: u32,
    earn: u32,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Start(u8, #[arbitrary(with = said)] Said),
    /// Begins the next attempt of a call, or ends the one in flight after some time.
    Go(u8, Passes, Outcome),
    Sleep(u8, Passes),
    Pass(Passes),
    Drop(u8),
    Switch(u8, #[arbitrary(with = optional_mode)] Option<Mode>),
}

#[derive(Debug)]
struct Outcome(Received);

impl Credit {
    fn builder(&self) -> BudgetBuilder {
        let [start, earn] = [self.start, self.earn].map(|it| Duration::from_millis(it.into()).as_secs_f64());
        Budget::builder().start(start).earn(earn)
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.start.into(), self.earn.into())
    }
}

impl<'a> Arbitrary<'a> for Credit {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let start = match u.int_in_range(0..=3)? {
            0 | 1 => 4_000,
            2 => u.int_in_range(1_000..=9_000)?,
            _ => u.int_in_range(1_000..=10_000_000)?,
        };
        Ok(Self { start, earn: if u.arbitrary()? { 200 } else { u.int_in_range(0..=1_000)? } })
    }
}

impl<'a> Arbitrary<'a> for Outcome {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (result, body) = if u.ratio(1, 3)? {
            (Err(failure(u)?), Vec::new())
        } else {
            let Response { status, headers, body, received_at } = u.arbitrary()?;
            (Ok((status, headers, received_at.time())), body)
        };
        Ok(Self(Received { result, body, redirected: u.ratio(1, 10)? }))
    }
}

fn said(u: &mut Unstructured<'_>) -> arbitrary::Result<Said> {
    Ok(Said {
        method: u.choose(&[Method::GET, Method::PUT, Method::POST, Method::PATCH])?.clone(),
        word: if u.ratio(1, 4)? { Some(u.arbitrary()?) } else { None },
        key: u.ratio(1, 4)?,
        replayable: u.ratio(7, 8)?,
        hidden_redirects: u.ratio(1, 8)?,
        max_elapsed: if u.ratio(1, 8)? { Some(duration(u)?) } else { None },
        timeout: if u.ratio(1, 8)? { Some(duration(u)?) } else { None },
        seed: u.arbitrary()?,
    })
}

fn policy(u: &mut Unstructured<'_>) -> arbitrary::Result<Policy> {
    let mut policy = Policy::builder().max_attempts(u.int_in_range(1..=6)?).trust_delivery(u.ratio(1, 4)?);
    if u.ratio(1, 4)? {
        policy = policy.mode(mode(u)?);
    }
    if u.ratio(1, 2)? {
        policy = policy.max_elapsed(duration(u)?);
    }
    if u.ratio(1, 4)? {
        policy = policy.timeout(duration(u)?.max(Duration::from_nanos(1)));
    }
    if u.ratio(1, 4)? {
        policy = policy.attempt_timeout(duration(u)?.max(Duration::from_nanos(1)));
    }
    for _ in 0..u.int_in_range(0..=3)? {
        policy = policy.rule(*u.choose(&Condition::ALL)?, rule(u)?);
    }
    Ok(policy.build().unwrap())
}

fn rule(u: &mut Unstructured<'_>) -> arbitrary::Result<Rule> {
    let base = duration(u)?;
    let backoff = if u.arbitrary()? { Backoff::doubling(base) } else { Backoff::constant(base) };
    let backoff = if u.ratio(1, 4)? { backoff.first_at_once() } else { backoff };
    let backoff = if u.ratio(1, 2)? { backoff.with_cap(duration(u)?) } else { backoff };
    let repeat = if u.arbitrary()? { Repeat::Any } else { Repeat::Idempotent };
    let price = if u.ratio(1, 16)? { u.arbitrary()? } else { u.int_in_range(0..=6)? };
    Ok(Rule::new(u.int_in_range(0..=5)?, backoff).with_repeat(repeat).with_price(price))
}

fn duration(u: &mut Unstructured<'_>) -> arbitrary::Result<Duration> {
    u.arbitrary::<Passes>().map(Passes::length)
}

fn mode(u: &mut Unstructured<'_>) -> arbitrary::Result<Mode> {
    u.choose(&[Mode::On, Mode::Observe, Mode::Off]).copied()
}

fn optional_mode(u: &mut Unstructured<'_>) -> arbitrary::Result<Option<Mode>> {
    if u.arbitrary()? { mode(u).map(Some) } else { Ok(None) }
}

/// Of the hosts, and of the endpoints at the first two.
const NAMES: [&str; 3] = ["charges", "orders", "others"];
const MOST_CALLS: usize = 8;
