//! Keys in the forms they are pasted in, and those that are refused.

use crate::rig::{compile, policy, says, vectors};
use crate::sign::SigningKey;
use ringgate::config::Severity;
use ringgate::policy::auth::At;
use ringgate::policy::auth::keys::{Algorithm, Trust, key_set, public_keys};
use serde_json::{Value, json};

const CLAIMS: &str = r#"{"sub":"ann","exp":4102444800}"#;

fn text(of: &str, member: &str) -> String {
    vectors()["keys"][of][member].as_str().unwrap_or_else(|| panic!("{of} has a {member}")).to_owned()
}

#[test]
fn keys_and_certificates_of_pem_verify_their_tokens() {
    for (name, algorithm) in [
        ("rsa", Algorithm::Rs256),
        ("rsa", Algorithm::Ps512),
        ("p256", Algorithm::Es256),
        ("p384", Algorithm::Es384),
        ("ed25519", Algorithm::EdDsa),
    ] {
        let token = SigningKey::named(name).plain(algorithm, CLAIMS);
        let pem = text(name, "pem");
        let indented = format!("Here is the key:\r\n{}\r\nThanks!", pem.replace('\n', "\r\n   "));
        let mut forms =
            vec![pem.clone(), text(name, "cert"), indented, format!("{}{pem}", text("p384_other", "pem"))];
        if name == "rsa" {
            forms.push(text(name, "pkcs1_pem"));
        }
        for form in forms {
            let section = format!("{{ algorithms: [{}], key_file: k.pem }}", algorithm.name());
            assert_eq!(says(&policy(&section, &[("k.pem", &form)]), &token), "ok", "{name}\n{form}");
        }
    }
}

#[test]
fn files_that_hold_no_usable_public_key_are_problems_with_a_line() {
    let pem = text("rsa", "pem");
    for (file, line, part) in [
        (String::new(), 1, "no block"),
        ("ssh-rsa AAAA".into(), 1, "no block"),
        (format!("# mine\n{}", text("rsa", "private_pem")), 2, "PRIVATE KEY"),
        (text("rsa_small", "pem"), 1, "1024 bits"),
        (text("p521", "pem"), 1, "curve"),
        (text("k256", "pem"), 1, "curve"),
        (pem.replace("-----END PUBLIC KEY-----", ""), 1, "does not end"),
        (pem.replace("END PUBLIC", "END RSA PUBLIC"), 1, "does not end"),
        (pem.replacen("MIIB", "MI*B", 1), 1, "not base64"),
        (pem.replacen("MIIB", "MIIC", 1), 1, "not a public key"),
        (pem.replace("PUBLIC KEY", "CERTIFICATE"), 1, "not a certificate"),
        (pem.replace("PUBLIC KEY", "DH PARAMETERS"), 1, "DH PARAMETERS"),
    ] {
        let flaw = public_keys(file.as_bytes()).expect_err(part);
        assert!(flaw.message.contains(part) && flaw.line == line, "{flaw:?}");
        let (policy, flaws) = compile("{ algorithms: [RS256], key_file: k.pem }", &[("k.pem", &file)]);
        assert!(policy.is_none());
        let At::File { name, line: told, .. } = &flaws[0].at else { panic!("{flaws:?}") };
        assert_eq!((name.as_str(), *told as usize), ("k.pem", line));
        assert!(flaws[0].file_problem().expect("is in a file").to_string().starts_with("k.pem:"));
    }
}

