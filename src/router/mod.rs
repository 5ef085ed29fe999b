//! From a request to the endpoint that it is for.
//!
//! The rule, which the docs of `Endpoint` tell: the more specific host goes first, then the more specific path, then the
//! endpoint that names the method. Where one does not match, the next is tried.

mod methods;
mod path;
mod pattern;
mod template;

use std::collections::BTreeMap;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use http::Method;

use methods::Methods;
pub(crate) use pattern::HostPattern;
use template::Shape;
pub(crate) use template::{Template, is_printed};

use crate::endpoint::EndpointState;
use crate::origin::Origin;

/// The routes of all endpoints, those of the most specific hosts first.
#[derive(Default)]
pub(crate) struct Router(Vec<(HostPattern, Arc<Routes>)>);

impl Router {
    /// Returns the routes that may lead from a host, so that its requests need not look for them.
    pub(crate) fn of_host(&self, origin: &Origin<'_>) -> HostRoutes {
        let matching = self.0.iter().filter(|(pattern, _)| pattern.matches(origin));
        HostRoutes(matching.map(|(_, routes)| Arc::clone(routes)).collect())
    }
}

/// The routes for one host, shared with others.
#[derive(Default)]
pub(crate) struct HostRoutes(Box<[Arc<Routes>]>);

impl HostRoutes {
    /// Returns the endpoint that a request is for, if there is one.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<&Arc<EndpointState>> {
        if self.0.is_empty() {
            return None;
        }
        let path = path::canonical(path);
        self.0.iter().find_map(|routes| routes.find(method, &path))
    }
}

/// The templates for the hosts of one pattern, the most specific shape first.
///
/// One tree for each shape: a tree of several comes back from a text to a parameter only with an allocation, and has no
/// room for `/{id}` beside `/{*rest}`.
#[derive(Default)]
struct Routes(Vec<(Shape, matchit::Router<Methods>)>);

/// Once built it is only read: its cells are for building.
impl UnwindSafe for Routes {}
impl RefUnwindSafe for Routes {}

impl Routes {
    /// Returns the endpoint for a path in its canonical spelling.
    fn find(&self, method: &Method, path: &str) -> Option<&Arc<EndpointState>> {
        let segments = path.bytes().filter(|byte| *byte == b'/').count();
        self.0.iter().find_map(|(shape, tree)| tree.at(shape.cut(path, segments)?).ok()?.value.find(method))
    }

    /// Adds a template that is no more specific than those before it.
    fn push(&mut self, template: Template, methods: Methods) -> Result<(), matchit::InsertError> {
        let (shape, route) = template.into_parts();
        match self.0.last_mut() {
            Some((last, tree)) if *last == shape => tree.insert(route, methods),
            Some(_) | None => {
                let mut tree = matchit::Router::new();
                tree.insert(route, methods)?;
                self.0.push((shape, tree));
                Ok(())
            }
        }
    }
}

/// Sorts endpoints by what they are for.
#[derive(Default)]
pub(crate) struct RouterBuilder(BTreeMap<HostPattern, BTreeMap<Template, Methods>>);

impl RouterBuilder {
    /// Adds an endpoint for methods, or for all that no other names if there are none.
    ///
    /// # Errors
    ///
    /// Returns an endpoint that is for some of the same requests, of which neither could go before the other.
    pub(crate) fn insert(
        &mut self,
        host: HostPattern,
        template: Template,
        methods: &[Method],
        endpoint: &Arc<EndpointState>,
    ) -> Result<(), Arc<EndpointState>> {
        self.0.entry(host).or_default().entry(template).or_default().insert(methods, endpoint)
    }

    /// Builds the router.
    ///
    /// # Errors
    ///
    /// If a tree takes a template for something else than it is.
    pub(crate) fn build(self) -> Result<Router, matchit::InsertError> {
        let mut router = Router::default();
        for (host, templates) in self.0 {
            let mut routes = Routes::default();
            templates.into_iter().try_for_each(|(template, methods)| routes.push(template, methods))?;
            router.0.push((host, Arc::new(routes)));
        }
        Ok(router)
    }
}
