//! Budgets of the user's own: what they change, who shares them, and that no thread can cheat one.
#![cfg(test)]
#![cfg(feature = "endpoints")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, LazyLock};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use forbear::{
    Backoff, Budget, BudgetBuilder, Call, Condition, Decision, Endpoint, EndpointSnapshot, Endpoints, Event, Failure,
    Mode, Now, Outcome, Policy, Rule, Scenario, StopReason,
};
use http::{HeaderMap, Method, StatusCode, Uri};

fn paid_from(budget: &Budget) -> Scenario {
    Scenario::over(quiet(Policy::default(), [Endpoint::new("it").budget(budget.clone())]))
}

fn quiet(policy: Policy, endpoints: impl IntoIterator<Item = Endpoint>) -> Endpoints {
    let builder = Endpoints::builder().fallback(policy).observer(|_: &Event<'_>| {});
    endpoints.into_iter().fold(builder, |builder, endpoint| builder.endpoint(endpoint)).build().unwrap()
}

fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}

#[rustfmt::skip] // a story has a line for each thing that happens
mod stories {
    use super::*;

    #[test]
    fn a_quiet_endpoint_may_spend_its_start_at_once() {
        let budget = Budget::builder().start(2.0).build().unwrap();
        paid_from(&budget)
            .at(0.0).fails(Failure::Interrupted).retries_within(0.5..=1.0)
            .at(1.0).fails(Failure::Interrupted).stops(StopReason::RuleAttempts)
            .at(1.0).fails(Failure::Interrupted).retries_within(0.5..=1.0)
            .at(2.0).fails(Failure::Interrupted).stops(StopReason::RuleAttempts)
            .at(2.0).fails(Failure::Interrupted).stops(StopReason::Budget);
        assert!(budget.balance(at(2_000)) < 0.1);
    }

    #[test]
    fn what_failed_is_forgiven_in_proportion_to_the_start() {
        for start in [2.0, 4.0, 10.0, 10_000.0] {
            let budget = Budget::builder().start(start).build().unwrap();
            let price = Rule::new(1, Backoff::constant(Duration::ZERO)).with_price(u32::MAX);
            let dear = Policy::builder().rule(Condition::BadGateway, price).build().unwrap();
            Scenario::over(quiet(dear, [Endpoint::new("it").budget(budget.clone())]))
                .at(0.0).receives(502).retries_within(0.0..=0.0)
                .at(0.0).receives(502).stops(StopReason::RuleAttempts);
            let after_100_s = budget.balance(at(100_000)) / start;
            assert!((after_100_s - 0.632).abs() < 0.001, "{after_100_s} of {start}");
        }
    }

    #[test]
    fn a_retry_is_earned_by_as_many_successes_as_earn_its_price() {
        for (earn, successes) in [(0.2, 5), (1.0, 1), (0.5, 2)] {
            let budget = Budget::builder().start(1.0).earn(earn).build().unwrap();
            let mut story = paid_from(&budget)
                .at(0.0).receives(503).retries_within(0.5..=1.0)
                .at(1.0).receives(500).stops(StopReason::NoRetries)
                .at(1.0).receives(503).stops(StopReason::Budget);
            for _ in 0..successes {
                story = story.at(1.0).receives(503).stops(StopReason::Budget);
                story = story.at(1.0).receives(200).is_handed_back();
            }
            story.at(1.0).receives(503).retries_within(0.5..=1.0);
        }
        let nothing = Budget::builder().start(1.0).earn(0.0).build().unwrap();
        let mut story = paid_from(&nothing)
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(500).stops(StopReason::NoRetries);
        for _ in 0..1_000 {
            story = story.at(1.0).receives(200).is_handed_back();
        }
        story.at(1.0).receives(503).stops(StopReason::Budget);
    }

