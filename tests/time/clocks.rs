//! The real client and its real clocks, on a machine whose clocks the test sets. Each test runs in a process of its own.
#![expect(clippy::disallowed_methods, reason = "paused time, and clocks that the test sets")]

use std::convert::Infallible;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use forbear::{Client, ClientBuilder, Endpoints, Event, EventKind, Failure, Now, Policy, Report, Script, StopReason};
use http::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use reqwest::Request;
use tokio::time::Instant;

/// What is added to the clocks, in seconds.
#[derive(Clone)]
struct Clocks {
    file: Arc<File>,
    added: Arc<Mutex<[i64; 2]>>,
}

impl Clocks {
    /// Sets the wall clock so far ahead of the true time, or behind it.
    fn set_wall(&self, seconds: i64) {
        self.set(|added| added[0] = seconds);
    }

    /// Suspends the machine. Time goes on meanwhile, but for what std and tokio see of it.
    fn suspend(&self, seconds: i64) {
        self.set(|added| *added = added.map(|added| added + seconds));
    }

    fn set(&self, change: impl FnOnce(&mut [i64; 2])) {
        let mut added = self.added.lock().unwrap();
        change(&mut added);
        self.file.write_all_at(added.map(i64::to_ne_bytes).as_flattened(), 0).unwrap();
    }
}

/// Runs the test of this name in a process whose clocks it may set.
fn with_clocks(test: &str, body: impl AsyncFnOnce(Clocks)) {
    if let Some(path) = std::env::var_os("FORBEAR_TEST_CLOCKS") {
        let clocks = Clocks { file: Arc::new(File::options().write(true).open(path).unwrap()), added: Arc::default() };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        return runtime.enable_time().start_paused(true).build().unwrap().block_on(body(clocks));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let library = compiled(&folder);
    let file = folder.join("clocks");
    fs::write(&file, [0; 16]).unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args([&format!("clocks::{test}"), "--exact", "--nocapture"])
        .env("LD_PRELOAD", library)
        .env("FORBEAR_TEST_CLOCKS", file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&run.stderr));
}

/// By what links Rust's own programs.
fn compiled(folder: &Path) -> PathBuf {
    let library = folder.join("clocks.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/time/clocks.c");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
    assert!(status.success());
    library
}

#[test]
fn a_wall_clock_that_jumps_by_years_changes_no_wait_and_ages_nothing() {
    with_clocks("a_wall_clock_that_jumps_by_years_changes_no_wait_and_ages_nothing", async |clocks| {
        const CALLS: u32 = 50;
        let mut script = Script::new();
        for _ in 0..CALLS {
            let busy = |status| asks_at(status, Some("Sun, 06 Nov 1994 08:49:37 GMT"), "Sun, 06 Nov 1994 08:50:07 GMT");
            script =
                script.after(S).response(busy(503)).after(S).response(busy(429)).after(S).response(Response::new(""));
        }
        let client = builder(&endpoints(|_| {})).build_scripted(&script).unwrap();
        // Within attempts and between them, four times a second.
        tokio::spawn(async move {
            for years in [-30, 30, -70, 70, 0, 1_000].into_iter().cycle() {
                clocks.set_wall(years * YEAR);
                tokio::time::sleep(S / 4).await;
            }
        });
        let started = Instant::now();
        for _ in 0..CALLS {
            let response = client.get("http://orders.internal").max_elapsed(600 * S).send().await.unwrap();
            let report = Report::of(&response).unwrap();
            let waits: Vec<Duration> = report.attempts().iter().filter_map(|attempt| attempt.wait()).collect();
            assert!(waits.len() == 2 && waits.iter().all(|wait| (30 * S..=45 * S).contains(wait)), "{report}");
            assert!((63 * S..94 * S).contains(&report.elapsed()), "{report}");
        }
        assert!((CALLS * 63 * S..CALLS * 94 * S).contains(&started.elapsed()));
        let numbers = client.snapshot().endpoints()[0].clone();
        assert_eq!((numbers.recovered(), numbers.attempts()), (u64::from(CALLS), u64::from(3 * CALLS)));
        assert!(numbers.open_incident().is_some_and(|open| open <= started.elapsed()), "{numbers:?}");
    });
}

/// The skew cancels out against the response's own `Date` only.
#[test]
fn without_a_date_the_local_clock_must_do_whatever_it_says() {
    with_clocks("without_a_date_the_local_clock_must_do_whatever_it_says", async |clocks| {
        let in_half_a_minute = httpdate::fmt_http_date(SystemTime::now() + 30 * S);
        for (wrong_by, expected) in [
            (0, Ok(29 * S..=46 * S)),
            (-YEAR, Err(StopReason::HintTooLong)),
            (-70 * YEAR, Err(StopReason::HintTooLong)),
            (YEAR, Ok(S / 2..=S)), // it is over, as far as anybody here can tell
            (1_000 * YEAR, Ok(S / 2..=S)),
        ] {
            clocks.set_wall(wrong_by);
            let script = Script::new().response(asks_at(503, None, &in_half_a_minute)).response(Response::new(""));
            let client = builder(&endpoints(|_| {})).build_scripted(&script).unwrap();
            let response = client.get("http://orders.internal").send().await.unwrap();
            let report = Report::of(&response).unwrap();
            match expected {
                Ok(waits) => assert!(waits.contains(&report.attempts()[0].wait().unwrap()), "{wrong_by}: {report}"),
                Err(reason) => assert_eq!(report.reason(), Some(reason), "{wrong_by}: {report}"),
            }
        }
    });
}

