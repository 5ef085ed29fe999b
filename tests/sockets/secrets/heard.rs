//! All that is said of calls, whatever the door and the thread: as data, and as `tracing_subscriber` writes it down.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use forbear::{Budget, Endpoints, Event, Observer, Policy, Recorder, Tracing};
use tracing::{Dispatch, Level};
use tracing_subscriber::fmt;

/// What a format wrote.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn writer(&self) -> impl Fn() -> Self + Send + Sync + 'static {
        let page = self.clone();
        move || page.clone()
    }
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hears every event of the endpoints that it makes.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    pub(crate) recorder: Recorder,
    /// `Debug` of each event.
    data: Arc<Mutex<String>>,
    pub(crate) plain: Page,
    pub(crate) compact: Page,
    pub(crate) colored: Page,
    /// Of several lines for each event.
    pub(crate) pretty: Page,
}

impl Heard {
    /// Endpoints whose fallback has enough credit for a whole test.
    pub(crate) fn endpoints(&self, policy: Policy) -> Endpoints {
        let rich = Budget::builder().start(1_000.0);
        Endpoints::builder().fallback(policy).fallback_budget(rich).observer(self.observer()).build().unwrap()
    }

    pub(crate) fn observer(&self) -> impl Observer + 'static {
        let writing = || fmt().with_max_level(Level::TRACE).without_time();
        let formats: [Dispatch; 4] = [
            writing().with_ansi(false).with_writer(self.plain.writer()).into(),
            writing().with_ansi(false).compact().with_writer(self.compact.writer()).into(),
            writing().with_ansi(true).with_writer(self.colored.writer()).into(),
            writing().with_ansi(true).pretty().with_writer(self.pretty.writer()).into(),
        ];
        let (recorder, data) = (self.recorder.clone(), Arc::clone(&self.data));
        move |event: &Event<'_>| {
            recorder.on_event(event);
            write!(data.lock().unwrap(), "{event:?}\n{event:#?}\n").unwrap();
            for format in &formats {
                tracing::dispatcher::with_default(format, || Tracing.on_event(event));
            }
        }
    }

    pub(crate) fn all(&self) -> String {
        let mut all = self.data.lock().unwrap().clone();
        for event in self.recorder.events() {
            writeln!(all, "{event}\n{event:?}\n{event:#?}").unwrap();
        }
        all + &[&self.plain, &self.compact, &self.colored, &self.pretty].map(Page::text).concat()
    }
}
