//! What stands in front of the application: nginx, or a small proxy of our own where there is none.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use forbear::Issuer;
use tokio::net::TcpSocket;

use crate::built_in;
use crate::process::Process;
use crate::{Result, reserve};

pub(crate) struct Front {
    pub(crate) port: u16,
    pub(crate) name: String,
    /// As whom a diagnosis should know it.
    pub(crate) issuer: Issuer,
    _reserved: TcpSocket,
    _process: Option<Process>,
}

impl Front {
    /// Starts it in front of two instances, of which the second is the larger.
    pub(crate) async fn start(home: &Path, instances: [u16; 2]) -> Result<Self> {
        let (reserved, port) = reserve()?;
        let (name, issuer, process) = match find() {
            Some(program) => {
                let process = start(&program, home, port, instances).await?;
                (version(&program)?, Issuer::Nginx, Some(process))
            }
            None => {
                built_in::start(port, instances).await?;
                ("There is no nginx here: a small built-in proxy".to_owned(), Issuer::Proxy, None)
            }
        };
        Ok(Self { port, name, issuer, _reserved: reserved, _process: process })
    }
}

/// Returns the nginx that the variable `NGINX` names, else an installed one. Debian's is on the path of root only.
fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut programs: Vec<PathBuf> = places.map(|place| place.join("nginx")).collect();
    if let Some(program) = env::var_os("NGINX") {
        programs = vec![program.into()];
    }
    programs.into_iter().find(|program| program.is_file())
}

async fn start(program: &Path, home: &Path, port: u16, [one, two]: [u16; 2]) -> Result<Process> {
    let mut config = include_str!("nginx.conf").to_owned();
    for (name, port) in [("@PORT@", port), ("@ONE@", one), ("@TWO@", two)] {
        config = config.replace(name, &port.to_string());
    }
    fs::write(home.join("nginx.conf"), config)?;
    let mut command = Command::new(program);
    command.arg("-p").arg(home).args(["-c", "nginx.conf", "-e", "stderr"]);
    Process::start(command, &home.join("nginx.log"), port).await
}

/// As in `nginx version: nginx/1.22.1`.
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("-v").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(said.trim().trim_start_matches("nginx version: ").replace('/', " "))
}
