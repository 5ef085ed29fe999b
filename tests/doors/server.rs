//! A server that answers each request as written and remembers what came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// What to do about a request. Each connection serves one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// A response, with these header lines.
    Responds(u16, &'static [&'static str], &'static str),
    /// The end of the connection.
    Closes,
    /// A reset of the connection.
    Resets,
    /// What is no head of a response, and the end.
    Writes(&'static str),
    /// Nothing.
    Stalls,
}

/// One request as it came: its head and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
    /// Of a server that does not listen: nobody else shall.
    _port: Option<Socket>,
}

impl Server {
    /// Starts a server for these answers. Without any, nobody listens at its address.
    pub(crate) fn start(answers: &'static [Answer]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let (seen, ended): (Arc<Mutex<Vec<Seen>>>, Arc<AtomicBool>) = Default::default();
        let (shared, is_over) = (Arc::clone(&seen), Arc::clone(&ended));
        if answers.is_empty() {
            return Self { address, seen, ended, accepting: None, _port: Some(socket) };
        }
        socket.listen(128).unwrap(); // as std does
        let listener = TcpListener::from(socket);
        let accepting = thread::spawn(move || {
            let mut stalled = Vec::new();
            for socket in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                stalled.extend(serve(socket.unwrap(), answers, &shared));
            }
        });
        Self { address, seen, ended, accepting: Some(accepting), _port: None }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            let _wakes_it = TcpStream::connect(self.address);
            accepting.join().unwrap();
        }
    }
}

/// Serves one request. Returns a socket that is to stay open.
fn serve(socket: TcpStream, answers: &[Answer], seen: &Mutex<Vec<Seen>>) -> Option<TcpStream> {
    let request = read(&socket)?;
    let nth = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    let mut socket = socket;
    match answers.get(nth).unwrap_or_else(|| panic!("request {} has no answer", nth + 1)) {
        Answer::Responds(status, headers, body) => {
            let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} Whatever\r\nconnection: close\r\n{headers}");
            let length = if head.contains("\r\ncontent-length:") { String::new() } else { body_length(*status, body) };
            socket.write_all(format!("{head}{length}\r\n{body}").as_bytes()).ok()?;
            None
        }
        Answer::Closes => None,
        Answer::Resets => {
            SockRef::from(&socket).set_linger(Some(Duration::ZERO)).ok()?;
            None
        }
        Answer::Writes(bytes) => {
            socket.write_all(bytes.as_bytes()).ok()?;
            None
        }
        Answer::Stalls => Some(socket),
    }
}

fn body_length(status: u16, body: &str) -> String {
    if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) }
}

fn read(socket: &TcpStream) -> Option<Seen> {
    let mut socket = BufReader::new(socket);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let value = |name: &str| {
        let mut headers = lines.iter().filter_map(|line| line.split_once(':'));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; value("content-length").map_or(0, |length| length.parse().unwrap())];
    socket.read_exact(&mut body).ok()?;
    Some(Seen { line: lines.first()?.clone(), key: value("idempotency-key"), body })
}
