//! Messages (RFC 9113 §8): what makes a request malformed, in its fields, its pseudo-fields and its lengths.

use super::super::frames::*;
use super::super::hpack::{kept, plain};
use super::Kept::{Broken, Refused, Served, Stream};
use super::{Case, ask, case, only};

pub fn cases() -> Vec<Case> {
    [bodies(), names(), of_a_connection(), pseudo(), targets()].into_iter().flatten().collect()
}

/// A request whose body may follow, with these fields behind its own.
fn with_body(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, [plain(&asking("POST", path)), plain(more)].concat())
}

fn bodies() -> Vec<Case> {
    const BAD: super::Kept = Stream(PROTOCOL_ERROR);
    vec![
        case("§8.1: trailers that do not end the stream", BAD, |peer, path| {
            peer.send([with_body(path, &[]), frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS, 1, plain(&[("x-sum", "1")])));
        }),
        case("§8.1: trailers with a pseudo-field", BAD, |peer, path| {
            peer.send([with_body(path, &[]), frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[(":path", "/")])));
        }),
        case("§8.1: trailers with a pseudo-field, in two frames", BAD, |peer, path| {
            peer.send([with_body(path, &[]), frame(DATA, 0, 1, b"x")].concat());
            let block = plain(&[("x-sum", "1"), (":path", "/"), ("x-last", "1")]);
            let (front, back) = block.split_at(block.len() - 3);
            peer.send(
                [frame(HEADERS, END_STREAM, 1, front), frame(CONTINUATION, END_HEADERS, 1, back)].concat(),
            );
        }),
        case("§8.1: trailers with a pseudo-field of the table", BAD, |peer, path| {
            let kept_path = frame(
                HEADERS,
                END_HEADERS,
                1,
                [plain(&asking("POST", path)[..3]), kept(":path", path)].concat(),
            );
            peer.send([kept_path, frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, [0x80 | 62]));
        }),
        case("§8.1: trailers with a field of a connection", BAD, |peer, path| {
            peer.send([with_body(path, &[]), frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("connection", "close")])));
        }),
        case("§8.1: trailers are taken", Served, |peer, path| {
            peer.send([with_body(path, &[]), frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", "1")])));
        }),
        // The answer may be there before the mismatch is: it is a 4xx or an error, never a 200.
        case("§8.1.1: a body shorter than content-length", Refused, |peer, path| {
            peer.send(
                [with_body(path, &[("content-length", "5")]), frame(DATA, END_STREAM, 1, b"four")].concat(),
            );
            let answer = peer.settle(1).answers.get(&1).cloned().unwrap_or_default();
            assert_ne!(answer.status, 200);
        }),
        case("§8.1.1: a body longer than content-length", Refused, |peer, path| {
            peer.send(
                [with_body(path, &[("content-length", "3")]), frame(DATA, END_STREAM, 1, b"four")].concat(),
            );
        }),
        case("§8.1.1: a body longer than content-length, in two frames", Broken, |peer, path| {
            let bytes = [
                with_body(path, &[("content-length", "3")]),
                frame(DATA, 0, 1, b"fou"),
                frame(DATA, END_STREAM, 1, b"r"),
            ];
            peer.send(bytes.concat());
        }),
        case("§8.1.1: a content-length and no body", Refused, |peer, path| {
            peer.send(ask(path, &[("content-length", "5")]));
        }),
        case("§8.1.1: a body where content-length is 0", Broken, |peer, path| {
            peer.send(
                [with_body(path, &[("content-length", "0")]), frame(DATA, END_STREAM, 1, b"x")].concat(),
            );
        }),
        case("§8.1.1: two content-lengths", Refused, |peer, path| {
            let bytes = with_body(path, &[("content-length", "1"), ("content-length", "2")]);
            peer.send([bytes, frame(DATA, END_STREAM, 1, b"x")].concat());
        }),
        case("§8.1.1: a content-length that is no number", Refused, |peer, path| {
            peer.send(
                [with_body(path, &[("content-length", "+1")]), frame(DATA, END_STREAM, 1, b"x")].concat(),
            );
        }),
        case("§8.1.1: a content-length beyond all numbers", Refused, |peer, path| {
            let bytes = with_body(path, &[("content-length", "18446744073709551617")]);
            peer.send([bytes, frame(DATA, END_STREAM, 1, b"x")].concat());
        }),
        case("§8.1.1: trailers before all of content-length", Broken, |peer, path| {
            peer.send([with_body(path, &[("content-length", "9")]), frame(DATA, 0, 1, b"x")].concat());
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(&[("x-sum", "1")])));
        }),
    ]
}

