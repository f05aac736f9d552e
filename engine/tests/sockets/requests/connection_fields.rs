//! Connection: every field it names goes, with those that are hop by hop anyway; but naming framing, Host or identity
//! fields is no way to remove or to smuggle them (RFC 9110 §7.6.1).

use super::Law::{Refused, Served, ServedLast};
use super::{Case, Seen, Torn, check, request};
use crate::support::{Gateway, Ids, Setup, each_driver};
use tools::upstream::{Origin, Request};

macro_rules! get {
    ($fields:literal) => {
        concat!("GET /echo?{id} HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n\r\n").as_bytes()
    };
}

const fn without(lacks: &'static [&'static str]) -> Seen {
    Seen { body: "", has: &["X-End: 2"], lacks }
}

#[test]
fn what_connection_names_is_removed() {
    let gone = without(&["x-hop", "connection"]);
    let cases: &[Case] = &[
        (get!("Connection: X-Hop\r\nX-Hop: 1\r\nX-End: 2"), Served(gone)),
        (get!("X-Hop: 1\r\nX-End: 2\r\nConnection: x-hop"), Served(gone)),
        (get!("X-Hop: 1\r\nX-End: 2\r\nx-hop: 3\r\nConnection: keep-alive, X-HOP"), Served(gone)),
        (
            get!("X-Hop: 1\r\nX-Hop-2: 1\r\nX-End: 2\r\nConnection: x-hop\r\nConnection: x-hop-2"),
            Served(gone),
        ),
        (get!("X-Hop: 1\r\nX-End: 2\r\nConnection: , ,x-hop ,\t,"), Served(gone)),
        (get!("Cache-Control: x-hop\r\nX-End: 2\r\nConnection: cache-control"), Served(gone)),
        (get!("X-Hop: 1\r\nX-End: 2\r\nConnection: close, x-hop"), ServedLast(gone)),
        (get!("X-Hop: 1\r\nX-End: 2\r\nConnection: x-hop\r\nConnection: Close"), ServedLast(gone)),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn hop_by_hop_fields_are_removed_unnamed() {
    let cases: &[Case] = &[
        (get!("Keep-Alive: timeout=5\r\nX-End: 2"), Served(without(&["keep-alive"]))),
        (get!("Proxy-Connection: keep-alive\r\nX-End: 2"), Served(without(&["proxy-connection"]))),
        (get!("Proxy-Connection: close\r\nX-End: 2"), Served(without(&["proxy-connection"]))),
        (get!("TE: trailers, gzip\r\nX-End: 2"), Served(without(&["te:"]))),
        (get!("Upgrade: foo\r\nX-End: 2"), Served(without(&["upgrade"]))),
        (
            get!("Connection: upgrade\r\nUpgrade: foo/2\r\nX-End: 2"),
            Served(without(&["upgrade", "connection"])),
        ),
        (
            get!(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-End: 2"
            ),
            Served(without(&["upgrade", "http2", "h2c", "connection"])),
        ),
        (get!("Proxy-Authorization: Basic eDp5\r\nX-End: 2"), Served(without(&["proxy-authorization"]))),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn framing_and_host_cannot_be_removed() {
    let five = Seen { body: "hello", has: &["Content-Length: 5", "Host: a"], lacks: &["connection"] };
    let chunked = Seen { body: "hello", has: &["Transfer-Encoding: chunked"], lacks: &["connection"] };
    let cases: &[Case] = &[
        (
            b"POST /echo?{id} HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello",
            Served(five),
        ),
        (
            b"POST /echo?{id} HTTP/1.1\r\nHost: a\r\nConnection: Host\r\nContent-Length: 5\r\n\r\nhello",
            Served(five),
        ),
        (
            b"POST /echo?{id} HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\n\
            Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Served(chunked),
        ),
    ];
    check(Torn::Everywhere, cases);
}

#[test]
fn more_options_than_anyone_needs_are_refused() {
    let many = Refused(400, "many_connection_options");
    let cases: &[Case] =
        &[(get!("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7"), many)];
    check(Torn::Nowhere, cases);
}

/// What the origin sees of a GET with `fields`.
fn sent(gateway: &Gateway, origin: &Origin, fields: &str) -> Request {
    let id = Ids::next();
    let mut client = gateway.connect();
    client.send(format!("GET /echo?{id} HTTP/1.1\r\nHost: own.test\r\n{fields}\r\n"));
    client.reply().expect(200);
    request(origin, &id)
}

/// Fields that tell the origin who asks, and what the gateway says in them of an untrusted client.
const TOLD: [(&str, &str); 4] = [
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "own.test"),
    ("Via", "1.1 ringgate"),
];

#[test]
fn identity_fields_can_be_neither_removed_nor_forged() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (name, told) in TOLD {
            for fields in [
                format!("Connection: {name}\r\n"),
                format!("Connection: close, {}\r\n", name.to_ascii_lowercase()),
                format!("Connection: {name}\r\n{name}: forged\r\n"),
                format!("{name}: forged\r\nConnection: {name}\r\n{name}: forged too\r\n"),
            ] {
                let seen = sent(&gateway, &origin, &fields).values(name);
                assert_eq!(seen.last().map(String::as_str), Some(told), "{fields:?}: {seen:?}");
                assert!(name == "Via" || seen.len() == 1, "{fields:?}: {seen:?}");
            }
        }
        for name in [
            "Forwarded",
            "X-Real-IP",
            "X-Forwarded-Port",
            "X-Forwarded-Prefix",
            "X-Forwarded-Ssl",
            "X-Forwarded-Scheme",
        ] {
            let seen = sent(&gateway, &origin, &format!("{name}: forged\r\n"));
            assert_eq!(seen.values(name), [""; 0], "an untrusted client's {name}");
        }
    });
}

