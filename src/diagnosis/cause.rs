//! Why it failed, as far as anything tells: where to look, and what to ask there.

use std::fmt;

use super::condition::Condition;
use super::issuer::{Confidence, Issuer};

/// Where the person on call looks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookAt {
    /// What runs the application and what stands in front of it: processes, targets, deploys, ports, proxies.
    Infrastructure,
    /// The application: its health, its dependencies, its logs.
    Application,
    /// Rates, quotas and limits, this client's own among them.
    Capacity,
    /// Network, DNS and service discovery, or a process that is down.
    Network,
    /// This client.
    Client,
    /// More than one of them: nothing tells which.
    Mixed,
}

impl LookAt {
    /// Returns the name used in events, such as `infrastructure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Infrastructure => "infrastructure",
            Self::Application => "application",
            Self::Capacity => "capacity",
            Self::Network => "network",
            Self::Client => "client",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for LookAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing tells.
    Untold,
    /// An intermediary did not reach what is behind it.
    Lost,
    /// An intermediary reached it, and then it broke.
    Broke,
    /// An intermediary got no answer in time.
    Slow,
    /// It refuses work that it has no room for.
    Sheds,
    /// It refuses by a rule of its own: maintenance, or a limit.
    Refuses,
    /// It refuses work beyond a rate.
    LimitsRate,
    /// A certificate, a name, a route or a rule that stays wrong.
    Misconfigured,
    /// An intermediary refuses an answer that it will refuse again.
    RefusesAnswer,
    /// The application says that it is unavailable.
    Ailing,
    /// The issuer itself failed.
    Failed,
    /// What an intermediary runs on somebody's behalf failed.
    Crashed,
    /// No connection was made.
    NotConnected,
    /// A connection was made, and no answer came of it.
    Unanswered,
    /// This client was too slow, or too early.
    Client,
    /// It is taken for a robot, and asked to prove that it is a person.
    Challenged,
}

impl Cause {
    /// Returns whether asking again cannot help.
    pub(super) const fn is_lasting(self) -> bool {
        matches!(self, Self::Misconfigured | Self::RefusesAnswer | Self::Challenged)
    }

    /// Returns the condition that evidence of this cause makes of one that was read from the status alone.
    ///
    /// What lasts always counts. Other evidence tells the kinds of unavailability apart, but makes nothing cheaper: a
    /// 504 stays one.
    pub(super) const fn condition(self, by_status: Condition) -> Condition {
        match (by_status, self) {
            (_, Self::Misconfigured | Self::RefusesAnswer | Self::Challenged) => Condition::Permanent,
            (Condition::Unavailable | Condition::BadGateway | Condition::InternalError, Self::Lost | Self::Broke) => {
                Condition::BadGateway
            }
            (Condition::Unavailable | Condition::BadGateway | Condition::InternalError, Self::Slow) => {
                Condition::GatewayTimeout
            }
            (Condition::BadGateway | Condition::InternalError, Self::Sheds | Self::Refuses) => Condition::Unavailable,
            (by_status, _) => by_status,
        }
    }

    /// Returns what a condition tells of its cause where there is no other evidence.
    pub(super) const fn of_condition(condition: Condition, issuer: Issuer) -> Self {
        let by_application = matches!(issuer, Issuer::Application);
        match condition {
            Condition::Unavailable if by_application => Self::Ailing,
            Condition::Unavailable => Self::Untold,
            Condition::BadGateway | Condition::GatewayTimeout if by_application => Self::Failed,
            Condition::BadGateway => Self::Broke,
            Condition::GatewayTimeout => Self::Slow,
            Condition::OriginUnreachable => Self::Lost,
            Condition::RateLimited => Self::LimitsRate,
            Condition::RequestTimeout | Condition::TooEarly => Self::Client,
            Condition::ConnectFailed => Self::NotConnected,
            Condition::StreamRefused | Condition::Interrupted | Condition::Timeout => Self::Unanswered,
            Condition::InternalError => Self::Failed,
            Condition::Permanent if issuer.is_intermediary() => Self::Misconfigured,
            Condition::Permanent => Self::Failed,
        }
    }

