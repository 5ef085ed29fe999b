//! The table of fingerprints: what each issuer sends of its own, and what that proves.
//!
//! From the outside in: networks, platforms, load balancers, proxies, applications. Of the rows of one issuer, which
//! stand together, the first that matches counts. What a response collects by merely passing through (`Server: nginx`,
//! `Via`, `cf-ray`, `x-cache`) names nobody; it only excludes.

use super::Confidence::{self, Proven, Strong, Weak};
use super::Issuer::{
    self, Akamai, Apache, Application, AwsAlb, AwsApiGateway, AzureApplicationGateway, AzureFrontDoor, Caddy,
    CloudFront, Cloudflare, Envoy, Fastly, GoogleLoadBalancer, HaProxy, Heroku, Kong, Linkerd, Nginx, Render, Squid,
    Traefik, TrafficServer, Varnish, Vercel,
};
use super::mark::Mark::{self, Begins, Has, Is, Lacks, Names, NotNames, Says, Whole};
use crate::diagnosis::cause::Cause::{
    self, Ailing, Broke, Challenged, Crashed, LimitsRate, Lost, Misconfigured, Refuses, RefusesAnswer, Sheds, Slow,
    Untold,
};
use crate::diagnosis::delivery::Delivery::{self, NotDelivered, Processed, Unknown};

/// If all marks are seen on one of the statuses, this issuer made the response.
#[derive(Debug)]
pub(super) struct Row {
    /// Any status if there is none.
    pub(super) on: &'static [u16],
    pub(super) issuer: Issuer,
    pub(super) confidence: Confidence,
    /// The status itself is the mark if there is none.
    pub(super) marks: &'static [Mark],
    pub(super) cause: Cause,
    pub(super) delivery: Delivery,
}

const fn row(
    on: &'static [u16],
    issuer: Issuer,
    confidence: Confidence,
    marks: &'static [Mark],
    cause: Cause,
    delivery: Delivery,
) -> Row {
    Row { on, issuer, confidence, marks, cause, delivery }
}

const ANY: &[u16] = &[];

