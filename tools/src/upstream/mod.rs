//! A misbehaving HTTP/1.1 origin for tests, in-process or as `tools upstream`. The request's path (or its field
//! `X-Origin`) says what it does: see [`Behaviour`]. It records every byte and every request that reached it, so that a
//! test asserts what a gateway really sent. One thread a connection, loopback only, everything ends when it is dropped.
//!
//! ```
//! let origin = tools::upstream::Origin::start();
//! # use std::io::{Read, Write};
//! let mut client = std::net::TcpStream::connect(origin.addr()).unwrap();
//! client.write_all(b"GET /status/404 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
//! let mut answer = String::new();
//! client.read_to_string(&mut answer).unwrap();
//! assert!(answer.starts_with("HTTP/1.1 404 "));
//! assert_eq!(origin.requests()[0].target(), "/status/404");
//! ```

use socket2::{Domain, SockRef, Socket, Type};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod behaviour;
mod read;
mod reply;
mod seen;
mod serve;

pub use behaviour::Behaviour;
pub use reply::{pattern, raw_path};
pub use seen::{BodyEnd, Connection, ConnectionEnd, Request};

/// How long [`Origin::wait`] waits at most.
const WAIT: Duration = Duration::from_secs(10);

/// What the origin does with a connection it accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Serves the requests on it.
    Serve,
    /// Serves them, each after a pause.
    Slow(Duration),
    /// Resets it at once.
    RefuseAfterAccept,
    /// Keeps it open and never reads from it.
    NeverRead,
}

/// Whether requests are kept for the test to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// All bytes and requests are kept until the origin is dropped.
    On,
    /// Nothing is kept: for an origin that runs for long.
    Off,
}

/// A running origin. Dropping it ends its connections and its threads.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    addr: SocketAddr,
    /// Unix sockets that it listens on as well.
    sockets: Vec<PathBuf>,
    acceptors: Vec<JoinHandle<()>>,
}

/// What the threads of an origin share.
#[derive(Debug)]
struct Shared {
    recording: Recording,
    is_stopped: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Indexed by the number of the connection, in order of their accept.
    seen: Vec<Connection>,
    accepted: usize,
    open: HashMap<usize, Arc<TcpStream>>,
    scripts: HashMap<String, Vec<u8>>,
    /// Answers that wait for a release, and how many releases there were.
    held: usize,
    releases: u64,
    workers: Vec<JoinHandle<()>>,
}

impl Origin {
    /// Starts one on a free loopback port.
    ///
    /// # Panics
    /// When the machine has no free loopback port.
    pub fn start() -> Origin {
        Origin::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Recording::On).expect("loopback has a free port")
    }

    /// Starts one on `addr`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(addr: SocketAddr, recording: Recording) -> std::io::Result<Origin> {
        Origin::on(TcpListener::bind(addr)?, recording)
    }

    /// Starts one on a socket that listens.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn on(listener: TcpListener, recording: Recording) -> std::io::Result<Origin> {
        let addr = listener.local_addr()?;
        let state = State {
            mode: Mode::Serve,
            seen: Vec::new(),
            accepted: 0,
            open: HashMap::new(),
            scripts: HashMap::new(),
            held: 0,
            releases: 0,
            workers: Vec::new(),
        };
        let shared = Arc::new(Shared {
            recording,
            is_stopped: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(|| listener.accept().map(|(stream, _)| stream), &shared)
        });
        Ok(Origin { shared, addr, sockets: Vec::new(), acceptors: vec![acceptor] })
    }

    /// Takes connections on a Unix socket at `path` too.
    ///
    /// # Errors
    /// When the path cannot be bound.
    pub fn listen_at(&mut self, path: &Path) -> io::Result<()> {
        let listener = UnixListener::bind(path)?;
        let shared = Arc::clone(&self.shared);
        // Whatever the kind of a socket, the calls that are made on it here are the same.
        let next = move || listener.accept().map(|(stream, _)| TcpStream::from(OwnedFd::from(stream)));
        self.acceptors.push(std::thread::spawn(move || accept(next, &shared)));
        self.sockets.push(path.to_owned());
        Ok(())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on treats accepted connections by `mode`. Those that are open go on as they are.
    pub fn switch(&self, mode: Mode) {
        self.shared.lock().mode = mode;
    }

    /// Answers `/script/NAME` with exactly `reply`, however long it is.
    pub fn script(&self, name: &str, reply: impl Into<Vec<u8>>) {
        self.shared.lock().scripts.insert(name.to_string(), reply.into());
    }

    /// Lets every answer that is held go on.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        state.held = 0;
        state.releases += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until `count` answers are held, and says whether they were within ten seconds.
    pub fn wait_held(&self, count: usize) -> bool {
        self.wait_for(|state| state.held >= count)
    }

    /// Everything seen, a connection each, in order of their accept.
    pub fn seen(&self) -> Vec<Connection> {
        self.shared.lock().seen.clone()
    }

    /// The requests of all connections: connection by connection, not in order of time.
    pub fn requests(&self) -> Vec<Request> {
        self.seen().into_iter().flat_map(|connection| connection.requests).collect()
    }

    /// Connections accepted so far, refused ones too.
    pub fn connections(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Waits until `holds` of what was seen, and says whether it did within ten seconds.
    pub fn wait(&self, holds: impl Fn(&[Connection]) -> bool) -> bool {
        self.wait_for(|state| holds(&state.seen))
    }

    fn wait_for(&self, holds: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now() + WAIT;
        let mut state = self.shared.lock();
        while !holds(&state) {
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

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // A connection of our own wakes the accept; nobody listening any more serves as well.
        drop(TcpStream::connect(self.addr));
        self.sockets.iter().for_each(|path| drop(UnixStream::connect(path)));
        for acceptor in self.acceptors.drain(..) {
            drop(acceptor.join());
        }
        let workers = {
            let mut state = self.shared.lock();
            for stream in state.open.values() {
                // It may be closed already, which is what is wanted.
                drop(stream.shutdown(std::net::Shutdown::Both));
            }
            std::mem::take(&mut state.workers)
        };
        self.shared.changed.notify_all();
        for worker in workers {
            drop(worker.join());
        }
    }
}

/// A port on loopback that refuses connections and that nobody else can take, until an origin is started on it.
#[derive(Debug)]
pub struct Down(Socket);

impl Down {
    /// Takes a free port.
    ///
    /// # Errors
    /// When the machine has no free loopback port.
    pub fn new() -> std::io::Result<Down> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        Ok(Down(socket))
    }

    /// Where nobody listens.
    ///
    /// # Errors
    /// None, on a socket that is bound.
    pub fn addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()?.as_socket().ok_or_else(|| ErrorKind::AddrNotAvailable.into())
    }

    /// Starts an origin there.
    ///
    /// # Errors
    /// When the socket cannot listen.
    pub fn start(self) -> std::io::Result<Origin> {
        self.0.listen(128)?;
        Origin::on(self.0.into(), Recording::On)
    }
}

