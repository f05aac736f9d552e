//! What the laws share: a shard's thread on each driver, connected pairs, and bounds on every wait.

use ringgate::base::ClientAddr;
use ringgate::net::driver::{self, Driver, probe_io_uring};
use ringgate::net::listener::{Bound, Listener};
use ringgate::net::spawn::spawn;
use ringgate::net::{Stream, Wheel, clock};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::{OnceLock, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// Bounds every wait: what takes longer is taken for a hang.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The drivers that work on this machine.
pub fn drivers() -> Vec<Driver> {
    probe_io_uring().into_iter().chain([Driver::Epoll]).collect()
}

/// Runs `law` to its end on a thread of its own, on each driver in turn.
pub fn on_each<F: Future<Output = ()>>(law: impl Fn() -> F + Clone + Send + 'static) {
    for driver in drivers() {
        on(driver, law.clone());
    }
}

/// As [`on_each`], on `driver` alone.
pub fn on<F: Future<Output = ()>>(driver: Driver, law: impl Fn() -> F + Send + 'static) {
    println!("on {driver}");
    let (sender, receiver) = mpsc::channel();
    let shard = thread::spawn(move || {
        driver::run(driver, law()).expect("the driver is built");
        let _ = sender.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = receiver.recv_timeout(PATIENCE) {
        panic!("still not done after {PATIENCE:?} on {driver}");
    }
    if let Err(panic) = shard.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A listening socket on a free port of the loopback.
pub fn listener() -> (Listener, SocketAddr) {
    let bound = Bound::new(SocketAddr::from(([127, 0, 0, 1], 0)), 4096).expect("binds");
    let addr = bound.addr().expect("is bound");
    (bound.listen().expect("the driver takes it"), addr)
}

/// A connected pair: this shard's end and the peer's.
pub fn pair(listener: &Listener, addr: SocketAddr) -> (Stream, TcpStream) {
    let peer = TcpStream::connect(addr).expect("is listened to");
    peer.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    peer.set_write_timeout(Some(PATIENCE)).expect("takes a timeout");
    (Stream::adopt(take(listener).0).expect("the driver takes it"), peer)
}

/// The connection that has just been made to `listener`.
pub fn take(listener: &Listener) -> (OwnedFd, ClientAddr) {
    loop {
        match listener.try_accept() {
            Ok(taken) => return taken,
            // The kernel may still be at the last step of the handshake.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// As [`pair`], with a listener of its own.
pub fn lone_pair() -> (Stream, TcpStream) {
    let (listener, addr) = listener();
    pair(&listener, addr)
}

/// A wheel that this shard turns.
pub fn wheel() -> Wheel {
    let wheel = Wheel::new();
    spawn(wheel.clone().drive());
    wheel
}

/// Waits for `span`.
pub async fn pause(wheel: &Wheel, span: Duration) {
    let deadline = wheel.deadline();
    deadline.set(clock::coarse().after(span));
    deadline.wait().await;
}

/// Polls `future` once and says whether it ended; it is lent, so that the caller can drop it where it stands.
pub async fn once<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

/// Reads `len` bytes, waiting as often as it takes.
pub async fn read_exact(stream: &Stream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut at = 0;
    while at < len {
        match stream.try_read(&mut bytes[at..]) {
            Ok(0) => panic!("the peer ended after {at} of {len} bytes"),
            Ok(n) => at += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                stream.readable().await.expect("the driver waits");
            }
            Err(error) => panic!("{error} after {at} of {len} bytes"),
        }
    }
    bytes
}

/// Writes all of `bytes`, waiting as often as it takes.
pub async fn write_all(stream: &Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                stream.writable().await.expect("the driver waits");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Bytes after which [`pattern`] begins again: prime, so that no buffer's size divides it.
const PERIOD: usize = 65_521;
/// Bytes that [`pattern`] gives at most.
const PATTERN_MAX: usize = 4 << 20;

/// Bytes that tell where they stand in their sequence: `len` of them, from the one at `from`.
pub fn pattern(from: usize, len: usize) -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        (0..PERIOD + PATTERN_MAX).map(|at| at % PERIOD).map(|at| (at ^ at >> 8) as u8).collect()
    });
    &bytes[from % PERIOD..][..len]
}

/// `first` if it ends within [`PATIENCE`] of the wheel.
pub async fn soon<T>(wheel: &Wheel, what: &str, first: impl Future<Output = T>) -> T {
    let deadline = wheel.deadline();
    deadline.set(clock::coarse().after(PATIENCE / 3));
    let mut first = pin!(first);
    poll_fn(|cx| {
        if let Poll::Ready(done) = first.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        assert!(deadline.poll_passed(cx).is_pending(), "{what} does not come");
        Poll::Pending
    })
    .await
}
