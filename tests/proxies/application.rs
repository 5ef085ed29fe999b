//! An application on loopback that fails as told, and counts the requests that really reached it.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::case::Case;
use crate::pause;

pub(crate) struct Application {
    pub(crate) port: u16,
    case: Case,
    seen: Arc<AtomicUsize>,
    /// How many requests it took itself, those that do not count, too.
    all: Arc<AtomicUsize>,
    /// Keeps the port while nothing listens on it.
    _reserved: TcpSocket,
    /// Serves, or watches the process that does.
    running: Option<JoinHandle<()>>,
}

impl Application {
    pub(crate) async fn start(case: Case) -> Self {
        let (reserved, port) = reserve();
        let mut application =
            Self { port, case, seen: Arc::default(), all: Arc::default(), _reserved: reserved, running: None };
        application.run().await;
        application
    }

    /// Starts, or comes back after it was killed.
    pub(crate) async fn run(&mut self) {
        let seen = Arc::clone(&self.seen);
        let comes_back = self.running.is_some();
        if let Some(killed) = self.running.take() {
            killed.await.unwrap();
        }
        self.running = match (self.case, comes_back) {
            (Case::Refuse | Case::BesideRefuse, _) => None,
            (Case::BlackHole, _) => Some(take_nothing(self.port).await),
            (Case::Back, true) => Some(run_process(self.port, usize::MAX, seen).await),
            (Case::Back | Case::Killed | Case::CrashLoop, _) => Some(run_process(self.port, 0, seen).await),
            (Case::KilledKept, _) => Some(run_process(self.port, 1, seen).await),
            (case, _) => {
                let listener = bound(self.port).listen(64).unwrap();
                Some(tokio::spawn(listen(listener, case, seen, Arc::clone(&self.all))))
            }
        };
    }

    /// Waits until it has taken a request.
    pub(crate) async fn until_asked(&self) {
        while self.all.load(Ordering::SeqCst) == 0 {
            pause(POLL).await;
        }
    }

    /// Ends all connections, and listens no more.
    pub(crate) fn kill(&self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }

    /// How many requests arrived that count, each with its whole head.
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

async fn listen(listener: TcpListener, case: Case, seen: Arc<AtomicUsize>, all: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new(); // which end with this task
    while let Ok((socket, _)) = listener.accept().await {
        let (seen, all) = (Arc::clone(&seen), Arc::clone(&all));
        connections.spawn(async move { serve(socket, case, &seen, &all).await });
        if case == Case::Drains {
            break;
        }
    }
    drop(listener);
    connections.join_all().await;
}

async fn serve(mut socket: TcpStream, case: Case, seen: &AtomicUsize, all: &AtomicUsize) -> io::Result<()> {
    loop {
        let counted = if case == Case::FastCgi {
            socket.read_u8().await?; // a record has no end that is as easily seen
            true
        } else {
            read_head(&mut socket).await?
        };
        seen.fetch_add(usize::from(counted), Ordering::SeqCst);
        let earlier = all.fetch_add(1, Ordering::SeqCst);
        let answer: &[u8] = match (case, earlier) {
            (Case::Gone | Case::CloseKept | Case::Drains, 0) | (Case::WrongPort | Case::Maintenance, _) => OK,
            (Case::Drains, _) | (Case::Sheds, 1..) => b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n",
            (Case::Answers500, _) => b"HTTP/1.1 500 Internal Server Error\r\n",
            (Case::Answers502, _) => b"HTTP/1.1 502 Bad Gateway\r\n",
            (Case::Answers503, _) => b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\n",
            (Case::Answers429, _) => b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\n",
            (Case::Close | Case::CloseKept | Case::BesideClose | Case::FastCgi, _) => return Ok(()),
            (Case::Reset, _) => return socket.set_zero_linger(),
            (Case::HalfHead, _) => {
                return socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-ha").await;
            }
            (Case::HalfBody, _) => {
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await?;
                // Once it is on its way: else some proxies sometimes notice in time to answer 503.
                pause(Duration::from_millis(1_200)).await;
                return Ok(());
            }
            (Case::Garbage, _) => return socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await,
            (Case::EndlessHeader, _) => {
                socket.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ").await?;
                for megabyte in 0.. {
                    socket.write_all(&vec![b'a'; 1024 * 1024]).await?;
                    if megabyte > 16 {
                        pause(Duration::from_millis(100)).await; // more than any limit has come: Apache reads on and on
                    }
                }
                return Ok(());
            }
            (_, _) => return socket.read_u8().await.map(drop), // says nothing until the proxy has enough
        };
        socket.write_all(answer).await?;
        socket.write_all(BODY).await?;
    }
}

/// Returns whether the request counts.
async fn read_head(socket: &mut TcpStream) -> io::Result<bool> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).to_ascii_lowercase().contains(COUNTED))
}

