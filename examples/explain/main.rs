//! What would be done, without sending anything: one call is played on made-up time, over the endpoints of a file.
//!
//! It tells which endpoint a request belongs to and what is decided about each outcome, as far as the first question that
//! is answered with "no". Several outcomes in a row play the whole call, with its waits.
//!
//! ```sh
//! cargo run --example explain -- examples/per_endpoint.toml \
//!     POST https://payments.internal/v1/charges/7 --status 503 --header 'Retry-After: 30'
//! ```
//!
//! Nothing of what it says is worked out here: it is a [`Call`](forbear::Call) like any other. `session.txt` shows more, and
//! is tested. It exits with 2 if the file or an argument is wrong.
//!
//! Files are read with the feature `serde`. Built without it, this asks cargo for itself with it.
#![cfg_attr(feature = "serde", expect(clippy::print_stdout, clippy::print_stderr, reason = "it shows"))]

#[cfg(feature = "serde")]
#[path = "explain.rs"]
mod explain;

#[cfg(feature = "serde")]
fn main() -> std::process::ExitCode {
    explain::main()
}

#[cfg(not(feature = "serde"))]
fn main() -> std::io::Result<std::process::ExitCode> {
    use std::env;
    use std::process::{Command, ExitCode};

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--features", "serde", "--example", "explain", "--"]).args(env::args_os().skip(1));
    let code = cargo.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
