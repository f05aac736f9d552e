//! Laws of `pump`: whatever the framings, the sizes and the tearing, the same bytes come out, once each; and it may
//! be dropped at any moment and begun again.

use super::rig::{Bench, Dice, Room, Torn, chunked, data, on_each, reader, receive, send, unchunked};
use crate::base::{Fault, Kind, Proven, Side};
use crate::mem::Class;
use crate::net::body::{BodyReader, BodySink, BodySource, BodyWriter, Lane, pump};
use crate::net::pipe::Pipes;
use crate::net::spawn::yield_to_back;
use crate::net::stream::{Cover, Idle};
use crate::net::{Link, Stream};
use crate::wire::http1::framing::Length;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const SIZES: [usize; 10] = [0, 1, 100, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300 * 1024];
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const TRAILERS: &str = "Server-Timing: a;dur=1\r\nX-Sum: 7\r\n";

/// One message on its way through.
#[derive(Debug, Clone, Copy)]
struct Case {
    from: Length,
    to: Length,
    size: usize,
    torn: Torn,
    /// Bytes of the body that came with the head.
    first: usize,
    room: Room,
    /// Whether the receiving peer reads little at a time.
    slow: bool,
    /// Whether the pump is dropped and begun again, at every third wait.
    dropped: bool,
    seed: u64,
}

/// The framings of a body of `size`.
fn framings(size: usize) -> [Length; 3] {
    [Length::Exact(size as u64), Length::Chunked, Length::UntilClose]
}

/// Carries one message and compares what arrives.
async fn check(bench: &Bench, case: Case) {
    println!("{case:?}");
    let mut dice = Dice(case.seed);
    let body = data(case.size);
    let sent = if case.from == Length::Chunked { chunked(&body, TRAILERS, &mut dice) } else { body.clone() };
    let (first, rest) = sent.split_at(case.first.min(sent.len()));
    let (up, source) = bench.pair(Room::Usual, Side::Upstream);
    let (down, sink) = bench.pair(case.room, Side::Client);
    let sending = send(source, rest.to_vec(), case.torn, case.seed);
    let receiving = receive(sink, case.slow, case.seed);
    {
        let mut reader = reader(&up, case.from, first);
        let mut head = bench.pool.take(Class::Small);
        assert!(head.put(HEAD));
        let mut writer = BodyWriter::new(down.clone(), head, case.to);
        let carried = if case.dropped {
            pump_in_pieces(&mut reader, &mut writer, &bench.pipes, &mut dice).await
        } else {
            pump(&mut reader, &mut writer, &bench.pipes).await
        };
        carried.expect("both peers are well");
        assert!(reader.ended() && !reader.has_rest());
        assert_eq!((reader.count(), writer.sent()), (case.size as u64, case.size as u64));
    }
    down.link.stream.shutdown_write();

    let got = bench.outside(receiving).await;
    let got = got.strip_prefix(HEAD).expect("the head comes first");
    if case.to == Length::Chunked {
        let (came, trailers, rest) = unchunked(got);
        let expected = if case.from == Length::Chunked { TRAILERS } else { "" };
        assert!(came == body && rest.is_empty(), "{} bytes and {} behind", came.len(), rest.len());
        assert_eq!(String::from_utf8_lossy(&trailers), expected);
    } else {
        assert!(got == body, "{} bytes", got.len());
    }
    bench.outside(sending).await;
    assert_eq!(bench.pool.lent(), 0, "every buffer is back");
}

/// Pumps, and at every third wait drops the pump where it stands and begins another one.
async fn pump_in_pieces(
    reader: &mut BodyReader<'_>,
    writer: &mut BodyWriter,
    pipes: &Pipes,
    dice: &mut Dice,
) -> Result<(), Fault> {
    loop {
        let ended = {
            let mut pumping = pin!(pump(reader, writer, pipes));
            poll_fn(|cx| match pumping.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if dice.below(3) == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            })
            .await
        };
        match ended {
            Some(done) => return done,
            None if dice.below(2) == 0 => yield_to_back().await,
            None => {}
        }
    }
}

