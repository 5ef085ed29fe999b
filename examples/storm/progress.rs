//! How far it is, for somebody who waits.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

/// A bar on standard error, if a person looks at it.
pub(crate) struct Progress {
    done: Cell<usize>,
    of: usize,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(of: usize) -> Self {
        Self { done: Cell::new(0), of, shown: io::stderr().is_terminal() }
    }

    pub(crate) fn advance(&self) {
        self.done.set(self.done.get() + 1);
        self.show();
    }

    fn show(&self) {
        if self.shown {
            let filled = WIDTH * self.done.get() / self.of.max(1);
            let bar = "█".repeat(filled) + &"░".repeat(WIDTH.saturating_sub(filled));
            // A terminal that is gone is no reason to stop.
            let _ = write!(io::stderr(), "\r{bar} {} of {}", self.done.get(), self.of);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

const WIDTH: usize = 40;
