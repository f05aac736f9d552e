//! The administration interface over sockets: what each page tells, who is let in, and that it is there to the end.

pub(crate) mod metrics;
mod timing;

use crate::support::{Client, Driver, Gateway, Reply, Setup, each_driver, run_to_end};
use crate::tls::files::Folder;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use tools::upstream::{Origin, closed_addr};

/// An administration interface on a free port, beside a gateway that is set up as `setup` says.
fn with_admin(driver: Driver, setup: Setup) -> (Gateway, SocketAddr) {
    let gateway = Gateway::start(driver, &Setup { top: "admin: { bind: 127.0.0.1:0 }".to_owned(), ..setup });
    let addr = address(&gateway);
    (gateway, addr.parse().expect("is bound to an address"))
}

/// Where the gateway says that its administration interface is.
pub(crate) fn address(gateway: &Gateway) -> String {
    let find = |lines: &[String]| {
        lines.iter().find_map(|line| Some(line.split_once(" admin_listening: admin on ")?.1.to_owned()))
    };
    find(&gateway.said().wait("the admin's address", |lines| find(lines).is_some())).expect("it was said")
}

fn ask(admin: SocketAddr, path: &str) -> Reply {
    Client::connect(admin).send(format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\n\r\n")).reply()
}

pub(crate) fn page(admin: SocketAddr, path: &str) -> Value {
    let reply = ask(admin, path).expect(200);
    assert_eq!(reply.value("content-type"), Some("application/json"), "{}", reply.head);
    serde_json::from_slice(&reply.body).expect("a page is JSON")
}

#[test]
fn each_page_that_the_index_lists_is_there() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (_gateway, admin) = with_admin(driver, Setup::of(&origin));
        let index = ask(admin, "/").expect(200).text();
        let pages: Vec<&str> = index
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| word.starts_with('/'))
            .collect();
        assert!(pages.contains(&"/healthz") && pages.contains(&"/config"), "{index}");
        for path in pages {
            let reply = ask(admin, path).expect(200);
            assert_eq!(reply.value("cache-control"), Some("no-store"), "{path}");
        }
        ask(admin, "/nowhere").expect(404);
        Client::connect(admin)
            .send(format!("POST /config HTTP/1.1\r\nHost: {admin}\r\nContent-Length: 0\r\n\r\n"))
            .reply()
            .expect(405);
    });
}

#[test]
fn upstreams_are_shown_as_all_shards_together_see_them() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(driver, Setup { shards: 2, ..Setup::of(&origin) });
        // Each connection is another exchange; together they are on both shards.
        let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect()).collect();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        origin.script("one", format!("{head}ok"));
        for client in &mut clients {
            client.send("GET /held/0/one HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        assert!(origin.wait_held(clients.len()));
        let seen = |name: &str| {
            let shown = page(admin, "/upstreams");
            assert_eq!((&shown["generation"], &shown["silent_shards"]), (&json!(1), &json!([])));
            let all = shown["upstreams"].as_array().expect("a list").clone();
            all.into_iter().find(|upstream| upstream["name"] == name).expect("it is shown")
        };
        let busy = seen("origin");
        let endpoint = &busy["endpoints"][0];
        assert_eq!(busy["balance"], "round_robin");
        assert_eq!((&endpoint["active"], &endpoint["idle_connections"]), (&json!(8), &json!(0)), "{busy}");
        assert_eq!((&busy["connections"], &endpoint["marked_by_shards"]), (&json!(8), &json!(0)), "{busy}");
        origin.release();
        for client in &mut clients {
            client.reply().expect(200);
        }
        let quiet = seen("origin");
        assert_eq!(quiet["endpoints"][0]["idle_connections"], 8, "{quiet}");
        assert_eq!(quiet["endpoints"][0]["address"], origin.addr().to_string());

        gateway.connect().send("GET / HTTP/1.1\r\nHost: barrier.test\r\n\r\n").reply().expect(502);
        let refused = seen("nowhere");
        assert_eq!(refused["endpoints"][0]["marked_by_shards"], 1, "{refused}");
        let left = refused["endpoints"][0]["marked_for_ms"].as_u64();
        assert!(left.is_some_and(|left| left <= 1000), "{refused}");
    });
}

