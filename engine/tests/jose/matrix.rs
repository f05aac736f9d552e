//! Every algorithm, every key, every altered part. What is good is taken, whatever was changed of it is not; all of it is
//! put before the second readers too.

use crate::rig::{says, vectors, with_jwk};
use crate::sign::{SigningKey, encode};
use ringgate::policy::auth::base64url;
use ringgate::policy::auth::keys::Algorithm;
use serde_json::{Value, json};

/// One token, the policy it is held to, and what that says.
pub struct Case {
    /// What was done to it.
    pub name: String,
    /// The accepted algorithms.
    pub algorithms: Vec<&'static str>,
    /// The key.
    pub jwk: Value,
    /// The token.
    pub token: String,
    /// `ok`, or the word of the denial.
    pub says: &'static str,
}

pub const CLAIMS: &str =
    r#"{"sub":"ann","exp":4102444800,"iat":1600000000,"scope":"orders.read orders.write"}"#;

/// All cases. Each is decided by a policy of its own algorithm alone.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for algorithm in Algorithm::ALL {
        let [key, other] = SigningKey::both_of(algorithm);
        let good = key.plain(algorithm, CLAIMS);
        let mut tokens = vec![("untouched".to_owned(), good.clone())];
        tokens.push(("signed by another key".into(), other.plain(algorithm, CLAIMS)));
        altered_letters(&good, &mut tokens);
        altered_forms(&good, &mut tokens);
        other_algorithms(algorithm, &good, &mut tokens);
        confused(&key, algorithm, &mut tokens);
        if let "ES256" | "ES384" = algorithm.name() {
            forms_of_ecdsa(&good, &mut tokens);
        }
        let policy = with_jwk(algorithm.name(), &key.jwk, "");
        for (name, token) in tokens {
            let name = format!("{}: {name}", algorithm.name());
            let says = says(&policy, &token);
            cases.push(Case { name, algorithms: vec![algorithm.name()], jwk: key.jwk.clone(), token, says });
        }
    }
    cases
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    [(); 3].map(|()| parts.next().expect("has three parts"))
}

/// Letters of all parts replaced, one at a time: each of the short ones, some of the long.
fn altered_letters(good: &str, tokens: &mut Vec<(String, String)>) {
    let step = (good.len() / 120).max(1);
    for at in (0..good.len()).step_by(step).chain(good.len() - 4..good.len()) {
        let letter = good.as_bytes()[at];
        if letter == b'.' {
            continue;
        }
        for with in [if letter == b'A' { 'B' } else { 'A' }, if letter == b'_' { '-' } else { '_' }] {
            let token = format!("{}{with}{}", &good[..at], &good[at + 1..]);
            tokens.push((format!("letter {at} is {with}"), token));
        }
    }
}

