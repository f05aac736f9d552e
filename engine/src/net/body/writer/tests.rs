//! A send cut short at any byte is gone on with from that byte.

use super::BodyWriter;
use crate::base::Side;
use crate::mem::Class;
use crate::net::body::tests::rig::{Bench, Room, data, on_each};
use crate::net::body::{BodySink, Lane};
use crate::wire::http1::framing::Length;
use socket2::SockRef;
use std::io::Read;
use std::time::Duration;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const TRAILERS: &[u8] = b"X-Sum: 7\r\n";
const SIZES: [usize; 5] = [1, 15, 16, 17, 40];

fn writer(bench: &Bench, lane: &Lane, length: Length) -> BodyWriter {
    let mut head = bench.pool.take(Class::Small);
    assert!(head.put(HEAD));
    BodyWriter::new(lane.clone(), head, length)
}

/// Offers `data` to a socket that takes `cut` bytes of what is offered; gives how much of `data` was taken.
fn short(writer: &mut BodyWriter, data: &[u8], cut: usize) -> usize {
    writer.open_chunk(data.len());
    let (room, end) = writer.framed(data.len());
    let mut offered = writer.parts(&data[..room], end).concat();
    offered.truncate(cut);
    let sent = writer.to.link.stream.try_write(&offered).expect("there is room");
    assert_eq!(sent, offered.len());
    writer.account(sent, room)
}

/// As [`short`], for data that is copied behind the head.
fn short_joined(writer: &mut BodyWriter, data: &[u8], cut: usize) {
    assert!(writer.join(data));
    writer.joined += data.len();
    let mut offered = writer.parts(&[], &[]).concat();
    offered.truncate(cut);
    let sent = writer.to.link.stream.try_write(&offered).expect("there is room");
    assert_eq!(writer.account(sent, 0), 0);
}

/// The message as it is on the wire, when its data was offered in one piece.
fn image(length: Length, body: &[u8]) -> Vec<u8> {
    let line = format!("{:x}\r\n", body.len());
    match length {
        Length::Chunked => [HEAD, line.as_bytes(), body, b"\r\n0\r\n", TRAILERS, b"\r\n"].concat(),
        _ => [HEAD, body].concat(),
    }
}

#[test]
fn a_send_cut_short_at_any_byte_is_gone_on_with_from_there() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        let mut received = async |expected: &[u8], what: &str| {
            let mut got = vec![0; expected.len()];
            peer.read_exact(&mut got).expect("comes");
            assert!(got == expected, "{what}: {}", got.escape_ascii());
        };
        for length in [Length::Chunked, Length::UntilClose] {
            for size in SIZES {
                let body = data(size);
                let image = image(length, &body);
                for first in 0..=image.len() {
                    for second in [0, 1, 2, 7] {
                        let mut writer = writer(&bench, &lane, length);
                        let mut at = 0;
                        for cut in [first, second] {
                            at += short(&mut writer, &body[at..], cut);
                        }
                        while at < size {
                            at += writer.write(&body[at..]).await.expect("the peer is well");
                        }
                        writer.finish(TRAILERS).await.expect("the peer is well");
                        assert_eq!(writer.sent(), size as u64);
                        received(&image, &format!("{length:?}, {size} bytes, {first} then {second}")).await;
                    }
                }
            }
        }
        peer.set_nonblocking(true).expect("is a socket");
        assert!(peer.read(&mut [0]).is_err(), "nothing came twice");
    });
}

#[test]
fn data_behind_a_head_that_left_in_part_leaves_once() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        for size in SIZES {
            let body = data(size);
            let image = image(Length::UntilClose, &[&body[..], &body].concat());
            for cut in 0..=HEAD.len() + size {
                let mut writer = writer(&bench, &lane, Length::Exact(2 * size as u64));
                short_joined(&mut writer, &body, cut);
                let mut at = 0;
                while at < size {
                    at += writer.write(&body[at..]).await.expect("the peer is well");
                }
                writer.finish(&[]).await.expect("the peer is well");
                assert_eq!(writer.sent(), 2 * size as u64);
                let mut got = vec![0; image.len()];
                peer.read_exact(&mut got).expect("comes");
                assert!(got == image, "{size} bytes, {cut}: {}", got.escape_ascii());
            }
        }
    });
}

#[test]
fn what_did_not_leave_is_not_counted() {
    on_each(|bench| async move {
        let (lane, peer) = bench.pair(Room::Usual, Side::Client);
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("is a socket");
        drop(peer);
        let mut writer = writer(&bench, &lane, Length::Exact(40));
        writer.write(&data(40)).await.expect_err("the peer is gone");
        assert_eq!((writer.sent(), writer.started()), (0, false));
    });
}

#[test]
fn a_head_leaves_without_a_body_and_nothing_is_sent_twice() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        for length in [Length::None, Length::Exact(0), Length::UntilClose, Length::Chunked] {
            let mut writer = writer(&bench, &lane, length);
            assert!(!writer.started());
            writer.flush().await.expect("the peer is well");
            assert!(writer.started());
            for _ in 0..2 {
                writer.flush().await.expect("the peer is well");
                writer.finish(&[]).await.expect("the peer is well");
            }
            let end: &[u8] = if length == Length::Chunked { b"0\r\n\r\n" } else { b"" };
            let expected = [HEAD, end].concat();
            let mut got = vec![0; expected.len()];
            peer.read_exact(&mut got).expect("comes");
            assert_eq!(got, expected, "{length:?}");
        }
        peer.set_nonblocking(true).expect("is a socket");
        assert!(peer.read(&mut [0]).is_err(), "nothing came twice");
        assert_eq!(bench.pool.lent(), 0);
    });
}

#[test]
fn an_end_that_finds_no_room_behind_the_head_goes_in_a_buffer_of_its_own() {
    on_each(|bench| async move {
        let (lane, mut peer) = bench.pair(Room::Usual, Side::Client);
        let mut head = bench.pool.take(Class::Small);
        let filler = data(head.room() - 3);
        assert!(head.put(&filler));
        let mut writer = BodyWriter::new(lane, head, Length::Chunked);
        let trailers = [b"X-Long: ".as_slice(), &[b'x'; 6000], b"\r\n"].concat();
        writer.finish(&trailers).await.expect("the peer is well");
        let expected = [&filler[..], b"0\r\n", &trailers, b"\r\n"].concat();
        let mut got = vec![0; expected.len()];
        peer.read_exact(&mut got).expect("comes");
        assert!(got == expected);
    });
}
