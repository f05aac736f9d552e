//! Files that policies are made of: consumers, users, keys of tokens, schemas. A change of one is a reload by itself, and
//! a faulty one leaves everything as it was, with its place told.

use super::Text;
use crate::policies::identity::tokens;
use crate::support::{Client, Gateway, each_driver, three_fresh};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::fs;
use std::path::Path;
use tools::upstream::Origin;

const POLICIES: &str = "
policies:
  key: { api_key: { header: X-API-Key, registry: partners.txt } }
  users: { basic: { users_file: users.htpasswd } }
  token: { jwt: { algorithms: [EdDSA], jwks_file: keys.json } }
  input: { validate: { query: { parameters: { n: { $ref: n } } }, schemas: { n: n.json } } }
routes:
- { name: key, match: { path: /key }, policies: [key], respond: { body: ok } }
- { name: users, match: { path: /users }, policies: [users], respond: { body: ok } }
- { name: token, match: { path: /token }, policies: [token], respond: { body: ok } }
- { name: input, match: { path: /input }, policies: [input], respond: { body: ok } }
";

fn signer(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("any seed is one")
}

/// The field of a token that the key of this seed signed.
fn bearer(seed: u8) -> String {
    let [header, claims] =
        [r#"{"alg":"EdDSA"}"#, r#"{"exp":4102444800}"#].map(|json| tokens::base64url(json.as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = tokens::base64url(signer(seed).sign(signed.as_bytes()).as_ref());
    format!("Authorization: Bearer {signed}.{signature}\r\n")
}

fn key_set(seed: u8) -> String {
    let point = tokens::base64url(signer(seed).public_key().as_ref());
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{point}"}}]}}"#)
}

fn registry(key: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("# partners\nbeta sha256:{hash} tier=free\n")
}

fn users(password: &str) -> String {
    let hash = bcrypt::hash_with_salt(password.as_bytes(), 4, [7; 16]).expect("is hashed");
    format!("ann:{}\n", hash.format_for_version(bcrypt::Version::TwoB))
}

fn status(gateway: &Gateway, target: &str, field: &str) -> u16 {
    let mut client: Client = gateway.connect();
    client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
    client.reply().status
}

/// Renames a new file over one, as whoever writes files that others read does.
fn put(folder: &Path, name: &str, text: &str) {
    let next = folder.join(format!("{name}.next"));
    fs::write(&next, text).expect("a writable folder");
    fs::rename(next, folder.join(name)).expect("a writable folder");
}

#[test]
fn a_change_of_a_policys_file_is_a_reload_and_a_faulty_one_is_not() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text { gateway: "watch: true".to_owned(), ..Text::of(driver, 1, &origin) };
        let gateway = text.start();
        let folder = gateway.file().parent().expect("lies in a folder").to_owned();
        put(&folder, "partners.txt", &registry("key-one-0123456789"));
        put(&folder, "users.htpasswd", &users("one"));
        put(&folder, "keys.json", &key_set(1));
        put(&folder, "n.json", r#"{"enum":["7"]}"#);
        gateway.replace(&text.yaml().replace("routes:\n", POLICIES.trim_start()));
        gateway.serves(2);

        let basic = |pair: &str| format!("Authorization: Basic {pair}\r\n");
        // ann:one and ann:two
        let (one, two) = (basic("YW5uOm9uZQ=="), basic("YW5uOnR3bw=="));
        let key = |key: &str| format!("X-API-Key: {key}\r\n");
        let steps: [(&str, String, &str, &str, String, String); 4] = [
            (
                "partners.txt",
                registry("key-two-0123456789"),
                "beta sha256:zz\n",
                "/key",
                key("key-one-0123456789"),
                key("key-two-0123456789"),
            ),
            ("users.htpasswd", users("two"), "ann\n", "/users", one, two),
            ("keys.json", key_set(2), "{\"keys\":[]", "/token", bearer(1), bearer(2)),
            ("n.json", r#"{"enum":["x"]}"#.to_owned(), "{\"type\":7}", "/input", "7".into(), "x".into()),
        ];
        let passes = |target: &str, old: &str| match target {
            "/input" => status(&gateway, &format!("/input?n={old}"), "") == 200,
            _ => status(&gateway, target, old) == 200,
        };
        let (mut generation, mut refusals) = (2, 0);
        for (file, next, faulty, target, old, new) in steps {
            assert_eq!((passes(target, &old), passes(target, &new)), (true, false), "{file}");
            put(&folder, file, faulty);
            refusals += 1;
            let said = gateway.refused(refusals);
            assert!(said.iter().any(|line| line.contains(&format!("{file}:1:"))), "{file}: {said:#?}");
            assert_eq!((passes(target, &old), passes(target, &new)), (true, false), "{file} is faulty");
            put(&folder, file, &next);
            generation += 1;
            gateway.serves(generation);
            assert_eq!((passes(target, &old), passes(target, &new)), (false, true), "{file} is another");
        }
        three_fresh(&gateway);
    });
}
