//! An application on loopback that fails as told, and counts the requests that really reached it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::pause;

/// How the application fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing listens on its port.
    Refuse,
    /// Answered one request, and then its process ended: nothing listens any more.
    Gone,
    /// Takes the request and ends the connection without a word, as when its process is killed.
    Close,
    /// Answered one request, and ends the connection without a word at the next.
    CloseKept,
    /// Takes the request and resets the connection.
    Reset,
    /// Ends the connection in the middle of a header.
    HalfHead,
    /// Ends the connection in the middle of a body that its length announced.
    HalfBody,
    /// Speaks another protocol.
    Garbage,
    /// Sends a header that never ends.
    EndlessHeader,
    /// Takes the request and says nothing for longer than any proxy waits.
    Silence,
    /// Answers 500 by itself.
    Answers500,
    /// Answers 502 by itself, as a gateway to others does.
    Answers502,
    /// Answers 503 with `Retry-After` by itself.
    Answers503,
    /// Answers 429 with `Retry-After` by itself.
    Answers429,
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
        Self::Refuse,
        Self::Gone,
        Self::Close,
        Self::CloseKept,
        Self::Reset,
        Self::HalfHead,
        Self::HalfBody,
        Self::Garbage,
        Self::EndlessHeader,
        Self::Silence,
        Self::Answers500,
        Self::Answers502,
        Self::Answers503,
        Self::Answers429,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuses connections",
            Self::Gone => "is gone after one answer",
            Self::Close => "closes without a word",
            Self::CloseKept => "closes without a word after one answer",
            Self::Reset => "resets after the request",
            Self::HalfHead => "closes after half a head",
            Self::HalfBody => "closes after half a body",
            Self::Garbage => "speaks another protocol",
            Self::EndlessHeader => "sends an endless header",
            Self::Silence => "says nothing",
            Self::Answers500 => "answers 500",
            Self::Answers502 => "answers 502",
            Self::Answers503 => "answers 503, Retry-After: 30",
            Self::Answers429 => "answers 429, Retry-After: 30",
        }
    }
}

pub(crate) struct Application {
    pub(crate) port: u16,
    seen: Arc<AtomicUsize>,
    /// Keeps the port while nothing listens on it.
    _reserved: TcpSocket,
    accepting: Option<JoinHandle<()>>,
}

impl Application {
    pub(crate) fn start(fault: Fault) -> Self {
        let (reserved, port) = reserve();
        let seen: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&seen);
        let accepting = (fault != Fault::Refuse).then(|| {
            let listener = bound(port).listen(64).unwrap();
            tokio::spawn(async move {
                let mut connections = JoinSet::new(); // which end with this task
                while let Ok((socket, _)) = listener.accept().await {
                    let count = Arc::clone(&count);
                    connections.spawn(async move { serve(socket, fault, &count).await });
                }
            })
        });
        Self { port, seen, _reserved: reserved, accepting }
    }

    /// Ends all connections, and listens no more.
    pub(crate) fn kill(&self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }

    /// How many requests arrived, each with its whole head.
    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a socket that keeps a port: no other program is given it, but one that is told to may listen on it.
pub(crate) fn reserve() -> (TcpSocket, u16) {
    let socket = bound(0);
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn bound(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    socket
}

async fn serve(mut socket: TcpStream, fault: Fault, seen: &AtomicUsize) -> io::Result<()> {
    loop {
        read_head(&mut socket).await?;
        let earlier = seen.fetch_add(1, Ordering::SeqCst);
        let answer: &[u8] = match fault {
            Fault::Gone | Fault::CloseKept if earlier == 0 => b"HTTP/1.1 200 OK\r\ncache-control: no-store\r\n",
            Fault::Refuse | Fault::Gone | Fault::Close | Fault::CloseKept => return Ok(()),
            Fault::Reset => return socket.set_zero_linger(),
            Fault::HalfHead => return socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-ha").await,
            Fault::HalfBody => {
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await?;
                // Once it is on its way: else some proxies sometimes notice in time to answer 503.
                pause(Duration::from_millis(300)).await;
                return Ok(());
            }
            Fault::Garbage => return socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await,
            Fault::EndlessHeader => {
                socket.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ").await?;
                loop {
                    socket.write_all(&[b'a'; 64 * 1024]).await?;
                    pause(Duration::from_millis(1)).await; // spares the machine where a proxy reads on and on
                }
            }
            Fault::Silence => {
                socket.read_u8().await?;
                return Ok(());
            }
            Fault::Answers500 => b"HTTP/1.1 500 Internal Server Error\r\n",
            Fault::Answers502 => b"HTTP/1.1 502 Bad Gateway\r\n",
            Fault::Answers503 => b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\n",
            Fault::Answers429 => b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\n",
        };
        socket.write_all(answer).await?;
        socket.write_all(b"content-type: application/json\r\ncontent-length: 17\r\n\r\n{\"error\":\"order\"}").await?;
    }
}

async fn read_head(socket: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    Ok(())
}
