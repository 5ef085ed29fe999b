//! The server that answers, in a process of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Fallible, Plan};

/// The other process, which ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Runs this program again, to serve.
    ///
    /// # Errors
    ///
    /// If the system lets it not.
    pub fn start() -> Fallible<Self> {
        let mut process = Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    #[must_use]
    pub fn url(&self, plan: Plan) -> String {
        format!("http://{}{}", self.address, plan.path())
    }

    /// Returns how many connections it has accepted, that of this question included, and how many requests it will
    /// never answer.
    ///
    /// # Errors
    ///
    /// If it does not say.
    pub fn counts(&self) -> Fallible<(u64, u64)> {
        let mut socket = TcpStream::connect(&self.address)?;
        socket.write_all(b"GET /counts HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let mut counts = answer.lines().last().unwrap_or_default().split(' ').map(str::parse);
        let (Some(accepted), Some(silences)) = (counts.next(), counts.next()) else { return Err(answer.into()) };
        Ok((accepted?, silences?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    silences: AtomicU64,
    flaky: AtomicU64,
}

/// Says its address, and answers by the paths of the plans.
///
/// # Errors
///
/// If it cannot listen.
pub async fn serve() -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut output = io::stdout();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    let counts = Arc::new(Counts::default());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let counts = Arc::clone(&counts);
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let mut socket = tokio::io::BufReader::new(socket);
            while let Ok(Some((path, length))) = head(&mut socket).await {
                let mut body = vec![0; length];
                if socket.read_exact(&mut body).await.is_err() {
                    return;
                }
                let answer = answer(&path, &counts).await;
                if socket.write_all(&answer).await.is_err() || path == "/counts" {
                    return;
                }
            }
        });
    }
}

async fn answer(path: &str, counts: &Counts) -> Vec<u8> {
    let mut segments = path.split('/').skip(2);
    let (status, body) = match (segments.next(), segments.next()) {
        (Some("flaky"), Some(length)) if counts.flaky.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => {
            ("503 Service Unavailable", vec![b'x'; length.parse().unwrap_or(0)])
        }
        (Some("silence"), _) => {
            counts.silences.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }
        (None, _) => {
            let [accepted, silences] = [&counts.accepted, &counts.silences].map(|it| it.load(Ordering::Relaxed));
            ("200 OK", format!("{accepted} {silences}").into_bytes())
        }
        (Some(_), _) => ("200 OK", b"done".to_vec()),
    };
    let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    answer
}

/// Reads a head and returns the path and the length of the body that follows.
async fn head(socket: &mut tokio::io::BufReader<tokio::net::TcpStream>) -> io::Result<Option<(String, usize)>> {
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(Some((path, length)));
        }
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        } else if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
    }
}
