//! What the origin names in Connection, and what is hop by hop anyway, does not reach the client; its wish to close
//! ends its own connection and not the client's (RFC 9110 §7.6.1).

use super::{ask, never_reused};
use crate::support::{Gateway, Ids, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

#[test]
fn what_is_between_gateway_and_origin_stays_there() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for fields in [
            "Connection: X-Hop\r\nX-Hop: 1\r\n",
            "X-Hop: 1\r\nx-hop: 2\r\nConnection: keep-alive, x-HOP\r\n",
            "X-Hop: 1\r\nConnection: close\r\nConnection: ,x-hop,\r\n",
            "Connection: set-cookie\r\nSet-Cookie: x-hop=1\r\n",
            "Keep-Alive: timeout=60, x-hop\r\n",
            "Proxy-Connection: x-hop\r\n",
            "Upgrade: x-hop\r\n",
            "Connection: upgrade\r\nUpgrade: h2c, x-hop\r\n",
            "Proxy-Authenticate: x-hop\r\n",
        ] {
            let (name, mut client) = (Ids::next(), gateway.connect());
            origin.script(
                &name,
                format!("HTTP/1.1 200 OK\r\n{fields}X-End: 2\r\nContent-Length: 5\r\n\r\nhello"),
            );
            ask(&mut client, &format!("/script/{name}"));
            let reply = client.reply().expect(200);
            assert!(!reply.head.to_ascii_lowercase().contains("x-hop"), "{fields:?}: {}", reply.head);
            assert_eq!(
                (reply.value("x-end"), reply.value("connection")),
                (Some("2"), None),
                "{}",
                reply.head
            );
            assert_eq!(reply.text(), "hello");
            ask(&mut client, "/ok");
            client.reply().expect(200);
            three_fresh(&gateway);
        }
    });
}

#[test]
fn naming_framing_removes_nothing_of_it() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for answer in [
            "Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
            "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "Connection: date, content-length\r\nDate: then\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            let (name, mut client) = (Ids::next(), gateway.connect());
            origin.script(&name, format!("HTTP/1.1 200 OK\r\n{answer}"));
            ask(&mut client, &format!("/script/{name}"));
            let reply = client.reply().expect(200);
            assert_eq!((reply.text().as_str(), reply.values("date").len()), ("hello", 1), "{}", reply.head);
            ask(&mut client, "/ok");
            client.reply().expect(200);
        }
        three_fresh(&gateway);
    });
}

#[test]
fn an_origin_that_closes_closes_only_its_own_connection() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        let mut client = gateway.connect();
        for (number, close) in ["close", "Close", "foo, CLOSE"].into_iter().enumerate() {
            let (name, id) = (Ids::next(), Ids::next());
            origin.script(
                &name,
                format!("HTTP/1.1 200 OK\r\nConnection: {close}\r\nContent-Length: 2\r\n\r\nhi"),
            );
            ask(&mut client, &format!("/script/{name}?{id}"));
            let reply = client.reply().expect(200);
            assert!(!reply.says_close(), "{number}: {}", reply.head);
            assert!(never_reused(&origin, &id), "{close}");
        }
    });
}
