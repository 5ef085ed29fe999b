//! What would be done, without sending anything: one call is played on made-up time, over the endpoints of a file.
//!
//! It tells which endpoint a request belongs to and what is decided about each outcome, as far as the first question that
//! is answered with "no". Several outcomes in a row play the whole call, with its waits.
//!
//! ```sh
//! cargo run --features serde --example explain -- examples/per_endpoint.toml \
//!     POST https://payments.internal/v1/charges/7 --status 503 --header 'Retry-After: 30'
//! ```
//!
//! Nothing of what it says is worked out here: it is a [`Call`](forbear::Call) like any other. `session.txt` shows more, and
//! is tested. It exits with 2 if the file or an argument is wrong.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it shows")]

mod arguments;
mod file;
mod json;
mod people;
mod play;
mod questions;
mod said;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Arguments, HELP};
use said::Said;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match explain(std::env::args_os().skip(1)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("explain: {error}");
            ExitCode::from(2)
        }
    }
}

fn explain(arguments: impl IntoIterator<Item = OsString>) -> Result<String> {
    let Some(arguments) = Arguments::parse(arguments)? else { return Ok(HELP.to_owned()) };
    let said = Said::default();
    let (endpoints, warnings) = file::read(&arguments.file)?;
    let story = said.listen(|| play::play(&arguments, &endpoints, &said))?;
    let tell = if arguments.json { json::tell } else { people::tell };
    Ok(tell(&arguments, &story, &warnings))
}
