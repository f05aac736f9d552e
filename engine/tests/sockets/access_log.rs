//! The access log: every exchange has its line, refused ones too, with the reason why it ended as it did.

use crate::support::{Client, End, Gateway, PATIENCE, Setup, each_driver};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tools::upstream::Origin;

/// The lines of a log file, once there are `count`.
fn lines(path: &Path, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.lines().count();
        if whole >= count && text.ends_with('\n') {
            return text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
        }
        assert!(Instant::now() < deadline, "{whole} of {count} lines came: {text}");
        // A file has nothing to wait on.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn who_is_refused_before_all_else_is_logged_and_answered_as_who_he_is() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, limits) = ("trusted_proxies: [127.0.0.1]", "body_bytes: 10B");
        let gateway = Gateway::start(driver, &Setup { gateway, limits, ..Setup::of(&origin) });
        for (line, fields, status) in [
            ("POST /", "Content-Length: 11", 413),
            ("POST /", "Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
            ("POST /", "Transfer-Encoding: gzip", 400),
            ("GET /", "Expect: x", 417),
            ("CONNECT a:80", "X: y", 405),
        ] {
            for id in ["X-Request-Id: known-7\r\n", ""] {
                let mut client = gateway.connect();
                let told = "Host: a\r\nX-Forwarded-For: 192.0.2.7";
                client.send(format!("{line} HTTP/1.1\r\n{told}\r\n{id}{fields}\r\n\r\n"));
                let reply = client.reply().expect(status);
                let log = gateway.log_of(client.addr());
                assert_eq!(log["client_ip"], "192.0.2.7", "{log}");
                let named = reply.value("x-request-id").expect("has one");
                assert!(named == "known-7" || id.is_empty() && named.len() == 36, "{named}");
                assert_eq!(log["request_id"], named, "{log}");
            }
        }
    });
}

#[test]
fn what_is_refused_for_its_head_tells_what_it_asked_for_and_of_whom() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (limits, timeouts) = ("headers: 3, target_bytes: 300B", "head: 200ms");
        let gateway = Gateway::start(driver, &Setup { limits, timeouts, ..Setup::of(&origin) });
        let long = "q".repeat(400);
        for (bytes, status, told) in [
            (
                "GET /ok?x=1 HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n",
                400,
                ["GET", "a.test", "/ok?x=1", "1.1"],
            ),
            ("HEAD /ok HTTP/1.1\r\nX: y\r\n\r\n", 400, ["HEAD", "", "/ok", "1.1"]),
            ("PUT /ok HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, ["PUT", "a", "/ok", "1.0"]),
            ("GET /ok HTTP/1.1\r\nHost: a\r\nX: y\r\nX: y\r\nX: y\r\n\r\n", 431, ["GET", "a", "/ok", "1.1"]),
            (
                &format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
                414,
                ["GET", "a", &format!("/{}", &long[..255]), "1.1"],
            ),
            ("GET /ok HTTP/1.1\r\nHost: a\r\nX:", 408, ["GET", "a", "/ok", "1.1"]),
            ("GET /ok HTTP/3.0\r\nHost: a\r\n\r\n", 505, ["GET", "a", "/ok", "1.1"]),
            ("G@T /ok HTTP/1.1\r\nHost: a\r\n\r\n", 400, ["", "", "", "1.1"]),
        ] {
            let mut client = gateway.connect();
            client.send(bytes);
            let reply = if told[0] == "HEAD" { client.reply_to("HEAD") } else { client.reply() };
            reply.expect(status);
            assert_eq!(client.end(), End::Fin, "{bytes}");
            let line = gateway.log_of(client.addr());
            let said =
                ["method", "host", "path", "version"].map(|name| line[name].as_str().unwrap_or_default());
            assert_eq!(said, told, "{line}");
        }
        assert_eq!(origin.requests().len(), 0);
    });
}

