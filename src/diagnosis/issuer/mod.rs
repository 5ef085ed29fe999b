//! Who produced a response: the application, or an intermediary, by what only they send.

#[cfg(test)]
mod forged;
mod mark;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use http::{HeaderMap, StatusCode};

use super::cause::Cause;
use super::delivery::Delivery;
use mark::{Mark, Seen};
use table::{Row, TABLE};

/// Who produced a response.
///
/// What nginx, HAProxy, Apache httpd, Varnish, Squid, Traffic Server, Envoy, Caddy and Traefik send was observed (see
/// `docs/proxies.md` of the repository); all others are known from their documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Issuer {
    /// Nothing tells.
    Unknown,
    /// The application, or a gateway that is one to its clients, such as the API server of Kubernetes.
    Application,
    /// An intermediary without a name: known by its `Proxy-Status` (RFC 9209) only, or guessed from a page.
    Proxy,
    /// Akamai.
    Akamai,
    /// Apache httpd, as a proxy.
    Apache,
    /// An Application Load Balancer of AWS.
    AwsAlb,
    /// The API Gateway of AWS.
    AwsApiGateway,
    /// The Application Gateway of Azure.
    AzureApplicationGateway,
    /// Azure Front Door.
    AzureFrontDoor,
    /// Caddy.
    Caddy,
    /// Cloudflare.
    Cloudflare,
    /// Amazon CloudFront.
    CloudFront,
    /// Envoy, and what is built on it, such as Istio.
    Envoy,
    /// Fastly.
    Fastly,
    /// A load balancer of Google Cloud.
    GoogleLoadBalancer,
    /// HAProxy.
    HaProxy,
    /// The router of Heroku.
    Heroku,
    /// Kong.
    Kong,
    /// linkerd.
    Linkerd,
    /// nginx, and what is built on it.
    Nginx,
    /// The router of Render.
    Render,
    /// Squid.
    Squid,
    /// Apache Traffic Server.
    TrafficServer,
    /// Traefik.
    Traefik,
    /// Varnish.
    Varnish,
    /// Vercel.
    Vercel,
}

impl Issuer {
    /// Returns the name used in events, such as `nginx` or `aws_alb`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.names().0
    }

    /// Returns the name for people.
    pub(super) const fn title(self) -> &'static str {
        self.names().1
    }

    pub(super) const fn is_intermediary(self) -> bool {
        !matches!(self, Self::Unknown | Self::Application)
    }

    /// Returns whether it was seen to repeat idempotent requests that had been delivered, and to tell of the last try.
    pub(super) const fn repeats(self) -> bool {
        matches!(self, Self::Squid | Self::TrafficServer)
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Unknown => ("unknown", "somebody"),
            Self::Application => ("application", "the application"),
            Self::Proxy => ("proxy", "a proxy"),
            Self::Akamai => ("akamai", "Akamai"),
            Self::Apache => ("apache", "Apache httpd"),
            Self::AwsAlb => ("aws_alb", "the AWS load balancer"),
            Self::AwsApiGateway => ("aws_api_gateway", "the AWS API Gateway"),
            Self::AzureApplicationGateway => ("azure_application_gateway", "the Azure Application Gateway"),
            Self::AzureFrontDoor => ("azure_front_door", "Azure Front Door"),
            Self::Caddy => ("caddy", "Caddy"),
            Self::Cloudflare => ("cloudflare", "Cloudflare"),
            Self::CloudFront => ("cloudfront", "CloudFront"),
            Self::Envoy => ("envoy", "Envoy"),
            Self::Fastly => ("fastly", "Fastly"),
            Self::GoogleLoadBalancer => ("google_load_balancer", "the Google load balancer"),
            Self::HaProxy => ("haproxy", "HAProxy"),
            Self::Heroku => ("heroku", "Heroku"),
            Self::Kong => ("kong", "Kong"),
            Self::Linkerd => ("linkerd", "linkerd"),
            Self::Nginx => ("nginx", "nginx"),
            Self::Render => ("render", "Render"),
            Self::Squid => ("squid", "Squid"),
            Self::TrafficServer => ("traffic_server", "Apache Traffic Server"),
            Self::Traefik => ("traefik", "Traefik"),
            Self::Varnish => ("varnish", "Varnish"),
            Self::Vercel => ("vercel", "Vercel"),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sure it is who issued a response. Anybody on the way can forge any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// There is no evidence but the status.
    Status,
    /// What others send, too.
    Weak,
    /// Its default page, which an operator may replace.
    Strong,
    /// What nobody else makes.
    Proven,
}

