//! An authoritative name server on loopback for tests, over UDP and TCP: whatever a test sets is its zone, with a TTL a
//! record set. It can fall silent or fail at run time, and tells what it was asked. It ends when it is dropped.
//!
//! ```
//! use tools::dns::{Data, NameServer};
//! let server = NameServer::start();
//! server.set("a.test", 30, &[Data::A([127, 0, 0, 1].into())]);
//! assert_eq!(server.asked("a.test"), []);
//! ```

use hickory_proto::op::Message;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod answer;

/// How long [`NameServer::wait_asked`] waits at most.
const WAIT: Duration = Duration::from_secs(10);
/// How often a thread that waits looks whether the server was dropped.
const LOOK: Duration = Duration::from_millis(20);
/// Ports tried for one that is free for both transports.
const PORTS_TRIED: usize = 20;

/// The data of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Priority, weight, port and target of a service.
    Srv(u16, u16, u16, String),
    /// The name that this is an alias of.
    Cname(String),
}

/// What the server does with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers from its zone.
    Serve,
    /// Answers nothing.
    Silent,
    /// Says SERVFAIL.
    Fail,
}

/// One query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The kind of record: `A`, `AAAA`, `SRV`.
    pub kind: String,
    /// Whether it came over TCP.
    pub tcp: bool,
}

/// The records of a name, and their TTL in seconds.
type Zone = HashMap<String, (u32, Vec<Data>)>;

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    is_stopped: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    zone: Zone,
    manner: Manner,
    asked: HashMap<String, Vec<Asked>>,
}

impl NameServer {
    /// Starts one with an empty zone on a free loopback port.
    ///
    /// # Panics
    /// When the machine has no loopback port that is free for UDP and TCP.
    pub fn start() -> NameServer {
        let (udp, tcp) = sockets().expect("loopback has a port that is free for UDP and TCP");
        let addr = tcp.local_addr().expect("a bound socket has an address");
        let state = State { zone: Zone::new(), manner: Manner::Serve, asked: HashMap::new() };
        let shared = Arc::new(Shared {
            is_stopped: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let (by_udp, by_tcp) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, &by_udp)),
            std::thread::spawn(move || serve_tcp(&tcp, &by_tcp)),
        ];
        NameServer { shared, addr, threads }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on `name` has these records, with a TTL in seconds, and no other.
    pub fn set(&self, name: &str, ttl: u32, records: &[Data]) {
        self.shared.lock().zone.insert(key(name), (ttl, records.to_vec()));
    }

    /// From now on `name` does not exist.
    pub fn remove(&self, name: &str) {
        self.shared.lock().zone.remove(&key(name));
    }

    /// From now on treats queries by `manner`.
    pub fn switch(&self, manner: Manner) {
        self.shared.lock().manner = manner;
    }

    /// The queries for `name` so far, in order.
    pub fn asked(&self, name: &str) -> Vec<Asked> {
        self.shared.lock().asked.get(&key(name)).cloned().unwrap_or_default()
    }

    /// Waits until there were `count` queries for `name`, and says whether there were within ten seconds.
    pub fn wait_asked(&self, name: &str, count: usize) -> bool {
        let deadline = Instant::now() + WAIT;
        let mut state = self.shared.lock();
        while state.asked.get(&key(name)).map_or(0, Vec::len) < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

impl Shared {
    /// A test that failed elsewhere must not hide behind a poisoned lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// The answer to a query; none to what is no query, and when the server is silent.
    fn answer(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        let question = query.queries.first()?;
        let mut state = self.lock();
        let asked = Asked { kind: question.query_type().to_string(), tcp };
        state.asked.entry(key(&question.name().to_ascii())).or_default().push(asked);
        self.changed.notify_all();
        let room = if tcp { usize::from(u16::MAX) } else { usize::from(query.max_payload()) };
        match state.manner {
            Manner::Silent => None,
            Manner::Fail => answer::failure(&query),
            Manner::Serve => answer::answer(&query, &state.zone, room),
        }
    }
}

/// A name as the zone has it: in lower case, without its last dot.
fn key(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn sockets() -> io::Result<(UdpSocket, TcpListener)> {
    let mut tried = 0;
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if tried == PORTS_TRIED => return Err(error),
            Err(_) => tried += 1,
        }
    }
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut query = [0; 4096];
    // Without a timeout it would never see that it is to end.
    if socket.set_read_timeout(Some(LOOK)).is_err() {
        return;
    }
    while !shared.is_stopped() {
        let Ok((len, peer)) = socket.recv_from(&mut query) else { continue };
        if let Some(answer) = shared.answer(&query[..len], false) {
            // A client that is gone does not wait for its answer.
            drop(socket.send_to(&answer, peer));
        }
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let mut connections = Vec::new();
    while !shared.is_stopped() {
        match listener.accept() {
            Ok((stream, _)) => {
                let shared = Arc::clone(shared);
                connections.push(std::thread::spawn(move || drop(serve_connection(stream, &shared))));
            }
            Err(_) => std::thread::sleep(LOOK / 4),
        }
    }
    for connection in connections {
        drop(connection.join());
    }
}

/// Messages with two bytes of length before each (RFC 1035 §4.2.2).
fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(LOOK))?;
    loop {
        let mut len = [0; 2];
        read_exact(&mut stream, &mut len, shared)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
        read_exact(&mut stream, &mut query, shared)?;
        if let Some(answer) = shared.answer(&query, true) {
            let len = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&len.to_be_bytes()[..], &answer].concat())?;
        }
    }
}

/// As [`Read::read_exact`], until the server is dropped.
fn read_exact(stream: &mut TcpStream, mut buffer: &mut [u8], shared: &Shared) -> io::Result<()> {
    while !buffer.is_empty() {
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => buffer = &mut buffer[n..],
            Err(error) if shared.is_stopped() => return Err(error),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
