//! How a connection begins, and frames as such (RFC 9113 §3.4, §4).

use super::super::frames::*;
use super::super::hpack::plain;
use super::Kept::{Connection, Served, Stream};
use super::{Case, case, first, within};

fn begins(peer: &mut Peer, more: &[u8]) {
    peer.send([PREFACE, more].concat());
}

/// The head of a request on stream 1 in two parts, and this between them.
fn between(peer: &mut Peer, path: &str, what: &[u8]) {
    let block = plain(&asking("GET", path));
    let (front, back) = block.split_at(10);
    let [begin, end] = [frame(HEADERS, END_STREAM, 1, front), frame(CONTINUATION, END_HEADERS, 1, back)];
    peer.send([&begin, what, &end].concat());
}

pub fn cases() -> Vec<Case> {
    [beginnings(), headers(), sizes(), blocks()].into_iter().flatten().collect()
}

fn beginnings() -> Vec<Case> {
    vec![
        first("§3.4: frames may follow the client's preface at once", Served, |peer, path| {
            begins(peer, &[settings(&[]), get(1, path)].concat());
        }),
        first("§3.4: a preface without SETTINGS, a PING", Connection(PROTOCOL_ERROR), |peer, _| {
            begins(peer, &frame(PING, 0, 0, b"too soon"));
        }),
        first("§3.4: a preface without SETTINGS, a request", Connection(PROTOCOL_ERROR), |peer, path| {
            begins(peer, &get(1, path));
        }),
        first(
            "§3.4: a preface without SETTINGS, an acknowledgement",
            Connection(PROTOCOL_ERROR),
            |peer, _| {
                begins(peer, &frame(SETTINGS, ACK, 0, b""));
            },
        ),
        first(
            "§3.4: a preface without SETTINGS, a frame of no known kind",
            Connection(PROTOCOL_ERROR),
            |peer, _| {
                begins(peer, &frame(0x70, 0, 0, b"grease"));
            },
        ),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        case("§4.1: flags without a meaning are ignored, HEADERS", Served, |peer, path| {
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM | 0xd2, 1, plain(&asking("GET", path))));
        }),
        case("§4.1: flags without a meaning are ignored, DATA", Served, |peer, path| {
            peer.send([post(1, path), frame(DATA, END_STREAM | 0xf6, 1, b"x")].concat());
        }),
        case(
            "§4.1: flags without a meaning are ignored, PING, SETTINGS, WINDOW_UPDATE, RST_STREAM",
            Served,
            |peer, path| {
                peer.send([frame(PING, 0xfe, 0, b"whatever"), frame(SETTINGS, 0xfe, 0, b"")].concat());
                peer.send(
                    [
                        get(3, path),
                        frame(WINDOW_UPDATE, 0xff, 3, [0, 0, 0, 1]),
                        frame(RST_STREAM, 0xff, 3, [0, 0, 0, 8]),
                    ]
                    .concat(),
                );
                // Stream 1 is over by now.
                peer.send(get(5, path)).settle(5);
                let answer = peer.answers.remove(&5).unwrap_or_default();
                peer.answers.insert(1, answer);
            },
        ),
        case("§4.1: the reserved bit is ignored", Served, |peer, path| {
            let mut asked = get(1, path);
            asked[5] |= 0x80;
            peer.send(window_update(0, 0x8000_0001)).send(asked);
        }),
        case("§4.1, §5.5: frames of no known kind are ignored", Served, |peer, path| {
            for kind in [0x0a, 0x0b, 0x21, 0x70, 0xff] {
                peer.send(
                    [frame(kind, 0xff, 0, b"grease"), frame(kind, 0, 1, b""), frame(kind, 0, 4, b"x")]
                        .concat(),
                );
            }
            peer.send(
                [post(1, path), frame(0xbb, 0xff, 1, b"grease"), frame(DATA, END_STREAM, 1, b"x")].concat(),
            );
        }),
    ]
}

/// The front of `payload`, larger by a little than the server's largest frame. For one that takes every size a PING of a
/// wrong one goes before: nothing is beyond its largest.
fn beyond(peer: &mut Peer, payload: &[u8]) -> Vec<u8> {
    let most = peer.settings.get(&5).map_or(16_384, |most| *most as usize);
    if most + 6 > payload.len() {
        peer.send(frame(PING, 0, 0, [0; 7]));
    }
    payload[..(most + 6).min(payload.len())].to_vec()
}