#[test]
fn more_upstreams_than_a_shard_shows_at_once_are_all_shown() {
    each_driver(|driver| {
        let origin = Origin::start();
        let addr = closed_addr();
        let upstreams =
            (0..150).map(|n| format!("  u{n}: {{ endpoints: [{{ address: \"{addr}\" }}] }}\n")).collect();
        let (_gateway, admin) = with_admin(driver, Setup { shards: 2, upstreams, ..Setup::of(&origin) });
        let shown = page(admin, "/upstreams");
        assert_eq!(shown["upstreams"].as_array().map(Vec::len), Some(152));
        assert_eq!(shown["silent_shards"], json!([]));
        let last = &shown["upstreams"][151];
        assert_eq!((&last["name"], last["endpoints"].as_array().map(Vec::len)), (&json!("u149"), Some(1)));
    });
}

#[test]
fn generations_and_routes_are_those_of_the_table() {
    each_driver(|driver| {
        let origin = Origin::start();
        let routes = "- { name: away, match: { path: /away }, redirect: { path: / } }\n\
            - { name: both, match: { path: /both }, to: [{ upstream: origin, weight: 9 }, { upstream: nowhere }] }\n";
        let setup = Setup { shards: 2, routes: routes.to_owned(), ..Setup::of(&origin) };
        let (_gateway, admin) = with_admin(driver, setup);
        let generations = page(admin, "/generations");
        assert_eq!(generations["current"], 1);
        assert_eq!(generations["in_use"][0]["generation"], 1);
        let both = json!([{ "shard": 0, "generation": 1 }, { "shard": 1, "generation": 1 }]);
        assert_eq!(generations["shards"], both, "{generations}");
        let routes = page(admin, "/routes");
        let (away, both) = (&routes["routes"][0], &routes["routes"][1]);
        assert_eq!((&away["name"], &away["ends"]), (&json!("away"), &json!({ "redirect": 308 })));
        assert_eq!(away["written"]["match"]["path"], "/away");
        let ends = json!([{ "upstream": "origin", "weight": 9 }, { "upstream": "nowhere", "weight": 1 }]);
        assert_eq!(both["ends"], ends, "{both}");
        assert_eq!(both["timeouts_ms"]["connect"], 500);
        assert_eq!(both["timeouts_ms"]["total"], Value::Null);
    });
}

