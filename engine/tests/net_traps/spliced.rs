//! Splicing: never does it hold up the shard, whatever the peers do.

use crate::rig::{lone_pair, on_each, pattern, pause, soon, wheel};
use ringgate::base::{Side, Tick};
use ringgate::mem::{Class, Pool};
use ringgate::net::body::{BodyReader, BodySource, BodyWriter, Lane, Reading, pump};
use ringgate::net::pipe::Pipes;
use ringgate::net::spawn::spawn;
use ringgate::net::{Link, Stream, Wheel};
use ringgate::wire::http1::framing::Length;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// More than both sockets' buffers and the pipe hold together.
const BODY: usize = 48 * 1024 * 1024;
/// What a call that does not block takes at most on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(500);

fn lane(stream: Stream, wheel: &Wheel, side: Side) -> Lane {
    let link = Link::new(stream, wheel, side);
    Lane { link, silence: Duration::from_secs(20), total: Tick::NEVER, pool: Pool::new() }
}

#[test]
fn a_splice_blocks_neither_with_an_empty_source_nor_with_a_full_sink() {
    on_each(|| async {
        let (from, mut source) = lone_pair();
        let (to, _sink) = lone_pair();
        let mut pipe = Pipes::default().take().expect("there are descriptors");
        let blocks = |result: io::Result<usize>| {
            result.expect_err("nothing can move").kind() == io::ErrorKind::WouldBlock
        };
        let begin = Instant::now();
        assert!(blocks(from.try_splice_in(&mut pipe, 1 << 20)), "no byte has come");
        while to.try_write(&[0; 64 * 1024]).is_ok() {}
        source.write_all(&[0; 64 * 1024]).expect("is taken");
        while from.try_splice_in(&mut pipe, 1 << 20).is_err() {
            assert!(begin.elapsed() < AT_ONCE * 4, "the bytes come");
        }
        assert!(blocks(to.try_splice_out(&mut pipe)), "the peer reads nothing");
        assert!(pipe.held() > 0);
        assert!(begin.elapsed() < AT_ONCE * 4, "{:?}", begin.elapsed());
    });
}

#[test]
fn while_the_peer_stops_reading_in_mid_splice_other_tasks_go_on() {
    on_each(|| async {
        let wheel = wheel();
        let (from, mut source) = lone_pair();
        let (to, mut sink) = lone_pair();
        thread::spawn(move || {
            for at in (0..BODY).step_by(1 << 20) {
                source.write_all(pattern(at, 1 << 20)).expect("is taken");
            }
        });
        let done = Rc::new(Cell::new(false));
        let ended = done.clone();
        let (from, to) = (lane(from, &wheel, Side::Upstream), lane(to, &wheel, Side::Client));
        let head = from.pool.take(Class::Small);
        spawn(async move {
            let mut body =
                BodyReader::new(Reading { lane: from, limit: None }, Length::Exact(BODY as u64), &[]);
            let mut writer = BodyWriter::new(to, head, Length::Exact(BODY as u64));
            pump(&mut body, &mut writer, &Pipes::default()).await.expect("both peers are well");
            assert_eq!(body.count(), BODY as u64);
            ended.set(true);
        });
        // The sink takes a little, then nothing for as long as the ticks are counted, then the rest.
        let (go, gone) = mpsc::channel::<()>();
        let reader = thread::spawn(move || {
            read_pattern(&mut sink, 0, 100_000);
            let _ = gone.recv();
            read_pattern(&mut sink, 100_000, BODY);
        });
        for tick in 0..30 {
            let begin = Instant::now();
            pause(&wheel, Duration::from_millis(10)).await;
            assert!(begin.elapsed() < AT_ONCE, "tick {tick} took {:?}", begin.elapsed());
        }
        assert!(!done.get(), "the body is larger than what is buffered");
        go.send(()).expect("the reader lives");
        let all = async {
            while !done.get() {
                pause(&wheel, Duration::from_millis(10)).await;
            }
        };
        soon(&wheel, "the body's end", all).await;
        reader.join().expect("reads");
    });
}

/// Reads what lies from `at` to `end` of the pattern.
fn read_pattern(peer: &mut TcpStream, mut at: usize, end: usize) {
    let mut scrap = vec![0; 1 << 18];
    while at < end {
        let room = scrap.len().min(end - at);
        let n = peer.read(&mut scrap[..room]).expect("comes");
        assert!(n > 0, "ended after {at}");
        assert!(scrap[..n] == *pattern(at, n), "from {at}");
        at += n;
    }
}
