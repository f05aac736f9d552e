//! `headers` and `sanitize`.

use super::{ask, scripted, seen, with};
use crate::support::{Setup, three_fresh};

const ALL: &str = r#"
all: { headers: { request: { remove: [X-Gone, Accept], rename: { X-Old: X-New }, set: { X-Fixed: one, X-User: "u-${header.X-Name}", X-Seg: "${path.id}", X-From: "${client.ip} ${method} ${host} ${scheme} ${path} ${listener}/${route} ${query.q} ${cookie.c}", X-None: "a${header.X-Absent}b" }, append: { X-More: two } }, response: { remove: [X-Secret], rename: { X-Was: X-Is }, set: { X-Id: "${request.id}", X-Seg: "${path.id}" }, append: { X-Count: "2" } } } }
hide: { sanitize: { errors: replace } }
keep: { sanitize: { remove: [X-Mine, X-Y-*] } }
dark: { headers: { request: { set: { X-Fixed: one } }, response: { set: { X-Id: a } } }, mode: shadow }
"#;

const ROUTES: [&str; 4] = [
    "match: { path: '/u/{id}/x' }, policies: [all], to: origin",
    "match: { path: /hide/* }, policies: [hide], to: origin",
    "match: { path: /keep }, policies: [keep, dark], to: origin",
    "match: { path: '/own/{id}' }, policies: [all], respond: { headers: { X-Secret: a, X-Was: b }, body: hi }",
];

#[test]
fn fields_of_a_request_are_changed_and_what_frames_it_is_not() {
    with(
        ALL,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let fields = "X-Gone: 1\r\nAccept: */*\r\nX-Old: a\r\nX-Old: b\r\nX-New: c\r\nX-Fixed: no\r\nX-Name: ann\r\n\
            X-User: root\r\nX-None: forged\r\nX-More: one\r\nCookie: c=d\r\nConnection: X-User, X-Fixed\r\n";
            let (request, _) = seen(gateway, origin, "/u/7/x", fields);
            for (name, values) in [
                ("X-Gone", &[][..]),
                ("Accept", &[]),
                ("X-Old", &[]),
                ("X-New", &["a", "b"]),
                ("X-Fixed", &["one"]),
                ("X-User", &["u-ann"]),
                ("X-Seg", &["7"]),
                ("X-None", &[]),
                ("X-More", &["one", "two"]),
                ("Host", &["gw.test"]),
            ] {
                assert_eq!(request.values(name), values, "{name}");
            }
            // Neither `q` nor a part of a value that is missing is made up.
            assert_eq!(request.values("X-From"), [""; 0]);
            three_fresh(gateway);
        },
    );
}

#[test]
fn fields_of_every_reply_are_changed_whoever_gives_it() {
    with(
        ALL,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let origin_says =
                scripted(origin, "reply", 200, "X-Secret: a\r\nX-Was: b\r\nX-Count: 1\r\n", "hi");
            for (path, fields, status) in [
                ("/u/7/x", origin_says.as_str(), 200),
                ("/own/7", "", 200),
                ("/u/7/x", "X-Origin: /reset-before-head\r\n", 502),
            ] {
                let (reply, _) =
                    ask(gateway, &format!("GET {path}"), &format!("{fields}X-Request-Id: abc\r\n"));
                let reply = reply.expect(status);
                assert_eq!(reply.values("X-Secret"), [""; 0], "{path}");
                assert_eq!(
                    (reply.value("X-Id"), reply.value("X-Seg")),
                    (Some("abc"), Some("7")),
                    "{}",
                    reply.head
                );
                if status == 200 {
                    assert_eq!(
                        (reply.value("X-Is"), reply.value("X-Was")),
                        (Some("b"), None),
                        "{}",
                        reply.head
                    );
                }
                assert_eq!(reply.values("X-Count").last(), Some(&"2"), "{}", reply.head);
            }
            three_fresh(gateway);
        },
    );
}

#[test]
fn what_is_internal_stays_inside() {
    with(
        ALL,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let fields = "Server: nginx/1.25\r\nX-Powered-By: PHP/8\r\nx-internal-node: 7\r\nX-Runtime: 0.1\r\nX-Mine: 1\r\nX-Y-Z: 1\r\n";
            let says = scripted(origin, "inner", 200, fields, "hi");
            let (reply, _) = ask(gateway, "GET /hide/x", &says);
            let reply = reply.expect(200);
            for name in ["Server", "X-Powered-By", "X-Internal-Node", "X-Runtime"] {
                assert_eq!(reply.value(name), None, "{name}");
            }
            assert_eq!(reply.value("X-Mine"), Some("1"));
            let (reply, _) = ask(gateway, "GET /keep", &says);
            let reply = reply.expect(200);
            assert_eq!(
                (reply.value("Server"), reply.value("X-Mine"), reply.value("X-Y-Z")),
                (Some("nginx/1.25"), None, None)
            );

            let trace = scripted(
                origin,
                "trace",
                500,
                "Server: nginx/1.25\r\nContent-Type: text/html\r\n",
                "at Main.java:7",
            );
            let (reply, client) = ask(gateway, "GET /hide/x", &trace);
            let reply = reply.expect(500);
            assert_eq!((reply.value("Server"), reply.reason()), (None, "upstream_error".to_owned()));
            assert_eq!(reply.value("content-type"), Some("application/problem+json"));
            assert!(!reply.text().contains("Main.java"), "{}", reply.text());
            assert_eq!(gateway.log_of(client.addr())["reason"], "upstream_error");
            let (reply, _) = ask(gateway, "GET /keep", &trace);
            assert_eq!(reply.expect(500).text(), "at Main.java:7");
            three_fresh(gateway);
        },
    );
}

