//! Field compression (RFC 7541): what no decoder may let pass, and what every one has to read.

use super::super::frames::*;
use super::super::hpack::{kept, plain, put_int};
use super::Kept::{Connection, Served};
use super::{Case, case};

const DEAD: super::Kept = Connection(COMPRESSION_ERROR);

/// A request on stream 1 whose block begins or ends with these bytes.
fn behind(peer: &mut Peer, path: &str, bytes: &[u8]) {
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, [&plain(&asking("GET", path)), bytes].concat()));
}

fn before(peer: &mut Peer, stream: u32, path: &str, bytes: &[u8]) {
    peer.send(frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        stream,
        [bytes, &plain(&asking("GET", path))].concat(),
    ));
}

/// What was answered on `stream` counts as the answer of the case.
fn counts(peer: &mut Peer, stream: u32) {
    let answer = peer.settle(stream).answers.remove(&stream).unwrap_or_default();
    peer.answers.insert(1, answer);
}

fn update(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_int(&mut out, 0x20, 5, bytes);
    out
}

pub fn cases() -> Vec<Case> {
    [broken(), tables(), read()].into_iter().flatten().collect()
}

fn broken() -> Vec<Case> {
    vec![
        case("7541 §6.1: the index 0", DEAD, |peer, path| behind(peer, path, &[0x80])),
        case("7541 §2.3.3: an index of nothing", DEAD, |peer, path| behind(peer, path, &[0x80 | 70])),
        case("7541 §2.3.3: an index of no name", DEAD, |peer, path| {
            behind(peer, path, &[0x40 | 62, 1, b'x'])
        }),
        case("7541 §2.3.3: an index far beyond", DEAD, |peer, path| {
            behind(peer, path, &[0xff, 0x80, 0x80, 0x40])
        }),
        case("7541 §5.1: an integer beyond all numbers", DEAD, |peer, path| {
            behind(peer, path, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        }),
        case("7541 §5.1: an integer that does not end", DEAD, |peer, path| {
            behind(peer, path, &[0xff, 0x80, 0x80])
        }),
        case("7541 §5.2: a string longer than its block", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 5, b'y'])
        }),
        case("7541 §5.2: a block that ends with a name", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x'])
        }),
        case("7541 §5.2: a length of a gigabyte", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 0x7f, 0x81, 0xff, 0xff, 0xff, 0x03]);
        }),
        // `1` is 00001.
        case("7541 §5.2: padding of zeros", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 0x81, 0b0000_1000])
        }),
        case("7541 §5.2: padding of more than 7 bits", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 0x82, 0b0000_1111, 0xff]);
        }),
        case("7541 §5.2: padding of a whole byte", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 0x81, 0xff])
        }),
        case("7541 §5.2: an EOS in a string", DEAD, |peer, path| {
            behind(peer, path, &[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]);
        }),
        case("7541 §5.2: an EOS behind a letter", DEAD, |peer, path| {
            // 00001, then EOS' thirty ones, then padding.
            behind(peer, path, &[0, 1, b'x', 0x85, 0b0000_1111, 0xff, 0xff, 0xff, 0xff]);
        }),
    ]
}

fn tables() -> Vec<Case> {
    vec![
        case("7541 §4.2, §6.3: a table larger than allowed", DEAD, |peer, path| {
            before(peer, 1, path, &update(4097))
        }),
        case("7541 §4.2: a new size behind a field", DEAD, |peer, path| behind(peer, path, &update(4096))),
        case("7541 §4.2: new sizes at the beginning", Served, |peer, path| {
            before(peer, 1, path, &[update(0), update(4096)].concat());
        }),
        case("7541 §4.3: a smaller table forgets", DEAD, |peer, path| {
            before(peer, 1, path, &kept("x-kept", "1"));
            before(peer, 3, path, &update(0));
            before(peer, 5, path, &[update(4096), vec![0x80 | 62]].concat());
        }),
        case("7541 §4.4: a field larger than the table empties it", DEAD, |peer, path| {
            before(peer, 3, path, &kept("x-kept", "1"));
            peer.settle(3);
            let head = [plain(&asking("GET", path)), kept("x-large", &"v".repeat(4096))].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 5, head)).settle(5);
            peer.send(frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                7,
                [plain(&asking("GET", path)), vec![0x80 | 62]].concat(),
            ));
        }),
        case("7541 §4.4: a field larger than the table is no error", Served, |peer, path| {
            let head = [
                plain(&asking("GET", path)),
                kept("x-large", &"v".repeat(4096)),
                kept("x-new", "1"),
                vec![0x80 | 62],
            ];
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, head.concat()));
        }),
        case("7541 §2.3.2: the oldest leave first", DEAD, |peer, path| {
            fill(peer, path);
            behind_on(peer, 1001, path, &[0x80 | 127, 62 + 97 - 127]);
        }),
        case("7541 §2.3.2: the last of the table is there", Served, |peer, path| {
            fill(peer, path);
            behind_on(peer, 1001, path, &[0x80 | 127, 62 + 96 - 127]);
            counts(peer, 1001);
        }),
    ]
}

/// Has the table keep 98 fields of 32 + 10 bytes each, of which 97 have a place.
fn fill(peer: &mut Peer, path: &str) {
    for (stream, numbers) in [(3, 0..49), (5, 49..98)] {
        let fields: Vec<u8> = numbers.flat_map(|at| kept(&format!("x{at:03}"), "123456")).collect();
        behind_on(peer, stream, path, &fields);
        peer.settle(stream);
    }
}

fn behind_on(peer: &mut Peer, stream: u32, path: &str, bytes: &[u8]) {
    peer.send(frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        stream,
        [&plain(&asking("GET", path)), bytes].concat(),
    ));
}

fn read() -> Vec<Case> {
    vec![
        case("7541 §6.2.1: a field that was kept, again by its number", Served, |peer, path| {
            behind_on(peer, 3, path, &kept("x-kept", "1"));
            peer.settle(3);
            behind_on(peer, 5, path, &[0x80 | 62]);
            counts(peer, 5);
        }),
        case("7541 §6.2.2: a name by its number", Served, |peer, path| {
            let mut value = vec![0x04];
            put_int(&mut value, 0, 7, path.len());
            value.extend_from_slice(path.as_bytes());
            let block = [vec![0x80 | 2, 0x80 | 6], value, plain(&[("host", "a.test")])].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
        }),
        case("7541 §6.2.3: a field that is never to be kept", Served, |peer, path| {
            let mut secret = plain(&[("authorization", "secret")]);
            secret[0] = 0x10;
            behind(peer, path, &secret);
        }),
        case("7541 §5.2: a string in Huffman's code", Served, |peer, path| {
            // custom-key: custom-value (Appendix C.4.3).
            let coded = [
                0x40, 0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f, 0x89, 0x25, 0xa8, 0x49, 0xe9,
                0x5b, 0xb8, 0xe8, 0xb4, 0xbf,
            ];
            behind(peer, path, &coded);
        }),
        case("7541 §5.1: an integer longer than it need be", Served, |peer, path| {
            behind(
                peer,
                path,
                &[0, 1, b'x', 0x7f, 0x80, 0x00].iter().copied().chain([b'v'; 127]).collect::<Vec<u8>>(),
            )
        }),
        case("7541 §5.2: empty strings", Served, |peer, path| behind(peer, path, &[0, 1, b'x', 0])),
    ]
}
