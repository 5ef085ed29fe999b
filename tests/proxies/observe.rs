//! Every case before every proxy, once.

use std::time::Duration;

use forbear::{Client, Policy};
use http::Method;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::application::Application;
use crate::case::Case;
use crate::pause;
use crate::proxy::{ALL, Software};

/// What one proxy sends.
pub(crate) struct Observed {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) cells: Vec<Cell>,
}

pub(crate) struct Cell {
    pub(crate) case: Case,
    pub(crate) answer: Answer,
    /// How often the application saw the request.
    pub(crate) seen: usize,
    /// The same with a POST.
    pub(crate) post: (Answer, usize),
}

/// Returns what all proxies send that are installed.
pub(crate) async fn observed() -> &'static [Observed] {
    OBSERVED.get_or_init(observe_all).await
}

async fn observe_all() -> Vec<Observed> {
    let present: Vec<_> = ALL.iter().filter_map(|software| Some((software, software.version()?))).collect();
    let mut running = Vec::new();
    for (software, version) in present {
        let cells = Case::ALL.into_iter().filter(|case| case.is_for(software.name));
        let cells: Vec<_> = cells.map(|case| tokio::spawn(observe(software, case))).collect();
        running.push((software.name, version, cells));
    }
    let mut observed = Vec::new();
    for (name, version, running) in running {
        let mut cells = Vec::new();
        for cell in running {
            let mut cell = cell.await.unwrap();
            cell.answer.text = cell.answer.text.replace(&version, "VERSION");
            cells.push(cell);
        }
        observed.push(Observed { name, version, cells });
    }
    observed
}

#[expect(clippy::disallowed_methods, reason = "real proxies take real time")]
async fn observe(software: &'static Software, case: Case) -> Cell {
    let _turn = TURNS.acquire().await.unwrap();
    let asked = async { (ask(software, case, Method::GET).await, ask(software, case, Method::POST).await) };
    let asked = timeout(4 * PATIENCE, asked).await;
    let ((answer, seen), post) = asked.unwrap_or_else(|_| panic!("{} does not end with {case:?}", software.name));
    Cell { case, answer, seen, post }
}

/// Everything is new for each question: no pooled connection and no memory of earlier failures.
async fn ask(software: &'static Software, case: Case, method: Method) -> (Answer, usize) {
    let policy = Policy::builder().max_attempts(1).build().unwrap();
    let reqwest = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = Client::builder(reqwest).policy(policy).build().unwrap();
    let mut application = Application::start(case).await;
    let second = Application::start(Case::Maintenance).await;
    let proxy = software.start(application.port, second.port).await;
    let url = proxy.url(case.path());

    for earlier in 1..=case.earlier() {
        Answer::to(&client, &method, &url, !COUNTS).await;
        match (case, earlier) {
            (Case::Gone, _) => application.kill(),
            (Case::CrashLoop, _) | (Case::Back, 2) => application.run().await,
            (_, _) => {}
        }
        pause(SETTLED).await;
    }
    for _ in 0..case.company() {
        let (client, method, url) = (client.clone(), method.clone(), url.clone());
        tokio::spawn(async move { Answer::to(&client, &method, &url, !COUNTS).await });
        application.until_asked().await;
        pause(ARRIVED).await; // the second one waits in the proxy
    }
    let mut answer = Answer::to(&client, &method, &url, COUNTS).await;
    for _ in 1..case.rounds() {
        if answer.status == Some(200) {
            answer = Answer::to(&client, &method, &url, COUNTS).await;
        }
    }
    pause(ARRIVED).await; // a process says later what it saw
    let seen = application.seen();
    for port in [proxy.port, application.port, second.port] {
        answer.text = answer.text.replace(&port.to_string(), "PORT");
    }
    drop(application); // before the proxy, which else might read on when it is to end
    (answer, seen)
}

static OBSERVED: OnceCell<Vec<Observed>> = OnceCell::const_new();

/// So many proxies run at a time.
static TURNS: Semaphore = Semaphore::const_new(8);

/// Longer than any of these proxies waits for its upstream, its own retries included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the application counts a request.
const COUNTS: bool = true;

/// Until a request has reached the application.
const ARRIVED: Duration = Duration::from_millis(100);

/// Until a proxy has noticed what became of its connections.
const SETTLED: Duration = Duration::from_millis(400);