/// Listens with a queue that is full: the kernel drops whoever knocks.
#[expect(clippy::disallowed_methods, reason = "a queue that is full gives no other sign")]
async fn take_nothing(port: u16) -> JoinHandle<()> {
    let listener = bound(port).listen(0).unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(knock)) = tokio::time::timeout(QUEUE_FULL, TcpStream::connect(("127.0.0.1", port))).await {
        queue.push(knock);
    }
    tokio::spawn(async move {
        let _kept = (listener, queue);
        std::future::pending::<()>().await;
    })
}

/// Runs a process that answers so many requests, and kills it in the next one.
async fn run_process(port: u16, answers: usize, seen: Arc<AtomicUsize>) -> JoinHandle<()> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["application::process", "--exact", "--ignored", "--nocapture"]);
    command.env(PORT, port.to_string()).env(ANSWERS, answers.to_string());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("listens"));
    tokio::spawn(async move {
        for number in 0.. {
            let line = lines.next_line().await.unwrap().expect("it does not end by itself");
            seen.fetch_add(usize::from(line == COUNTED), Ordering::SeqCst);
            if number == answers {
                return child.kill().await.unwrap();
            }
        }
    })
}

/// The process. Says on standard error when it listens, and when a request has come.
#[tokio::test]
#[ignore = "is no test: the others run it, as a process that they can kill"]
async fn process() {
    let Ok(port) = env::var(PORT) else { return };
    let answers: usize = env::var(ANSWERS).unwrap().parse().unwrap();
    let listener = bound(port.parse().unwrap()).listen(64).unwrap();
    eprintln!("listens");
    let (says, mut said) = mpsc::channel(1);
    let listening = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(ask(socket, says.clone()));
        }
    });
    for _ in 0..answers {
        let (line, answered) = said.recv().await.unwrap();
        eprintln!("{line}");
        answered.send(()).unwrap();
    }
    let (line, _held) = said.recv().await.unwrap();
    // Of what a process that is killed has open the kernel closes first what it likes; so that is decided here.
    listening.abort();
    assert!(listening.await.is_err());
    eprintln!("{line}");
    std::future::pending::<()>().await;
}

/// Asks for each request whether to answer it.
async fn ask(mut socket: TcpStream, says: mpsc::Sender<(&'static str, oneshot::Sender<()>)>) -> Option<()> {
    loop {
        let line = if read_head(&mut socket).await.ok()? { COUNTED } else { "another" };
        let (answered, answer) = oneshot::channel();
        says.send((line, answered)).await.ok()?;
        answer.await.ok()?;
        socket.write_all(&[OK, BODY].concat()).await.ok()?;
    }
}

/// The header of the requests that count.
pub(crate) const COUNTED: &str = "x-counted";

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncache-control: no-store\r\n";

const BODY: &[u8] = b"content-type: application/json\r\ncontent-length: 17\r\n\r\n{\"error\":\"order\"}";

/// What tells the process its port, and how many requests it answers.
const PORT: &str = "FORBEAR_APPLICATION_PORT";
const ANSWERS: &str = "FORBEAR_APPLICATION_ANSWERS";

const POLL: Duration = Duration::from_millis(10);

/// Longer than a connection on loopback takes.
const QUEUE_FULL: Duration = Duration::from_millis(300);
