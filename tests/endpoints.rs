//! Which endpoint a request belongs to, what that changes, and what it costs to find it.
#![cfg(test)]
#![cfg(feature = "endpoints")]

use std::time::{Duration, UNIX_EPOCH};

use forbear::{
    Call, CallBuilder, Decision, Endpoint, EndpointSnapshot, Endpoints, Event, Failure, Mode, Now, Outcome, Policy,
    StopReason,
};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

fn quiet(endpoints: impl IntoIterator<Item = Endpoint>) -> Endpoints {
    let builder = Endpoints::builder().observer(|_: &Event<'_>| {});
    endpoints.into_iter().fold(builder, |builder, endpoint| builder.endpoint(endpoint)).build().unwrap()
}

#[track_caller]
fn start(endpoints: &Endpoints, method: &Method, uri: &str) -> Call {
    let uri: Uri = uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}"));
    endpoints.call(method, &uri).replayable(true).start(Now::default(), 7)
}

#[track_caller]
fn name(endpoints: &Endpoints, method: &Method, uri: &str) -> String {
    start(endpoints, method, uri).endpoint().to_owned()
}

#[test]
fn the_more_specific_host_goes_first_then_the_path_then_the_method() {
    let endpoints = quiet([
        Endpoint::new("all POST").method(Method::POST),
        Endpoint::new("health").path("/health"),
        Endpoint::new("internal").host("*.internal"),
        Endpoint::new("internal 8443").host("*.internal:8443"),
        Endpoint::new("east").host("*.east.internal"),
        Endpoint::new("a DELETE").host("a.east.internal").method(Method::DELETE),
        Endpoint::new("a 8443").host("a.east.internal:8443").path("/v1/{*rest}"),
        Endpoint::new("pay").host("pay").path("/v1/{*rest}"),
        Endpoint::new("pay POST").host("pay").method(Method::POST).path("/v1/{*rest}"),
        Endpoint::new("charges").host("pay").path("/v1/charges"),
        Endpoint::new("charge").host("pay").method(Method::GET).method(Method::PUT).path("/v1/charges/{id}"),
        Endpoint::new("search").host("pay").path("/v1/charges/search"),
        Endpoint::new("refunds").host("pay").method(Method::POST).path("/v1/charges/{id}/refunds"),
        Endpoint::new("any refunds").host("pay").path("/v1/{kind}/{id}/refunds"),
        Endpoint::new("item").host("pay").path("/v1/{kind}/{id}"),
        Endpoint::new("root").host("pay").path("/"),
    ]);
    for (method, uri, expected) in [
        ("GET", "http://elsewhere/health", "health"),
        ("POST", "http://elsewhere/health", "health"),
        ("POST", "http://elsewhere/v1", "all POST"),
        ("GET", "http://elsewhere/v1", "fallback"),
        ("GET", "http://b.internal/health", "internal"),
        ("GET", "https://b.internal:8443/", "internal 8443"),
        ("GET", "https://b.east.internal:8443/", "east"),
        ("DELETE", "http://a.east.internal/", "a DELETE"),
        ("GET", "http://a.east.internal/", "east"),
        ("DELETE", "http://a.east.internal:8443/v1/x", "a 8443"),
        ("DELETE", "http://a.east.internal:8443/v2/x", "a DELETE"),
        ("GET", "http://a.east.internal:8443/v2/x", "east"),
        ("GET", "http://pay/", "root"),
        ("GET", "http://pay/v1", "pay"),
        ("POST", "http://pay/v1", "pay POST"),
        ("POST", "http://pay/v1/a/b/c/d", "pay POST"),
        ("POST", "http://pay/v1/charges", "charges"),
        ("GET", "http://pay/v1/charges/7", "charge"),
        ("PUT", "http://pay/v1/charges/7", "charge"),
        ("DELETE", "http://pay/v1/charges/7", "item"),
        ("GET", "http://pay/v1/orders/7", "item"),
        ("GET", "http://pay/v1/charges/search", "search"),
        ("GET", "http://pay/v1/charges/searching", "charge"),
        ("POST", "http://pay/v1/charges/search/refunds", "refunds"),
        ("GET", "http://pay/v1/charges/7/refunds", "any refunds"),
        ("GET", "http://pay/v1/charges/7/refunds/1", "pay"),
        ("GET", "http://pay/v2", "fallback"),
        ("POST", "http://pay/v2", "all POST"),
    ] {
        let method = Method::try_from(method).unwrap();
        assert_eq!(name(&endpoints, &method, uri), expected, "{method} {uri}");
    }
}

