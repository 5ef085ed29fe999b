//! A real pair under load: nginx before an application that is killed, restarted, drained and overloaded, while ten clients
//! call. Four times at once, under the same calls and the same faults: without retries, with reqwest-retry, with forbear as it
//! is, and with an unlimited budget.
//!
//! ```sh
//! cargo run --release -p forbear-pair                  # five minutes
//! cargo run --release -p forbear-pair -- --seconds 45  # each fault once
//! ```
//!
//! Who was asked how often is counted by nginx, and what was done twice by the application; of the clients only forbear is
//! asked, why it lost what it lost.

mod application;
mod arguments;
mod clock;
mod contender;
mod faults;
mod figures;
mod front;
mod held;
mod home;
mod load;
mod process;
mod traffic;
mod witness;

use std::env;
use std::thread;

use arguments::Arguments;
use contender::Contender;
use faults::Schedule;
use figures::Figures;
use forbear_peers::{Fallible, runtime};
use front::Front;
use home::Home;
use load::Load;
use process::Application;

fn main() -> Fallible<()> {
    let mut arguments = env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == "application").is_some() {
        return runtime()?.block_on(application::run(arguments));
    }
    run(&Arguments::parse(arguments)?)
}

fn run(arguments: &Arguments) -> Fallible<()> {
    let load = Load { rate: arguments.rate };
    let schedule = Schedule::new(arguments.seconds, arguments.seed);
    let calls = traffic::plan(arguments, schedule.end);
    let home = Home::new()?;
    let (mut fronts, mut applications) = (Vec::new(), Vec::new());
    for contender in Contender::ALL {
        let place = home.place(contender)?;
        let application = Application::start(&place, load)?;
        fronts.push(Front::start(&place, application.port)?);
        applications.push(application);
    }
    let urls: Vec<_> = fronts.iter().map(Front::url).collect();
    println!(
        "{} before each of four applications, {} calls per second to each for {} s, seed {}",
        front::version()?,
        arguments.rate,
        arguments.seconds,
        arguments.seed
    );

    let origin = clock::now();
    let made = thread::scope(|scope| {
        let faults: Vec<_> = applications
            .iter_mut()
            .map(|application| scope.spawn(|| faults::play(&schedule, origin, application)))
            .collect();
        let made = runtime()?.block_on(traffic::make(&urls, &calls, origin));
        for faults in faults {
            faults.join().map_err(|_| "the faults ended before their time")??;
        }
        made
    })?;

    drop((fronts, applications)); // all is written then
    let mut all = Vec::new();
    for (contender, made) in Contender::ALL.into_iter().zip(made) {
        let seen = witness::read(&home.place(contender)?, &calls, made)?;
        all.push(Figures { contender, schedule: &schedule, seen });
    }
    figures::print(&all);
    held::hold(&all, schedule.end)
}