fn altered_forms(good: &str, tokens: &mut Vec<(String, String)>) {
    let [header, payload, signature] = parts(good);
    let half = &signature[..signature.len() / 2];
    let last = &signature[..signature.len() - 1];
    for (name, token) in [
        ("no signature", format!("{header}.{payload}.")),
        ("no third part", format!("{header}.{payload}")),
        ("no payload", format!("{header}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("half a signature", format!("{header}.{payload}.{half}")),
        ("a letter less", format!("{header}.{payload}.{last}")),
        ("a letter more", format!("{good}A")),
        ("four letters more", format!("{good}AAAA")),
        ("a part more", format!("{good}.{signature}")),
        ("an empty part more", format!("{good}.")),
        ("five parts", format!("{good}.a.b")),
        ("padded with =", format!("{good}=")),
        ("padded with ==", format!("{good}==")),
        ("padded payload", format!("{header}.{payload}=.{signature}")),
        ("padded header", format!("{header}=.{payload}.{signature}")),
        ("a line end behind it", format!("{good}\n")),
        ("a space before it", format!(" {good}")),
        ("a space in it", format!("{header}. {payload}.{signature}")),
        ("a NUL behind it", format!("{good}\0")),
        ("parts swapped", format!("{payload}.{header}.{signature}")),
        ("the header twice", format!("{header}.{header}.{signature}")),
        ("the payload twice", format!("{payload}.{payload}.{signature}")),
        ("with + and /", good.replace('-', "+").replace('_', "/")),
        ("doubled", format!("{good}{good}")),
        ("percent-encoded dots", good.replace('.', "%2E")),
        ("upper case", good.to_uppercase()),
        ("nothing but dots", "..".into()),
        ("nothing", String::new()),
    ] {
        // Where there is nothing to replace it is the good one.
        if token != good {
            tokens.push((name.to_owned(), token));
        }
    }
}

/// The header says another algorithm, or none, over the same signature and without one.
fn other_algorithms(algorithm: Algorithm, good: &str, tokens: &mut Vec<(String, String)>) {
    let [_, payload, signature] = parts(good);
    let others = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).map(Algorithm::name);
    for other in others.chain(["none", "None", "NONE", "nOnE", "", "HS1", "ES512", "RSA-OAEP"]) {
        let header = encode(format!(r#"{{"alg":"{other}","typ":"JWT"}}"#));
        tokens.push((format!("alg is '{other}'"), format!("{header}.{payload}.{signature}")));
        tokens.push((format!("alg is '{other}', unsigned"), format!("{header}.{payload}.")));
    }
}

/// HMACs made with what everybody knows of the public key.
fn confused(key: &SigningKey, algorithm: Algorithm, tokens: &mut Vec<(String, String)>) {
    if algorithm.is_symmetric() {
        return;
    }
    let known = &vectors()["keys"][key.name];
    let pem = known["pem"].as_str().expect("is text");
    let part = |name: &str| known["jwk"][name].as_str().map(str::to_owned);
    let mut secrets = vec![pem.to_owned(), pem.trim().to_owned(), known["jwk"].to_string(), String::new()];
    secrets.extend(["n", "x"].into_iter().filter_map(part));
    for (number, secret) in secrets.into_iter().enumerate() {
        for hash in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let signer = SigningKey::secret(secret.as_bytes());
            let name = format!("public key as secret {number} of {}", hash.name());
            tokens.push((name, signer.plain(hash, CLAIMS)));
            // As if the algorithm were right.
            let header = format!(r#"{{"alg":"{}"}}"#, algorithm.name());
            tokens.push((
                format!("HMAC {number} of {} under its name", hash.name()),
                signer.token(hash, &header, CLAIMS),
            ));
        }
    }
}

/// Signatures of all zeros (CVE-2022-21449), and in DER, in which others write them.
fn forms_of_ecdsa(good: &str, tokens: &mut Vec<(String, String)>) {
    let [header, payload, signature] = parts(good);
    let bytes = base64url::decode(signature.as_bytes()).expect("is base64url");
    let (r, s) = bytes.split_at(bytes.len() / 2);
    let integer = |bytes: &[u8]| [&[2, bytes.len() as u8 + 1, 0], bytes].concat();
    let body = [integer(r), integer(s)].concat();
    let der = [&[0x30, body.len() as u8][..], &body].concat();
    for (name, signature) in [
        ("zeros", vec![0; bytes.len()]),
        ("one and zero", [vec![0; r.len() - 1], vec![1], vec![0; s.len()]].concat()),
        ("DER", der),
        ("r and s swapped", [s, r].concat()),
    ] {
        tokens.push((format!("signature of {name}"), format!("{header}.{payload}.{}", encode(signature))));
    }
}

#[test]
fn only_the_untouched_token_is_taken() {
    let cases = cases();
    assert!(cases.len() > 3000, "{}", cases.len());
    for case in &cases {
        let expected = case.name.ends_with(": untouched");
        assert_eq!(case.says == "ok", expected, "{}: {} {}", case.name, case.says, case.token);
    }
}

#[test]
fn a_policy_of_several_algorithms_takes_each_with_its_own_key() {
    let keys = ["rsa", "p256", "p384", "ed25519"].map(SigningKey::named);
    let set = json!({"keys": keys.iter().map(|key| key.jwk.clone()).collect::<Vec<_>>()});
    let asymmetric = Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
    let names: Vec<&str> = asymmetric.clone().map(Algorithm::name).collect();
    let policy = with_jwk(&names.join(","), &set, "");
    for algorithm in asymmetric {
        let [key, other] = SigningKey::both_of(algorithm);
        assert_eq!(says(&policy, &key.plain(algorithm, CLAIMS)), "ok", "{algorithm:?}");
        assert_eq!(says(&policy, &other.plain(algorithm, CLAIMS)), "token_signature", "{algorithm:?}");
    }
    let secret = SigningKey::secret(&[7; 64]);
    assert_eq!(says(&policy, &secret.plain(Algorithm::Hs256, CLAIMS)), "token_algorithm");
}