    #[test]
    fn a_price_of_ones_own_is_what_is_paid_and_given_back() {
        let budget = Budget::new();
        let rule = Rule::new(2, Backoff::constant(Duration::ZERO)).with_price(3);
        let policy = Policy::builder().rule(Condition::BadGateway, rule).build().unwrap();
        Scenario::over(quiet(policy, [Endpoint::new("it").budget(budget.clone())]))
            .at(0.0).receives(502).retries_within(0.0..=0.0).abandons()
            .at(0.0).receives(502).retries_within(0.0..=0.0)
            .at(0.0).receives(502).stops(StopReason::Budget);
        assert_eq!(thousandths(budget.balance(at(0))), 1_000);
    }

    #[test]
    fn endpoints_that_share_a_budget_spend_and_earn_together() {
        let budget = Budget::builder().start(1.0).earn(1.0).build().unwrap();
        let shared = |name, method| Endpoint::new(name).method(method).budget(budget.clone());
        let endpoints = [
            shared("reads", Method::GET),
            shared("writes", Method::PUT),
            Endpoint::new("alone").method(Method::DELETE),
        ];
        Scenario::over(quiet(Policy::default(), endpoints))
            .method(Method::GET)
            .at(0.0).receives(503).retries_within(0.5..=1.0)
            .at(1.0).receives(500).stops(StopReason::NoRetries)
            .method(Method::PUT)
            .at(1.0).receives(503).stops(StopReason::Budget)
            .method(Method::DELETE)
            .at(1.0).receives(503).retries_within(0.5..=1.0)
            .at(2.0).receives(500).stops(StopReason::NoRetries)
            .method(Method::GET)
            .at(2.0).receives(200).is_handed_back()
            .method(Method::PUT)
            .at(2.0).receives(503).retries_within(0.5..=1.0);
    }

    #[test]
    fn an_unlimited_budget_pays_every_retry_and_leaves_the_other_limits() {
        let budget = Budget::unlimited();
        let mut story = paid_from(&budget);
        for second in (0..1_000).step_by(2).map(f64::from) {
            story = story
                .at(second).fails(Failure::Timeout).retries_within(1.0..=2.0)
                .at(second + 2.0).fails(Failure::Timeout).stops(StopReason::RuleAttempts);
        }
        story
            .at(1_000.0).with("retry-after", "3600").receives(503).stops(StopReason::HintTooLong)
            .at(1_000.0).receives(503).retries_within(0.5..=1.0).abandons();
        assert!(budget.balance(at(0)).is_infinite());
    }

    #[test]
    fn each_host_under_the_fallback_begins_with_what_its_budget_says() {
        let endpoints = Endpoints::builder().fallback_budget(Budget::builder().start(1.0)).build().unwrap();
        let paid = |uri| {
            let uri = Uri::from_static(uri);
            let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(at(0), 7);
            call.begin(at(0)).unwrap();
            let paid = matches!(call.on_outcome(&Outcome::failure(Failure::Timeout), at(0)), Decision::Retry(_));
            call.begin(at(2_000)).is_ok() && paid
        };
        assert!(paid("http://a.internal"));
        assert!(!paid("http://a.internal"));
        assert!(paid("http://b.internal"));
    }
}

#[test]
fn an_impossible_budget_of_the_fallback_is_named_with_all_else_that_is_wrong() {
    let budget: BudgetBuilder = Budget::builder().start(-5.0).earn(f64::INFINITY);
    let error = Endpoints::builder().fallback_budget(budget).endpoint(Endpoint::new("fallback")).build().unwrap_err();
    assert_eq!(
        error.problems().collect::<Vec<_>>(),
        [
            "budget of the fallback: start is -5, but must be 1 to 10000",
            "budget of the fallback: earn is inf, but must be 0 to 1",
            "endpoint \"fallback\".name is \"fallback\", but must be another: it is that of the fallback",
        ]
    );
}

