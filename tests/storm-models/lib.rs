//! The models of other crates in `examples/storm` are held to what these crates decide.
//!
//! They have a package of their own: no other test needs these crates.
#![cfg(test)]

#[path = "../../examples/storm/answer.rs"]
#[expect(dead_code, reason = "the example needs more of it")]
mod answer;
mod policies;
mod reqwest_own;
mod reqwest_retry;
mod scripted;