fn names() -> Vec<Case> {
    /// A case for a field.
    macro_rules! refused {
        ($name:literal, $field:expr, $value:expr) => {
            case($name, Refused, |peer, path| {
                let block = [
                    plain(&asking("GET", path)),
                    plain(&[(AsRef::<[u8]>::as_ref($field), AsRef::<[u8]>::as_ref($value))]),
                ];
                peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block.concat()));
            })
        };
    }
    vec![
        refused!("§8.2: a name in upper case", "X-Upper", "1"),
        refused!("§8.2.1: a name with one upper letter", "x-uppeR", "1"),
        refused!("§8.2.1: an empty name", "", "1"),
        refused!("§8.2.1: a space in a name", "x a", "1"),
        refused!("§8.2.1: a space behind a name", "x ", "1"),
        refused!("§8.2.1: NUL in a name", "x\0a", "1"),
        refused!("§8.2.1: a line end in a name", "x\r\na", "1"),
        refused!("§8.2.1: DEL in a name", "x\x7fa", "1"),
        refused!("§8.2.1: a byte beyond ASCII in a name", b"x\xe4a", "1"),
        refused!("§8.2.1: a colon in a name", "x:a", "1"),
        refused!("§8.2.1: NUL in a value", "x-a", "a\0b"),
        refused!("§8.2.1: LF in a value", "x-a", "a\nb"),
        refused!("§8.2.1: CR in a value", "x-a", "a\rb"),
        refused!("§8.2.1: a field smuggled into a value", "x-a", "a\r\nx-b: b"),
        refused!(
            "§8.2.1: a request smuggled into a value",
            "x-a",
            "a\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\n\r\n"
        ),
        refused!("§8.2.1: a space before a value", "x-a", " a"),
        refused!("§8.2.1: a space behind a value", "x-a", "a "),
        refused!("§8.2.1: a tab before a value", "x-a", "\ta"),
        refused!("§8.2.1: a tab behind a value", "x-a", "a\t"),
        refused!("§8.2.1: a space behind a cookie", "cookie", "a=1 "),
        refused!("§8.2.1: LF in a host", "host", "a.test\nx"),
        case("§8.2.1: spaces, tabs and bytes beyond ASCII within a value", Served, |peer, path| {
            let block = [plain(&asking("GET", path)), plain(&[(&b"x-a"[..], &b"a \t\xe4b"[..])])].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
        }),
    ]
}

fn of_a_connection() -> Vec<Case> {
    macro_rules! refused {
        ($name:literal, $field:literal, $value:literal) => {
            case($name, Refused, |peer, path| {
                peer.send(ask(path, &[($field, $value)]));
            })
        };
    }
    vec![
        refused!("§8.2.2: Connection", "connection", "keep-alive"),
        refused!("§8.2.2: Proxy-Connection", "proxy-connection", "keep-alive"),
        refused!("§8.2.2: Keep-Alive", "keep-alive", "timeout=5"),
        refused!("§8.2.2, §8.6: Upgrade", "upgrade", "websocket"),
        refused!("§8.2.2: TE other than trailers", "te", "gzip"),
        refused!("§8.2.2: TE with more than trailers", "te", "trailers, gzip"),
        case("§8.2.2: Transfer-Encoding", Refused, |peer, path| {
            peer.send(
                [
                    with_body(path, &[("transfer-encoding", "chunked")]),
                    frame(DATA, END_STREAM, 1, b"0\r\n\r\n"),
                ]
                .concat(),
            );
        }),
        case("§8.2.2: Transfer-Encoding in a block that is cut behind it", Refused, |peer, path| {
            let block =
                [plain(&asking("GET", path)), plain(&[("transfer-encoding", "chunked"), ("x-last", "1")])]
                    .concat();
            let (front, back) = block.split_at(block.len() - 3);
            peer.send(
                [frame(HEADERS, END_STREAM, 1, front), frame(CONTINUATION, END_HEADERS, 1, back)].concat(),
            );
        }),
        case("§8.2.2: TE of trailers is taken", Served, |peer, path| {
            peer.send(ask(path, &[("te", "trailers")]));
        }),
    ]
}

