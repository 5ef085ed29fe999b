//! What the server saw and did: the witness.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::clock;
use crate::plan::{Plan, Step, Way};

/// One request, as far as it was seen, and what the client can have learned of its fate.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// How many requests of the call were seen before.
    pub(crate) nth: usize,
    pub(crate) seen_at: Instant,
    /// Just before the first byte of a response, or before the end of the connection.
    pub(crate) acted_at: Option<Instant>,
    /// Stands for method, URL and all headers, where all of them were read.
    pub(crate) head: Option<u64>,
    /// What was not as the caller has sent it.
    pub(crate) wrong: Option<String>,
    pub(crate) fault: bool,
    /// At which byte the request or the response was cut off.
    pub(crate) cut: Option<usize>,
    /// Whether the server has said that it did nothing, or has shown it.
    pub(crate) unprocessed: bool,
    /// The response may have reached the client.
    pub(crate) status: Option<u16>,
    pub(crate) hint: Option<Duration>,
    /// The response reached the client whole, if at all.
    pub(crate) whole: bool,
    /// How much of the body reached the client in any case.
    pub(crate) least: usize,
    /// A response that nobody has asked for may have been taken for the one to this request.
    pub(crate) mistakable: bool,
    /// What breaks the connection was on its way before the request came.
    pub(crate) foretold: bool,
    /// The client may have found that the connection broke, or that what came was no response.
    pub(crate) interrupted: bool,
    /// The client may have found that the stream was refused.
    pub(crate) refused: bool,
    /// Whatever was promised, what the client does not have by then may be lost.
    pub(crate) doom: Option<Doom>,
}

/// The end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
    pub(crate) at: Instant,
    /// Whether it says that the stream was refused.
    pub(crate) refuses: bool,
}

/// How often messages were cut off after so many bytes.
#[derive(Debug, Default)]
pub(crate) struct Cuts(BTreeMap<usize, u64>);

/// All of them, and what else there is to count.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) sightings: Vec<Sighting>,
    of_call: HashMap<u64, Vec<usize>>,
    pub(crate) faults: BTreeMap<(String, Way), u64>,
    pub(crate) hints: BTreeMap<&'static str, u64>,
    /// By error code.
    pub(crate) resets: BTreeMap<u32, u64>,
    pub(crate) leaves: BTreeMap<u32, u64>,
    /// Where requests and responses were cut off over HTTP/1.1, by the name of what was done.
    pub(crate) cuts: BTreeMap<&'static str, Cuts>,
    pub(crate) connections: u64,
    pub(crate) most_open: usize,
}

impl Log {
    /// Takes note of a request whose call is known, and returns where and what is to be done about it.
    pub(crate) fn begin(&mut self, plan: &Plan) -> (usize, Step) {
        let index = self.sightings.len();
        let of_call = self.of_call.entry(plan.call).or_default();
        let nth = of_call.len();
        of_call.push(index);
        let step = plan.step(nth);
        let fault = step.fault();
        self.sightings.push(Sighting {
            nth,
            seen_at: clock::now(),
            acted_at: None,
            head: None,
            wrong: None,
            fault: fault.is_some(),
            cut: None,
            unprocessed: false,
            status: None,
            hint: None,
            whole: false,
            least: 0,
            mistakable: false,
            foretold: false,
            interrupted: false,
            refused: false,
            doom: None,
        });
        if let Some(fault) = fault {
            self.count(fault, plan.way);
            *self.hints.entry(step.answer.hint.name()).or_default() += 1;
        }
        (index, step)
    }

    pub(crate) fn count(&mut self, fault: impl Into<String>, way: Way) {
        *self.faults.entry((fault.into(), way)).or_default() += 1;
    }

    /// Returns what was seen of a call, in the order in which it was seen.
    pub(crate) fn of_call(&self, call: u64) -> impl Iterator<Item = &Sighting> {
        self.of_call.get(&call).into_iter().flatten().map(|index| &self.sightings[*index])
    }
}

impl Cuts {
    /// Returns where to cut off a message of a length: at the first byte where none was cut off yet, if it has that one.
    pub(crate) fn next(&mut self, at: usize, length: usize) -> usize {
        let first = self.first();
        let at = if first <= length { first } else { at % (length + 1) };
        *self.0.entry(at).or_default() += 1;
        at
    }

    /// Returns the first byte at which none was cut off.
    pub(crate) fn first(&self) -> usize {
        self.0.keys().zip(0..).take_while(|(cut, byte)| *cut == byte).count()
    }
}

impl Sighting {
    /// Returns what a client can have learned until some time.
    pub(crate) fn until(&self, time: Instant) -> Self {
        let mut known = self.clone();
        let doom = self.doom.filter(|doom| doom.at <= time);
        if doom.is_some() || self.foretold {
            (known.interrupted, known.whole) = (true, false);
        }
        known.refused |= doom.is_some_and(|doom| doom.refuses);
        known
    }

    /// Returns whether there is only one thing that can be told of it.
    pub(crate) fn is_exact(&self) -> bool {
        let outcomes = [self.status.is_some(), self.mistakable, self.interrupted, self.refused];
        outcomes.into_iter().filter(|outcome| *outcome).count() == 1
    }

    /// Notes that something is done now which the client can learn of.
    pub(crate) fn act(&mut self) {
        self.acted_at.get_or_insert_with(clock::now);
    }
}
