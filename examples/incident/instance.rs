//! One instance of the application, as it is treated here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::application::{database, spool};
use crate::process::Process;
use crate::{Result, pause, reserve};

pub(crate) struct Instance {
    pub(crate) port: u16,
    name: &'static str,
    home: PathBuf,
    /// Keeps the port while nothing listens on it.
    _reserved: TcpSocket,
    process: Option<Process>,
}

impl Instance {
    /// Gives it a database, and does not start it yet.
    pub(crate) fn new(home: &Path, name: &'static str) -> Result<Self> {
        let (reserved, port) = reserve()?;
        fs::write(home.join(database(name)), "one order")?;
        Ok(Self { port, name, home: home.to_owned(), _reserved: reserved, process: None })
    }

    pub(crate) async fn start(&mut self) -> Result {
        let mut command = Command::new(env::current_exe()?);
        command.args(["application", &self.port.to_string(), self.name]).current_dir(&self.home);
        self.process = Some(Process::start(command, &self.log_path(), self.port).await?);
        Ok(())
    }

    /// Waits until it has a request for an import, which it does not finish.
    pub(crate) async fn holds_import(&self) {
        while !self.home.join(spool(self.name)).is_file() {
            pause(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn lose_database(&self) -> Result {
        Ok(fs::remove_file(self.home.join(database(self.name)))?)
    }

    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.log_path())?)
    }

    fn log_path(&self) -> PathBuf {
        self.home.join(format!("{}.log", self.name))
    }
}