/// The sizes that frames must have, whose breach is FRAME_SIZE_ERROR.
fn sizes() -> Vec<Case> {
    const DEAD: super::Kept = Connection(FRAME_SIZE_ERROR);
    vec![
        case("§4.2: a frame of 16,384 bytes is taken", Served, |peer, path| {
            peer.send([post(1, path), frame(DATA, END_STREAM, 1, [b'x'; 16_384])].concat());
        }),
        case("§4.2: DATA beyond the largest frame", Stream(FRAME_SIZE_ERROR), |peer, path| {
            let beyond = beyond(peer, &vec![b'x'; 1 << 20]);
            peer.send([post(1, path), frame(DATA, END_STREAM, 1, beyond)].concat());
        }),
        case("§4.2: HEADERS beyond the largest frame", DEAD, |peer, path| {
            let block = [plain(&asking("GET", path)), plain(&[("x-large", "v".repeat(1 << 20))])].concat();
            let beyond = beyond(peer, &block);
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, beyond));
        }),
        case("§4.2: SETTINGS beyond the largest frame", DEAD, |peer, _| {
            let beyond = beyond(peer, &[0x7a, 0x7a, 0, 0, 0, 1].repeat(1 << 16));
            // A multiple of 6 that is beyond it too.
            peer.send(frame(SETTINGS, 0, 0, &beyond[..beyond.len() / 6 * 6]));
        }),
        case("§4.2: a frame of no known kind beyond the largest frame", DEAD, |peer, _| {
            let beyond = beyond(peer, &[0; 1 << 20]);
            peer.send(frame(0x70, 0, 0, beyond));
        }),
        case("§4.2, §6.7: a PING of 7 bytes", DEAD, |peer, _| {
            peer.send(frame(PING, 0, 0, [0; 7]));
        }),
        case("§4.2, §6.7: a PING of 9 bytes", DEAD, |peer, _| {
            peer.send(frame(PING, 0, 0, [0; 9]));
        }),
        case("§4.2, §6.7: an acknowledgement of a PING of 6 bytes", DEAD, |peer, _| {
            peer.send(frame(PING, ACK, 0, [0; 6]));
        }),
        case("§4.2, §6.4: an RST_STREAM of 3 bytes", DEAD, |peer, path| {
            peer.send([get(1, &super::held(path)), frame(RST_STREAM, 0, 1, [0; 3])].concat());
        }),
        case("§4.2, §6.4: an RST_STREAM of 5 bytes", DEAD, |peer, path| {
            peer.send([get(1, &super::held(path)), frame(RST_STREAM, 0, 1, [0; 5])].concat());
        }),
        case("§4.2, §6.9: a WINDOW_UPDATE of 3 bytes", DEAD, |peer, _| {
            peer.send(frame(WINDOW_UPDATE, 0, 0, [1; 3]));
        }),
        case("§4.2, §6.9: a WINDOW_UPDATE of 5 bytes", DEAD, |peer, _| {
            peer.send(frame(WINDOW_UPDATE, 0, 0, [1; 5]));
        }),
        case("§4.2, §6.5: SETTINGS of 5 bytes", DEAD, |peer, _| {
            peer.send(frame(SETTINGS, 0, 0, [0; 5]));
        }),
        case("§4.2, §6.5: an acknowledgement of SETTINGS that is not empty", DEAD, |peer, _| {
            peer.send(frame(SETTINGS, ACK, 0, [0, 3, 0, 0, 0, 1]));
        }),
        case("§4.2, §6.3: a PRIORITY of 4 bytes", Stream(FRAME_SIZE_ERROR), |peer, path| {
            peer.send([post(1, &super::held(path)), frame(PRIORITY, 0, 1, [0; 4])].concat());
        }),
        case("§4.2, §6.8: a GOAWAY of 7 bytes", DEAD, |peer, _| {
            peer.send(frame(GOAWAY, 0, 0, [0; 7]));
        }),
        case("§4.2, §6.2: HEADERS with a priority of 4 bytes", DEAD, |peer, _| {
            peer.send(frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, [0; 4]));
        }),
        case("§4.2, §6.2: padded HEADERS without the length of the padding", DEAD, |peer, _| {
            peer.send(frame(HEADERS, END_HEADERS | PADDED, 1, b""));
        }),
        case("§4.2, §6.1: padded DATA without the length of the padding", DEAD, |peer, path| {
            peer.send([post(1, &super::held(path)), frame(DATA, PADDED, 1, b"")].concat());
        }),
    ]
}

/// A field block is one, and nothing may stand within it.
fn blocks() -> Vec<Case> {
    const DEAD: super::Kept = Connection(PROTOCOL_ERROR);
    vec![
        case("§4.3: a block in three frames", Served, |peer, path| {
            between(peer, path, &frame(CONTINUATION, 0, 1, b""));
        }),
        within("§4.3: a PING within a block", DEAD, |peer, path| {
            between(peer, path, &frame(PING, 0, 0, [0; 8]))
        }),
        within("§4.3: SETTINGS within a block", DEAD, |peer, path| between(peer, path, &settings(&[]))),
        within("§4.3: a WINDOW_UPDATE within a block", DEAD, |peer, path| {
            between(peer, path, &window_update(0, 1))
        }),
        within("§4.3: a PRIORITY within a block", DEAD, |peer, path| {
            between(peer, path, &frame(PRIORITY, 0, 1, [0, 0, 0, 0, 1]))
        }),
        within("§4.3: DATA within a block", DEAD, |peer, path| {
            between(peer, path, &frame(DATA, 0, 1, b"x"))
        }),
        within("§4.3: HEADERS within a block", DEAD, |peer, path| between(peer, path, &get(3, path))),
        within("§4.3: an RST_STREAM within a block", DEAD, |peer, path| {
            between(peer, path, &reset(1, CANCEL))
        }),
        within("§4.3, §5.5: a frame of no known kind within a block", DEAD, |peer, path| {
            between(peer, path, &frame(0x70, 0, 1, b"x"));
        }),
        within("§6.10: the CONTINUATION of another stream within a block", DEAD, |peer, path| {
            between(peer, path, &frame(CONTINUATION, 0, 3, b""));
        }),
        case("§6.10: a CONTINUATION of nothing", DEAD, |peer, _| {
            peer.send(frame(CONTINUATION, END_HEADERS, 1, b""));
        }),
        case("§6.10: a CONTINUATION of a block that has ended", DEAD, |peer, path| {
            peer.send([post(1, &super::held(path)), frame(CONTINUATION, END_HEADERS, 1, b"")].concat());
        }),
        within("§6.10: a CONTINUATION on stream 0", DEAD, |peer, path| {
            peer.send(frame(HEADERS, END_STREAM, 1, plain(&asking("GET", path))));
            peer.send(frame(CONTINUATION, END_HEADERS, 0, b""));
        }),
    ]
}
