//! What is kept and cannot be used, and requests and handshakes that look like an issuer's.

use super::pebble::{PLAIN, Pebble};
use super::renewal::Talk;
use super::{Scene, obtained, told};
use crate::support::{Client, each_driver};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

#[test]
fn what_cannot_be_used_of_what_was_kept_is_told_set_aside_and_obtained_anew() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let scene = Scene::new(driver, "http-01");
        let pebble = Pebble::start(scene.ports, PLAIN, &["a.test", "b.test"]);
        let files = ["account.json", "a.test.pem"];
        fs::create_dir_all(scene.kept("")).unwrap();
        files.iter().for_each(|file| fs::write(scene.kept(file), format!("garbage of {file}")).unwrap());
        let gateway = scene.start();
        for file in files {
            let line = told(&gateway, &[" acme_storage: ", &scene.kept(file).display().to_string()]);
            let aside = line.split("it is kept as '").nth(1).and_then(|rest| rest.split('\'').next());
            let aside = aside.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(fs::read_to_string(aside).unwrap(), format!("garbage of {file}"));
        }
        obtained(&gateway, 1);
        assert_eq!(scene.ask("a.test", &pebble.root()), Ok("200".to_owned()));
        drop(gateway);
        // Another name beside it: the one from before is shown until there is one for both.
        let more = Scene { names: "a.test, b.test, c.test", ..scene };
        pebble.names.set("c.test", 0, &[tools::dns::Data::A(Ipv4Addr::LOCALHOST)]);
        let gateway = more.start();
        assert_eq!(more.ask("a.test", &pebble.root()), Ok("200".to_owned()));
        obtained(&gateway, 1);
        assert_eq!(more.ask("c.test", &pebble.root()), Ok("200".to_owned()));
    });
}

#[test]
fn a_token_that_no_order_waits_for_goes_where_other_requests_go() {
    each_driver(|driver| {
        // Nobody issues: an order is under way all the time, and has come to no token.
        let scene = Scene { plain: "limits: {}", ..Scene::new(driver, "http-01") };
        let gateway = scene.start();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, scene.ports.http));
        let mut client = Client::connect(at);
        client.send("GET /.well-known/acme-challenge/echo HTTP/1.1\r\nHost: a.test\r\n\r\n");
        let reply = client.reply();
        assert_eq!(scene.origin.requests().len(), 1, "{}", reply.head);
        let log = gateway.log_of(client.addr());
        assert_eq!((&log["route"], &log["listener"]), (&"all".into(), &"plain".into()), "{log}");
    });
}

#[test]
fn a_handshake_like_an_issuers_is_refused_while_no_order_waits_and_speaks_nothing() {
    if !Pebble::is_there() {
        return;
    }
    each_driver(|driver| {
        let scene = Scene::new(driver, "tls-alpn-01");
        let pebble = Pebble::start(scene.ports, PLAIN, &["a.test", "b.test"]);
        let gateway = scene.start();
        obtained(&gateway, 1);
        let root = pebble.root();
        let offers = |protocols: &[&[u8]]| {
            let mut config = Talk::config(&root);
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Talk::with(scene.ports.tls, config)
        };
        let refused = offers(&[b"acme-tls/1"]).shake().unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
        let mut both = offers(&[b"acme-tls/1", b"http/1.1"]);
        both.shake().unwrap();
        assert_eq!(both.protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(both.get(), "HTTP/1.1 200 OK");
        let mut odd = offers(&[b"acme-tls/1", b"odd"]);
        odd.shake().unwrap();
        assert_eq!(odd.protocol(), Some(&b"acme-tls/1"[..]));
        assert!(odd.is_over(), "nothing is spoken on it");
        assert_eq!(scene.origin.requests().len(), 1);
    });
}
