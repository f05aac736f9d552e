//! Routes that are for some listeners and not for others.

use super::start;
use crate::support::{Client, Setup, each_driver};
use tools::upstream::Origin;

#[test]
fn a_route_answers_on_the_listeners_that_it_names_and_on_no_other() {
    each_driver(|driver| {
        let origin = Origin::start();
        let listener = "policies: [] }\n- { name: internal, bind: \"127.0.0.1:0\"";
        let gateway = start(
            driver,
            Setup { listener, host: "gw.test", ..Setup::of(&origin) },
            &[
                "match: { host: gw.test, listener: internal, path: /admin/* }, respond: { body: inside }",
                "match: { host: gw.test, listener: [public, internal], path: /both }, respond: { body: both }",
                "match: { listener: public, path: /posts, methods: [POST] }, respond: { body: posted }",
                "match: { host: other.test, listener: internal, path: /* }, respond: { body: hidden }",
            ],
        );
        let [public, internal] = ["public", "internal"].map(|name| gateway.listener(name));
        let ask = |addr, host: &str, path: &str| {
            let mut client = Client::connect(addr);
            client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Origin: /ok\r\n\r\n"));
            let reply = client.reply();
            let line = gateway.log_of(client.addr());
            (reply.status, line["route"].as_str().map(str::to_owned))
        };
        let route = |status, name: &str| (status, Some(name.to_owned()));
        assert_eq!(ask(internal, "gw.test", "/admin/x"), route(200, "r0"));
        assert_eq!(ask(public, "gw.test", "/admin/x"), route(200, "all"), "it gives way to the next route");
        assert_eq!(ask(public, "gw.test", "/both"), route(200, "r1"));
        assert_eq!(ask(internal, "gw.test", "/both"), route(200, "r1"));
        assert_eq!(ask(internal, "other.test", "/"), route(200, "r3"));
        assert_eq!(ask(public, "other.test", "/"), (404, None));
        // Where the route is not there, its methods are not told.
        assert_eq!(ask(internal, "other.test", "/posts"), route(200, "r3"));
        assert_eq!(ask(public, "other.test", "/posts"), (405, None));
    });
}
