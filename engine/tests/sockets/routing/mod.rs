//! What a route does with a request once it is found: rewritten, redirected, answered, split between upstreams, and
//! its reply put into the client's words.

mod listeners;
mod mapping;
mod own;
mod rewrite;
mod split;

use crate::requests::request;
use crate::support::{Driver, Gateway, Ids, Reply, Setup, each_driver};
use tools::upstream::{Origin, Request};

/// Runs `test` before an origin, with these routes besides the usual ones.
fn with_routes(routes: &[&str], test: impl Fn(&Gateway, &Origin)) {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = start(driver, Setup::of(&origin), routes);
        test(&gateway, &origin);
    });
}

fn start(driver: Driver, setup: Setup, routes: &[&str]) -> Gateway {
    let numbered = routes.iter().enumerate();
    let routes = numbered.map(|(at, route)| format!("- {{ name: r{at}, {route} }}\n")).collect();
    Gateway::start(driver, &Setup { routes, ..setup })
}

/// Asks for `path` with `fields`, each with its CRLF, on a connection of its own.
fn ask(gateway: &Gateway, path: &str, fields: &str) -> Reply {
    let mut client = gateway.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n"));
    client.reply()
}

/// Asks for `path`, and gives what the origin saw of it.
fn seen(gateway: &Gateway, origin: &Origin, path: &str) -> Request {
    let id = Ids::next();
    ask(gateway, &format!("{path}?{id}"), "X-Origin: /ok\r\n").expect(200);
    request(origin, &id)
}
