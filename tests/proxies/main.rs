//! What real proxies send when the application behind them fails. `install.sh` beside this file installs them.
#![cfg(test)]
#![cfg(feature = "reqwest")]

mod answer;
mod application;
mod document;
mod proxy;
