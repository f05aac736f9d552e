//! Policies: what they refuse, what they change of requests and replies, and that their order is the fixed one.

mod asked;
mod closed;
mod cors;
mod headers;
pub(crate) mod identity;
mod ip;
mod keys;
mod limits;
mod modes;
mod order;
mod secrets;
mod shared;
mod trailers;
mod validate;

use crate::requests::request;
use crate::support::{Client, Driver, Gateway, Ids, Reply, Setup, each_driver};
use tools::upstream::{Origin, Request};

/// Runs `test` before an origin with these policies, one a line, and these routes besides the usual ones. `setup`
/// changes what else is wanted.
fn with(policies: &str, routes: &[&str], setup: impl Fn(Setup) -> Setup, test: impl Fn(&Gateway, &Origin)) {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = start(driver, setup(Setup::of(&origin)), policies, routes);
        test(&gateway, &origin);
    });
}

pub(crate) fn start(driver: Driver, setup: Setup, policies: &str, routes: &[&str]) -> Gateway {
    let lines = policies.lines().map(str::trim).filter(|line| !line.is_empty());
    let policies: String = lines.map(|line| format!("  {line}\n")).collect();
    let numbered = routes.iter().enumerate();
    let mut routes: String = numbered.map(|(at, route)| format!("- {{ name: r{at}, {route} }}\n")).collect();
    // With one timed route every exchange is timed, and its policies are asked phase by phase: on one driver each.
    if driver == Driver::Epoll {
        routes.push_str(
            "- { name: timed, match: { host: timed.test }, server_timing: true, respond: { body: ok } }\n",
        );
    }
    let top = format!("{}\npolicies:\n{policies}", setup.top);
    Gateway::start(driver, &Setup { top, routes, ..setup })
}

/// Sends a request with these fields, each with its CRLF, on a connection of its own.
pub(crate) fn ask(gateway: &Gateway, line: &str, fields: &str) -> (Reply, Client) {
    let mut client = gateway.connect();
    client.send(format!("{line} HTTP/1.1\r\nHost: gw.test\r\n{fields}\r\n"));
    let method = line.split(' ').next().expect("a method");
    (client.reply_to(method), client)
}

/// Asks for `path` with `fields`, and gives what the origin saw of it, and its reply.
fn seen(gateway: &Gateway, origin: &Origin, path: &str, fields: &str) -> (Request, Reply) {
    let id = Ids::next();
    let (reply, _) = ask(gateway, &format!("GET {path}?{id}"), &format!("X-Origin: /ok\r\n{fields}"));
    (request(origin, &id), reply.expect(200))
}

/// A path at which the origin answers with `status`, `fields` and this body.
fn scripted(origin: &Origin, name: &str, status: u16, fields: &str, body: &str) -> String {
    let length = body.len();
    origin.script(
        name,
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{fields}\r\n{body}").into_bytes(),
    );
    format!("X-Origin: /script/{name}\r\n")
}
