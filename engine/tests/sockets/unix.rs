//! Unix sockets on both sides: served like any other, spread over the shards, their files made and removed.

use crate::support::{Client, Driver, End, Gateway, Ids, Setup, Whole, each_driver, run_to_end, three_fresh};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use tools::upstream::{Origin, Request};

const MIB: usize = 1024 * 1024;

/// A folder for sockets, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, driver: Driver) -> Folder {
        let folder = std::env::temp_dir().join(format!("rg-{}-{name}-{driver:?}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn request(origin: &Origin, id: &str) -> Request {
    let seen = origin.seen();
    let found = Ids::found(&seen, &[id.to_owned()]).map(|(_, request)| request.clone()).next();
    found.unwrap_or_else(|| panic!("{id} reached the origin"))
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn both_sides_may_be_unix_sockets() {
    each_driver(|driver| {
        let folder = Folder::new("both", driver);
        let (front, back) = (folder.path("front.sock"), folder.path("back.sock"));
        let mut origin = Origin::start();
        origin.listen_at(&back).unwrap();
        let setup = Setup {
            socket: Some(front.clone()),
            endpoint_sockets: vec![back.clone()],
            limits: "header_bytes: 8KiB",
            ..Setup::before(&[])
        };
        let gateway = Gateway::start(driver, &setup);
        let mut client = Client::connect_at(&front);
        for _ in 0..3 {
            client.send(get("/ok", "")).reply().expect(200);
        }
        assert_eq!(origin.connections(), 1, "the connection behind is used again");
        let line = gateway.log_where("unix:", "a line", |line| line["reused"] == true);
        assert_eq!(line["client_ip"], "unix:");
        assert_eq!(line["endpoint"], format!("unix:{}", back.display()));
        // Large both ways: by splice, in chunks, and ended by the close.
        for path in [format!("/bytes/{}", 20 * MIB), format!("/chunked/{MIB}?size=50000")] {
            let reply = client.send(get(&path, "")).reply().expect(200);
            assert_eq!(reply.whole, Whole::Yes, "{path}");
            assert!(reply.body == tools::upstream::pattern(reply.body.len()), "{path}");
        }
        let body = tools::upstream::pattern(20 * MIB);
        client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
        assert!(client.reply().expect(200).body.ends_with(&body));
        let mut old = Client::connect_at(&front);
        old.send(format!("GET /close-delimited/{MIB} HTTP/1.0\r\n\r\n"));
        assert_eq!(old.reply().expect(200).body.len(), MIB);
        // A refused head, and a tunnel.
        let mut bad = Client::connect_at(&front);
        bad.send("GET /\r\n\r\n").reply().expect(400);
        assert_eq!(bad.end(), End::Fin);
        let mut tunnel = Client::connect_at(&front);
        tunnel.send(get("/upgrade", "Connection: upgrade\r\nUpgrade: websocket\r\n")).reply().expect(101);
        tunnel.send("ping").read_until(|come| come == b"ping");
        three_fresh(&gateway);
    });
}

#[test]
fn a_parked_connection_that_its_unix_origin_closed_is_found_out() {
    each_driver(|driver| {
        let folder = Folder::new("parked", driver);
        let back = folder.path("back.sock");
        let mut origin = Origin::start();
        origin.listen_at(&back).unwrap();
        let setup = Setup { endpoint_sockets: vec![back], ..Setup::before(&[]) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        for target in ["/close-after", "/ok", "/once", "/ok", "/extra-bytes", "/ok", "/reset-after", "/ok"] {
            client.send(get(target, "")).reply().expect(200);
        }
        let line = gateway.log_of(client.addr());
        assert_eq!(line["reason"], "ok");
        three_fresh(&gateway);
    });
}

#[test]
fn an_unlistened_unix_origin_is_502_and_a_full_one_504() {
    each_driver(|driver| {
        let folder = Folder::new("nobody", driver);
        let (dead, full) = (folder.path("dead.sock"), folder.path("full.sock"));
        drop(UnixListener::bind(&dead).unwrap());
        let full_listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        full_listener.bind(&socket2::SockAddr::unix(&full).unwrap()).unwrap();
        full_listener.listen(0).unwrap();
        let _queued = std::os::unix::net::UnixStream::connect(&full).unwrap();
        for (path, status, reason) in [
            (folder.path("none.sock"), 502, "upstream_connect"),
            (dead, 502, "upstream_connect"),
            (full, 504, "upstream_connect_timeout"),
        ] {
            let setup = Setup {
                endpoint_sockets: vec![path],
                route_timeouts: "connect: 300ms",
                ..Setup::before(&[])
            };
            let gateway = Gateway::start(driver, &setup);
            let mut client = gateway.connect();
            client.send(get("/ok", "")).reply().expect(status);
            assert_eq!(gateway.log_of(client.addr())["reason"], reason);
        }
    });
}

#[test]
fn a_unix_client_has_no_address_to_forward() {
    each_driver(|driver| {
        let folder = Folder::new("fields", driver);
        let front = folder.path("front.sock");
        let origin = Origin::start();
        for (gateway, client_ip, forwarded_for, forwarded) in [
            ("", "unix:", None, None),
            ("trusted_proxies: [10.0.0.0/8, unix]", "203.0.113.9", Some("203.0.113.9"), Some("for=9.9.9.9")),
            ("forwarded: rfc7239", "unix:", None, Some("for=unknown;host=\"a\";proto=http")),
            (
                "forwarded: rfc7239, trusted_proxies: [unix]",
                "9.9.9.9",
                Some("203.0.113.9"),
                Some("for=9.9.9.9, for=unknown;host=\"a\";proto=http"),
            ),
        ] {
            let setup = Setup { gateway, socket: Some(front.clone()), ..Setup::of(&origin) };
            let gateway = Gateway::start(driver, &setup);
            let (id, mut client) = (Ids::next(), Client::connect_at(&front));
            let said = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=9.9.9.9\r\n";
            client.send(get(&format!("/echo?{id}"), said)).reply().expect(200);
            let seen = request(&origin, &id);
            assert_eq!(seen.value("x-forwarded-for").as_deref(), forwarded_for, "{setup:?}");
            assert_eq!(seen.value("forwarded").as_deref(), forwarded, "{setup:?}");
            assert_eq!(gateway.log_of("unix:")["client_ip"], client_ip, "{setup:?}");
        }
    });
}

#[test]
fn one_shard_accepts_and_all_of_them_serve_evenly() {
    each_driver(|driver| {
        let folder = Folder::new("spread", driver);
        let front = folder.path("front.sock");
        let origin = Origin::start();
        let setup = Setup { shards: 3, socket: Some(front.clone()), ..Setup::of(&origin) };
        let gateway = Gateway::start(driver, &setup);
        let mut clients: Vec<Client> = (0..30).map(|_| Client::connect_at(&front)).collect();
        for client in &mut clients {
            client.send(get("/ok", "")).reply().expect(200);
        }
        let mut served = [0; 3];
        for line in gateway.logs_of("unix:", 30) {
            served[line["shard"].as_u64().unwrap() as usize] += 1;
        }
        assert_eq!(served, [10; 3]);
    });
}

#[test]
fn the_socket_is_there_while_it_is_listened_to_and_gone_after() {
    each_driver(|driver| {
        let folder = Folder::new("file", driver);
        let front = folder.path("front.sock");
        let origin = Origin::start();
        // What a process that was killed leaves behind.
        drop(UnixListener::bind(&front).unwrap());
        let setup = Setup { socket: Some(front.clone()), ..Setup::of(&origin) };
        let mut gateway = Gateway::start(driver, &setup);
        assert!(fs::metadata(&front).unwrap().file_type().is_socket());
        let own = format!("listener public on unix:{}", front.display());
        gateway.said().wait("the path", |lines| lines.iter().any(|line| line.ends_with(&own)));
        Client::connect_at(&front).send(get("/ok", "")).reply().expect(200);
        // Another gateway is refused the path, and takes nothing away.
        let (output, _) = run_to_end("run", &setup.text(driver));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("another process listens there"), "{said}");
        Client::connect_at(&front).send(get("/ok", "")).reply().expect(200);
        gateway.terminate();
        gateway.exit();
        assert!(!front.exists(), "the file goes with the process");
    });
}

#[test]
fn what_is_accepted_before_the_end_is_served_whichever_shard_it_is_on() {
    each_driver(|driver| {
        let folder = Folder::new("drain", driver);
        let front = folder.path("front.sock");
        let origin = Origin::start();
        origin.script("late", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
        let setup = Setup { shards: 2, socket: Some(front.clone()), ..Setup::of(&origin) };
        let mut gateway = Gateway::start(driver, &setup);
        let mut clients: Vec<Client> = (0..8).map(|_| Client::connect_at(&front)).collect();
        for client in &mut clients {
            client.send(get("/held/10/late", ""));
        }
        assert!(origin.wait_held(8));
        gateway.terminate();
        // The end has begun once the path is gone.
        while front.exists() {
            std::thread::yield_now();
        }
        origin.release();
        for client in &mut clients {
            client.reply().expect(200);
        }
        assert!(gateway.exit().success());
    });
}

#[test]
fn a_cut_answer_looks_cut_on_a_unix_socket_too() {
    each_driver(|driver| {
        let folder = Folder::new("cut", driver);
        let front = folder.path("front.sock");
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { socket: Some(front.clone()), ..Setup::of(&origin) });
        for target in ["/cut-length", "/cut-chunked", "/reset-mid-body"] {
            let mut client = Client::connect_at(&front);
            let reply = client.send(get(target, "")).reply();
            assert_eq!((reply.status, reply.whole), (200, Whole::Cut), "{target}");
        }
        let cut = |line: &Value| line["reason"] == "upstream_cut";
        gateway.log_where("unix:", "a cut", cut);
        three_fresh(&gateway);
    });
}