#[test]
fn what_is_written_in_two_ways_belongs_to_the_same_endpoint() {
    // host, path, those that belong to it, others
    let table: [(&str, &str, &[&str], &[&str]); 19] = [
        ("Pay.Internal", "/v1", &["http://PAY.internal/v1", "HTTPS://pay.INTERNAL/v1"], &["http://pay.internal/V1"]),
        ("pay", "/v1", &["http://pay/v1", "https://pay:8443/v1", "http://pay./v1"], &["http://a.pay/v1"]),
        ("pay:443", "/v1", &["https://pay/v1", "https://pay:443/v1", "http://pay:443/v1"], &["http://pay/v1"]),
        ("*.internal", "/", &["http://a.internal", "http://a.b.internal/"], &["http://internal", "http://ainternal"]),
        ("[0:0::1]", "/", &["http://[::1]", "http://[0000::0:1]:80/"], &["http://[::2]"]),
        ("2001:DB8::1", "/", &["http://[2001:db8:0::1]:8080"], &["http://[2001:db8::2]"]),
        ("xn--bcher-kva.example", "/", &["http://xn--bcher-kva.example"], &["http://bcher.example"]),
        ("pay", "/v1/{id}", &["http://pay/v1/7", "http://pay/v1/a%2Fb", "http://pay/v1/7/"], &["http://pay/v1//"]),
        (
            "pay",
            "/v1/{*rest}",
            &["http://pay/v1", "http://pay/v1/", "http://pay/v1/a/b", "http://pay/v1//"],
            &["http://pay/v12"],
        ),
        (
            "pay",
            "/v1",
            &["http://pay/v1", "http://pay/v1/", "http://pay/v1?a#b", "http://u:w@pay/v1"],
            &["http://pay/v1//"],
        ),
        ("pay", "/v1/", &["http://pay/v1", "http://pay/v1/"], &["http://pay/v1//", "http://pay/v1/a"]),
        ("pay", "/a/b", &["http://pay/a/b"], &["http://pay/a//b", "http://pay//a/b", "http://pay/a%2Fb"]),
        ("pay", "", &["http://pay", "http://pay/", "pay:443"], &["http://pay//", "http://pay/a"]),
        ("pay", "/charges~", &["http://pay/%63harges%7e", "http://pay/charges%7E"], &["http://pay/%43harges~"]),
        ("pay", "/%63harges", &["http://pay/charges"], &[]),
        ("pay", "/a%3ab", &["http://pay/a%3ab", "http://pay/a%3Ab"], &["http://pay/a:b"]),
        ("pay", "/a b/\u{e9}", &["http://pay/a%20b/%c3%A9", "http://pay/a%20b/\u{e9}"], &["http://pay/a+b/%E9"]),
        (
            "pay",
            "/a/b",
            &["http://pay/a/./c/../b", "http://pay/x/%2e%2E/a/b/.", "http://pay/../a/b"],
            &["http://pay/a/.b"],
        ),
        ("pay", "/a*b:c", &["http://pay/a*b:c"], &["http://pay/aab:c"]),
    ];
    for (host, path, those, others) in table {
        let endpoints = quiet([Endpoint::new("it").host(host).path(path)]);
        let belongs = |uri: &&str| name(&endpoints, &Method::GET, uri) == "it";
        assert_eq!(those.iter().find(|uri| !belongs(uri)), None, "{host} {path}");
        assert_eq!(others.iter().find(|uri| belongs(uri)), None, "{host} {path}");
    }
    let of_any_host = quiet([Endpoint::new("it").path("/"), Endpoint::new("named").method(Method::GET).path("/v1")]);
    assert_eq!(name(&of_any_host, &Method::OPTIONS, "*"), "it");
    assert_eq!(name(&of_any_host, &Method::GET, "/v1"), "named", "a request without a host");
}