#[test]
fn a_request_is_explained_by_the_table_that_is_served_and_is_not_sent() {
    let origin = Origin::start();
    let routes = "- { name: away, match: { path: /away }, redirect: { path: / } }\n".to_owned();
    let (_gateway, admin) = with_admin(Driver::Epoll, Setup { routes, ..Setup::of(&origin) });
    let explain = |question: &str| {
        let length = question.len();
        let head = format!("POST /explain HTTP/1.1\r\nHost: {admin}\r\nContent-Length: {length}\r\n\r\n");
        Client::connect(admin).send(format!("{head}{question}")).reply()
    };
    let told = |question: &str| -> Value {
        serde_json::from_slice(&explain(question).expect(200).body).expect("a report is JSON")
    };
    let away = told(r#"{"request": "GET http://a/away"}"#);
    assert_eq!((&away["outcome"]["kind"], &away["generation"]), (&json!("redirects"), &json!(1)), "{away}");
    let forwards = told(r#"{"request": "GET /ok", "fields": ["Host: a"], "client": "203.0.113.7"}"#);
    assert_eq!(forwards["outcome"]["endpoint"], origin.addr().to_string(), "{forwards}");
    let refused =
        told(r#"{"request": "GET http://a/ok", "fields": ["Content-Length: 1", "Content-Length: 2"]}"#);
    assert_eq!(refused["outcome"]["status"], 400, "{refused}");
    let text = explain(r#"{"request": "GET http://a/", "listener": "none"}"#).expect(400).text();
    assert!(
        text.contains("there is no listener 'none'") && text.contains("known listeners: public"),
        "{text}"
    );
    let text = explain("GET /").expect(400).text();
    assert!(text.contains("help: send {\"request\""), "{text}");
    assert_eq!(origin.requests().len(), 0, "nothing was sent");
}

#[test]
fn it_is_not_ready_once_the_end_has_begun_and_answers_to_the_last() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (mut gateway, admin) = with_admin(driver, Setup::of(&origin));
        assert_eq!(ask(admin, "/readyz").expect(200).text(), "ready\n");
        origin.script("one", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let mut running = gateway.connect();
        running.send("GET /held/0/one HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(origin.wait_held(1));
        gateway.terminate();
        let deadline = std::time::Instant::now() + crate::support::PATIENCE;
        while ask(admin, "/readyz").status == 200 {
            assert!(std::time::Instant::now() < deadline, "the end begins");
        }
        assert_eq!(ask(admin, "/readyz").expect(503).text(), "draining\n");
        ask(admin, "/healthz").expect(200);
        origin.release();
        running.reply().expect(200);
        drop(running);
        assert_eq!(gateway.exit().code(), Some(0));
    });
}

#[test]
fn a_name_that_was_made_to_point_here_reads_nothing() {
    let (_gateway, admin) = with_admin(Driver::Epoll, Setup::before(&[closed_addr()]));
    let reply = Client::connect(admin).send("GET /config HTTP/1.1\r\nHost: evil.test\r\n\r\n").reply();
    let text = reply.expect(421).text();
    assert!(!text.contains("listeners"), "{text}");
}

#[test]
fn a_token_opens_all_pages_and_stands_on_none() {
    let top = "admin: { bind: 127.0.0.1:0, token: 0123456789abcdef }".to_owned();
    let gateway = Gateway::start(Driver::Epoll, &Setup { top, ..Setup::before(&[closed_addr()]) });
    let admin: SocketAddr = address(&gateway).parse().unwrap();
    let reply = ask(admin, "/config").expect(401);
    assert_eq!(reply.value("www-authenticate"), Some("Bearer"));
    // Strangers keep no place to themselves.
    assert!(reply.says_close(), "{}", reply.head);
    assert!(ask(admin, "/readyz").expect(200).says_close());
    let head =
        format!("GET /config HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n");
    let reply = Client::connect(admin).send(head).reply().expect(200);
    assert!(!reply.says_close(), "{}", reply.head);
    let config: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(config["admin"]["token"], "(not shown)");
    assert_eq!(config["listeners"][0]["name"], "public");
    assert!(!reply.text().contains("0123456789abcdef"));
}

#[test]
fn a_new_token_is_taken_by_a_reload_and_the_old_one_opens_nothing() {
    let folder = Folder::new();
    folder.put("token", b"0123456789abcdef");
    let top =
        format!("admin: {{ bind: 127.0.0.1:0, token: \"${{file:{}}}\" }}", folder.path("token").display());
    let gateway = Gateway::start(Driver::Epoll, &Setup { top, ..Setup::before(&[closed_addr()]) });
    let admin: SocketAddr = address(&gateway).parse().unwrap();
    let status = |token: &str| {
        let head = format!("GET /config HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {token}\r\n\r\n");
        Client::connect(admin).send(head).reply().status
    };
    assert_eq!((status("0123456789abcdef"), status("fedcba9876543210")), (200, 401));
    folder.put("token", b"fedcba9876543210");
    gateway.serves(2);
    assert_eq!((status("0123456789abcdef"), status("fedcba9876543210")), (401, 200));
}

#[test]
fn a_unix_socket_is_served_and_its_file_goes_with_it() {
    let folder = std::env::temp_dir().join(format!("ringgate-admin-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path: PathBuf = folder.join("admin.sock");
    let top = format!("admin: {{ bind: \"unix:{}\" }}", path.display());
    let setup = Setup { top, ..Setup::before(&[closed_addr()]) };
    let mut gateway = Gateway::start(Driver::Epoll, &setup);
    assert_eq!(address(&gateway), format!("unix:{}", path.display()));
    let reply = Client::connect_at(&path).send("GET /readyz HTTP/1.1\r\nHost: anything\r\n\r\n").reply();
    assert_eq!(reply.expect(200).text(), "ready\n");
    gateway.terminate();
    assert_eq!(gateway.exit().code(), Some(0));
    assert!(!path.exists(), "the socket's file is gone");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_address_that_is_taken_is_a_refusal_to_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let setup = Setup { top: format!("admin: {{ bind: \"{addr}\" }}"), ..Setup::before(&[addr]) };
    let (output, _) = run_to_end("run", &setup.text(Driver::Epoll));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("admin cannot bind {addr}")), "{said}");
}