#[rustfmt::skip] // a table has a line for each row
pub(super) static TABLE: &[Row] = &[
    // Documented, not observed, as far as Kong: these run at their makers'.
    row(&[520], Cloudflare, Proven, &[], Broke, Unknown),
    row(&[521, 523, 530], Cloudflare, Proven, &[], Lost, NotDelivered),
    row(&[522], Cloudflare, Proven, &[], Slow, Unknown),
    row(&[524], Cloudflare, Proven, &[], Slow, Processed),
    row(&[525, 526], Cloudflare, Proven, &[], Misconfigured, Unknown),
    row(&[527], Cloudflare, Proven, &[], Untold, Unknown),
    row(ANY, Cloudflare, Proven, &[Has("cf-mitigated")], Challenged, Unknown),
    row(&[429], Cloudflare, Strong, &[Says("error code: 1015")], LimitsRate, Unknown),
    row(ANY, Cloudflare, Proven, &[Has("cf-error-type")], Untold, Unknown),
    row(ANY, Cloudflare, Proven, &[Has("cf-error-origin")], Untold, Unknown),
    row(ANY, Cloudflare, Proven, &[Says("\"cloudflare_error\":true")], Untold, Unknown),

    row(&[502], CloudFront, Strong, CLOUDFRONT, Broke, Unknown),
    row(&[503], CloudFront, Strong, CLOUDFRONT, Sheds, Unknown),
    row(&[504], CloudFront, Strong, CLOUDFRONT, Slow, Unknown),
    row(ANY, CloudFront, Strong, CLOUDFRONT, Untold, Unknown),
    row(ANY, CloudFront, Strong, &[Begins("x-cache", "FunctionGeneratedResponse")], Crashed, Unknown),
    row(ANY, CloudFront, Strong, &[Begins("x-cache", "LambdaGeneratedResponse")], Crashed, Unknown),
    row(ANY, CloudFront, Weak, &[Begins("server", "CloudFront")], Untold, Unknown),

    row(&[503], Akamai, Strong, AKAMAI, Lost, Unknown),
    row(&[503], Akamai, Strong, AKAMAI_ENCODED, Lost, Unknown),
    row(&[504], Akamai, Strong, AKAMAI, Slow, Unknown),
    row(&[504], Akamai, Strong, AKAMAI_ENCODED, Slow, Unknown),
    row(ANY, Akamai, Weak, &[Begins("server", "AkamaiGHost")], Untold, Unknown),

    row(ANY, Fastly, Strong, FASTLY, Broke, Unknown),

    row(&[503, 504], AzureFrontDoor, Proven, AZURE_PROOF, Slow, Unknown),
    row(ANY, AzureFrontDoor, Proven, AZURE_PROOF, Untold, Unknown),
    row(&[503, 504], AzureFrontDoor, Strong, AZURE_PAGE, Slow, Unknown),
    row(ANY, AzureFrontDoor, Strong, AZURE_PAGE, Untold, Unknown),

    row(&[502], Vercel, Proven, &[Begins("x-vercel-error", "FUNCTION_")], Crashed, Unknown),
    row(&[503], Vercel, Proven, &[Begins("x-vercel-error", "FUNCTION_THROTTLED")], Sheds, NotDelivered),
    row(&[504], Vercel, Proven, &[Has("x-vercel-error")], Slow, Unknown),
    row(ANY, Vercel, Proven, &[Has("x-vercel-error")], Untold, Unknown),

    row(ANY, Heroku, Strong, &[Says("herokucdn.com/error-pages/")], Broke, Unknown),

    row(ANY, Render, Proven, RENDER, Lost, Unknown),

    row(&[502], GoogleLoadBalancer, Strong, GOOGLE, Broke, Unknown),
    row(&[503], GoogleLoadBalancer, Strong, GOOGLE, Lost, Unknown),
    row(&[504], GoogleLoadBalancer, Strong, GOOGLE, Slow, Unknown),
    row(ANY, GoogleLoadBalancer, Strong, GOOGLE, Untold, Unknown),
    row(&[502], GoogleLoadBalancer, Strong, &[Says("Error 502 (Server Error)!!1")], Broke, Unknown),

    row(&[502], AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Broke, Unknown),
    row(&[504], AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Slow, Unknown),
    row(ANY, AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Untold, Unknown),
    row(&[502], AzureApplicationGateway, Strong, AZURE_SERVER, Broke, Unknown),
    row(&[504], AzureApplicationGateway, Strong, AZURE_SERVER, Slow, Unknown),
    row(ANY, AzureApplicationGateway, Strong, AZURE_SERVER, Untold, Unknown),

    row(&[502], AwsApiGateway, Strong, AWS_API, Crashed, Unknown),
    row(&[503, 504], AwsApiGateway, Strong, AWS_API, Slow, Unknown),
    row(ANY, AwsApiGateway, Strong, AWS_API, Untold, Unknown),

    row(&[502], AwsAlb, Proven, &[Begins("server", "awselb/")], Broke, Unknown),
    row(&[503], AwsAlb, Proven, &[Begins("server", "awselb/")], Lost, NotDelivered),
    row(&[504], AwsAlb, Proven, &[Begins("server", "awselb/")], Slow, Unknown),
    row(ANY, AwsAlb, Proven, &[Begins("server", "awselb/")], Untold, Unknown),
    row(&[502], AwsAlb, Strong, &[Whole(ALB_502)], Broke, Unknown),
    row(&[503], AwsAlb, Strong, &[Whole(ALB_503)], Lost, NotDelivered),
    row(&[504], AwsAlb, Strong, &[Whole(ALB_504)], Slow, Unknown),

    row(&[502], Kong, Proven, KONG, Broke, Unknown),
    row(&[503], Kong, Proven, KONG, Lost, NotDelivered),
    row(&[504], Kong, Proven, KONG, Slow, Unknown),
    row(ANY, Kong, Proven, KONG, Untold, Unknown),
    row(&[502], Kong, Strong, KONG_502, Broke, Unknown),
    row(&[503], Kong, Strong, KONG_503, Lost, NotDelivered),
    row(&[503], Kong, Strong, KONG_DNS, Lost, NotDelivered),
    row(&[504], Kong, Strong, &[Says("The upstream server is timing out")], Slow, Unknown),
    row(ANY, Kong, Weak, &[Begins("server", "kong/"), NotNames("via", "kong")], Untold, Unknown),

    // Observed: what Envoy sends is in docs/proxies.md, as is what all below linkerd send.
    row(ANY, Envoy, Strong, &[Says(ENVOY), Says("retried and the latest reset reason:")], Broke, Unknown),
    row(&[503, 504], Envoy, Strong, &[Says(ENVOY), Says("reset reason: connection failure")], Lost, NotDelivered),
    row(&[503, 504], Envoy, Strong, &[Says(ENVOY), Says("reset reason: local connection failure")], Lost, NotDelivered),
    row(&[503, 504], Envoy, Strong, &[Says(ENVOY), Says("reset reason: remote connection failure")], Lost, NotDelivered),
    row(&[503, 504], Envoy, Strong, &[Says(ENVOY), Says("reset reason: connection timeout")], Lost, NotDelivered),
    row(&[503], Envoy, Strong, &[Says(ENVOY), Says("reset reason: overflow")], Sheds, NotDelivered),
    row(&[503], Envoy, Strong, &[Says(ENVOY), Says("reset reason: remote refused stream reset")], Sheds, NotDelivered),
    row(ANY, Envoy, Strong, &[Says(ENVOY), Says("reset reason:")], Broke, Unknown),
    // Unknown: it says the same when a retry of its own finds nobody.
    row(&[503], Envoy, Strong, &[Whole("no healthy upstream")], Lost, Unknown),
    row(&[504], Envoy, Strong, &[Whole("upstream request timeout")], Slow, Unknown),
    row(ANY, Envoy, Proven, &[Has("x-envoy-overloaded"), Lacks(ENVOY_UPSTREAM)], Sheds, NotDelivered),
    row(ANY, Envoy, Proven, &[Has("x-envoy-ratelimited"), Lacks(ENVOY_UPSTREAM)], LimitsRate, NotDelivered),

    // Documented, not observed.
    row(&[503], Linkerd, Proven, &[Has("l5d-proxy-error")], Sheds, NotDelivered),
    row(&[504], Linkerd, Proven, &[Names("l5d-proxy-error", "timeout")], Slow, Unknown),
    row(&[504], Linkerd, Proven, &[Names("l5d-proxy-error", "timed out")], Slow, Unknown),
    row(&[504], Linkerd, Proven, &[Names("l5d-proxy-error", "fail-fast")], Lost, NotDelivered),
    row(&[504], Linkerd, Proven, &[Names("l5d-proxy-error", "failfast")], Lost, NotDelivered),
    row(&[502], Linkerd, Proven, &[Has("l5d-proxy-error")], Broke, Unknown),
    row(ANY, Linkerd, Proven, &[Has("l5d-proxy-error")], Untold, Unknown),

    // Observed, as far as Apache httpd.
    row(&[503], Varnish, Strong, VARNISH_FETCH, Broke, Unknown),
    row(&[503], Varnish, Strong, VARNISH, Refuses, Unknown),
    row(ANY, Varnish, Strong, VARNISH, Untold, Unknown),
    row(ANY, Varnish, Weak, &[Begins("server", "Varnish")], Untold, Unknown),

    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_CONNECT_FAIL")], Lost, NotDelivered),
    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_DNS_FAIL")], Lost, NotDelivered),
    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_CANNOT_FORWARD")], Lost, NotDelivered),
    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_READ_TIMEOUT")], Slow, Unknown),
    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_READ_ERROR")], Broke, Unknown),
    row(ANY, Squid, Proven, &[Begins("x-squid-error", "ERR_ZERO_SIZE_OBJECT")], Broke, Unknown),
    row(&[502], Squid, Proven, &[Begins("x-squid-error", "ERR_INVALID_RESP")], Broke, Processed),
    row(&[502], Squid, Proven, &[Begins("x-squid-error", "ERR_TOO_BIG")], RefusesAnswer, Processed),
    row(&[503], Squid, Proven, &[Begins("x-squid-error", "503:ERR_")], Refuses, Unknown),
    row(ANY, Squid, Proven, &[Names("x-squid-error", "ERR_")], Untold, Unknown),

    row(&[502], TrafficServer, Strong, ATS_CONNECT, Lost, NotDelivered),
    row(&[502], TrafficServer, Strong, ATS_ERROR, Broke, Unknown),
    row(&[502], TrafficServer, Strong, ATS_HANGUP, Broke, Unknown),
    row(&[504], TrafficServer, Strong, ATS_TIMEOUT, Slow, Unknown),
    row(&[503], TrafficServer, Strong, ATS, Refuses, Unknown),
    row(ANY, TrafficServer, Strong, ATS, Untold, Unknown),

    row(&[502], HaProxy, Strong, &[Whole(HAPROXY_502), NO_CACHE, Lacks("server")], Broke, Unknown),
    row(&[503], HaProxy, Strong, &[Whole(HAPROXY_503), NO_CACHE, Lacks("server")], Lost, NotDelivered),
    row(&[504], HaProxy, Strong, &[Whole(HAPROXY_504), NO_CACHE, Lacks("server")], Slow, Unknown),
    // Behind another intermediary, which changes the headers, it still tells the cause.
    row(&[502], HaProxy, Weak, &[Whole(HAPROXY_502)], Broke, Unknown),
    row(&[503], HaProxy, Weak, &[Whole(HAPROXY_503)], Lost, Unknown),
    row(&[504], HaProxy, Weak, &[Whole(HAPROXY_504)], Slow, Unknown),

    row(&[500], Traefik, Strong, TRAEFIK_500, Broke, Unknown), // what it got was not HTTP
    row(&[502], Traefik, Strong, TRAEFIK_502, Broke, Unknown),
    row(&[503], Traefik, Strong, TRAEFIK_503, Lost, NotDelivered),
    row(&[504], Traefik, Strong, TRAEFIK_504, Slow, Unknown),

    row(&[502], Caddy, Strong, CADDY, Broke, Unknown),
    row(&[503], Caddy, Strong, CADDY, Lost, Unknown),
    row(&[504], Caddy, Strong, CADDY, Slow, Unknown),
    row(ANY, Caddy, Weak, &[Begins("server", "Caddy"), NotNames("via", "Caddy")], Untold, Unknown),

    row(&[500], Nginx, Strong, &[Says(NGINX_500), Says(NGINX_FOOTER)], Untold, Unknown),
    row(&[502], Nginx, Strong, &[Says(NGINX_502), Says(NGINX_FOOTER)], Broke, Unknown),
    row(&[503], Nginx, Strong, &[Says(NGINX_503), Says(NGINX_FOOTER)], Refuses, Unknown),
    row(&[504], Nginx, Strong, &[Says(NGINX_504), Says(NGINX_FOOTER)], Slow, Unknown),
    row(&[429], Nginx, Strong, &[Says(NGINX_429), Says(NGINX_FOOTER)], LimitsRate, Unknown),

    row(&[502], Apache, Strong, &[Says(APACHE_502)], Broke, Unknown),
    row(&[502, 503], Apache, Strong, APACHE_ERROR, Broke, Unknown),
    // Weak: a page for maintenance is the same. Nor is it proof of delivery: over FastCGI it comes of broken answers, too.
    row(&[503], Apache, Weak, &[Says("<h1>Service Unavailable</h1>"), Says(APACHE_503)], Lost, Unknown),
    row(&[504], Apache, Strong, &[Says(APACHE_504)], Slow, Unknown),

    row(ANY, Application, Strong, &[Says("\"kind\":\"Status\""), Says("\"apiVersion\":\"v1\"")], Untold, Unknown),
    row(&[503], Application, Strong, &[Says("{\"code\":14,\"message\":")], Ailing, Unknown),
    row(&[504], Application, Strong, &[Says("{\"code\":4,\"message\":")], Slow, Unknown),
    row(ANY, Application, Weak, &[Has("x-powered-by")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("server", "gunicorn")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("server", "uvicorn")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("server", "Kestrel")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("server", "Jetty")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("server", "Werkzeug")], Untold, Unknown),
    row(ANY, Application, Weak, &[Begins("content-type", "application/problem+json")], Untold, Unknown),
    row(ANY, Application, Weak, JSON, Untold, Unknown),
];

