//! HTTP/1.1 as a server should not speak it.

mod response;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::{Answer, Framing};
use crate::clock;
use crate::fault::Act;
use crate::log::Sighting;
use crate::plan::{Body, Plan, Step, call_in};
use crate::server::{STALL, State, Welcome, reset};
use response::{promise, response};

/// A connection.
struct Wire<'s> {
    state: &'s State,
    socket: TcpStream,
    /// Whether a response was sent, or a part of one, that nobody has asked for.
    spoiled: Option<Spoiled>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoiled {
    ByResponse,
    ByBytes,
}

/// What follows on a connection.
enum Next {
    Request,
    End,
}

pub(crate) async fn serve(state: &State, socket: TcpStream, welcome: Welcome) {
    let mut wire = Wire { state, socket, spoiled: None };
    if welcome == Welcome::Speaks {
        wire.spoiled = Some(Spoiled::ByResponse);
        if wire.socket.write_all(UNSOLICITED).await.is_err() {
            return;
        }
    }
    while let Some(Next::Request) = wire.request().await {}
}

impl Wire<'_> {
    /// Serves one request. `None` means that the client has closed.
    async fn request(&mut self) -> Option<Next> {
        let call = self.peek_call().await?;
        let plan = Plan::of(self.state.seed, call);
        let (index, Step { act, answer }) = self.state.log.borrow_mut().begin(&plan);
        let nth = self.note(index, |sighting| sighting.nth);
        if let Some(spoiled) = self.spoiled {
            self.note(index, |sighting| {
                sighting.foretold = true;
                sighting.mistakable = spoiled == Spoiled::ByResponse;
            });
            self.read(&plan, index, None).await?;
            return Some(Next::End);
        }
        if let Act::CutRequest { at, reset: resets } = act {
            let length = self.peek_head().await? + plan.body.length();
            self.note(index, |sighting| sighting.interrupted = true);
            let at = self.cut(index, act, at, length);
            self.read(&plan, index, Some(at)).await?;
            self.note(index, Sighting::act);
            return self.end(resets);
        }
        let (head, body) = response(&plan, nth, act, answer);
        let act = if let Act::CutResponse { at, reset } = act {
            Act::CutResponse { at: self.cut(index, act, at, head.len() + body.len()), reset }
        } else {
            act
        };
        self.note(index, |sighting| promise(sighting, &plan, act, answer, head.len(), body.len()));
        let reads = if act == Act::Early { Some(self.peek_head().await?) } else { None };
        self.read(&plan, index, reads).await?;
        self.note(index, Sighting::act);
        self.act(act, &answer, head, body).await
    }

    async fn act(&mut self, act: Act, answer: &Answer, head: Vec<u8>, body: Vec<u8>) -> Option<Next> {
        let length = head.len() + body.len();
        let whole = [head, body].concat();
        match act {
            Act::Plain | Act::Continue | Act::EarlyHints => self.write(&whole).await?,
            Act::NoAnswer { reset } => return self.end(reset),
            Act::CutResponse { at, reset } => {
                self.write(&whole[..at]).await?;
                return self.end(reset);
            }
            Act::Stall { at } => {
                self.write(&whole[..at % length]).await?;
                // Whoever waits has left by then.
                clock::within(STALL, self.socket.read_u8()).await;
                return Some(Next::End);
            }
            Act::Trickle => {
                let crumb = length / 120 + 1;
                for (number, crumb) in whole.chunks(crumb).enumerate() {
                    self.write(crumb).await?;
                    match number {
                        100 if length % 8 == 0 => clock::sleep(PAUSE).await,
                        7 | 70 => clock::sleep(Duration::from_millis(1)).await,
                        _ => tokio::task::yield_now().await,
                    }
                }
            }
            Act::Long => {
                self.spoiled = Some(Spoiled::ByBytes);
                self.write(&whole).await?;
            }
            Act::Unsolicited => {
                self.spoiled = Some(Spoiled::ByResponse);
                self.write(&[&whole, UNSOLICITED].concat()).await?;
            }
            Act::Short | Act::BadLength(_) | Act::BadChunk(_) | Act::Garbage(_) | Act::BadHead(_) | Act::Early => {
                self.write(&whole).await?;
                return self.end(false);
            }
            Act::ClosesIdle { after, reset } => {
                self.write(&whole).await?;
                if after > Duration::from_micros(200) {
                    clock::sleep(after).await; // a millisecond
                }
                for _ in 0..after.as_micros() % 8 {
                    tokio::task::yield_now().await;
                }
                return self.end(reset);
            }
            Act::CutRequest { .. } | Act::Rst { .. } | Act::GoAway { .. } | Act::Drain => {
                unreachable!("done before, or of HTTP/2")
            }
        }
        Some(if answer.framing == Framing::UntilClose { Next::End } else { Next::Request })
    }

    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.socket.write_all(bytes).await.ok()
    }

    fn end(&self, resets: bool) -> Option<Next> {
        if resets {
            reset(&self.socket);
        }
        Some(Next::End)
    }

    /// Returns where a message is cut off, and notes it.
    fn cut(&self, index: usize, act: Act, at: usize, length: usize) -> usize {
        let at = self.state.log.borrow_mut().cuts.entry(act.name()).or_default().next(at, length);
        self.note(index, |sighting| sighting.cut = Some(at));
        at
    }

    fn note<T>(&self, index: usize, note: impl FnOnce(&mut Sighting) -> T) -> T {
        note(&mut self.state.log.borrow_mut().sightings[index])
    }

    /// Returns the call of the next request and reads nothing of it.
    async fn peek_call(&self) -> Option<u64> {
        self.peek(|seen| {
            let line = std::str::from_utf8(&seen[..seen.iter().position(|byte| *byte == b'\r')?]).ok()?;
            call_in(line.split(' ').nth(1)?)
        })
        .await
    }

    /// Returns the length of the head.
    async fn peek_head(&self) -> Option<usize> {
        self.peek(|seen| seen.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)).await
    }

    async fn peek<T>(&self, find: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut buffer = [0; 2048];
        for _ in 0..10_000 {
            let length = self.socket.peek(&mut buffer).await.ok()?;
            match find(&buffer[..length]) {
                _ if length == 0 => return None,
                None => tokio::task::yield_now().await, // the rest is on its way
                found => return found,
            }
        }
        None
    }

    /// Reads so many bytes of a request, or all of it, and holds them against what the caller sends.
    async fn read(&mut self, plan: &Plan, index: usize, most: Option<usize>) -> Option<()> {
        let mut head = vec![0; self.peek_head().await?];
        let left = match most {
            None => usize::MAX,
            Some(most) if most < head.len() => {
                return self.socket.read_exact(&mut head[..most]).await.map(drop).ok();
            }
            Some(most) => most - head.len(),
        };
        self.socket.read_exact(&mut head).await.ok()?;
        let head = String::from_utf8(head).ok()?;
        let mut hasher = DefaultHasher::new();
        head.hash(&mut hasher);
        let wrong = wrong_head(plan, &head);
        self.note(index, |sighting| (sighting.head, sighting.wrong) = (Some(hasher.finish()), wrong));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let body = match (length, most) {
            (None, None) if head.contains("transfer-encoding: chunked") => self.read_chunks().await?,
            (None, Some(_)) if head.contains("transfer-encoding: chunked") => {
                self.socket.read_exact(&mut vec![0; left]).await.ok()?;
                Vec::new() // of chunks that are cut off none is looked at
            }
            (None, _) => Vec::new(),
            (Some(length), _) => {
                let mut body = vec![0; length.min(left)];
                self.socket.read_exact(&mut body).await.ok()?;
                body
            }
        };
        let expected = plan.body.bytes(plan.call);
        if !expected.starts_with(&body) || most.is_none() && body.len() != expected.len() {
            let wrong = format!("a body of {} bytes, not these {}", body.len(), expected.len());
            self.note(index, |sighting| sighting.wrong = sighting.wrong.take().or(Some(wrong)));
        }
        Some(())
    }

    async fn read_chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.socket.read_u8().await.ok()?);
            }
            let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim_end(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            self.socket.read_exact(&mut chunk).await.ok()?;
            body.extend_from_slice(&chunk[..length]);
            if length == 0 {
                return Some(body);
            }
        }
    }
}

/// Returns what is not as it should be in the head of a request.
fn wrong_head(plan: &Plan, head: &str) -> Option<String> {
    let line = format!("{} {} HTTP/1.1\r\n", plan.method, plan.path());
    let mut expected = vec![format!("\r\nx-note: {}\r\n", plan.note())];
    match plan.body {
        Body::None => {}
        Body::Bytes(length) | Body::Stream(length) => expected.push(format!("\r\ncontent-length: {length}\r\n")),
        Body::Chunks(_) | Body::Made(_) => expected.push("\r\ntransfer-encoding: chunked\r\n".into()),
    }
    let has_key = head.contains(&format!("\r\nidempotency-key: {}\r\n", plan.call));
    let is_right = head.starts_with(&line) && expected.iter().all(|line| head.contains(line)) && has_key == plan.key;
    (!is_right).then(|| head.to_owned())
}

/// Longer than anybody looks into a body.
const PAUSE: Duration = Duration::from_millis(60);
const UNSOLICITED: &[u8] = b"HTTP/1.1 200 Unasked\r\nx-served: unsolicited\r\ncontent-length: 3\r\n\r\nhey";
