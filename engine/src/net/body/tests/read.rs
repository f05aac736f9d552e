//! Laws of reading: limits, times, what lies behind a body, and going back to its first byte.

use super::rig::{Bench, Dice, PATIENCE, Room, Torn, chunked, data, on_each, reader, send};
use crate::base::{Fault, Kind, Side, Tick};
use crate::net::body::{BodyReader, BodySource, Reading};
use crate::net::clock;
use crate::wire::http1::framing::Length;
use std::io::Write;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Reads to the end, `most` bytes a piece.
async fn read(reader: &mut BodyReader<'_>, most: usize) -> Result<Vec<u8>, Fault> {
    let mut got = Vec::new();
    loop {
        let piece = reader.fill().await?;
        if piece.is_empty() {
            return Ok(got);
        }
        let n = piece.len().min(most);
        got.extend_from_slice(&piece[..n]);
        reader.consume(n);
    }
}

#[test]
fn what_lies_behind_a_body_is_found_again() {
    const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    on_each(|bench| async move {
        let body = data(60);
        for length in [Length::Exact(60), Length::Chunked, Length::Exact(0), Length::None] {
            let mut sent = match length {
                Length::Chunked => chunked(&body, "X-Sum: 7\r\n", &mut Dice(5)),
                Length::Exact(60) => body.clone(),
                _ => Vec::new(),
            };
            sent.extend_from_slice(NEXT);
            for first in 0..=sent.len() {
                behind(&bench, length, &sent, first, NEXT).await;
            }
        }
    });
}

async fn behind(bench: &Bench, length: Length, sent: &[u8], first: usize, next: &[u8]) {
    let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
    peer.write_all(&sent[first..]).expect("has room");
    let mut reader = reader(&lane, length, &sent[..first]);
    let body = read(&mut reader, usize::MAX).await.expect("is whole");
    assert!(body.len() == 60 || matches!(length, Length::None | Length::Exact(0)));
    assert!(reader.ended());
    let mut rest = sent[reader.used()..first].to_vec();
    let knows = reader.has_rest();
    let own = reader.into_rest();
    assert_eq!(knows, !rest.is_empty() || own.is_some());
    rest.extend_from_slice(own.as_ref().map_or(&[], |own| own.filled()));
    // What was not read yet is still in the socket.
    let mut scrap = [0; 256];
    while rest.len() < next.len() {
        match lane.link.stream.try_read(&mut scrap) {
            Ok(n) => rest.extend_from_slice(&scrap[..n]),
            Err(_) => lane.link.stream.readable().await.expect("the driver waits"),
        }
    }
    assert_eq!(rest, next, "{length:?} torn at {first}");
}

#[test]
fn a_body_that_can_be_rewound_gives_the_same_bytes_again() {
    on_each(|bench| async move {
        let body = data(40);
        let mut rewound = 0;
        for length in [Length::Exact(40), Length::Chunked, Length::UntilClose] {
            let mut sent = match length {
                Length::Chunked => chunked(&body, "", &mut Dice(9)),
                _ => body.clone(),
            };
            let ends = sent.len();
            if length == Length::Exact(40) {
                sent.extend_from_slice(b"NEXT");
            }
            for first in 0..=sent.len() {
                for taken in (0..=40).step_by(5) {
                    let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
                    peer.write_all(&sent[first..]).expect("has room");
                    peer.shutdown(Shutdown::Write).expect("is connected");
                    let mut reader = reader(&lane, length, &sent[..first]);
                    let mut left = taken;
                    while left > 0 {
                        let n = reader.fill().await.expect("is whole").len().min(left);
                        reader.consume(n);
                        left -= n;
                    }
                    let can = reader.rewind();
                    assert!(can || taken > 0, "before the first byte there is nothing to go back for");
                    let needed = if length == Length::Chunked { ends } else { taken };
                    assert!(can || first < needed, "{length:?}: all of it came with the head");
                    if can {
                        rewound += 1;
                        assert_eq!(reader.count(), 0);
                        let again = read(&mut reader, 7).await.expect("is whole");
                        assert!(
                            again == body,
                            "{length:?}, {first} first, {taken} taken: {} bytes",
                            again.len()
                        );
                        assert_eq!(reader.count(), 40);
                        assert!(reader.used() <= ends);
                    }
                }
            }
        }
        assert!(rewound > 300, "{rewound}");
    });
}

#[test]
fn a_body_is_read_up_to_its_limit_and_no_further() {
    on_each(|bench| async move {
        for length in [Length::Exact(5000), Length::Chunked, Length::UntilClose] {
            let body = data(5000);
            let sent =
                if length == Length::Chunked { chunked(&body, "", &mut Dice(2)) } else { body.clone() };
            for (limit, fits) in [(5000, true), (5001, true), (4999, false), (0, false)] {
                for first in [0, 10, sent.len()] {
                    let (lane, peer) = bench.pair(Room::Usual, Side::Client);
                    let sending = send(peer, sent[first..].to_vec(), Torn::Random, first as u64);
                    let from = Reading { lane: lane.clone(), limit: Some(limit) };
                    let mut reader = BodyReader::new(from, length, &sent[..first]);
                    assert!(reader.plain().is_none(), "a limit is not kept by splicing");
                    let mut got = 0;
                    let end = loop {
                        match reader.fill().await {
                            Ok([]) => break Ok(()),
                            Ok(piece) => {
                                let n = piece.len();
                                got += n as u64;
                                reader.consume(n);
                            }
                            Err(fault) => break Err(fault),
                        }
                        assert!(got <= limit);
                    };
                    let expected = if fits { Ok(()) } else { Err(Fault::new(Side::Client, Kind::Limit)) };
                    assert_eq!(end, expected, "{length:?}, limit {limit}, {first} first");
                    drop(reader);
                    drop(lane);
                    bench.outside(sending).await;
                }
            }
        }
    });
}

