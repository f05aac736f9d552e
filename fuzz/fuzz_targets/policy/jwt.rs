//! Any bytes as a token, and as header and claims of one that is signed: nobody is let in by a token that its key did
//! not sign, whoever is let in has claims that serde_json reads the same way, and nothing is kept of one who is not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::config::read::Memory as Files;
use ringgate::policy::auth::jwt::{self, Jwt, Memory};
use ringgate::policy::auth::keys::Algorithm;
use ringgate::policy::auth::{Blind, ClaimPath, Outcome, Principal, Registry};
use std::cell::RefCell;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_700_000_000_000;

struct Rig {
    policy: Jwt,
    registry: Registry,
    memory: Memory,
    principal: Principal,
}

thread_local! {
    static RIG: RefCell<Rig> = RefCell::new(Rig::new());
}

impl Rig {
    fn new() -> Rig {
        let text = format!(
            "version: 1\npolicies: {{ p: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, any_audience: true, \
             consumer_claim: azp }} }} }}\n"
        );
        let config = Files::default().file("g.yaml", text).read("g.yaml").expect("is good");
        let given = config.policies.0[0].1.jwt.as_ref().expect("is a jwt");
        let mut flaws = Vec::new();
        let policy = jwt::compile(given, &mut Files::default(), &mut flaws).expect("is good");
        let registry = Registry::new(&[], &Blind::of(&[1; 32]));
        Rig { policy, registry, memory: Memory::default(), principal: Principal::default() }
    }

    fn lets_in(&mut self, token: &[u8]) -> bool {
        let Rig { policy, registry, memory, principal } = self;
        match policy.verify(token, NOW, registry, memory, principal) {
            Outcome::Known => true,
            Outcome::Denied(denial) => {
                assert!(!principal.is_known() && principal.subject().is_none() && !denial.word().is_empty());
                false
            }
            other => panic!("a token that is there is decided on: {other:?}"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    RIG.with_borrow_mut(|rig| {
        // Nobody guesses an HMAC: what is let in was among the seeds, unchanged.
        let is_seed = bytes == include_bytes!("../../seeds/jwt/good").trim_ascii_end();
        assert_eq!(rig.lets_in(bytes), is_seed, "{}", bytes.escape_ascii());
        let Ok(claims) = std::str::from_utf8(bytes) else { return };
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(claims);
        let Ok(token) = jwt::mint(SECRET.as_bytes(), Algorithm::Hs256, None, claims) else { return };
        let theirs = match theirs {
            Ok(theirs) => theirs,
            // A number that no double holds is JSON, but not to serde_json.
            Err(error) if error.to_string().contains("number out of range") => return,
            Err(error) => panic!("what is read as claims is JSON to others too: {error}"),
        };
        if rig.lets_in(token.as_bytes()) {
            assert_eq!(rig.principal.subject(), theirs["sub"].as_str().map(str::as_bytes));
            let number = ClaimPath::new("exp").expect("is a path");
            assert!(theirs["exp"].is_number() && rig.principal.claim(&number).is_some());
            let mut field = Vec::new();
            for path in ["sub", "a", "a.b", "roles"] {
                field.clear();
                rig.principal.write_claim(&ClaimPath::new(path).expect("is a path"), &mut field);
                assert!(!field.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    });
});