// RFC 3875 §4.1.18: servers of CGI and WSGI make one variable of `X-Real-IP` and `X_Real_IP`.
#[test]
fn other_spellings_of_forwarding_fields_reach_no_origin() {
    each_driver(|driver| {
        let origin = Origin::start();
        let odd = "X_Forwarded_For: 1.1.1.1\r\nx-forwarded_for: 1.1.1.1\r\nX_Forwarded_Proto: https\r\nX_FORWARDED_HOST: x\r\n\
            X_Real_IP: 1.1.1.1\r\nX_Forwarded-Port: 1\r\nX_Forwarded_Prefix: /x\r\nX_Forwarded_Ssl: on\r\n";
        let kept = "X_Forwarded_Fort: 1\r\nX_Other: 2\r\nX-Sum: 3\r\n";
        for gateway in ["", "trusted_proxies: [127.0.0.1]", "forwarded: rfc7239", "forwarded: off"] {
            let gateway = Gateway::start(driver, &Setup { gateway, ..Setup::of(&origin) });
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!(
                "POST /echo?{id} HTTP/1.1\r\nHost: a\r\n{odd}{kept}Transfer-Encoding: chunked\r\n\r\n0\r\n{odd}{kept}\r\n"
            ));
            client.reply().expect(200);
            let seen = request(&origin, &id);
            assert_eq!(String::from_utf8_lossy(&seen.trailers), kept);
            let fields = seen.fields();
            let odd = fields.iter().filter(|(name, _)| name.contains('_')).map(|(name, _)| name.as_str());
            assert_eq!(odd.collect::<Vec<_>>(), ["X_Forwarded_Fort", "X_Other"], "{}", seen.text());
        }
    });
}

#[test]
fn the_request_id_and_credentials_cannot_be_removed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let seen = sent(&gateway, &origin, "Connection: X-Request-Id\r\n");
        assert_eq!(seen.values("x-request-id").len(), 1, "one is made: {}", seen.text());
        for (name, value) in [
            ("X-Request-Id", "client-1"),
            ("Authorization", "Bearer abc"),
            ("X-API-Key", "abc"),
            ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ] {
            let seen = sent(&gateway, &origin, &format!("Connection: {name}\r\n{name}: {value}\r\n"));
            assert_eq!(seen.values(name), [value], "{}", seen.text());
        }
    });
}

#[test]
fn a_trusted_proxys_fields_are_extended_and_cannot_be_removed() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = Setup { gateway: "trusted_proxies: [127.0.0.1]", ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let said = "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n";
        for fields in [
            said.to_owned(),
            format!("Connection: x-forwarded-for, x-forwarded-proto, x-forwarded-host\r\n{said}"),
        ] {
            let seen = sent(&gateway, &origin, &fields);
            assert_eq!(seen.values("x-forwarded-for").join(", "), "9.9.9.9, 127.0.0.1", "{}", seen.text());
            assert_eq!(seen.values("x-forwarded-proto"), ["https"], "{}", seen.text());
            assert_eq!(seen.values("x-forwarded-host"), ["shop.test"], "{}", seen.text());
        }
    });
}
