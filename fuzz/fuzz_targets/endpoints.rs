//! A request belongs to the endpoint that the rule says, however both are written and in whatever order.
#![no_main]

#[path = "../../tests/routing/reference.rs"]
mod reference;

use arbitrary::{Arbitrary, Unstructured};
use forbear::{Endpoints, Now};
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use reference::{HOSTS, Host, PORTS, Requests, Segment, Sent, TEXTS, build, expected};

fuzz_target!(|input: Input| {
    let mut distinct: Vec<Requests> = Vec::new();
    for (number, one) in input.all.into_iter().enumerate() {
        let one = Requests { name: number.to_string(), ..one };
        let clashes = distinct.iter().any(|other| one.clashes_with(other));
        let built = build(distinct.iter().chain([&one]));
        assert_eq!(built.is_err(), clashes, "{one:?} after {distinct:?}");
        if !clashes {
            distinct.push(one);
        }
    }
    let endpoints = build(&distinct).unwrap();
    distinct.reverse();
    let turned = build(&distinct).unwrap();
    for (sent, spelled) in &input.sent {
        let expected = expected(sent, &distinct);
        for uri in [&sent.uri, spelled] {
            for endpoints in [&endpoints, &turned] {
                assert_eq!(found(endpoints, &sent.method, uri), expected, "{uri} for {sent:?} among {distinct:?}");
            }
        }
    }
});

fn found(endpoints: &Endpoints, method: &Method, uri: &str) -> String {
    let uri: Uri = uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}"));
    endpoints.call(method, &uri).start(Now::default(), 7).endpoint().to_owned()
}

#[derive(Debug)]
struct Input {
    all: Vec<Requests>,
    /// Each with another way to write its URI.
    sent: Vec<(Sent, String)>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let all = (0..u.int_in_range(0..=20)?).map(|_| requests(u)).collect::<arbitrary::Result<_>>()?;
        let sent = (0..u.int_in_range(1..=8)?).map(|_| sent(u)).collect::<arbitrary::Result<_>>()?;
        Ok(Self { all, sent })
    }
}

fn requests(u: &mut Unstructured<'_>) -> arbitrary::Result<Requests> {
    let host = match u.int_in_range(0..=6)? {
        0..=2 => Host::Is(u.choose(&HOSTS)?),
        3..=5 => Host::IsBelow(u.choose(&HOSTS[..5])?),
        _ => Host::Any,
    };
    let port = u.arbitrary::<Option<bool>>()?.map(|first| PORTS[usize::from(first)]).filter(|_| host != Host::Any);
    let template = if u.ratio(9, 10)? { Some(template(u)?) } else { None };
    let mut methods = Vec::new();
    for method in [Method::GET, Method::POST, Method::DELETE] {
        if u.ratio(1, 3)? {
            methods.push(method);
        }
    }
    Ok(Requests { name: String::new(), host, port, template, methods })
}

fn template(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Segment>> {
    let segment = |u: &mut Unstructured<'_>| {
        Ok(if u.ratio(2, 3)? { Segment::Text(u.choose(&TEXTS)?) } else { Segment::Parameter(u.choose(&["p", "q"])?) })
    };
    let mut template: Vec<Segment> =
        (0..u.int_in_range(0..=6)?).map(|_| segment(u)).collect::<arbitrary::Result<_>>()?;
    if u.arbitrary()? {
        template.push(Segment::Tail);
    }
    Ok(template)
}

fn sent(u: &mut Unstructured<'_>) -> arbitrary::Result<(Sent, String)> {
    let (host, port) = (*u.choose(&HOSTS)?, *u.choose(&PORTS)?);
    let segment = |u: &mut Unstructured<'_>| Ok(if u.ratio(9, 10)? { *u.choose(&TEXTS)? } else { "" });
    let segments: Vec<&'static str> =
        (0..u.int_in_range(0..=7)?).map(|_| segment(u)).collect::<arbitrary::Result<_>>()?;
    let method = u.choose(&[Method::GET, Method::POST, Method::DELETE, Method::PUT])?.clone();
    let path: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
    let slash = if segments.last().is_none_or(|last| last.is_empty()) || u.arbitrary()? { "/" } else { "" };
    let uri = format!("http://{host}:{port}{path}{slash}");
    let spelled = format!("{}{}{slash}", spelled_host(u, host, port)?, spelled_path(u, &segments)?);
    Ok((Sent { host, port, segments, method, uri }, spelled))
}

fn spelled_host(u: &mut Unstructured<'_>, host: &str, port: u16) -> arbitrary::Result<String> {
    let host = if u.arbitrary()? { host.to_ascii_uppercase() } else { host.to_owned() };
    let host = match host.as_str() {
        "[::1]" => (*u.choose(&["[::1]", "[0::1]", "[0:0:0:0:0:0:0:1]"])?).to_owned(),
        name => format!("{name}{}", u.choose(&["", "."])?),
    };
    let user = u.choose(&["", "user@", "user:word@"])?;
    let port = if port == 80 { *u.choose(&["", ":80"])? } else { &format!(":{port}") };
    Ok(format!("http://{user}{host}{port}"))
}

/// With escapes that need not be, and with segments that lead nowhere.
fn spelled_path(u: &mut Unstructured<'_>, segments: &[&str]) -> arbitrary::Result<String> {
    let mut path = String::new();
    for segment in segments {
        match u.int_in_range(0..=5)? {
            0 => path.push_str("/."),
            1 => path.push_str("/zz/.."),
            2 => path.push_str("/zz/%2e%2E"),
            _ => {}
        }
        path.push('/');
        let mut letters = segment.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' if u.arbitrary()? => path.extend(['%', '2', if letters.nth(1) == Some('F') { 'f' } else { 'F' }]),
                'a'..='z' if u.arbitrary()? => path.push_str(&format!("%{:02x}", u32::from(letter))),
                letter => path.push(letter),
            }
        }
    }
    Ok(path)
}