const CLOUDFRONT: &[Mark] = &[Begins("server", "CloudFront"), Says("Generated by cloudfront (CloudFront)")];
const AKAMAI: &[Mark] = &[Begins("server", "AkamaiGHost"), Says("Reference #")];
const AKAMAI_ENCODED: &[Mark] = &[Begins("server", "AkamaiGHost"), Says("Reference&#32;&#35;")];
const FASTLY: &[Mark] =
    &[Says("<h3>Guru Meditation:</h3>"), Says("Varnish cache server"), Has("x-served-by"), Has("x-timer")];
const AZURE_PROOF: &[Mark] = &[Has("x-azure-externalerror"), Lacks("x-azure-originstatuscode")];
const AZURE_PAGE: &[Mark] = &[Says("Our services aren't available right now"), Lacks("x-azure-originstatuscode")];
const AZURE_FOOTER: &str = "<hr><center>Microsoft-Azure-Application-Gateway/v2</center>";
const AZURE_SERVER: &[Mark] = &[Begins("server", "Microsoft-Azure-Application-Gateway/")];
const RENDER: &[Mark] = &[Begins("x-render-routing", "no-server"), Lacks("x-render-origin-server")];
const GOOGLE: &[Mark] = &[Says("<h1>Error: Server Error</h1>"), Says("Please try again in 30 seconds")];
const AWS_API: &[Mark] = &[Has("x-amzn-errortype"), Says("{\"message\":")];
const KONG: &[Mark] = &[Has("x-kong-response-latency"), Lacks("x-kong-upstream-latency")];
const KONG_502: &[Mark] = &[Says("An invalid response was received from the upstream server")];
const KONG_503: &[Mark] = &[Says("failure to get a peer from the ring-balancer")];
const KONG_DNS: &[Mark] = &[Says("\"message\":\"name resolution failed\"")];
const ENVOY: &str = "upstream connect error or disconnect/reset before headers.";
const ENVOY_UPSTREAM: &str = "x-envoy-upstream-service-time";
const VARNISH: &[Mark] =
    &[Begins("server", "Varnish"), Says("<h3>Guru Meditation:</h3>"), Says("<p>Varnish cache server</p>")];
