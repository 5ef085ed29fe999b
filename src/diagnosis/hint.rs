//! How long the server asked to wait.
//!
//! What a server sends here is often wrong and sometimes hostile. A value that is not understood is *malformed*: no
//! hint, never an error, and never read as another time. One that is too long saturates.

use std::time::Duration;

use super::retry_after;
use crate::outcome::Head;

/// What a response says about when to ask again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// It says nothing.
    #[default]
    Absent,
    /// It asks to be left alone for so long. Zero asks for nothing and is valid.
    Wait(Duration),
    /// It says something that cannot be understood.
    Malformed,
}

impl Hint {
    /// Reads the hint of a response.
    pub(super) fn of(head: Head<'_>) -> Self {
        retry_after::hint(head.headers, head.received_at).unwrap_or_default()
    }
}
