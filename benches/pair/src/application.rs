//! The application, a process of its own: some workers, a queue before them, and a log of what was done.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use forbear_peers::Fallible;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{Notify, Semaphore};

use crate::clock;
use crate::load::Pace;
use crate::process::bound;

/// What it says when it does.
pub(crate) const LISTENS: &str = "listens";

/// What it is told, where others are sent a SIGTERM. All else that it is told is its pace.
pub(crate) const DRAIN: &str = "drain";

/// The header that names a call.
pub(crate) const CALL: &str = "x-call";

/// So long it sheds before it listens no more: until whoever asks is sent elsewhere. Here there is no elsewhere.
const DRAINS_FOR: Duration = Duration::from_secs(2);

/// So long it then lets connections finish what they have.
const FAREWELL: Duration = Duration::from_millis(400);

/// `Retry-After`, in seconds: while it drains, until the next one is there; else, until others have had their turn.
const AFTER_DRAIN: u32 = 3;
const AFTER_SHED: u32 = 1;

struct Application {
    log: File,
    workers: Semaphore,
    waiting: AtomicUsize,
    pace: Mutex<Pace>,
    is_draining: AtomicBool,
    told_to_drain: Notify,
}

pub(crate) async fn run(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    let mut next = || arguments.next().and_then(|text| text.into_string().ok()).ok_or("an argument is missing");
    let (port, workers, pace, log) = (next()?.parse()?, next()?.parse()?, Pace::from_line(&next()?)?, next()?);
    let application = Arc::new(Application {
        log: File::options().create(true).append(true).open(log)?,
        workers: Semaphore::new(workers),
        waiting: AtomicUsize::new(0),
        pace: Mutex::new(pace),
        is_draining: AtomicBool::new(false),
        told_to_drain: Notify::new(),
    });
    let listener = bound(port)?.listen(4096)?;
    writeln!(io::stdout(), "{LISTENS}")?;
    let listens_to = Arc::clone(&application);
    thread::spawn(move || listens_to.listen_to_input());

    let connections = GracefulShutdown::new();
    let mut drained = pin!(application.drain());
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut drained => break,
        };
        let application = Arc::clone(&application);
        let answer = service_fn(move |request| Arc::clone(&application).answer(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), answer);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    let _late = clock::within(FAREWELL, connections.shutdown()).await;
    Ok(())
}

impl Application {
    /// Ends the process when the input ends, as that does with whoever started it, however that ends.
    fn listen_to_input(&self) {
        for line in io::stdin().lines().map_while(Result::ok) {
            match Pace::from_line(&line) {
                Ok(pace) => *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace,
                Err(_) => self.told_to_drain.notify_one(),
            }
        }
        std::process::exit(0)
    }

    /// Returns when it has drained.
    async fn drain(&self) {
        self.told_to_drain.notified().await;
        self.is_draining.store(true, Ordering::SeqCst);
        clock::pause(DRAINS_FOR).await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let call = request.headers().get(CALL).and_then(|call| call.to_str().ok()).unwrap_or_default().to_owned();
        request.into_body().collect().await?;
        if self.is_draining.load(Ordering::SeqCst) {
            return Ok(unavailable(AFTER_DRAIN));
        }
        if self.waiting.load(Ordering::SeqCst) >= self.pace().room {
            return Ok(unavailable(AFTER_SHED));
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // A task of its own: it does not notice that nobody waits any more, as most applications do not.
        let done = tokio::spawn(async move { self.work(&call).await }).await;
        Ok(if done.is_ok_and(|done| done.is_ok()) {
            Response::new(Full::from("done"))
        } else {
            with_status(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    /// Does the work, of which the log tells half-way: who is killed after that has done it, and told nobody.
    async fn work(&self, call: &str) -> Fallible<()> {
        let worker = self.workers.acquire().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let _worker = worker?;
        let half = self.pace().service / 2;
        clock::pause(half).await;
        (&self.log).write_all(format!("{call}\n").as_bytes())?;
        clock::pause(half).await;
        Ok(())
    }

    fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(retry_after: u32) -> Response<Full<Bytes>> {
    let mut response = with_status(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert("retry-after", retry_after.into());
    response
}

fn with_status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
