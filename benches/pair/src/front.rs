//! nginx. `tests/proxies/install.sh` installs it.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use forbear_peers::Fallible;
use tokio::net::TcpSocket;

use crate::clock;
use crate::process::reserve;

pub(crate) struct Front {
    port: u16,
    _reserved: TcpSocket,
    /// A shell, which ends nginx when its own input ends, as that does with this process, however it ends.
    keeper: Child,
}

impl Front {
    pub(crate) fn start(place: &Path, application: u16) -> Fallible<Self> {
        let (reserved, port) = reserve()?;
        let config = include_str!("nginx.conf").replace("@PORT@", &port.to_string());
        fs::write(place.join("nginx.conf"), config.replace("@APPLICATION@", &application.to_string()))?;
        let output = File::create(place.join("nginx.log"))?;
        let mut command = Command::new("/bin/sh");
        // It ends by TERM, so that it has noted all that it has done.
        command.args(["-c", r#""$@" & child=$!; read -r _; kill -s TERM $child; wait $child"#, "keeper"]);
        command.process_group(0); // which Ctrl-C does not reach
        command.arg(program()?).arg("-p").arg(place).args(["-c", "nginx.conf", "-e", "stderr"]);
        let keeper = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(output).spawn()?;
        let front = Self { port, _reserved: reserved, keeper };
        front.wait_until_ready().map_err(|error| {
            format!("nginx: {error}; {}", fs::read_to_string(place.join("nginx.log")).unwrap_or_default())
        })?;
        Ok(front)
    }

    fn wait_until_ready(&self) -> Fallible<()> {
        for _ in 0..READY_WITHIN {
            if self.is_ready().is_ok_and(|is_ready| is_ready) {
                return Ok(());
            }
            clock::hold_until(clock::now() + POLL);
        }
        Err("it does not answer".into())
    }

    fn is_ready(&self) -> Fallible<bool> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.write_all(b"GET /ready HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 204 "))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// As in `nginx version: nginx/1.22.1`.
pub(crate) fn version() -> Fallible<String> {
    let output = Command::new(program()?).arg("-v").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(said.trim().trim_start_matches("nginx version: ").replace('/', " "))
}

/// Debian's is on the path of root only.
fn program() -> Fallible<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = places.find_map(|place| Some(place.join("nginx")).filter(|program| program.is_file()));
    found.ok_or_else(|| "no nginx: see tests/proxies/install.sh".into())
}

const POLL: Duration = Duration::from_millis(20);

/// So many polls: on a machine that has much else to do.
const READY_WITHIN: u32 = 1500;