/// While time stands still nothing drifts, so every thousandth is accounted for.
#[test]
fn no_credit_is_lost_or_made_by_any_number_of_threads() {
    for threads in 1..=64 {
        let stress = Stress::new(Budget::builder().start(7.0).earn(0.1));
        let sum = stress.run(threads, 6_400, |fates| (*fates.choice(&Fate::ALL).unwrap(), at(0)));
        let left = thousandths(stress.budget.balance(at(0)));
        assert_eq!(left + sum.paid, 7_000 + 100 * sum.successes + sum.given_back, "{threads} threads: {sum:?}");
        assert!(sum.successes > 0 && sum.given_back > 0 && sum.refused > 0, "{threads} threads: {sum:?} prove little");
    }
}

/// As above, while one call in 256 switches what is in force: on, to observe, off.
#[test]
fn a_million_calls_of_64_threads_are_paid_for_to_the_unit_whatever_the_mode_is_switched_to() {
    const CALLS: u64 = 1_000_000;
    let stress = Stress::new(Budget::builder().start(7.0).earn(0.1));
    let sum = stress.run(64, CALLS, |fates| {
        if fates.u8(..) == 0 {
            let mode = *fates.choice(&[None, Some(Mode::On), Some(Mode::Observe), Some(Mode::Off)]).unwrap();
            assert!(stress.endpoints.switch_endpoint(fates.choice(&METHODS).unwrap().as_str(), mode));
        }
        (*fates.choice(&Fate::ALL).unwrap(), at(0))
    });
    let numbers = stress.endpoints.snapshot(at(0));
    let total = |of: fn(&EndpointSnapshot) -> u64| numbers.endpoints().iter().map(of).sum::<u64>();
    let answered = total(EndpointSnapshot::answered); // without those that went through while it was off
    let left = thousandths(stress.budget.balance(at(0)));
    assert_eq!(left + sum.paid, 7_000 + 100 * answered + sum.given_back, "{answered} answered, {sum:?}");
    assert_eq!((total(EndpointSnapshot::abandoned), total(EndpointSnapshot::waiting)), (sum.abandoned, 0));
    assert!(sum.observed > CALLS / 100 && sum.off > CALLS / 100 && sum.refused > CALLS / 100, "{sum:?} prove little");
}

/// A quarter of an hour in which the threads are a little behind or ahead of each other. So little succeeds that it is
/// mostly the drift that pays.
#[test]
fn no_more_is_paid_than_the_bound_while_time_passes() {
    for threads in [1, 2, 3, 8, 64] {
        let stress = Stress::new(Budget::builder());
        let clock = AtomicU64::new(0);
        let sum = stress.run(threads, 64_000, |fates| {
            let now = at(clock.fetch_add(15, Ordering::Relaxed));
            (*fates.choice(&Fate::ALL[1..]).unwrap(), now)
        });
        let bound = 4_000 + 200 * sum.successes + 4_000 * clock.into_inner() / 100_000;
        let lost = sum.paid - sum.given_back;
        assert!(lost <= bound, "{threads} threads: {lost} of {bound}, {sum:?}");
        assert!(lost > bound / 10 * 8, "{threads} threads: {lost} of {bound} prove little, {sum:?}");
    }
}

/// Threads that call two endpoints with one budget.
struct Stress {
    budget: Budget,
    endpoints: Endpoints,
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Fate {
    SucceedsAtOnce,
    Recovers,
    FailsAgain,
    DroppedWaiting,
    DroppedInFlight,
    WokenTooLate,
}

impl Fate {
    const ALL: [Self; 6] = [
        Self::SucceedsAtOnce,
        Self::Recovers,
        Self::FailsAgain,
        Self::DroppedWaiting,
        Self::DroppedInFlight,
        Self::WokenTooLate,
    ];
}

/// What was seen of the calls, in thousandths and in numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    paid: u64,
    given_back: u64,
    successes: u64,
    refused: u64,
    observed: u64,
    off: u64,
    abandoned: u64,
}

