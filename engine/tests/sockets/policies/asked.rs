//! Policies that ask somebody else over sockets: an authorization server about tokens, a service about requests.

use super::{ask, seen, start};
use crate::support::{Client, Driver, Gateway, Reply, Setup, each_driver, three_fresh};
use std::time::{Duration, Instant};
use tools::upstream::{Mode, Origin};

const POLICIES: &str = r#"
token: { introspection: { upstream: auth, path: /script/token, client_id: gw, client_secret: s, forward: { sub: X-User-Id }, timeout: 2s } }
slow: { introspection: { upstream: auth, path: /held/9/token, client_id: gw, client_secret: s, timeout: 300ms } }
held: { introspection: { upstream: auth, path: /held/9/token, client_id: gw, client_secret: s, timeout: 10s } }
fresh: { introspection: { upstream: auth, path: /script/token, bearer: b, cache: 0s, cache_inactive: 0s } }
gate: { forward_auth: { upstream: auth, path: /script/gate, forward: [X-User-Id, X-Roles], claims: { sub: X-User-Id, roles: X-Roles } } }
late: { forward_auth: { upstream: auth, path: /never, timeout: 100ms } }
dark: { forward_auth: { upstream: auth, path: /script/gate }, mode: shadow }
slower: { forward_auth: { upstream: auth, path: /slow-head/1500, timeout: 10s } }
buyers: { authorize: { roles: [buyer] } }
"#;

const ROUTES: [&str; 9] = [
    "match: { path: /token }, policies: [token], to: origin",
    "match: { path: /slow }, policies: [slow], to: origin",
    "match: { path: /held }, policies: [held], to: origin",
    "match: { path: /fresh }, policies: [fresh], to: origin",
    "match: { path: /gate }, policies: [gate, buyers], to: origin",
    "match: { path: /late }, policies: [late], to: origin",
    "match: { path: /dark }, policies: [dark], to: origin",
    "match: { path: /in-time }, policies: [slower], timeouts: { total: 300ms }, to: origin",
    "match: { path: /call }, policies: [gate], grpc_web: true, to: calls",
];

/// Runs `test` with a gateway, an origin, and whom it asks.
fn run(test: impl Fn(&Gateway, &Origin, &Origin)) {
    each_driver(|driver: Driver| {
        let (origin, auth) = (Origin::start(), Origin::start());
        let upstreams = format!(
            "  auth: {{ endpoints: [{{ address: \"{}\" }}] }}\n  calls: {{ endpoints: [{{ address: \"{}\" }}], protocol: http2 }}\n",
            auth.addr(),
            origin.addr()
        );
        let gateway = start(driver, Setup { upstreams, ..Setup::of(&origin) }, POLICIES, &ROUTES);
        test(&gateway, &origin, &auth);
        auth.release();
        three_fresh(&gateway);
    });
}

