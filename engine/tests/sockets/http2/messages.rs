//! Requests and replies of every shape, as HTTP/2 carries them to an origin that speaks HTTP/1.1 and back.

use super::frames::{
    Answer, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INTERNAL_ERROR, Peer, asking,
    frame, get, post, reset, settings,
};
use super::hpack::plain;
use super::{both, gateway, peer};
use crate::support::{Client, Gateway, Setup, each_driver, three_fresh};
use serde_json::Value;
use tools::upstream::{Origin, pattern};

/// A request with these fields besides.
fn head(stream: u32, flags: u8, method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, [plain(&asking(method, path)), plain(fields)].concat())
}

/// What the origin saw, of an `/echo-json`.
fn echoed(answer: Answer) -> Value {
    serde_json::from_slice(&answer.expect(200).body).expect("JSON")
}

fn fields<'j>(seen: &'j Value, name: &str) -> Vec<&'j str> {
    let pairs = seen["fields"].as_array().expect("pairs");
    let own = pairs.iter().filter(|pair| pair[0].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)));
    own.filter_map(|pair| pair[1].as_str()).collect()
}

#[test]
fn replies_of_every_shape_come_whole_over_one_connection() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        let mut stream = 1;
        let mut ask = |method: &str, path: &str| {
            let answer = peer.send(head(stream, END_STREAM, method, path, &[])).answer(stream);
            stream += 2;
            answer
        };
        for (path, status, bytes) in [
            ("/ok", 200, 3),
            ("/bytes/0", 200, 0),
            ("/bytes/1", 200, 1),
            ("/bytes/16384", 200, 16_384),
            ("/bytes/16385", 200, 16_385),
            ("/bytes/1000000", 200, 1_000_000),
            ("/chunked/3000?size=7", 200, 3000),
            ("/chunked/300000", 200, 300_000),
            ("/close-delimited/5000", 200, 5000),
            ("/http10", 200, 1000),
            ("/status/204", 204, 0),
            ("/status/404", 404, 4),
            ("/304", 304, 0),
            ("/slow-body/2/5", 200, 5),
            ("/many-fields/60", 200, 0),
        ] {
            let answer = ask("GET", path).expect(status);
            assert_eq!(answer.body.len(), bytes, "{path}");
            if bytes > 1000 {
                assert!(answer.body == pattern(bytes), "{path} is what the origin sent");
            }
        }
        let answer = ask("HEAD", "/bytes/70000").expect(200);
        assert_eq!((answer.body.len(), answer.value("content-length")), (0, Some("70000")));
        let answer = ask("GET", "/ok").expect(200);
        assert_eq!((answer.value("content-length"), answer.value("date").is_some()), (Some("3"), true));
        let nowhere = [
            plain(&[(":method", "GET"), (":scheme", "http"), (":path", "/x")]),
            plain(&[("host", "barrier.test")]),
        ];
        let answer =
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, nowhere.concat())).answer(stream);
        assert_eq!(answer.expect(502).value("content-type"), Some("application/problem+json"));
        three_fresh(&gateway);
    });
}

// RFC 9113 §8.2.1: what HTTP/1.1 allows around a value has no place in HTTP/2.
#[test]
fn space_around_a_value_of_an_origin_is_left_behind() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let text = "HTTP/1.1 103 Early Hints\r\nLink:  </a> \r\n\r\nHTTP/1.1 200 OK\r\nX-Sp:  a \t b\t \r\nX-None: \t\r\nContent-Length: 0\r\n\r\n";
        origin.script("spaced", text);
        let mut peer = peer(&gateway);
        let answer = peer.send(get(1, "/script/spaced")).answer(1).expect(200);
        assert_eq!((answer.value("x-sp"), answer.value("x-none")), (Some("a \t b"), Some("")));
        assert_eq!(answer.interim.len(), 1, "{answer:?}");
        assert!(
            answer.interim[0].iter().any(|(name, value)| name == "link" && value == "</a>"),
            "{answer:?}"
        );
        three_fresh(&gateway);
    });
}