#[test]
fn every_pair_of_framings_carries_every_size_however_it_is_torn() {
    on_each(|bench| async move {
        let plain = Case {
            from: Length::None,
            to: Length::None,
            size: 0,
            torn: Torn::Whole,
            first: 0,
            room: Room::Usual,
            slow: false,
            dropped: false,
            seed: 0,
        };
        for size in SIZES {
            for (at, from) in framings(size).into_iter().enumerate() {
                for (seed, to) in framings(size).into_iter().enumerate() {
                    let case = Case { from, to, size, seed: (size + 3 * at + seed) as u64, ..plain };
                    check(&bench, case).await;
                    check(&bench, Case { torn: Torn::Random, first: size / 3, ..case }).await;
                    if size <= 4097 {
                        check(&bench, Case { torn: Torn::Bytes, first: size % 2, ..case }).await;
                    }
                }
            }
        }
    });
}

#[test]
fn a_pump_that_is_dropped_and_begun_again_loses_and_repeats_nothing() {
    on_each(|bench| async move {
        for seed in 0..6 {
            let torn = [Torn::Random, Torn::Whole][seed % 2];
            let (room, large) = [(Room::Least, 150_000), (Room::Usual, 1_300_000)][seed / 2 % 2];
            for size in [4097, large] {
                for from in framings(size) {
                    for to in framings(size) {
                        let (first, seed) = (seed * 50, seed as u64);
                        let case =
                            Case { from, to, size, torn, first, room, slow: true, dropped: true, seed };
                        check(&bench, case).await;
                    }
                }
            }
        }
    });
}

#[test]
fn a_small_socket_carries_a_large_body() {
    on_each(|bench| async move {
        let size = 1_000_000;
        for from in framings(size) {
            for to in framings(size) {
                let (torn, room) = (Torn::Whole, Room::Least);
                let case =
                    Case { from, to, size, torn, first: 10, room, slow: false, dropped: false, seed: 1 };
                check(&bench, case).await;
            }
        }
    });
}

/// What ends a pump before its time: the fault, and whether it is the source's peer that is at fault.
async fn broken(bench: &Bench, length: Length, came: &[u8], to: Length) -> Fault {
    let (up, source) = bench.pair(Room::Usual, Side::Upstream);
    let (down, sink) = bench.pair(Room::Usual, Side::Client);
    let sending = send(source, came.to_vec(), Torn::Whole, 0);
    let receiving = receive(sink, false, 0);
    let fault = {
        let mut reader = reader(&up, length, &[]);
        let mut writer = BodyWriter::new(down, bench.pool.take(Class::Small), to);
        pump(&mut reader, &mut writer, &bench.pipes).await.expect_err("the body is broken")
    };
    bench.outside(receiving).await;
    bench.outside(sending).await;
    fault
}

#[test]
fn a_body_that_breaks_off_is_a_cut_of_its_own_side() {
    on_each(|bench| async move {
        let cut = Fault::new(Side::Upstream, Kind::Cut);
        for len in [0, 10, 99_999] {
            let came = data(len);
            for to in framings(100_000) {
                assert_eq!(broken(&bench, Length::Exact(100_000), &came, to).await, cut, "{len} to {to:?}");
            }
        }
        let whole = chunked(&data(100), TRAILERS, &mut Dice(3));
        for len in 0..whole.len() {
            assert_eq!(broken(&bench, Length::Chunked, &whole[..len], Length::Chunked).await, cut, "{len}");
        }
    });
}

#[test]
fn a_chunked_body_that_is_malformed_is_its_sides_fault() {
    on_each(|bench| async move {
        for bad in ["x\r\n", "5\nabcde\r\n0\r\n\r\n", "5\r\nabcdefg\r\n", "0\r\nno colon\r\n\r\n"] {
            let fault = broken(&bench, Length::Chunked, bad.as_bytes(), Length::Chunked).await;
            assert_eq!(fault, Fault::new(Side::Upstream, Kind::Malformed), "{bad:?}");
        }
    });
}

