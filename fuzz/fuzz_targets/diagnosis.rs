//! Whatever the head and the body: evidence is named and in its place, tells no more than it may, and hides nothing.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use forbear::{Condition, Confidence, Delivery, Diagnosis, Issuer, Outcome};
use forbear_fuzz::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input| {
    let Input { response, method, spelling, after, noise } = input;
    let body = spelling.apply(&response.body);
    let of = |headers: &HeaderMap, body: &[u8], method: &Method, redirected: bool, json: bool| {
        let outcome = Outcome::response(response.status, headers, response.received_at.time());
        Diagnosis::of(&outcome.method(method).body(body).redirected(redirected).asked_for_json(json))
    };
    let headers = &response.headers;
    let status = response.status.as_u16();
    let found = of(headers, &body, &method, false, false);
    check_whole(&found);
    check_evidence(&found, headers, status, &body);
    let allowed = allowed(status, headers);
    assert!(allowed.contains(&found.condition()), "{found:?}, allowed {allowed:?} of {response:?}");
    assert_eq!(found.is_retry_forbidden(), found.condition().is_some() && forbids(headers), "{response:?}");

    // What nobody on the way can write: the status.
    let bare = of(&HeaderMap::new(), &[], &method, false, false);
    assert_eq!(bare.condition(), by_status(status), "{status}");
    let is_named = matches!(status, 520..=527 | 530);
    assert_eq!(bare.issuer(), if is_named { Issuer::Cloudflare } else { Issuer::Unknown }, "{status}");
    let never_left = matches!(status, 521 | 523 | 530);
    assert_eq!(bare.delivery() == Delivery::NotDelivered, never_left, "{status}");

    // A phrase that one issuer uses is found, wherever it stands and however it is broken.
    let counts = status >= 500 || status == 429;
    let text = dense(body.get(..MOST_READ).unwrap_or(&body));
    for (on, phrase) in PHRASES {
        if counts && (*on == 0 || *on == status) && contains(&text, &dense(phrase.as_bytes())) {
            assert_ne!(found.issuer(), Issuer::Unknown, "{phrase} is not seen in {response:?}");
        }
    }

    // What comes after the first four KiB is not looked at, nor the body of what is about the request.
    let mut long = body.clone();
    if long.len() < MOST_READ && counts {
        long.resize(MOST_READ, b'.');
    }
    let before = of(headers, &long, &method, false, false);
    long.extend_from_slice(&after);
    assert_eq!(of(headers, &long, &method, false, false), before, "{response:?}");

    // The order in which different headers stand says nothing, nor does a header that nobody knows.
    let mut turned = HeaderMap::new();
    let mut names: Vec<&HeaderName> = headers.keys().collect();
    names.reverse();
    for name in names {
        for value in headers.get_all(name) {
            turned.append(name, value.clone());
        }
    }
    turned.insert("x-noise", HeaderValue::from_bytes(&noise).unwrap());
    assert_eq!(of(&turned, &body, &method, false, false), found, "{response:?}");

    // What passes through names nobody.
    for name in PASSED {
        let mut passed = headers.clone();
        passed.append(HeaderName::from_static(name), HeaderValue::from_bytes(&noise).unwrap());
        let passed = of(&passed, &body, &method, false, false);
        assert!(found.issuer() != Issuer::Unknown || passed.issuer() == Issuer::Unknown, "{name}, {response:?}");
    }

    // Of an earlier hop, or of an earlier try, nothing is proven.
    let redirected = of(headers, &body, &method, true, false);
    assert_ne!(redirected.delivery(), Delivery::NotDelivered, "{response:?}");
    assert_eq!(redirected.condition(), found.condition(), "{response:?}");
    if matches!(found.issuer(), Issuer::Squid | Issuer::TrafficServer) && method.is_idempotent() {
        assert_ne!(found.delivery(), Delivery::NotDelivered, "{response:?}");
    }

    // That JSON was asked for changes nothing but who is guessed.
    let json = of(headers, &body, &method, false, true);
    let decides = |of: &Diagnosis| (of.condition(), of.hint(), of.delivery(), of.is_retry_forbidden());
    assert_eq!(decides(&json), decides(&found), "{response:?}");
    assert!(json.issuer() == found.issuer() || (json.issuer(), json.confidence()) == (Issuer::Proxy, Confidence::Weak));
});

/// What belongs together is there together.
fn check_whole(found: &Diagnosis) {
    let fails = found.condition().is_some();
    assert_eq!(found.is_answer(), !fails);
    assert_eq!(found.advice().is_some(), fails);
    assert_eq!(found.look_at().is_some(), fails);
    assert!(!(found.is_hint_malformed() && found.hint().is_some()), "{found:?}");
    assert!(fails || found.hint().is_none() && !found.is_hint_malformed(), "a hint on an answer: {found:?}");
    assert!(fails || found.issuer() == Issuer::Unknown, "an answer has no issuer: {found:?}");
    assert_eq!(found.issuer() == Issuer::Unknown, found.confidence() == Confidence::Status, "{found:?}");
    assert_eq!(found.issuer() == Issuer::Unknown, found.evidence().next().is_none(), "{found:?}");
    let said = format!("{found} {}", found.advice().unwrap_or_default());
    assert!(said.chars().all(|letter| letter.is_ascii_graphic() || letter == ' '), "{said:?}");
}

