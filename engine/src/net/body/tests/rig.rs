//! A shard's two links with a blocking peer on each, and messages as bytes.

use crate::base::{Side, Tick};
use crate::mem::Pool;
use crate::net::body::{BodyReader, Lane, Reading};
use crate::net::clock;
use crate::net::driver::{self, Driver, probe_io_uring};
use crate::net::listener::{Bound, Listener};
use crate::net::pipe::Pipes;
use crate::net::spawn::{spawn, yield_to_back};
use crate::net::{Link, Stream, Wheel};
use crate::wire::http1::framing::Length;
use socket2::{Domain, SockRef, Socket, Type};
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Bounds every wait for a peer.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Bounds one law on one driver.
const LAW: Duration = Duration::from_secs(120);

/// Runs `law` to its end on a thread of its own, on each driver that works here in turn.
pub fn on_each<F: Future<Output = ()>>(law: impl Fn(Bench) -> F + Clone + Send + 'static) {
    for driver in probe_io_uring().into_iter().chain([Driver::Epoll]) {
        println!("on {driver}");
        let (sender, receiver) = mpsc::channel();
        let law = law.clone();
        let shard = thread::spawn(move || {
            driver::run(driver, async move { law(Bench::new()).await }).expect("the driver is built");
            let _ = sender.send(());
        });
        if let Err(mpsc::RecvTimeoutError::Timeout) = receiver.recv_timeout(LAW) {
            panic!("still not done after {LAW:?} on {driver}");
        }
        if let Err(panic) = shard.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// How much room the sockets of a pair have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As the system gives it.
    Usual,
    /// As little as it lets one have, so that writes are cut short.
    Least,
}

/// What a shard has.
#[derive(Clone)]
pub struct Bench {
    /// Buffers.
    pub pool: Pool,
    /// Pipes.
    pub pipes: Pipes,
    /// Deadlines.
    pub wheel: Wheel,
    listener: Rc<Listener>,
    addr: SocketAddr,
}

impl Bench {
    fn new() -> Bench {
        let bound = Bound::new(SocketAddr::from(([127, 0, 0, 1], 0)), 64).expect("binds");
        let addr = bound.addr().expect("is bound");
        let listener = Rc::new(bound.listen().expect("the driver takes it"));
        let wheel = Wheel::new();
        spawn(wheel.clone().drive());
        Bench { pool: Pool::new(), pipes: Pipes::default(), wheel, listener, addr }
    }

    /// A connection: this shard's lane, with `silence`, and the peer.
    pub fn pair_within(&self, room: Room, side: Side, silence: Duration) -> (Lane, TcpStream) {
        let peer = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
        if room == Room::Least {
            peer.set_recv_buffer_size(1024).expect("is a socket");
        }
        peer.connect(&self.addr.into()).expect("is listened to");
        let peer = TcpStream::from(peer);
        peer.set_nodelay(true).expect("is a TCP socket");
        peer.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        peer.set_write_timeout(Some(PATIENCE)).expect("takes a timeout");
        let fd = loop {
            match self.listener.try_accept() {
                Ok((fd, _)) => break fd,
                // The kernel may still be at the last step of the handshake.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        if room == Room::Least {
            SockRef::from(&fd).set_send_buffer_size(1024).expect("is a socket");
        }
        let stream = Stream::adopt(fd).expect("the driver takes it");
        let link = Link::new(stream, &self.wheel, side);
        (Lane { link, silence, total: Tick::NEVER, pool: self.pool.clone() }, peer)
    }

    /// What a peer's thread gives at its end; the shard goes on meanwhile, since it may be waited for.
    pub async fn outside<T>(&self, peer: thread::JoinHandle<T>) -> T {
        while !peer.is_finished() {
            yield_to_back().await;
            self.wheel.turn(clock::now());
            thread::sleep(Duration::from_micros(100));
        }
        peer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// As [`Bench::pair_within`], with time enough.
    pub fn pair(&self, room: Room, side: Side) -> (Lane, TcpStream) {
        self.pair_within(room, side, PATIENCE)
    }
}

/// A reader of a body from `lane`, of which `first` came with the head.
pub fn reader<'a>(lane: &Lane, length: Length, first: &'a [u8]) -> BodyReader<'a> {
    BodyReader::new(Reading { lane: lane.clone(), limit: None }, length, first)
}

/// A pseudo-random sequence (splitmix64), the same for the same seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ x >> 31) as usize % bound
    }
}

/// `len` bytes that tell where they stand.
pub fn data(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ at >> 8 ^ at >> 15) as u8).collect()
}

/// `data` in chunks of pseudo-random sizes, with `trailers` at its end.
pub fn chunked(data: &[u8], trailers: &str, dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = data;
    while !left.is_empty() {
        let most = [1, 20, 3000, 70_000][dice.below(4)];
        let (chunk, rest) = left.split_at(left.len().min(1 + dice.below(most)));
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
        left = rest;
    }
    out.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    out
}

/// The data and the trailers of a chunked body, and what lies behind it. Knows only what a writer may write.
pub fn unchunked(mut body: &[u8]) -> (Vec<u8>, Vec<u8>, &[u8]) {
    let mut data = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").expect("a size line ends");
        let size = std::str::from_utf8(&body[..end]).expect("is text");
        let size = usize::from_str_radix(size, 16).expect("is a size");
        body = &body[end + 2..];
        if size == 0 {
            let end = match body.starts_with(b"\r\n") {
                true => 0,
                false => body.windows(4).position(|four| four == b"\r\n\r\n").expect("trailers end") + 2,
            };
            return (data, body[..end].to_vec(), &body[end + 2..]);
        }
        data.extend_from_slice(&body[..size]);
        assert_eq!(&body[size..size + 2], b"\r\n", "behind a chunk");
        body = &body[size + 2..];
    }
}

/// How a peer tears what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// In one piece.
    Whole,
    /// Byte by byte.
    Bytes,
    /// In pseudo-random pieces, with pauses now and then.
    Random,
}

/// Sends `bytes` from a thread of its own, torn; the sending half is then shut.
pub fn send(mut peer: TcpStream, bytes: Vec<u8>, torn: Torn, seed: u64) -> thread::JoinHandle<TcpStream> {
    thread::spawn(move || {
        let mut dice = Dice(seed);
        let mut left = &bytes[..];
        while !left.is_empty() {
            let len = match torn {
                Torn::Whole => left.len(),
                Torn::Bytes => 1,
                Torn::Random => 1 + dice.below(9000),
            };
            let (piece, rest) = left.split_at(len.min(left.len()));
            if peer.write_all(piece).is_err() {
                return peer;
            }
            left = rest;
            if torn == Torn::Random && dice.below(16) == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let _ = peer.shutdown(std::net::Shutdown::Write);
        peer
    })
}

/// Reads to the end on a thread of its own; a slow reader takes little at a time.
pub fn receive(mut peer: TcpStream, slow: bool, seed: u64) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut dice = Dice(seed);
        let mut got = Vec::new();
        let mut scrap = vec![0; 64 * 1024];
        loop {
            let room = if slow { 1 + dice.below(8000) } else { scrap.len() };
            match peer.read(&mut scrap[..room]) {
                Ok(0) => return got,
                Ok(n) => got.extend_from_slice(&scrap[..n]),
                Err(error) => panic!("{error} after {} bytes", got.len()),
            }
            if slow && dice.below(8) == 0 {
                thread::sleep(Duration::from_micros(300));
            }
        }
    })
}