#[test]
fn a_sink_that_is_gone_ends_the_pump_with_its_own_sides_fault() {
    on_each(|bench| async move {
        // More than the sockets on both sides hold.
        let body = data(20_000_000);
        for length in framings(body.len()) {
            let (up, source) = bench.pair(Room::Usual, Side::Upstream);
            let (down, sink) = bench.pair(Room::Usual, Side::Client);
            let sent =
                if length == Length::Chunked { chunked(&body, "", &mut Dice(1)) } else { body.clone() };
            let sending = send(source, sent, Torn::Whole, 0);
            let closing = std::thread::spawn(move || {
                let mut sink = sink;
                sink.read_exact(&mut [0; 1000]).expect("comes");
            });
            {
                let mut reader = reader(&up, length, &[]);
                let mut writer = BodyWriter::new(down, bench.pool.take(Class::Small), length);
                let fault = pump(&mut reader, &mut writer, &bench.pipes).await.expect_err("the sink closed");
                assert_eq!(fault, Fault::new(Side::Client, Kind::Cut), "{length:?}");
                assert!(writer.started());
            }
            drop(up);
            bench.outside(closing).await;
            bench.outside(sending).await;
        }
    });
}

#[test]
fn what_has_come_leaves_while_the_source_is_silent() {
    on_each(|bench| async move {
        for from in framings(8) {
            for to in framings(8) {
                let (up, mut source) = bench.pair(Room::Usual, Side::Upstream);
                let (down, mut sink) = bench.pair(Room::Usual, Side::Client);
                let mut head = bench.pool.take(Class::Small);
                assert!(head.put(HEAD));
                let talking = std::thread::spawn(move || {
                    // The peers wait for each other: each piece must arrive before the next one is sent.
                    let mut expect = |expected: &str| {
                        let mut got = vec![0; expected.len()];
                        sink.read_exact(&mut got).expect("comes");
                        assert_eq!(String::from_utf8_lossy(&got), expected);
                    };
                    let chunk = |of: Length, data: &str| match of {
                        Length::Chunked if data.is_empty() => "0\r\n\r\n".to_owned(),
                        Length::Chunked => format!("{:x}\r\n{data}\r\n", data.len()),
                        _ => data.to_owned(),
                    };
                    expect(std::str::from_utf8(HEAD).expect("is text"));
                    for piece in ["abc", "defgh"] {
                        source.write_all(chunk(from, piece).as_bytes()).expect("is taken");
                        expect(&chunk(to, piece));
                    }
                    source.write_all(chunk(from, "").as_bytes()).expect("is taken");
                    source.shutdown(Shutdown::Write).expect("is connected");
                    expect(&chunk(to, ""));
                });
                let mut reader = reader(&up, from, &[]);
                let mut writer = BodyWriter::new(down, head, to);
                pump(&mut reader, &mut writer, &bench.pipes).await.expect("both peers are well");
                bench.outside(talking).await;
            }
        }
    });
}

/// What seals all that it is given, over a socket that has taken a part of it: it must be given the same again.
#[derive(Debug)]
struct Sealed(Stream);

impl Cover for Sealed {
    fn below(&self) -> &Stream {
        &self.0
    }

    fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }

    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn asked(&self) -> Option<&str> {
        None
    }

    fn wrong(&self) -> Option<&'static str> {
        None
    }

    fn speaks_http2(&self) -> bool {
        false
    }

    fn proven(&self) -> Option<&Proven> {
        None
    }

    fn holds_input(&self) -> bool {
        false
    }

    fn idle(&self) -> Idle {
        self.0.idle()
    }

    fn shutdown_write(&self) {
        self.0.shutdown_write();
    }

    fn reset_on_close(&self) {
        self.0.reset_on_close();
    }
}

#[test]
fn what_is_sealed_has_started_though_none_of_it_counts_as_taken() {
    on_each(|bench| async move {
        for size in [10, 100_000] {
            let (lane, _peer) = bench.pair_within(Room::Usual, Side::Upstream, Duration::from_millis(20));
            let Lane { link, silence, total, pool } = lane;
            let below = Rc::into_inner(link).expect("nobody else has it").stream;
            let link = Link::new(Stream::covered(Box::new(Sealed(below))), &bench.wheel, Side::Upstream);
            let lane = Lane { link, silence, total, pool };
            let mut head = bench.pool.take(Class::Small);
            assert!(head.put(HEAD));
            let mut writer = BodyWriter::new(lane, head, Length::Exact(size as u64));
            assert!(!writer.started());
            {
                let body = data(size);
                let mut written = pin!(writer.write(&body));
                let _ = poll_fn(|cx| Poll::Ready(written.as_mut().poll(cx))).await;
            }
            assert!(writer.started(), "{size}");
        }
    });
}
