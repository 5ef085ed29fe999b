//! The table of fingerprints: what each issuer sends of its own, and what that proves.
//!
//! From the outside in: networks, platforms, load balancers, proxies, applications. Of the rows of one issuer, which stand
//! together, the first that matches counts. What a response collects by merely passing through (`Server: nginx`, `Via`,
//! `cf-ray`, `x-cache`) names nobody; it only excludes.

use super::mark::Mark::{self, Begins, Has, Is, Lacks, Names, NotNames, Says, Whole};
use super::{Confidence, Issuer};
use crate::diagnosis::cause::Cause::{
    self, Ailing, Broke, Challenged, Failed, LimitsRate, Lost, Misconfigured, Sheds, Slow, Untold,
};
use crate::diagnosis::delivery::Delivery::{self, NotDelivered, Processed, Unknown};
use Confidence::{Proven, Strong, Weak};

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
pub(super) const TABLE: &[Row] = &[
    row(&[520], Issuer::Cloudflare, Proven, &[], Broke, Unknown),
    row(&[521, 523, 530], Issuer::Cloudflare, Proven, &[], Lost, NotDelivered),
    row(&[522], Issuer::Cloudflare, Proven, &[], Slow, Unknown),
    row(&[524], Issuer::Cloudflare, Proven, &[], Slow, Processed),
    row(&[525, 526], Issuer::Cloudflare, Proven, &[], Misconfigured, Unknown),
    row(&[527], Issuer::Cloudflare, Proven, &[], Untold, Unknown),
    row(ANY, Issuer::Cloudflare, Proven, &[Is("cf-mitigated", "challenge")], Challenged, Unknown),
    row(&[429], Issuer::Cloudflare, Strong, &[Says("error code: 1015")], LimitsRate, Unknown),
    row(ANY, Issuer::Cloudflare, Proven, &[Has("cf-mitigated")], Untold, Unknown),
    row(ANY, Issuer::Cloudflare, Proven, &[Has("cf-error-type")], Untold, Unknown),
    row(ANY, Issuer::Cloudflare, Proven, &[Has("cf-error-origin")], Untold, Unknown),
    row(ANY, Issuer::Cloudflare, Proven, &[Says("\"cloudflare_error\":true")], Untold, Unknown),

    row(&[502], Issuer::CloudFront, Strong, CLOUDFRONT, Broke, Unknown),
    row(&[503], Issuer::CloudFront, Strong, CLOUDFRONT, Sheds, Unknown),
    row(&[504], Issuer::CloudFront, Strong, CLOUDFRONT, Slow, Unknown),
    row(ANY, Issuer::CloudFront, Strong, CLOUDFRONT, Untold, Unknown),
    row(ANY, Issuer::CloudFront, Strong, &[Begins("x-cache", "FunctionGeneratedResponse")], Failed, Unknown),
    row(ANY, Issuer::CloudFront, Strong, &[Begins("x-cache", "LambdaGeneratedResponse")], Failed, Unknown),
    row(ANY, Issuer::CloudFront, Weak, &[Begins("server", "CloudFront")], Untold, Unknown),

    row(&[503], Issuer::Akamai, Strong, &[Begins("server", "AkamaiGHost"), Says("Reference #")], Lost, Unknown),
    row(&[503], Issuer::Akamai, Strong, &[Begins("server", "AkamaiGHost"), Says("Reference&#32;&#35;")], Lost, Unknown),
    row(&[504], Issuer::Akamai, Strong, &[Begins("server", "AkamaiGHost"), Says("Reference #")], Slow, Unknown),
    row(&[504], Issuer::Akamai, Strong, &[Begins("server", "AkamaiGHost"), Says("Reference&#32;&#35;")], Slow, Unknown),
    row(ANY, Issuer::Akamai, Weak, &[Begins("server", "AkamaiGHost")], Untold, Unknown),

    row(ANY, Issuer::Fastly, Strong, FASTLY, Broke, Unknown),

    row(&[503, 504], Issuer::AzureFrontDoor, Proven, AZURE_PROOF, Slow, Unknown),
    row(ANY, Issuer::AzureFrontDoor, Proven, AZURE_PROOF, Untold, Unknown),
    row(&[503, 504], Issuer::AzureFrontDoor, Strong, AZURE_PAGE, Slow, Unknown),
    row(ANY, Issuer::AzureFrontDoor, Strong, AZURE_PAGE, Untold, Unknown),

    row(&[502], Issuer::Vercel, Proven, &[Has("x-vercel-error")], Failed, Unknown),
    row(&[503], Issuer::Vercel, Proven, &[Has("x-vercel-error")], Sheds, NotDelivered),
    row(&[504], Issuer::Vercel, Proven, &[Has("x-vercel-error")], Slow, Unknown),
    row(ANY, Issuer::Vercel, Proven, &[Has("x-vercel-error")], Untold, Unknown),

    row(ANY, Issuer::Heroku, Strong, &[Says("herokucdn.com/error-pages/")], Broke, Unknown),

    row(ANY, Issuer::Render, Proven, &[Begins("x-render-routing", "no-server"), Lacks("x-render-origin-server")], Lost, Unknown),

    row(&[502], Issuer::GoogleLoadBalancer, Strong, GOOGLE, Broke, Unknown),
    row(&[503], Issuer::GoogleLoadBalancer, Strong, GOOGLE, Lost, Unknown),
    row(&[504], Issuer::GoogleLoadBalancer, Strong, GOOGLE, Slow, Unknown),
    row(ANY, Issuer::GoogleLoadBalancer, Strong, GOOGLE, Untold, Unknown),
    row(&[502], Issuer::GoogleLoadBalancer, Strong, &[Says("Error 502 (Server Error)!!1")], Broke, Unknown),

    row(&[502], Issuer::AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Broke, Unknown),
    row(&[504], Issuer::AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Slow, Unknown),
    row(ANY, Issuer::AzureApplicationGateway, Strong, &[Says(AZURE_FOOTER)], Untold, Unknown),
    row(&[502], Issuer::AzureApplicationGateway, Strong, &[Begins("server", "Microsoft-Azure-Application-Gateway/")], Broke, Unknown),
    row(&[504], Issuer::AzureApplicationGateway, Strong, &[Begins("server", "Microsoft-Azure-Application-Gateway/")], Slow, Unknown),
    row(ANY, Issuer::AzureApplicationGateway, Strong, &[Begins("server", "Microsoft-Azure-Application-Gateway/")], Untold, Unknown),

    row(&[502], Issuer::AwsApiGateway, Strong, AWS_API, Failed, Unknown),
    row(&[503, 504], Issuer::AwsApiGateway, Strong, AWS_API, Slow, Unknown),
    row(ANY, Issuer::AwsApiGateway, Strong, AWS_API, Untold, Unknown),

    row(&[502], Issuer::AwsAlb, Proven, &[Begins("server", "awselb/")], Broke, Unknown),
    row(&[503], Issuer::AwsAlb, Proven, &[Begins("server", "awselb/")], Lost, NotDelivered),
    row(&[504], Issuer::AwsAlb, Proven, &[Begins("server", "awselb/")], Slow, Unknown),
    row(ANY, Issuer::AwsAlb, Proven, &[Begins("server", "awselb/")], Untold, Unknown),
    row(&[502], Issuer::AwsAlb, Strong, &[Whole(ALB_502)], Broke, Unknown),
    row(&[503], Issuer::AwsAlb, Strong, &[Whole(ALB_503)], Lost, NotDelivered),
    row(&[504], Issuer::AwsAlb, Strong, &[Whole(ALB_504)], Slow, Unknown),

    row(&[502], Issuer::Kong, Proven, KONG, Broke, Unknown),
    row(&[503], Issuer::Kong, Proven, KONG, Lost, NotDelivered),
    row(&[504], Issuer::Kong, Proven, KONG, Slow, Unknown),
    row(ANY, Issuer::Kong, Proven, KONG, Untold, Unknown),
    row(&[502], Issuer::Kong, Strong, &[Says("An invalid response was received from the upstream server")], Broke, Unknown),
    row(&[503], Issuer::Kong, Strong, &[Says("failure to get a peer from the ring-balancer")], Lost, NotDelivered),
    row(&[503], Issuer::Kong, Strong, &[Says("\"message\":\"name resolution failed\"")], Lost, NotDelivered),
    row(&[504], Issuer::Kong, Strong, &[Says("The upstream server is timing out")], Slow, Unknown),
    row(ANY, Issuer::Kong, Weak, &[Begins("server", "kong/"), NotNames("via", "kong")], Untold, Unknown),

    row(ANY, Issuer::Envoy, Strong, &[Says(ENVOY), Says("retried and the latest reset reason:")], Broke, Unknown),
    row(&[503, 504], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: connection failure")], Lost, NotDelivered),
    row(&[503, 504], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: local connection failure")], Lost, NotDelivered),
    row(&[503, 504], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: remote connection failure")], Lost, NotDelivered),
    row(&[503, 504], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: connection timeout")], Lost, NotDelivered),
    row(&[503], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: overflow")], Sheds, NotDelivered),
    row(&[503], Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason: remote refused stream reset")], Sheds, NotDelivered),
    row(ANY, Issuer::Envoy, Strong, &[Says(ENVOY), Says("reset reason:")], Broke, Unknown),
    row(&[503], Issuer::Envoy, Strong, &[Whole("no healthy upstream")], Lost, NotDelivered),
    row(&[504], Issuer::Envoy, Strong, &[Whole("upstream request timeout")], Slow, Unknown),
    row(ANY, Issuer::Envoy, Proven, &[Has("x-envoy-overloaded"), Lacks(ENVOY_UPSTREAM)], Sheds, NotDelivered),
    row(ANY, Issuer::Envoy, Proven, &[Has("x-envoy-ratelimited"), Lacks(ENVOY_UPSTREAM)], LimitsRate, NotDelivered),

    row(&[503], Issuer::Linkerd, Proven, &[Has("l5d-proxy-error")], Sheds, NotDelivered),
    row(&[504], Issuer::Linkerd, Proven, &[Names("l5d-proxy-error", "timeout")], Slow, Unknown),
    row(&[504], Issuer::Linkerd, Proven, &[Names("l5d-proxy-error", "timed out")], Slow, Unknown),
    row(&[504], Issuer::Linkerd, Proven, &[Names("l5d-proxy-error", "fail-fast")], Lost, NotDelivered),
    row(&[504], Issuer::Linkerd, Proven, &[Names("l5d-proxy-error", "failfast")], Lost, NotDelivered),
    row(&[502], Issuer::Linkerd, Proven, &[Has("l5d-proxy-error")], Broke, Unknown),
    row(ANY, Issuer::Linkerd, Proven, &[Has("l5d-proxy-error")], Untold, Unknown),

    row(&[502], Issuer::Varnish, Strong, VARNISH, Broke, Unknown),
    row(&[503], Issuer::Varnish, Strong, VARNISH_FETCH, Broke, Unknown),
    row(ANY, Issuer::Varnish, Strong, VARNISH, Untold, Unknown),
    row(ANY, Issuer::Varnish, Weak, &[Begins("server", "Varnish")], Untold, Unknown),

    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_CONNECT_FAIL")], Lost, NotDelivered),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_DNS_FAIL")], Lost, NotDelivered),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_CANNOT_FORWARD")], Lost, NotDelivered),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_READ_TIMEOUT")], Slow, Unknown),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_READ_ERROR")], Broke, Unknown),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_ZERO_SIZE_OBJECT")], Broke, Unknown),
    row(ANY, Issuer::Squid, Proven, &[Begins("x-squid-error", "ERR_")], Untold, Unknown),

    row(ANY, Issuer::TrafficServer, Weak, &[Begins("server", "ATS/"), Lacks("via")], Untold, Unknown),

    row(&[502], Issuer::HaProxy, Strong, &[Whole(HAPROXY_502), Names("cache-control", "no-cache"), Lacks("server")], Broke, Unknown),
    row(&[503], Issuer::HaProxy, Strong, &[Whole(HAPROXY_503), Names("cache-control", "no-cache"), Lacks("server")], Lost, NotDelivered),
    row(&[504], Issuer::HaProxy, Strong, &[Whole(HAPROXY_504), Names("cache-control", "no-cache"), Lacks("server")], Slow, Unknown),
    // Behind another intermediary, which changes the headers, it still tells the cause.
    row(&[502], Issuer::HaProxy, Weak, &[Whole(HAPROXY_502)], Broke, Unknown),
    row(&[503], Issuer::HaProxy, Weak, &[Whole(HAPROXY_503)], Lost, Unknown),
    row(&[504], Issuer::HaProxy, Weak, &[Whole(HAPROXY_504)], Slow, Unknown),

    row(&[502], Issuer::Traefik, Strong, &[Whole("Bad Gateway"), Lacks("server")], Broke, Unknown),
    row(&[503], Issuer::Traefik, Strong, &[Whole("no available server\n"), Is("x-content-type-options", "nosniff"), Lacks("server")], Lost, NotDelivered),
    row(&[504], Issuer::Traefik, Strong, &[Whole("Gateway Timeout"), Lacks("server")], Slow, Unknown),

    row(&[502], Issuer::Caddy, Strong, CADDY, Broke, Unknown),
    row(&[503], Issuer::Caddy, Strong, CADDY, Lost, Unknown),
    row(&[504], Issuer::Caddy, Strong, CADDY, Slow, Unknown),
    row(ANY, Issuer::Caddy, Weak, &[Begins("server", "Caddy"), NotNames("via", "Caddy")], Untold, Unknown),

    row(&[502], Issuer::Nginx, Strong, &[Says("<center><h1>502 Bad Gateway</h1></center>"), Says(NGINX)], Broke, Unknown),
    row(&[503], Issuer::Nginx, Strong, &[Says("<center><h1>503 Service Temporarily Unavailable</h1></center>"), Says(NGINX)], Sheds, Unknown),
    row(&[504], Issuer::Nginx, Strong, &[Says("<center><h1>504 Gateway Time-out</h1></center>"), Says(NGINX)], Slow, Unknown),
    row(&[429], Issuer::Nginx, Strong, &[Says("<center><h1>429 Too Many Requests</h1></center>"), Says(NGINX)], LimitsRate, Unknown),

    row(&[502], Issuer::Apache, Strong, &[Says("The proxy server received an invalid response from an upstream server")], Broke, Unknown),
    row(&[502, 503], Issuer::Apache, Strong, &[Says("<h1>Proxy Error</h1>"), Says("The proxy server could not handle the request")], Broke, Unknown),
    row(&[503], Issuer::Apache, Strong, &[Says("<h1>Service Unavailable</h1>"), Says(APACHE_503)], Lost, NotDelivered),
    row(&[504], Issuer::Apache, Strong, &[Says("The gateway did not receive a timely response from the upstream server or application")], Slow, Unknown),

    row(ANY, Issuer::Application, Strong, &[Says("\"kind\":\"Status\""), Says("\"apiVersion\":\"v1\"")], Untold, Unknown),
    row(&[503], Issuer::Application, Strong, &[Says("{\"code\":14,\"message\":")], Ailing, Unknown),
    row(&[504], Issuer::Application, Strong, &[Says("{\"code\":4,\"message\":")], Slow, Unknown),
    row(ANY, Issuer::Application, Weak, &[Has("x-powered-by")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("server", "gunicorn")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("server", "uvicorn")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("server", "Kestrel")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("server", "Jetty")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("server", "Werkzeug")], Untold, Unknown),
    row(ANY, Issuer::Application, Weak, &[Begins("content-type", "application/problem+json")], Untold, Unknown),
    // The gateways of AWS answer in JSON, too.
    row(ANY, Issuer::Application, Weak, &[Begins("content-type", "application/json"), Lacks("x-amzn-requestid"), Lacks("x-amz-apigw-id"), Lacks("apigw-requestid")], Untold, Unknown),
];

