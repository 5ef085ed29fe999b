//! Whom a fleet may follow: this crate, or what its users would pick instead.

mod at_once;
mod aws;
mod driver;
mod grpc;
mod model;
mod modelled;
mod ours;
mod remembered;
mod reqwest_own;
mod reqwest_retry;

use std::fmt;

use forbear::{Budget, BudgetBuilder, Policy};

use crate::simulation::{self, Setting};
use crate::summary::Summary;
use at_once::AtOnce;
use aws::Aws;
use grpc::Grpc;
use modelled::Modelled;
pub(crate) use ours::Ours;
pub(crate) use remembered::Remembered;
use reqwest_own::ReqwestOwn;
use reqwest_retry::ReqwestRetry;

/// A policy that all processes of a fleet follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    NoRetries,
    /// The default policy and budget of this crate.
    Forbear,
    ThreeAtOnce,
    ReqwestRetry,
    ReqwestOwn,
    Aws,
    Grpc,
}

impl Peer {
    pub(crate) const ALL: [Self; 7] = [
        Self::NoRetries,
        Self::Forbear,
        Self::ThreeAtOnce,
        Self::ReqwestRetry,
        Self::ReqwestOwn,
        Self::Aws,
        Self::Grpc,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NoRetries => "no retries",
            Self::Forbear => "forbear",
            Self::ThreeAtOnce => "three at once",
            Self::ReqwestRetry => "reqwest-retry",
            Self::ReqwestOwn => "reqwest's own",
            Self::Aws => "AWS standard",
            Self::Grpc => "gRPC A6",
        }
    }

    /// Plays a scenario.
    pub(crate) fn play(self, setting: &Setting) -> Summary {
        let processes = setting.processes();
        match self {
            Self::NoRetries => simulation::run(setting, Modelled::new(processes, &AtOnce { max_attempts: 1 })),
            Self::Forbear => play_ours(setting, Policy::default(), Budget::builder()),
            Self::ThreeAtOnce => simulation::run(setting, Modelled::new(processes, &AtOnce { max_attempts: 3 })),
            Self::ReqwestRetry => simulation::run(setting, Modelled::new(processes, &ReqwestRetry)),
            Self::ReqwestOwn => simulation::run(setting, Modelled::new(processes, &ReqwestOwn::default())),
            Self::Aws => simulation::run(setting, Modelled::new(processes, &Aws::default())),
            Self::Grpc => simulation::run(setting, Modelled::new(processes, &Grpc::default())),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Plays a scenario under any policy of this crate.
pub(crate) fn play_ours(setting: &Setting, policy: Policy, budget: BudgetBuilder) -> Summary {
    let processes = setting.processes();
    if setting.clients > MOST_KEPT {
        simulation::run(setting, Remembered::new(processes, policy, budget))
    } else {
        simulation::run(setting, Ours::new(processes, policy, budget))
    }
}

/// Most processes that are kept in memory as what they are: less than a gibibyte of them.
const MOST_KEPT: u32 = 200_000;
