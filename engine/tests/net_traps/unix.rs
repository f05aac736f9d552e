//! Unix sockets: what the room does with TCP sockets it can do with these, and where it cannot it does not trip.

use crate::rig::{lone_pair, on_each, pattern, read_exact, soon, take, wheel, write_all};
use ringgate::base::{Address, ClientAddr, Side, Tick};
use ringgate::mem::{Class, Pool};
use ringgate::net::body::{BodyReader, BodySource, BodyWriter, Lane, Reading, pump};
use ringgate::net::dial::dial;
use ringgate::net::listener::{Bound, Listener};
use ringgate::net::pipe::Pipes;
use ringgate::net::stream::Idle;
use ringgate::net::unix::SocketFile;
use ringgate::net::{Link, Stream, Wheel, clock};
use ringgate::wire::http1::framing::Length;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A path that nobody has used.
fn path() -> PathBuf {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let number = USED.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("rg-traps-{}-{number}.sock", std::process::id()))
}

fn listener(path: &Path, backlog: i32) -> (Listener, SocketFile) {
    let (bound, file) = Bound::unix(path, backlog).expect("binds");
    assert!(bound.is_alone());
    (bound.listen().expect("the driver takes it"), file)
}

/// This shard's end, and the peer's.
fn pair() -> (Stream, UnixStream) {
    let path = path();
    let (listener, _file) = listener(&path, 8);
    let peer = UnixStream::connect(&path).expect("is listened to");
    (Stream::adopt(take(&listener).0).expect("the driver takes it"), peer)
}

fn lane(stream: Stream, wheel: &Wheel, side: Side) -> Lane {
    let link = Link::new(stream, wheel, side);
    Lane { link, silence: Duration::from_secs(20), total: Tick::NEVER, pool: Pool::new() }
}

#[test]
fn a_dialled_unix_stream_carries_bytes_both_ways() {
    on_each(|| async {
        let wheel = wheel();
        let path = path();
        let (listener, _file) = listener(&path, 8);
        let deadline = wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_secs(10)));
        let dialled = dial(&Address::Unix(path.into()), &deadline).await.expect("is listened to");
        listener.ready().await.expect("the driver waits");
        let (fd, from) = listener.try_accept().expect("is queued");
        assert_eq!(from, ClientAddr::Unix);
        let taken = Stream::adopt(fd).expect("the driver takes it");
        write_all(&dialled, b"ping").await;
        assert_eq!(read_exact(&taken, 4).await, b"ping");
        write_all(&taken, b"pong").await;
        assert_eq!(read_exact(&dialled, 4).await, b"pong");
        assert_eq!((dialled.local_addr(), taken.local_addr()), (None, None));
        taken.reset_on_close();
        drop(taken);
        soon(&wheel, "the end", dialled.readable()).await.expect("the driver waits");
        assert_eq!(dialled.try_read(&mut [0]).expect("an end is no error"), 0);
    });
}

#[test]
fn a_parked_unix_stream_is_quiet_until_its_peer_speaks_or_ends() {
    on_each(|| async {
        let (stream, mut peer) = pair();
        assert_eq!(stream.idle(), Idle::Quiet);
        peer.write_all(b"x").expect("is taken");
        assert_eq!((stream.idle(), stream.idle()), (Idle::Spoiled, Idle::Spoiled));
        assert_eq!(read_exact(&stream, 1).await, b"x", "a look takes nothing");
        assert_eq!(stream.idle(), Idle::Quiet);
        drop(peer);
        assert_eq!(stream.idle(), Idle::Spoiled);
    });
}

