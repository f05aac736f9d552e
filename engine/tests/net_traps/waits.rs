//! Waits that are given up: since a wait only asks for readiness, dropping it at any moment loses and repeats nothing.

use crate::rig::{
    PATIENCE, drivers, listener, lone_pair, on, on_each, once, pair, pattern, pause, read_exact,
};
use crate::rig::{soon, wheel, write_all};
use ringgate::net::Stream;
use ringgate::net::driver::Driver;
use ringgate::net::raise_descriptor_limit;
use ringgate::net::spawn::{spawn, yield_to_back};
use socket2::SockRef;
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How often a wait is given up.
const TRIES: usize = 200;
/// Bytes that come in one try.
const BYTES: usize = 16;

#[test]
fn a_dropped_wait_for_readability_loses_no_byte() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, mut peer) = lone_pair();
        let (go, gone) = mpsc::channel::<usize>();
        let writer = thread::spawn(move || {
            for try_ in gone {
                peer.write_all(pattern(try_ * BYTES, BYTES)).expect("is taken");
            }
        });
        for try_ in 0..TRIES {
            {
                let mut wait = pin!(stream.readable());
                assert!(!once(&mut wait).await, "nothing was sent yet");
                go.send(try_).expect("the writer lives");
                // Dropped before, while and after the bytes come, and before and after the driver has seen them.
                match try_ % 4 {
                    0 => {}
                    1 => yield_to_back().await,
                    2 => pause(&wheel, Duration::from_millis(1)).await,
                    _ => wait.await.expect("the driver waits"),
                }
            }
            let got = soon(&wheel, "what was sent", read_exact(&stream, BYTES)).await;
            assert_eq!(got, pattern(try_ * BYTES, BYTES), "try {try_}");
        }
        drop(go);
        writer.join().expect("writes");
        assert_eq!(stream.try_read(&mut [0; 64]).expect("the peer closed"), 0, "nothing came twice");
    });
}

#[test]
fn a_dropped_wait_for_writability_repeats_no_byte() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, peer) = lone_pair();
        let (go, gone) = mpsc::channel::<usize>();
        let reader = thread::spawn(move || read_as_far_as_told(peer, gone));
        let mut sent = 0;
        for try_ in 0..TRIES {
            while let Ok(n) = stream.try_write(pattern(sent, 64 * 1024)) {
                sent += n;
            }
            let mut wait = pin!(stream.writable());
            if once(&mut wait).await {
                continue;
            }
            // The socket says that it is writable when a third of its buffer is free.
            go.send(sent - 1).expect("the reader lives");
            match try_ % 4 {
                0 => {}
                1 => yield_to_back().await,
                2 => pause(&wheel, Duration::from_millis(1)).await,
                _ => soon(&wheel, "room", wait).await.expect("the driver waits"),
            }
        }
        stream.shutdown_write();
        drop(go);
        let got = reader.join().expect("reads");
        assert_eq!(got, sent, "the peer got what was counted as sent");
    });
}

/// Reads as far as it is told to, then to the end; checks the sequence and gives its length.
fn read_as_far_as_told(mut peer: TcpStream, told: mpsc::Receiver<usize>) -> usize {
    let mut at = 0;
    let mut scrap = vec![0; 1 << 20];
    let mut read_to = |to: usize| {
        while at < to {
            let room = scrap.len().min(to - at);
            let n = peer.read(&mut scrap[..room]).expect("comes");
            assert!(scrap[..n] == *pattern(at, n), "from {at}");
            at += n;
            if n == 0 {
                break;
            }
        }
        at
    };
    for to in told {
        read_to(to);
    }
    read_to(usize::MAX)
}

#[test]
fn both_directions_of_a_stream_can_be_waited_for_at_once_and_given_up_apart() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, mut peer) = lone_pair();
        while stream.try_write(&[0; 64 * 1024]).is_ok() {}
        for round in 0..TRIES as u8 {
            let mut reading = pin!(stream.readable());
            {
                let mut writing = pin!(stream.writable());
                assert!(!once(&mut writing).await && !once(&mut reading).await);
            }
            peer.write_all(&[round]).expect("is taken");
            soon(&wheel, "the byte", reading).await.expect("the driver waits");
            assert_eq!(read_exact(&stream, 1).await, [round]);
        }
        let drain = thread::spawn(move || peer.read_to_end(&mut Vec::new()));
        soon(&wheel, "room", stream.writable()).await.expect("the driver waits");
        drop(stream);
        // A dropped socket is closed when the driver runs next.
        pause(&wheel, Duration::from_millis(20)).await;
        drain.join().expect("does not panic").expect("ends");
    });
}

