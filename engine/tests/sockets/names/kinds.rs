//! What names stand for: many addresses, both families, aliases, services.

use super::*;
use crate::support::each_driver;
use std::collections::HashMap;
use std::net::Ipv6Addr;

fn tally(endpoints: Vec<String>) -> HashMap<String, usize> {
    endpoints.into_iter().fold(HashMap::new(), |mut tally, endpoint| {
        *tally.entry(endpoint).or_default() += 1;
        tally
    })
}

#[test]
fn two_hundred_addresses_come_over_tcp_and_all_are_used() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let origin = Origin::bind(SocketAddr::from(([0, 0, 0, 0], 0)), Recording::Off).expect("a free port");
        let port = origin.addr().port();
        let many: Vec<Data> = (1..=200).map(|n| Data::A(Ipv4Addr::new(127, 0, 1, n))).collect();
        dns.set("api.test", 60, &many);
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let gateway = start(driver, 1, &dns, "", &[("named", &named)]);
        let tally = tally(endpoints(&gateway, "named", 400));
        assert_eq!((tally.len(), tally.values().max()), (200, Some(&2)));
        let asked = dns.asked("api.test");
        assert!(asked.iter().any(|asked| asked.tcp) && asked.iter().any(|asked| !asked.tcp), "{asked:?}");
    });
}

#[test]
fn a_service_names_hosts_with_ports_weights_and_priorities() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (mut origins, port) = origins(3);
        let other = Origin::bind(SocketAddr::from((host(1), 0)), Recording::On).expect("a free port");
        let other_port = other.addr().port();
        origins.push(other);
        dns.set("a.test", 60, &hosts(&[0]));
        dns.set("b.test", 60, &hosts(&[1]));
        let records = [
            Data::Srv(5, 3, port, "a.test".into()),
            Data::Srv(5, 1, port, "b.test".into()),
            Data::Srv(5, 0, other_port, "b.test".into()),
            Data::Srv(5, 9, port, "gone.test".into()),
            Data::Srv(7, 9, port, "spare.test".into()),
        ];
        dns.set("spare.test", 60, &hosts(&[2]));
        dns.set("_http._tcp.api.test", 60, &records);
        let named = "endpoints: [{ address: \"srv:_http._tcp.api.test\" }]";
        let gateway = start(driver, 1, &dns, "", &[("named", named)]);
        let tally = tally(endpoints(&gateway, "named", 50));
        let share = |host: Ipv4Addr, port: u16| tally.get(&format!("{host}:{port}")).copied();
        assert_eq!(
            (share(host(0), port), share(host(1), port), share(host(1), other_port)),
            (Some(30), Some(10), Some(10)),
            "{tally:?}"
        );
        // The first group is out; the next one serves.
        drop(origins.remove(0));
        drop(origins.remove(0));
        drop(origins.pop());
        until("the spare serves", || ask(&gateway, "named").status == 200);
        assert_eq!(endpoints(&gateway, "named", 1), [format!("{}:{port}", host(2))]);
    });
}

#[test]
fn a_name_may_be_an_alias_and_have_addresses_of_both_families() {
    let Ok(six) = Origin::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), Recording::On) else {
        eprintln!("there is no IPv6 here");
        return;
    };
    each_driver(|driver| {
        let dns = NameServer::start();
        let port = six.addr().port();
        let four = Origin::bind(SocketAddr::from((host(0), port)), Recording::On).expect("a free port");
        dns.set("api.test", 60, &[Data::Cname("real.test".into())]);
        dns.set("real.test", 60, &[Data::A(host(0)), Data::Aaaa(Ipv6Addr::LOCALHOST)]);
        let named = format!("endpoints: [{{ address: \"api.test:{port}\" }}]");
        let gateway = start(driver, 1, &dns, "", &[("named", &named)]);
        let tally = tally(endpoints(&gateway, "named", 10));
        assert_eq!(tally.get(&four.addr().to_string()), Some(&5), "{tally:?}");
        assert_eq!(tally.get(&six.addr().to_string()), Some(&5), "{tally:?}");
    });
}

#[test]
fn a_name_is_as_internal_as_the_addresses_behind_it() {
    each_driver(|driver| {
        let dns = NameServer::start();
        let (origins, port) = origins(1);
        dns.set("api.test", 60, &hosts(&[0]));
        dns.set("_http._tcp.api.test", 60, &[Data::Srv(0, 1, port, "api.test".into())]);
        let named = format!("endpoints: [{{ address: \"api.test.:{port}\" }}]");
        let service = "endpoints: [{ address: \"srv:_http._tcp.api.test\" }]";
        let gateway = start(driver, 1, &dns, "", &[("named", &named), ("service", service)]);
        for upstream in ["named", "service"] {
            for host in [format!("api.test:{port}"), "API.test".into(), format!("127.0.0.2:{port}")] {
                let reply =
                    format!("HTTP/1.1 302 Found\r\nLocation: http://{host}/x\r\nContent-Length: 0\r\n\r\n");
                origins[0].script("away", reply);
                let mut client = gateway.connect();
                client.send(format!("GET /script/away HTTP/1.1\r\nHost: {upstream}\r\n\r\n"));
                let reply = client.reply().expect(302);
                assert_eq!(reply.value("location"), Some(&*format!("http://{upstream}/x")), "{host}");
            }
        }
    });
}