#[test]
fn an_origin_is_asked_as_over_http1_1() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        let given = [
            ("cookie", "a=1"),
            ("x-one", "first"),
            ("cookie", "b=2; c=3"),
            ("x-one", "second"),
            ("te", "trailers"),
            ("cookie", "d=4"),
            ("x-empty", ""),
        ];
        let seen = echoed(peer.send(head(1, END_STREAM, "GET", "/echo-json?q=%20x", &given)).answer(1));
        assert_eq!((&seen["method"], &seen["target"]), (&"GET".into(), &"/echo-json?q=%20x".into()));
        assert_eq!(seen["version"], "HTTP/1.1");
        assert_eq!(fields(&seen, "host"), ["a.test"]);
        assert_eq!(fields(&seen, "cookie"), ["a=1; b=2; c=3; d=4"], "one field again (§8.2.3)");
        assert_eq!(fields(&seen, "x-one"), ["first", "second"]);
        assert_eq!(fields(&seen, "x-empty"), [""]);
        for none in ["te", "content-length", "transfer-encoding", "connection"] {
            assert_eq!(fields(&seen, none), [""; 0], "{none}");
        }
        // No body where there may be one: origins that ask for a length get it (RFC 9110 §8.6).
        for (stream, method) in [(21, "POST"), (23, "PUT"), (25, "PATCH"), (27, "DELETE")] {
            let seen = echoed(peer.send(head(stream, END_STREAM, method, "/echo-json", &[])).answer(stream));
            let said = fields(&seen, "content-length");
            assert_eq!(said, if method == "DELETE" { vec![] } else { vec!["0"] }, "{method}");
            assert_eq!(fields(&seen, "transfer-encoding"), [""; 0], "{method}");
        }
        let mut peer = super::peer(&gateway);
        // A body whose length is said, one whose length is not, one that is empty, and one behind trailers.
        peer.send(head(3, 0, "POST", "/echo-json", &[("content-length", "5")]));
        peer.send(frame(DATA, 0, 3, b"he")).send(frame(DATA, END_STREAM, 3, b"llo"));
        let seen = echoed(peer.answer(3));
        assert_eq!((fields(&seen, "content-length"), &seen["body"]), (vec!["5"], &"hello".into()));
        peer.send(post(5, "/echo-json"))
            .send(frame(DATA, 0, 5, b"hel"))
            .send(frame(DATA, END_STREAM, 5, b"lo"));
        let seen = echoed(peer.answer(5));
        assert_eq!((fields(&seen, "transfer-encoding"), &seen["body"]), (vec!["chunked"], &"hello".into()));
        peer.send(post(7, "/echo-json")).send(frame(DATA, END_STREAM, 7, b""));
        assert_eq!(echoed(peer.answer(7))["body"], "");
        let trailers = plain(&[("x-sum", "abc"), ("content-length", "77")]);
        peer.send(post(9, "/echo-json")).send(frame(DATA, 0, 9, b"hello"));
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 9, trailers));
        let seen = echoed(peer.answer(9));
        assert_eq!(seen["body"], "hello");
        assert!(seen["trailers"].to_string().to_lowercase().contains("x-sum"), "{seen}");
        assert!(!seen["trailers"].to_string().to_lowercase().contains("content-length"), "{seen}");
        three_fresh(&gateway);
    });
}

#[test]
fn a_head_is_one_however_it_is_cut_and_filled_up() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        let block = plain(&asking("GET", "/ok"));
        // A CONTINUATION for each few bytes, the last one empty.
        let mut bytes = frame(HEADERS, END_STREAM, 1, &block[..7]);
        for part in block[7..].chunks(30) {
            bytes.extend(frame(CONTINUATION, 0, 1, part));
        }
        bytes.extend(frame(CONTINUATION, END_HEADERS, 1, b""));
        assert_eq!(peer.send(bytes).answer(1).expect(200).text(), "ok\n");
        // A head of more than one frame of the largest size.
        let large = "v".repeat(9_000);
        let block =
            [plain(&asking("GET", "/echo-json")), plain(&[("x-a", &large), ("x-b", &large)])].concat();
        peer.send(frame(HEADERS, END_STREAM, 3, &block[..16_384]));
        let seen = echoed(peer.send(frame(CONTINUATION, END_HEADERS, 3, &block[16_384..])).answer(3));
        assert_eq!((fields(&seen, "x-a"), fields(&seen, "x-b")), (vec![&*large], vec![&*large]));
        // Too large a head: the stream alone pays.
        let larger = "v".repeat(15_000);
        let block = [
            plain(&asking("GET", "/echo-json")),
            plain(&[("x-a", &larger), ("x-b", &larger), ("x-c", &larger)]),
        ];
        let block = block.concat();
        peer.send(frame(HEADERS, END_STREAM, 5, &block[..16_384]));
        peer.send(frame(CONTINUATION, 0, 5, &block[16_384..32_768]));
        let answer = peer.send(frame(CONTINUATION, END_HEADERS, 5, &block[32_768..])).answer(5);
        assert_eq!(answer.status, 431, "{answer:?}");
        assert_eq!(peer.ask(7, "/ok").expect(200).text(), "ok\n");
        three_fresh(&gateway);
    });
}