#[test]
fn after_the_peers_fin_its_bytes_are_read_and_ours_still_arrive() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, mut peer) = lone_pair();
        peer.write_all(b"request").expect("is taken");
        peer.shutdown(Shutdown::Write).expect("is connected");
        assert_eq!(read_exact(&stream, 7).await, b"request");
        soon(&wheel, "the end", stream.readable()).await.expect("the driver waits");
        assert_eq!(stream.try_read(&mut [0; 8]).expect("is an end"), 0);
        let answer = pattern(0, 4 * 1024 * 1024);
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).expect("ends");
            assert!(got == answer, "{} bytes came", got.len());
        });
        soon(&wheel, "room", write_all(&stream, answer)).await;
        stream.shutdown_write();
        reader.join().expect("reads");
    });
}

#[test]
fn a_reset_ends_waits_in_both_directions() {
    on_each(|| async {
        let wheel = wheel();
        for direction in 0..2 {
            let (stream, peer) = lone_pair();
            if direction == 1 {
                while stream.try_write(&[0; 64 * 1024]).is_ok() {}
            }
            // What the peer has not read makes its close a reset.
            let _ = stream.try_write(b"unread");
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                drop(peer);
            });
            let ended = if direction == 0 {
                soon(&wheel, "the reset", stream.readable()).await
            } else {
                soon(&wheel, "the reset", stream.writable()).await
            };
            ended.expect("the driver waits");
            let error = stream.try_write(b"more").and_then(|_| stream.try_read(&mut [0; 8]));
            assert!(error.is_err(), "{error:?}");
        }
    });
}

/// Sockets that wait at once: each pair takes two descriptors of this process.
const MANY: usize = 2000;

fn many() -> Vec<(Stream, TcpStream)> {
    let descriptors = raise_descriptor_limit() as usize;
    let (listener, addr) = listener();
    let pairs = (0..MANY.min(descriptors.saturating_sub(200) / 2)).map(|_| pair(&listener, addr));
    // Closed by a reset, so that thousands of ports are free again at once.
    let resets = |peer: &TcpStream| SockRef::from(peer).set_linger(Some(Duration::ZERO));
    pairs.inspect(|(_, peer)| resets(peer).expect("is a TCP socket")).collect()
}

#[test]
fn thousands_of_waits_at_once_are_all_woken() {
    on_each(|| async {
        let wheel = wheel();
        let woken = Rc::new(Cell::new(0));
        let mut peers = Vec::new();
        for (stream, peer) in many() {
            peers.push(peer);
            let woken = woken.clone();
            spawn(async move {
                for round in 0..3u8 {
                    assert_eq!(read_exact(&stream, 1).await, [round]);
                    woken.set(woken.get() + 1);
                }
            });
        }
        for round in 0..3u8 {
            peers.iter_mut().for_each(|peer| peer.write_all(&[round]).expect("is taken"));
            let all = peers.len() * usize::from(round + 1);
            let mut left = PATIENCE.as_millis() / 20;
            while woken.get() < all && left > 0 {
                pause(&wheel, Duration::from_millis(10)).await;
                left -= 1;
            }
            assert_eq!(woken.get(), all, "round {round}");
        }
    });
}

#[test]
fn more_completions_at_once_than_the_ring_has_room_for_all_arrive() {
    /// Waits on each socket: together more than the 16 Ki completions that a ring holds.
    const EACH: usize = 10;
    // Only a ring can have several tasks wait on one direction of a socket.
    for driver in drivers().into_iter().filter(|driver| *driver != Driver::Epoll) {
        on(driver, || async {
            let wheel = wheel();
            let woken = Rc::new(Cell::new(0));
            let (streams, mut peers): (Vec<_>, Vec<_>) = many().into_iter().unzip();
            for stream in streams {
                let stream = Rc::new(stream);
                for _ in 0..EACH {
                    let (stream, woken) = (stream.clone(), woken.clone());
                    spawn(async move {
                        stream.readable().await.expect("the driver waits");
                        woken.set(woken.get() + 1);
                    });
                }
            }
            pause(&wheel, Duration::from_millis(50)).await;
            assert_eq!(woken.get(), 0);
            // While the shard does not look, every wait completes.
            peers.iter_mut().for_each(|peer| peer.write_all(b"x").expect("is taken"));
            let all = peers.len() * EACH;
            let mut left = PATIENCE.as_millis() / 20;
            while woken.get() < all && left > 0 {
                pause(&wheel, Duration::from_millis(10)).await;
                left -= 1;
            }
            assert_eq!(woken.get(), all);
        });
    }
}

#[test]
fn a_write_to_a_closed_socket_is_an_error_and_no_signal() {
    on_each(|| async {
        let wheel = wheel();
        let (stream, peer) = lone_pair();
        drop(peer);
        let mut last = Ok(0);
        for _ in 0..100 {
            last = stream.try_write(b"x");
            if last.is_err() {
                break;
            }
            pause(&wheel, Duration::from_millis(5)).await;
        }
        let kind = last.expect_err("the peer is gone").kind();
        assert!(matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset), "{kind}");
    });
}
