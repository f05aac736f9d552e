//! The lives of streams and their numbers (RFC 9113 §5), and flow control (§5.2, §6.9).

use super::super::frames::*;
use super::super::hpack::{kept, plain};
use super::Kept::{Connection, Either, Ignored, Served, Stream};
use super::{Case, case, held};

pub fn cases() -> Vec<Case> {
    [states(), numbers(), windows()].into_iter().flatten().collect()
}

fn states() -> Vec<Case> {
    const IDLE: super::Kept = Connection(PROTOCOL_ERROR);
    const CLOSED: super::Kept = Stream(STREAM_CLOSED);
    vec![
        case("§5.1: DATA on an idle stream", IDLE, |peer, _| {
            peer.send(frame(DATA, END_STREAM, 1, b"x"));
        }),
        case("§5.1, §6.4: an RST_STREAM on an idle stream", IDLE, |peer, _| {
            peer.send(reset(1, CANCEL));
        }),
        case("§5.1, §6.9: a WINDOW_UPDATE on an idle stream", IDLE, |peer, _| {
            peer.send(window_update(1, 1));
        }),
        case("§5.1, §6.3: a PRIORITY on an idle stream is ignored", Served, |peer, path| {
            peer.send(frame(PRIORITY, 0, 7, [0, 0, 0, 0, 5])).send(get(1, path));
        }),
        case("§5.1: DATA behind the end of a request", CLOSED, |peer, path| {
            peer.send([get(1, &held(path)), frame(DATA, END_STREAM, 1, b"x")].concat());
        }),
        case("§5.1: HEADERS behind the end of a request", CLOSED, |peer, path| {
            peer.send([get(1, &held(path)), get(1, &held(path))].concat());
        }),
        case(
            "§5.1: PRIORITY and WINDOW_UPDATE behind the end of a request are taken",
            Served,
            |peer, path| {
                peer.send(
                    [get(1, path), frame(PRIORITY, 0, 1, [0, 0, 0, 0, 5]), window_update(1, 100)].concat(),
                );
            },
        ),
        case("§5.1: DATA on a stream that was reset", Either(STREAM_CLOSED), |peer, path| {
            peer.send([post(1, &held(path)), reset(1, CANCEL), frame(DATA, END_STREAM, 1, b"x")].concat());
        }),
        case("§5.1: HEADERS on a stream that was reset", Either(STREAM_CLOSED), |peer, path| {
            peer.send([post(1, &held(path)), reset(1, CANCEL), get(1, path)].concat());
        }),
        case("§5.1: DATA on a stream that has ended", Either(STREAM_CLOSED), |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(frame(DATA, END_STREAM, 1, b"x"));
        }),
        case("§5.1: HEADERS on a stream that has ended", Either(STREAM_CLOSED), |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(get(1, path));
        }),
        case("§5.1: a WINDOW_UPDATE on a stream that has ended is ignored", Served, |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(window_update(1, 1));
        }),
        case("§5.1: an RST_STREAM on a stream that has ended is ignored", Served, |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(reset(1, CANCEL));
        }),
        case("§5.1: a PRIORITY on a stream that has ended is ignored", Served, |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(frame(PRIORITY, 0, 1, [0, 0, 0, 0, 5]));
        }),
        case("§4.3, §5.1: the blocks of streams that were reset are decoded", Served, |peer, path| {
            // A body that is too long has stream 3 reset, and its trailers were on their way.
            let head = [plain(&asking("POST", &held(path))), plain(&[("content-length", "1")])].concat();
            peer.send([frame(HEADERS, END_HEADERS, 3, head), frame(DATA, 0, 3, b"xx")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, kept("x-late", "2"))).settle(3);
            let head = [plain(&asking("POST", &held(path))), kept("x-kept", "1")].concat();
            peer.send([frame(HEADERS, END_HEADERS, 5, head), reset(5, CANCEL)].concat());
            // 62 is what was kept last.
            let block = [plain(&asking("GET", path)), vec![0x80 | 62, 0x80 | 63]].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 7, block)).settle(7);
            let answer = peer.answers.remove(&7).unwrap_or_default();
            peer.answers.insert(1, answer);
        }),
    ]
}

