//! The rule by which a request finds its endpoint, against a matcher that is as slow as the rule is written.
#![cfg(test)]
#![cfg(feature = "endpoints")]

mod reference;

use forbear::Now;
use http::{Method, Uri};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError};
use proptest::{prop_assert_eq, proptest};
use reference::{HOSTS, Host, PORTS, Requests, Segment, Sent, TEXTS, build};

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
            let expected = reference::expected(&sent, &distinct);
            for endpoints in [&endpoints, &turned] {
                let uri: Uri = sent.uri.parse().map_err(|_| TestCaseError::fail(sent.uri.clone()))?;
                let call = endpoints.call(&sent.method, &uri).start(Now::default(), 7);
                prop_assert_eq!(call.endpoint(), expected, "{:?} among {:?}", sent, distinct);
            }
        }
    }
}

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