#[test]
fn a_method_is_any_token_and_letter_case_tells_them_apart() {
    let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
    let endpoints = quiet([
        Endpoint::new("purge").method(method("PURGE")).method(method("PURGE")),
        Endpoint::new("lower").method(method("get")),
        Endpoint::new("odd").method(method("!#$%&'*+-.^_`|~0aZ")),
    ]);
    for (of, expected) in [
        ("PURGE", "purge"),
        ("purge", "fallback"),
        ("get", "lower"),
        ("GET", "fallback"),
        ("!#$%&'*+-.^_`|~0aZ", "odd"),
    ] {
        assert_eq!(name(&endpoints, &method(of), "http://pay/"), expected, "{of}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let long = "x".repeat(1_000);
    let builder = [
        Endpoint::new("pay").host("https://pay/v1").path("v1/{id"),
        Endpoint::new("").host("b\u{fc}cher.example"),
        Endpoint::new("secret").host("https://user:word@pay.internal:8443/v1"),
        Endpoint::new("fallback"),
        Endpoint::new("a\nb").method(Method::PUT),
        Endpoint::new(long).method(Method::PATCH),
        Endpoint::new("pay").host("a"),
        Endpoint::new("one").host("*.internal").method(Method::GET).method(Method::POST).path("/v1/{id}"),
        Endpoint::new("two").host("*.Internal.").method(Method::POST).path("/%761/{charge}/"),
        Endpoint::new("three").host("*.internal").path("/v1/{id}"),
        Endpoint::new("four").host("*.internal").path("/v1/{id}"),
        Endpoint::new("five").path("/{*rest}"),
    ]
    .into_iter()
    .fold(Endpoints::builder(), forbear::EndpointsBuilder::endpoint);
    let error = builder.build().unwrap_err();
    let expected = [
        r#"endpoint "pay".host is "https://pay/v1", but must be a host alone: write "pay""#,
        r#"endpoint "pay".path is "v1/{id", but must begin with `/`"#,
        r#"endpoint "".name is "", but must be 1 to 100 characters long, all of them printed ones"#,
        "endpoint \"\".host is \"b\u{fc}cher.example\", but must be ASCII: write a name in other letters as its punycode, \"xn--…\"",
        r#"endpoint "secret".host is "…@pay.internal:8443/v1", but must be a host alone: write "pay.internal:8443""#,
        r#"endpoint "fallback".name is "fallback", but must be another: it is that of the fallback"#,
        r#"endpoint "a\nb".name is "a\nb", but must be 1 to 100 characters long, all of them printed ones"#,
        &format!(
            "endpoint \"{0}…\".name is \"{0}…\", but must be 1 to 100 characters long, all of them printed ones",
            "x".repeat(200)
        ),
        r#"endpoint "pay".name is "pay", but must be unlike all others"#,
        r#"endpoint "two": for POST, *.Internal., /%761/{charge}/, it cannot be told apart from endpoint "one": one must have another host, path or method"#,
        r#"endpoint "four": for all methods, *.internal, /v1/{id}, it cannot be told apart from endpoint "three": one must have another host, path or method"#,
        r#"endpoint "five": for all methods, any host, /{*rest}, it cannot be told apart from endpoint "fallback": one must have another host, path or method"#,
    ];
    assert_eq!(error.problems().collect::<Vec<_>>(), expected);
    assert_eq!(error.to_string(), expected.join("\n"));
}

#[test]
fn what_a_user_wrote_stays_on_its_line_whatever_it_is() {
    let problems = |endpoint: fn(&str) -> Endpoint, value: &str| {
        let builder = Endpoints::builder().endpoint(endpoint("one")).endpoint(endpoint("two").path(value));
        builder.build().unwrap_err().problems().map(str::to_owned).collect::<Vec<_>>()
    };
    // Names and templates are in events, so what is not printed is none of theirs.
    let must = r#"but must have the escape of what is not printed: "%0A""#;
    for (path, shown) in [
        ("/a\u{1b}[2J\n\t", r"/a\u{1b}[2J\n\t".to_owned()),
        ("/a\u{85}", r"/a\u{85}".to_owned()),
        ("/\u{202e}a", r"/\u{202e}a".to_owned()),
        (&format!("/{}\n", "b".repeat(300)), format!("/{}…", "b".repeat(199))),
    ] {
        let expected = format!("endpoint \"two\".path is \"{shown}\", {must}");
        assert_eq!(problems(|name| Endpoint::new(name), path), [expected]);
    }
    let long = |name: &str| {
        let method = Method::from_bytes("M".repeat(300).as_bytes()).unwrap();
        Endpoint::new(name).method(method).path(format!("/{}", "b".repeat(300)))
    };
    let shown = format!("{}…, any host, /{}…", "M".repeat(200), "b".repeat(199));
    let apart = "it cannot be told apart from endpoint \"one\": one must have another host, path or method";
    let expected = format!("endpoint \"two\": for {shown}, {apart}");
    assert_eq!(problems(long, &format!("/{}/", "b".repeat(300))), [expected]);
    let host = |name: &str| Endpoint::new(name).host(format!("http://{}/a", "h".repeat(254)));
    assert!(problems(host, "/").iter().all(|problem| problem.ends_with(", but must be a host alone")));
}

#[test]
fn hosts_of_an_endpoint_share_its_budget_and_those_of_the_fallback_do_not() {
    let endpoints = quiet([Endpoint::new("internal").host("*.internal")]);
    assert_eq!(retries_left(&endpoints, "http://a.internal/"), 4);
    assert_eq!(retries_left(&endpoints, "http://b.internal/"), 0);
    assert_eq!(retries_left(&endpoints, "http://c.example/"), 4);
    assert_eq!(retries_left(&endpoints, "http://c.example/"), 0);
    assert_eq!(retries_left(&endpoints, "http://d.example/"), 4);
}

#[test]
fn a_request_overrides_its_policy_and_its_time_and_still_pays_from_its_endpoint() {
    let endpoints = quiet([
        Endpoint::new("charges").host("pay").path("/v1/charges").policy(attempts(2)),
        Endpoint::new("others").host("pay"),
    ]);
    let uri = Uri::from_static("http://pay/v1/charges");
    let call = || endpoints.call(&Method::GET, &uri).replayable(true);
    let start = |call: CallBuilder<'_>| call.start(Now::default(), 7);
    assert_eq!(start(call()).policy().max_attempts(), 2);
    let mut retried = Vec::new();
    for _ in 0..4 {
        let mut own = start(call().policy(attempts(4)).max_elapsed(Duration::MAX).timeout(Duration::MAX));
        assert_eq!((own.endpoint(), own.policy().max_attempts()), ("charges", 4));
        assert!(fails(&mut own).is_none());
        retried.push(own);
    }
    assert_eq!(fails(&mut start(call())), Some(StopReason::Budget), "four were paid from its endpoint's budget");
    assert_eq!(retries_left(&endpoints, "http://pay/v1/orders"), 4, "and none from another's");
}

#[test]
fn a_request_has_less_or_more_time_than_its_policy_gives() {
    let one_second = Policy::builder().max_elapsed(Duration::from_secs(1)).build().unwrap();
    let endpoints = Endpoints::builder().fallback(one_second).observer(|_: &Event<'_>| {}).build().unwrap();
    let uri = Uri::from_static("http://pay/");
    let call = || endpoints.call(&Method::GET, &uri).replayable(true);
    let asks_for_two_s = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("2"))]);
    let asked = |call: CallBuilder<'_>, wakes_at: u64| {
        let mut call = call.start(Now::default(), 7);
        call.begin(Now::default()).unwrap();
        let outcome = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &asks_for_two_s, UNIX_EPOCH);
        match call.on_outcome(&outcome, Now::default()) {
            Decision::Retry(_) => call.begin(Now::from_origin(Duration::from_secs(wakes_at))).is_ok(),
            Decision::Done(_) => false,
        }
    };
    let s = Duration::from_secs;
    assert!(!asked(call(), 2));
    assert!(asked(call().max_elapsed(s(3)), 3));
    assert!(!asked(call().max_elapsed(s(3)), 4), "it wakes too late");
    assert!(!asked(call().max_elapsed(Duration::ZERO), 0));
    assert!(asked(call().max_elapsed(s(3)).policy(attempts(2)), 3), "it goes before a policy of the call's own, too");
    assert!(!asked(call().max_elapsed(s(3)).timeout(s(1)), 3), "the time of the call is a limit of its own");
}

