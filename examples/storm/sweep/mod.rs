//! Whether other defaults would do better: each is tried against forbear's own, on the same dice.

mod trial;
mod variant;

use std::fmt;

use crate::Result;
use crate::policies;
use crate::runs;
use crate::simulation::Setting;
use trial::Trial;
use variant::Variant;

/// All variants in all trials.
pub(crate) struct Sweep {
    trials: Vec<Trial>,
    variants: Vec<Variant>,
    /// The measure of each trial's scenario, by variant, trial, clients and seed.
    measured: Vec<f64>,
}

/// Plays every variant, on seeds that follow `seed`.
pub(crate) fn play(seed: u64) -> Result<Sweep> {
    let (trials, variants) = (trial::all(), variant::all()?);
    let mut jobs = Vec::new();
    for variant in &variants {
        for trial in &trials {
            for clients in CLIENTS {
                jobs.extend((1..=SEEDS).map(|later| (variant, trial, clients, seed.wrapping_add(later))));
            }
        }
    }
    let measured = runs::in_parallel(&jobs, |(variant, trial, clients, seed)| {
        let setting = Setting { scenario: trial.scenario.clone(), clients: *clients, seed: *seed };
        trial.measure.of(&policies::play_ours(&setting, variant.policy.clone(), variant.budget))
    });
    Ok(Sweep { trials, variants, measured })
}

impl Sweep {
    /// Returns for each variant, and of it for each trial and number of clients, what was measured.
    fn rows(&self) -> impl Iterator<Item = (&Variant, Vec<&[f64]>)> {
        let seeds = usize::try_from(SEEDS).unwrap_or(usize::MAX);
        let of_one = self.trials.len() * CLIENTS.len() * seeds;
        self.variants.iter().zip(self.measured.chunks(of_one).map(move |row| row.chunks(seeds).collect()))
    }

    /// Returns the names of trials in which one is better than the other, on every seed and by more than the margin.
    fn better(&self, one: &[&[f64]], other: &[&[f64]]) -> Vec<String> {
        let places = self.trials.iter().flat_map(|trial| CLIENTS.map(|clients| (trial, clients)));
        let compared = places.zip(one.iter().zip(other)).filter(|((trial, _), (one, other))| {
            one.iter().zip(other.iter()).all(|(one, other)| other - one > trial.measure.margin())
        });
        compared.map(|((trial, clients), _)| format!("{} × {clients}", trial.scenario.name)).collect()
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut defaults = None;
        for (clients_index, clients) in CLIENTS.into_iter().enumerate() {
            write!(f, "{:20}", format!("{clients} clients"))?;
            self.trials.iter().try_for_each(|trial| write!(f, " {:>10}", trial.scenario.name))?;
            write!(f, "\n{:20}", "")?;
            self.trials.iter().try_for_each(|trial| write!(f, " {:>10}", trial.measure.as_str()))?;
            for (variant, row) in self.rows() {
                write!(f, "\n{:20}", variant.name)?;
                for seeds in row.iter().skip(clients_index).step_by(CLIENTS.len()) {
                    write!(f, " {:>10.2}", mean(seeds))?;
                }
                defaults.get_or_insert(row);
            }
            f.write_str("\n\n")?;
        }
        let defaults = defaults.unwrap_or_default();
        for (variant, row) in self.rows().skip(1) {
            let [better, worse] = [self.better(&row, &defaults), self.better(&defaults, &row)];
            let verdict = match (better.is_empty(), worse.is_empty()) {
                (false, true) => "BETTER",
                (true, false) => "worse",
                (false, false) => "both",
                (true, true) => "the same",
            };
            writeln!(f, "{:20} {verdict}", variant.name)?;
            for (how, places) in [("better", better), ("worse", worse)] {
                if !places.is_empty() {
                    writeln!(f, "    {how:6} {}", places.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.iter().map(|_| 1.0).sum::<f64>()
}

/// None of the shapes that the defaults were tuned on.
const CLIENTS: [u32; 4] = [30, 300, 3_000, 30_000];
/// Nor their seeds.
const SEEDS: u64 = 3;
