//! Endpoints from a file: what it may say, what is wrong with it and what is unwise.
#![cfg(test)]
#![cfg(feature = "serde")]

use std::time::Duration;

use forbear::{
    Backoff, Call, Condition, Config, Decision, Endpoints, Event, Failure, Mode, Now, Outcome, Policy, Repeat, Rule,
};
use http::{Method, Uri};
use proptest::test_runner::Config as Cases;
use proptest::{prop_assert, proptest};
use serde_json::{Value, json};

const S: Duration = Duration::from_secs(1);

#[track_caller]
fn toml(text: &str) -> Config {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn json(value: Value) -> Config {
    serde_json::from_value(value).unwrap()
}

#[track_caller]
fn built(config: Config) -> Endpoints {
    config.into_builder().unwrap().observer(|_: &Event<'_>| {}).build().unwrap()
}

#[track_caller]
fn problems(config: Config) -> Vec<String> {
    config.into_builder().unwrap_err().problems().map(str::to_owned).collect()
}

#[track_caller]
fn start(endpoints: &Endpoints, method: &Method, uri: &str) -> Call {
    endpoints.call(method, &uri.parse::<Uri>().unwrap()).replayable(true).start(Now::default(), 7)
}

/// Lets calls fail and their retries begin, and counts for how many the credit suffices.
#[track_caller]
fn credits(endpoints: &Endpoints, uri: &str) -> usize {
    let is_retried = |_: &usize| {
        let mut call = start(endpoints, &Method::GET, uri);
        call.begin(Now::default()).unwrap();
        let decision = call.on_outcome(&Outcome::failure(Failure::Connect), Now::default());
        matches!(decision, Decision::Retry(_)) && call.begin(Now::default()).is_ok() // else the price goes back
    };
    (0..1_000).take_while(is_retried).count()
}

const EVERY_KEY: &str = r#"
mode = "observe"

[fallback]
preset = "background"
budget = "each"
mode = "on"

[budgets.each]
start = 7

[budgets."shared by two"]
start = 2.5
earn = 1

[budgets.free]
unlimited = true

[[endpoint]]
name = "charges"
host = "*.internal:443"
methods = ["POST", "PURGE"]
path = "/v1/charges/{id}"
idempotent = false
budget = "shared by two"
preset = "interactive"
mode = "on"
max_attempts = 4
max_elapsed = "1m 30s"
attempt_timeout = "500ms"
timeout = "2min"
trust_delivery = true
looks_into_bodies = false

[endpoint.rules]
unavailable = { retries = 3 }
bad_gateway = { backoff = { base = "2s" } }
gateway_timeout = { price = 2 }
rate_limited = { repeat = "idempotent" }
request_timeout = { backoff = { cap = "3s", growth = "doubling" } }
too_early = { backoff = { first_at_once = true } }
origin_unreachable = { repeat = "any" }
connect_failed = { backoff = { growth = "constant" } }
stream_refused = { backoff = { first_at_once = false } }
interrupted = { retries = 0 }
timeout = { }
internal_error = { retries = 1, backoff = { base = "1s" } }
permanent = { retries = 2, backoff = { base = "0s" }, price = 3, repeat = "any" }

[[endpoint]]
name = "search"
host = "search"
idempotent = true
budget = "shared by two"

[[endpoint]]
name = "free"
host = "free"
budget = "free"
preset = "default"
"#;

#[test]
fn every_key_does_what_code_does() {
    let from_toml: Value = toml::from_str(EVERY_KEY).unwrap();
    for endpoints in [built(toml(EVERY_KEY)), built(json(from_toml))] {
        let of = |condition| Policy::interactive().rule(condition);
        let doubling = |seconds: u32| Backoff::doubling(seconds * S);
        let charges = Policy::interactive()
            .to_builder()
            .max_attempts(4)
            .max_elapsed(90 * S)
            .attempt_timeout(S / 2)
            .timeout(120 * S)
            .trust_delivery(true)
            .looks_into_bodies(false)
            .rule(Condition::Unavailable, of(Condition::Unavailable).with_retries(3))
            .rule(Condition::BadGateway, of(Condition::BadGateway).with_backoff(doubling(2)))
            .rule(Condition::GatewayTimeout, of(Condition::GatewayTimeout).with_price(2))
            .rule(Condition::RateLimited, of(Condition::RateLimited).with_repeat(Repeat::Idempotent))
            .rule(Condition::RequestTimeout, of(Condition::RequestTimeout).with_backoff(doubling(1).with_cap(3 * S)))
            .rule(Condition::TooEarly, of(Condition::TooEarly).with_backoff(Backoff::constant(S).first_at_once()))
            .rule(Condition::OriginUnreachable, of(Condition::OriginUnreachable).with_repeat(Repeat::Any))
            .rule(Condition::ConnectFailed, of(Condition::ConnectFailed).with_backoff(Backoff::constant(S / 5)))
            .rule(Condition::StreamRefused, of(Condition::StreamRefused).with_backoff(Backoff::constant(S / 5)))
            .rule(Condition::Interrupted, of(Condition::Interrupted).with_retries(0))
            .rule(Condition::InternalError, Rule::new(1, Backoff::constant(S)))
            .rule(
                Condition::Permanent,
                Rule::new(2, Backoff::constant(Duration::ZERO)).with_price(3).with_repeat(Repeat::Any),
            )
            .build()
            .unwrap();
        let observed = |policy: Policy| policy.to_builder().mode(Mode::Observe).build().unwrap();
        let post = Method::POST;
        for (method, uri, name, policy) in [
            (&post, "https://a.internal/v1/charges/7", "charges", &charges),
            (&Method::from_bytes(b"PURGE").unwrap(), "https://a.internal/v1/charges/7", "charges", &charges),
            (&Method::GET, "https://a.internal/v1/charges/7", "fallback", &Policy::background()),
            (&post, "http://search/", "search", &observed(Policy::background())),
            (&post, "http://free/", "free", &observed(Policy::default())),
        ] {
            let call = start(&endpoints, method, uri);
            assert_eq!((call.endpoint(), call.policy()), (name, policy), "{method} {uri}");
        }
    }
}

#[test]
fn an_empty_file_is_the_default() {
    for config in [toml(""), json(json!({})), Config::default()] {
        assert!(config.warnings().is_empty());
        let endpoints = built(config);
        assert_eq!(*start(&endpoints, &Method::GET, "http://pay/").policy(), Policy::default());
        assert_eq!(credits(&endpoints, "http://pay/"), 4);
    }
}

#[test]
fn budgets_are_shared_by_name_and_each_host_of_the_fallback_has_one_like_it() {
    let endpoints = built(toml(
        r#"
        fallback.budget = "small"
        budgets.small.start = 2
        budgets.large.start = 20
        budgets.free.unlimited = true
        endpoint = [
            { name = "one", host = "one", budget = "large" },
            { name = "two", host = "two", budget = "large" },
            { name = "three", host = "three", budget = "small" },
            { name = "four", host = "four", budget = "free" },
            { name = "five", host = "five" },
        ]
        "#,
    ));
    for (host, expected) in
        [("one", 20), ("two", 0), ("three", 2), ("four", 1_000), ("five", 4), ("a", 2), ("a", 0), ("b", 2)]
    {
        assert_eq!(credits(&endpoints, &format!("http://{host}/")), expected, "{host}");
    }
}

#[test]
fn an_endpoint_starts_from_its_preset_or_from_the_fallback() {
    let endpoints = built(toml(
        r#"
        mode = "off"
        fallback = { mode = "on", max_attempts = 7, rules.timeout.retries = 0 }
        endpoint = [
            { name = "one", host = "one", rules.timeout.price = 1 },
            { name = "two", host = "two", preset = "default", rules.timeout.price = 1 },
        ]
        "#,
    ));
    let policy = |host: &str| start(&endpoints, &Method::GET, &format!("http://{host}/")).policy().clone();
    let summary = |policy: &Policy| {
        let rule = policy.rule(Condition::Timeout);
        (policy.mode(), policy.max_attempts(), rule.retries(), rule.price())
    };
    assert_eq!(summary(&policy("one")), (Mode::Off, 7, 0, 1));
    assert_eq!(summary(&policy("two")), (Mode::Off, 3, 1, 1));
    assert_eq!(summary(&policy("others")), (Mode::On, 7, 0, 4));
}

#[test]
fn every_wrong_value_is_named_with_its_place_and_with_what_it_must_be() {
    const DURATION: &str = r#"be a duration with its unit, such as "2s" or "500ms""#;
    const ATTEMPTS: &str = "be a whole number from 1 to 4294967295";
    const RULE: &str = r#"endpoint[0] "a".rules.bad_gateway"#;
    let whole = "be a whole number from 0 to 4294967295";
    let flag = "be true or false";
    // what stands at `KEY` of an endpoint, the place, the value, what it must
    for (line, place, value, must) in [
        ("max_attempts = 0", r#"endpoint[0] "a".max_attempts"#, "0", ATTEMPTS),
        ("max_attempts = -1", r#"endpoint[0] "a".max_attempts"#, "-1", ATTEMPTS),
        ("max_attempts = 1.5", r#"endpoint[0] "a".max_attempts"#, "1.5", ATTEMPTS),
        ("max_attempts = nan", r#"endpoint[0] "a".max_attempts"#, "NaN", ATTEMPTS),
        ("max_attempts = 4294967296", r#"endpoint[0] "a".max_attempts"#, "4294967296", ATTEMPTS),
        ("max_attempts = 99999999999999999999", r#"endpoint[0] "a".max_attempts"#, "99999999999999999999", ATTEMPTS),
        ("max_attempts = \"2\"", r#"endpoint[0] "a".max_attempts"#, "\"2\"", ATTEMPTS),
        ("max_elapsed = 5", r#"endpoint[0] "a".max_elapsed"#, "5", DURATION),
        ("max_elapsed = 0.5", r#"endpoint[0] "a".max_elapsed"#, "0.5", DURATION),
        ("max_elapsed = \"5\"", r#"endpoint[0] "a".max_elapsed"#, "\"5\"", DURATION),
        ("max_elapsed = \"0\"", r#"endpoint[0] "a".max_elapsed"#, "\"0\"", DURATION),
        ("max_elapsed = \"-5s\"", r#"endpoint[0] "a".max_elapsed"#, "\"-5s\"", DURATION),
        ("max_elapsed = \"5 parsecs\"", r#"endpoint[0] "a".max_elapsed"#, "\"5 parsecs\"", DURATION),
        ("max_elapsed = \"\"", r#"endpoint[0] "a".max_elapsed"#, "\"\"", DURATION),
        (
            "max_elapsed = \"99999999999999999999s\"",
            r#"endpoint[0] "a".max_elapsed"#,
            "\"99999999999999999999s\"",
            r#"be whole nanoseconds and at most "18446744073709551615s""#,
        ),
        ("timeout = \"0s\"", r#"endpoint[0] "a".timeout"#, "\"0s\"", "be longer than zero"),
        ("attempt_timeout = \"0ms\"", r#"endpoint[0] "a".attempt_timeout"#, "\"0ms\"", "be longer than zero"),
        ("attempt_timeout = true", r#"endpoint[0] "a".attempt_timeout"#, "true", DURATION),
        (
            "preset = \"eager\"",
            r#"endpoint[0] "a".preset"#,
            "\"eager\"",
            r#"be one of "default", "interactive", "background""#,
        ),
        ("mode = false", r#"endpoint[0] "a".mode"#, "false", r#"be one of "on", "observe", "off""#),
        ("trust_delivery = \"yes\"", r#"endpoint[0] "a".trust_delivery"#, "\"yes\"", flag),
        ("looks_into_bodies = 0", r#"endpoint[0] "a".looks_into_bodies"#, "0", flag),
        ("idempotent = 1", r#"endpoint[0] "a".idempotent"#, "1", flag),
        ("host = 7", r#"endpoint[0] "a".host"#, "7", "be a text"),
        (
            "host = \"\"",
            r#"endpoint[0] "a".host"#,
            "\"\"",
            "be a name of at most 253 letters, digits, `-`, `_` and single dots, or `*.` and one",
        ),
        ("host = \"http://u:w@pay/v1\"", r#"endpoint[0] "a".host"#, "\"…@pay/v1\"", r#"be a host alone: write "pay""#),
        (
            "host = \"10.1\"",
            r#"endpoint[0] "a".host"#,
            "\"10.1\"",
            "be four decimal numbers up to 255 if it ends in one",
        ),
        ("path = \"v1\"", r#"endpoint[0] "a".path"#, "\"v1\"", "begin with `/`"),
        ("path = true", r#"endpoint[0] "a".path"#, "true", "be a text"),
        (
            "methods = [\"GET\", \"get\"]",
            r#"endpoint[0] "a".methods[1]"#,
            "\"get\"",
            r#"be "GET": letter case tells methods apart"#,
        ),
        ("methods = [\"G T\"]", r#"endpoint[0] "a".methods[0]"#, "\"G T\"", r#"be a method, such as "POST""#),
        ("methods = [\"\"]", r#"endpoint[0] "a".methods[0]"#, "\"\"", r#"be a method, such as "POST""#),
        ("methods = [7]", r#"endpoint[0] "a".methods[0]"#, "7", "be a text"),
        ("budget = \"none\"", r#"endpoint[0] "a".budget"#, "\"none\"", r#"be a name under `budgets`: there is "it""#),
        ("budget = 7", r#"endpoint[0] "a".budget"#, "7", r#"be a name under `budgets`: there is "it""#),
        ("rules.bad_gateway.retries = -1", &format!("{RULE}.retries"), "-1", whole),
        ("rules.bad_gateway.price = 0.5", &format!("{RULE}.price"), "0.5", whole),
        (
            "rules.bad_gateway.repeat = \"all\"",
            &format!("{RULE}.repeat"),
            "\"all\"",
            r#"be one of "idempotent", "any""#,
        ),
        ("rules.bad_gateway.backoff.base = 1", &format!("{RULE}.backoff.base"), "1", DURATION),
        (
            "rules.bad_gateway.backoff.base = \"30s\"",
            &format!("{RULE}.backoff.base"),
            "\"30s\"",
            "be at most the cap, 20s",
        ),
        (
            "rules.bad_gateway.backoff.cap = \"1ms\"",
            &format!("{RULE}.backoff.cap"),
            "\"1ms\"",
            "be at least the base, 1s",
        ),
        (
            "rules.bad_gateway.backoff = { base = \"3s\", cap = \"2s\" }",
            &format!("{RULE}.backoff.base"),
            "\"3s\"",
            "be at most the cap, 2s",
        ),
        (
            "rules.bad_gateway.backoff.growth = \"linear\"",
            &format!("{RULE}.backoff.growth"),
            "\"linear\"",
            r#"be one of "doubling", "constant""#,
        ),
        ("rules.bad_gateway.backoff.first_at_once = 1", &format!("{RULE}.backoff.first_at_once"), "1", flag),
    ] {
        let text = format!("[budgets.it]\n[[endpoint]]\nname = \"a\"\n{line}");
        let expected = [format!("{place} is {value}, but must {must}")];
        assert_eq!(problems(toml(&text)), expected, "{line}");
        if !line.ends_with("nan") && !line.ends_with("9999") {
            assert_eq!(problems(json(toml::from_str(&text).unwrap())), expected, "{line} in JSON");
        }
    }
}

#[test]
fn every_problem_of_a_file_is_said_at_once() {
    let long = "x".repeat(101);
    let file = json!({
        "mode": "of",
        "budgets": {
            "": {},
            "a\nb": { "start": 0 },
            "both": { "unlimited": true, "start": 7 },
            "numbers": { "start": -1, "earn": 1.5 },
            "texts": { "start": "5", "unlimited": "no" },
        },
        "fallback": {
            "name": "others", "host": "pay", "methods": [], "path": "/", "idempotent": true,
            "budget": "both", "timeout": 2,
        },
        "endpoint": [
            { "host": "https://pay/v1", "max_attempts": 0, "timeout": "0s" },
            { "name": "", "methods": [], "host": "d" },
            { "name": 7, "host": "e" },
            { "name": "fallback", "host": "f" },
            { "name": long, "host": "g" },
            { "name": "one", "host": "pay" },
            { "name": "one", "host": "pay2" },
            { "name": "two", "host": "PAY.", "path": "/{*rest}" },
            { "name": "any", "host": "*" },
            { "name": "late", "rules": { "internal_error": { "retries": 1 } }, "host": "late" },
        ],
    });
    assert_eq!(
        problems(json(file)),
        [
            r#"mode is "of", but must be one of "on", "observe", "off""#,
            r#"budgets."": its name must be 1 to 100 characters long, all of them printed ones"#,
            r#"budgets."a\nb": its name must be 1 to 100 characters long, all of them printed ones"#,
            r#"budgets."a\nb".start is 0, but must be 1 to 10000"#,
            "budgets.both.start is 7, but must be left out where there is no limit",
            "budgets.numbers.start is -1, but must be 1 to 10000",
            "budgets.numbers.earn is 1.5, but must be 0 to 1",
            r#"budgets.texts.unlimited is "no", but must be true or false"#,
            r#"budgets.texts.start is "5", but must be a number"#,
            "fallback.name must be left out: it is for what no endpoint is for",
            "fallback.host must be left out: it is for what no endpoint is for",
            "fallback.methods must be left out: it is for what no endpoint is for",
            "fallback.path must be left out: it is for what no endpoint is for",
            "fallback.idempotent must be left out: it is for what no endpoint is for",
            r#"fallback.timeout is 2, but must be a duration with its unit, such as "2s" or "500ms""#,
            r#"fallback.budget is "both", but must have a limit: what any host may do is not known"#,
            "endpoint[0].name is missing, but must be there",
            "endpoint[0].max_attempts is 0, but must be a whole number from 1 to 4294967295",
            r#"endpoint[0].timeout is "0s", but must be longer than zero"#,
            r#"endpoint[1] "".methods is empty, but must be left out to mean all methods"#,
            "endpoint[2].name is 7, but must be a text",
            r#"endpoint[9] "late".rules.internal_error.backoff.base is missing, but must be there: there is none to keep"#,
            r#"endpoint[0].host is "https://pay/v1", but must be a host alone: write "pay""#,
            r#"endpoint[1] "".name is "", but must be 1 to 100 characters long, all of them printed ones"#,
            r#"endpoint[3] "fallback".name is "fallback", but must be another: it is that of the fallback"#,
            &format!(
                r#"endpoint[4] "{long}".name is "{long}", but must be 1 to 100 characters long, all of them printed ones"#
            ),
            r#"endpoint[6] "one".name is "one", but must be unlike all others"#,
            r#"endpoint[7] "two": for all methods, PAY., /{*rest}, it cannot be told apart from endpoint "one": one must have another host, path or method"#,
            r#"endpoint[8] "any".host is "*", but must be left out to mean any host"#,
        ]
    );
    let none = json(json!({ "endpoint": [{ "name": "a", "budget": "payments" }] }));
    assert_eq!(
        none.into_builder().unwrap_err().to_string(),
        r#"endpoint[0] "a".budget is "payments", but must be a name under `budgets`: there is none"#
    );
}

#[test]
fn a_wrong_key_is_told_with_its_line_and_with_the_right_ones() {
    const TOP: &str = "expected one of `mode`, `fallback`, `budgets`, `endpoint`";
    let conditions: Vec<String> = Condition::ALL.iter().map(|condition| format!("`{condition}`")).collect();
    let conditions = format!("unknown field `bad_gatway`, expected one of {}", conditions.join(", "));
    for (text, line, expected) in [
        ("\nmod = \"on\"", 2, format!("unknown field `mod`, {TOP}")),
        ("[[endpoints]]", 1, format!("unknown field `endpoints`, {TOP}")),
        ("[fallback]\npresett = \"x\"", 2, "unknown field `presett`, expected one of `name`,".to_owned()),
        ("[fallback.rules.timeout]\nretry = 1", 2, "unknown field `retry`, expected one of `retries`,".to_owned()),
        ("[budgets.a]\nstrat = 1", 2, "unknown field `strat`, expected one of `start`, `earn`, `unlimited`".to_owned()),
        ("[[endpoint]]\nname = \"a\"\nrules.bad_gatway.retries = 1", 3, conditions),
        ("[fallback]\ntimeout = [2]", 2, "expected a text, a number, true or false".to_owned()),
        ("[[endpoint]]\nmethods = \"GET\"", 2, "invalid type: string \"GET\", expected a sequence".to_owned()),
    ] {
        let error = toml::from_str::<Config>(text).unwrap_err().to_string();
        assert!(error.contains(&format!("at line {line}, column")), "{text}: {error}");
        assert!(error.contains(&expected), "{text}: {error}");
        let value: Value = toml::from_str(text).unwrap();
        let error = serde_json::from_str::<Config>(&serde_json::to_string_pretty(&value).unwrap()).unwrap_err();
        assert!(error.to_string().contains(&expected), "{text}: {error}");
        assert!(error.line() > 1 && error.to_string().contains(" at line "), "{text}: {error}");
    }
    for (text, expected) in [
        (r#"{ "budgets": { "a": {}, "a": {} } }"#, "a key is there twice in one table at line 1 column 27"),
        (r#"{ "fallback": { "mode": "on", "mode": "on" } }"#, "duplicate field `mode` at line 1 column 36"),
    ] {
        assert_eq!(serde_json::from_str::<Config>(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_is_unwise_is_a_warning_where_it_is_said() {
    // the fallback and one endpoint
    for (file, expected) in [
        (r#"budgets.a.start = 9"#, &["budgets.a is used by no endpoint"][..]),
        (
            "budgets.a.unlimited = true\nendpoint = [{ name = \"e\", budget = \"a\" }]",
            &["budgets.a has no limit: when all calls fail, their retries multiply the load of the server"],
        ),
        (
            "budgets.a.start = 2\nendpoint = [{ name = \"e\", budget = \"a\", rules.unavailable.price = 3 }]",
            &[
                r#"endpoint[0] "e".rules.unavailable.price is 3, but counts as 2, with which its budget starts"#,
                r#"endpoint[0] "e".budget starts with 2, below the price of gateway_timeout, timeout"#,
            ],
        ),
        (
            "fallback.rules.timeout.price = 6",
            &["fallback.rules.timeout.price is 6, but counts as 4, with which its budget starts"],
        ),
        ("fallback.rules.timeout = { retries = 0, price = 6 }", &[]),
        (
            r#"fallback.rules.bad_gateway.retries = 3"#,
            &["fallback.rules.bad_gateway.retries is 3, but max_attempts leaves room for 2"],
        ),
        ("fallback.max_attempts = 5", &["fallback.max_attempts is 5, but no rule has more than 2 retries"]),
        ("fallback = { max_attempts = 5, rules.unavailable.retries = 4 }", &[]),
        ("fallback = { max_attempts = 1, max_elapsed = \"0s\" }", &[]),
        (
            r#"fallback = { attempt_timeout = "5s", timeout = "4s" }"#,
            &["fallback.attempt_timeout, 5s, is never reached: timeout is 4s"],
        ),
        (r#"fallback = { attempt_timeout = "4s", timeout = "4s" }"#, &[]),
        (
            r#"fallback.max_elapsed = "999ms""#,
            &["fallback.max_elapsed is too short for any retry of gateway_timeout, timeout"],
        ),
        (r#"fallback.max_elapsed = "1s""#, &[]),
        (
            r#"fallback.timeout = "1s""#, // to start when it is over is of no use
            &["fallback.timeout is too short for any retry of gateway_timeout, timeout"],
        ),
        (
            r#"fallback = { max_elapsed = "14s", rules.bad_gateway.backoff.base = "10s" }"#,
            &["fallback.rules.bad_gateway: of 2 retries, 1 can fit into max_elapsed"],
        ),
        (r#"fallback = { max_elapsed = "15s", rules.bad_gateway.backoff.base = "10s" }"#, &[]),
        (
            "fallback.timeout = \"1s\"\nendpoint = [{ name = \"e\", max_attempts = 2 }]", // said once
            &["fallback.timeout is too short for any retry of gateway_timeout, timeout"],
        ),
        ("fallback.preset = \"interactive\"", &[]),
        ("fallback.preset = \"background\"", &[]),
        ("endpoint = [{ name = \"e\", methods = [\"POST\"], idempotent = true }]", &[]),
    ] {
        let config = toml(file);
        assert_eq!(config.warnings(), expected, "{file}");
        assert!(config.into_builder().is_ok(), "{file}");
    }
}

#[test]
fn the_file_of_the_readme_does_what_it_says() {
    let readme = include_str!("../README.md");
    let file = readme
        .split("```toml\n")
        .find_map(|block| block.split_once("```").filter(|(file, _)| file.contains("[[endpoint]]")));
    let (file, _) = file.expect("the README has a file");
    let config = toml(file);
    assert_eq!(config.warnings(), [""; 0]);
    let endpoints = built(config);
    let charge = start(&endpoints, &Method::POST, "https://payments.internal/v1/charges/7");
    assert_eq!((charge.endpoint(), charge.url_template()), ("charges", Some("/v1/charges/{id}")));
    let rule = Policy::interactive().rule(Condition::BadGateway);
    let expected = Policy::interactive()
        .to_builder()
        .attempt_timeout(2 * S)
        .rule(Condition::BadGateway, rule.with_retries(1).with_backoff(Backoff::doubling(S).with_cap(5 * S)))
        .build();
    assert_eq!(*charge.policy(), expected.unwrap());
    let other = start(&endpoints, &Method::GET, "https://payments.internal/v1/charges/7");
    assert_eq!((other.endpoint(), other.policy()), ("fallback", &Policy::interactive()));
}

proptest! {
    #![proptest_config(Cases { failure_persistence: None, ..Cases::default() })]

    #[test]
    fn no_file_panics(
        key in "[a-z_]{1,20}|mode|max_attempts|max_elapsed|timeout|preset|host|path|budget|name|idempotent",
        rule in "retries|price|repeat|backoff = \\{ base|backoff = \\{ cap",
        value in "\"\\PC{0,12}\"|-?[0-9]{1,25}|-?(nan|inf)|[0-9]{1,3}\\.[0-9]e[0-9]{1,3}|\"[0-9]{1,20}(ns|s|years)\"|true|\\[\\]",
    ) {
        let brace = if rule.contains('{') { "}" } else { "" };
        for text in [
            format!("mode = {value}"),
            format!("budgets.a = {{ start = {value}, earn = {value} }}\nfallback.{key} = {value}"),
            format!("endpoint = [{{ name = \"a\", {key} = {value} }}, {{ {key} = {value} }}]"),
            format!("fallback.rules.timeout = {{ {rule} = {value} {brace} }}\nendpoint = [{{ name = {value} }}]"),
            value.clone(),
        ] {
            let Ok(config) = toml::from_str::<Config>(&text) else { continue };
            let _warnings = config.warnings();
            match config.into_builder() {
                Ok(builder) => prop_assert!(builder.build().is_ok(), "{}", text),
                Err(error) => prop_assert!(error.problems().all(|problem| !problem.contains('\n')), "{}", error),
            }
        }
    }
}