const VARNISH_FETCH: &[Mark] =
    &[Begins("server", "Varnish"), Says("Backend fetch failed"), Says("<p>Varnish cache server</p>")];
const ATS: &[Mark] = &[ATS_SERVER, ATS_NO_STORE, Says("Description: Could not process this request.")];
const ATS_CONNECT: &[Mark] =
    &[ATS_SERVER, ATS_NO_STORE, Says("Description: Could not connect to the requested server host.")];
const ATS_ERROR: &[Mark] =
    &[ATS_SERVER, ATS_NO_STORE, Says("Description: The host requested did not return the document correctly.")];
const ATS_HANGUP: &[Mark] = &[
    ATS_SERVER,
    ATS_NO_STORE,
    Says("Description: The server requested closed the connection before the transaction was completed."),
];
const ATS_TIMEOUT: &[Mark] =
    &[ATS_SERVER, ATS_NO_STORE, Says("Description: Too much time has passed without sending any data for document.")];
const ATS_SERVER: Mark = Begins("server", "ATS/");
const ATS_NO_STORE: Mark = Is("cache-control", "no-store");
const NO_CACHE: Mark = Names("cache-control", "no-cache");
const TRAEFIK_500: &[Mark] = &[Whole("Internal Server Error"), Lacks("server"), Lacks("content-type")];
/// `sendStatus` of Express answers with the same words, but signs.
const TRAEFIK_502: &[Mark] = &[Whole("Bad Gateway"), Lacks("server"), Lacks("etag"), Lacks("x-powered-by")];
const TRAEFIK_504: &[Mark] = &[Whole("Gateway Timeout"), Lacks("server"), Lacks("etag"), Lacks("x-powered-by")];
const TRAEFIK_503: &[Mark] =
    &[Whole("no available server\n"), Is("x-content-type-options", "nosniff"), Lacks("server")];
