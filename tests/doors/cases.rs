//! The table: what the server does, and what must come of it.

use std::net::SocketAddr;
use std::time::Duration;

use forbear::{Backoff, Budget, Condition, Diagnosis, Endpoints, Event, Mode, Outcome, Policy, PolicyBuilder, Ruling};
use http::{Method, Request};

use crate::door::{BLOCKING, HYPER, MIDDLEWARE, TOWER, TOWER_REQWEST, UREQ};
use crate::server::Answer::{self, Closes, Resets, Responds, Stalls, Writes};

/// One call.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    method: Method,
    key: Option<&'static str>,
    asks_for_json: bool,
    body: &'static str,
    policy: fn(PolicyBuilder) -> PolicyBuilder,
    /// Of the budget at its start.
    credit: f64,
    /// None where nobody listens.
    pub(crate) answers: &'static [Answer],
    pub(crate) story: &'static str,
    /// Where a door cannot do as the others: what comes there, and why.
    pub(crate) except: &'static [(&'static [&'static str], &'static str, &'static str)],
}

const OK: Answer = Responds(200, &[], "done");
const BUSY: Answer = Responds(503, &[], "busy");
const LOST: Answer = Responds(502, &[], "lost");

const GET: Case = Case {
    name: "",
    method: Method::GET,
    key: None,
    asks_for_json: false,
    body: "",
    policy: |policy| policy,
    credit: 4.0,
    answers: &[],
    story: "",
    except: &[],
};
const POST: Case = Case { method: Method::POST, body: "an order", ..GET };

const NO_BODY: &str = "it does not look into bodies";
const NO_BODIES: [&str; 2] = [BLOCKING, TOWER];
const MOVED: Answer = Responds(307, &["location: /v1/orders/7?q=1"], "");
const NO_REDIRECTS: &str = "nothing below it follows redirects";
const NOT_REDIRECTED: [&str; 5] = [HYPER, UREQ, TOWER, TOWER_REQWEST, MIDDLEWARE];

