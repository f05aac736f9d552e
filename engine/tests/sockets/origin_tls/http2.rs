//! HTTP/2 over TLS to an origin, here another gateway: it is spoken where it was agreed, and shared connections follow reloads.

use super::*;
use crate::support::{Ids, each_driver};
use tools::upstream::{Origin, pattern};

/// A gateway before `origin` that speaks HTTP/2 over TLS.
fn behind(driver: Driver, origin: &Origin) -> Gateway {
    let text = format!(
        "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners:\n- {{ name: b, bind: 127.0.0.1:0, protocols: [http2], \
         tls: {{ certs: [{{ cert: {}, key: {} }}] }} }}\nupstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\n\
         routes: [{{ name: all, match: {{ path: /* }}, to: origin }}]\n",
        driver.name(),
        file("origin.pem").display(),
        file("leaf.key").display(),
        origin.addr()
    );
    Gateway::with(&text, 1)
}

#[test]
fn streams_share_a_session_until_its_terms_change() {
    each_driver(|driver| {
        let origin = Origin::start();
        let behind = behind(driver, &origin);
        let ours = tls("") + ", protocol: http2";
        let named = tls(", server_name: origin.test") + ", protocol: http2";
        let gateway = start(driver, &[("a", &[&behind.addr()], &ours)]);
        let mut client = gateway.connect();
        let upload = pattern(1_000_000);
        assert!(get(&mut client, "/a/bytes/1000000").expect(200).body == upload);
        client.send("POST /a/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        assert!(client.send(&upload).reply().expect(200).body.ends_with(&upload));
        let connections = |count: usize| {
            let lines = behind.logs(count);
            let clients: std::collections::HashSet<String> =
                lines.iter().map(|line| line["client"].to_string()).collect();
            clients.len()
        };
        // Equal terms go on with their connection.
        gateway.hangup();
        gateway.serves(2);
        get(&mut client, "/a/ok").expect(200);
        assert_eq!(connections(3), 1);
        gateway.replace(&text(driver, &[("a", &[&behind.addr()], &named)]));
        gateway.hangup();
        gateway.serves(3);
        // Who asks for a name speaks of its host.
        client.send("GET /a/ok HTTP/1.1\r\nHost: origin.test\r\n\r\n").reply().expect(200);
        assert_eq!(connections(4), 2);
        assert_eq!(behind.logs(4).last().map(|line| line["version"].clone()), Some("2.0".into()));
    });
}

#[test]
fn who_did_not_agree_is_not_spoken_to() {
    each_driver(|driver| {
        let origin = Origin::start();
        let front = Front::start(origin.addr(), Rules::default());
        let behind = behind(driver, &origin);
        let (one, two) = (tls(""), tls("") + ", protocol: http2");
        let sides: [Side<'_>; 2] = [("two", &[&front.addr()], &two), ("one", &[&behind.addr()], &one)];
        let gateway = start(driver, &sides);
        for side in ["two", "one"] {
            let mut client = gateway.connect();
            let id = Ids::next();
            assert_eq!(get(&mut client, &format!("/{side}/ok?{id}")).expect(502).reason(), "upstream_tls");
            assert_eq!(gateway.log_of(client.addr())["detail"], "alert_no_application_protocol", "{side}");
        }
        assert!(origin.requests().is_empty());
    });
}