const CADDY: &[Mark] = &[Begins("server", "Caddy"), NotNames("via", "Caddy"), Is("content-length", "0")];
const NGINX_429: &str = "<center><h1>429 Too Many Requests</h1></center>";
const NGINX_500: &str = "<center><h1>500 Internal Server Error</h1></center>";
const NGINX_502: &str = "<center><h1>502 Bad Gateway</h1></center>";
const NGINX_503: &str = "<center><h1>503 Service Temporarily Unavailable</h1></center>";
const NGINX_504: &str = "<center><h1>504 Gateway Time-out</h1></center>";
const NGINX_FOOTER: &str = "<hr><center>nginx";
const APACHE_502: &str = "The proxy server received an invalid response from an upstream server";
const APACHE_ERROR: &[Mark] = &[Says("<h1>Proxy Error</h1>"), Says("The proxy server could not handle the request")];
const APACHE_503: &str = "The server is temporarily unable to service your request due to maintenance downtime or \
    capacity problems.";
const APACHE_504: &str = "The gateway did not receive a timely response from the upstream server or application";
/// The gateways of AWS answer in JSON, too.
const JSON: &[Mark] = &[
    Begins("content-type", "application/json"),
    Lacks("x-amzn-requestid"),
    Lacks("x-amz-apigw-id"),
    Lacks("apigw-requestid"),
];

pub(super) const HAPROXY_502: &str = "<html><body><h1>502 Bad Gateway</h1>\n\
    The server returned an invalid or incomplete response.\n</body></html>\n";
pub(super) const HAPROXY_503: &str = "<html><body><h1>503 Service Unavailable</h1>\n\
    No server is available to handle this request.\n</body></html>\n";
pub(super) const HAPROXY_504: &str = "<html><body><h1>504 Gateway Time-out</h1>\n\
    The server didn't respond in time.\n</body></html>\n";
pub(super) const ALB_502: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
pub(super) const ALB_503: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n\
    <body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";
pub(super) const ALB_504: &str = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n\
    <center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n";
