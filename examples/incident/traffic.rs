//! A client that sends steadily.

use std::mem;
use std::time::Duration;

use forbear::{Client, Report, RequestBuilder};
use tokio::task::JoinSet;

use crate::application::INSTANCE;
use crate::{Result, pause};

const INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Traffic {
    client: Client,
    url: String,
    sent: u32,
    under_way: JoinSet<Ended>,
}

impl Traffic {
    pub(crate) fn new(client: Client, port: u16) -> Self {
        Self { client, url: format!("http://127.0.0.1:{port}"), sent: 0, under_way: JoinSet::new() }
    }

    /// Makes as many calls as the budget of a client remembers that has sent at this rate for long.
    pub(crate) async fn warm_up(&mut self) -> Result {
        for _ in 0..200 {
            forbear::error_for_status(self.client.get(format!("{}/orders/0", self.url)).send().await?)?;
        }
        Ok(())
    }

    pub(crate) async fn send(&mut self, count: u32) {
        for _ in 0..count {
            self.sent += 1;
            self.begin(if self.sent % 7 == 0 {
                self.client.post(format!("{}/orders", self.url)).body("one order")
            } else {
                self.client.get(format!("{}/orders/{}", self.url, self.sent))
            });
            pause(INTERVAL).await;
        }
    }

    pub(crate) fn import(&mut self) {
        self.begin(self.client.post(format!("{}/imports", self.url)).body("many orders"));
    }

    fn begin(&mut self, request: RequestBuilder) {
        self.under_way.spawn(Ended::of(request));
    }

    /// Waits for all that were begun.
    pub(crate) async fn ended(&mut self) -> Vec<Ended> {
        mem::take(&mut self.under_way).join_all().await
    }
}

/// A call that has ended.
pub(crate) struct Ended {
    /// `None` if the first attempt succeeded.
    pub(crate) report: Option<Report>,
    /// The instance that answered.
    pub(crate) by: Option<String>,
}

impl Ended {
    async fn of(request: RequestBuilder) -> Self {
        match request.send().await {
            Ok(response) => {
                let report = Report::of(&response).cloned();
                let name = response.headers().get(INSTANCE).and_then(|name| name.to_str().ok()).map(str::to_owned);
                let _ = response.bytes().await; // so that the connection serves again
                Self { report, by: name }
            }
            Err(error) => Self { report: error.report().cloned(), by: None },
        }
    }
}