/// What the machine is at when it is suspended. A stream that was refused is retried at once: no wait is there to notice it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amid {
    Attempt,
    AttemptBeforeARetryAtOnce,
    Wait,
    Hook,
    HookOfARetryAtOnce,
}

#[test]
fn a_retry_that_a_suspended_machine_makes_too_late_is_not_sent_and_one_in_time_is() {
    with_clocks("a_retry_that_a_suspended_machine_makes_too_late_is_not_sent_and_one_in_time_is", async |clocks| {
        use Amid::{Attempt, AttemptBeforeARetryAtOnce, Hook, HookOfARetryAtOnce, Wait};
        for amid in [Attempt, AttemptBeforeARetryAtOnce, Wait, Hook, HookOfARetryAtOnce] {
            for (night, sent) in [(20, 2), (8 * 3_600, 1)] {
                let row = format!("{night} s amid {amid:?}");
                let is_at_once = matches!(amid, AttemptBeforeARetryAtOnce | HookOfARetryAtOnce);
                let script = if is_at_once {
                    Script::new().after(S).failure(Failure::StreamRefused)
                } else {
                    let busy = Response::builder().status(503).header("retry-after", "20").body("").unwrap();
                    Script::new().after(S).response(busy)
                };
                let script = script.response(Response::new("good morning"));

                let [by_event, by_hook] = [clocks.clone(), clocks.clone()];
                let endpoints = endpoints(move |event| {
                    if event.kind() == EventKind::Retry && amid == Wait {
                        by_event.suspend(night);
                    }
                });
                let client = builder(&endpoints);
                let client = if matches!(amid, Hook | HookOfARetryAtOnce) {
                    client.before_attempt(move |_: &mut Request, upcoming: &forbear::Attempt| {
                        if upcoming.retry().is_some() {
                            by_hook.suspend(night);
                        }
                        Ok(())
                    })
                } else {
                    client
                };
                let client = client.build_scripted(&script).unwrap();
                let in_flight = async {
                    tokio::time::sleep(S / 2).await;
                    if matches!(amid, Attempt | AttemptBeforeARetryAtOnce) {
                        clocks.suspend(night);
                    }
                };
                let (result, ()) = tokio::join!(client.get("http://orders.internal").send(), in_flight);

                assert_eq!(script.sent().len(), sent, "{row}");
                let report = match &result {
                    Ok(response) => Report::of(response),
                    Err(error) => error.report(),
                };
                let report = report.unwrap();
                assert_eq!(report.reason(), (sent == 1).then_some(StopReason::NoTimeLeft), "{row}: {report}");
                assert!(report.elapsed() >= Duration::from_secs(night.unsigned_abs()), "{row}: {report}");
                let status = result.ok().map(|response| response.status().as_u16());
                let expected = [if is_at_once { None } else { Some(503) }, Some(200)][sent - 1];
                assert_eq!(status, expected, "{row}: what the retry was to replace is handed back");
                let numbers = endpoints.snapshot(Now::default()).endpoints()[0].clone(); // before any night heals it
                assert!(numbers.credit() >= 4.0 && numbers.waiting() == 0, "{row}: what is not sent is not paid for");
            }
        }
    });
}

/// A body of which nothing comes, so that it takes a while to set its response aside.
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(5)
    }
}

/// It is noticed by whoever retries first, perhaps just as another begins to wait.
#[test]
fn a_night_that_another_call_notices_shortens_no_wait() {
    with_clocks("a_night_that_another_call_notices_shortens_no_wait", async |clocks| {
        let busy = Response::builder().status(503).header("retry-after", "10");
        let busy = busy.body(reqwest::Body::wrap(Silent)).unwrap();
        let script = Script::new().after(S).response(busy).response(Response::new(""));
        let endpoints = endpoints(|_| {});
        let blind = Policy::builder().looks_into_bodies(false).build().unwrap();
        let one = builder(&endpoints).build_scripted(&script).unwrap();
        let refused = Script::new().failure(Failure::StreamRefused).response(Response::new(""));
        let other = builder(&endpoints).build_scripted(&refused).unwrap();
        let noticing = async {
            tokio::time::sleep(S / 2).await;
            clocks.suspend(20);
            tokio::time::sleep(S / 2 + S / 100).await; // the response is being set aside
            other.get("http://orders.internal").send().await.unwrap();
        };
        let began = Instant::now();
        let (response, ()) = tokio::join!(one.get("http://orders.internal").policy(blind).send(), noticing);
        assert_eq!((response.unwrap().status().as_u16(), refused.sent().len()), (200, 2));
        assert!(began.elapsed() >= 11 * S, "a wait of 10 s was over after {:?}", began.elapsed());
    });
}

fn endpoints(observer: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Endpoints {
    Endpoints::builder().observer(observer).build().unwrap()
}

fn builder(endpoints: &Endpoints) -> ClientBuilder {
    Client::builder(reqwest::Client::builder().no_proxy()).endpoints(endpoints.clone())
}

/// A response that asks to be left alone until a date.
fn asks_at(status: u16, date: Option<&str>, retry_at: &str) -> Response<&'static str> {
    let response = Response::builder().status(status).header("retry-after", retry_at);
    let response = if let Some(date) = date { response.header("date", date) } else { response };
    response.body("").unwrap()
}

const S: Duration = Duration::from_secs(1);
/// In seconds.
const YEAR: i64 = 31_556_952;
