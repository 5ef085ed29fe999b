//! A server that answers what it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use forbear::Failure;

use crate::answer::Answer;
use crate::policies::model::{Called, Model};

/// Answers each request with the next of its script, and closes the connection.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<VecDeque<Answer>>>,
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
    pub(crate) fn tell(&self, answers: &[Answer]) {
        *self.script.lock().unwrap() = answers.iter().copied().collect();
    }

    /// Returns how many answers have not come.
    pub(crate) fn left(&self) -> usize {
        self.script.lock().unwrap().len()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Where the connection is lost, or nothing is left of the script, it closes it and says nothing.
fn answer(mut connection: &TcpStream, answer: Option<Answer>) {
    let lines = BufReader::new(connection).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    match answer.map(|answer| answer.result) {
        Some(Ok(status)) => {
            write!(connection, "HTTP/1.1 {status} As told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
        Some(Err(Failure::Interrupted)) | None => {}
        Some(Err(failure)) => unreachable!("nothing that a server does is {failure:?}"),
    }
}

/// Returns how many attempts a model makes of a call that is answered by a script, and how long it waits in all.
pub(crate) fn played(model: &mut impl Model, script: &[Answer], now: Duration) -> (usize, Duration) {
    let (mut call, mut waited) = (Called::new(0, 0), Duration::ZERO);
    for (answer, attempts) in script.iter().zip(1..) {
        call.attempts += 1;
        match model.on_answer(&mut call, *answer, now) {
            Some(wait) => waited += wait,
            None => return (attempts, waited),
        }
    }
    panic!("an attempt more than the script has answers")
}
