//! Requests that the library refuses by itself, and that no exchange is begun for: each is logged all the same.

use super::frames::*;
use super::hpack::plain;
use super::{both, peer};
use crate::support::{Gateway, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

/// A request of `fields` that ends with its head.
fn asks(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, plain(fields))
}

#[test]
fn what_is_refused_before_it_is_an_exchange_is_logged_once_with_its_reason() {
    each_driver(|driver| {
        let origin = Origin::start();
        let limits = "streams_per_connection: 2, header_bytes: 2KiB";
        let gateway = Gateway::start(driver, &Setup { limits, ..both(&origin) });
        let mut peer = peer(&gateway);
        let addr = peer.client().addr();
        assert_eq!(peer.ask(1, "/ok").expect(200).text(), "ok\n");
        // No :path, with a good request right behind it.
        let no_path = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test")];
        peer.send([asks(3, &no_path), get(5, "/ok")].concat());
        assert_eq!(peer.answer(3).reset, Some(PROTOCOL_ERROR));
        peer.answer(5).expect(200);
        // Larger than what is allowed, in as many fields as it takes.
        let long = "x".repeat(900);
        let large = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/ok")];
        let large = [&large[..], &[("x-a", &*long), ("x-b", &*long), ("x-c", &*long)]].concat();
        peer.send(asks(7, &large));
        assert_eq!(peer.answer(7).status, 431);
        // One more than the client was told that it may have.
        peer.send([get(9, "/never"), get(11, "/never"), get(13, "/ok")].concat());
        assert_eq!(peer.answer(13).reset, Some(REFUSED_STREAM));
        peer.send([reset(9, CANCEL), reset(11, CANCEL)].concat());
        peer.ask(15, "/ok").expect(200);
        let lines = gateway.logs_of(addr, 8);
        let mut told: Vec<_> = lines
            .iter()
            .map(|line| {
                (line["reason"].as_str().unwrap_or_default(), line["detail"].as_str(), &line["status"])
            })
            .map(|(reason, detail, status)| format!("{reason} {} {status}", detail.unwrap_or_default()))
            .collect();
        told.sort_unstable();
        let expected = [
            "bad_request http2_request 0",
            "bad_request too_many_streams 0",
            "client_gone  0",
            "client_gone  0",
            "head_too_large  431",
            "ok  200",
            "ok  200",
            "ok  200",
        ];
        assert_eq!(told, expected, "{lines:#?}");
        assert!(lines.iter().all(|line| line["version"] == "2.0"), "{lines:#?}");
        three_fresh(&gateway);
    });
}

#[test]
fn what_is_refused_for_its_head_tells_what_it_asked_for_and_of_whom() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &both(&origin));
        for (method, fields, detail) in [
            ("GET", ("x-value", " a"), "bad_field_value"),
            ("DELETE", ("host", "b.test"), "hosts_differ"),
            ("HEAD", ("x-value", "a\t"), "bad_field_value"),
        ] {
            let mut peer = peer(&gateway);
            let block = [plain(&asking(method, "/ok?x=1")), plain(&[fields])].concat();
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
            let answer = peer.answer(1).expect(400);
            assert_eq!(answer.body.is_empty(), method == "HEAD", "{answer:?}");
            let line = gateway.log_of(peer.client().addr());
            let told = ["method", "host", "path", "version", "reason", "detail"];
            let told = told.map(|name| line[name].as_str().unwrap_or_default());
            assert_eq!(told, [method, "a.test", "/ok?x=1", "2.0", "bad_request", detail], "{line}");
        }
        let mut peer = peer(&gateway);
        let block = plain(&[(":method", "GET"), (":scheme", "http"), ("host", "a.test")]);
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block)).answer(1).expect(400);
        assert_eq!(gateway.log_of(peer.client().addr())["detail"], "path_missing");
        assert_eq!(origin.requests().len(), 0);
    });
}

