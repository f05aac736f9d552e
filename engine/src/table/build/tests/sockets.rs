//! Unix sockets and the PROXY protocol.

use super::*;
use crate::base::ClientAddr;

fn unix(path: &str) -> Address {
    Address::Unix(std::path::Path::new(path).into())
}

#[test]
fn a_relative_path_starts_at_the_file_that_names_it() {
    let text =
        GOOD.replace("'[::1]:8080'", "'unix:run/rg.sock'").replace("10.0.0.7:81", "'unix:/run/a.sock'");
    let config = Memory::default().file("/etc/ringgate/x.yaml", &text).read("/etc/ringgate/x.yaml").unwrap();
    let (table, _) = build(&config, Generation(1), None).unwrap();
    assert_eq!(table.listeners[0].bind[1], unix("/etc/ringgate/run/rg.sock"));
    let endpoint = &table.upstreams[0].endpoints[0];
    assert_eq!((&endpoint.addr, &*endpoint.name), (&unix("/run/a.sock"), "unix:/run/a.sock"));
}

#[test]
fn a_sockets_path_fits_what_the_system_takes() {
    for (bytes, fits) in [(107, true), (108, false), (4000, false)] {
        let text = format!("unix:/{}", "x".repeat(bytes - 1));
        let told = told(&GOOD.replace("127.0.0.1:8080", &text));
        assert_eq!(told.is_empty(), fits, "{told:?}");
        let expected = format!(
            "3:28: '{text}' is a path of {bytes} bytes | a socket's path has 107 at most, its folder included"
        );
        assert!(fits || told == [expected], "{told:?}");
    }
    check(
        "10.0.0.7:81",
        "'unix:'",
        &["5:36: 'unix:' names no socket | write the path of the socket, such as unix:/run/ringgate.sock"],
    );
}

#[test]
fn a_path_is_bound_once_and_called_once() {
    check(
        "'[::1]:8080'",
        "'unix:/run/a', 'unix:/run/a'",
        &["3:59: 'unix:/run/a' is bound by listener 'public' already | a listener needs a path of its own"],
    );
    check(
        "{ address: 10.0.0.7:81, weight: 2 }",
        "{ address: 'unix:/run/a' }, { address: 'unix:/run/a' }",
        &["5:64: 'unix:/run/a' stands twice in upstream 'orders' | give it a weight instead"],
    );
}

#[test]
fn a_path_from_elsewhere_is_not_told() {
    let text = GOOD.replace("127.0.0.1:8080", "'${env:A}'");
    let secret = format!("unix:/{}", "hunter2".repeat(20));
    let config = Memory::default().file("x.yaml", &text).env("A", &secret).read("x.yaml").unwrap();
    let problems = build(&config, Generation(1), None).err().unwrap().to_string();
    assert!(problems.contains("bytes") && !problems.contains("hunter2"), "{problems}");
}

#[test]
fn a_listener_requires_headers_of_the_proxies_that_it_names() {
    check(
        "name: public,",
        "name: public, proxy_protocol: { from: [] },",
        &[
            "3:45: 'proxy_protocol' of listener 'public' names no proxy | write the networks of the proxies, such as \
           [10.0.0.0/8], or remove the key",
        ],
    );
    let (table, _) =
        built(&GOOD.replace("name: public,", "name: public, proxy_protocol: { from: [10.0.0.0/8, unix] },"));
    let from = table.listeners[0].proxy_protocol.as_ref().unwrap();
    assert!(from.hold(ClientAddr::Unix) && from.hold(ClientAddr::Ip("10.1.1.1:1".parse().unwrap())));
    assert!(!from.hold(ClientAddr::Ip("127.0.0.1:1".parse().unwrap())));
    let (table, _) = built(GOOD);
    assert!(table.listeners[0].proxy_protocol.is_none() && table.upstreams[0].proxy_protocol.is_none());
}
