//! PyJWT and jwcrypto read what we read. Each difference is listed with its reason; any other fails. They are installed
//! into a folder of `target/` with python3 and its venv; where those or the packages are not to be had, the test says
//! so and passes.

use crate::matrix::{CLAIMS, Case, cases};
use crate::rig::{says, with_jwk};
use crate::sign::SigningKey;
use ringgate::policy::auth::keys::Algorithm;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Versions of the readers, so that a new release is not a surprise.
const PACKAGES: [&str; 2] = ["PyJWT[crypto]==2.15.1", "jwcrypto==1.6.1"];

/// Where we say something else than a reader. We refuse in each of them: no token is taken here that a second reader
/// refuses.
struct Argued {
    readers: &'static [&'static str],
    /// A part of the case's name.
    case: &'static str,
    /// What we say.
    says: &'static str,
    why: &'static str,
}

const BOTH: &[&str] = &["pyjwt", "jwcrypto"];
const PYJWT: &[&str] = &["pyjwt"];
const JWCRYPTO: &[&str] = &["jwcrypto"];

const fn argued(
    readers: &'static [&'static str],
    case: &'static str,
    says: &'static str,
    why: &'static str,
) -> Argued {
    Argued { readers, case, says, why }
}

const ONE_TEXT: &str = "RFC 7515 §2: one text for one token; a lax reader gives it several names";
const ONE_VALUE: &str =
    "RFC 7515 §4, RFC 7519 §4 allow to refuse two members of one name; which counts is anybody's guess";
const EXTENSION: &str = "RFC 7515 §4.1.11: no extension is understood here, and an empty list is not allowed";
const KIND: &str = "RFC 7515 §4.1, RFC 7519 §4.1 say what kind of value it has";
const DATE: &str =
    "a date is taken exactly or not at all: RFC 7519 §2 says that it is a number, and this one fits none";
const TIME: &str =
    "jwcrypto was asked for exp alone; the claim says that the token is not meant for now or for us";
const TEXT: &str = "RFC 8259 §8.1, §8.2: not one text to all readers";

const ARGUED: &[Argued] = &[
    argued(BOTH, "padded", "token_encoding", ONE_TEXT),
    argued(JWCRYPTO, "with + and /", "token_encoding", ONE_TEXT),
    argued(JWCRYPTO, "letter", "token_encoding", ONE_TEXT),
    argued(BOTH, "typ dpop+jwt", "token_typ", "RFC 8725 §3.11: this type of token lets nobody in"),
    argued(JWCRYPTO, "crit empty", "token_crit", EXTENSION),
    argued(BOTH, "crit b64", "token_crit", EXTENSION),
    argued(
        BOTH,
        "b64 alone",
        "token_crit",
        "RFC 7797 §6: it must be marked as critical, and then is unknown here",
    ),
    argued(BOTH, "alg twice", "token_header", ONE_VALUE),
    argued(BOTH, "exp twice", "token_claims", ONE_VALUE),
    argued(BOTH, "member twice", "token_claims", ONE_VALUE),
    argued(JWCRYPTO, "kid a number", "token_header", KIND),
    argued(BOTH, "typ a number", "token_header", KIND),
    argued(PYJWT, "iss a number", "token_claims", KIND),
    argued(PYJWT, "exp a text", "token_claims", KIND),
    argued(BOTH, "nbf a text", "token_claims", KIND),
    argued(BOTH, "exp past 64 bits", "token_claims", DATE),
    argued(JWCRYPTO, "nbf to come", "token_not_yet", TIME),
    argued(JWCRYPTO, "iat to come", "token_iat", TIME),
    argued(JWCRYPTO, "aud unasked", "token_audience", TIME),
    argued(PYJWT, "byte order mark", "token_claims", TEXT),
    argued(BOTH, "lone surrogate", "token_claims", TEXT),
    argued(BOTH, "nested 20 deep", "token_claims", "RFC 8259 §9: a bound, here 16"),
];

