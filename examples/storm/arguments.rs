//! What is asked for.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

use crate::Result;
use crate::fleet::Shape;
use crate::scenario::{self, Scenario};

pub(crate) const HELP: &str = "\
Simulates what a fleet of clients does to a service in trouble, under forbear and under other policies.

usage: storm [OPTION…]

  --scenario NAME   only this one; may be repeated
  --seed NUMBER     draws everything (1)
  --clients NUMBER  one fleet of so many, instead of four of 10 to 10,000; at most 10,000,000
  --quick           only what has a number to reach, only forbear and no retries; draws nothing
  --sweep           other defaults of forbear, in other scenarios, on other seeds
  --help

scenarios:";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) seed: u64,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) quick: bool,
    pub(crate) sweep: bool,
}

impl Arguments {
    /// Returns `None` if help is asked for.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>> {
        let mut parser = Parser::from_args(arguments);
        let (mut names, mut seed, mut shapes) = (Vec::new(), 1, Shape::ALL.to_vec());
        let (mut quick, mut sweep) = (false, false);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("scenario") => names.push(parser.value()?.string()?),
                Arg::Long("seed") => seed = number("--seed", &parser.value()?.string()?, 0, u64::MAX)?,
                Arg::Long("clients") => {
                    let clients = number("--clients", &parser.value()?.string()?, 1, MAX_CLIENTS)?;
                    shapes = vec![Shape { clients: u32::try_from(clients)? }];
                }
                Arg::Long("quick") => quick = true,
                Arg::Long("sweep") => sweep = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => {
                    return Err(format!("{}: see --help", argument.unexpected()).into());
                }
            }
        }
        if sweep && (quick || !names.is_empty() || shapes.len() == 1) {
            return Err("--sweep has scenarios and fleets of its own: it goes with --seed only".into());
        }
        Ok(Some(Self { scenarios: scenarios(&names)?, seed, shapes, quick, sweep }))
    }
}

/// Returns the scenarios of these names, or all if there are none.
fn scenarios(names: &[String]) -> Result<Vec<Scenario>> {
    let mut all = scenario::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|scenario| scenario.name != **name)) {
        let known: Vec<&str> = all.iter().map(|scenario| scenario.name).collect();
        return Err(format!("--scenario is {unknown:?}, but must be one of {}", known.join(", ")).into());
    }
    all.retain(|scenario| names.is_empty() || names.iter().any(|name| name == scenario.name));
    Ok(all)
}

fn number(option: &str, text: &str, least: u64, most: u64) -> Result<u64> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{option} is {text:?}, but must be a number from {least} to {most}").into())
}

/// More do not fit into most machines.
const MAX_CLIENTS: u64 = 10_000_000;
