//! What the example claims.

use std::ffi::OsString;
use std::time::Duration;

use forbear::{Budget, Condition, Policy};

use super::*;
use crate::fleet::Shape;
use crate::policies::{Ours, Remembered, play_ours};
use crate::scenario::Scenario;
use crate::simulation::Setting;
use crate::summary::Recovery;
use crate::targets::Measured;

/// Without a budget it would be 1 − (1/4)³ = 98.44 %.
#[test]
fn one_backend_of_four_that_fails_from_the_start_is_retried_as_if_there_were_no_budget() {
    for shape in Shape::ALL {
        let success = Peer::Forbear.play(&cold("one-of-four", shape.clients)).success;
        assert!((success - 0.9844).abs() < 0.003, "{shape}: {success} succeed");
    }
}

#[test]
fn the_numbers_to_reach_are_reached() {
    let mut scenarios = scenario::all();
    scenarios.retain(|scenario| targets::has_any(scenario.name));
    let played = runs::play(&scenarios, &Shape::ALL, &[Peer::NoRetries, Peer::Forbear], 1);
    let measured = targets::measure(&played);
    assert_eq!(measured.len(), 5 * 4 + 2, "five scenarios in four shapes, one in one with two numbers");
    let missed: Vec<&Measured> = measured.iter().filter(|measured| !measured.reached).collect();
    assert!(missed.is_empty(), "{missed:#?}");

    // Nor may they change unseen: the documentation tells them.
    let of = |name| measured.iter().filter(move |measured| measured.scenario == name);
    for (measured, told) in of("all-502").zip([1.09, 1.11, 1.29, 2.45]) {
        assert!((measured.number / told - 1.0).abs() < 0.02, "{measured}, not {told}");
    }
    for measured in of("blips-1") {
        assert!(measured.number > 0.999, "a second retry comes when a fault of 1 s is over: {measured}");
    }
}

#[test]
fn a_number_that_is_not_reached_is_told() {
    let scenarios: Vec<Scenario> = scenario::all().into_iter().filter(|it| it.name == "all-502").collect();
    let mut played = runs::play(&scenarios, &Shape::ALL[..1], &[Peer::NoRetries, Peer::Forbear], 1);
    for run in &mut played[0].runs {
        run.summary.requests_in_trouble += 0.02;
    }
    let measured = targets::measure(&played);
    assert!(!measured[0].reached && measured[0].to_string().starts_with("MISSED"), "{measured:?}");
}

/// What the price of a timeout is for, and what a budget without limits risks.
#[test]
fn an_overload_is_never_over_when_the_retry_of_a_timeout_is_free() {
    let free = Policy::default().rule(Condition::Timeout).with_price(0);
    let policy = Policy::builder().rule(Condition::Timeout, free).build().unwrap();
    let setting = setting("overload-timeouts", 100);
    assert_eq!(play_ours(&setting, policy, Budget::builder()).recovery, Recovery::Never);
    let priced = play_ours(&setting, Policy::default(), Budget::builder()).recovery;
    assert!(priced < Recovery::After(Duration::from_secs(18)), "{priced:?}");
}

#[test]
fn without_retries_each_call_is_sent_once_and_fares_as_the_trouble_has_it() {
    for (name, success) in [
        ("outage-hint-5", 1.0 - 30.0 / 90.0),
        ("one-of-four", 0.75),
        ("all-502", 0.5),
        ("blips-3", 0.7),
        ("random-1-hint", 0.99),
        ("same-hint", 0.0),
    ] {
        let summary = Peer::NoRetries.play(&cold(name, 100));
        assert_eq!((summary.requests, summary.requests_in_trouble), (1.0, 1.0), "{name}");
        assert!((summary.success - success).abs() < 0.01, "{name}: {} succeed, not {success}", summary.success);
    }
}

#[test]
fn one_seed_gives_one_outcome_and_another_seed_another() {
    for peer in Peer::ALL {
        let play = |seed| format!("{:?}", peer.play(&Setting { seed, ..cold("restart", 100) }));
        assert_eq!(play(1), play(1), "{peer}");
        assert_ne!(play(1), play(2), "{peer}");
    }
}

#[test]
fn a_process_that_is_remembered_fares_as_one_that_is_kept() {
    for (name, clients) in [("same-hint", 1_000), ("restart", 10_000)] {
        let setting = cold(name, clients);
        let kept = simulation::run(&setting, Ours::new(setting.processes(), Policy::default(), Budget::builder()));
        let remembered = Remembered::new(setting.processes(), Policy::default(), Budget::builder());
        assert_eq!(format!("{kept:?}"), format!("{:?}", simulation::run(&setting, remembered)), "{name}");
    }
}

#[test]
fn a_figure_names_every_policy_and_no_two_look_alike() {
    let scenarios = [setting("same-hint", 100).scenario];
    let played = runs::play(&scenarios, &[Shape { clients: 100 }], &Peer::ALL, 1);
    let path = env::temp_dir().join(format!("forbear-storm-{}.svg", std::process::id()));
    figure::draw(&played[0], &path).unwrap();
    let drawn = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    for (index, peer) in Peer::ALL.into_iter().enumerate() {
        assert!(drawn.contains(&peer.as_str().replace('\'', "&apos;")), "{peer} is not in the legend");
        for other in &Peer::ALL[..index] {
            let ((colour, mark), (other_colour, other_mark)) = (figure::look(peer), figure::look(*other));
            assert!(colour != other_colour && mark != other_mark, "{peer} and {other}");
        }
    }
}

#[test]
fn what_is_wrong_with_an_argument_is_said() {
    for (arguments, expected) in [
        (&["--seed", "-1"][..], "--seed is \"-1\", but must be a number from 0 to 18446744073709551615"),
        (&["--clients", "0"], "--clients is \"0\", but must be a number from 1 to 10000000"),
        (&["--scenario", "calm"], "--scenario is \"calm\", but must be one of outage-hint-5, "),
        (&["--sweep", "--quick"], "--sweep has scenarios and fleets of its own: it goes with --seed only"),
        (&["storm"], "unexpected argument \"storm\": see --help"),
        (&["--seed"], "missing argument for option '--seed'"),
    ] {
        let error = Arguments::parse(arguments.iter().map(OsString::from)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{arguments:?}: {error}");
    }
    assert!(Arguments::parse(["--help".into()]).unwrap().is_none());
}

fn setting(name: &str, clients: u32) -> Setting {
    let scenario = scenario::all().into_iter().find(|scenario| scenario.name == name).unwrap();
    Setting { scenario, clients, seed: 1 }
}

/// Without the time before the trouble, which takes longer than the trouble.
fn cold(name: &str, clients: u32) -> Setting {
    let Setting { scenario, clients, seed } = setting(name, clients);
    Setting { scenario: Scenario { warm_up: Duration::ZERO, ..scenario }, clients, seed }
}
