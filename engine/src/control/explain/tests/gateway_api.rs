//! The Kubernetes Gateway API's rules for what becomes of a request once its route is found, each by its name there:
//! redirects, rewrites and weights, from the words of a configuration to what a client or an origin is told. Matching
//! stands in `route/tests/gateway_api`; more of each decider beside it.

use super::{HEAD, Listing, report, table};
use crate::control::explain::{Outcome, Report};

/// A rule, a route with the whole of its end, a request, and what is expected: `STATUS LOCATION` of a redirect, else
/// `TARGET HOST` as forwarded.
type Case = (&'static str, &'static str, &'static str, &'static str);

const PREFIX: &str = "match: { path: /foo/* }";

const CASES: &[Case] = &[
    (
        "HTTPRequestRedirectFilter.scheme",
        "redirect: { scheme: https, status: 301 }",
        "http://a.test/x",
        "301 https://a.test/x",
    ),
    (
        "HTTPRequestRedirectFilter.hostname",
        "redirect: { host: b.test }",
        "http://a.test/x?q",
        "308 http://b.test/x?q",
    ),
    (
        "HTTPRequestRedirectFilter.hostname: empty is the request's",
        "redirect: { port: 81 }",
        "http://a.test/",
        "308 http://a.test:81/",
    ),
    (
        "HTTPRequestRedirectFilter.port: none with a scheme is the scheme's",
        "redirect: { scheme: https }",
        "http://a.test:8080/",
        "308 https://a.test/",
    ),
    (
        "HTTPRequestRedirectFilter.port: 443 of https is left out",
        "redirect: { scheme: https, port: 443 }",
        "http://a.test/",
        "308 https://a.test/",
    ),
    (
        "HTTPRequestRedirectFilter.port: 80 of http is left out",
        "redirect: { scheme: http, port: 80 }",
        "http://a.test/",
        "308 http://a.test/",
    ),
    (
        "HTTPRequestRedirectFilter.statusCode 302",
        "redirect: { host: b.test, status: 302 }",
        "http://a.test/",
        "302 http://b.test/",
    ),
    (
        "HTTPRequestRedirectFilter.statusCode 303",
        "redirect: { host: b.test, status: 303 }",
        "http://a.test/",
        "303 http://b.test/",
    ),
    (
        "HTTPRequestRedirectFilter.statusCode 307",
        "redirect: { host: b.test, status: 307 }",
        "http://a.test/",
        "307 http://b.test/",
    ),
    (
        "HTTPRequestRedirectFilter.path ReplaceFullPath",
        "redirect: { path: /new }",
        "http://a.test/foo/x?q=1",
        "308 http://a.test/new?q=1",
    ),
    (
        "HTTPRequestRedirectFilter.path ReplacePrefixMatch",
        "redirect: { prefix: /xyz }",
        "http://a.test/foo/bar",
        "308 http://a.test/xyz/bar",
    ),
    (
        "HTTPURLRewriteFilter.hostname",
        "rewrite: { host: in.test }, to: a",
        "http://a.test/foo",
        "/foo in.test",
    ),
    (
        "HTTPURLRewriteFilter.path ReplaceFullPath",
        "rewrite: { path: /new }, to: a",
        "http://a.test/foo/x?q",
        "/new?q a.test",
    ),
    (
        "HTTPPathModifier.replacePrefixMatch /foo -> /xyz: /foo/bar",
        "rewrite: { prefix: /xyz }, to: a",
        "http://a.test/foo/bar",
        "/xyz/bar a.test",
    ),
    (
        "HTTPPathModifier.replacePrefixMatch /foo -> /xyz: /foo",
        "rewrite: { prefix: /xyz }, to: a",
        "http://a.test/foo",
        "/xyz a.test",
    ),
    (
        "HTTPPathModifier.replacePrefixMatch /foo -> /xyz: /foo/",
        "rewrite: { prefix: /xyz }, to: a",
        "http://a.test/foo/",
        "/xyz/ a.test",
    ),
    (
        "HTTPPathModifier.replacePrefixMatch /foo -> /: /foo/bar",
        "rewrite: { prefix: / }, to: a",
        "http://a.test/foo/bar",
        "/bar a.test",
    ),
    (
        "HTTPPathModifier.replacePrefixMatch /foo -> /: /foo",
        "rewrite: { prefix: / }, to: a",
        "http://a.test/foo",
        "/ a.test",
    ),
    (
        "HTTPURLRewriteFilter: hostname and path together",
        "rewrite: { host: in.test, prefix: /v2 }, to: a",
        "http://a.test/foo/b",
        "/v2/b in.test",
    ),
];

fn found(route: &str, request: &str) -> Report {
    // Only a prefix can be replaced; everything else goes by any path.
    let matched = if route.contains("prefix") { PREFIX } else { "match: { path: /* }" };
    let upstreams = "upstreams: { a: { endpoints: [{ address: '10.0.0.7:81' }] }, b: { endpoints: [{ address: '10.0.0.8:81' }] } }";
    let text = format!("{HEAD}{upstreams}\nroutes: [{{ name: r, {matched}, {route} }}]\n");
    report(&table(&text), request, &[], Listing::Fitting)
}

fn fact(report: &Report, phase: &str, name: &str) -> String {
    let phase = report.phases.iter().find(|one| one.name == phase).expect("the phase is there");
    let fact = phase.facts.iter().find(|(other, _)| *other == name).map(|(_, fact)| fact);
    fact.and_then(|fact| fact.as_str()).expect("the fact is there").to_owned()
}

#[test]
fn redirects_and_rewrites() {
    for (rule, route, request, expected) in CASES {
        let report = found(route, request);
        let told = match &report.outcome {
            Outcome::Redirects(status, place) => format!("{status} {place}"),
            _ => format!("{} {}", fact(&report, "forward", "target"), fact(&report, "forward", "host")),
        };
        assert_eq!(told, *expected, "{rule}: {route}");
    }
}

#[test]
fn weights() {
    for (rule, to, sides) in [
        (
            "HTTPBackendRef.weight: weight/(sum of all weights)",
            "[{ upstream: a, weight: 3 }, { upstream: b, weight: 1 }]",
            [("a", "3 of 4"), ("b", "1 of 4")],
        ),
        (
            "HTTPBackendRef.weight: 0 forwards no traffic",
            "[{ upstream: a, weight: 0 }, { upstream: b, weight: 1 }]",
            [("a", "has no weight"), ("b", "1 of 1")],
        ),
        (
            "HTTPBackendRef.weight: unspecified is 1",
            "[{ upstream: a }, { upstream: b }]",
            [("a", "1 of 2"), ("b", "1 of 2")],
        ),
    ] {
        let report = found(&format!("to: {to}"), "http://a.test/");
        let split = report.phases.iter().find(|phase| phase.name == "split").expect("is there");
        let rows = split.rows.1.iter().map(|row| (row.name.as_str(), row.why.as_str()));
        assert_eq!(rows.collect::<Vec<_>>(), sides, "{rule}");
    }
}
