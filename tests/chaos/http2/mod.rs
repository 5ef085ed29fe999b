//! HTTP/2 as a server should not speak it: h2 reads and answers, and what it would not do is written past it.

mod frame;
mod stream;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock;
use crate::log::{self, Sighting};
use crate::plan::stuff;
use crate::server::{State, Welcome};
use frame::{NO_ERROR, go_away};

/// What the streams of a connection share.
struct Shared {
    state: Rc<State>,
    /// The same socket, to write past h2.
    raw: std::net::TcpStream,
    /// Where the requests are noted, by stream.
    streams: RefCell<Vec<(u32, usize)>>,
    /// How many bytes may still be written, if that is limited, and how it ends then.
    left: Cell<Option<(usize, bool)>>,
    dooms: mpsc::UnboundedSender<Doom>,
    /// Garbage was written before any request came.
    foretold: bool,
}

/// How a connection is ended by one of its streams.
enum Doom {
    GoAway { last: u32, code: u32 },
    Ends { resets: bool },
    Writes(Vec<u8>),
    Drains,
}

pub(crate) async fn serve(state: &Rc<State>, socket: TcpStream, welcome: Welcome) {
    let socket = socket.into_std().unwrap();
    let (dooms, mut doomed) = mpsc::unbounded_channel();
    let shared = Rc::new(Shared {
        state: Rc::clone(state),
        raw: socket.try_clone().unwrap(),
        streams: RefCell::default(),
        left: Cell::new(None),
        dooms,
        foretold: welcome == Welcome::Speaks,
    });
    if shared.foretold {
        shared.write(&stuff(7, 64));
    }
    let wire = Wire { socket: TcpStream::from_std(socket).unwrap(), shared: Rc::clone(&shared) };
    let window = 1 << 20;
    let mut server = h2::server::Builder::new();
    server.initial_window_size(window).initial_connection_window_size(window);
    let Ok(mut server) = server.handshake::<_, Bytes>(wire).await else { return };
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = server.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    streams.spawn_local(stream::serve(Rc::clone(&shared), request, respond));
                }
                Some(Err(_)) | None => return shared.doom(&Doom::Ends { resets: false }),
            },
            Some(doom) = doomed.recv() => match doom {
                Doom::Drains => server.graceful_shutdown(),
                doom @ (Doom::GoAway { .. } | Doom::Writes(_) | Doom::Ends { .. }) => {
                    streams.abort_all(); // what was not seen before is not seen any more
                    shared.doom(&doom);
                    if !matches!(doom, Doom::Ends { .. }) {
                        drain(&shared.raw).await;
                    }
                    return;
                }
            },
            Some(ended) = streams.join_next() => drop(ended.unwrap()),
        }
    }
}

/// Reads what is still coming: to close with unread bytes would reset the connection and lose what was written.
async fn drain(raw: &std::net::TcpStream) {
    let mut socket = TcpStream::from_std(raw.try_clone().unwrap()).unwrap();
    let mut buffer = [0; 4096];
    while let Some(Ok(1..)) = clock::within(Duration::from_secs(1), socket.read(&mut buffer)).await {}
}

impl Shared {
    fn note<T>(&self, index: usize, note: impl FnOnce(&mut Sighting) -> T) -> T {
        note(&mut self.state.log.borrow_mut().sightings[index])
    }

    fn write(&self, bytes: &[u8]) {
        // Where a frame is cut off, its rest is not made up for by another.
        if self.left.get().is_none() {
            (&self.raw).write_all(bytes).ok(); // the client may have left
        }
    }

    /// Has the connection ended, and holds its stream open until then: one that is dropped is reset.
    async fn end(&self, doom: Doom) -> Option<()> {
        self.dooms.send(doom).ok()?;
        std::future::pending().await
    }

    /// Ends the connection, and notes what that means to its streams: what they were sent may be lost.
    fn doom(&self, doom: &Doom) {
        for (id, index) in self.streams.borrow().iter() {
            self.note(*index, |sighting| {
                // Its word counts, even where it has answered before.
                let refuses = matches!(doom, Doom::GoAway { last, code: NO_ERROR } if id > last);
                sighting.unprocessed |= refuses;
                sighting.doom.get_or_insert(log::Doom { at: clock::now(), refuses });
                sighting.act();
            });
        }
        match doom {
            Doom::GoAway { last, code } => {
                self.write(&go_away(*last, *code));
                self.raw.shutdown(Shutdown::Write).ok();
            }
            Doom::Writes(bytes) => self.write(bytes),
            Doom::Ends { resets: true } => SockRef::from(&self.raw).set_linger(Some(Duration::ZERO)).unwrap(),
            Doom::Ends { resets: false } | Doom::Drains => {}
        }
    }
}

/// What h2 reads and writes. Writes can be cut off at any byte.
struct Wire {
    socket: TcpStream,
    shared: Rc<Shared>,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.shared.left.get();
        let most = left.map_or(bytes.len(), |(left, _)| left.min(bytes.len()));
        if let Some((0, resets)) = left {
            self.shared.dooms.send(Doom::Ends { resets }).ok();
            return Poll::Pending; // and never again
        }
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &bytes[..most]))?;
        self.shared.left.set(left.map(|(left, resets)| (left - written, resets)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
