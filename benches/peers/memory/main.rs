//! How much memory a call takes: how often it is asked for, and how much is held.
//!
//! ```sh
//! cargo bench -p forbear-peers -- allocations held
//! ```

mod allocations;
mod held;

fn main() -> forbear_peers::Fallible<()> {
    forbear_peers::run(&[("allocations", allocations::compare, true), ("held", held::compare, true)])
}
