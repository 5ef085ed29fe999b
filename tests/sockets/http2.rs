//! A server that speaks just enough HTTP/2 (RFC 9113), without TLS, to refuse, cancel and leave as told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do when a request has arrived whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reaction {
    /// Answer with these fields, packed (RFC 7541), and no body.
    Fields(&'static [u8]),
    /// `RST_STREAM` with this error code (RFC 9113 §7).
    Reset(u32),
    /// `GOAWAY` with this last stream id, error code and text, then close.
    GoAway { last: u32, code: u32, text: &'static [u8] },
    /// Answer 503, begin a body, and break it off with `RST_STREAM(INTERNAL_ERROR)`.
    BreakBody,
    /// Close the connection.
    Close,
    /// Wait until this many requests came on the connection, then `GOAWAY(NO_ERROR)` for all of them, then close.
    DrainAfter(usize),
}

/// `:status: 200` of the static table (RFC 7541, appendix A).
pub(crate) const ANSWER: Reaction = Reaction::Fields(&[0x88]);

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The connection of each request that arrived, in order.
pub(crate) type Arrivals = Arc<Mutex<Vec<usize>>>;

/// Starts a server that reacts to a request by the number of its connection, the first being 0.
pub(crate) async fn start(react: fn(usize) -> Reaction) -> (String, Arrivals) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let arrivals = Arrivals::default();
    let shared = Arc::clone(&arrivals);
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((socket, _)) = listener.accept().await else { return };
            tokio::spawn(serve(socket, connection, react(connection), Arc::clone(&shared)));
        }
    });
    (url, arrivals)
}

async fn serve(mut socket: TcpStream, connection: usize, reaction: Reaction, arrivals: Arrivals) -> Option<()> {
    socket.read_exact(&mut [0; 24]).await.ok()?; // the preface
    write(&mut socket, SETTINGS, 0, 0, &[]).await?;
    let mut here = 0;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        socket.read_exact(&mut payload).await.ok()?;
        match kind {
            SETTINGS if flags & ACK == 0 => write(&mut socket, SETTINGS, ACK, 0, &[]).await?,
            PING if flags & ACK == 0 => write(&mut socket, PING, ACK, 0, &payload).await?,
            HEADERS | DATA if flags & END_STREAM != 0 => {
                arrivals.lock().unwrap().push(connection);
                here += 1;
                match reaction {
                    Reaction::Fields(fields) => {
                        write(&mut socket, HEADERS, END_HEADERS | END_STREAM, stream, fields).await?;
                    }
                    // `:status` is the 8th of the static table, here with a value of its own.
                    Reaction::BreakBody => {
                        write(&mut socket, HEADERS, END_HEADERS, stream, b"\x08\x03503").await?;
                        write(&mut socket, DATA, 0, stream, b"hello").await?;
                        write(&mut socket, RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes()).await?;
                    }
                    Reaction::Reset(code) => {
                        write(&mut socket, RST_STREAM, 0, stream, &code.to_be_bytes()).await?;
                    }
                    Reaction::GoAway { last, code, text } => return go_away(&mut socket, last, code, text).await,
                    Reaction::DrainAfter(requests) if here == requests => {
                        return go_away(&mut socket, 0, NO_ERROR, b"").await;
                    }
                    Reaction::DrainAfter(_) => {}
                    Reaction::Close => return None,
                }
            }
            _ => {}
        }
    }
}

async fn go_away(socket: &mut TcpStream, last: u32, code: u32, text: &[u8]) -> Option<()> {
    write(socket, GOAWAY, 0, 0, &[&last.to_be_bytes(), &code.to_be_bytes(), text].concat()).await?;
    // Read what is still coming: to close with unread bytes would reset the connection and lose the frame.
    socket.shutdown().await.ok()?;
    while within_a_second(socket).await? > 0 {}
    None
}

#[expect(clippy::disallowed_methods, reason = "a peer that says nothing is not waited for")]
async fn within_a_second(socket: &mut TcpStream) -> Option<usize> {
    tokio::time::timeout(Duration::from_secs(1), socket.read(&mut [0; 1024])).await.ok()?.ok()
}

async fn write(socket: &mut TcpStream, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<()> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    socket.write_all(&frame).await.ok()
}
