//! What keeps clients on https: those that come by http are sent there, and every answer to the others says so.

use super::{curl, file};
use crate::support::{Gateway, each_driver};
use tools::upstream::Origin;

const STRICT: &str = "max-age=31536000; includeSubDomains";

#[test]
fn clients_are_sent_to_https_and_told_to_stay_in_every_answer_there_and_in_none_elsewhere() {
    each_driver(|driver| {
        let origin = Origin::start();
        origin.script(
            "own",
            "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n",
        );
        let [cert, key] = ["tls-a.pem", "tls-a.key"].map(|name| file(name).display().to_string());
        let gateway = Gateway::with(
            &format!(
                "version: 1\ngateway: {{ shards: 1, driver: {}, trusted_proxies: [127.0.0.9] }}\nlisteners:\n\
                 - {{ name: plain, bind: 127.0.0.1:0, redirect_https: 8443, hsts: 365d }}\n\
                 - name: secure\n  bind: 127.0.0.1:0\n  tls: {{ certs: [{{ cert: {cert}, key: {key} }}] }}\n  \
                 hsts: {{ max_age: 365d, include_subdomains: true }}\n\
                 policies:\n  key: {{ api_key: {{ header: X-Key }} }}\n  \
                 lax: {{ headers: {{ response: {{ set: {{ Strict-Transport-Security: max-age=7 }} }} }} }}\n\
                 upstreams: {{ origin: {{ endpoints: [{{ address: '{}' }}] }} }}\nroutes:\n\
                 - {{ name: here, match: {{ path: /here }}, respond: {{ body: ok }} }}\n\
                 - {{ name: moved, match: {{ path: /moved }}, redirect: {{ to: /here }} }}\n\
                 - {{ name: known, match: {{ path: /known }}, policies: [key], respond: {{ body: ok }} }}\n\
                 - {{ name: lax, match: {{ path: /lax }}, policies: [lax], respond: {{ body: ok }} }}\n\
                 - {{ name: own, match: {{ path: /script/* }}, to: origin }}\n",
                driver.name(),
                origin.addr()
            ),
            1,
        );
        let plain = |from: [u8; 4], target: &str, lines: &str| {
            let mut client = crate::support::Client::connect_from(from, gateway.listener("plain"));
            client.send(format!("GET {target} HTTP/1.1\r\nHost: a.test:8080\r\n{lines}\r\n"));
            client.reply()
        };
        for (target, expected) in
            [("/here?a=b", "/here?a=b"), ("/a/../nowhere", "/nowhere"), ("/known", "/known"), ("//x", "//x")]
        {
            let reply = plain([127, 0, 0, 1], target, "X-Forwarded-Proto: https\r\n").expect(308);
            assert_eq!(reply.value("location"), Some(&*format!("https://a.test:8443{expected}")));
            assert_eq!(reply.value("strict-transport-security"), None, "{target}");
        }
        // A trusted proxy says how its client came.
        let reply = plain([127, 0, 0, 9], "/here", "X-Forwarded-Proto: https\r\n").expect(200);
        assert_eq!(reply.value("strict-transport-security"), Some("max-age=31536000"));
        plain([127, 0, 0, 9], "/here", "").expect(308);
        let at = gateway.listener("secure");
        for version in ["--http1.1", "--http2"] {
            for (target, status, expected) in [
                ("/here", "200", STRICT),
                ("/moved", "308", STRICT),
                ("/known", "401", STRICT),
                ("/nowhere", "404", STRICT),
                ("/script/own", "200", STRICT),
                // What a policy says of it is more exact.
                ("/lax", "200", "max-age=7"),
            ] {
                let url = format!("https://a.test:{}{target}", at.port());
                let words = [version, "-o", "/dev/null", "-D", "-", &url];
                let head = curl(at, "tls-a.pem", &words, &["a.test"]).to_lowercase();
                assert!(head.lines().next().is_some_and(|line| line.contains(status)), "{target}: {head}");
                let said = |line: &&str| line.starts_with("strict-transport-security: ");
                let said: Vec<&str> = head.lines().filter(said).collect();
                let expected = format!("strict-transport-security: {}", expected.to_lowercase());
                assert_eq!(said, [expected], "{target} {version}: {head}");
            }
        }
    });
}