/// An address on loopback at which nobody listens, for as long as the process lives: a port that was free a moment ago may be
/// another test's by now.
///
/// # Panics
/// When the machine has no free loopback port.
pub fn closed_addr() -> SocketAddr {
    let down = Down::new().expect("loopback has a free port");
    let addr = down.addr().expect("a bound socket has an address");
    std::mem::forget(down);
    addr
}

impl Shared {
    /// A test that failed elsewhere must not hide behind a poisoned lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Changes the record of connection `id`, when records are kept.
    fn record(&self, id: usize, change: impl FnOnce(&mut Connection)) {
        if self.recording == Recording::On {
            change(&mut self.lock().seen[id]);
            self.changed.notify_all();
        }
    }

    /// Sleeps for `time`; false when the origin was stopped meanwhile.
    fn pause(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_stopped() {
                return !self.is_stopped();
            }
            // Stopping notifies once, perhaps before this waits: look again now and then.
            let waited = self.changed.wait_timeout(state, left.min(Duration::from_millis(50)));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the next release; false when the origin was stopped meanwhile.
    fn hold(&self) -> bool {
        let mut state = self.lock();
        state.held += 1;
        self.changed.notify_all();
        let seen = state.releases;
        while state.releases == seen && !self.is_stopped() {
            // Stopping notifies once, perhaps before this waits: look again now and then.
            let waited = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        !self.is_stopped()
    }
}

fn accept(next: impl Fn() -> io::Result<TcpStream>, shared: &Arc<Shared>) {
    loop {
        let Ok(stream) = next() else {
            // Out of descriptors, or a peer that left at once: neither ends an origin.
            if !shared.pause(Duration::from_millis(5)) {
                return;
            }
            continue;
        };
        if shared.is_stopped() {
            return;
        }
        start(stream, shared);
    }
}

/// Books a connection and gives it a thread.
fn start(stream: TcpStream, shared: &Arc<Shared>) {
    let stream = Arc::new(stream);
    let (id, mode) = {
        let mut state = shared.lock();
        let id = state.accepted;
        state.accepted += 1;
        if shared.recording == Recording::On {
            state.seen.push(Connection::default());
        }
        state.open.insert(id, Arc::clone(&stream));
        state.workers.retain(|worker| !worker.is_finished());
        (id, state.mode)
    };
    shared.changed.notify_all();
    let worker = std::thread::spawn({
        let shared = Arc::clone(shared);
        move || work(&shared, id, stream, mode)
    });
    shared.lock().workers.push(worker);
}

fn work(shared: &Shared, id: usize, stream: Arc<TcpStream>, mode: Mode) {
    // Without it the torn replies would leave in one piece. A peer may be gone already.
    drop(stream.set_nodelay(true));
    let end = match mode {
        Mode::Serve => serve::connection(shared, id, &stream, Duration::ZERO),
        Mode::Slow(pause) => serve::connection(shared, id, &stream, pause),
        Mode::RefuseAfterAccept => ConnectionEnd::Reset,
        Mode::NeverRead => serve::park(shared, &stream),
    };
    // The registry's handle goes first, so that dropping the last one closes the socket.
    shared.lock().open.remove(&id);
    if end == ConnectionEnd::Reset {
        drop(SockRef::from(&*stream).set_linger(Some(Duration::ZERO)));
    }
    drop(stream);
    shared.record(id, |seen| seen.end = Some(end));
    shared.changed.notify_all();
}

#[cfg(test)]
mod tests;
