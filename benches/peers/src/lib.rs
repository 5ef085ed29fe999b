//! What else a user could pick, the requests that each of them sends, and the server that answers.

mod patience;
mod peer;
mod plan;
mod sends;
mod server;
mod table;

use std::error::Error;

pub use patience::Patience;
pub use peer::{Measure, Peer, forbear_policy, reqwest_retry, silent_endpoints};
pub use plan::Plan;
pub use sends::{Sends, succeed};
pub use server::{Server, serve};
pub use table::{print_row, signed, signed_per_cent};

pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A section's name, what it measures, and whether it is a part of a run that names none.
pub type Section = (&'static str, fn() -> Fallible<()>, bool);

/// Runs the sections that the arguments name, or all that a run without arguments has.
///
/// Those of the package's other targets are named to this one, too: it has nothing to do then.
///
/// # Errors
///
/// If a section cannot be measured.
pub fn run(sections: &[Section]) -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if arguments.first().is_some_and(|argument| argument == "serve") {
        return runtime()?.block_on(serve());
    }
    for (name, section, by_default) in sections {
        if arguments.iter().any(|argument| argument == name) || (arguments.is_empty() && *by_default) {
            section()?;
        }
    }
    Ok(())
}

/// Returns a runtime on this thread: what it does is what is counted.
///
/// # Errors
///
/// If the system has none.
pub fn runtime() -> Fallible<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