#[test]
fn a_full_queue_is_waited_for_until_the_deadline() {
    on_each(|| async {
        let wheel = wheel();
        let path = path();
        let (listener, _file) = listener(&path, 0);
        let to = Address::Unix(path.clone().into());
        let deadline = wheel.deadline();
        let mut queued = vec![UnixStream::connect(&path).expect("there is room for one")];
        deadline.set(clock::coarse().after(Duration::from_millis(200)));
        let late = dial(&to, &deadline).await.expect_err("the queue is full");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        // Room comes while it waits.
        deadline.set(clock::coarse().after(Duration::from_secs(10)));
        let mut dialling = std::pin::pin!(dial(&to, &deadline));
        assert!(!crate::rig::once(&mut dialling).await);
        drop((take(&listener), queued.pop()));
        soon(&wheel, "room", dialling).await.expect("there is room");
    });
}

#[test]
fn a_path_without_a_listener_refuses_at_once() {
    on_each(|| async {
        let wheel = wheel();
        let deadline = wheel.deadline();
        deadline.set(clock::coarse().after(Duration::from_secs(10)));
        let gone = dial(&Address::Unix(path().into()), &deadline).await.expect_err("nothing is there");
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        let stale = path();
        drop(std::os::unix::net::UnixListener::bind(&stale).expect("binds"));
        let refused =
            dial(&Address::Unix(stale.clone().into()), &deadline).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _ = std::fs::remove_file(stale);
    });
}

#[test]
fn a_unix_socket_gives_to_a_pipe_and_takes_from_it() {
    on_each(|| async {
        let (stream, mut peer) = pair();
        let mut pipe = Pipes::default().take().expect("there are descriptors");
        let nothing = stream.try_splice_in(&mut pipe, 100).expect_err("nothing has come");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        peer.write_all(b"bytes").expect("is taken");
        assert_eq!(stream.try_splice_in(&mut pipe, 100).expect("bytes have come"), 5);
        assert_eq!(stream.try_splice_out(&mut pipe).expect("there is room"), 5);
        let mut got = [0; 5];
        peer.read_exact(&mut got).expect("come back");
        assert_eq!(&got, b"bytes");
    });
}

#[test]
fn a_body_is_spliced_from_a_unix_socket_into_a_tcp_one_and_back() {
    const BODY: usize = 12 << 20;
    on_each(|| async {
        let wheel = wheel();
        for to_unix in [true, false] {
            let ((unix, unix_peer), (tcp, tcp_peer)) = (pair(), lone_pair());
            let (source, sink): (Box<dyn Write + Send>, Box<dyn Read + Send>) = match to_unix {
                true => (Box::new(tcp_peer), Box::new(unix_peer)),
                false => (Box::new(unix_peer), Box::new(tcp_peer)),
            };
            let (from, to) = if to_unix { (tcp, unix) } else { (unix, tcp) };
            assert!(from.splices() && to.splices());
            let sent = thread::spawn(move || send(source, BODY));
            let got = thread::spawn(move || receive(sink, BODY));
            let (from, to) = (lane(from, &wheel, Side::Upstream), lane(to, &wheel, Side::Client));
            let head = from.pool.take(Class::Small);
            let length = Length::Exact(BODY as u64);
            let mut body = BodyReader::new(Reading { lane: from, limit: None }, length, &[]);
            let mut writer = BodyWriter::new(to, head, length);
            let pipes = Pipes::default();
            let pumped = pump(&mut body, &mut writer, &pipes);
            soon(&wheel, "the body's end", pumped).await.expect("both peers are well");
            assert_eq!(body.count(), BODY as u64);
            drop((body, writer));
            sent.join().expect("sends");
            got.join().expect("receives");
        }
    });
}

fn send(mut source: impl Write, len: usize) {
    for at in (0..len).step_by(1 << 20) {
        source.write_all(pattern(at, 1 << 20)).expect("is taken");
    }
}

fn receive(mut sink: impl Read, len: usize) {
    let mut at = 0;
    let mut scrap = vec![0; 1 << 18];
    while at < len {
        let n = sink.read(&mut scrap).expect("comes");
        assert!(n > 0 && scrap[..n] == *pattern(at, n), "from {at}");
        at += n;
    }
}
