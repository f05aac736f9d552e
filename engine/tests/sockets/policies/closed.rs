//! What is missing opens no door: key servers that are gone, key files that are none, a set whose address has changed.

use super::identity::tokens;
use super::keys::{Signer, set};
use super::{ask, start};
use crate::support::{Setup, each_driver, run_to_end, three_fresh};
use std::path::Path;
use std::time::{Duration, Instant};
use tools::upstream::{Down, Origin};

#[test]
fn a_key_server_that_is_gone_opens_no_door_whatever_else_is_attached() {
    each_driver(|driver| {
        let (origin, down) = (Origin::start(), Down::new().expect("a free port"));
        let gone = down.addr().expect("is bound");
        let policies = format!(
            "far: {{ jwt: {{ algorithms: [EdDSA], jwks: \"http://{gone}/keys\" }} }}
            key: {{ api_key: {{ header: X-API-Key }} }}
            guests: {{ anonymous: allow }}
            posts: {{ jwt: {{ algorithms: [EdDSA], jwks: \"http://{gone}/keys\" }}, when: 'request.method == \"POST\"' }}
            may: {{ authorize: {{ scopes: [orders.read] }} }}"
        );
        let routes = [
            "match: { path: /far }, policies: [far], to: origin",
            "match: { path: /either }, policies: [far, key], to: origin",
            "match: { path: /guests }, policies: [far, guests], to: origin",
            "match: { path: /posts }, policies: [posts, may], to: origin",
        ];
        let top = "consumers: [{ name: acme, api_keys: [\"acme-key-0123456789\"], scopes: [orders.read] }]";
        let gateway = start(driver, Setup { top: top.to_owned(), ..Setup::of(&origin) }, &policies, &routes);
        let token = Signer::new("one").token("ann");
        let hmac = format!("Authorization: Bearer {}\r\n", tokens::of(r#"{"sub":"ann","exp":4102444800}"#));
        let key = "X-API-Key: acme-key-0123456789\r\n";
        for (line, fields, status, detail) in [
            ("GET /far", token.as_str(), 503, "token_no_keys"),
            // It is not even asked for keys: no key of the policy is of this kind.
            ("GET /far", &hmac, 503, "token_no_keys"),
            ("GET /far", "", 401, "no_credentials"),
            ("GET /either", &format!("{token}{key}"), 503, "token_no_keys"),
            ("GET /either", "X-API-Key: nobodys-key-0123456789\r\n", 401, "api_key_unknown"),
            ("GET /guests", &token, 503, "token_no_keys"),
            ("POST /posts", &format!("{token}Content-Length: 0\r\n"), 503, "token_no_keys"),
            // Where the condition does not hold nobody signs in, and what follows asks for it.
            ("GET /posts", &token, 401, "no_credentials"),
        ] {
            let (reply, client) = ask(&gateway, line, fields);
            reply.expect(status);
            let log = gateway.log_of(client.addr());
            assert_eq!(log["detail"], detail, "{line} {fields}: {log}");
        }
        assert_eq!(origin.requests().len(), 0);
        // Who needs no key of that server is let in as ever.
        ask(&gateway, "GET /either", &format!("{key}X-Origin: /ok\r\n")).0.expect(200);
        ask(&gateway, "GET /guests", "X-Origin: /ok\r\n").0.expect(200);
        three_fresh(&gateway);
    });
}

#[test]
fn keys_of_an_address_that_was_left_let_nobody_in_while_the_new_one_is_gone() {
    each_driver(|driver| {
        let (origin, keys) = (Origin::start(), Origin::start());
        let (down, other) = (Down::new().expect("a free port"), Signer::new("two"));
        let gone = down.addr().expect("is bound");
        let signer = Signer::new("one");
        keys.script("keys", set(&[&signer]));
        let old = format!("http://{}/script/keys", keys.addr());
        let policy = format!("token: {{ jwt: {{ algorithms: [EdDSA], jwks: \"{old}\" }} }}");
        let routes = ["match: { path: /token }, policies: [token], to: origin"];
        let gateway = start(driver, Setup { shards: 2, ..Setup::of(&origin) }, &policy, &routes);
        let token = signer.token("ann");
        let status = |token: &str| ask(&gateway, "GET /token", token).0.status;
        let until = |token: &str, wanted: u16| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while status(token) != wanted {
                assert!(Instant::now() < deadline, "not {wanted} in time");
            }
        };
        until(&token, 200);
        let text = std::fs::read_to_string(gateway.file()).expect("is there");
        gateway.replace(&text.replace(&old, &format!("http://{gone}/script/keys")));
        gateway.hangup();
        gateway.serves(2);
        // What was verified and remembered before counts no more either.
        until(&token, 503);
        let served = origin.requests().len();
        for _ in 0..8 {
            assert_eq!(status(&token), 503);
        }
        assert_eq!(origin.requests().len(), served);
        // The new server has another key; the old one is known to nobody.
        let new = down.start().expect("listens");
        new.script("keys", set(&[&other]));
        until(&other.token("ann"), 200);
        assert_eq!(status(&token), 401);
        three_fresh(&gateway);
    });
}

/// The text of a gateway whose policy `p` is this, with its files in `folder`.
fn text(policy: &str, folder: &Path) -> String {
    format!(
        "version: 1\nlisteners: [{{ bind: 127.0.0.1:0, policies: [p] }}]\n\
         policies:\n  p: {{ {} }}\nroutes: [{{ name: r, respond: {{ body: ok }} }}]\n",
        policy.replace("FILE", &folder.join("file").display().to_string())
    )
}

#[test]
fn a_file_that_holds_no_keys_is_a_problem_at_the_start_and_nothing_runs() {
    let folder = std::env::temp_dir().join(format!("ringgate-closed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let jwks = "jwt: { algorithms: [EdDSA], jwks_file: FILE }";
    let pem = "jwt: { algorithms: [RS256], key_file: FILE }";
    let users = "basic: { users_file: FILE }";
    let registry = "api_key: { header: X-Key, registry: FILE }";
    for (policy, content) in [
        (jwks, None),
        (pem, None),
        (users, None),
        (registry, None),
        (jwks, Some("")),
        (jwks, Some("{}")),
        (jwks, Some(r#"{"keys":[]}"#)),
        (jwks, Some("<html>sign in</html>")),
        // A secret where a public key belongs, and a curve that is not served.
        (jwks, Some(r#"{"keys":[{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#)),
        (jwks, Some(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#)),
        (pem, Some("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")),
        (pem, Some("no PEM at all\n")),
        (users, Some("ann:$apr1$x$abcdefghijklmnopqrstuv\n")),
        (users, Some("ann\n")),
        (registry, Some("beta not-a-hash\n")),
    ] {
        drop(std::fs::remove_file(folder.join("file")));
        if let Some(content) = content {
            std::fs::write(folder.join("file"), content).unwrap();
        }
        for command in ["check", "run"] {
            let (output, _) = run_to_end(command, &text(policy, &folder));
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(1), "{command} {policy} {content:?}: {said}");
            assert!(said.contains("error"), "{command} {policy} {content:?}: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
