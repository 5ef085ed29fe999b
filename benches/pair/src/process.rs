//! The process of the application, as it is treated here.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use forbear_peers::Fallible;
use tokio::net::TcpSocket;

use crate::application::{DRAIN, LISTENS};
use crate::faults::Fault;
use crate::load::{Load, Pace};

pub(crate) struct Application {
    pub(crate) port: u16,
    load: Load,
    log: PathBuf,
    /// Keeps the port while nothing listens on it.
    _reserved: TcpSocket,
    process: Process,
}

impl Application {
    pub(crate) fn start(place: &Path, load: Load) -> Fallible<Self> {
        let (reserved, port) = reserve()?;
        let log = place.join("application.log");
        let process = Process::start(port, &log, load)?;
        Ok(Self { port, load, log, _reserved: reserved, process })
    }

    pub(crate) fn meets(&mut self, fault: Fault) -> Fallible<()> {
        match fault {
            Fault::Killed | Fault::Restarted => self.process.kill(),
            Fault::Drained => self.process.tell(DRAIN),
            Fault::Sheds => self.is_told(self.load.sheds()),
            Fault::Waits => self.is_told(self.load.waits()),
        }
    }

    pub(crate) fn is_over(&mut self, fault: Fault) -> Fallible<()> {
        match fault {
            Fault::Killed | Fault::Restarted => {}
            Fault::Drained => self.process.ends()?,
            Fault::Sheds | Fault::Waits => return self.is_told(self.load.well()),
        }
        self.process = Process::start(self.port, &self.log, self.load)?;
        Ok(())
    }

    fn is_told(&mut self, pace: Pace) -> Fallible<()> {
        self.process.tell(&pace.to_line())
    }
}

struct Process(Child);

impl Process {
    /// Runs this program again, and waits until it listens.
    fn start(port: u16, log: &Path, load: Load) -> Fallible<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["application", &port.to_string(), &load.workers().to_string(), &load.well().to_line()]).arg(log);
        let mut process = Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        if line.trim() == LISTENS { Ok(process) } else { Err("the application does not start".into()) }
    }

    fn tell(&mut self, line: &str) -> Fallible<()> {
        Ok(writeln!(self.0.stdin.as_mut().ok_or("no input")?, "{line}")?)
    }

    /// By SIGKILL.
    fn kill(&mut self) -> Fallible<()> {
        self.0.kill()?;
        self.ends()
    }

    fn ends(&mut self) -> Fallible<()> {
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Returns a socket that keeps a port: no other program is given it, but one that is told to may listen on it.
pub(crate) fn reserve() -> Fallible<(TcpSocket, u16)> {
    let socket = bound(0)?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

pub(crate) fn bound(port: u16) -> Fallible<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    Ok(socket)
}
