//! The server: ports on loopback, and a thread that does to each request what its call's plan says.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet};

use crate::log::Log;
use crate::plan::{Way, dice};
use crate::{clock, http1, http2};

pub(crate) struct Server {
    ports: Vec<Port>,
    open: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Log>,
    thread: JoinHandle<()>,
}

/// An address of the server.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) way: Way,
    pub(crate) address: SocketAddr,
    commands: mpsc::UnboundedSender<Command>,
}

enum Command {
    Open(std::net::TcpListener),
    /// Stop to listen, and end all connections.
    Shut(oneshot::Sender<()>),
}

/// What the tasks of the server share.
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) log: RefCell<Log>,
    /// Connections that are open, as far as the server knows.
    open: Arc<AtomicUsize>,
}

/// What happens to a connection before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    Reads,
    Resets,
    Closes,
    /// Writes what nobody has asked for.
    Speaks,
}

impl Server {
    pub(crate) fn start(seed: u64, ways: &[Way]) -> Self {
        let (mut ports, mut lanes) = (Vec::new(), Vec::new());
        for (number, way) in (0..).zip(ways) {
            let keeper = bound("127.0.0.1:0".parse().unwrap());
            let address = keeper.local_addr().unwrap().as_socket().unwrap();
            let (commands, received) = mpsc::unbounded_channel();
            let port = Port { way: *way, address, commands };
            port.open();
            ports.push(port);
            lanes.push((number, *way, received, keeper));
        }
        let (stop, told) = oneshot::channel();
        let (tell, stopped) = oneshot::channel();
        let open = Arc::default();
        let counted = Arc::clone(&open);
        let thread = thread::spawn(move || {
            let state = Rc::new(State { seed, log: RefCell::default(), open: counted });
            let shared = Rc::clone(&state);
            let running = async move {
                let mut tasks = JoinSet::new();
                for (number, way, commands, keeper) in lanes {
                    let state = Rc::clone(&shared);
                    tasks.spawn_local(async move {
                        lane(state, number, way, commands).await;
                        drop(keeper);
                    });
                }
                told.await.ok();
            };
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, running);
            tell.send(state.log.take()).unwrap();
        });
        Self { ports, open, stop, stopped, thread }
    }

    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) async fn all_are_closed(&self) {
        while self.open() > 0 {
            clock::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns what was seen.
    pub(crate) async fn stop(self) -> Log {
        self.stop.send(()).unwrap();
        let log = self.stopped.await.unwrap();
        self.thread.join().unwrap();
        log
    }
}

impl Port {
    /// Listens from now on.
    pub(crate) fn open(&self) {
        let socket = bound(self.address);
        socket.listen(128).unwrap();
        self.commands.send(Command::Open(socket.into())).ok().unwrap();
    }

    /// Refuses all connections from now on.
    pub(crate) async fn shut(&self) {
        let (done, is_done) = oneshot::channel();
        self.commands.send(Command::Shut(done)).ok().unwrap();
        is_done.await.unwrap();
    }
}

/// Returns a socket that has its address and does not listen. A port may have more than one, so that nobody else gets it
/// while it is shut.
fn bound(address: SocketAddr) -> Socket {
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket
}

async fn lane(state: Rc<State>, number: u64, way: Way, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut listener = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => return,
                Some(Command::Open(socket)) => listener = Some(TcpListener::from_std(socket).unwrap()),
                Some(Command::Shut(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    done.send(()).unwrap();
                }
            },
            accepted = accept(&mut listener) => {
                let state = Rc::clone(&state);
                connections.spawn_local(connection(state, number, way, accepted));
            }
            Some(ended) = connections.join_next() => ended.unwrap(),
        }
    }
}

async fn accept(listener: &mut Option<TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.unwrap().0,
        None => std::future::pending().await,
    }
}

async fn connection(state: Rc<State>, lane: u64, way: Way, socket: TcpStream) {
    let open = Open::count(&state);
    socket.set_nodelay(true).unwrap();
    let welcome = Welcome::of(state.seed, lane, open.number, way);
    let name = match welcome {
        Welcome::Reads => None,
        Welcome::Resets => Some("resets a new connection"),
        Welcome::Closes => Some("closes a new connection"),
        Welcome::Speaks => Some("speaks before any request"),
    };
    name.into_iter().for_each(|name| state.log.borrow_mut().count(name, way));
    match (welcome, way) {
        (Welcome::Resets, _) => reset(&socket),
        (Welcome::Closes, _) => {}
        (Welcome::Reads | Welcome::Speaks, Way::Http2) => http2::serve(&state, socket, welcome).await,
        (Welcome::Reads | Welcome::Speaks, Way::Http1 | Way::Gate) => http1::serve(&state, socket, welcome).await,
    }
    drop(open);
}

impl Welcome {
    fn of(seed: u64, lane: u64, connection: u64, way: Way) -> Self {
        let mut rng = dice(seed, connection << 8 | lane, 2);
        let percent = match way {
            Way::Http1 => 8,
            Way::Http2 => 16,
            Way::Gate => 0,
        };
        if rng.u8(..100) >= percent {
            return Self::Reads;
        }
        [Self::Resets, Self::Closes, Self::Speaks][rng.usize(..3)]
    }
}

/// A connection that is open.
struct Open {
    state: Rc<State>,
    number: u64,
}

impl Open {
    fn count(state: &Rc<State>) -> Self {
        let open = state.open.fetch_add(1, Ordering::Relaxed) + 1;
        let mut log = state.log.borrow_mut();
        log.connections += 1;
        log.most_open = log.most_open.max(open);
        Self { state: Rc::clone(state), number: log.connections }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes the end of a connection a reset.
pub(crate) fn reset(socket: &TcpStream) {
    socket.set_zero_linger().unwrap();
}

/// Longer than an attempt may take.
pub(crate) const STALL: Duration = Duration::from_millis(150);
