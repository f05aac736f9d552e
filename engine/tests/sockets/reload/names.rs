//! Names and files of endpoints follow a reload: what is new is settled before it is served, what stays keeps what is known.

use super::{Text, ask, until};
use crate::support::{Gateway, each_driver};
use std::fs;
use std::net::Ipv4Addr;
use tools::dns::{Data, NameServer};
use tools::upstream::Origin;

fn named(text: &Text, dns: &NameServer, endpoints: &str) -> String {
    let rules = format!(
        "watch: false, resolver: {{ servers: [\"{}\"], timeout: 400ms, ttl_min: 100ms }}",
        dns.addr()
    );
    let text = Text { gateway: rules, ..text.clone() }.yaml();
    text.replace("upstreams:\n", &format!("upstreams:\n  named: {{ {endpoints} }}\n"))
        .replace("routes:\n", "routes:\n- { name: named, match: { host: named }, to: named }\n")
}

fn status(gateway: &Gateway) -> u16 {
    let mut client = gateway.connect();
    client.send("GET /ok HTTP/1.1\r\nHost: named\r\n\r\n");
    client.reply().status
}

#[test]
fn names_are_settled_before_they_are_served_and_go_on_through_reloads() {
    each_driver(|driver| {
        let (origin, dns) = (Origin::start(), NameServer::start());
        let port = origin.addr().port();
        let text = Text::of(driver, 2, &origin);
        let gateway = text.start();
        dns.set("a.test", 60, &[Data::A(Ipv4Addr::LOCALHOST)]);
        let yaml = named(&text, &dns, &format!("endpoints: [{{ address: \"a.test:{port}\" }}]"));
        gateway.replace(&yaml);
        gateway.hangup();
        gateway.serves(2);
        assert_eq!(status(&gateway), 200, "it was looked up before it was served");
        // A server that says nothing holds no reload up that asks for nothing new.
        let asked = dns.asked("a.test").len();
        for generation in 3..8 {
            gateway.replace(&format!("{yaml}# {generation}\n"));
            gateway.hangup();
            gateway.serves(generation);
            assert_eq!(status(&gateway), 200);
        }
        assert_eq!(dns.asked("a.test").len(), asked, "what is known is not asked for again");
        // Another name, and then none.
        dns.set("b.test", 60, &[Data::A(Ipv4Addr::LOCALHOST)]);
        gateway.replace(&named(&text, &dns, &format!("endpoints: [{{ address: \"b.test:{port}\" }}]")));
        gateway.hangup();
        gateway.serves(8);
        assert_eq!(status(&gateway), 200);
        text.reload(&gateway, 9);
        ask(&mut gateway.connect(), "/ok").expect(200);
    });
}

#[test]
fn a_list_that_went_bad_holds_no_reload_up_and_a_new_one_only_until_it_is_mended() {
    each_driver(|driver| {
        let (origin, dns) = (Origin::start(), NameServer::start());
        let text = Text { gateway: "watch: true".to_owned(), ..Text::of(driver, 1, &origin) };
        let gateway = text.start();
        let list = gateway.file().with_file_name("list.endpoints");
        let good = format!("{}\n", origin.addr());
        fs::write(&list, "nonsense\n").unwrap();
        let yaml =
            named(&text, &dns, "endpoints_file: list.endpoints").replace("watch: false", "watch: true");
        gateway.replace(&yaml);
        let told = gateway.refused(1).join("\n");
        assert!(told.contains("list.endpoints:1:") && !told.contains("the last good list stays"), "{told}");
        // The list alone is mended: it is watched because the reload was refused for it.
        fs::write(&list, &good).unwrap();
        gateway.serves(2);
        assert_eq!(status(&gateway), 200);
        fs::write(&list, "nonsense\n").unwrap();
        gateway.replace(&format!("{yaml}# again\n"));
        gateway.serves(3);
        assert_eq!(status(&gateway), 200, "the last good list stays");
        let told = "'nonsense' is not a host and a port; the last good list stays";
        let said = gateway.said().now();
        assert!(said.iter().any(|line| line.contains(told)), "{said:#?}");
    });
}

#[test]
fn a_list_goes_on_being_watched_after_reloads() {
    each_driver(|driver| {
        let (origin, other, dns) = (Origin::start(), Origin::start(), NameServer::start());
        let text = Text::of(driver, 1, &origin);
        let gateway = text.start();
        let list = gateway.file().with_file_name("list.endpoints");
        fs::write(&list, format!("{}\n", origin.addr())).unwrap();
        let yaml = named(&text, &dns, "endpoints_file: list.endpoints");
        for generation in 2..5 {
            gateway.replace(&format!("{yaml}# {generation}\n"));
            gateway.hangup();
            gateway.serves(generation);
            assert_eq!(status(&gateway), 200);
        }
        assert_eq!(other.connections(), 0);
        fs::write(&list, format!("{}\n", other.addr())).unwrap();
        until("the new list is used", || status(&gateway) == 200 && other.connections() > 0);
        // A reload takes what the list says now, from its first request on.
        gateway.replace(&format!("{yaml}# again\n"));
        gateway.hangup();
        gateway.serves(5);
        let before = origin.connections();
        assert_eq!(status(&gateway), 200);
        assert_eq!(origin.connections(), before);
    });
}
