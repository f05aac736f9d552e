//! Pipelining: answers come in order, each to its own request; what follows a request that is refused, or that asks to
//! close, is not read as a request (RFC 9112 §9.3.2, §9.6).

use crate::support::{Delimited, End, Gateway, Ids, Setup, each_driver, three_fresh};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

#[test]
fn answers_come_in_order_even_if_the_first_is_the_slowest() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        let ids: Vec<String> = (0..50).map(|_| Ids::next()).collect();
        let mut all = b"GET /slow-head/100 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        for (index, id) in ids.iter().enumerate() {
            let request = match index % 4 {
                0 => format!("GET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n"),
                1 => format!("POST /echo?{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{id}"),
                2 => format!("HEAD /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n"),
                _ => format!(
                    "PUT /echo?{id} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{id}\r\n0\r\n\r\n"
                ),
            };
            all.extend_from_slice(request.as_bytes());
        }
        client.send(&all);
        assert_eq!(client.reply().expect(200).text(), "slow\n");
        for (index, id) in ids.iter().enumerate() {
            let reply = client.reply_to(if index % 4 == 2 { "HEAD" } else { "GET" }).expect(200);
            let own = format!("/echo?{id} HTTP/1.1\r\n");
            assert!(index % 4 == 2 || reply.text().contains(&own), "{index}: {}", reply.text());
        }
        assert!(!client.has_more());
        three_fresh(&gateway);
    });
}

#[test]
fn a_request_torn_behind_another_is_not_lost() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let (first, second) = (Ids::next(), Ids::next());
        let first_bytes = format!("POST /echo?{first} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        let both = format!("{first_bytes}GET /echo?{second} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut client = gateway.connect();
        for at in 1..both.len() {
            client.send(&both[..at]);
            // The first answer says that the gateway has read at least this far, where it can.
            if at >= first_bytes.len() {
                assert!(client.reply().expect(200).text().contains(&first));
                client.send(&both[at..]);
            } else {
                client.send(&both[at..]);
                assert!(client.reply().expect(200).text().contains(&first), "{at}");
            }
            assert!(client.reply().expect(200).text().contains(&second), "{at}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn a_small_body_that_comes_behind_its_answer_is_passed_over() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup { host: "other.test", ..Setup::of(&origin) });
        let mut client = gateway.connect();
        let post = |framing: &str| format!("POST /ok HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        for length in [5, 65_536] {
            client.send(post(&format!("Content-Length: {length}")));
            assert!(!client.reply().expect(404).says_close(), "{length}");
            client.send("b".repeat(length) + "GET /ok HTTP/1.1\r\nHost: other.test\r\n\r\n");
            client.reply().expect(200);
        }
        // One that does not come is not waited for.
        let began = Instant::now();
        client.send(post("Content-Length: 5") + "hell");
        client.reply().expect(404);
        assert_eq!(client.end(), End::Fin);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        // Nor one that is large, of no known length, or that its client may keep to itself.
        for framing in [
            "Content-Length: 65537",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue\r\nContent-Length: 5",
            "Connection: close\r\nContent-Length: 5",
        ] {
            let mut client = gateway.connect();
            client.send(post(framing));
            assert!(client.reply().expect(404).says_close(), "{framing}");
            client.send("hello").finish();
            assert_eq!(client.end(), End::Fin, "{framing}");
        }
    });
}

#[test]
fn nothing_behind_a_close_is_served() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for first in [
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n",
            "GET /ok HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET /close-delimited/5 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
            "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            let (mut client, id) = (gateway.connect(), Ids::next());
            client.send(format!("{first}GET /echo?{id} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let reply = client.reply();
            // A body that ends with its connection says it without a field.
            let says = reply.says_close() || reply.delimited == Delimited::Close;
            assert!(says, "{first:?}: {}", reply.head);
            assert_eq!(client.end(), End::Fin, "{first:?}");
            three_fresh(&gateway);
            assert!(!origin.requests().iter().any(|request| request.target().contains(&id)), "{first:?}");
        }
    });
}
