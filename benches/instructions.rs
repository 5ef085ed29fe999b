//! How many instructions a successful call costs, next to bare reqwest, counted by callgrind.
//!
//! ```sh
//! cargo bench --bench instructions
//! ```
//!
//! Runs itself under valgrind for each client and two numbers of calls; the difference of the two counts, divided by
//! the difference of the numbers, is the cost of one call without what it takes to start. The server is another
//! process. Counts are repeatable where times are not. Without valgrind it says so and counts nothing.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use forbear::{Client, Endpoints, Event};
use http::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Fallible<T> = Result<T, Box<dyn Error>>;

const CLIENTS: [&str; 4] = ["bare", "bare without retries", "Client::builder", "Client::new"];
const REQUESTS: [&str; 3] = ["GET", "GET with 4 headers", "POST of 1 KiB"];
/// The two lengths of a run.
const CALLS: [u64; 2] = [100, 300];

/// The builders of reqwest and of forbear have the same methods, and no trait in common.
macro_rules! send {
    ($client:expr, $url:expr, $plan:expr, $calls:expr) => {{
        let (method, headers, body) = $plan;
        for _ in 0..$calls {
            let mut request = $client.request(method.clone(), $url);
            for name in headers {
                request = request.header(*name, "value");
            }
            if let Some(body) = body {
                request = request.body(body);
            }
            request.send().await?.bytes().await?;
        }
    }};
}

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => runtime()?.block_on(serve()),
        ["call", url, client, request, calls] => runtime()?.block_on(call(url, client, request, calls.parse()?)),
        _ => compare(), // cargo passes arguments of its own
    }
}

fn compare() -> Fallible<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: nothing counted");
        return Ok(());
    }
    let itself = std::env::current_exe()?;
    let mut server = Server(Command::new(&itself).arg("serve").stdout(Stdio::piped()).spawn()?);
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    for request in REQUESTS {
        let mut bare = None;
        println!("{request}: instructions per call");
        for client in CLIENTS {
            let count = |calls: u64| instructions(&itself, &["call", url.trim(), client, request, &calls.to_string()]);
            let each = (count(CALLS[1])? - count(CALLS[0])?) / (CALLS[1] - CALLS[0]);
            let bare = *bare.get_or_insert(each);
            let (sign, more) = if each < bare { ('-', bare - each) } else { ('+', each - bare) };
            let per_mille = more * 1000 / bare;
            println!("  {client:<22}{each:>8}  {sign}{more} ({sign}{}.{} %)", per_mille / 10, per_mille % 10);
        }
    }
    Ok(())
}

/// The other process, which ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn instructions(itself: &std::path::Path, arguments: &[&str]) -> Fallible<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(itself)
        .args(arguments)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(said.into());
    }
    let count = said.lines().find_map(|line| line.split("Collected :").nth(1)).ok_or_else(|| said.to_string())?;
    Ok(count.trim().parse()?)
}

fn runtime() -> Fallible<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn call(url: &str, client: &str, request: &str, calls: u64) -> Fallible<()> {
    let http = || reqwest::Client::builder().no_proxy();
    let never = reqwest::retry::never().max_retries_per_request(0);
    let endpoints = Endpoints::builder().observer(|_: &Event<'_>| {}).build()?;
    match client {
        "bare" => bare(&http().build()?, url, request, calls).await,
        "bare without retries" => bare(&http().retry(never).build()?, url, request, calls).await,
        "Client::builder" => patient(&Client::builder(http()).endpoints(endpoints).build()?, url, request, calls).await,
        _ => patient(&Client::with_endpoints(http().build()?, endpoints), url, request, calls).await,
    }
}

async fn bare(client: &reqwest::Client, url: &str, request: &str, calls: u64) -> Fallible<()> {
    send!(client, url, plan(request), calls);
    Ok(())
}

async fn patient(client: &Client, url: &str, request: &str, calls: u64) -> Fallible<()> {
    send!(client, url, plan(request), calls);
    Ok(())
}

fn plan(request: &str) -> (Method, &'static [&'static str], Option<&'static [u8]>) {
    match request {
        "GET" => (Method::GET, &[], None),
        "GET with 4 headers" => (Method::GET, &["x-one", "x-two", "x-three", "x-four"], None),
        _ => (Method::POST, &[], Some(&[7; 1024])),
    }
}

/// Answers every request with 200, and says its URL first.
async fn serve() -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut socket = tokio::io::BufReader::new(socket);
            while let Ok(Some(length)) = head(&mut socket).await {
                let mut body = vec![0; length];
                if socket.read_exact(&mut body).await.is_err() {
                    return;
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
                if socket.write_all(answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Reads a head and returns the length of the body that follows.
async fn head(socket: &mut tokio::io::BufReader<tokio::net::TcpStream>) -> std::io::Result<Option<usize>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(Some(length));
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
    }
}