fn says(auth: &Origin, name: &str, status: &str, fields: &str, body: &str) {
    let length = body.len();
    auth.script(name, format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{fields}\r\n{body}"));
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\nX-Origin: /ok\r\n")
}

/// The reply, and the detail of its line in the log.
fn logged(gateway: &Gateway, path: &str, fields: &str) -> (Reply, String) {
    let (reply, client) = ask(gateway, &format!("GET {path}"), fields);
    let detail = gateway.log_of(client.addr())["detail"].as_str().unwrap_or_default().to_owned();
    (reply, detail)
}

#[test]
fn a_token_is_what_its_server_says_and_that_is_remembered() {
    run(|gateway, origin, auth| {
        says(auth, "token", "200 OK", "", r#"{"active":true,"sub":"ann","exp":4102444800}"#);
        let forged = format!("{}X-User-Id: root\r\n", bearer("t/1"));
        for _ in 0..3 {
            let (request, _) = seen(gateway, origin, "/token", &forged);
            assert_eq!(request.values("x-user-id"), ["ann"]);
        }
        let asked = auth.requests();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].body, b"token_type_hint=access_token&token=t%2F1");
        assert_eq!(asked[0].value("authorization").as_deref(), Some("Basic Z3c6cw=="));
        says(auth, "token", "200 OK", "", r#"{"active":false}"#);
        for _ in 0..3 {
            let (reply, detail) = logged(gateway, "/token", &bearer("t2"));
            let challenge = reply.expect(401).value("www-authenticate").expect("asks").to_owned();
            assert!(
                challenge.contains("invalid_token") && detail == "token_inactive",
                "{challenge} {detail}"
            );
        }
        assert_eq!(auth.requests().len(), 2);
        ask(gateway, "GET /token", "").0.expect(401);
        assert_eq!((auth.requests().len(), origin.requests().len()), (2, 3));
    });
}

#[test]
fn what_is_no_answer_lets_nobody_in() {
    run(|gateway, origin, auth| {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"active\":true}";
        let large = format!(r#"{{"active":true,"x":"{}"}}"#, "y".repeat(70_000));
        for (reply, expected) in [
            (("500 Oops", r#"{"active":true}"#), "answer_unusable"),
            (("401 Who", r#"{"active":true}"#), "answer_unusable"),
            (("200 OK", "true"), "answer_unusable"),
            (("200 OK", &*large), "answer_unusable"),
        ] {
            says(auth, "token", reply.0, "", reply.1);
            let (reply, detail) = logged(gateway, "/fresh", &bearer("t"));
            assert_eq!((reply.expect(503).reason().as_str(), &*detail), ("policy_undecided", expected));
        }
        auth.script("token", "nonsense\r\n\r\n");
        assert_eq!(logged(gateway, "/fresh", &bearer("t")).1, "answer_unusable");
        auth.script("token", cut);
        let began = Instant::now();
        let (reply, detail) = logged(gateway, "/slow", &bearer("t"));
        reply.expect(503);
        assert_eq!(detail, "answer_late");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        auth.switch(Mode::RefuseAfterAccept);
        let (reply, detail) = logged(gateway, "/fresh", &bearer("t"));
        reply.expect(503);
        assert_eq!(detail, "no_answer");
        // It is back, and so is everybody.
        auth.switch(Mode::Serve);
        says(auth, "token", "200 OK", "", r#"{"active":true}"#);
        ask(gateway, "GET /fresh", &bearer("t")).0.expect(200);
        assert_eq!(origin.requests().len(), 1);
    });
}

#[test]
fn many_with_one_token_are_one_question_even_if_the_first_leaves() {
    run(|gateway, _, auth| {
        says(auth, "token", "200 OK", "", r#"{"active":true}"#);
        let request = format!("GET /held HTTP/1.1\r\nHost: gw.test\r\n{}\r\n", bearer("t"));
        let mut first = gateway.connect();
        first.send(&request);
        assert!(auth.wait_held(1));
        let mut clients: Vec<Client> = (0..16).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send(&request);
        }
        first.reset();
        auth.release();
        for client in &mut clients {
            client.reply().expect(200);
        }
        // Those that came after the answer have it from memory.
        assert_eq!(auth.requests().len(), 1);
    });
}

#[test]
fn a_service_lets_pass_and_tells_the_origin_who_calls() {
    run(|gateway, origin, auth| {
        says(auth, "gate", "204 No", "X-User-Id: ann\r\nX-Roles: buyer,clerk\r\nX-Inner: 1\r\n", "");
        let fields = "Cookie: s=1\r\nX-User-Id: root\r\nx_roles: admin\r\nX-Forwarded-Uri: /x\r\n";
        let (request, reply) = seen(gateway, origin, "/gate", fields);
        assert_eq!(
            (request.values("x-user-id"), request.values("x-roles")),
            (vec!["ann".into()], vec!["buyer,clerk".into()])
        );
        assert!(request.value("x_roles").is_none() && request.value("x-inner").is_none());
        assert!(reply.value("x-inner").is_none());
        let asked = &auth.requests()[0];
        assert_eq!((asked.value("cookie").as_deref(), asked.value("x-user-id")), (Some("s=1"), None));
        assert!(asked.value("x-forwarded-uri").is_some_and(|uri| uri.starts_with("/gate?")));
        // It decides on the path that is routed and sent on, however it was spelled.
        for target in ["/x/%2e%2e/%67ate?a=%2e", "/./gate?a=%2e", "http://gw.test/gate?a=%2e"] {
            ask(gateway, &format!("GET {target}"), "X-Origin: /ok\r\n").0.expect(200);
            let last = auth.requests().pop().expect("it was asked");
            assert_eq!(last.value("x-forwarded-uri").as_deref(), Some("/gate?a=%2e"), "{target}");
        }
        // Without a role the next policy refuses, and with nothing said nothing of the client's stays.
        says(auth, "gate", "204 No", "", "");
        let (reply, client) = ask(gateway, "GET /gate", fields);
        reply.expect(403);
        assert_eq!(gateway.log_of(client.addr())["policy"], "buyers");
        // Each request is asked about, over one connection.
        assert_eq!((auth.requests().len(), auth.connections()), (5, 1));
    });
}

#[test]
fn a_service_s_refusal_is_the_clients_answer() {
    run(|gateway, origin, auth| {
        says(auth, "gate", "401 No", "WWW-Authenticate: Basic realm=\"x\"\r\nX-Inner: 1\r\n", "secrets");
        let reply = ask(gateway, "GET /gate", "").0.expect(401);
        assert_eq!(reply.values("www-authenticate"), ["Basic realm=\"x\""]);
        assert!(reply.value("x-inner").is_none() && !reply.text().contains("secrets"));
        says(auth, "gate", "403 No", "Set-Cookie: a=b\r\n", "");
        assert_eq!(ask(gateway, "GET /gate", "").0.expect(403).value("set-cookie"), Some("a=b"));
        says(auth, "gate", "302 Go", "Location: https://id.test/login\r\nSet-Cookie: n=1\r\n", "");
        let (reply, client) = ask(gateway, "GET /gate", "X-Request-Id: id-7\r\n");
        let reply = reply.expect(302);
        assert_eq!(reply.value("location"), Some("https://id.test/login"));
        assert_eq!((reply.value("set-cookie"), reply.body.len()), (Some("n=1"), 0));
        assert_eq!((reply.value("cache-control"), reply.value("content-type")), (Some("no-store"), None));
        // It is a refusal all the same, and told as one.
        assert_eq!(reply.value("x-request-id"), Some("id-7"));
        let line = gateway.log_of(client.addr());
        assert_eq!((&line["reason"], &line["detail"]), (&"unauthenticated".into(), &"service_denies".into()));
        assert_eq!((&line["policy"], &line["status"]), (&"gate".into(), &302.into()));
        // A call has its status, whatever the client does with redirects.
        let call = "Content-Type: application/grpc-web\r\nContent-Length: 0\r\n";
        let reply = ask(gateway, "POST /call", call).0.expect(200);
        assert_eq!(reply.value("grpc-status"), Some("16"));
        // A page that nobody gets to see may be of any length.
        for (status, fields, expected) in [
            ("401 No", "", 401),
            ("302 Go", "Location: /login\r\n", 302),
            ("200 Yes", "X-Roles: buyer\r\n", 200),
        ] {
            says(auth, "gate", status, fields, &"x".repeat(70_000));
            ask(gateway, "GET /gate", "X-Origin: /ok\r\n").0.expect(expected);
        }
        for status in ["404 No", "500 Oops", "429 Slow"] {
            says(auth, "gate", status, "", "");
            let (reply, detail) = logged(gateway, "/gate", "");
            reply.expect(503);
            assert_eq!(detail, "answer_unusable");
        }
        let passed = origin.requests().len();
        let (reply, detail) = logged(gateway, "/late", "");
        reply.expect(503);
        assert_eq!((detail.as_str(), passed, origin.requests().len()), ("answer_late", 1, 1));
        // In shadow mode it is only told.
        let (reply, client) = ask(gateway, "GET /dark", "X-Origin: /ok\r\n");
        assert!(reply.expect(200).value("location").is_none());
        assert_eq!(gateway.log_of(client.addr())["shadow"][0], "dark");
    });
}

// What the time of an exchange ends is told at once, and nothing leaves for the origin behind it.
#[test]
fn who_is_asked_has_no_more_time_than_the_exchange() {
    run(|gateway, origin, auth| {
        let began = Instant::now();
        for _ in 0..2 {
            let (reply, client) = ask(gateway, "POST /in-time", "X-Origin: /ok\r\nContent-Length: 0\r\n");
            assert_eq!(reply.expect(504).reason(), "total_timeout");
            assert_eq!(gateway.log_of(client.addr())["reason"], "total_timeout");
        }
        assert!(began.elapsed() < Duration::from_millis(1400), "{:?}", began.elapsed());
        assert!(auth.wait(|seen| seen.iter().map(|one| one.requests.len()).sum::<usize>() >= 2));
        std::thread::sleep(Duration::from_millis(1600).saturating_sub(began.elapsed()));
        assert_eq!(origin.requests().len(), 0);
    });
}