#[test]
fn silence_ends_a_body_and_a_slow_one_that_speaks_goes_on() {
    on_each(|bench| async move {
        let silence = Duration::from_millis(300);
        let (lane, mut peer) = bench.pair_within(Room::Usual, Side::Client, silence);
        let speaking = std::thread::spawn(move || {
            for _ in 0..8 {
                peer.write_all(b"x").expect("is taken");
                std::thread::sleep(Duration::from_millis(60));
            }
            peer
        });
        let begin = Instant::now();
        let fault = read(&mut reader(&lane, Length::Exact(9), &[]), 1).await.expect_err("one is missing");
        assert_eq!(fault, Fault::new(Side::Client, Kind::Timeout));
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(600) && took < PATIENCE, "{took:?}");
        bench.outside(speaking).await;
    });
}

#[test]
fn the_whole_exchanges_time_ends_a_body_that_never_falls_silent() {
    on_each(|bench| async move {
        let (mut lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        lane.total = crate::net::clock::coarse().after(Duration::from_millis(300));
        let speaking = std::thread::spawn(move || {
            while peer.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let begin = Instant::now();
        let fault = read(&mut reader(&lane, Length::UntilClose, &[]), 1).await.expect_err("has no end");
        assert_eq!(fault, Fault::new(Side::Client, Kind::Timeout));
        assert!(begin.elapsed() < PATIENCE);
        drop(lane);
        bench.outside(speaking).await;
    });
}

#[test]
fn a_reader_that_waits_holds_no_buffer() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        let mut reader = reader(&lane, Length::Exact(8), &[]);
        for piece in [&b"abcd"[..], b"efgh"] {
            {
                let mut waiting = std::pin::pin!(reader.fill());
                let poll =
                    std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending()));
                assert!(poll.await, "nothing was sent yet");
            }
            assert_eq!(bench.pool.lent(), 0);
            peer.write_all(piece).expect("is taken");
            assert_eq!(reader.fill().await, Ok(piece));
            assert_eq!(bench.pool.lent(), 1);
            reader.consume(4);
        }
        assert_eq!(reader.fill().await, Ok(&[][..]));
    });
}

#[test]
fn a_body_that_is_held_is_given_again_from_its_first_byte_whatever_its_bound() {
    on_each(|bench| async move {
        let body = data(40);
        for length in [Length::Exact(40), Length::Chunked] {
            let mut sent = match length {
                Length::Chunked => chunked(&body, "X-Sum: 7\r\n", &mut Dice(3)),
                _ => body.clone(),
            };
            let ends = sent.len();
            sent.extend_from_slice(b"NEXT");
            for first in 0..=sent.len() {
                for most in [0, 1, 39, 40, 4000] {
                    let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
                    peer.write_all(&sent[first..]).expect("has room");
                    let mut reader = reader(&lane, length, &sent[..first]);
                    let whole = reader.hold(most, Tick::NEVER).await.expect("is whole");
                    assert_eq!(whole, most >= 40, "{length:?}, {first} first, {most} at most");
                    assert!(!reader.ended() && reader.plain().is_none(), "it is still to be given");
                    assert_eq!(reader.count(), 0);
                    if whole {
                        assert!(reader.here() == Some(&body));
                        // Held once more, by another that asks.
                        assert_eq!(reader.hold(39, Tick::NEVER).await, Ok(false));
                        let n = reader.fill().await.expect("is here").len().min(17);
                        reader.consume(n);
                        // Nothing was copied where all of it lay in one buffer, of which what was taken is gone.
                        if !reader.rewind() {
                            assert!(first < ends, "{length:?}, {first} first");
                            assert!(read(&mut reader, 7).await.expect("is whole") == body[n..]);
                            continue;
                        }
                    }
                    let again = read(&mut reader, 7).await.expect("is whole");
                    assert!(again == body, "{length:?}, {first} first, {most} at most");
                    assert!(reader.ended());
                    assert_eq!((reader.count(), reader.used() <= ends), (40, true));
                }
            }
        }
    });
}

#[test]
fn a_body_is_held_up_to_the_end_of_its_time() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        peer.write_all(b"some").expect("has room");
        let mut reader = reader(&lane, Length::Exact(40), b"");
        let until = clock::now().after(Duration::from_millis(60));
        let held = reader.hold(100, until).await;
        assert_eq!(held, Err(Fault::new(Side::Client, Kind::Timeout)));
        assert!(clock::now() >= until);
    });
}
