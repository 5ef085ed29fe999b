//! The client over real sockets on loopback, with a server that answers as told and remembers what it saw.
#![cfg(test)]
#![cfg(feature = "reqwest")]

#[cfg(feature = "blocking")]
mod blocking;
mod bodies;
mod cancel;
mod client;
mod cost;
#[cfg(feature = "tracing")]
mod events;
mod hooks;
mod hostile;
mod http2;
#[cfg(feature = "middleware")]
mod middleware;
mod redirects;
#[cfg(all(feature = "blocking", feature = "middleware", feature = "serde", feature = "tower", feature = "tracing"))]
mod secrets;
mod server;
mod wire;