#[test]
fn a_jwk_binds_by_alg_use_and_key_ops() {
    let jwk = vectors()["keys"]["rsa"]["jwk"].clone();
    let token = |algorithm| SigningKey::named("rsa").plain(algorithm, CLAIMS);
    let with = |more: Value| {
        let mut jwk = jwk.clone();
        jwk.as_object_mut().expect("is an object").extend(more.as_object().expect("is an object").clone());
        jwk
    };
    for more in [
        json!({"use": "sig"}),
        json!({"key_ops": ["verify"]}),
        json!({"key_ops": ["sign", "verify"], "use": "sig"}),
        json!({"x5c": ["anything"], "x5t": "anything", "other": {"a": 1}}),
    ] {
        assert_eq!(says(&crate::rig::with_jwk("RS256", &with(more), ""), &token(Algorithm::Rs256)), "ok");
    }
    // Its `alg` leaves one of what it could serve.
    let bound = with(json!({"alg": "RS256"}));
    let (policy, flaws) =
        compile("{ algorithms: [RS256, PS256], jwks_file: k }", &[("k", &bound.to_string())]);
    assert!(policy.is_none() && flaws[0].message.contains("PS256"), "{flaws:?}");
    assert_eq!(flaws[0].at, At::Key("algorithms", Some(1)));
    let two = json!({"keys": [bound, vectors()["keys"]["rsa_other"]["jwk"]]});
    let policy = crate::rig::with_jwk("RS256, PS256", &two, "");
    assert_eq!(says(&policy, &token(Algorithm::Rs256)), "ok");
    assert_eq!(says(&policy, &token(Algorithm::Ps256)), "token_signature");
    for more in [
        json!({"use": "enc"}),
        json!({"use": 1}),
        json!({"key_ops": ["encrypt"]}),
        json!({"key_ops": "verify"}),
        json!({"alg": "ES256"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": null}),
        json!({"kid": 7}),
        json!({"n": "AQAB"}),
        json!({"n": "++"}),
        json!({"e": "AQ"}),
        json!({"e": "Ag"}),
        json!({"kty": "rsa"}),
        json!({"kty": "AKP"}),
    ] {
        assert!(key_set(with(more.clone()).to_string().as_bytes(), Trust::File).is_err(), "{more}");
    }
    let small = vectors()["keys"]["rsa_small"]["jwk"].to_string();
    assert!(key_set(small.as_bytes(), Trust::File).expect_err("is small").1.contains("1024 bits"));
}

#[test]
fn a_point_that_is_not_on_its_curve_is_no_key() {
    for name in ["p256", "p384"] {
        let mut jwk = vectors()["keys"][name]["jwk"].clone();
        assert!(key_set(jwk.to_string().as_bytes(), Trust::File).is_ok());
        let y = jwk["y"].as_str().expect("is text").to_owned();
        let flipped = if y.starts_with('A') { "B" } else { "A" };
        jwk["y"] = format!("{flipped}{}", &y[1..]).into();
        let (_, why) = key_set(jwk.to_string().as_bytes(), Trust::File).expect_err("is off the curve");
        assert!(why.contains("not a point"), "{why}");
        jwk["y"] = y[4..].into();
        assert!(key_set(jwk.to_string().as_bytes(), Trust::File).expect_err("is short").1.contains("bytes"));
    }
}

#[test]
fn what_a_set_cannot_use_is_left_out_and_told() {
    let keys = &vectors()["keys"];
    let mut named = keys["p256"]["jwk"].clone();
    named["kid"] = "a".into();
    let set = json!({"keys": [
        {"kty": "XYZ", "kid": "strange"}, named, {"kty": "oct", "k": "c2hvcnQ"}, keys["rsa_small"]["jwk"], 7,
    ], "more": true});
    let (set, skipped) = key_set(set.to_string().as_bytes(), Trust::File).expect("has a key");
    assert_eq!(set.keys().len(), 1);
    assert_eq!(skipped.iter().map(|skipped| skipped.number).collect::<Vec<_>>(), [1, 3, 4, 5]);
    assert!(skipped[0].to_string().starts_with("key 1 ('strange') is left out"), "{}", skipped[0]);
    // A secret from an address is none, whoever sent it.
    let secret = json!({"keys": [{"kty": "oct", "k": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"}, named]});
    let (fetched, skipped) = key_set(secret.to_string().as_bytes(), Trust::Address).expect("has a key");
    assert_eq!((fetched.keys().len(), skipped.len()), (1, 1));
    assert_eq!(key_set(secret.to_string().as_bytes(), Trust::File).expect("has keys").0.keys().len(), 2);
    for (bad, offset) in [
        ("", 0),
        ("[]", 0),
        ("{}", 0),
        (r#"{"keys":{}}"#, 0),
        (r#"{"keys":[]}"#, 0),
        (r#"{"keys":[],"keys":[]}"#, 11),
        (r#"{"keys":[}"#, 9),
    ] {
        assert_eq!(key_set(bad.as_bytes(), Trust::File).expect_err(bad).0, offset, "{bad}");
    }
}

#[test]
fn sets_tell_what_changed() {
    let keys = &vectors()["keys"];
    let named = |of: &str, id: &str| {
        let mut jwk = keys[of]["jwk"].clone();
        jwk["kid"] = id.into();
        jwk
    };
    let set = |keys: Vec<Value>| {
        key_set(json!({"keys": keys}).to_string().as_bytes(), Trust::Address).expect("is good").0
    };
    let old = set(vec![named("rsa", "a"), named("p256", "b")]);
    let same = set(vec![named("rsa", "a"), named("p256", "b")]);
    let new = set(vec![named("rsa_other", "a"), named("p256", "b"), named("p384", "c")]);
    assert_eq!(old.version(), same.version());
    assert_ne!(old.version(), new.version());
    let difference = old.difference(&new);
    assert_eq!(
        (difference.added, difference.removed),
        (vec!["a".to_owned(), "c".into()], vec!["a".to_owned()])
    );
    assert_eq!(old.difference(&same), Default::default());
}

#[test]
fn a_key_is_chosen_by_its_id() {
    let (one, other) = (SigningKey::named("rsa"), SigningKey::named("rsa_other"));
    let named = |key: &SigningKey, id: &str| {
        let mut jwk = key.jwk.clone();
        jwk["kid"] = id.into();
        jwk
    };
    let policy = crate::rig::with_jwk("RS256", &json!({"keys": [named(&one, "1"), named(&other, "2")]}), "");
    let header = |id: &str| format!(r#"{{"alg":"RS256","kid":"{id}"}}"#);
    for (key, id, expected) in [
        (&one, "1", "ok"),
        (&other, "2", "ok"),
        (&other, "1", "token_signature"),
        (&one, "3", "token_key"),
        (&one, "", "token_key"),
    ] {
        assert_eq!(says(&policy, &key.token(Algorithm::Rs256, &header(id), CLAIMS)), expected, "{id}");
    }
    // Without an id each is tried, and a key without an id is tried for each.
    assert_eq!(says(&policy, &other.plain(Algorithm::Rs256, CLAIMS)), "ok");
    let policy = crate::rig::with_jwk("RS256", &json!({"keys": [named(&one, "1"), other.jwk]}), "");
    assert_eq!(says(&policy, &other.token(Algorithm::Rs256, &header("9"), CLAIMS)), "ok");
    assert_eq!(says(&policy, &one.token(Algorithm::Rs256, &header("9"), CLAIMS)), "token_signature");
}

#[test]
fn algorithms_fit_the_keys_or_are_problems() {
    let pem = text("rsa", "pem");
    let short = "0123456789abcdef0123456789abcdef";
    let first = |section: &str| {
        let (policy, flaws) = compile(section, &[("k.pem", &pem), ("k.json", r#"{"keys":[]}"#)]);
        let refused = flaws.iter().find(|flaw| flaw.severity == Severity::Error).cloned();
        assert_eq!(policy.is_none(), refused.is_some(), "{section}");
        refused.map(|flaw| (flaw.at, flaw.message))
    };
    let at = |key, item| At::Key(key, item);
    for (section, place, part) in [
        ("{ algorithms: [], secret: s }".to_owned(), at("algorithms", None), "no algorithm"),
        ("{ algorithms: [none], key_file: k.pem }".into(), at("algorithms", Some(0)), "'none'"),
        ("{ algorithms: [RS256, rs384], key_file: k.pem }".into(), at("algorithms", Some(1)), "rs384"),
        ("{ algorithms: [ES512], key_file: k.pem }".into(), at("algorithms", Some(0)), "ES512"),
        ("{ algorithms: [RS256, RS256], key_file: k.pem }".into(), at("algorithms", Some(1)), "twice"),
        ("{ algorithms: [HS256], key_file: k.pem }".into(), at("algorithms", Some(0)), "no key serves it"),
        (
            "{ algorithms: [RS256, ES256], key_file: k.pem }".into(),
            at("algorithms", Some(1)),
            "no key serves it",
        ),
        (
            format!("{{ algorithms: [RS256], secret: {short} }}"),
            at("algorithms", Some(0)),
            "no key serves it",
        ),
        (format!("{{ algorithms: [HS256, HS512], secret: {short} }}"), at("algorithms", Some(1)), "64 bytes"),
        ("{ algorithms: [HS256], secret: short }".into(), at("secret", None), "too short"),
        (format!("{{ algorithms: [HS256], secret: {:?} }}", pem), at("secret", None), "PEM"),
        ("{ algorithms: [HS256], jwks: https://id/keys }".into(), at("algorithms", Some(0)), "fetched"),
        ("{ algorithms: [RS256], jwks: id.example/keys }".into(), at("jwks", None), "not an address"),
        ("{ algorithms: [RS256], jwks: http://id.example/keys }".into(), at("jwks", None), "without TLS"),
        ("{ algorithms: [RS256], jwks: https://me:pw@id/keys }".into(), at("jwks", None), "user name"),
        ("{ algorithms: [RS256] }".into(), at("", None), "exactly one"),
        (format!("{{ algorithms: [HS256], secret: {short}, key_file: k.pem }}"), at("", None), "exactly one"),
        ("{ algorithms: [RS256], key_file: gone.pem }".into(), at("key_file", None), "no such file"),
        (
            "{ algorithms: [RS256], key_file: k.pem, max_token_bytes: 1MiB }".into(),
            at("max_token_bytes", None),
            "bound",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, require_claims: [sub, a..b] }".into(),
            at("require_claims", Some(1)),
            "empty",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, audience: a, any_audience: true }".into(),
            at("any_audience", None),
            "audience",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, from: [{ header: a b }] }".into(),
            at("from", Some(0)),
            "not a name",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, from: [{ header: a, query: b }] }".into(),
            at("from", Some(0)),
            "more than one",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, from: [{ header: a }, { header: A }] }".into(),
            at("from", Some(1)),
            "twice",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, forward: { sub: X-A, iss: x-a } }".into(),
            at("forward", None),
            "x-a",
        ),
        (
            "{ algorithms: [RS256], key_file: k.pem, forward: { sub: 'X A' } }".into(),
            at("forward", None),
            "X A",
        ),
    ] {
        let (found, message) = first(&section).unwrap_or_else(|| panic!("{section} is refused"));
        assert!(found == place && message.contains(part), "{section}: {found:?} {message}");
    }
    assert_eq!(first("{ algorithms: [RS256, PS384], key_file: k.pem, leeway: 1h }"), None);
    assert_eq!(first("{ algorithms: [RS256], jwks: http://127.0.0.1/keys }"), None);
    assert_eq!(first("{ algorithms: [RS256], jwks: http://id.example/keys, jwks_insecure: true }"), None);
    let (_, flaws) =
        compile("{ algorithms: [RS256], jwks_file: k.json }", &[("k.json", "{\n \"keys\": [\n}")]);
    let At::File { line, column, .. } = flaws[0].at else { panic!("{flaws:?}") };
    assert_eq!((line, column), (3, 1));
}
