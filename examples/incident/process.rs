//! A server as a child process, which ends when dropped.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Result, pause};

pub(crate) struct Process(Child);

impl Process {
    /// Starts it with a log, and waits until a request to it is answered well.
    pub(crate) async fn start(mut command: Command, log: &Path, port: u16) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let mut process = Self(child);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://127.0.0.1:{port}/health");
        while !client.get(&url).send().await.is_ok_and(|response| response.status() == 200) {
            if let Some(status) = process.0.try_wait()? {
                let said = fs::read_to_string(log)?;
                return Err(format!("{:?} ended, {status}: {said}", command.get_program()).into());
            }
            pause(Duration::from_millis(10)).await;
        }
        Ok(process)
    }
}

impl Drop for Process {
    /// By SIGKILL, which is what the OOM killer sends, too.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
