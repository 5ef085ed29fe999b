//! What a client knows of an attempt when it is over.

use forbear::Failure;
use http::StatusCode;

/// A response without a body, or how the attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) result: Result<StatusCode, Failure>,
    /// The seconds of a `Retry-After`.
    pub(crate) hint: Option<u16>,
}

impl Answer {
    pub(crate) const OK: Self = Self::status(StatusCode::OK);
    pub(crate) const BAD_GATEWAY: Self = Self::status(StatusCode::BAD_GATEWAY);
    pub(crate) const UNAVAILABLE: Self = Self::status(StatusCode::SERVICE_UNAVAILABLE);
    pub(crate) const REFUSED: Self = Self::failure(Failure::Connect);
    pub(crate) const RESET: Self = Self::failure(Failure::Interrupted);
    pub(crate) const TIMEOUT: Self = Self::failure(Failure::Timeout);

    pub(crate) const fn status(status: StatusCode) -> Self {
        Self { result: Ok(status), hint: None }
    }

    const fn failure(failure: Failure) -> Self {
        Self { result: Err(failure), hint: None }
    }

    pub(crate) const fn after(self, seconds: u16) -> Self {
        Self { hint: Some(seconds), ..self }
    }

    pub(crate) fn is_success(self) -> bool {
        self.result == Ok(StatusCode::OK)
    }

    pub(crate) fn is_timeout(self) -> bool {
        self.result == Err(Failure::Timeout)
    }
}