#[test]
fn interim_replies_and_trailers_come_through() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        let answer = peer.ask(1, "/103").expect(200);
        assert_eq!(answer.interim.len(), 1, "{answer:?}");
        assert!(answer.interim[0].iter().any(|(name, _)| name == "link"), "{answer:?}");
        assert_eq!(peer.ask(3, "/many-1xx/5").expect(200).interim.len(), 5);
        let answer = peer.ask(5, "/trailers").expect(200);
        assert_eq!((answer.text(), answer.trailers.len()), ("hello".into(), 1), "{answer:?}");
        assert_eq!(answer.trailers[0].0, "x-checksum");
        // The body is asked for before any of it was sent.
        peer.send(head(
            7,
            0,
            "POST",
            "/100-continue",
            &[("expect", "100-continue"), ("content-length", "5")],
        ));
        peer.until("a 100", |peer| peer.answers.get(&7).is_some_and(|answer| !answer.interim.is_empty()));
        let answer = peer.send(frame(DATA, END_STREAM, 7, b"hello")).answer(7).expect(200);
        assert!(answer.text().ends_with("hello"), "{answer:?}");
        // An answer may come before the body is read; the rest of the body is taken or cancelled.
        peer.send(head(9, 0, "POST", "/early-answer", &[]));
        peer.until("a head", |peer| peer.answers.get(&9).is_some_and(|answer| answer.status == 200));
        peer.send(frame(DATA, END_STREAM, 9, b"late"));
        assert_eq!(peer.ask(11, "/ok").expect(200).text(), "ok\n");
        three_fresh(&gateway);
    });
}

#[test]
fn large_bodies_pass_both_ways_through_small_windows() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        for window in [1, 1000, 20_000] {
            let bytes = if window == 1 { 40 } else { 200_000 };
            let mut peer = Peer::greeted_with(gateway.connect(), &[(4, window)]);
            let answer = peer.ask(1, &format!("/bytes/{bytes}")).expect(200);
            assert!(answer.body == pattern(bytes), "a window of {window}");
        }
        let body = pattern(1_500_000);
        let mut peer = peer(&gateway);
        for (stream, piece) in [(1, 16_384), (3, 5000)] {
            peer.send(post(stream, "/echo")).send_body(stream, &body, piece);
            let answer = peer.answer(stream).expect(200);
            assert!(answer.body.ends_with(&body), "{} bytes", answer.body.len());
        }
        three_fresh(&gateway);
    });
}

#[test]
fn padding_is_credited_as_the_bytes_that_it_is() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        peer.send(post(1, "/echo"));
        let first = i64::from(peer.settings.get(&4).copied().unwrap_or(65_535));
        // Twice what the stream's first window holds, nearly all of it padding (§6.1).
        let piece = frame(DATA, super::frames::PADDED, 1, [&[255, b'x'][..], &[0; 255]].concat());
        let pieces = 2 * first / 257;
        for _ in 0..pieces {
            let room = |peer: &Peer, of: u32, first: i64| {
                first + peer.credit.get(&of).copied().unwrap_or_default() >= 257
            };
            peer.until("credit", |peer| room(peer, 1, first) && room(peer, 0, 65_535));
            peer.send(&piece);
            for of in [0, 1] {
                *peer.credit.entry(of).or_default() -= 257;
            }
        }
        let answer = peer.send(frame(DATA, END_STREAM, 1, b"")).answer(1).expect(200);
        let came = answer.body.iter().rev().take_while(|byte| **byte == b'x').count();
        assert_eq!(came as i64, pieces);
        three_fresh(&gateway);
    });
}

/// Small messages are no flood while they are read.
#[test]
fn a_body_of_single_bytes_passes() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        peer.send(post(1, "/echo"));
        for _ in 0..20 {
            peer.send(frame(DATA, 0, 1, b"x").repeat(250)).barrier();
        }
        let answer = peer.send(frame(DATA, END_STREAM, 1, b"")).answer(1).expect(200);
        assert!(answer.text().ends_with(&"x".repeat(5000)), "{} bytes", answer.body.len());
        three_fresh(&gateway);
    });
}

