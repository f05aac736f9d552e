//! Early answers are passed on while the request's body is still coming, and the upstream connection is closed after
//! them; a half-closed client still gets its answer (RFC 9112 §9.3, §9.6).

use super::never_reused;
use crate::support::{End, Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::{BodyEnd, Origin};

#[test]
fn an_early_answer_does_not_wait_for_the_body() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for path in ["/early-answer", "/early-answer-close"] {
            for framing in [
                "Content-Length: 1000\r\n\r\n",
                "Content-Length: 1000\r\n\r\nhello",
                "Transfer-Encoding: chunked\r\n\r\n",
            ] {
                let (id, mut client) = (Ids::next(), gateway.connect());
                client.send(format!("POST {path}?{id} HTTP/1.1\r\nHost: a\r\n{framing}"));
                let reply = client.reply().expect(200);
                assert_eq!(reply.text(), "early\n", "{path} {framing:?}");
                assert!(reply.says_close(), "{}", reply.head);
                assert_eq!(client.end(), End::Fin);
                assert!(never_reused(&origin, &id), "{path} {framing:?}");
                three_fresh(&gateway);
            }
        }
    });
}

#[test]
fn a_client_that_goes_on_sending_still_reads_the_early_answer() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        // Never all of it, or the exchange would be as good as any other.
        let (body, length) = (vec![b'b'; 600_000], 600_001);
        for path in ["/early-answer", "/early-answer-close"] {
            let (id, mut client) = (Ids::next(), gateway.connect());
            client.send(format!("POST {path}?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
            client.send(&body);
            assert_eq!(client.reply().expect(200).text(), "early\n", "{path}");
            assert!(never_reused(&origin, &id), "{path}");
            three_fresh(&gateway);
        }
    });
}

#[test]
fn a_half_closed_client_gets_its_answers() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for path in ["/ok", "/slow-head/100", "/slow-body/20/5", "/chunked/3000", "/bytes/1000000"] {
            let mut client = gateway.connect();
            client
                .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n"))
                .finish();
            client.reply().expect(200);
            assert_eq!(client.reply().expect(200).text(), "ok\n", "{path}");
            assert_eq!(client.end(), End::Fin, "{path}");
        }
        let mut client = gateway.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").finish();
        assert!(client.reply().expect(200).text().ends_with("hello"));
        three_fresh(&gateway);
    });
}

#[test]
fn a_client_that_ends_within_its_body_leaves_no_whole_request() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut ended = Vec::new();
        for part in [
            "Content-Length: 10\r\n\r\n",
            "Content-Length: 10\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n",
        ] {
            for resets in [false, true] {
                let (id, mut client) = (Ids::next(), gateway.connect());
                client.send(format!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\n{part}"));
                let addr = client.addr();
                if resets {
                    client.reset();
                } else {
                    client.finish().rest();
                }
                ended.push((addr, part));
                assert!(never_reused(&origin, &id), "{part:?}");
                let whole = origin
                    .requests()
                    .iter()
                    .any(|request| request.target().contains(&id) && request.end == BodyEnd::Complete);
                assert!(!whole, "{part:?}");
                three_fresh(&gateway);
            }
        }
        for (client, part) in ended {
            gateway.log_where(client, part, |line| line["reason"] == "client_gone");
        }
    });
}

#[test]
fn a_client_that_leaves_before_its_answer_costs_nobody_else_anything() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut left = Vec::new();
        for path in ["/slow-head/100", "/slow-body/20/10", "/bytes/50000000", "/chunked/3000"] {
            let mut client = gateway.connect();
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            left.push((client.addr(), path));
            client.reset();
            three_fresh(&gateway);
        }
        for (client, path) in left {
            // The last two may be over before the reset is seen.
            let is_own = |line: &serde_json::Value| line["reason"] == "client_gone" || line["reason"] == "ok";
            gateway.log_where(client, path, is_own);
        }
        three_fresh(&gateway);
    });
}