impl Confidence {
    /// Returns the name used in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Weak => "weak",
            Self::Strong => "strong",
            Self::Proven => "proven",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) issuer: Issuer,
    pub(super) confidence: Confidence,
    pub(super) cause: Cause,
    pub(super) delivery: Delivery,
    pub(super) evidence: Evidence,
}

impl Finding {
    pub(super) const NOTHING: Self = Self {
        issuer: Issuer::Unknown,
        confidence: Confidence::Status,
        cause: Cause::Untold,
        delivery: Delivery::Unknown,
        evidence: Evidence::NONE,
    };

    /// Adds what the table finds to what is known of the outermost intermediary.
    pub(super) fn and_of(self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let seen = Seen::of(status, headers, body);
        let mut found = self;
        let mut last = None; // the first row of an issuer counts
        for row in TABLE.iter().filter(|row| row.on.is_empty() || row.on.contains(&seen.status)) {
            let known = last == Some(row.issuer) || row.issuer == Issuer::Application && found.issuer.is_intermediary();
            if !known && row.marks.iter().all(|mark| mark.is_on(&seen)) {
                last = Some(row.issuer);
                found = found.and(row);
            }
        }
        found
    }

    /// Where nothing else tells, guesses who sent HTML in answer to a request for JSON. Changes nothing but the issuer.
    pub(super) fn or_guessed_from(self, status: StatusCode, headers: &HeaderMap) -> Self {
        let seen = Seen::of(status, headers, &[]);
        let guess = self.issuer == Issuer::Unknown && HTML.marks.iter().all(|mark| mark.is_on(&seen));
        if guess { self.and(&HTML) } else { self }
    }

    /// Rows come from the outside in. The outermost tells who, unless only a weak mark names it; the innermost tells
    /// why; and of how far the request got, the worst counts.
    fn and(self, row: &Row) -> Self {
        let first = self.confidence == Confidence::Status;
        let nameless = matches!(self.issuer, Issuer::Unknown | Issuer::Proxy) || self.confidence < Confidence::Strong;
        let names = first || nameless && row.confidence >= Confidence::Strong;
        let (issuer, confidence) = if names { (row.issuer, row.confidence) } else { (self.issuer, self.confidence) };
        let tells = row.cause != Cause::Untold && !self.cause.is_lasting();
        let weaker = row.confidence < Confidence::Strong && self.cause != Cause::Untold;
        let names = row.marks.iter().filter_map(|mark| mark.evidence());
        Self {
            issuer,
            confidence,
            cause: if tells && !weaker { row.cause } else { self.cause },
            delivery: if first { row.delivery } else { self.delivery.or_worse(row.delivery) },
            evidence: if row.marks.is_empty() {
                self.evidence.and("status")
            } else {
                names.fold(self.evidence, Evidence::and)
            },
        }
    }
}

/// The names of what was seen: of headers, `body`, or `status`. Never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence([Option<&'static str>; MOST_EVIDENCE]);

impl Evidence {
    pub(super) const NONE: Self = Self([None; MOST_EVIDENCE]);

    /// Adds a name that is not there yet, while there is room.
    pub(super) fn and(mut self, name: &'static str) -> Self {
        if self.names().all(|other| other != name) {
            if let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) {
                *free = Some(name);
            }
        }
        self
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.0.into_iter().flatten()
    }
}

/// More names would tell nobody more.
const MOST_EVIDENCE: usize = 4;

/// A page that no application sends which was asked for JSON, unless something says that the next hop has answered.
const HTML: Row = Row {
    on: &[],
    issuer: Issuer::Proxy,
    confidence: Confidence::Weak,
    marks: &[
        Mark::Begins("content-type", "text/html"),
        Mark::Lacks("x-envoy-upstream-service-time"),
        Mark::Lacks("x-azure-originstatuscode"),
        Mark::Lacks("x-render-origin-server"),
        Mark::Lacks("x-kong-upstream-latency"),
        Mark::NotNames("proxy-status", "received-status"),
    ],
    cause: Cause::Untold,
    delivery: Delivery::Unknown,
};
