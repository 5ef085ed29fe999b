//! The client over real sockets on loopback, with a server that answers as told and remembers what it saw.
#![cfg(test)]
#![cfg(feature = "reqwest")]

mod bodies;
mod cancel;
mod client;
mod cost;
#[cfg(feature = "tracing")]
mod events;
mod hooks;
mod hostile;
mod http2;
mod redirects;
mod server;
mod wire;
