//! What a call costs in time: instructions, connections, latency, the policy alone; and what the crate costs to build.
//!
//! ```sh
//! cargo bench -p forbear-peers -- instructions connections times waits policy budgets
//! cargo bench -p forbear-peers -- crates # builds five programs from nothing
//! ```

mod budgets;
mod connections;
mod crates;
mod instructions;
mod policy;
#[path = "../../threads/mod.rs"]
mod threads;
mod times;
mod waits;

fn main() -> forbear_peers::Fallible<()> {
    if std::env::args().nth(1).is_some_and(|argument| argument == instructions::COUNTED) {
        return instructions::counted();
    }
    forbear_peers::run(&[
        ("instructions", instructions::compare, true),
        ("connections", connections::compare, true),
        ("times", times::compare, true),
        ("waits", waits::compare, true),
        ("policy", policy::compare, true),
        ("budgets", budgets::compare, true),
        ("crates", crates::compare, false),
    ])
}
