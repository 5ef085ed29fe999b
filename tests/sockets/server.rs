//! A server on loopback that answers as told and remembers what it saw: the witness of the tests over sockets.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use forbear::{Backoff, Condition, Policy, PolicyBuilder};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request as it arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    /// `METHOD /path`.
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What to do about a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Write these bytes and wait for the next request.
    Bytes(Vec<u8>),
    /// Write these bytes, and after some time those.
    Later(Vec<u8>, Duration, Vec<u8>),
    /// Write these bytes, then nothing more, and keep the connection open.
    Stall(Vec<u8>),
    /// Write these bytes, then those for ever.
    Flood(Vec<u8>, Vec<u8>),
    /// Write these bytes and close the connection.
    End(Vec<u8>),
    /// Write these bytes and reset the connection.
    Reset(Vec<u8>),
    /// Close the connection.
    Close,
}

pub(crate) struct Server {
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts a server whose answer depends on the request and on how many came before it.
    pub(crate) async fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (answer, shared) = (Arc::new(answer), Arc::clone(&log));
        let accepting = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&shared));
                tokio::spawn(async move { serve(socket, connection, &*answer, &log).await });
            }
        });
        Self { url, log, accepting }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests came, and over how many connections.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let seen = self.seen();
        (seen.len(), seen.iter().map(|request| request.connection + 1).max().unwrap_or(0))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    socket: TcpStream,
    connection: usize,
    answer: &(dyn Fn(&Seen, usize) -> Answer + Send + Sync),
    log: &Mutex<Vec<Seen>>,
) -> Option<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let seen = read_request(&mut socket, connection).await?;
        let answer = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            answer(&seen, log.len())
        };
        match answer {
            Answer::Bytes(bytes) => socket.write_all(&bytes).await.ok()?,
            Answer::Later(bytes, time, rest) => {
                socket.write_all(&bytes).await.ok()?;
                crate::client::pause(time).await;
                socket.write_all(&rest).await.ok()?;
            }
            Answer::Stall(bytes) => {
                socket.write_all(&bytes).await.ok()?;
                socket.read_u8().await.ok()?;
            }
            Answer::Flood(bytes, more) => {
                socket.write_all(&bytes).await.ok()?;
                while socket.write_all(&more).await.is_ok() {}
                return None;
            }
            Answer::End(bytes) => {
                socket.write_all(&bytes).await.ok()?;
                return socket.shutdown().await.ok();
            }
            Answer::Reset(bytes) => {
                socket.write_all(&bytes).await.ok()?;
                return socket.get_ref().set_zero_linger().ok();
            }
            Answer::Close => return None,
        }
    }
}

async fn read_request(socket: &mut BufReader<TcpStream>, connection: usize) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let mut body = Vec::new();
    if let Some(length) = header("content-length:") {
        body.resize(length.parse().ok()?, 0);
        socket.read_exact(&mut body).await.ok()?;
    } else if header("transfer-encoding:").is_some() {
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(socket.read_u8().await.ok()?);
        }
    }
    let line = head.split(" HTTP/").next()?.to_owned();
    Some(Seen { connection, line, head, body })
}

/// A response with a `Content-Length`.
pub(crate) fn respond(status: u16, headers: &[&str], body: &[u8]) -> Answer {
    let mut bytes = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for header in headers {
        bytes.extend_from_slice(format!("{header}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Answer::Bytes(bytes)
}

/// The default policy with waits of a few milliseconds.
pub(crate) fn hasty() -> PolicyBuilder {
    let mut policy = Policy::builder();
    for condition in Condition::ALL {
        let rule = Policy::default().rule(condition);
        if rule.retries() > 0 {
            let wait = Backoff::constant(Duration::from_millis(4));
            policy = policy.rule(condition, rule.with_backoff(wait));
        }
    }
    policy
}

/// Knows no name, or never comes to an end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resolver {
    Fails,
    Hangs,
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        match self {
            Self::Fails => Box::pin(async { Err("no such name".into()) }),
            Self::Hangs => Box::pin(std::future::pending()),
        }
    }
}

/// The frames of a streaming body. `None` is one that is not there yet.
pub(crate) struct Frames(VecDeque<Option<io::Result<&'static str>>>);

impl<const N: usize> From<[Option<io::Result<&'static str>>; N]> for Frames {
    fn from(frames: [Option<io::Result<&'static str>>; N]) -> Self {
        Self(frames.into())
    }
}

impl futures_core::Stream for Frames {
    type Item = io::Result<&'static str>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.pop_front() {
            Some(None) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(frame) => Poll::Ready(frame),
            None => Poll::Ready(None),
        }
    }
}
