//! A server that answers what it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Answers each request with the next status of its script, and closes the connection.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<VecDeque<u16>>>,
}

impl Scripted {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), script: Arc::default() };
        let script = Arc::clone(&server.script);
        thread::spawn(move || {
            for connection in listener.incoming() {
                answer(&connection.unwrap(), script.lock().unwrap().pop_front());
            }
        });
        server
    }

    /// Tells what comes next, and forgets what has not come.
    pub(crate) fn tell(&self, statuses: &[u16]) {
        *self.script.lock().unwrap() = statuses.iter().copied().collect();
    }

    /// Returns how many answers have not come.
    pub(crate) fn left(&self) -> usize {
        self.script.lock().unwrap().len()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Without a status it closes the connection and says nothing.
fn answer(mut connection: &TcpStream, status: Option<u16>) {
    let lines = BufReader::new(connection).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    if let Some(status) = status {
        write!(connection, "HTTP/1.1 {status} As told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    }
}
