//! A server on loopback that answers as it is told, once for each connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a server does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Answers with a status, a header line (or none) and a body of JSON.
    Answers(u16, &'static str, &'static str),
    /// Reads the request and closes the connection, as a server that crashes does.
    Breaks,
}

/// Serves until it has made all its replies.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(replies: &[Reply]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Self { address: listener.local_addr()?, keys: Arc::default() };
        let (replies, keys) = (replies.to_vec(), Arc::clone(&server.keys));
        thread::spawn(move || {
            for (reply, stream) in replies.into_iter().zip(listener.incoming()) {
                // A client that goes away is none of the server's business.
                let _gone = stream.and_then(|stream| serve(stream, reply, &keys));
            }
        });
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the idempotency keys of the requests so far.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the URL of a port on which nobody listens.
pub(crate) fn nobody() -> io::Result<String> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    Ok(format!("http://{address}"))
}

fn serve(mut stream: TcpStream, reply: Reply, keys: &Mutex<Vec<String>>) -> io::Result<()> {
    if let Some(key) = read_request(&stream)? {
        keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }
    let Reply::Answers(status, header, body) = reply else { return Ok(()) };
    let length = body.len();
    let line = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    write!(
        stream,
        "HTTP/1.1 {status} \r\n{line}content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// Reads a request, its body included, and returns its idempotency key.
fn read_request(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut key = None;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && line != "\r\n" {
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap_or(0),
            Some((name, value)) if name.eq_ignore_ascii_case("idempotency-key") => key = Some(value.to_owned()),
            _ => {}
        }
        line.clear();
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(key)
}
