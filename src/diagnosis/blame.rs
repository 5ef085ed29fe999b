//! Whose fault it is and why: what failures must share to count as one.

use super::cause::{Cause, LookAt};
use super::issuer::{Confidence, Issuer};

/// A cause, who is blamed for it, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blame {
    pub(super) cause: Cause,
    pub(super) issuer: Issuer,
    pub(super) confidence: Confidence,
}

impl Blame {
    pub(crate) const fn look_at(self) -> LookAt {
        self.cause.look_at(self.issuer, self.confidence)
    }

    pub(crate) fn advice(self) -> String {
        self.cause.advice(self.issuer, self.confidence)
    }

    /// Returns what is left of it when some are less sure of the issuer.
    pub(crate) const fn unsure(self) -> Self {
        Self { confidence: Confidence::Status, ..self }
    }

    /// Returns what is left of it when others are blamed for it, too.
    pub(crate) const fn of_anybody(self) -> Self {
        // What failed by itself and is a proxy is not the application.
        let is_proxy = matches!(self.cause, Cause::Failed) && self.issuer.is_intermediary();
        let issuer = if is_proxy { Issuer::Proxy } else { Issuer::Unknown };
        Self { issuer, ..self.unsure() }
    }
}
