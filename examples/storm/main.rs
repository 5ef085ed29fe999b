//! Storms: what a fleet of clients does to a service in trouble, under this crate and under what its users would pick
//! instead.
//!
//! A simulation of discrete events from one seed. Under `forbear` each client has real `Endpoints` and makes real
//! `Call`s, over made-up time; the other policies are models of what they decide. `docs/storms.md` tells the story.
//!
//! ```sh
//! cargo run --release --example storm            # all tables, and a figure of each scenario in target/storm/
//! cargo run --release --example storm -- --quick # only the numbers to reach
//! cargo run --release --example storm -- --help
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it shows")]

mod answer;
mod arguments;
mod figure;
mod fleet;
mod losses;
mod policies;
mod progress;
mod runs;
mod scenario;
mod service;
mod simulation;
mod summary;
mod sweep;
mod table;
mod targets;
#[cfg(test)]
mod tests;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, HELP};
use policies::Peer;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match Arguments::parse(env::args_os().skip(1)) {
        Ok(Some(arguments)) => match show(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("storm: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{HELP}");
            scenario::all().iter().for_each(|scenario| println!("  {:18} {}", scenario.name, scenario.title));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("storm: {error}");
            ExitCode::from(2)
        }
    }
}

fn show(arguments: Arguments) -> Result {
    let Arguments { mut scenarios, seed, shapes, quick, sweep } = arguments;
    if sweep {
        print!("{}", sweep::play(seed)?);
        return Ok(());
    }
    scenarios.retain(|scenario| !quick || targets::has_any(scenario.name));
    let peers = if quick { &[Peer::NoRetries, Peer::Forbear][..] } else { &Peer::ALL };
    let played = runs::play(&scenarios, &shapes, peers, seed);
    println!("{}", table::LEGEND);
    for played in &played {
        println!("{played}");
    }
    if !quick {
        println!("what forbear loses: its number where it loses most, and the best of the others");
        played.iter().flat_map(losses::of).for_each(|loss| println!("{loss}"));
        println!();
    }
    println!("numbers to reach: measured, to reach");
    match targets::measure(&played).as_slice() {
        [] => println!("none of these"),
        measured => measured.iter().for_each(|measured| println!("{measured}")),
    }
    if !quick {
        let directory = Path::new("target/storm");
        fs::create_dir_all(directory)?;
        for played in &played {
            figure::draw(played, &directory.join(format!("{}.svg", played.scenario.name)))?;
        }
        println!("\nfigures: {}", directory.display());
    }
    Ok(())
}
