//! Time at its worst: clocks that are set while a call is under way, a machine that is suspended, and durations without
//! bounds.
#![cfg(test)]

#[cfg(all(feature = "reqwest", target_os = "linux", target_env = "gnu"))]
mod clocks;
#[cfg(feature = "reqwest")]
mod extremes;
mod grid;
