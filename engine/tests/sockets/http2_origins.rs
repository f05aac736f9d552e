//! Origins that speak HTTP/2: here another gateway, whose own origin sees what arrives. Many exchanges share a connection.

use crate::support::{Client, Driver, Gateway, each_driver, three_fresh};
use std::collections::HashSet;
use std::net::SocketAddr;
use tools::upstream::Origin;

fn second(driver: Driver, origin: SocketAddr, more: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: b, bind: 127.0.0.1:0, protocols: [http2]{more} }}]\n\
         upstreams: {{ origin: {{ endpoints: [{{ address: '{origin}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

fn first(driver: Driver, second: SocketAddr, more: &str) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\n\
         listeners: [{{ name: a, bind: 127.0.0.1:0 }}]\n\
         upstreams: {{ origin: {{ protocol: http2, endpoints: [{{ address: '{second}' }}]{more} }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin, timeouts: {{ first_byte: 1s }} }}]\n",
        driver.name(),
    );
    Gateway::with(&text, 1)
}

#[test]
fn what_is_asked_and_answered_arrives_as_it_does_over_http1() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        let mut client: Client = gateway.connect();
        let body = "x".repeat(200_000);
        client.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nX-One: 1\r\nConnection: x-two\r\nX-Two: 2\r\n\r\n{body}",
            body.len()
        ));
        let reply = client.reply().expect(200);
        let told = reply.text();
        assert!(told.ends_with(&body), "{} bytes", told.len());
        let head = told.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for line in
            ["x-one: 1", "host: a", "via: 1.1 ringgate", "via: 2.0 ringgate", "content-length: 200000"]
        {
            assert!(head.contains(line), "{line}: {head}");
        }
        for name in ["x-two:", "connection: x-two", "transfer-encoding"] {
            assert!(!head.contains(name), "{name}: {head}");
        }
        // Chunked, with trailers, and the connection is used on.
        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        );
        assert!(client.reply().expect(200).text().ends_with("hello"));
        client.send("HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        client.reply_to("HEAD").expect(200);
        three_fresh(&gateway);
        let log = gateway.log_of(client.addr());
        assert_eq!(log["tries"], 1);
    });
}

#[test]
fn many_exchanges_share_one_connection() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), ", pool: { connections: 1 }");
        let mut clients: Vec<Client> = (0..40).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        for client in &mut clients {
            client.reply().expect(200);
        }
        let seen: HashSet<String> = behind.logs(40).iter().map(|line| line["client"].to_string()).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
    });
}

#[test]
fn an_origin_that_leaves_fails_no_request() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = second(driver, origin.addr(), "");
        let gateway = first(driver, behind.addr(), "");
        three_fresh(&gateway);
        // It says GOAWAY and ends; nobody answers in its place.
        drop(behind);
        let mut client: Client = gateway.connect();
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().expect(502).reason(), "upstream_connect");
    });
}
