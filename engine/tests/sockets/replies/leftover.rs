//! Bytes after the end of an answer never become the next one: a connection with bytes left over is not used again
//! (RFC 9112 §6.3).

use super::{ask, never_reused};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::{Connection, Origin};

const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/// Answers, the method they answer, and their status and body.
const ANSWERS: [(&str, &str, u16, &str); 8] = [
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello"),
    ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", 304, ""),
    ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n", 304, ""),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n", 200, ""),
    ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, ""),
];

#[test]
fn an_answer_behind_an_answer_is_never_given_to_anyone() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (method, answer, status, body) in ANSWERS {
            for extra in [POISON, "\r\n", "x", "HTTP/1.1 100 Continue\r\n\r\n"] {
                let (name, id, mut client) = (Ids::next(), Ids::next(), gateway.connect());
                origin.script(&name, format!("{answer}{extra}"));
                client.send(format!("{method} /script/{name}?{id} HTTP/1.1\r\nHost: a\r\n\r\n"));
                let reply = client.reply_to(method).expect(status);
                assert_eq!(reply.text(), body, "{answer:?}");
                ask(&mut client, "/ok");
                assert_eq!(client.reply().expect(200).text(), "ok\n", "{answer:?} {extra:?}");
                assert!(never_reused(&origin, &id), "{answer:?} {extra:?}");
                three_fresh(&gateway);
            }
        }
        for path in ["/extra-bytes", "/204-with-body"] {
            let mut client = gateway.connect();
            ask(&mut client, path);
            client.reply();
            three_fresh(&gateway);
        }
    });
}

#[test]
fn what_comes_on_an_idle_connection_is_never_given_to_anyone() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (method, answer, status, body) in ANSWERS {
            for extra in [POISON, "x", ""] {
                let (name, id) = (Ids::next(), Ids::next());
                origin.script(&name, format!("{answer}{extra}"));
                let mut client = gateway.connect();
                let target = format!("/held-close/{}/{name}?{id}", answer.len());
                client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
                assert_eq!(client.reply_to(method).expect(status).text(), body, "{answer:?}");
                assert!(origin.wait_held(1));
                origin.release();
                // All of it has been sent once the origin has closed.
                let mark = format!("?{id}");
                assert!(origin.wait(|seen| {
                    let of_id =
                        |c: &&Connection| c.requests.last().is_some_and(|r| r.target().ends_with(&mark));
                    seen.iter().filter(of_id).all(|connection| connection.end.is_some())
                }));
                three_fresh(&gateway);
                assert!(never_reused(&origin, &id), "{answer:?} {extra:?}");
            }
        }
    });
}
