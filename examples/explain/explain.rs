//! From arguments to what is said.

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

pub(crate) fn main() -> ExitCode {
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