#[test]
fn an_error_that_is_replaced_says_when_to_come_again_as_its_origin_does() {
    let policies =
        "hide: { sanitize: { errors: replace } }\nmute: { headers: { response: { remove: [Retry-After] } } }";
    let routes = [
        "match: { path: /hide }, policies: [hide], to: origin",
        "match: { path: /mute }, policies: [hide, mute], to: origin",
    ];
    with(
        policies,
        &routes,
        |setup| setup,
        |gateway, origin| {
            for (path, status, fields, told) in [
                ("/hide", 503, "Retry-After: 120\r\nX-Node: 7\r\n", &["120"][..]),
                (
                    "/hide",
                    500,
                    "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
                    &["Wed, 21 Oct 2026 07:28:00 GMT"],
                ),
                ("/hide", 503, "X-Node: 7\r\n", &[]),
                ("/mute", 503, "Retry-After: 120\r\n", &[]),
            ] {
                let says = scripted(
                    origin,
                    &format!("later{status}{}{}", fields.len(), &path[1..]),
                    status,
                    fields,
                    "down",
                );
                let (reply, _) = ask(gateway, &format!("GET {path}"), &says);
                let reply = reply.expect(status);
                assert_eq!(reply.reason(), "upstream_error");
                assert_eq!(
                    (reply.values("Retry-After"), reply.value("X-Node")),
                    (told.to_vec(), None),
                    "{path} {fields}"
                );
            }
            three_fresh(gateway);
        },
    );
}

// As `add_header … always` of nginx, and `response_headers_to_add` of Envoy: a page of an error is shown by a browser too.
#[test]
fn fields_are_set_on_early_refusals_too() {
    let policies = "key: { api_key: { header: X-Key } }\nfew: { limit: { rate: 1/h, key: global } }\n\
        safe: { headers: { request: { set: { X-Who: '${consumer}' } }, response: { set: { X-Frame-Options: DENY, X-Seg: '${path.id}', X-For: '${consumer}' } } } }\n\
        post: { headers: { response: { set: { X-Post: a } } }, when: request.method == \"POST\" }\n\
        dark: { headers: { response: { set: { X-Dark: a } } }, mode: shadow }\n\
        web: { cors: { origins: https://app.test } }";
    let routes = [
        "match: { path: '/known/{id}' }, policies: [web, key, safe, post, dark], to: origin",
        "match: { path: '/few/{id}' }, policies: [web, few, safe, post, dark], respond: {}",
    ];
    with(
        policies,
        &routes,
        |setup| setup,
        |gateway, _| {
            for (path, status) in [("/known/7", 401), ("/few/7", 200), ("/few/7", 429)] {
                let (reply, _) = ask(gateway, &format!("GET {path}"), "Origin: https://app.test\r\n");
                let reply = reply.expect(status);
                assert_eq!(reply.values("X-Frame-Options"), ["DENY"], "{status}: {}", reply.head);
                assert_eq!(reply.values("X-Seg"), ["7"], "{status}: {}", reply.head);
                assert_eq!(reply.value("Access-Control-Allow-Origin"), Some("https://app.test"), "{status}");
                for name in ["X-For", "X-Post", "X-Dark"] {
                    assert_eq!(reply.value(name), None, "{status}: {}", reply.head);
                }
            }
            let (reply, _) = ask(gateway, "POST /known/7", "Content-Length: 0\r\n");
            assert_eq!(reply.expect(401).values("X-Post"), ["a"]);
        },
    );
}

#[test]
fn what_does_not_leave_with_a_reply_does_not_leave_before_it() {
    with(
        ALL,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nServer: nginx\r\nX-Internal-Node: 7\r\n\
                X-Secret: a\r\nX-Was: b\r\nX-Mine: 1\r\nX-Y-Z: 1\r\n\r\n";
            origin.script(
                "hints",
                format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").into_bytes(),
            );
            for (path, gone, kept) in [
                ("/hide/x", &["server", "x-internal-node"][..], &["link", "x-secret", "x-mine"][..]),
                ("/u/7/x", &["x-secret", "x-was"], &["link", "server", "x-internal-node"]),
                ("/keep", &["x-mine", "x-y-z"], &["link", "server", "x-secret"]),
            ] {
                let (reply, _) = ask(gateway, &format!("GET {path}"), "X-Origin: /script/hints\r\n");
                let reply = reply.expect(200);
                let [told] = &reply.interim[..] else { panic!("{:?}", reply.interim) };
                let told = told.to_ascii_lowercase();
                assert!(gone.iter().all(|name| !told.contains(&format!("{name}:"))), "{path}: {told}");
                assert!(kept.iter().all(|name| told.contains(&format!("{name}:"))), "{path}: {told}");
            }
            three_fresh(gateway);
        },
    );
}

#[test]
fn in_shadow_mode_nothing_is_changed() {
    with(
        ALL,
        &ROUTES,
        |setup| setup,
        |gateway, origin| {
            let (request, reply) = seen(gateway, origin, "/keep", "");
            assert_eq!((request.value("X-Fixed"), reply.value("X-Id")), (None, None));
        },
    );
}

#[test]
fn policies_of_the_gateway_and_the_listener_hold_everywhere_and_each_is_asked_once() {
    let policies = "add: { headers: { request: { append: { X-A: one } } } }\nmore: { headers: { request: { append: { X-A: two } } } }";
    let setup = |setup| Setup { gateway: "policies: [add]", listener: "policies: [more, add]", ..setup };
    with(policies, &["match: { path: /r }, policies: [add, more], to: origin"], setup, |gateway, origin| {
        for path in ["/r", "/elsewhere"] {
            assert_eq!(seen(gateway, origin, path, "").0.values("X-A"), ["one", "two"], "{path}");
        }
    });
}