const CLOUDFRONT: &[Mark] = &[Begins("server", "CloudFront"), Says("Generated by cloudfront (CloudFront)")];
const FASTLY: &[Mark] =
    &[Says("<h3>Guru Meditation:</h3>"), Says("Varnish cache server"), Has("x-served-by"), Has("x-timer")];
const AZURE_PROOF: &[Mark] = &[Has("x-azure-externalerror"), Lacks("x-azure-originstatuscode")];
const AZURE_PAGE: &[Mark] = &[Says("Our services aren't available right now"), Lacks("x-azure-originstatuscode")];
const AZURE_FOOTER: &str = "<hr><center>Microsoft-Azure-Application-Gateway/v2</center>";
const GOOGLE: &[Mark] = &[Says("<h1>Error: Server Error</h1>"), Says("Please try again in 30 seconds")];
const AWS_API: &[Mark] = &[Has("x-amzn-errortype"), Says("{\"message\":")];
const KONG: &[Mark] = &[Has("x-kong-response-latency"), Lacks("x-kong-upstream-latency")];
const ENVOY: &str = "upstream connect error or disconnect/reset before headers.";
const ENVOY_UPSTREAM: &str = "x-envoy-upstream-service-time";
const VARNISH: &[Mark] =
    &[Begins("server", "Varnish"), Says("<h3>Guru Meditation:</h3>"), Says("<p>Varnish cache server</p>")];
const VARNISH_FETCH: &[Mark] =
    &[Begins("server", "Varnish"), Says("Backend fetch failed"), Says("<p>Varnish cache server</p>")];
const CADDY: &[Mark] = &[Begins("server", "Caddy"), NotNames("via", "Caddy"), Is("content-length", "0")];
const NGINX: &str = "<hr><center>nginx";
const APACHE_503: &str =
    "The server is temporarily unable to service your request due to maintenance downtime or capacity problems.";

pub(super) const HAPROXY_502: &str = "<html><body><h1>502 Bad Gateway</h1>\n\
    The server returned an invalid or incomplete response.\n</body></html>\n";
pub(super) const HAPROXY_503: &str = "<html><body><h1>503 Service Unavailable</h1>\n\
    No server is available to handle this request.\n</body></html>\n";
pub(super) const HAPROXY_504: &str = "<html><body><h1>504 Gateway Time-out</h1>\n\
    The server didn't respond in time.\n</body></html>\n";
pub(super) const ALB_502: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
pub(super) const ALB_503: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
    <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";
pub(super) const ALB_504: &str = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n\
    <center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n";