impl Stress {
    fn new(budget: BudgetBuilder) -> Self {
        let budget = budget.build().unwrap();
        let endpoints = METHODS.map(|method| Endpoint::new(method.as_str()).method(method).budget(budget.clone()));
        Self { endpoints: quiet(Policy::default(), endpoints), budget }
    }

    /// Makes so many calls in all. `plan` says what becomes of one, and when it is made.
    fn run(&self, threads: u64, calls: u64, plan: impl Fn(&mut Rng) -> (Fate, Now) + Sync) -> Sum {
        let all_are_there = Barrier::new(usize::try_from(threads).unwrap());
        let of_one_thread = |seed| {
            let mut dice = Rng::with_seed(seed);
            let mut sum = Sum::default();
            all_are_there.wait();
            for _ in 0..calls / threads {
                let (fate, now) = plan(&mut dice);
                self.call(fate, now, &mut dice, &mut sum);
            }
            sum
        };
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|seed| scope.spawn(move || of_one_thread(seed))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).fold(Sum::default(), Sum::and)
        })
    }

    fn call(&self, fate: Fate, now: Now, dice: &mut Rng, sum: &mut Sum) {
        let method = dice.choice(&METHODS).unwrap();
        let (failure, price) = *dice.choice(&[(Failure::Connect, 1_000), (Failure::Timeout, 4_000)]).unwrap();
        let mut call =
            self.endpoints.call(method, &Uri::from_static("http://orders.internal")).replayable(true).start(now, 7);
        call.begin(now).unwrap();
        if let Fate::SucceedsAtOnce = fate {
            ends(&mut call, &answer(), now);
            sum.successes += 1;
            return;
        }
        match call.on_outcome(&Outcome::failure(failure), now) {
            Decision::Retry(_) => sum.paid += price,
            Decision::Done(done) => match done.reason() {
                Some(StopReason::Observe) => {
                    sum.paid += price;
                    sum.given_back += price;
                    return sum.observed += 1;
                }
                Some(reason) => {
                    assert_eq!(reason, StopReason::Budget);
                    return sum.refused += 1;
                }
                None => return sum.off += 1,
            },
        }
        match fate {
            Fate::SucceedsAtOnce => {}
            Fate::DroppedWaiting => {
                sum.given_back += price;
                sum.abandoned += 1;
            }
            Fate::WokenTooLate => {
                let an_hour_later = Now::from_origin(now.since_origin() + Duration::from_secs(3_600));
                call.begin(an_hour_later).unwrap_err();
                sum.given_back += price;
            }
            Fate::DroppedInFlight => {
                call.begin(now).unwrap();
                sum.abandoned += 1;
            }
            Fate::FailsAgain => {
                call.begin(now).unwrap();
                ends(&mut call, &Outcome::failure(Failure::ConnectPermanent), now);
            }
            Fate::Recovers => {
                call.begin(now).unwrap();
                ends(&mut call, &answer(), now);
                sum.given_back += price;
                sum.successes += 1;
            }
        }
    }
}

impl Sum {
    fn and(self, other: Self) -> Self {
        Self {
            paid: self.paid + other.paid,
            given_back: self.given_back + other.given_back,
            successes: self.successes + other.successes,
            refused: self.refused + other.refused,
            observed: self.observed + other.observed,
            off: self.off + other.off,
            abandoned: self.abandoned + other.abandoned,
        }
    }
}

const METHODS: [Method; 2] = [Method::GET, Method::PUT];

fn ends(call: &mut Call, outcome: &Outcome<'_>, now: Now) {
    assert!(matches!(call.on_outcome(outcome, now), Decision::Done(_)));
}

fn answer() -> Outcome<'static> {
    static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    Outcome::response(StatusCode::OK, &NO_HEADERS, SystemTime::UNIX_EPOCH)
}

fn thousandths(credits: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(credits).as_millis()).unwrap()
}
