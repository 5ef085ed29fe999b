//! A call may be dropped at any of its awaits: nothing more is sent, and the books are right to the unit. Paused time, no
//! sockets.
#![cfg(test)]

mod books;
#[cfg(feature = "reqwest")]
mod client;
mod door;
mod dropped;
#[cfg(any(feature = "middleware", feature = "tower"))]
mod inside;
#[cfg(feature = "middleware")]
mod middleware;
#[cfg(feature = "reqwest")]
mod runtime;
mod sdk;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod slow;
#[cfg(feature = "tower")]
mod tower;
