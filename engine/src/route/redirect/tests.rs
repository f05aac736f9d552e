use super::*;
use crate::route::rewrite::{Pattern, Template};

fn asked<'a>(front: &'a str, target: &'a str) -> Asked<'a> {
    let (scheme, host) = match front.strip_prefix("https://") {
        Some(host) => (Scheme::Https, host),
        None => (Scheme::Http, front.strip_prefix("http://").expect("has a scheme")),
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Asked {
        front: Front { scheme, host: host.as_bytes() },
        path: path.as_bytes(),
        query: query.map(str::as_bytes),
        at: 0,
    }
}

#[derive(Default)]
struct Parts {
    scheme: Option<Scheme>,
    host: Option<&'static str>,
    port: Option<u16>,
    path: Option<Rewrite>,
}

#[track_caller]
fn check(parts: Parts, front: &str, target: &str, expected: &str) {
    let Parts { scheme, host, port, path } = parts;
    let to = Destination::Parts { scheme, host: host.map(str::to_owned), port, path };
    check_to(to, front, target, expected);
}

#[track_caller]
fn check_to(to: Destination, front: &str, target: &str, expected: &str) {
    let redirect = Redirect { status: 308, to };
    let mut out = Vec::new();
    redirect.location(asked(front, target), &mut Caches::default(), &mut out).expect("can stand");
    assert_eq!(String::from_utf8(out).expect("is text"), expected);
}

const HTTPS: Option<Scheme> = Some(Scheme::Https);
const HTTP: Option<Scheme> = Some(Scheme::Http);

// Gateway API, HTTPRequestRedirectFilter.scheme: "Scheme is the scheme to be used in the value of the Location header in
// the response. When empty, the scheme of the request is used."
#[test]
fn scheme_empty_is_that_of_the_request() {
    check(Parts { host: Some("b"), ..Parts::default() }, "http://a", "/x", "http://b/x");
    check(Parts { host: Some("b"), ..Parts::default() }, "https://a", "/x", "https://b/x");
    check(Parts { scheme: HTTPS, ..Parts::default() }, "http://a", "/x", "https://a/x");
}

// hostname: "When empty, the hostname in the Host header of the request is used."
#[test]
fn hostname_empty_is_that_of_the_request() {
    check(
        Parts { port: Some(81), ..Parts::default() },
        "http://api.example.com",
        "/",
        "http://api.example.com:81/",
    );
    check(Parts { port: Some(81), ..Parts::default() }, "http://[::1]:8080", "/", "http://[::1]:81/");
    check(
        Parts { host: Some("www.example.com"), ..Parts::default() },
        "http://a",
        "/",
        "http://www.example.com/",
    );
}

// path: "When empty, the request path is used as-is." The query stays with it.
#[test]
fn path_empty_is_that_of_the_request() {
    check(
        Parts { host: Some("b"), ..Parts::default() },
        "http://a",
        "/x//y%2F?q=1&r",
        "http://b/x//y%2F?q=1&r",
    );
    check(Parts { host: Some("b"), ..Parts::default() }, "http://a", "*", "http://b/");
}

// path.replaceFullPath and path.replacePrefixMatch.
#[test]
fn path_is_replaced_as_a_whole_or_by_its_prefix() {
    let full =
        || Rewrite::Template(Template::parse("/new/{id}", &[Pattern::Segments("/u/{id}")]).expect("parses"));
    let prefix = || Rewrite::Prefix { to: "/v2".into(), depths: vec![1] };
    check(Parts { path: Some(full()), ..Parts::default() }, "http://a:81", "/u/7?q", "http://a:81/new/7?q");
    check(Parts { path: Some(prefix()), ..Parts::default() }, "http://a", "/u/7/x?q", "http://a/v2/7/x?q");
    check(Parts { path: Some(prefix()), ..Parts::default() }, "http://a", "/u", "http://a/v2");
}

// port: "If redirect scheme is not-empty, the redirect port MUST be the well-known port associated with the redirect
// scheme."
#[test]
fn port_empty_with_a_scheme_is_the_schemes_own() {
    check(Parts { scheme: HTTPS, ..Parts::default() }, "http://a:8080", "/", "https://a/");
    check(Parts { scheme: HTTP, ..Parts::default() }, "http://a:8080", "/", "http://a/");
}

// port: "If redirect scheme is empty, the redirect port MUST be the Gateway Listener port." As the client knows it.
#[test]
fn port_empty_without_a_scheme_is_the_one_the_client_is_on() {
    check(Parts { host: Some("b"), ..Parts::default() }, "http://a:8080", "/", "http://b:8080/");
    check(Parts { host: Some("b"), ..Parts::default() }, "http://a", "/", "http://b/");
}

// port: "Implementations SHOULD NOT add the port number in the 'Location' header" with HTTP and 80, or HTTPS and 443.
#[test]
fn port_80_of_http_and_443_of_https_are_left_out() {
    for (scheme, port, expected) in [
        (HTTP, 80, "http://a/"),
        (HTTPS, 443, "https://a/"),
        (HTTP, 443, "http://a:443/"),
        (HTTPS, 80, "https://a:80/"),
        (HTTPS, 8443, "https://a:8443/"),
        (None, 80, "http://a/"),
        (None, 8080, "http://a:8080/"),
    ] {
        check(Parts { scheme, port: Some(port), ..Parts::default() }, "http://a:9", "/", expected);
    }
    check(Parts { host: Some("b"), ..Parts::default() }, "https://a:443", "/", "https://b/");
}

#[test]
fn a_fixed_destination_stands_as_it_is() {
    for to in ["https://b.example/x?y#z", "/new"] {
        check_to(Destination::Fixed(to.into()), "http://a", "/old?q", to);
    }
}

#[test]
fn a_client_that_named_no_host_stays_where_it_is() {
    let full = || Rewrite::Template(Template::parse("/new", &[Pattern::Segments("/x")]).expect("parses"));
    check(Parts { path: Some(full()), ..Parts::default() }, "http://", "/x?q", "/new?q");
    check(Parts { scheme: HTTPS, ..Parts::default() }, "https://", "//evil.example/x", "/.//evil.example/x");
    check(Parts { host: Some("b"), ..Parts::default() }, "http://", "//x", "http://b//x");
}

#[test]
fn a_client_that_named_no_host_is_not_sent_to_the_same_place_again() {
    for (scheme, port) in [(HTTPS, None), (None, Some(81)), (HTTPS, Some(8443))] {
        let to = Destination::Parts { scheme, host: None, port, path: None };
        let front = Front { scheme: Scheme::Http, host: b"" };
        let asked = Asked { front, path: b"/x", query: None, at: 0 };
        let found = Redirect { status: 308, to }.location(asked, &mut Caches::default(), &mut Vec::new());
        assert_eq!(found, Err(RewriteFault::NoHost), "{port:?}");
    }
}
