use super::*;
use crate::route::front::Scheme;
use proptest::prelude::*;

/// Two endpoints behind a gateway that the client calls `gw.example:8080`.
const INSIDE: [Inside<'static>; 2] = [
    Inside {
        name: b"10.0.0.7:8081",
        addr: Some(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7)), 8081)),
    },
    Inside {
        name: b"orders.internal:80",
        addr: Some(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 8)), 80)),
    },
];

const FRONT: &str = "gw.example:8080";

fn back<'a>(
    front: &'a str,
    sent: &'a str,
    by: Option<&'a Rewrite>,
) -> Back<'a, impl Iterator<Item = Inside<'a>> + Clone> {
    Back {
        front: Front { scheme: Scheme::Https, host: front.as_bytes() },
        sent: sent.as_bytes(),
        port: 80,
        inside: INSIDE.into_iter(),
        path: by.map(|by| Rewritten { by, at: 0, asked: b"/api/orders" }),
    }
}

type Map<'m> = &'m dyn Fn(&[u8], &mut Vec<u8>) -> bool;

/// Each value with what it becomes; the same text for what stays.
#[track_caller]
fn check(map: Map<'_>, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let mut out = b"-".to_vec();
        let found = if map(value.as_bytes(), &mut out) { &out[1..] } else { value.as_bytes() };
        assert_eq!(String::from_utf8_lossy(found), *expected, "{value}");
    }
}

#[test]
fn an_internal_authority_becomes_the_one_that_the_client_named() {
    let back = back(FRONT, FRONT, None);
    check(
        &|value, out| back.url(value, out),
        &[
            ("http://10.0.0.7:8081/x?y#z", "https://gw.example:8080/x?y#z"),
            ("HTTP://10.0.0.7:8081", "https://gw.example:8080/"),
            ("http://10.0.0.7/x", "https://gw.example:8080/x"),
            ("http://orders.internal/x", "https://gw.example:8080/x"),
            ("https://Orders.Internal:80?q", "https://gw.example:8080/?q"),
            ("http://10.0.0.8/x", "https://gw.example:8080/x"),
            ("//10.0.0.8:80/x", "https://gw.example:8080/x"),
            ("http://user:word@10.0.0.7:8081/x", "https://gw.example:8080/x"),
            ("http://10.0.0.7:8081\\x", "https://gw.example:8080\\x"),
        ],
    );
}

#[test]
fn what_is_not_the_upstreams_stays() {
    let back = back(FRONT, FRONT, None);
    let same = |value| (value, value);
    check(
        &|value, out| back.url(value, out),
        &[
            same("https://id.example/login?to=http://10.0.0.7:8081/"),
            same("http://10.0.0.7:9999/x"),
            same("http://10.0.0.9/x"),
            same("https://gw.example:8080/x"),
            same("http://gw.example:8080/x"),
            same("/x"),
            same("x/y"),
            same("?q"),
            same(""),
            same("mailto:a@10.0.0.7"),
            same("http://"),
            same("http://a b/"),
        ],
    );
}

#[test]
fn the_host_sent_in_place_of_the_clients_is_internal() {
    let back = back(FRONT, "orders.svc:9000", None);
    check(
        &|value, out| back.url(value, out),
        &[
            ("http://orders.svc:9000/x", "https://gw.example:8080/x"),
            ("http://orders.svc/x", "https://gw.example:8080/x"),
            ("http://orders.svc:9001/x", "http://orders.svc:9001/x"),
        ],
    );
    // Without a port it is that of what the upstream speaks.
    for (port, of_http, of_https) in [(80, true, false), (443, false, true)] {
        let back = Back { port, ..self::back(FRONT, "orders.svc", None) };
        for (value, mapped) in [
            ("http://orders.svc:80/x", of_http),
            ("https://orders.svc:443/x", of_https),
            ("https://orders.svc/x", true),
        ] {
            let expected = if mapped { "https://gw.example:8080/x" } else { value };
            check(&|value, out| back.url(value, out), &[(value, expected)]);
        }
    }
}

#[test]
fn a_path_is_mapped_on_our_own_host_and_where_no_host_is_named() {
    let strip = Rewrite::Strip("/api".into());
    let back = back(FRONT, FRONT, Some(&strip));
    check(
        &|value, out| back.url(value, out),
        &[
            ("/x?y", "/api/x?y"),
            ("/#top", "/api/#top"),
            ("http://10.0.0.7:8081/x", "https://gw.example:8080/api/x"),
            ("http://10.0.0.7:8081", "https://gw.example:8080/api/"),
            ("http://10.0.0.7:8081/api/x", "https://gw.example:8080/api/x"),
            // The scheme is the upstream's choice: `https` may be a way out of plain HTTP.
            ("http://gw.example:8080/x", "http://gw.example:8080/api/x"),
            ("https://id.example/x", "https://id.example/x"),
            ("x/y", "x/y"),
            ("../y", "../y"),
        ],
    );
}

