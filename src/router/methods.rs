//! Which endpoint is for a method, of those with the same host and path.

use std::sync::Arc;

use http::Method;

use crate::endpoint::EndpointState;

/// The endpoints of one template.
#[derive(Default)]
pub(super) struct Methods {
    named: Vec<(Method, Arc<EndpointState>)>,
    /// For the methods that nobody names.
    others: Option<Arc<EndpointState>>,
}

impl Methods {
    /// Adds an endpoint for methods, or for all others if there are none.
    ///
    /// # Errors
    ///
    /// Returns the endpoint that has one of them already.
    pub(super) fn insert(
        &mut self,
        methods: &[Method],
        endpoint: &Arc<EndpointState>,
    ) -> Result<(), Arc<EndpointState>> {
        if methods.is_empty() {
            return match self.others.replace(Arc::clone(endpoint)) {
                None => Ok(()),
                Some(other) => Err(other),
            };
        }
        for method in methods {
            match self.named.iter().find(|(named, _)| named == method) {
                None => self.named.push((method.clone(), Arc::clone(endpoint))),
                Some((_, same)) if Arc::ptr_eq(same, endpoint) => {} // named twice
                Some((_, other)) => return Err(Arc::clone(other)),
            }
        }
        Ok(())
    }

    pub(super) fn find(&self, method: &Method) -> Option<&Arc<EndpointState>> {
        let named = self.named.iter().find(|(named, _)| named == method).map(|(_, endpoint)| endpoint);
        named.or(self.others.as_ref())
    }
}
