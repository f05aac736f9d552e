//! What each kind of frame demands of itself (RFC 9113 §6).

use super::super::frames::*;
use super::super::hpack::plain;
use super::Kept::{Connection, Either, Ignored, Served};
use super::{Case, case, held};

const DEAD: super::Kept = Connection(PROTOCOL_ERROR);

pub fn cases() -> Vec<Case> {
    [bodies(), heads(), settled(), rest()].into_iter().flatten().collect()
}

fn bodies() -> Vec<Case> {
    vec![
        case("§6.1: DATA on stream 0", DEAD, |peer, _| {
            peer.send(frame(DATA, 0, 0, b"x"));
        }),
        case("§6.1: DATA with padding is taken without it", Served, |peer, path| {
            peer.send(post(1, &path.replace("/ok", "/echo")));
            peer.send(frame(DATA, END_STREAM | PADDED, 1, b"\x03body\0\0\0")).settle(1);
            let answer = peer.answers.entry(1).or_default();
            answer.status = if answer.body.ends_with(b"\r\n\r\nbody") { answer.status } else { 0 };
        }),
        case("§6.1: DATA of padding alone", Served, |peer, path| {
            peer.send([post(1, path), frame(DATA, END_STREAM | PADDED, 1, b"\x02\0\0")].concat());
        }),
        case("§6.1: padding as long as the payload", DEAD, |peer, path| {
            peer.send([post(1, &held(path)), frame(DATA, PADDED, 1, b"\x05body\0")].concat());
            peer.send(frame(DATA, PADDED, 1, b"\x06body\0"));
        }),
        case("§6.1: padding longer than the payload", DEAD, |peer, path| {
            peer.send([post(1, &held(path)), frame(DATA, PADDED, 1, b"\xffbody")].concat());
        }),
    ]
}

fn heads() -> Vec<Case> {
    vec![
        case("§6.2: HEADERS on stream 0", DEAD, |peer, path| {
            peer.send(get(0, path));
        }),
        case("§6.2: HEADERS with padding and a priority", Served, |peer, path| {
            let block = plain(&asking("GET", path));
            let payload = [&[4, 0, 0, 0, 0, 9][..], &block, &[0; 4]].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY, 1, payload));
        }),
        case("§6.2: padding longer than the block", DEAD, |peer, path| {
            let payload = [&[255][..], &plain(&asking("GET", path))].concat();
            peer.send(frame(
                HEADERS,
                END_HEADERS | END_STREAM | PADDED,
                1,
                &payload[..100.min(payload.len())],
            ));
        }),
        case("§6.3: a PRIORITY on stream 0", DEAD, |peer, _| {
            peer.send(frame(PRIORITY, 0, 0, [0, 0, 0, 0, 5]));
        }),
        case("§6.4: an RST_STREAM on stream 0", DEAD, |peer, _| {
            peer.send(reset(0, CANCEL));
        }),
        case("§6.4: a code that nobody knows is as good as any", Ignored, |peer, path| {
            peer.send([get(3, &held(path)), reset(3, 0xdead_beef)].concat());
        }),
        case("§6.6: a PUSH_PROMISE from a client", DEAD, |peer, path| {
            let payload = [&[0, 0, 0, 2][..], &plain(&asking("GET", path))].concat();
            peer.send([get(1, &held(path)), frame(PUSH_PROMISE, END_HEADERS, 1, payload)].concat());
        }),
    ]
}

fn settled() -> Vec<Case> {
    vec![
        case("§6.5: SETTINGS on a stream", DEAD, |peer, path| {
            peer.send([get(1, &held(path)), frame(SETTINGS, 0, 1, b"")].concat());
        }),
        case("§6.5.2: ENABLE_PUSH of 2", DEAD, |peer, _| {
            peer.send(settings(&[(2, 2)]));
        }),
        case("§6.5.2: a largest frame below 16,384", DEAD, |peer, _| {
            peer.send(settings(&[(5, 16_383)]));
        }),
        case("§6.5.2: a largest frame beyond 2^24-1", DEAD, |peer, _| {
            peer.send(settings(&[(5, 1 << 24)]));
        }),
        case("§6.5.2: settings that nobody knows are ignored", Served, |peer, path| {
            peer.send(settings(&[(0x0a0a, 7), (0xffff, u32::MAX), (0, 1)])).send(get(1, path));
        }),
        case("§6.5.3: settings are taken in order, the last one counts", Served, |peer, path| {
            peer.says(&[(4, 70_000)]);
            peer.send(settings(&[(4, 0), (4, 70_000)])).send(get(1, path));
        }),
        case("§6.5.3: SETTINGS are acknowledged, each", Served, |peer, path| {
            let before = peer.acknowledged;
            peer.send([settings(&[]), settings(&[(1, 0)]), settings(&[(1, 4096)])].concat())
                .send(get(1, path))
                .barrier();
            let answer = peer.answers.entry(1).or_default();
            if peer.acknowledged != before + 3 {
                answer.reset = Some(0);
            }
        }),
        case("§6.5.3: an acknowledgement of nothing harms nobody", Either(PROTOCOL_ERROR), |peer, _| {
            peer.send(frame(SETTINGS, ACK, 0, b""));
        }),
    ]
}

fn rest() -> Vec<Case> {
    vec![
        case("§6.7: a PING is answered with what it brought", Ignored, |peer, _| {
            peer.send(frame(PING, 0, 0, b"\0\x01\xfe\xff1234")).barrier();
            assert!(peer.pongs.iter().any(|pong| pong == b"\0\x01\xfe\xff1234"));
        }),
        case("§6.7: an acknowledgement of a PING is not answered", Ignored, |peer, _| {
            peer.send(frame(PING, ACK, 0, b"unasked!")).barrier();
            assert!(!peer.pongs.iter().any(|pong| pong == b"unasked!"));
        }),
        case("§6.7: a PING on a stream", DEAD, |peer, path| {
            peer.send([get(1, &held(path)), frame(PING, 0, 1, [0; 8])].concat());
        }),
        case("§6.8: a GOAWAY on a stream", DEAD, |peer, path| {
            peer.send([get(1, &held(path)), frame(GOAWAY, 0, 1, [0; 8])].concat());
        }),
        case("§6.8: who says GOAWAY still gets its answers", Either(NO_ERROR), |peer, path| {
            peer.send([get(1, path), frame(GOAWAY, 0, 0, [0; 8])].concat());
            peer.settle(1);
            let answer = peer.answers.get(&1).cloned().unwrap_or_default();
            assert!(answer.ended && answer.status == 200, "{answer:?}");
        }),
        case("§8.4: a client's GOAWAY, PRIORITY and SETTINGS need no order", Served, |peer, path| {
            peer.send([settings(&[]), frame(PRIORITY, 0, 11, [0x80, 0, 0, 9, 255]), get(1, path)].concat());
        }),
    ]
}