    pub(super) const fn look_at(self, issuer: Issuer, confidence: Confidence) -> LookAt {
        match self {
            // Guessed from a page that may be the application's own.
            Self::Failed if matches!((issuer, confidence), (Issuer::Proxy, Confidence::Weak)) => LookAt::Mixed,
            Self::Failed if issuer.is_intermediary() => LookAt::Infrastructure,
            Self::Lost | Self::Broke | Self::Misconfigured | Self::RefusesAnswer => LookAt::Infrastructure,
            Self::Ailing | Self::Failed | Self::Crashed => LookAt::Application,
            Self::Sheds | Self::LimitsRate => LookAt::Capacity,
            Self::NotConnected => LookAt::Network,
            Self::Client | Self::Challenged => LookAt::Client,
            Self::Untold | Self::Refuses | Self::Slow | Self::Unanswered => LookAt::Mixed,
        }
    }

    /// Returns one sentence for the person on call. Below *strong* it is hedged.
    pub(super) fn advice(self, issuer: Issuer, confidence: Confidence) -> String {
        let hedge = if confidence < Confidence::Strong { "probably " } else { "" };
        let who = match (issuer, self) {
            (_, Self::NotConnected | Self::Unanswered | Self::Client) => return self.clause().to_owned(),
            (Issuer::Unknown, Self::Ailing | Self::Failed) => Issuer::Application.title(),
            (Issuer::Unknown, Self::LimitsRate | Self::Sheds | Self::Untold) => "the application or a proxy",
            (Issuer::Unknown, _) => Issuer::Proxy.title(),
            (issuer, _) => issuer.title(),
        };
        format!("{hedge}{who} {}", self.clause())
    }

    const fn clause(self) -> &'static str {
        match self {
            Self::Untold => {
                "says that it is unavailable: is the application ailing or draining for a deploy, has a proxy lost it, \
                 is a limit reached?"
            }
            Self::Lost => {
                "did not reach the process behind it: is it up, registered and healthy, just deployed, \
                 OOM-killed, on the right port? Usually not a bug in the application, which may have \
                 logged nothing"
            }
            Self::Broke => {
                "got no valid answer from the process behind it: is it up, just deployed, OOM-killed, on \
                 the right port, its keep-alive timeout shorter than the proxy's, a header too large? \
                 Usually not a bug in the application, which may have logged nothing"
            }
            Self::Slow => {
                "got no answer in time from the process behind it: is a handler or a dependency slow? The \
                 work may have been done"
            }
            Self::Sheds => "has no room for more: look at its limits, at its capacity, and at this client's own rate",
            Self::Refuses => {
                "refuses by a rule of its own: is it set to maintenance, is a limit of rates or of connections reached, \
                 is nothing registered behind it?"
            }
            Self::LimitsRate => "limits the rate: look at this client's own rate and at its quotas",
            Self::Misconfigured => {
                "cannot work as it is set up: look at its certificates, names, routes and rules; asking \
                 again does not help"
            }
            Self::RefusesAnswer => {
                "refuses the answer of the process behind it: look at the size and the coding of what that \
                 answers; asking again does not help"
            }
            Self::Ailing => {
                "says that it is unavailable: what does it say of its own health, which dependency is down, is it \
                 draining for a deploy?"
            }
            Self::Failed => "failed: look into its logs",
            Self::Crashed => "runs an application that failed: look into the application's logs",
            Self::Challenged => "takes this client for a robot and asks for a person: look at its rules for robots",
            Self::NotConnected => {
                "no connection was made: look at the network, DNS, service discovery, and whether the process is up"
            }
            Self::Unanswered => {
                "a connection was made and no answer came of it: did the process crash, was it stopped, is \
                 it too slow? The work may have been done"
            }
            Self::Client => {
                "the request came too slowly or too early: look at this client, and at the way to the server"
            }
        }
    }
}
