//! What somebody signs in by stands in no log.

use super::identity::tokens;
use crate::support::{Driver, Gateway, Ids, PATIENCE, Setup, each_driver};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

const KEY: &str = "acme-key-0123456789";

/// A gateway whose log goes to `log` in this format.
fn gateway(driver: Driver, origin: &Origin, log: &str, format: &str) -> Gateway {
    let top = format!(
        "consumers: [{{ name: acme, api_keys: [{KEY}] }}]\n\
         policies:\n  \
           key: {{ api_key: {{ query: key }} }}\n  \
           token: {{ jwt: {{ algorithms: [HS256], secret: {}, require_exp: false, from: [{{ query: access_token }}] }} }}",
        tokens::SECRET
    );
    let routes = "- { name: k, match: { path: /key }, policies: [key], to: origin }\n\
                  - { name: t, match: { path: /token }, policies: [token], to: origin }\n"
        .to_owned();
    let setup = Setup { top, routes, access_log: log.to_owned(), ..Setup::of(origin) };
    Gateway::with(&setup.text(driver).replace("format: json", &format!("format: {format}")), setup.shards)
}

/// Targets, each with the status of its reply and what of it may be shown.
fn targets(id: &str) -> [(String, u16, String); 4] {
    let token = tokens::of(r#"{"sub":"ann"}"#);
    [
        (format!("/key?{id}&key={KEY}&b=1"), 200, format!("/key?{id}&key=***&b=1")),
        (format!("/key?{id}&key=nobodys-secret"), 401, format!("/key?{id}&key=***")),
        (format!("/token?access_token={token}&{id}"), 200, format!("/token?access_token=***&{id}")),
        // A route that asks nobody to sign in is sent them all the same.
        (
            format!("/ok?{id}&k%65y=a-secret&access_token=a-secret"),
            200,
            format!("/ok?{id}&k%65y=***&access_token=***"),
        ),
    ]
}

#[test]
fn the_log_has_no_key_and_no_token_of_a_query() {
    each_driver(|driver| {
        let origin = Origin::start();
        let gateway = gateway(driver, &origin, "stdout", "json");
        let id = Ids::next();
        for (target, status, shown) in targets(&id) {
            let mut client = gateway.connect();
            let referer = format!("Referer: https://gw.test{target}\r\nX-Origin: /ok\r\n");
            client.send(format!("GET {target} HTTP/1.1\r\nHost: gw.test\r\n{referer}\r\n"));
            client.reply().expect(status);
            let line = gateway.log_of(client.addr());
            assert_eq!(line["path"], shown.as_str(), "{line}");
            assert_eq!(line["referer"], format!("https://gw.test{shown}"), "{line}");
        }
        // The origin is sent what came.
        assert!(origin.requests().iter().any(|request| request.target().contains(KEY)));
    });
}

#[test]
fn a_pattern_shows_no_key_and_no_token_of_a_query() {
    each_driver(|driver| {
        let origin = Origin::start();
        let folder = std::env::temp_dir().join(format!("ringgate-secrets-{}-{driver:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("access.log");
        let gateway =
            gateway(driver, &origin, &path.display().to_string(), "'%{path} %{referer} \"%{request}\"'");
        let mut expected = Vec::new();
        for (target, status, shown) in targets(&Ids::next()) {
            let mut client = gateway.connect();
            client.send(format!(
                "GET {target} HTTP/1.1\r\nHost: gw.test\r\nX-Origin: /ok\r\nReferer: {target}\r\n\r\n"
            ));
            client.reply().expect(status);
            expected.push(format!("{shown} {shown} \"GET {shown} HTTP/1.1\""));
        }
        let deadline = Instant::now() + PATIENCE;
        let mut text = String::new();
        while text.lines().count() < expected.len() {
            assert!(Instant::now() < deadline, "not in time: {text}");
            // A file has nothing to wait on.
            std::thread::park_timeout(Duration::from_millis(5));
            text = std::fs::read_to_string(&path).unwrap_or_default();
        }
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        expected.sort_unstable();
        assert_eq!(lines, expected);
        drop(gateway);
        drop(std::fs::remove_dir_all(&folder));
    });
}