#[test]
fn a_window_that_shrinks_below_what_was_sent_is_waited_for() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = Peer::greeted_with(gateway.connect(), &[(4, 10)]);
        peer.gives = false;
        let len = |peer: &Peer| peer.answers.get(&1).map_or(0, |answer| answer.body.len());
        peer.send(get(1, "/bytes/100")).until("ten bytes", |peer| len(peer) == 10);
        // The window is 5 below nothing now (§6.9.2).
        peer.send(settings(&[(4, 5)])).until("the new window", |peer| peer.acknowledged == 2);
        peer.says(&[(4, 5)]);
        peer.grant(1, 5).barrier();
        assert_eq!(len(&peer), 10, "a window of 0");
        peer.grant(1, 8).until("eight bytes", |peer| len(peer) == 18).barrier();
        assert_eq!(len(&peer), 18);
        // And all at once.
        peer.says(&[(4, 1000)]);
        peer.send(settings(&[(4, 1000)]));
        assert!(peer.answer(1).expect(200).body == pattern(100));
        three_fresh(&gateway);
    });
}

#[test]
fn many_streams_at_once_get_their_own_answers_in_any_order() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        let streams: Vec<u32> = (0..100).map(|at| 1 + 2 * at).collect();
        let asked = streams.iter().flat_map(|stream| match stream % 3 {
            0 => get(*stream, &format!("/slow-head/{}?s={stream}", stream % 20)),
            1 => get(*stream, &format!("/bytes/{}?s={stream}", stream * 500)),
            _ => get(*stream, &format!("/echo?s={stream}")),
        });
        peer.send(asked.collect::<Vec<u8>>());
        for stream in streams {
            let answer = peer.answer(stream).expect(200);
            match stream % 3 {
                0 => {}
                1 => assert!(answer.body == pattern(stream as usize * 500), "{stream}"),
                _ => assert!(
                    answer.text().starts_with(&format!("GET /echo?s={stream} HTTP/1.1")),
                    "{}",
                    answer.text()
                ),
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn a_client_without_a_table_and_one_with_a_large_one_read_every_head() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        for table in [0, 64, 4096, 1 << 20] {
            let mut peer = Peer::greeted_with(gateway.connect(), &[(1, table)]);
            for at in 0..12 {
                let path = ["/ok", "/many-fields/90", "/big-head/5000", "/status/404"][at % 4];
                let answer = peer.ask(1 + 2 * at as u32, path);
                assert!(answer.ended, "{path} with a table of {table}");
            }
        }
        three_fresh(&gateway);
    });
}

#[test]
fn a_cut_reply_is_reset_and_never_passes_for_a_whole_one() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin);
        let mut peer = peer(&gateway);
        for (index, path) in ["/cut-length?after=5", "/cut-chunked?after=5", "/reset-mid-body?after=3000"]
            .into_iter()
            .enumerate()
        {
            let answer = peer.ask(1 + 4 * index as u32, path);
            // What waited to be sent when the stream is reset is not sent, its head neither.
            let is_cut =
                matches!(answer.status, 0 | 200) && !answer.ended && answer.reset == Some(INTERNAL_ERROR);
            assert!(is_cut, "{path}: {answer:?}");
            assert_eq!(peer.ask(3 + 4 * index as u32, "/ok").expect(200).text(), "ok\n");
        }
        for path in ["/close-before-head", "/reset-before-head"] {
            let mut peer = Peer::greeted(gateway.connect());
            peer.ask(1, path).expect(502);
        }
        three_fresh(&gateway);
    });
}

/// The upstream's connection of a request that was given up is closed, and the record says who left.
#[test]
fn a_client_that_resets_a_stream_ends_its_exchange_alone() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { limits: "streams_per_connection: 4", ..both(&origin) });
        let client = Client::connect(gateway.addr());
        let addr = client.addr();
        let mut peer = Peer::greeted(client);
        for round in 0..10 {
            let stream = 1 + 4 * round;
            peer.send(get(stream, &format!("/never?{round}")));
            let is_there = |target: &str| target == format!("/never?{round}");
            assert!(origin.wait(|seen| seen.iter().any(|c| c.requests.iter().any(|r| is_there(r.target())))));
            peer.send(reset(stream, CANCEL));
            assert_eq!(peer.ask(stream + 2, "/ok").expect(200).text(), "ok\n");
        }
        let gone = gateway.log_where(addr, "a stream that was reset", |line| line["reason"] == "client_gone");
        assert!(gone["path"].as_str().is_some_and(|path| path.starts_with("/never")), "{gone}");
        three_fresh(&gateway);
    });
}