/// Evidence is named by what is there.
fn check_evidence(found: &Diagnosis, headers: &HeaderMap, status: u16, body: &[u8]) {
    for name in found.evidence() {
        let is_there = match name {
            "body" => !body.is_empty() && (status >= 500 || status == 429),
            "status" => matches!(status, 520..=527 | 530),
            name => headers.contains_key(name),
        };
        assert!(is_there, "{name} is not there: {found:?}");
    }
}

fn by_status(status: u16) -> Option<Condition> {
    match status {
        408 => Some(Condition::RequestTimeout),
        425 => Some(Condition::TooEarly),
        429 => Some(Condition::RateLimited),
        100..=499 => None,
        500 => Some(Condition::InternalError),
        502 | 520 => Some(Condition::BadGateway),
        503 => Some(Condition::Unavailable),
        504 | 522 | 524 => Some(Condition::GatewayTimeout),
        521 | 523 | 530 => Some(Condition::OriginUnreachable),
        _ => Some(Condition::Permanent),
    }
}

/// Evidence tells the kinds of unavailability apart, and makes what lasts permanent; it makes nothing cheaper.
fn allowed(status: u16, headers: &HeaderMap) -> Vec<Option<Condition>> {
    use Condition::{BadGateway, GatewayTimeout, InternalError, Permanent, RateLimited, Unavailable};
    if status < 400 {
        return vec![None];
    }
    let mut allowed = vec![by_status(status)];
    allowed.extend(by_status(status).map(|_| Some(Permanent)));
    if let Some(Unavailable | BadGateway | InternalError) = by_status(status) {
        allowed.extend([Unavailable, BadGateway, GatewayTimeout].map(Some));
    }
    let has = |name: &str| headers.contains_key(name);
    if matches!(status, 403 | 503) && ["ratelimit", "ratelimit-remaining", "x-ratelimit-remaining"].into_iter().any(has)
    {
        allowed.extend([RateLimited, Permanent].map(Some));
    }
    if has("cf-mitigated") {
        allowed.push(Some(Permanent));
    }
    if has("x-should-retry") && matches!(by_status(status), None | Some(InternalError | Permanent)) {
        allowed.extend([Unavailable, BadGateway, GatewayTimeout, Permanent].map(Some));
    }
    allowed
}

/// `x-should-retry: false`, or a pushback that is no number (gRPC A6).
fn forbids(headers: &HeaderMap) -> bool {
    let word = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim_matches([' ', '\t']).to_owned();
    let says_no = headers.get_all("x-should-retry").iter().any(|value| word(value).eq_ignore_ascii_case("false"));
    let pushback = headers.get("grpc-retry-pushback-ms").map(word);
    let is_number = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    says_no || pushback.is_some_and(|text| !is_number(&text))
}

fn dense(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect()
}

fn contains(text: &[u8], phrase: &[u8]) -> bool {
    text.windows(phrase.len()).any(|part| part == phrase)
}

#[derive(Debug)]
struct Input {
    response: Response,
    method: Method,
    spelling: Spelling,
    after: Vec<u8>,
    /// The value of a header.
    noise: Vec<u8>,
}

/// How a page is written.
#[derive(Debug, Arbitrary)]
enum Spelling {
    AsItIs,
    UpperCase,
    Broken(u8),
    Indented,
    Late(u16),
}

impl Spelling {
    fn apply(&self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::AsItIs => body.to_vec(),
            Self::UpperCase => body.to_ascii_uppercase(),
            Self::Broken(every) => {
                let lines = body.chunks(usize::from(*every).max(1));
                lines.collect::<Vec<_>>().join(&b"\r\n"[..])
            }
            Self::Indented => [b" \t\n", body].concat(),
            Self::Late(before) => [&vec![b'.'; usize::from(*before) % 5_000], body].concat(),
        }
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let noise: Vec<u8> = u.arbitrary()?;
        Ok(Self {
            response: u.arbitrary()?,
            method: u.choose(&[Method::GET, Method::POST])?.clone(),
            spelling: u.arbitrary()?,
            after: u.arbitrary()?,
            noise: noise.into_iter().filter(|byte| (b' '..=b'~').contains(byte)).collect(),
        })
    }
}

/// Phrases that are enough by themselves, each with the status that it needs, if any.
const PHRASES: &[(u16, &str)] = &[
    (0, "herokucdn.com/error-pages/"),
    (0, "\"cloudflare_error\":true"),
    (429, "error code: 1015"),
    (502, "Error 502 (Server Error)!!1"),
    (503, "failure to get a peer from the ring-balancer"),
    (502, "The proxy server received an invalid response from an upstream server"),
    (504, "The gateway did not receive a timely response from the upstream server or application"),
    (503, "upstream connect error or disconnect/reset before headers. reset reason: connection failure"),
];
const PASSED: [&str; 10] = [
    "via",
    "cf-ray",
    "x-varnish",
    "x-amz-cf-id",
    "x-azure-ref",
    "x-vercel-id",
    "fly-request-id",
    "x-kong-proxy-latency",
    "x-kong-upstream-latency",
    "x-envoy-upstream-service-time",
];
const MOST_READ: usize = 4 * 1024;
