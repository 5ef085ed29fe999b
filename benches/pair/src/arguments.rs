//! What is asked for.

use std::ffi::OsString;

use forbear_peers::Fallible;
use lexopt::{Arg, Parser, ValueExt};

const HELP: &str = "pair [--seconds N, at least 45 (300)] [--rate N, per second and contender (300)] [--seed N (1)]";

/// In less, the faults have no room.
const LEAST_SECONDS: u32 = 45;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    pub(crate) seconds: u32,
    /// Calls per second, of all clients of a contender.
    pub(crate) rate: u32,
    pub(crate) seed: u64,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Fallible<Self> {
        let mut parser = Parser::from_args(arguments);
        let mut parsed = Self { seconds: 300, rate: 300, seed: 1 };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("seconds") => parsed.seconds = parser.value()?.parse()?,
                Arg::Long("rate") => parsed.rate = parser.value()?.parse()?,
                Arg::Long("seed") => parsed.seed = parser.value()?.parse()?,
                Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(HELP.into()),
            }
        }
        let is_right = parsed.seconds >= LEAST_SECONDS && (50..=2000).contains(&parsed.rate);
        if is_right { Ok(parsed) } else { Err(HELP.into()) }
    }
}
