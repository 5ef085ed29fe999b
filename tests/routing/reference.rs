//! The rule by which a request finds its endpoint, as slow as it is written.

use std::cmp::{Ordering, Reverse};

use forbear::{Endpoint, Endpoints, EndpointsError, Event};
use http::Method;

/// What an endpoint is for.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) name: String,
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
    pub(crate) template: Option<Vec<Segment>>,
    pub(crate) methods: Vec<Method>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Host {
    Is(&'static str),
    IsBelow(&'static str),
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Text(&'static str),
    Parameter(&'static str),
    Tail,
}

#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) segments: Vec<&'static str>,
    pub(crate) method: Method,
    pub(crate) uri: String,
}

impl Requests {
    pub(crate) fn match_request(&self, sent: &Sent) -> bool {
        let host = match self.host {
            Host::Is(name) => sent.host == name,
            Host::IsBelow(name) => sent.host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
            Host::Any => true,
        };
        let path = self.template.as_deref().is_none_or(|template| match_path(template, &sent.segments));
        let method = self.methods.is_empty() || self.methods.contains(&sent.method);
        host && self.port.is_none_or(|port| port == sent.port) && path && method
    }

    /// The rule. Only for two that match one request.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let host = |of: &Self| match of.host {
            Host::Is(_) => (0, Reverse(0), of.port.is_none()),
            Host::IsBelow(name) => (1, Reverse(name.len()), of.port.is_none()),
            Host::Any => (2, Reverse(0), of.port.is_none()),
        };
        host(self).cmp(&host(other)).then_with(|| self.compare_paths(other)).then_with(|| {
            let method = |of: &Self| of.methods.is_empty();
            method(self).cmp(&method(other))
        })
    }

    fn compare_paths(&self, other: &Self) -> Ordering {
        let (one, other) = (self.segments(), other.segments());
        let rank = |segment: Option<&Segment>| match segment {
            Some(Segment::Text(_)) => 0,
            Some(Segment::Parameter(_)) => 1,
            None => 2, // it ends there
            Some(Segment::Tail) => 3,
        };
        let longest = one.len().max(other.len());
        let differences = (0..longest).map(|at| rank(one.get(at)).cmp(&rank(other.get(at))));
        differences.fold(Ordering::Equal, Ordering::then)
    }

    /// Whether neither could go before the other.
    pub(crate) fn clashes_with(&self, other: &Self) -> bool {
        let unnamed = |of: &Self| -> Vec<Segment> {
            let unnamed =
                |segment| if matches!(segment, Segment::Parameter(_)) { Segment::Parameter("") } else { segment };
            of.segments().into_iter().map(unnamed).collect()
        };
        let both_for_all = self.methods.is_empty() && other.methods.is_empty();
        let share_one = self.methods.iter().any(|method| other.methods.contains(method));
        (&self.host, self.port, unnamed(self)) == (&other.host, other.port, unnamed(other))
            && (both_for_all || share_one)
    }

    fn segments(&self) -> Vec<Segment> {
        self.template.clone().unwrap_or(vec![Segment::Tail])
    }

    fn endpoint(&self) -> Endpoint {
        let endpoint = self.methods.iter().cloned().fold(Endpoint::new(&self.name), Endpoint::method);
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        let endpoint = match self.host {
            Host::Is(name) => endpoint.host(format!("{name}{port}")),
            Host::IsBelow(name) => endpoint.host(format!("*.{name}{port}")),
            Host::Any => endpoint,
        };
        let Some(template) = &self.template else { return endpoint };
        let path = template.iter().map(|segment| match segment {
            Segment::Text(text) => format!("/{text}"),
            Segment::Parameter(name) => format!("/{{{name}}}"),
            Segment::Tail => "/{*rest}".to_owned(),
        });
        endpoint.path(path.collect::<String>())
    }
}

fn match_path(template: &[Segment], path: &[&str]) -> bool {
    match (template, path) {
        ([], []) | ([Segment::Tail], _) => true,
        ([Segment::Text(text), template @ ..], [segment, path @ ..]) => text == segment && match_path(template, path),
        ([Segment::Parameter(_), template @ ..], [segment, path @ ..]) => {
            !segment.is_empty() && match_path(template, path)
        }
        _ => false,
    }
}

/// Returns the name of the endpoint that the rule says.
pub(crate) fn expected<'r>(sent: &Sent, among: &'r [Requests]) -> &'r str {
    let matching = among.iter().filter(|one| one.match_request(sent));
    matching.min_by(|one, other| one.compare(other)).map_or("fallback", |one| &one.name)
}

/// Builds the endpoints that are for these.
pub(crate) fn build<'r>(all: impl IntoIterator<Item = &'r Requests>) -> Result<Endpoints, EndpointsError> {
    let builder = Endpoints::builder().observer(|_: &Event<'_>| {});
    all.into_iter().fold(builder, |builder, one| builder.endpoint(one.endpoint())).build()
}

/// Names that begin and end with each other.
pub(crate) const HOSTS: [&str; 6] = ["a", "b.a", "c.b.a", "ba", "cb.a", "[::1]"];
pub(crate) const PORTS: [u16; 2] = [80, 8443];
pub(crate) const TEXTS: [&str; 5] = ["a", "ab", "abc", "b", "a%2Fb"];
