//! What is shown of the events: short lines, all those of the first calls, and a count of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, IsTerminal};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use forbear::{Event, Observer, StopReason, Tracing};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;

/// Calls that are shown in each act, of those that begin with a retry and of those that stop at once.
const SHOWN: u32 = 2;

/// What matters here, of the fields `retry.…`.
const FIELDS: [&str; 9] =
    ["condition", "issuer", "confidence", "evidence", "delivery", "look_at", "reason", "hint_ms", "wait_ms"];

/// Prints what is said, each line with the seconds since now.
pub(crate) fn show() {
    let short = debug_fn(|line, field, value| {
        let value = format!("{value:?}");
        let bare = value.trim_matches('"');
        match field.name() {
            "message" => write!(line, "{value:<9}"),
            "http.request.method" | "http.response.status_code" => write!(line, " {bare}"),
            "retry.call" => write!(line, " call={bare:.4}"),
            name => match name.strip_prefix("retry.").filter(|name| FIELDS.contains(name)) {
                Some(name) => write!(line, " {name}={bare}"),
                None => Ok(()),
            },
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter("forbear=debug,incident=info")
        .with_ansi(io::stdout().is_terminal())
        .with_timer(Seconds::since_now())
        .with_level(false)
        .with_target(false)
        .fmt_fields(short)
        .init();
}

struct Seconds(Instant);

impl Seconds {
    #[expect(clippy::disallowed_methods, reason = "for people to read")]
    fn since_now() -> Self {
        Self(Instant::now())
    }
}

impl FormatTime for Seconds {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{:>6.2} s", self.0.elapsed().as_secs_f64())
    }
}

/// Lets the events of the first calls through to [`Tracing`].
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Act>>);

impl Observer for Lines {
    fn on_event(&self, event: &Event<'_>) {
        if self.act().shows(event) {
            Tracing.on_event(event);
        }
    }
}

impl Lines {
    /// Prints how many events were not shown, and begins another act.
    pub(crate) fn count_the_rest(&self) {
        let rest = mem::take(&mut *self.act()).rest;
        let rest: Vec<String> = rest.iter().map(|(line, count)| format!("{count} × {line}")).collect();
        println!("         … and of the other calls {}", rest.join(", "));
    }

    fn act(&self) -> MutexGuard<'_, Act> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Act {
    /// How many calls began so.
    begun: BTreeMap<&'static str, u32>,
    shown: BTreeSet<u64>,
    rest: BTreeMap<String, u32>,
}

impl Act {
    fn shows(&mut self, event: &Event<'_>) -> bool {
        let kind = event.kind().as_str();
        if event.attempt() == 1 {
            let begun = self.begun.entry(kind).or_default();
            *begun += 1;
            if *begun <= SHOWN {
                self.shown.insert(event.call());
            }
        }
        let shows = self.shown.contains(&event.call());
        if !shows {
            let reason = event.reason().map(StopReason::as_str).unwrap_or_default();
            *self.rest.entry(format!("{kind} {reason}").trim_end().to_owned()).or_default() += 1;
        }
        shows
    }
}