#[test]
fn the_callers_word_goes_before_the_endpoints_and_that_before_key_and_method() {
    let mut key = HeaderMap::new();
    key.insert("idempotency-key", HeaderValue::from_static("8e03978e"));
    // the endpoint's word, the method, whether there is a key, the caller's word, whether it is repeated
    for (endpoint, method, has_key, caller, expected) in [
        (None, Method::POST, false, None, false),
        (None, Method::POST, true, None, true),
        (None, Method::PUT, false, None, true),
        (Some(true), Method::POST, false, None, true),
        (Some(true), Method::POST, false, Some(false), false),
        (Some(true), Method::POST, true, Some(false), false),
        (Some(false), Method::GET, false, None, false),
        (Some(false), Method::POST, true, None, false),
        (Some(false), Method::GET, false, Some(true), true),
    ] {
        let it = Endpoint::new("it");
        let endpoints = quiet([if let Some(word) = endpoint { it.idempotent(word) } else { it }]);
        let uri = Uri::from_static("http://pay/");
        let mut call = endpoints.call(&method, &uri).replayable(true);
        if has_key {
            call = call.headers(&key);
        }
        if let Some(word) = caller {
            call = call.idempotent(word);
        }
        let mut call = call.start(Now::default(), 7);
        call.begin(Now::default()).unwrap();
        let outcome = Outcome::failure(Failure::Interrupted);
        let is_repeated = matches!(call.on_outcome(&outcome, Now::default()), Decision::Retry(_));
        assert_eq!(is_repeated, expected, "{endpoint:?} {method} {has_key} {caller:?}");
    }
}