/// Headers and claims that are signed well, and strange.
fn signed_cases() -> Vec<Case> {
    let key = SigningKey::secret(&[0x61; 64]);
    let policy = with_jwk("HS256", &key.jwk, "");
    let headers = [
        ("plain", r#"{"alg":"HS256"}"#),
        ("spaced", "{ \"typ\" : \"JWT\",\r\n\t\"alg\" : \"HS256\" }"),
        ("kid", r#"{"alg":"HS256","kid":"x"}"#),
        ("unknown member", r#"{"alg":"HS256","foo":{"bar":[1,2]}}"#),
        ("jku", r#"{"alg":"HS256","jku":"https://evil.example/keys"}"#),
        ("own jwk", r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"}}"#),
        ("typ at+jwt", r#"{"alg":"HS256","typ":"at+jwt"}"#),
        ("typ dpop+jwt", r#"{"alg":"HS256","typ":"dpop+jwt"}"#),
        ("crit unknown", r#"{"alg":"HS256","crit":["foo"],"foo":1}"#),
        ("crit exp", r#"{"alg":"HS256","crit":["exp"],"exp":1}"#),
        ("crit empty", r#"{"alg":"HS256","crit":[]}"#),
        ("crit b64", r#"{"alg":"HS256","crit":["b64"],"b64":true}"#),
        ("b64 alone", r#"{"alg":"HS256","b64":true}"#),
        ("alg twice", r#"{"alg":"none","alg":"HS256"}"#),
        ("alg twice, good first", r#"{"alg":"HS256","alg":"HS256"}"#),
        ("kid a number", r#"{"alg":"HS256","kid":7}"#),
        ("typ a number", r#"{"alg":"HS256","typ":7}"#),
        ("alg a list", r#"{"alg":["HS256"]}"#),
        ("alg lower case", r#"{"alg":"hs256"}"#),
        ("header a list", r#"["HS256"]"#),
        ("header with a comma more", r#"{"alg":"HS256",}"#),
        ("header with something behind", r#"{"alg":"HS256"} x"#),
    ];
    let claims: &[(&str, &[u8])] = &[
        ("plain claims", CLAIMS.as_bytes()),
        ("exp a float", br#"{"exp":4102444800.5}"#),
        ("exp with an exponent", br#"{"exp":4.1024448e9}"#),
        ("exp over", br#"{"exp":1000}"#),
        ("exp over, a float", br#"{"exp":1000.5}"#),
        ("exp negative", br#"{"exp":-5}"#),
        ("exp a text", br#"{"exp":"4102444800"}"#),
        ("exp a word", br#"{"exp":"never"}"#),
        ("exp null", br#"{"exp":null}"#),
        ("exp true", br#"{"exp":true}"#),
        ("exp a list", br#"{"exp":[4102444800]}"#),
        ("exp past 64 bits", br#"{"exp":99999999999999999999}"#),
        ("exp past a double", br#"{"exp":1e400}"#),
        ("exp NaN", br#"{"exp":NaN}"#),
        ("exp Infinity", br#"{"exp":Infinity}"#),
        ("no exp", br#"{"sub":"ann"}"#),
        ("exp twice", br#"{"exp":1000,"exp":4102444800}"#),
        ("nbf to come", br#"{"exp":4102444800,"nbf":4102444700}"#),
        ("nbf a text", br#"{"exp":4102444800,"nbf":"1"}"#),
        ("nbf past", br#"{"exp":4102444800,"nbf":1}"#),
        ("iat to come", br#"{"exp":4102444800,"iat":4102444700}"#),
        ("iat a text", br#"{"exp":4102444800,"iat":"x"}"#),
        ("aud unasked", br#"{"exp":4102444800,"aud":"api"}"#),
        ("iss a number", br#"{"exp":4102444800,"iss":7}"#),
        ("sub a number", br#"{"exp":4102444800,"sub":7}"#),
        ("jti a number", br#"{"exp":4102444800,"jti":7}"#),
        ("member twice", br#"{"exp":4102444800,"a":1,"a":2}"#),
        ("no UTF-8", b"{\"exp\":4102444800,\"sub\":\"\xff\"}"),
        ("byte order mark", b"\xef\xbb\xbf{\"exp\":4102444800}"),
        ("lone surrogate", br#"{"exp":4102444800,"sub":"\ud800"}"#),
        ("a surrogate pair", br#"{"exp":4102444800,"sub":"\ud83d\ude00"}"#),
        ("control character", b"{\"exp\":4102444800,\"sub\":\"a\x01b\"}"),
        ("claims a list", br#"["exp"]"#),
        ("claims a text", br#""exp""#),
        ("claims empty", b""),
        ("something behind the claims", br#"{"exp":4102444800} 1"#),
        ("a comma more", br#"{"exp":4102444800,}"#),
        ("zeros before a number", br#"{"exp":04102444800}"#),
        ("nested 20 deep", br#"{"exp":4102444800,"a":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"#),
    ];
    let headers = headers.iter().map(|(name, header)| (*name, *header, CLAIMS.as_bytes()));
    let claims = claims.iter().map(|(name, claims)| (*name, r#"{"alg":"HS256"}"#, *claims));
    headers
        .chain(claims)
        .map(|(name, header, claims)| {
            let token = key.token(Algorithm::Hs256, header, claims);
            let says = says(&policy, &token);
            let name = format!("signed: {name}");
            Case { name, algorithms: vec!["HS256"], jwk: key.jwk.clone(), token, says }
        })
        .collect()
}

/// A python with both readers; else why there is none.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("second-readers");
    let python = folder.join("bin/python");
    let run = |command: &mut Command| {
        let output =
            command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
        let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        if output.status.success() { Ok(()) } else { Err(last) }
    };
    let check = "import jwt, jwcrypto.jwt, sys; sys.exit(jwt.__version__ != '2.15.1')";
    if run(Command::new(&python).args(["-c", check])).is_ok() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    run(Command::new(&python).args(["-c", check]))?;
    Ok(python)
}

/// What both say of each case: whether they take it.
fn second(python: &Path, cases: &[Case]) -> Vec<[(&'static str, bool, String); 2]> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jose/second_readers.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let lines: String = cases
        .iter()
        .map(|case| {
            format!("{}\n", json!({"token": case.token, "jwk": case.jwk, "algorithms": case.algorithms}))
        })
        .collect();
    let mut input = child.stdin.take().expect("its input is ours");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("python ends");
    writer.join().expect("the writer ends").expect("python reads all");
    assert!(output.status.success(), "the readers failed");
    let answers = String::from_utf8(output.stdout).expect("is text");
    let answers = answers.lines().map(|line| {
        let answer: Value = serde_json::from_str(line).expect("is JSON");
        ["pyjwt", "jwcrypto"].map(|reader| {
            let said = answer[reader].as_str().expect("is text").to_owned();
            (reader, said == "ok", said)
        })
    });
    answers.collect()
}

#[test]
fn no_difference_that_is_not_argued() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            println!("left out: PyJWT and jwcrypto are not to be had here: {why}");
            return;
        }
    };
    let mut cases = cases();
    cases.extend(signed_cases());
    let answers = second(&python, &cases);
    assert_eq!(answers.len(), cases.len());
    let mut used = vec![0; ARGUED.len()];
    let (mut same, mut taken, mut differences) = (0, 0, Vec::new());
    for (case, answers) in cases.iter().zip(answers) {
        let ours = case.says == "ok";
        taken += usize::from(ours);
        for (reader, theirs, said) in answers {
            let argued = ARGUED.iter().position(|argued| {
                argued.readers.contains(&reader)
                    && case.name.contains(argued.case)
                    && argued.says == case.says
            });
            match (theirs == ours, argued) {
                (true, _) => same += 1,
                (false, Some(argued)) if !ours => used[argued] += 1,
                (false, _) => {
                    differences.push(format!("{}: we say {}, {reader} {said}", case.name, case.says))
                }
            }
        }
    }
    println!("{} tokens, {taken} taken, {same} answers the same", cases.len());
    for (argued, used) in ARGUED.iter().zip(&used) {
        println!(
            "{used:4} argued: {:?} '{}' is {}: {}",
            argued.readers, argued.case, argued.says, argued.why
        );
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    for (argued, used) in ARGUED.iter().zip(used) {
        assert!(used >= argued.readers.len(), "{:?} no longer differ on '{}'", argued.readers, argued.case);
    }
}
