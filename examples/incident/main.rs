//! The story of the two status codes, on real software: a 502 from a proxy that lost its server, and a 503 from a server
//! that lost its database.
//!
//! nginx stands in front of the application, whose instances are processes of their own, and a client sends steadily. Its
//! events are printed as an operator sees them, and at the end what happened and where to look, as the client diagnosed
//! it. The example fails if that is not what was done to the application.
//!
//! ```sh
//! cargo run --example incident
//! NGINX= cargo run --example incident # a small built-in proxy instead; a path would be that of another nginx
//! ```
#![expect(clippy::print_stdout, reason = "it shows")]

mod application;
mod built_in;
mod front;
mod instance;
mod lines;
mod process;
mod summary;
mod traffic;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use forbear::{Client, Issuer, LookAt, StopReason};
use tokio::net::TcpSocket;

use application::RETRY_AFTER;
use front::Front;
use instance::Instance;
use lines::Lines;
use summary::Summary;
use traffic::Traffic;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Bounds every wait of a story that is told in 13 s.
const LONGEST: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => within(LONGEST, story()).await?,
        ["application", port, name] => application::run(port.parse()?, name).await,
        _ => Err("it takes no arguments".into()),
    }
}

async fn story() -> Result {
    lines::show();
    let home = Home::new()?;
    let mut one = Instance::new(&home.0, "orders-1")?;
    let mut two = Instance::new(&home.0, "orders-2")?;
    one.start().await?;
    let front = Front::start(&home.0, [one.port, two.port]).await?;
    println!("{} stands in front of the application: orders-1, with a place for orders-2.", front.name);

    let lines = Lines::default();
    let client = Client::builder(reqwest::Client::builder().no_proxy()).observer(lines.clone()).build()?;
    let mut traffic = Traffic::new(client, front.port);
    traffic.warm_up().await?;
    println!(
        "A client sends 20 requests per second, every 7th a POST. 200 before them went well: that pays for retries."
    );
    println!("Shown are all events of the first calls of each act, and their fields that matter here.");

    println!("\n── act one: the application is OOM-killed during a request\n");
    traffic.send(10).await;
    traffic.import();
    one.holds_import().await;
    tracing::info!("── orders-1 holds POST /imports, and is killed: SIGKILL, as from the OOM killer");
    one.kill();
    traffic.send(30).await;
    let log = one.log()?;
    ensure(log.lines().all(|line| line.starts_with("200 ")), "the log of a killed process has nothing on it")?;
    tracing::info!("── its own log ends with {:?}: no error, no farewell", last_line(&log));
    tracing::info!("── orders-1 is started again");
    one.start().await?;
    traffic.send(40).await;
    let killed = Summary::of(traffic.ended().await);
    lines.count_the_rest();

    println!("\n── act two: one of two instances loses its database\n");
    two.start().await?;
    tracing::info!("── orders-2 is started, too, on a larger machine: it gets three of four requests");
    traffic.send(10).await;
    tracing::info!("── orders-1 loses its database: it answers 503, Retry-After: {RETRY_AFTER} (for 30, scaled down)");
    one.lose_database()?;
    traffic.send(10).await;
    let mut log = one.log()?;
    for _ in 0..40 {
        if last_line(&log).contains("error") {
            break;
        }
        traffic.send(1).await;
        log = one.log()?;
    }
    ensure(last_line(&log).contains("error"), "the log of an ailing application says so")?;
    tracing::info!("── its own log says {:?}", last_line(&log));
    traffic.send(40).await;
    let ailing = Summary::of(traffic.ended().await);
    lines.count_the_rest();

    println!("\n── act one, as the client tells it\n{killed}");
    println!("\n── act two, as the client tells it\n{ailing}");

    killed.must_be(502, front.issuer, LookAt::Infrastructure)?;
    ensure(killed.stopped(StopReason::NotSafeToRepeat) > 0, "a POST is not repeated")?;
    ensure(killed.recovered_at("orders-1") > 0, "a GET recovers when the application is back")?;

    ailing.must_be(503, Issuer::Application, LookAt::Application)?;
    ensure(ailing.shortest_wait() >= Some(Duration::from_secs(RETRY_AFTER)), "no retry is earlier than asked for")?;
    ensure(ailing.recovered_at("orders-2") > 0, "a GET recovers at the healthy instance")?;
    ensure(ailing.recovered_at("orders-1") == 0, "and at no other")
}

/// Fails if the story did not come out as told.
fn ensure(is_so: bool, claim: &str) -> Result {
    if is_so { Ok(()) } else { Err(format!("this is not so: {claim}").into()) }
}

fn last_line(log: &str) -> &str {
    log.lines().next_back().unwrap_or_default()
}

/// A directory for all that the processes need and write, removed when dropped.
struct Home(PathBuf);

impl Home {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("forbear-incident-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of a run that was interrupted
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns a socket that keeps a port: no other program is given it, but one that is told to may listen on it.
fn reserve() -> Result<(TcpSocket, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

#[expect(clippy::disallowed_methods, reason = "a story takes its time")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[expect(clippy::disallowed_methods, reason = "and ends")]
async fn within<T>(longest: Duration, story: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(longest, story).await.map_err(|_| format!("no end after {longest:?}").into())
}