#[test]
fn an_endpoint_without_a_policy_has_that_of_the_fallback() {
    let builder = Endpoints::builder().endpoint(Endpoint::new("it").path("/it")).fallback(attempts(7));
    let endpoints = builder.build().unwrap();
    for uri in ["http://pay/it", "http://pay/other"] {
        assert_eq!(start(&endpoints, &Method::GET, uri).policy().max_attempts(), 7, "{uri}");
    }
}

#[test]
fn a_look_up_among_a_thousand_endpoints_allocates_nothing() {
    let resources = (0..500).flat_map(|number| {
        let path = format!("/v1/resource-{number}");
        let one = Endpoint::new(format!("one {number}")).host("pay").path(format!("{path}/{{id}}"));
        [one, Endpoint::new(format!("all {number}")).host("pay").path(path)]
    });
    let endpoints = quiet(resources.chain([
        Endpoint::new("search").host("pay").path("/v1/resource-7/search"),
        Endpoint::new("deep").host("pay").path("/v1/{a}/x/{b}/{c}"),
        Endpoint::new("tail").host("pay").path("/v1/resource-7/{id}/{*rest}"),
        Endpoint::new("four").host("pay").path("/v2/{a}/{b}/{c}/{d}"),
        Endpoint::new("address").host("[0:0::1]"),
    ]));
    for (uri, expected, allocations) in [
        ("https://pay/v1/resource-7", "all 7", 0),
        ("https://pay/v1/resource-7/", "all 7", 0),
        ("https://pay/v1/resource-7/7%20a", "one 7", 0),
        ("https://pay/v1/resource-7/search", "search", 0),
        ("https://pay/v1/resource-7/searches", "one 7", 0),
        ("https://pay/v1/resource-7/x/7/8", "tail", 0),
        ("https://pay/v1/resource-8/x/7/8", "deep", 0),
        ("https://pay/v1/resource-8/y/7/8", "fallback", 0),
        ("https://[::1]/v1", "address", 0),
        ("https://elsewhere/v1/resource-7", "fallback", 0),
        // as the docs say: more than three parameters, and a path that has to be rewritten
        ("https://pay/v2/1/2/3/4", "four", 1),
        ("https://pay/v1/./resource-7", "all 7", 4),
    ] {
        assert_eq!(name(&endpoints, &Method::GET, uri), expected, "{uri}");
        let uri: Uri = uri.parse().unwrap();
        let call = || drop(endpoints.call(&Method::GET, &uri).start(Now::default(), 7));
        let count = allocation_counter::measure(call).count_total;
        assert!(count <= allocations, "{uri}: {count} allocations");
    }
}

