//! The models of other crates in `examples/storm` are held to what these crates decide.
//!
//! They have a package of their own: no other test needs these crates.
#![cfg(test)]

#[path = "../../examples/storm/answer.rs"]
mod answer;
mod aws;
mod draws;
mod policies;
mod reqwest_own;
mod reqwest_retry;
mod scripted;