#[test]
fn what_is_refused_for_the_size_of_its_head_tells_the_same_and_a_call_is_told_a_status_of_grpc() {
    each_driver(|driver| {
        let origin = Origin::start();
        let limits = "header_bytes: 4KiB, headers: 20, target_bytes: 1KiB";
        let gateway = Gateway::start(driver, &Setup { limits, ..both(&origin) });
        let (long, longer) = ("x".repeat(5_000), format!("/{}", "y".repeat(1_100)));
        let large = vec![("x-a".to_owned(), long)];
        let many: Vec<_> = (0..30).map(|at| (format!("x-{at}"), "1".to_owned())).collect();
        let host = vec![("host".to_owned(), "b.test".to_owned())];
        for (path, fields, status, reason) in [
            ("/ok", large, 431, "head_too_large"),
            ("/ok", many, 431, "too_many_fields"),
            ("/ok", host, 400, "bad_request"),
            (&*longer, Vec::new(), 414, "target_too_long"),
        ] {
            for is_call in [false, true] {
                let mut peer = peer(&gateway);
                let mut block = [plain(&asking("POST", path)), plain(&fields)].concat();
                if is_call {
                    block.extend(plain(&[("content-type", "application/grpc+proto")]));
                }
                peer.send(frame(HEADERS, END_HEADERS, 1, block));
                peer.until("an answer", |peer| peer.answers.get(&1).is_some_and(|answer| answer.status != 0));
                let answer = peer.answers[&1].clone();
                let told = (answer.status, answer.value("grpc-status"));
                assert_eq!(told, if is_call { (200, Some("13")) } else { (status, None) }, "{answer:?}");
                assert!(answer.value("x-request-id").is_some(), "{answer:?}");
                let line = gateway.log_of(peer.client().addr());
                let told = ["method", "host", "reason"].map(|name| line[name].as_str().unwrap_or_default());
                assert_eq!(told, ["POST", "a.test", reason], "{line}");
                let told = line["path"].as_str().unwrap_or_default();
                assert!(path.starts_with(told) && told.len() >= path.len().min(200), "{line}");
                assert_ne!(peer.answers[&1].reset, Some(PROTOCOL_ERROR), "{answer:?}");
            }
        }
        assert_eq!(origin.requests().len(), 0);
    });
}

#[test]
fn a_body_that_is_not_what_was_said_of_it_is_logged_with_what_its_client_was_told() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &both(&origin));
        let sized =
            |method: &str| [plain(&asking(method, "/echo")), plain(&[("content-length", "5")])].concat();
        let head = frame(HEADERS, END_HEADERS, 1, sized("POST"));
        let ends = |fields: &[(&str, &str)]| frame(HEADERS, END_HEADERS | END_STREAM, 1, plain(fields));
        for (name, rest) in [
            ("shorter", frame(DATA, END_STREAM, 1, b"abc")),
            ("longer", frame(DATA, END_STREAM, 1, b"abcdefgh")),
            ("cut by trailers", [frame(DATA, 0, 1, b"abc"), ends(&[("x-sum", "1")])].concat()),
            ("a pseudo-field in trailers", [frame(DATA, 0, 1, b"abcde"), ends(&[(":path", "/")])].concat()),
            ("connection in trailers", [frame(DATA, 0, 1, b"abcde"), ends(&[("connection", "x")])].concat()),
        ] {
            for waits in [false, true] {
                let mut peer = peer(&gateway);
                // The gateway is at work on it, or it is over before that has begun.
                let detail = if waits { "body_framing" } else { "http2_request" };
                match waits {
                    true => peer.send(&head).barrier().send(&rest),
                    false => peer.send([&head[..], &rest].concat()),
                };
                let answer = peer.answer(1);
                assert_eq!((answer.reset, answer.status), (Some(PROTOCOL_ERROR), 0), "{name}: {answer:?}");
                let line = gateway.log_of(peer.client().addr());
                let told = (&line["reason"], &line["detail"], &line["status"], &line["bytes_out"]);
                let expected = (&"bad_request".into(), &detail.into(), &0.into(), &0.into());
                assert_eq!(told, expected, "{name}, {waits}: {line}");
            }
        }
        three_fresh(&gateway);
    });
}