#[test]
fn a_hundred_thousand_hosts_take_no_more_than_one_and_a_half_mebibytes() {
    let endpoints = quiet([Endpoint::new("below").host("*.internal"), Endpoint::new("v1").path("/v1/{*rest}")]);
    let crawl = || {
        for number in 0..50_000 {
            for (below, expected) in [("example", "fallback"), ("internal", "below")] {
                assert_eq!(name(&endpoints, &Method::GET, &format!("http://host-{number}.{below}/")), expected);
            }
        }
    };
    let bytes = allocation_counter::measure(crawl).bytes_max;
    println!("{bytes} bytes at most");
    assert!(bytes <= 3 << 19, "{bytes} bytes");
}

/// Nobody's name is so long, but a URL may hold one, and who gives it may be a stranger.
#[test]
fn hosts_of_sixty_kilobytes_take_no_more_than_two_mebibytes() {
    let endpoints = quiet([]);
    let crawl = || {
        for number in 0..2_000 {
            let call = start(&endpoints, &Method::GET, &format!("http://{}{number}/", "a".repeat(60_000)));
            assert_eq!(call.endpoint(), "fallback");
        }
    };
    let bytes = allocation_counter::measure(crawl).bytes_max;
    println!("{bytes} bytes at most");
    assert!(bytes <= 2 << 20, "{bytes} bytes");
}

fn attempts(max: u32) -> Policy {
    Policy::builder().max_attempts(max).build().unwrap()
}

/// Lets an attempt fail and its retry begin, or returns why there is none.
fn fails(call: &mut Call) -> Option<StopReason> {
    call.begin(Now::default()).unwrap();
    let Decision::Done(done) = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default()) else {
        call.begin(Now::from_origin(Duration::from_secs(1))).unwrap(); // else the price goes back
        return None;
    };
    done.reason()
}

/// Spends the credit and counts the retries that it paid for.
fn retries_left(endpoints: &Endpoints, uri: &str) -> usize {
    let mut waiting = Vec::new();
    loop {
        let mut call = start(endpoints, &Method::GET, uri);
        if fails(&mut call) == Some(StopReason::Budget) {
            return waiting.len();
        }
        waiting.push(call);
    }
}

#[test]
fn one_endpoint_is_switched_by_its_name_and_no_other() {
    let endpoints = Endpoints::builder()
        .endpoint(Endpoint::new("charges").path("/v1/charges"))
        .endpoint(Endpoint::new("orders").path("/v1/orders"))
        .observer(|_: &Event<'_>| {})
        .build()
        .unwrap();
    assert!(endpoints.switch_endpoint("charges", Some(Mode::Off)));
    assert!(!endpoints.switch_endpoint("v1", Some(Mode::Off)));
    let modes =
        || endpoints.snapshot(Now::default()).endpoints().iter().map(EndpointSnapshot::mode).collect::<Vec<_>>();
    assert_eq!(modes(), [Mode::Off, Mode::On]);
    for (path, retries) in [("/v1/charges", false), ("/v1/orders", true), ("/", true)] {
        let uri: Uri = format!("http://a.internal{path}").parse().unwrap();
        let mut call = endpoints.call(&Method::GET, &uri).replayable(true).start(Now::default(), 7);
        call.begin(Now::default()).unwrap();
        let decision = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default());
        assert_eq!(matches!(decision, Decision::Retry(_)), retries, "{path}");
    }
}