#[test]
fn every_exchange_has_a_line_in_the_file_with_its_reason() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = std::env::temp_dir().join(format!("ringgate-log-{}-{driver:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("access.log");
        let setup = Setup {
            limits: "body_bytes: 1000B, headers: 20, target_bytes: 100B",
            timeouts: "head: 200ms, body: 200ms",
            route_timeouts: "first_byte: 200ms",
            access_log: path.display().to_string(),
            ..Setup::of(&origin)
        };
        let gateway = Gateway::start(driver, &setup);
        let long = "q".repeat(200);
        let many = "X: y\r\n".repeat(30);
        let exchanges = [
            ("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200, "ok"),
            ("GET /status/404 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 404, "ok"),
            ("GET /ok\r\n\r\n".to_owned(), 400, "bad_request"),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "bad_request"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_owned(), 400, "bad_request"),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400, "bad_request"),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505, "version_not_supported"),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 405, "connect_refused"),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n".to_owned(), 417, "expectation_failed"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n".to_owned(), 413, "body_too_large"),
            (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414, "target_too_long"),
            (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "too_many_fields"),
            ("GET / HTTP/1.1\r\nHo".to_owned(), 408, "head_timeout"),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe".to_owned(), 408, "body_timeout"),
            ("GET / HTTP/1.1\r\nHost: barrier.test\r\n\r\n".to_owned(), 502, "upstream_connect"),
            ("GET /close-before-head HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 502, "upstream_reset"),
            ("GET /raw/78 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 502, "upstream_malformed"),
            ("GET /never HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 504, "upstream_timeout"),
            ("GET /cut-length HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200, "upstream_cut"),
        ];
        let mut clients = Vec::new();
        for (request, status, reason) in &exchanges {
            let mut client = gateway.connect();
            client.send(request);
            let reply = client.reply();
            assert_eq!(reply.status, *status, "{request:?}");
            clients.push((client.addr().to_string(), request, *status, *reason));
        }
        let all = lines(&path, exchanges.len());
        assert_eq!(all.len(), exchanges.len(), "one line an exchange");
        for (client, request, status, reason) in clients {
            let line = all.iter().find(|line| line["client"] == client.as_str());
            let line = line.unwrap_or_else(|| panic!("{request:?} has no line"));
            assert!(line["status"] == status && line["reason"] == reason, "{request:?}: {line}");
            assert!(line["time"].is_string() && line["total_us"].is_u64(), "{line}");
        }
        drop(gateway);
        drop(std::fs::remove_dir_all(&folder));
    });
}

#[test]
fn a_head_that_breaks_off_is_told() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut broken = gateway.connect();
        broken.send("GET /half HTTP/1.1\r\nHost: a\r\n");
        broken.finish();
        let line = gateway.log_of(broken.addr());
        assert_eq!((&line["status"], &line["reason"]), (&0.into(), &"client_gone".into()), "{line}");
        assert_eq!(line["path"], "/half", "{line}");
    });
}

// The thread that writes is stuck then, and can tell nothing.
#[test]
fn lines_that_a_stuck_reader_costs_are_told_of() {
    use crate::support::Lines;
    use std::net::TcpListener;
    use std::process::{Command, Stdio};
    let addr = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("is bound");
    let folder = std::env::temp_dir().join(format!("ringgate-stuck-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a writable folder");
    let text = format!(
        "version: 1\ngateway: {{ shards: 1 }}\nlisteners: [{{ name: a, bind: '{addr}' }}]\n\
         routes: [{{ name: all, match: {{ path: /* }}, respond: {{ body: ok }} }}]\n"
    );
    let file = folder.join("ringgate.yaml");
    std::fs::write(&file, text).expect("is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    command.args(["run", "-f"]).arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the built binary starts");
    let said = Lines::of(child.stderr.take().expect("is piped"));
    said.wait("its start", |lines| lines.iter().any(|line| line.contains("started")));
    // Some megabytes of lines: more than the pipe and all batches hold.
    let mut client = Client::connect(addr);
    let path = "p".repeat(7000);
    for _ in 0..600 {
        client.send(format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.reply().expect(200);
    }
    said.wait("the loss", |lines| lines.iter().any(|line| line.contains("access_log_lost")));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    drop(std::fs::remove_dir_all(folder));
}