pub(crate) const CASES: &[Case] = &[
    Case { name: "success", answers: &[OK], story: "200", ..GET },
    Case { name: "an answer", answers: &[Responds(404, &[], "no such order")], story: "404", ..GET },
    Case { name: "503 once", answers: &[BUSY, OK], story: "503 unavailable, 200", ..GET },
    Case {
        name: "503 for good",
        answers: &[BUSY, BUSY, BUSY],
        story: "503 unavailable, 503 unavailable, 503 unavailable; rule_attempts",
        ..GET
    },
    Case { name: "502 once", answers: &[LOST, OK], story: "502 bad_gateway, 200", ..GET },
    Case {
        name: "502 for good",
        answers: &[LOST, LOST, LOST],
        story: "502 bad_gateway, 502 bad_gateway, 502 bad_gateway; rule_attempts",
        ..GET
    },
    Case {
        name: "one, then the other",
        answers: &[LOST, BUSY, OK],
        story: "502 bad_gateway, 503 unavailable, 200",
        ..GET
    },
    Case {
        name: "504 for good",
        answers: &[Responds(504, &[], ""), Responds(504, &[], "")],
        story: "504 gateway_timeout, 504 gateway_timeout; rule_attempts",
        ..GET
    },
    Case { name: "500", answers: &[Responds(500, &[], "a bug")], story: "500 internal_error; no_retries", ..GET },
    Case { name: "501", answers: &[Responds(501, &[], "")], story: "501 permanent; no_retries", ..GET },
    Case { name: "408", answers: &[Responds(408, &[], ""), OK], story: "408 request_timeout, 200", ..GET },
    Case { name: "425 to a POST", answers: &[Responds(425, &[], ""), OK], story: "425 too_early, 200", ..POST },
    Case { name: "429", answers: &[Responds(429, &[], ""), OK], story: "429 rate_limited, 200", ..GET },
    Case { name: "429 to a POST", answers: &[Responds(429, &[], ""), OK], story: "429 rate_limited, 200", ..POST },
    Case { name: "503 to a POST", answers: &[BUSY], story: "503 unavailable; not_safe_to_repeat", ..POST },
    Case {
        name: "503 to a POST with a key",
        key: Some("7"),
        answers: &[BUSY, OK],
        story: "503 unavailable, 200",
        ..POST
    },
    Case {
        name: "503 to a POST with an empty key",
        key: Some(""),
        answers: &[BUSY],
        story: "503 unavailable; not_safe_to_repeat",
        ..POST
    },
    Case { name: "503 to a PUT", method: Method::PUT, answers: &[BUSY, OK], story: "503 unavailable, 200", ..POST },
    Case {
        name: "503 to an empty PUT",
        method: Method::PUT,
        answers: &[BUSY, OK],
        story: "503 unavailable, 200",
        ..GET
    },
    Case {
        name: "502 to a PATCH",
        method: Method::PATCH,
        answers: &[LOST],
        story: "502 bad_gateway; not_safe_to_repeat",
        ..POST
    },
    Case {
        name: "503 to a DELETE",
        method: Method::DELETE,
        answers: &[BUSY, OK],
        story: "503 unavailable, 200",
        ..GET
    },
    Case {
        name: "503 to a HEAD",
        method: Method::HEAD,
        answers: &[Responds(503, &["content-length: 4"], ""), Responds(200, &["content-length: 4"], "")],
        story: "503 unavailable, 200",
        ..GET
    },
    Case {
        name: "a hint in milliseconds",
        answers: &[Responds(503, &["retry-after-ms: 20"], ""), OK],
        story: "503 unavailable hint 20ms, 200",
        ..GET
    },
    Case {
        name: "a quota that is reset",
        answers: &[Responds(429, &["x-ratelimit-reset-after: 0.02"], ""), OK],
        story: "429 rate_limited hint 20ms, 200",
        ..GET
    },
    Case {
        name: "no hint to speak of",
        answers: &[Responds(503, &["retry-after: 0"], ""), OK],
        story: "503 unavailable hint 0ns, 200",
        ..GET
    },
    Case {
        name: "a hint that is none",
        answers: &[Responds(503, &["retry-after: soon"], ""), OK],
        story: "503 unavailable hint malformed, 200",
        ..GET
    },
    Case {
        name: "a hint that is too long",
        answers: &[Responds(503, &["retry-after: 61"], "come back later")],
        story: "503 unavailable hint 61s; hint_too_long",
        ..GET
    },
    Case { name: "refused", story: "- connect_failed, - connect_failed, - connect_failed; rule_attempts", ..GET },
    Case {
        name: "a POST refused",
        story: "- connect_failed, - connect_failed, - connect_failed; rule_attempts",
        ..POST
    },
    Case { name: "closed", answers: &[Closes, OK], story: "- interrupted, 200", ..GET },
    Case { name: "a POST closed", answers: &[Closes], story: "- interrupted; not_safe_to_repeat", ..POST },
    Case { name: "reset", answers: &[Resets, OK], story: "- interrupted, 200", ..GET },
    Case { name: "no HTTP", answers: &[Writes("220 mail.internal ready\r\n"), OK], story: "- interrupted, 200", ..GET },
    Case { name: "half a head", answers: &[Writes("HTTP/1.1 200 OK\r\nserv"), OK], story: "- interrupted, 200", ..GET },
    Case {
        name: "no answer in time",
        policy: |policy| policy.attempt_timeout(BRIEF),
        answers: &[Stalls, OK],
        story: "- timeout, 200",
        ..GET
    },
    Case {
        name: "no answer to a POST in time",
        policy: |policy| policy.attempt_timeout(BRIEF),
        answers: &[Stalls],
        story: "- timeout; not_safe_to_repeat",
        ..POST
    },
    Case {
        name: "one attempt",
        policy: |policy| policy.max_attempts(1),
        answers: &[BUSY],
        story: "503 unavailable; attempts",
        ..GET
    },
    Case {
        name: "no time",
        policy: |policy| policy.max_elapsed(Duration::ZERO),
        answers: &[BUSY],
        story: "503 unavailable; no_time_left",
        ..GET
    },
    Case {
        name: "no credit",
        credit: 1.0,
        answers: &[BUSY, BUSY],
        story: "503 unavailable, 503 unavailable; budget",
        ..GET
    },
    Case {
        name: "observed",
        policy: |policy| policy.mode(Mode::Observe),
        answers: &[BUSY],
        story: "503 unavailable; observe",
        ..GET
    },
    Case { name: "off", policy: |policy| policy.mode(Mode::Off), answers: &[BUSY], story: "503", ..GET },
    Case {
        name: "the server forbids it",
        answers: &[Responds(503, &["x-should-retry: false"], "")],
        story: "503 unavailable; server_forbids",
        ..GET
    },
    Case {
        name: "the server wishes it",
        answers: &[Responds(409, &["x-should-retry: true"], ""), OK],
        story: "409 unavailable, 200",
        ..GET
    },
    Case {
        name: "a proxy that was refused",
        answers: &[Responds(503, &["proxy-status: edge; error=connection_refused"], "")],
        story: "503 bad_gateway by proxy; not_safe_to_repeat",
        ..POST
    },
    Case {
        name: "a proxy that was refused, and is trusted",
        policy: |policy| policy.trust_delivery(true),
        answers: &[Responds(503, &["proxy-status: edge; error=connection_refused"], ""), OK],
        story: "503 bad_gateway by proxy, 200",
        ..POST
    },
    Case {
        name: "a proxy whose server has a wrong certificate",
        answers: &[Responds(502, &["proxy-status: edge; error=tls_certificate_error"], "")],
        story: "502 permanent by proxy; no_retries",
        ..GET
    },
    Case {
        name: "a challenge",
        answers: &[Responds(403, &["cf-mitigated: challenge"], "")],
        story: "403 permanent by cloudflare; no_retries",
        ..GET
    },
    Case {
        name: "the page of a proxy",
        answers: &[Responds(502, &["content-type: text/html"], NGINX), OK],
        story: "502 bad_gateway by nginx, 200",
        except: &[(&NO_BODIES, "502 bad_gateway, 200", NO_BODY)],
        ..GET
    },
    Case {
        name: "a page instead of JSON",
        asks_for_json: true,
        answers: &[Responds(502, &["content-type: text/html"], "<h1>Sorry</h1>"), OK],
        story: "502 bad_gateway by proxy, 200",
        ..GET
    },
    Case {
        name: "a date that is past",
        answers: &[
            Responds(503, &["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:49:00 GMT"], ""),
            OK,
        ],
        story: "503 unavailable hint 0ns, 200",
        ..GET
    },
    Case {
        name: "redirected",
        answers: &[MOVED, BUSY, MOVED, OK],
        story: "503 unavailable, 200",
        except: &[(&NOT_REDIRECTED, "307", NO_REDIRECTS)],
        ..GET
    },
    Case {
        name: "a POST redirected to where nothing was done",
        answers: &[MOVED, Responds(429, &[], "")],
        story: "429 rate_limited; not_safe_to_repeat",
        except: &[(&NOT_REDIRECTED, "307", NO_REDIRECTS)],
        ..POST
    },
    Case {
        name: "the time of the call",
        policy: |policy| policy.timeout(BRIEF),
        answers: &[Responds(503, &["retry-after-ms: 400"], "")],
        story: "503 unavailable hint 400ms; hint_too_long",
        ..GET
    },
    Case {
        name: "a code in a body",
        policy: |policy| policy.classify(throttled),
        answers: &[Responds(400, &[], r#"{"code": "ThrottlingException"}"#), OK],
        story: "400 rate_limited, 200",
        except: &[(&NO_BODIES, "400", NO_BODY)],
        ..GET
    },
    Case {
        name: "a status with a meaning of its own",
        policy: |policy| policy.classify(busy),
        answers: &[Responds(409, &[], "busy"), OK],
        story: "409 unavailable, 200",
        ..GET
    },
];

const NGINX: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
/// Long enough for an answer on a busy machine.
const BRIEF: Duration = Duration::from_millis(300);

fn throttled(outcome: &Outcome<'_>, _: &Diagnosis) -> Ruling {
    let code = br#""ThrottlingException""#;
    let is_throttled = outcome.body_start().windows(code.len()).any(|window| window == code);
    if is_throttled { Ruling::Is(Condition::RateLimited) } else { Ruling::AsDiagnosed }
}

fn busy(outcome: &Outcome<'_>, _: &Diagnosis) -> Ruling {
    let is_conflict = outcome.status().is_some_and(|status| status.as_u16() == 409);
    if is_conflict { Ruling::Is(Condition::Unavailable) } else { Ruling::AsDiagnosed }
}

impl Case {
    /// The default policy with waits of a few milliseconds, as the case has it.
    pub(crate) fn endpoints(&self) -> Endpoints {
        let mut policy = Policy::builder();
        for condition in Condition::ALL {
            let rule = Policy::default().rule(condition);
            if rule.retries() > 0 {
                policy = policy.rule(condition, rule.with_backoff(Backoff::constant(Duration::from_millis(8))));
            }
        }
        let policy = (self.policy)(policy).build().unwrap();
        let budget = Budget::builder().start(self.credit);
        Endpoints::builder().fallback(policy).fallback_budget(budget).observer(|_: &Event<'_>| {}).build().unwrap()
    }

    pub(crate) fn request(&self, address: SocketAddr) -> Request<Vec<u8>> {
        let mut request = Request::builder().method(&self.method).uri(format!("http://{address}/v1/orders/7?q=1"));
        if let Some(key) = self.key {
            request = request.header("idempotency-key", key);
        }
        if self.asks_for_json {
            request = request.header("accept", "application/json");
        }
        request.body(self.body.into()).unwrap()
    }

    pub(crate) fn expected(&self, door: &str) -> &'static str {
        let except = self.except.iter().find(|(doors, _, _)| doors.contains(&door));
        except.map_or(self.story, |(_, story, _)| story)
    }

    /// How many of so many requests were followed by another as they were redirected.
    pub(crate) fn redirects(&self, requests: usize) -> usize {
        let answers = &self.answers[..requests.saturating_sub(1)];
        answers.iter().filter(|answer| matches!(answer, Responds(300..400, ..))).count()
    }

    /// The response to the last of so many requests.
    pub(crate) fn body(&self, requests: usize) -> Option<(u16, &'static [u8])> {
        match self.answers.get(requests.checked_sub(1)?)? {
            Responds(status, _, body) => Some((*status, body.as_bytes())),
            Closes | Resets | Writes(_) | Stalls => None,
        }
    }
}
