//! Whom a policy asks and how: the upstream, the path there, the host to name, the time it may take. Compiled once.

use super::super::flaw::Flaw;
use crate::base::UpstreamId;
use crate::config::read::suggest::nearest;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, Parsed, request};
use std::time::Duration;

/// What a call may take: past a minute, its client has gone.
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

/// An upstream as a policy may ask it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// Its name.
    pub name: &'k str,
    /// Whether its connections name a client first: nobody's question can be asked there.
    pub is_told: bool,
}

/// Whom to ask.
#[derive(Debug)]
pub struct Service {
    /// The upstream.
    pub upstream: UpstreamId,
    /// The target.
    pub path: Box<str>,
    /// The host to name.
    pub host: Box<str>,
    /// What a call may take in all.
    pub timeout: Duration,
}

impl Service {
    /// The service of a section with the keys `upstream`, `path`, `host` and `timeout`; notes what is wrong with them.
    pub fn compile(
        (name, path, host): (&str, &str, Option<&str>),
        timeout: Duration,
        upstreams: &[Known<'_>],
        flaws: &mut Vec<Flaw>,
    ) -> Option<Service> {
        let before = flaws.len();
        let found = upstreams.iter().position(|known| known.name == name);
        match found.map(|at| upstreams[at].is_told) {
            Some(false) => {}
            Some(true) => {
                let message = format!("upstream '{name}' is told of a client by each connection");
                flaws.push(Flaw::at("upstream", message, "ask an upstream without 'proxy_protocol'"));
            }
            None => {
                let names = upstreams.iter().map(|known| known.name);
                let fix = match nearest(name, names) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "name one that stands under 'upstreams'".to_owned(),
                };
                flaws.push(Flaw::at("upstream", format!("there is no upstream '{name}'"), fix));
            }
        }
        if !TIMEOUTS.contains(&timeout) {
            flaws.push(Flaw::at("timeout", "no answer is waited for as long as this", "write 1ms to 60s"));
        }
        let host = host.unwrap_or(name);
        if !is_target(path) {
            let message = format!("'{path}' is not a path");
            flaws.push(Flaw::at(
                "path",
                message,
                "write the path and query to ask for, such as /oauth2/introspect",
            ));
        } else if !is_host(host) {
            let message = format!("'{host}' is not a host");
            flaws.push(Flaw::at(
                "host",
                message,
                "write the name that the server is known by, such as id.example",
            ));
        }
        let upstream = UpstreamId(u32::try_from(found?).ok()?);
        let service = Service { upstream, path: path.into(), host: host.into(), timeout };
        (flaws.len() == before).then_some(service)
    }
}

fn is_target(path: &str) -> bool {
    path.starts_with('/') && path.len() <= 2048 && reads(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && reads(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// Whether it is a request's head, and one alone.
fn reads(text: &str) -> bool {
    let parsed = request::parse(text.as_bytes(), &mut Lines::new(), &HeadLimits::default());
    matches!(parsed, Ok(Parsed::Complete { .. })) && text.matches("\r\n").count() == 3 && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_an_upstream_a_path_and_a_host() {
        let upstreams = ["auth", "told"].map(|name| Known { name, is_told: name == "told" });
        let second = Duration::from_secs(1);
        let check = |what: (&str, &str, Option<&str>), timeout| {
            let mut flaws = Vec::new();
            let made = Service::compile(what, timeout, &upstreams, &mut flaws);
            assert_eq!(made.is_some(), flaws.is_empty(), "{what:?}");
            flaws.first().map(|flaw| flaw.message.clone()).unwrap_or_default()
        };
        assert_eq!(check(("auth", "/a?b=c", Some("id.example:8443")), second), "");
        for (what, timeout, part) in [
            (("auht", "/a", None), second, "no upstream"),
            (("told", "/a", None), second, "told of a client"),
            (("auth", "a", None), second, "not a path"),
            (("auth", "/a b", None), second, "not a path"),
            (("auth", "/a HTTP/1.1\r\nX: y", None), second, "not a path"),
            (("auth", "/a#b", None), second, "not a path"),
            (("auth", "/a", Some("")), second, "not a host"),
            (("auth", "/a", Some("a\r\nX: y")), second, "not a host"),
            (("auth", "/a", None), Duration::ZERO, "no answer"),
            (("auth", "/a", None), Duration::from_secs(61), "no answer"),
        ] {
            assert!(check(what, timeout).contains(part), "{what:?}");
        }
    }
}
