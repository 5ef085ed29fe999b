//! Without the feature `endpoints` every request belongs to the fallback of its host.

use std::sync::Arc;

use http::Method;

use crate::endpoint::EndpointState;
use crate::origin::Origin;

#[derive(Default)]
pub(crate) struct Router(());

impl Router {
    pub(crate) fn of_host(&self, _: &Origin<'_>) -> HostRoutes {
        HostRoutes(())
    }
}

#[derive(Default)]
pub(crate) struct HostRoutes(());

impl HostRoutes {
    pub(crate) fn find(&self, _: &Method, _: &str) -> Option<&Arc<EndpointState>> {
        None
    }
}
