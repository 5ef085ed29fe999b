//! Nine real proxies: how each is found, asked for its version, started on loopback and ended.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::application::reserve;
use crate::pause;

/// A program that forwards to the application; [`Case::path`](crate::case::Case::path) lists what it does else.
pub(crate) struct Software {
    pub(crate) name: &'static str,
    program: &'static str,
    version: &'static str,
    arguments: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
    /// How it ends: at once, or so that it leaves no shared memory behind.
    signal: &'static str,
}

/// Files of the directory `config`, where `@PORT@`, `@APPLICATION@`, `@SECOND@` and `@DIR@` are filled in at the start.
macro_rules! files {
    ($($name:literal),+) => { &[$(($name, include_str!(concat!("config/", $name)))),+] };
}

pub(crate) const ALL: [Software; 9] = [
    Software {
        name: "nginx",
        program: "nginx",
        version: "-v",
        arguments: &["-p", "@DIR@", "-c", "@DIR@/nginx.conf", "-e", "stderr"],
        files: files!["nginx.conf"],
        signal: "KILL",
    },
    Software {
        name: "HAProxy",
        program: "haproxy",
        version: "-v",
        arguments: &["-db", "-f", "@DIR@/haproxy.cfg"],
        files: files!["haproxy.cfg"],
        signal: "KILL",
    },
    Software {
        name: "Apache httpd",
        program: "apache2",
        version: "-v",
        arguments: &["-D", "FOREGROUND", "-f", "@DIR@/apache2.conf"],
        files: files!["apache2.conf"],
        signal: "TERM",
    },
    Software {
        name: "Varnish",
        program: "varnishd",
        version: "-V",
        arguments: &[
            "-F",
            "-n",
            "@DIR@/work",
            "-j",
            "none",
            "-T",
            "none",
            "-s",
            "malloc,10m",
            "-a",
            "127.0.0.1:@PORT@",
            "-f",
            "@DIR@/varnish.vcl",
        ],
        files: files!["varnish.vcl"],
        signal: "KILL",
    },
    Software {
        name: "Squid",
        program: "squid",
        version: "-v",
        arguments: &["-N", "-n", "forbear@PORT@", "-d", "1", "-f", "@DIR@/squid.conf"],
        files: files!["squid.conf"],
        signal: "TERM",
    },
    Software {
        name: "Traffic Server",
        program: "traffic_server",
        version: "--version",
        arguments: &["--run-root=@DIR@/runroot.yaml"],
        files: files![
            "runroot.yaml",
            "records.config",
            "remap.config",
            "parent.config",
            "maintenance.config",
            "ip_allow.yaml",
            "storage.config"
        ],
        signal: "KILL",
    },
    Software {
        name: "Envoy",
        program: "envoy",
        version: "--version",
        arguments: &["-c", "@DIR@/envoy.yaml", "--concurrency", "1", "--disable-hot-restart"],
        files: files!["envoy.yaml"],
        signal: "KILL",
    },
    Software {
        name: "Caddy",
        program: "caddy",
        version: "version",
        arguments: &["run", "--config", "@DIR@/Caddyfile"],
        files: files!["Caddyfile"],
        signal: "KILL",
    },
    Software {
        name: "Traefik",
        program: "traefik",
        version: "version",
        arguments: &["--configFile=@DIR@/traefik.yaml"],
        files: files!["traefik.yaml", "routes.yaml"],
        signal: "KILL",
    },
];

/// Longest wait for a proxy to be ready, on a machine that has much else to do.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Longest wait for one that ends by itself.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(20);

impl Software {
    /// Returns the version, without what a distribution adds to it; `None`, and a line that says so, where the program
    /// is missing. In CI none may be missing.
    pub(crate) fn version(&self) -> Option<String> {
        let Some(program) = self.find() else {
            let missing = format!("skipped: no {} ({}); see tests/proxies/install.sh", self.name, self.program);
            assert!(env::var_os("CI").is_none(), "{missing}");
            let _ = writeln!(io::stderr(), "{missing}"); // what a macro prints, a test that passes does not show
            return None;
        };
        let output = Command::new(program).arg(self.version).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let mut words = text.split(|c: char| c.is_whitespace() || "/-v".contains(c));
        let version = words.find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
        Some(version.unwrap_or_else(|| panic!("{} says no version: {text}", self.name)).to_owned())
    }

