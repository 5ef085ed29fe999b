//! What real proxies send when the application behind them fails. `install.sh` beside this file installs them.
#![cfg(test)]
#![cfg(feature = "reqwest")]

mod answer;
mod application;
mod case;
mod document;
mod matrix;
mod observe;
mod proxy;

#[expect(clippy::disallowed_methods, reason = "another process gives no other sign")]
async fn pause(duration: std::time::Duration) {
    tokio::time::sleep(duration).await;
}
