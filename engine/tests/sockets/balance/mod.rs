//! What a client sees of balancing: shares by weight, keys that stick, cookies, groups that step in, and endpoints that
//! are slow, refuse or do not answer.

mod health;

use crate::support::{Client, Gateway, PATIENCE, Reply, Setup, each_driver};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};
use tools::upstream::{Down, Mode, Origin};

fn ask(gateway: &Gateway, fields: &str) -> (Reply, SocketAddr) {
    let mut client = gateway.connect();
    (ask_on(&mut client, fields), client.addr())
}

fn ask_on(client: &mut Client, fields: &str) -> Reply {
    client.send(format!("GET /ok HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.reply()
}

fn origins<const N: usize>() -> ([Origin; N], [SocketAddr; N]) {
    let origins = std::array::from_fn(|_| Origin::start());
    let addrs = origins.each_ref().map(Origin::addr);
    (origins, addrs)
}

fn served<const N: usize>(origins: &[Origin; N]) -> [usize; N] {
    origins.each_ref().map(|origin| origin.requests().len())
}

/// Asks until `holds` of the endpoint that served.
fn ask_until(gateway: &Gateway, endpoint: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let (reply, client) = ask(gateway, "");
        reply.expect(200);
        if gateway.log_of(client)["endpoint"] == endpoint.to_string() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("{endpoint} serves nobody");
}

#[test]
fn requests_are_shared_out_by_weight() {
    for balance in ["round_robin", "least_connections", "{ sticky_cookie: { name: rg } }"] {
        each_driver(|driver| {
            let (origins, endpoints) = origins::<3>();
            let endpoint_keys = &["weight: 5", "", "weight: 2"];
            let setup = Setup { balance, endpoint_keys, ..Setup::before(&endpoints) };
            let gateway = Gateway::start(driver, &setup);
            let mut client = gateway.connect();
            for _ in 0..40 {
                ask_on(&mut client, "").expect(200);
            }
            assert_eq!(served(&origins), [25, 5, 10], "{balance}");
        });
    }
}

#[test]
fn a_key_goes_to_one_endpoint_whatever_the_connection_and_the_shard() {
    for (balance, name, lead) in [
        ("{ consistent_hash: header.X-User }", "x-user", ""),
        ("{ consistent_hash: cookie.user }", "cookie", "a=b; user="),
    ] {
        each_driver(|driver| {
            let (origins, endpoints) = origins::<4>();
            let gateway = Gateway::start(driver, &Setup { balance, shards: 2, ..Setup::before(&endpoints) });
            for round in 0..3 {
                for user in 0..20 {
                    ask(&gateway, &format!("{name}: {lead}u{user}\r\nX-Round: {round}\r\n")).0.expect(200);
                }
            }
            let of = |origin: &Origin| {
                let all = origin.requests();
                let mut users: Vec<String> = all.iter().filter_map(|request| request.value(name)).collect();
                assert_eq!(users.len() % 3, 0, "{balance}: each user comes three times or never");
                users.sort();
                users.dedup();
                assert_eq!(users.len() * 3, all.len());
                users.len()
            };
            let users = origins.each_ref().map(of);
            assert_eq!(users.iter().sum::<usize>(), 20);
            assert!(users.iter().filter(|&&users| users > 0).count() >= 3, "{balance}: {users:?}");
            // Whoever brings no key goes by address: here all of them come from one.
            let before = served(&origins);
            for _ in 0..9 {
                ask(&gateway, "").0.expect(200);
            }
            let grown = served(&origins).iter().zip(before).filter(|(now, before)| *now > before).count();
            assert_eq!(grown, 1, "{balance}");
        });
    }
}

#[test]
fn a_path_is_hashed_without_its_query() {
    each_driver(|driver| {
        let (origins, endpoints) = origins::<4>();
        let balance = "{ consistent_hash: path }";
        let gateway = Gateway::start(driver, &Setup { balance, ..Setup::before(&endpoints) });
        let mut client = gateway.connect();
        for query in 0..8 {
            client.send(format!("GET /a/../ok?{query} HTTP/1.1\r\nHost: a\r\n\r\n"));
            client.reply().expect(200);
        }
        let mut served = served(&origins);
        served.sort_unstable();
        assert_eq!(served, [0, 0, 0, 8]);
    });
}

#[test]
fn a_cookie_is_issued_once_and_honoured() {
    each_driver(|driver| {
        let (origins, endpoints) = origins::<4>();
        let balance = "{ sticky_cookie: { name: rg, ttl: 1h, key: 0123456789abcdef } }";
        let gateway = Gateway::start(driver, &Setup { balance, shards: 2, ..Setup::before(&endpoints) });
        for _ in 0..8 {
            let reply = ask(&gateway, "").0.expect(200);
            let cookie = reply.value("set-cookie").expect("a cookie is issued").to_owned();
            let (pair, attributes) = cookie.split_once("; ").expect("it has attributes");
            assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=3600");
            let id = pair.strip_prefix("rg=").expect("it has the name");
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
            let before = served(&origins);
            for _ in 0..4 {
                let reply = ask(&gateway, &format!("Cookie: x=y; {pair}\r\n")).0.expect(200);
                assert_eq!(reply.value("set-cookie"), None, "it has one already");
            }
            let mut grown: Vec<usize> =
                served(&origins).iter().zip(before).map(|(now, before)| now - before).collect();
            grown.sort_unstable();
            assert_eq!(grown, [0, 0, 0, 4], "all to one endpoint");
        }
        for unknown in ["rg=0123456789abcdef", "rg=", "rg=nonsense"] {
            let reply = ask(&gateway, &format!("Cookie: {unknown}\r\n")).0.expect(200);
            assert!(reply.value("set-cookie").is_some_and(|cookie| cookie.starts_with("rg=")), "{unknown}");
        }
    });
}

#[test]
fn a_client_whose_endpoint_is_down_is_given_another() {
    each_driver(|driver| {
        let (lasting, leaving) = (Origin::start(), Origin::start());
        let balance = "{ sticky_cookie: { name: rg } }";
        let setup = |other| Setup { balance, ..Setup::before(&[lasting.addr(), other]) };
        let before = Gateway::start(driver, &setup(leaving.addr()));
        let cookies = [(); 2].map(|()| {
            let reply = ask(&before, "").0.expect(200);
            reply.value("set-cookie").expect("a cookie is issued").split(';').next().unwrap().to_owned()
        });
        assert_ne!(cookies[0], cookies[1], "each endpoint has its own");
        // A gateway beside it, or after it, reads the same cookies.
        let after = Gateway::start(driver, &setup(Down::new().unwrap().addr().unwrap()));
        let issued = cookies.map(|cookie| {
            let reply = ask(&after, &format!("Cookie: {cookie}\r\n")).0.expect(200);
            reply.value("set-cookie").is_some()
        });
        assert_ne!(issued[0], issued[1], "one of them names an endpoint that is gone");
    });
}

#[test]
fn the_next_group_serves_while_the_first_is_down_and_no_longer() {
    for balance in ["round_robin", "least_connections", "peak_ewma", "{ consistent_hash: path }"] {
        each_driver(|driver| {
            let spare = Origin::start();
            let down = [Down::new().unwrap(), Down::new().unwrap()];
            let endpoints = [spare.addr(), down[0].addr().unwrap(), down[1].addr().unwrap()];
            let setup = Setup { balance, endpoint_keys: &["priority: 1"], ..Setup::before(&endpoints) };
            let gateway = Gateway::start(driver, &setup);
            for request in 1..=10 {
                ask(&gateway, "").0.expect(200);
                assert_eq!(spare.requests().len(), request, "{balance}");
            }
            let [first, _down] = down;
            let first = first.start().unwrap();
            ask_until(&gateway, first.addr());
            let before = spare.requests().len();
            for _ in 0..10 {
                ask(&gateway, "").0.expect(200);
            }
            assert_eq!(spare.requests().len(), before, "{balance}: one of the first group is enough");
        });
    }
}

#[test]
fn a_slow_endpoint_gets_little_by_peak_ewma() {
    each_driver(|driver| {
        let (origins, endpoints) = origins::<3>();
        origins[1].switch(Mode::Slow(Duration::from_millis(150)));
        let setup = Setup { balance: "peak_ewma", ..Setup::before(&endpoints) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        for _ in 0..90 {
            ask_on(&mut client, "").expect(200);
        }
        let served = served(&origins);
        assert!(served[1] <= 5, "a fifth of its share is six: {served:?}");
        assert!(served[0] > 15 && served[2] > 15, "{served:?}");
    });
}

#[test]
fn a_slow_endpoint_gets_little_over_http2_too() {
    each_driver(|driver| {
        let (origins, addrs) = origins::<2>();
        origins[1].switch(Mode::Slow(Duration::from_millis(100)));
        // Each speaks HTTP/2 by a gateway before it.
        let fronts = addrs.map(|origin| {
            let text = format!(
                "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners: [{{ bind: 127.0.0.1:0, protocols: [http2] }}]\n\
                 upstreams: {{ origin: {{ endpoints: [{{ address: '{origin}' }}] }} }}\nroutes: [{{ name: all, to: origin }}]\n",
                driver.name(),
            );
            Gateway::with(&text, 1)
        });
        let endpoints = fronts.each_ref().map(Gateway::addr);
        let setup = Setup { balance: "peak_ewma", upstream: "protocol: http2", ..Setup::before(&endpoints) };
        let gateway = Gateway::start(driver, &setup);
        let mut client = gateway.connect();
        for _ in 0..60 {
            ask_on(&mut client, "").expect(200);
        }
        let served = served(&origins);
        assert!(served[1] <= 5 && served[0] >= 55, "{served:?}");
    });
}

// A request that makes one close its connection can be sent by anybody.
#[test]
fn a_request_that_an_endpoint_drops_takes_it_from_nobody() {
    each_driver(|driver| {
        let origins = [Origin::start(), Origin::start()];
        let endpoints = origins.each_ref().map(Origin::addr);
        let balance = "{ sticky_cookie: { name: side } }";
        let gateway = Gateway::start(driver, &Setup { balance, ..Setup::before(&endpoints) });
        let (reply, client) = ask(&gateway, "");
        let side = gateway.log_of(client)["endpoint"].clone();
        let cookie =
            reply.value("set-cookie").expect("sticks").split(';').next().expect("has a value").to_owned();
        for _ in 0..6 {
            let mut client = gateway.connect();
            client.send(format!("GET /close-before-head HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"));
            client.reply().expect(502);
            let (reply, client) = ask(&gateway, &format!("Cookie: {cookie}\r\n"));
            assert_eq!(reply.expect(200).value("set-cookie"), None, "it stays where it is");
            assert_eq!(gateway.log_of(client)["endpoint"], side);
        }
    });
}

#[test]
fn an_endpoint_that_fails_at_once_gets_little() {
    each_driver(|driver| {
        for balance in ["peak_ewma", "least_connections", "round_robin"] {
            let origin = Origin::start();
            let broken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let addr = broken.local_addr().expect("is bound");
            // It takes connections and closes them, once it has read.
            thread::spawn(move || {
                for stream in broken.incoming() {
                    let _ = stream.and_then(|mut stream| stream.read(&mut [0; 4096]));
                }
            });
            let setup = Setup { balance, ..Setup::before(&[addr, origin.addr()]) };
            let gateway = Gateway::start(driver, &setup);
            let failed = (0..60).filter(|_| ask(&gateway, "").0.status == 502).count();
            assert!((1..=6).contains(&failed), "{balance}: three, and one more a second or so: {failed}");
        }
    });
}

#[test]
fn an_endpoint_that_does_not_answer_a_dial_costs_its_time_once() {
    each_driver(|driver| {
        // Where the queue of a listener is full, the kernel drops what would open a connection.
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        full.listen(0).unwrap();
        let addr = full.local_addr().unwrap();
        let queued: Vec<Socket> = (0..4).map(|_| queue(&addr)).collect();
        let origin = Origin::start();
        let setup = Setup {
            route_timeouts: "connect: 400ms",
            ..Setup::before(&[addr.as_socket().unwrap(), origin.addr()])
        };
        let gateway = Gateway::start(driver, &setup);
        let waited = (0..30).filter(|_| {
            let began = Instant::now();
            ask(&gateway, "").0.expect(200);
            began.elapsed() >= Duration::from_millis(350)
        });
        let waited = waited.count();
        assert!((1..=3).contains(&waited), "one, and one more a second or so: {waited}");
        assert_eq!(origin.requests().len(), 30);
        drop(queued);
    });
}

/// A connection that waits in the listener's queue, or for room in it.
fn queue(addr: &SockAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    // It is under way, or through.
    drop(socket.connect(addr));
    socket
}
