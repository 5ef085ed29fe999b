//! The rule by which a request finds its endpoint, against a matcher that is as slow as the rule is written.
#![cfg(test)]
#![cfg(feature = "endpoints")]

use std::cmp::{Ordering, Reverse};

use forbear::{Endpoint, Endpoints, Event, Now};
use http::{Method, Uri};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError};
use proptest::{prop_assert_eq, proptest};

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_request_belongs_to_the_endpoint_that_the_rule_says(
        all in vec(requests(), 1..24), sent in vec(sent(), 1..24), turn in any::<proptest::sample::Index>(),
    ) {
        let mut distinct: Vec<Requests> = Vec::new();
        for (number, one) in all.into_iter().enumerate() {
            let one = Requests { name: number.to_string(), ..one };
            let clashes = distinct.iter().any(|other| one.clashes_with(other));
            prop_assert_eq!(build(distinct.iter().chain([&one])).is_err(), clashes, "{:?} after {:?}", one, distinct);
            if !clashes {
                distinct.push(one);
            }
        }
        let endpoints = build(&distinct).unwrap();
        let turn = turn.index(distinct.len());
        distinct.rotate_left(turn);
        let turned = build(&distinct).unwrap();
        for sent in sent {
            let matching = distinct.iter().filter(|one| one.match_request(&sent));
            let expected = matching.min_by(|one, other| one.compare(other)).map_or("fallback", |one| &one.name);
            for endpoints in [&endpoints, &turned] {
                let uri: Uri = sent.uri.parse().map_err(|_| TestCaseError::fail(sent.uri.clone()))?;
                let call = endpoints.call(&sent.method, &uri).start(Now::default(), 7);
                prop_assert_eq!(call.endpoint(), expected, "{:?} among {:?}", sent, distinct);
            }
        }
    }
}

fn build<'r>(all: impl IntoIterator<Item = &'r Requests>) -> Result<Endpoints, forbear::EndpointsError> {
    let builder = Endpoints::builder().observer(|_: &Event<'_>| {});
    all.into_iter().fold(builder, |builder, one| builder.endpoint(one.endpoint())).build()
}

/// What an endpoint is for.
#[derive(Clone, Debug)]
struct Requests {
    name: String,
    host: Host,
    port: Option<u16>,
    template: Option<Vec<Segment>>,
    methods: Vec<Method>,
}

#[derive(Clone, Debug, PartialEq)]
enum Host {
    Is(&'static str),
    IsBelow(&'static str),
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(&'static str),
    Parameter(&'static str),
    Tail,
}

#[derive(Clone, Debug)]
struct Sent {
    host: &'static str,
    port: u16,
    segments: Vec<&'static str>,
    method: Method,
    uri: String,
}

impl Requests {
    fn match_request(&self, sent: &Sent) -> bool {
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
    fn compare(&self, other: &Self) -> Ordering {
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
    fn clashes_with(&self, other: &Self) -> bool {
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

/// Names that begin and end with each other.
const HOSTS: [&str; 6] = ["a", "b.a", "c.b.a", "ba", "cb.a", "[::1]"];
const PORTS: [u16; 2] = [80, 8443];
const TEXTS: [&str; 5] = ["a", "ab", "abc", "b", "a%2Fb"];

fn requests() -> impl Strategy<Value = Requests> {
    let host = prop_oneof![
        3 => select(&HOSTS[..]).prop_map(Host::Is),
        3 => select(&HOSTS[..5]).prop_map(Host::IsBelow),
        1 => Just(Host::Any),
    ];
    let segment = prop_oneof![2 => select(&TEXTS[..]).prop_map(Segment::Text), 1 => select(vec!["p", "q"]).prop_map(Segment::Parameter)];
    let template = (vec(segment, 0..5), any::<bool>()).prop_map(|(mut segments, has_tail)| {
        segments.extend(has_tail.then_some(Segment::Tail));
        segments
    });
    (host, option::of(select(&PORTS[..])), option::weighted(0.9, template), methods()).prop_map(
        |(host, port, template, methods)| Requests {
            name: String::new(),
            port: port.filter(|_| host != Host::Any),
            host,
            template,
            methods,
        },
    )
}

fn methods() -> impl Strategy<Value = Vec<Method>> {
    subsequence(vec![Method::GET, Method::POST, Method::DELETE], 0..3)
}

fn sent() -> impl Strategy<Value = Sent> {
    let segment = prop_oneof![9 => select(&TEXTS[..]), 1 => Just("")];
    let method = select(vec![Method::GET, Method::POST, Method::DELETE, Method::PUT]);
    (select(&HOSTS[..]), select(&PORTS[..]), vec(segment, 0..6), method, any::<bool>()).prop_map(
        |(host, port, segments, method, slash)| {
            let path: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
            let needs_slash = slash || segments.last().is_none_or(|last| last.is_empty());
            let uri = format!("http://{host}:{port}{path}{}", if needs_slash { "/" } else { "" });
            Sent { host, port, segments, method, uri }
        },
    )
}