    /// Starts the proxy before the applications on two ports, and waits until it answers.
    pub(crate) async fn start(&self, application: u16, second: u16) -> Proxy {
        let mut proxy = self.spawn(application, second);
        assert!(proxy.is_ready().await, "{} does not start:\n{}", self.name, proxy.output());
        proxy
    }

    fn spawn(&self, application: u16, second: u16) -> Proxy {
        let (reserved, port) = reserve();
        let name = format!("proxies/{}-{port}", self.program);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&dir).unwrap();
        let fill = |text: &str| {
            let ports = [("@PORT@", port), ("@APPLICATION@", application), ("@SECOND@", second)];
            let text = ports.iter().fold(text.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()));
            text.replace("@DIR@", dir.to_str().unwrap())
        };
        for (name, text) in self.files {
            fs::write(dir.join(name), fill(text)).unwrap();
        }
        let output = File::create(dir.join("output")).unwrap();
        let mut keeper = keeper(self.signal);
        let group = keeper.id().try_into().unwrap();
        let mut command = Command::new(self.find().unwrap());
        command.args(self.arguments.iter().map(|argument| fill(argument))).current_dir(&dir).process_group(group);
        let child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        writeln!(keeper.stdin.as_mut().unwrap(), "{}", child.id()).unwrap();
        Proxy { port, _reserved: reserved, dir, child, keeper }
    }

    fn find(&self) -> Option<PathBuf> {
        let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/target/proxies/bin");
        let path = env::var("PATH").unwrap_or_default();
        let mut places = env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from(installed)]);
        places.find_map(|place| Some(place.join(self.program)).filter(|program| program.is_file()))
    }
}

/// A running proxy. It ends when dropped, and with whoever started it.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    _reserved: TcpSocket,
    dir: PathBuf,
    child: Child,
    /// Leads the process group of the proxy and of the children it may have.
    keeper: Child,
}

impl Proxy {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits until the proxy answers by its configuration; returns `false` when it ends instead.
    async fn is_ready(&mut self) -> bool {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut waited = Duration::ZERO;
        while self.child.try_wait().unwrap().is_none() && waited < READY_WITHIN {
            let answer = client.get(self.url("/maintenance")).send().await;
            if answer.is_ok_and(|response| response.status() == 503) {
                return true;
            }
            pause(POLL).await;
            waited += POLL;
        }
        false
    }

    /// Ends the proxy and the children it may have.
    fn end(&mut self) {
        drop(self.keeper.stdin.take());
        let mut waited = Duration::ZERO;
        while waited < ENDED_WITHIN && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            nap(POLL);
            waited += POLL;
        }
        let command = format!("kill -s KILL -- -{}", self.keeper.id());
        let _ = Command::new("/bin/sh").args(["-c", &command]).stderr(Stdio::null()).status();
        let _ = self.child.kill(); // else the wait might have no end
        let _ = self.child.wait();
        let _ = self.keeper.wait(); // last: until then nobody else is given the number of its group
        let _ = fs::remove_dir_all(&self.dir);
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("output")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| self.end()); // the applications go on meanwhile
    }
}

/// Leads a group of processes, to which it sends a signal once its input ends, as that does with this process, however it
/// ends; and to one that it is told of, for Squid leaves the group. By the shell, which has `kill` built in: there are
/// machines without a program of that name.
fn keeper(signal: &str) -> Child {
    let mut shell = Command::new("/bin/sh");
    let command = format!("read -r child; read -r _; kill -s {signal} $child 0");
    shell.args(["-c", &command]).stdin(Stdio::piped()).stderr(Stdio::null());
    shell.process_group(0).spawn().unwrap() // which Ctrl-C does not reach
}

#[expect(clippy::disallowed_methods, reason = "another process gives no other sign")]
fn nap(duration: Duration) {
    std::thread::sleep(duration);
}