/// `/v2//evil.example` is a path; without `/v2` it would be a host.
#[test]
fn a_mapped_path_never_becomes_another_host() {
    let whole = Rewrite::Prefix { to: "/v2".into(), depths: vec![0] };
    let url = |front: &'static str| {
        let whole = &whole;
        move |value: &[u8], out: &mut Vec<u8>| back(front, "x", Some(whole)).url(value, out)
    };
    check(
        &url(FRONT),
        &[
            ("/v2//evil.example/x", "https://gw.example:8080//evil.example/x"),
            ("/v2/\\evil.example/x", "https://gw.example:8080/\\evil.example/x"),
            ("/v2/x", "/x"),
        ],
    );
    check(
        &url(""),
        &[
            ("http://10.0.0.7:8081/v2//evil.example/x", "/.//evil.example/x"),
            ("http://10.0.0.7:8081//evil.example/x", "/.//evil.example/x"),
            ("http://10.0.0.7:8081/x", "/x"),
            ("/v2//evil.example", "/.//evil.example"),
        ],
    );
}

#[test]
fn the_url_of_a_refresh_is_mapped() {
    let back = back(FRONT, FRONT, None);
    check(
        &|value, out| back.refresh(value, out),
        &[
            ("5; url=http://10.0.0.7:8081/x", "5; url=https://gw.example:8080/x"),
            ("0;URL='http://10.0.0.7:8081/x'", "0;URL=https://gw.example:8080/x"),
            ("0, url=\"http://10.0.0.7:8081/x\"", "0, url=https://gw.example:8080/x"),
            ("5; url=/x", "5; url=/x"),
            ("5", "5"),
            ("5; url=", "5; url="),
        ],
    );
}

#[test]
fn a_cookies_path_follows_the_rewrite() {
    let strip = Rewrite::Strip("/api".into());
    let back = back(FRONT, FRONT, Some(&strip));
    check(
        &|value, out| back.cookie(value, out),
        &[
            ("a=b; Path=/", "a=b; Path=/api"),
            ("a=b;path=/x;Secure", "a=b; Path=/api/x;Secure"),
            ("a=b; Path=/api/x", "a=b; Path=/api/x"),
            ("a=b; HttpOnly", "a=b; HttpOnly"),
            ("a=b; Path=x", "a=b; Path=x"),
            ("path=/; Secure", "path=/; Secure"),
            ("__Host-a=b; Secure; Path=/", "__Host-a=b; Secure; Path=/"),
        ],
    );
}

#[test]
fn a_cookies_domain_goes_when_it_is_the_upstreams() {
    let back = back("gw.example:8080", "orders.svc", None);
    check(
        &|value, out| back.cookie(value, out),
        &[
            ("a=b; Domain=orders.internal; Path=/", "a=b; Path=/"),
            ("a=b; domain=.internal", "a=b"),
            ("a=b; Domain=10.0.0.7;Secure", "a=b;Secure"),
            ("a=b; Domain=10.0.0.8", "a=b"),
            ("a=b; Domain=orders.svc", "a=b"),
            ("a=b; Domain=gw.example", "a=b; Domain=gw.example"),
            ("a=b; Domain=.example", "a=b; Domain=.example"),
            ("a=b; Domain=other.example", "a=b; Domain=other.example"),
            ("a=b; Domain=0.0.7", "a=b; Domain=0.0.7"),
            ("a=b; Domain=", "a=b; Domain="),
            ("domain=orders.internal", "domain=orders.internal"),
        ],
    );
}

proptest! {
    /// Whatever an upstream writes: what is mapped leads to the gateway, and nothing inside shows.
    #[test]
    fn what_is_mapped_leads_to_the_gateway(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "http://", "https://", "//", "/", "\\", "?", "#", "@", ":", "10.0.0.7:8081", "orders.internal", "10.0.0.8",
                FRONT, "evil.example", "/v2", "/api", "..", ";", "url=", " ", "Path=", "Domain=", "a=b", "'",
            ]),
            0..8,
        ),
    ) {
        let value = pieces.concat();
        let by = [Rewrite::Strip("/api".into()), Rewrite::Prefix { to: "/v2".into(), depths: vec![0] }];
        for by in [None, Some(&by[0]), Some(&by[1])] {
            let back = back(FRONT, "orders.svc", by);
            let mut out = Vec::new();
            if back.url(value.as_bytes(), &mut out) {
                let out = String::from_utf8(out).expect("is text");
                let rest = ["https://", "http://", "//"].iter().find_map(|scheme| out.strip_prefix(scheme));
                let ours = rest.is_some_and(|rest| rest.contains(FRONT) && !rest.starts_with("evil"));
                prop_assert!(ours || out.starts_with('/') && !out.starts_with("//"), "{value}: {out}");
                prop_assert!(!out.starts_with("/\\"), "{value}: {out}");
            }
            // Only that they end.
            let _ = back.refresh(value.as_bytes(), &mut Vec::new());
            let _ = back.cookie(value.as_bytes(), &mut Vec::new());
        }
    }
}
