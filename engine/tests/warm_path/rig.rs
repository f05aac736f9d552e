//! One real shard between an origin and a client, each on a thread of its own.

use ringgate::base::{Generation, ListenerId, SocketId};
use ringgate::control::{load, logs};
use ringgate::net::driver::{Driver, probe_io_uring};
use ringgate::net::listener::Bound;
use ringgate::net::{clock, ring};
use ringgate::shard::{Message, Setup, Shared, start};
use ringgate::table::Table;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Bounds every wait for a peer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The drivers that work on this machine.
pub fn drivers() -> Vec<Driver> {
    probe_io_uring().into_iter().chain([Driver::Epoll]).collect()
}

/// Rigs take turns: the shard of each is found by its thread's name.
#[allow(clippy::disallowed_types)]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A shard that runs until this is dropped.
pub struct Rig {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<()>>>,
    logs: Option<logs::Logs>,
    #[allow(clippy::disallowed_types)]
    _turn: std::sync::MutexGuard<'static, ()>,
}

impl Rig {
    /// A shard on `driver` before an origin that answers each request with `reply`. `top` is the head of its
    /// configuration, such as the access log.
    pub fn start(driver: Driver, top: &str, reply: Vec<u8>) -> Rig {
        Rig::with_route(driver, top, "to: [{ upstream: origin }]", reply)
    }

    /// The same, whose one route does `route` with every request.
    pub fn with_route(driver: Driver, top: &str, route: &str, reply: Vec<u8>) -> Rig {
        Rig::before(driver, top, route, (origin(reply), ""))
    }

    /// The same before an origin that speaks TLS.
    pub fn secured(driver: Driver, reply: Vec<u8>) -> Rig {
        let keys = format!(", tls: {{ roots: {} }}", file("ca.pem").display());
        Rig::before(driver, "access_log: off", "to: origin", (secured_origin(reply), &keys))
    }

    /// A shard before the origin at an address, of which more keys are written.
    fn before(driver: Driver, top: &str, route: &str, (origin, keys): (SocketAddr, &str)) -> Rig {
        let turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
        let text = format!(
            "version: 1\n{top}\nlisteners: [{{ bind: 127.0.0.1:0 }}]\nupstreams: {{ origin: {{ endpoints: [{{ \
             address: \"{origin}\" }}]{keys} }} }}\nroutes: [{{ name: all, match: {{ path: /* }}, {route} }}]\n"
        );
        let config = load::parse("rig.yaml", text).expect("the rig's configuration is valid");
        let (mut table, _) =
            load::compile(&config, Generation(1), None).expect("the rig's configuration compiles");
        let shared = Shared::new(1);
        if let Some(admin) = &table.admin {
            shared.meters.bound(admin.series);
            table.arm(&shared.meters);
        }
        let table = Arc::new(table);
        let bound = Bound::new(SocketAddr::from(([127, 0, 0, 1], 0)), 1024).expect("binds");
        let addr = bound.addr().expect("is bound");
        let (sender, receiver) = ring::ring(64);
        let counts = Arc::default();
        let feed = logs::Feed { ring: receiver, counts: Arc::clone(&counts) };
        let logs = logs::Logs::start(target(&table), vec![feed], clock::now).expect("the log thread starts");
        let listeners = vec![(SocketId(1), ListenerId(0), bound)];
        let setup =
            Setup { index: 0, cpu: 0, driver, table, shared: shared.clone(), counts, listeners, seed: 7 };
        let thread = start(setup, sender).expect("the shard starts");
        Rig { addr, shared, thread: Some(thread), logs: Some(logs), _turn: turn }
    }

    /// A client connected to the shard.
    pub fn client(&self) -> Client {
        let stream = TcpStream::connect(self.addr).expect("the shard listens");
        stream.set_nodelay(true).expect("is a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        Client { reader: BufReader::new(stream.try_clone().expect("has a descriptor")), stream }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.shared.mailboxes[0]
            .send(Message::Drain { exchanges: Duration::from_millis(1), lasting: None });
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the shard did not panic").expect("the shard's driver was built");
        }
        if let Some(logs) = self.logs.take() {
            logs.stop(PATIENCE);
        }
    }
}

fn target(table: &Table) -> logs::Target {
    let path = table.gateway.access_log.as_ref().map_or("/dev/null", |log| &log.path);
    logs::Target::File(PathBuf::from(path))
}

/// A client with one connection.
pub struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Sends `request` and reads an answer of `reply_bytes`, head included.
    pub fn exchange(&mut self, request: &[u8], reply_bytes: usize, scrap: &mut Vec<u8>) {
        self.stream.write_all(request).expect("the shard reads");
        scrap.resize(reply_bytes, 0);
        self.reader.read_exact(scrap).expect("the answer comes whole");
        assert!(scrap.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&scrap[..60]));
    }

    /// The same for an answer with a body of `body_bytes` whose head is not always as long.
    pub fn exchange_whole(&mut self, request: &[u8], body_bytes: usize, scrap: &mut Vec<u8>) {
        self.stream.write_all(request).expect("the shard reads");
        scrap.clear();
        while !scrap.ends_with(b"\r\n\r\n") {
            self.reader.read_until(b'\n', scrap).expect("the head comes whole");
        }
        assert!(scrap.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(scrap));
        scrap.resize(body_bytes, 0);
        self.reader.read_exact(scrap).expect("the body comes whole");
    }

    /// Sends `request` and reads what comes within a moment: how long the answer is.
    pub fn measure(&mut self, request: &[u8]) -> usize {
        self.stream.write_all(request).expect("the shard reads");
        let short = Some(Duration::from_millis(150));
        self.stream.set_read_timeout(short).expect("takes a timeout");
        let mut answer = Vec::new();
        let end = self.reader.read_to_end(&mut answer).expect_err("the connection stays open");
        assert_eq!(end.kind(), io::ErrorKind::WouldBlock);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        answer.len()
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/origins").join(name)
}

/// As [`origin`], over TLS.
fn secured_origin(reply: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = listener.local_addr().expect("is bound");
    let certs = CertificateDer::pem_file_iter(file("origin.pem")).expect("is there");
    let certs = certs.collect::<Result<_, _>>().expect("are certificates");
    let key = PrivateKeyDer::from_pem_file(file("leaf.key")).expect("is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("there are suites");
    let config = config.with_no_client_auth().with_single_cert(certs, key).expect("is an identity");
    let (config, reply) = (Arc::new(config), Arc::<[u8]>::from(reply));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let session = ServerConnection::new(config.clone()).expect("has random numbers");
            let (stream, reply) = (StreamOwned::new(session, stream), reply.clone());
            thread::spawn(move || answer(stream, &reply));
        }
    });
    addr
}

/// An origin that answers each request head with `reply`, on connections that stay open.
fn origin(reply: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = listener.local_addr().expect("is bound");
    let reply: Arc<[u8]> = reply.into();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let reply = reply.clone();
            let _ = stream.set_nodelay(true);
            thread::spawn(move || answer(stream, &reply));
        }
    });
    addr
}

fn answer(mut stream: impl Read + Write, reply: &[u8]) {
    let mut seen = Vec::new();
    let mut scrap = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut scrap) {
        seen.extend_from_slice(&scrap[..n]);
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            seen.drain(..end + 4);
            if stream.write_all(reply).is_err() {
                return;
            }
        }
    }
}