fn numbers() -> Vec<Case> {
    const DEAD: super::Kept = Connection(PROTOCOL_ERROR);
    vec![
        case("§5.1.1: a request on an even stream", DEAD, |peer, path| {
            peer.send(get(2, path));
        }),
        // Stream 1 is closed by the first use of stream 5: either error says so.
        case(
            "§5.1.1: a request on a stream below one that was used",
            Connection(STREAM_CLOSED),
            |peer, path| {
                peer.send([get(5, &held(path)), get(1, path)].concat());
            },
        ),
        case("§5.1.1: numbers may be left out", Served, |peer, path| {
            peer.send(get(1, path)).settle(1);
            peer.send(get(999, path));
        }),
        case("§5.1.2: a stream beyond those allowed at once", Stream(REFUSED_STREAM), |peer, path| {
            let most = peer.settings.get(&3).copied().unwrap_or(100);
            let mut bytes = Vec::new();
            for stream in 1..=most {
                bytes.extend(get(1 + 2 * stream, &held(path)));
            }
            bytes.extend(get(3 + 2 * most, path));
            peer.send(bytes).settle(3 + 2 * most);
            for stream in 1..=most {
                peer.send(reset(1 + 2 * stream, CANCEL));
            }
            let answer = peer.answers.remove(&(3 + 2 * most)).unwrap_or_default();
            peer.answers.insert(1, answer);
        }),
        case(
            "§5.3.2: priorities that make no sense harm nobody else",
            Either(PROTOCOL_ERROR),
            |peer, path| {
                let block = plain(&asking("GET", path));
                let on_itself = [&[0, 0, 0, 1, 5][..], &block].concat();
                peer.send(frame(PRIORITY, 0, 3, [0, 0, 0, 3, 0]));
                peer.send(frame(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, on_itself));
            },
        ),
    ]
}

fn windows() -> Vec<Case> {
    vec![
        case("§6.9: a WINDOW_UPDATE of 0 on the connection", Connection(PROTOCOL_ERROR), |peer, _| {
            peer.send(window_update(0, 0));
        }),
        case("§6.9: a WINDOW_UPDATE of 0 on a stream", Stream(PROTOCOL_ERROR), |peer, path| {
            peer.send([get(1, &held(path)), window_update(1, 0)].concat());
        }),
        case(
            "§6.9.1: a window of the connection beyond 2^31-1",
            Connection(FLOW_CONTROL_ERROR),
            |peer, _| {
                peer.send([window_update(0, 0x7fff_ffff), window_update(0, 1)].concat());
            },
        ),
        case("§6.9.1: a window of a stream beyond 2^31-1", Stream(FLOW_CONTROL_ERROR), |peer, path| {
            peer.send([get(1, &held(path)), window_update(1, 0x7fff_ffff)].concat());
        }),
        case("§6.9.1: a body beyond the stream's window", Stream(FLOW_CONTROL_ERROR), |peer, path| {
            peer.send(post(1, &path.replace("/ok", "/no-read")));
            let window = peer.settings.get(&4).copied().unwrap_or(65_535);
            // Whatever credit the server gave meanwhile is exceeded too, once nobody reads.
            for _ in 0..window / 16_384 * 12 + 600 {
                if !peer.try_send(frame(DATA, 0, 1, [b'x'; 16_384])) {
                    break;
                }
            }
        }),
        case("§6.9.2: a first window beyond 2^31-1", Connection(FLOW_CONTROL_ERROR), |peer, _| {
            peer.send(settings(&[(4, 0x8000_0000)]));
        }),
        case(
            "§6.9.2: a new first window that takes a stream's beyond 2^31-1",
            Connection(FLOW_CONTROL_ERROR),
            |peer, path| {
                peer.send(
                    [get(1, &held(path)), window_update(1, 0x7fff_0000), settings(&[(4, 0x7fff_0000)])]
                        .concat(),
                );
            },
        ),
        case("§6.9.2: the largest first window is taken", Served, |peer, path| {
            peer.says(&[(4, 0x7fff_ffff)]);
            peer.send(settings(&[(4, 0x7fff_ffff)])).send(get(1, path));
        }),
        case("§6.9: an empty end needs no window", Served, |peer, path| {
            peer.send([post(1, path), frame(DATA, END_STREAM, 1, b"")].concat());
        }),
        case("§6.9: DATA of no stream that is known, on stream 0", Connection(PROTOCOL_ERROR), |peer, _| {
            peer.send(frame(DATA, END_STREAM, 0, b"x"));
        }),
        case("§5.2.1: a window of 0 holds a reply back", Ignored, |peer, path| {
            peer.says(&[(4, 0)]);
            peer.send(settings(&[(4, 0)])).send(get(3, path)).barrier();
            let before = peer.answers.get(&3).map_or(0, |answer| answer.body.len());
            assert_eq!(before, 0);
            peer.says(&[(4, 65_535)]);
            peer.send(settings(&[(4, 65_535)])).settle(3);
        }),
    ]
}
