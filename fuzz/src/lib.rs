//! What the fuzz targets share: made-up headers and times, and references that are as slow as the rules are written.

mod date;
mod hint;
mod received;
mod text;
mod time;
#[path = "../../tests/properties/words.rs"]
mod words;

pub use date::dates;
pub use hint::{Hint, Hints};
pub use received::{Response, failure};
pub use text::Text;
pub use time::{Clock, Passes};

/// Names of headers that the engine looks for.
pub const HEADERS: &[&str] = words::HEADERS;
/// Bodies, and parts of some.
pub const BODIES: &[&str] = words::BODIES;
