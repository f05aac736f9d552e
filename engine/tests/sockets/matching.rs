//! Which route a request takes, by all that a rule can ask for, and what is told where only the method is missing.

use crate::support::{Driver, Gateway, Reply, Setup, each_driver, three_fresh};
use tools::upstream::Origin;

/// A gateway with these matches before the route for everything, named by their numbers.
fn gateway(driver: Driver, setup: Setup, matches: &[&str]) -> Gateway {
    let numbered = matches.iter().enumerate();
    let routes = numbered
        .map(|(at, what)| format!("- {{ name: r{at}, match: {{ {what} }}, to: origin }}\n"))
        .collect();
    Gateway::start(driver, &Setup { routes, ..setup })
}

/// Sends a request of these lines and gives the reply and the name of the route in the log.
fn ask(gateway: &Gateway, lines: &[&str]) -> (Reply, String) {
    let mut client = gateway.connect();
    client.send(format!("{}\r\n\r\n", lines.join("\r\n")));
    let method = lines[0].split(' ').next().unwrap();
    let reply = client.reply_to(method);
    (reply, gateway.log_of(client.addr())["route"].as_str().unwrap_or("none").to_owned())
}

#[test]
fn each_part_of_a_match_decides() {
    each_driver(|driver| {
        let origin = Origin::start();
        let matches = [
            "path: /echo, methods: [POST, PUT]",
            "path: /echo, headers: { X-Client: mobile }",
            "path: /echo, headers: { User-Agent: 'regex:curl/.*' }",
            "path: /echo, cookies: { side: canary }",
            "path: /echo, query: { v: '2' }",
            "path: ['regex:/bytes/[0-9]+', /ok], host: a.test, headers: { X-Any: '*' }",
        ];
        let gateway = gateway(driver, Setup::of(&origin), &matches);
        for (lines, route) in [
            (&["GET /echo HTTP/1.1", "Host: a"][..], "all"),
            (&["POST /echo HTTP/1.1", "Host: a", "Content-Length: 0"], "r0"),
            (&["POST /echo HTTP/1.1", "Host: a", "Content-Length: 0", "X-Client: mobile"], "r0"),
            (&["GET /echo HTTP/1.1", "Host: a", "x-client: mobile"], "r1"),
            (&["GET /echo HTTP/1.1", "Host: a", "x-client: mobile", "X-Client: tablet"], "all"),
            (&["GET /echo HTTP/1.1", "Host: a", "User-Agent: curl/8"], "r2"),
            (&["GET /echo HTTP/1.1", "Host: a", "Cookie: a=1", "Cookie: b=2; side=canary"], "r3"),
            (&["GET /echo?x&v=%32 HTTP/1.1", "Host: a"], "r4"),
            (&["GET /%65cho?v=2 HTTP/1.1", "Host: a"], "r4"),
            (&["GET /x/../bytes/10 HTTP/1.1", "Host: a.test:80", "X-Any: "], "r5"),
            (&["GET /bytes/10 HTTP/1.1", "Host: a.test"], "all"),
            (&["GET /ok HTTP/1.1", "Host: a.test", "X-Any: x"], "r5"),
        ] {
            let (reply, taken) = ask(&gateway, lines);
            reply.expect(200);
            assert_eq!(taken, route, "{lines:?}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn a_405_lists_the_methods_that_the_path_takes_and_keeps_the_connection() {
    each_driver(|driver| {
        let origin = Origin::start();
        let matches =
            ["path: /echo, methods: [GET]", "path: /*, methods: [PURGE], headers: { X-Purge: '1' }"];
        // The route for everything would take them.
        let setup = Setup { host: "other.test", ..Setup::of(&origin) };
        let gateway = gateway(driver, setup, &matches);
        let mut client = gateway.connect();
        for (request, status, allow) in [
            ("DELETE /echo HTTP/1.1\r\nHost: a\r\n", 405, Some("GET, HEAD")),
            ("DELETE /echo HTTP/1.1\r\nHost: a\r\nX-Purge: 1\r\n", 405, Some("GET, HEAD, PURGE")),
            ("GET /other HTTP/1.1\r\nHost: a\r\nX-Purge: 1\r\n", 405, Some("PURGE")),
            ("GET /other HTTP/1.1\r\nHost: a\r\n", 404, None),
            ("HEAD /echo HTTP/1.1\r\nHost: a\r\n", 200, None),
            ("GET /echo HTTP/1.1\r\nHost: a\r\n", 200, None),
        ] {
            client.send(format!("{request}\r\n"));
            let reply = client.reply_to(request.split(' ').next().unwrap());
            assert_eq!(reply.value("allow"), allow, "{request}");
            assert!(status != 405 || reply.reason() == "method_not_allowed", "{request}");
            assert!(!reply.expect(status).says_close(), "{request}");
        }
        let mut client = gateway.connect();
        client.send("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
        let reply = client.reply_to("GET");
        assert_eq!(reply.value("allow"), Some(""));
        assert!(reply.expect(405).says_close());
    });
}