fn pseudo() -> Vec<Case> {
    vec![
        case("§8.3.1: no :path beside a Host", Refused, |peer, _| {
            peer.send(only(&[(":method", "GET"), (":scheme", "http"), ("host", "a.test")]));
        }),
        case("§8.3: a pseudo-field behind a field", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":path", path),
                ("x-a", "1"),
                (":authority", "a.test"),
            ]));
        }),
        case(
            "§8.3: a pseudo-field behind a field, in a block that is cut behind it",
            Refused,
            |peer, path| {
                let block = plain(&[
                    (":method", "GET"),
                    (":scheme", "http"),
                    (":path", path),
                    ("x-a", "1"),
                    (":authority", "a.test"),
                    ("x-last", "1"),
                ]);
                let (front, back) = block.split_at(block.len() - 3);
                peer.send(
                    [frame(HEADERS, END_STREAM, 1, front), frame(CONTINUATION, END_HEADERS, 1, back)]
                        .concat(),
                );
            },
        ),
        case("§8.3: a pseudo-field that nobody knows", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
                (":new", "1"),
            ]));
        }),
        case("§8.3: a pseudo-field of replies", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
                (":status", "200"),
            ]));
        }),
        case("§8.3: a pseudo-field in upper case", Refused, |peer, path| {
            peer.send(only(&[
                (":Method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
            ]));
        }),
        case("§8.3: two methods", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
            ]));
        }),
        case("§8.3: two paths", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
                (":path", "/x"),
            ]));
        }),
        case("§8.3: two paths, in a block that is cut behind them", Refused, |peer, path| {
            let block = plain(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "a.test"),
                (":path", path),
                (":path", "/x"),
                ("x-last", "1"),
            ]);
            let (front, back) = block.split_at(block.len() - 3);
            peer.send(
                [frame(HEADERS, END_STREAM, 1, front), frame(CONTINUATION, END_HEADERS, 1, back)].concat(),
            );
        }),
        case("§8.3: two authorities", Refused, |peer, path| {
            let two = [(":authority", "a.test"), (":authority", "b.test")];
            peer.send(only(
                &[&[(":method", "GET"), (":scheme", "http"), (":path", path)][..], &two].concat(),
            ));
        }),
        case("§8.3: two schemes", Refused, |peer, path| {
            peer.send(only(&[
                (":method", "GET"),
                (":scheme", "http"),
                (":scheme", "https"),
                (":authority", "a.test"),
                (":path", path),
            ]));
        }),
        case("§8.3.1: no method", Refused, |peer, path| {
            peer.send(only(&[(":scheme", "http"), (":authority", "a.test"), (":path", path)]));
        }),
        case("§8.3.1: no scheme", Refused, |peer, path| {
            peer.send(only(&[(":method", "GET"), (":authority", "a.test"), (":path", path)]));
        }),
        case("§8.3.1: no path", Refused, |peer, _| {
            peer.send(only(&[(":method", "GET"), (":scheme", "http"), (":authority", "a.test")]));
        }),
        case("§8.3.1: no fields at all", Refused, |peer, _| {
            peer.send(only(&[]));
        }),
    ]
}

fn targets() -> Vec<Case> {
    macro_rules! refused {
        ($name:literal, $fields:expr) => {
            case($name, Refused, |peer, path| {
                let fields: fn(&str) -> Vec<(&str, &str)> = $fields;
                peer.send(only(&fields(path)));
            })
        };
    }
    fn with<'p>(method: &'p str, authority: &'p str, path: &'p str) -> Vec<(&'p str, &'p str)> {
        vec![(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
    }
    vec![
        refused!("§8.3.1: an empty path", |_| with("GET", "a.test", "")),
        refused!("§8.3.1: a path that does not begin with a slash", |path| with(
            "GET",
            "a.test",
            &path[1..]
        )),
        refused!("§8.3.1: an asterisk and no OPTIONS", |_| with("GET", "a.test", "*")),
        refused!("§8.3.1: a space in a path", |_| with("GET", "a.test", "/ok HTTP/1.1")),
        refused!("§8.3.1: a line end in a path", |_| with("GET", "a.test", "/ok\r\nx: y")),
        refused!("§8.3.1: user information in the authority", |path| with("GET", "user:word@a.test", path)),
        refused!("§8.3.1: an authority that is none", |path| with("GET", "a test", path)),
        refused!("§8.3.1: an authority and another host", |path| [
            with("GET", "a.test", path),
            vec![("host", "b.test")]
        ]
        .concat()),
        refused!("§8.3.1: neither an authority nor a host", |path| vec![
            (":method", "GET"),
            (":scheme", "http"),
            (":path", path)
        ]),
        refused!("§8.3.1: two hosts", |path| {
            vec![
                (":method", "GET"),
                (":scheme", "http"),
                (":path", path),
                ("host", "a.test"),
                ("host", "a.test"),
            ]
        }),
        refused!("RFC 9110 §9.1: a method that is no token", |path| with("GE T", "a.test", path)),
        refused!("RFC 9110 §9.1: an empty method", |path| with("", "a.test", path)),
        refused!("§8.5: CONNECT with a path", |path| with("CONNECT", "a.test:80", path)),
        refused!("§8.5: CONNECT without an authority", |_| vec![(":method", "CONNECT")]),
        refused!("RFC 8441 §4: a protocol and another method", |path| [
            with("GET", "a.test", path),
            vec![(":protocol", "websocket")]
        ]
        .concat()),
        refused!("RFC 8441 §4: a protocol and no path", |_| {
            vec![
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":authority", "a.test"),
            ]
        }),
        refused!("RFC 8441 §4: a protocol and no scheme", |path| {
            vec![
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":path", path),
                (":authority", "a.test"),
            ]
        }),
        refused!("RFC 8441 §4: two protocols", |path| [
            with("CONNECT", "a.test", path),
            vec![(":protocol", "websocket"), (":protocol", "websocket")]
        ]
        .concat()),
        case("§8.3.1: a host in place of the authority", Served, |peer, path| {
            peer.send(only(&[(":method", "GET"), (":scheme", "http"), (":path", path), ("host", "a.test")]));
        }),
        case("§8.3.1: the authority and the same host", Served, |peer, path| {
            peer.send(ask(path, &[("host", "a.test")]));
        }),
        case("§8.3.1: pseudo-fields in any order", Served, |peer, path| {
            peer.send(only(&[
                (":path", path),
                (":authority", "a.test"),
                (":scheme", "http"),
                (":method", "GET"),
                ("x", "y"),
            ]));
        }),
    ]
}
