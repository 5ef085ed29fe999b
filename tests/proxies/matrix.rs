//! What each case before each proxy is to be diagnosed as, and how often the application is to have seen the request.

use forbear::Condition::{
    self, BadGateway, GatewayTimeout, InternalError, Interrupted, Permanent, RateLimited, Timeout, Unavailable,
};
use forbear::Confidence::{self, Proven, Status, Strong, Weak};
use forbear::Delivery::{self, NotDelivered, Processed, Unknown};
use forbear::Diagnosis;
use forbear::Issuer::{self, Apache, Caddy, Envoy, HaProxy, Nginx, Squid, Traefik, TrafficServer, Varnish};
use forbear::LookAt::{self, Application, Capacity, Infrastructure, Mixed};
use http::Method;

use crate::case::Case::{
    self, Answers429, Answers500, Answers502, Answers503, Back, BesideClose, BesideRefuse, BlackHole, Close, CloseKept,
    CrashLoop, Drains, EndlessHeader, FastCgi, Garbage, Gone, HalfBody, HalfHead, Killed, KilledKept, Limit,
    Maintenance, Refuse, Reset, Sheds, Silence, WrongPort,
};
use crate::observe::{Observed, observed};

/// One expectation of one proxy, or of all, in some cases.
#[derive(Clone)]
struct Row {
    proxy: &'static str,
    methods: &'static [Method],
    cases: &'static [Case],
    diagnosed: Option<Diagnosed>,
    seen: usize,
    /// Why nobody is named.
    why: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Diagnosed {
    condition: Condition,
    by: (Issuer, Confidence),
    delivery: Delivery,
    look_at: LookAt,
}

#[expect(clippy::too_many_arguments, reason = "a table has many columns")]
const fn row(
    proxy: &'static str,
    methods: &'static [Method],
    cases: &'static [Case],
    condition: Condition,
    by: (Issuer, Confidence),
    delivery: Delivery,
    look_at: LookAt,
    seen: usize,
) -> Row {
    Row { proxy, methods, cases, diagnosed: Some(Diagnosed { condition, by, delivery, look_at }), seen, why: None }
}

/// Nobody is named, for a reason.
const fn unmarked(
    proxy: &'static str,
    methods: &'static [Method],
    cases: &'static [Case],
    condition: Condition,
    look_at: LookAt,
    seen: usize,
    why: &'static str,
) -> Row {
    let row = row(proxy, methods, cases, condition, (Issuer::Unknown, Status), Unknown, look_at, seen);
    Row { why: Some(why), ..row }
}

/// Nothing is wrong, as far as the head of the response tells.
const fn well(proxy: &'static str, methods: &'static [Method], cases: &'static [Case], seen: usize) -> Row {
    Row { proxy, methods, cases, diagnosed: None, seen, why: None }
}

const ALL: &str = "all";
const BOTH: &[Method] = &[Method::GET, Method::POST];
const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const APPLICATION: (Issuer, Confidence) = (Issuer::Application, Weak);

#[rustfmt::skip] // a table has a line for each row
const MATRIX: &[Row] = &[
    well(ALL, BOTH, &[Back, HalfBody], 1),
    row(ALL, BOTH, &[Answers500], InternalError, APPLICATION, Unknown, Application, 1),
    row(ALL, BOTH, &[Answers502], BadGateway, APPLICATION, Unknown, Application, 1),
    row(ALL, BOTH, &[Answers503, Sheds], Unavailable, APPLICATION, Unknown, Application, 1),
    row(ALL, BOTH, &[Answers429], RateLimited, APPLICATION, Unknown, Capacity, 1),

    row("nginx", BOTH, &[Refuse, Gone, Drains, WrongPort], BadGateway, (Nginx, Strong), Unknown, Infrastructure, 0),
    row("nginx", BOTH, &[BlackHole], GatewayTimeout, (Nginx, Strong), Unknown, Mixed, 0),
    row("nginx", BOTH, &[Killed, KilledKept, CrashLoop, Close, CloseKept, Reset, HalfHead, EndlessHeader], BadGateway, (Nginx, Strong), Unknown, Infrastructure, 1),
    unmarked("nginx", BOTH, &[Garbage], Interrupted, Mixed, 1, "it passes on what is no HTTP, and nothing of its own"),
    row("nginx", BOTH, &[Silence], GatewayTimeout, (Nginx, Strong), Unknown, Mixed, 1),
    row("nginx", BOTH, &[Maintenance, Limit], Unavailable, (Nginx, Strong), Unknown, Mixed, 0),
    well("nginx", BOTH, &[BesideRefuse], 0),
    well("nginx", GET, &[BesideClose], 1),
    row("nginx", POST, &[BesideClose], BadGateway, (Nginx, Strong), Unknown, Infrastructure, 1),

    row("HAProxy", BOTH, &[Refuse, Gone, BlackHole, WrongPort, Maintenance, Limit, BesideRefuse], BadGateway, (HaProxy, Strong), NotDelivered, Infrastructure, 0),
    row("HAProxy", BOTH, &[Killed, Close, Reset, HalfHead, Garbage, EndlessHeader, BesideClose], BadGateway, (HaProxy, Strong), Unknown, Infrastructure, 1),
    unmarked("HAProxy", BOTH, &[KilledKept, CrashLoop, CloseKept], Interrupted, Mixed, 1, "it ends the connection to the client when one that was kept ends, and sends nothing"),
    row("HAProxy", BOTH, &[Silence], GatewayTimeout, (HaProxy, Strong), Unknown, Mixed, 1),
    row("HAProxy", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),

    row("Apache httpd", BOTH, &[Refuse, Gone, BlackHole, WrongPort, Maintenance, Limit], BadGateway, (Apache, Weak), Unknown, Infrastructure, 0),
    row("Apache httpd", BOTH, &[Killed, Close, Reset, HalfHead, Silence, BesideClose], BadGateway, (Apache, Strong), Unknown, Infrastructure, 1),
    unmarked("Apache httpd", BOTH, &[KilledKept, CrashLoop, CloseKept], Interrupted, Mixed, 1, "it ends the connection to the client when one that was kept ends, and sends nothing"),
    well("Apache httpd", BOTH, &[Garbage], 1),
    unmarked("Apache httpd", BOTH, &[EndlessHeader], Timeout, Mixed, 1, "it reads on for ever, and sends nothing"),
    row("Apache httpd", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),
    well("Apache httpd", BOTH, &[BesideRefuse], 0),
    row("Apache httpd", BOTH, &[FastCgi], BadGateway, (Apache, Weak), Unknown, Infrastructure, 1),

    row("Varnish", BOTH, &[Refuse, Gone, BlackHole, WrongPort, Limit, BesideRefuse], BadGateway, (Varnish, Strong), Unknown, Infrastructure, 0),
    row("Varnish", BOTH, &[Killed, KilledKept, CrashLoop, Close, Reset, HalfHead, Garbage, EndlessHeader, Silence, BesideClose], BadGateway, (Varnish, Strong), Unknown, Infrastructure, 1),
    row("Varnish", BOTH, &[CloseKept], BadGateway, (Varnish, Strong), Unknown, Infrastructure, 2),
    row("Varnish", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),
    row("Varnish", BOTH, &[Maintenance], Unavailable, (Varnish, Strong), Unknown, Mixed, 0),

    row("Squid", BOTH, &[Refuse, BlackHole, WrongPort, Limit], BadGateway, (Squid, Proven), Unknown, Infrastructure, 0),
    row("Squid", GET, &[Gone, Drains], BadGateway, (Squid, Proven), Unknown, Infrastructure, 0),
    row("Squid", POST, &[Gone, Drains], BadGateway, (Squid, Proven), NotDelivered, Infrastructure, 0),
    row("Squid", BOTH, &[Killed, KilledKept, CrashLoop, Close, Reset], BadGateway, (Squid, Proven), Unknown, Infrastructure, 1),
    row("Squid", GET, &[CloseKept], BadGateway, (Squid, Proven), Unknown, Infrastructure, 2),
    row("Squid", POST, &[CloseKept, BesideClose], BadGateway, (Squid, Proven), Unknown, Infrastructure, 1),
    row("Squid", BOTH, &[HalfHead], BadGateway, (Squid, Proven), Processed, Infrastructure, 1),
    well("Squid", BOTH, &[Garbage], 1),
    row("Squid", BOTH, &[EndlessHeader], Permanent, (Squid, Proven), Processed, Infrastructure, 1),
    row("Squid", BOTH, &[Silence], GatewayTimeout, (Squid, Proven), Unknown, Mixed, 1),
    row("Squid", BOTH, &[Maintenance], Unavailable, (Squid, Proven), Unknown, Mixed, 0),
    well("Squid", BOTH, &[BesideRefuse], 0),
    well("Squid", GET, &[BesideClose], 2),

    row("Traffic Server", GET, &[Refuse, Gone, BlackHole, WrongPort], BadGateway, (TrafficServer, Strong), Unknown, Infrastructure, 0),
    row("Traffic Server", POST, &[Refuse, Gone, BlackHole, WrongPort], BadGateway, (TrafficServer, Strong), NotDelivered, Infrastructure, 0),
    row("Traffic Server", BOTH, &[Killed, KilledKept, CrashLoop], BadGateway, (TrafficServer, Strong), Unknown, Infrastructure, 1),
    row("Traffic Server", GET, &[Close, CloseKept, Reset, HalfHead, Garbage, EndlessHeader], BadGateway, (TrafficServer, Strong), Unknown, Infrastructure, 4),
    row("Traffic Server", POST, &[Close, CloseKept, Reset, HalfHead, Garbage, EndlessHeader], BadGateway, (TrafficServer, Strong), Unknown, Infrastructure, 1),
    row("Traffic Server", GET, &[Silence], GatewayTimeout, (TrafficServer, Strong), Unknown, Mixed, 4),
    row("Traffic Server", POST, &[Silence], GatewayTimeout, (TrafficServer, Strong), Unknown, Mixed, 1),
    row("Traffic Server", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),
    row("Traffic Server", BOTH, &[Maintenance, Limit], Unavailable, (TrafficServer, Strong), Unknown, Mixed, 0),
    well("Traffic Server", BOTH, &[BesideRefuse], 0),
    well("Traffic Server", GET, &[BesideClose], 4),
    row("Traffic Server", POST, &[BesideClose], BadGateway, (TrafficServer, Strong), Unknown, Infrastructure, 1),

    row("Envoy", BOTH, &[Refuse, Gone, BlackHole, WrongPort, BesideRefuse], BadGateway, (Envoy, Strong), NotDelivered, Infrastructure, 0),
    row("Envoy", BOTH, &[Killed, KilledKept, CrashLoop, Close, CloseKept, Reset, HalfHead, Garbage, EndlessHeader, BesideClose], BadGateway, (Envoy, Strong), Unknown, Infrastructure, 1),
    row("Envoy", BOTH, &[Silence], GatewayTimeout, (Envoy, Strong), Unknown, Mixed, 1),
    row("Envoy", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),
    unmarked("Envoy", BOTH, &[Maintenance], Unavailable, Mixed, 0, "a `direct_response` has only `server: envoy`, as all that it passes on"),
    row("Envoy", BOTH, &[Limit], Unavailable, (Envoy, Strong), NotDelivered, Capacity, 0),

    row("Caddy", BOTH, &[Refuse, Gone, BlackHole, WrongPort, Maintenance, Limit, BesideRefuse], BadGateway, (Caddy, Strong), Unknown, Infrastructure, 0),
    row("Caddy", BOTH, &[Killed, KilledKept, CrashLoop, Close, Reset, HalfHead, Garbage, EndlessHeader, BesideClose], BadGateway, (Caddy, Strong), Unknown, Infrastructure, 1),
    row("Caddy", GET, &[CloseKept], BadGateway, (Caddy, Strong), Unknown, Infrastructure, 2),
    row("Caddy", POST, &[CloseKept], BadGateway, (Caddy, Strong), Unknown, Infrastructure, 1),
    row("Caddy", BOTH, &[Silence], GatewayTimeout, (Caddy, Strong), Unknown, Mixed, 1),
    row("Caddy", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),

    row("Traefik", BOTH, &[Refuse, Gone, WrongPort, BesideRefuse], BadGateway, (Traefik, Strong), Unknown, Infrastructure, 0),
    row("Traefik", BOTH, &[BlackHole], GatewayTimeout, (Traefik, Strong), Unknown, Mixed, 0),
    row("Traefik", BOTH, &[Killed, KilledKept, CrashLoop, Close, Reset, HalfHead, Garbage, EndlessHeader, BesideClose], BadGateway, (Traefik, Strong), Unknown, Infrastructure, 1),
    row("Traefik", GET, &[CloseKept], BadGateway, (Traefik, Strong), Unknown, Infrastructure, 2),
    row("Traefik", POST, &[CloseKept], BadGateway, (Traefik, Strong), Unknown, Infrastructure, 1),
    row("Traefik", BOTH, &[Silence], GatewayTimeout, (Traefik, Strong), Unknown, Mixed, 1),
    row("Traefik", BOTH, &[Drains], Unavailable, APPLICATION, Unknown, Application, 1),
    row("Traefik", BOTH, &[Maintenance], BadGateway, (Traefik, Strong), NotDelivered, Infrastructure, 0),
    unmarked("Traefik", BOTH, &[Limit], RateLimited, Capacity, 0, "any program in Go answers so"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn each_case_is_diagnosed_as_the_matrix_says() {
    let observed = observed().await;
    let wrong = differences(observed, MATRIX);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for (at, row) in MATRIX.iter().enumerate().filter(|(_, row)| observed.iter().any(|proxy| row.is_for(proxy.name))) {
        let cells = observed.iter().flat_map(cells).filter(|(name, case, method, ..)| row.says(name, *case, method));
        let cells = cells.count();
        assert_ne!(cells, 0, "a row says nothing: {}, {:?}", row.proxy, row.cases);
        for wrong in row.wrong() {
            let mut matrix = MATRIX.to_vec();
            matrix[at] = wrong.clone();
            assert_eq!(differences(observed, &matrix).len(), cells, "a wrong cell passes: {:?}", wrong.diagnosed);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_is_said_of_delivery_is_what_the_application_saw() {
    for (name, case, method, diagnosis, seen) in observed().await.iter().flat_map(cells) {
        let delivery = diagnosis.map(Diagnosis::delivery);
        assert!(delivery != Some(NotDelivered) || seen == 0, "{name}, {case:?}, {method}: seen {seen} times");
        assert!(delivery != Some(Processed) || seen > 0, "{name}, {case:?}, {method}: never seen");
    }
}

#[test]
fn who_names_nobody_says_why() {
    for row in MATRIX {
        let nobody = row.diagnosed.is_some_and(|diagnosed| diagnosed.by.0 == Issuer::Unknown);
        assert_eq!(nobody, row.why.is_some_and(|why| !why.is_empty()), "{}, {:?}", row.proxy, row.cases);
    }
}

impl Row {
    fn is_for(&self, proxy: &str) -> bool {
        [ALL, proxy].contains(&self.proxy)
    }

    fn says(&self, proxy: &str, case: Case, method: &Method) -> bool {
        self.is_for(proxy) && self.cases.contains(&case) && self.methods.contains(method)
    }

    /// Returns the row with one column wrong, for each of its columns.
    fn wrong(&self) -> Vec<Self> {
        let mut rows = vec![Self { seen: self.seen + 1, ..self.clone() }, Self { cases: &[], ..self.clone() }];
        let Some(is) = self.diagnosed else { return rows };
        let or = |is, one, other| if is == one { other } else { one };
        for wrong in [
            Diagnosed { condition: Condition::TooEarly, ..is },
            Diagnosed { by: (Issuer::Heroku, is.by.1), ..is },
            Diagnosed { by: (is.by.0, if is.by.1 == Weak { Strong } else { Weak }), ..is },
            Diagnosed { delivery: or(is.delivery, Unknown, Processed), ..is },
            Diagnosed { look_at: LookAt::Client, ..is },
        ] {
            rows.push(Self { diagnosed: Some(wrong), ..self.clone() });
        }
        rows
    }
}

/// Returns what differs, a line for each cell: the rows must say everything once.
fn differences(observed: &[Observed], matrix: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, case, method, diagnosis, seen) in observed.iter().flat_map(cells) {
        let rows: Vec<&Row> = matrix.iter().filter(|row| row.says(name, case, method)).collect();
        let is = diagnosis.map(|it| Diagnosed {
            condition: it.condition().unwrap(),
            by: (it.issuer(), it.confidence()),
            delivery: it.delivery(),
            look_at: it.look_at().unwrap(),
        });
        match rows[..] {
            [row] if (row.diagnosed, row.seen) == (is, seen) => {}
            [row] => lines.push(format!(
                "{name}, {case:?}, {method}: is {is:?}, seen {seen}; expected {:?}, seen {}",
                row.diagnosed, row.seen
            )),
            _ => lines.push(format!("{name}, {case:?}, {method}: {} rows; is {is:?}, seen {seen}", rows.len())),
        }
    }
    lines
}

fn cells(proxy: &Observed) -> impl Iterator<Item = (&'static str, Case, &'static Method, Option<&Diagnosis>, usize)> {
    let both = proxy.cells.iter().flat_map(|cell| {
        let (post, seen) = &cell.post;
        [(cell.case, &Method::GET, &cell.answer, cell.seen), (cell.case, &Method::POST, post, *seen)]
    });
    both.map(|(case, method, answer, seen)| (proxy.name, case, method, answer.diagnosis.as_ref(), seen))
}
