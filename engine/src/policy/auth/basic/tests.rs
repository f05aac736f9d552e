//! Names, passwords, files of users; what is handed out to be hashed, and what comes back.

use super::*;
use crate::config::read::Memory;
use crate::config::units::Period;
use crate::config::values::FilePath;
use crate::policy::auth::registry::Entry;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request};
use std::time::Duration;

/// Made by others: crypt_blowfish's own test and the reference implementation of Argon2.
const USERS: &str = "\
    # users\n\
    ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n\
    \n\
    bob:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\r\n\
    c\u{e9}:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";

fn blind() -> Blind {
    Blind::of(&[3; 32])
}

fn policy(users: &str) -> (Option<Basic>, Vec<Flaw>) {
    let given = Given {
        users_file: FilePath("users".into()),
        remember: Period(Duration::from_secs(60)),
        realm: "api".into(),
    };
    let mut flaws = Vec::new();
    let mut files = Memory::default().file("users", users);
    (Basic::compile(&given, &mut files, &blind(), &mut flaws), flaws)
}

fn good(users: &str) -> Basic {
    let (policy, flaws) = policy(users);
    policy.unwrap_or_else(|| panic!("{flaws:?}"))
}

/// A request, and all that is lent for it.
struct Rig {
    policy: Basic,
    registry: Registry,
    remembered: Remembered,
    principal: Principal,
}

impl Rig {
    fn new() -> Rig {
        let bob =
            Entry { name: "bob".into(), tier: "gold".into(), roles: vec!["x".into()], ..Entry::default() };
        Rig {
            policy: good(USERS),
            registry: Registry::new(&[bob], &blind()),
            remembered: Remembered::default(),
            principal: Principal::default(),
        }
    }

    fn decide(&mut self, authorization: &str, now: u64, verified: Option<Verified>) -> Outcome {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{authorization}\r\n");
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("parses");
        let head = Head::new(text.as_bytes(), &lines);
        let Rig { policy, registry, remembered, principal } = self;
        policy.decide(head, now, verified, registry, remembered, principal)
    }

    /// The outcome with the hash made in between.
    fn sign_in(&mut self, name: &str, password: &str) -> (Outcome, Verified) {
        let line = basic(&format!("{name}:{password}"));
        let Outcome::Verify(work) = self.decide(&line, 0, None) else { panic!("'{name}' is not hashed") };
        assert_eq!(format!("{work:?}"), "Work(..)");
        let verified = work.run();
        (self.decide(&line, 0, Some(verified)), verified)
    }
}

fn basic(text: &str) -> String {
    let mut encoded = Vec::new();
    base64url::encode_onto(text.as_bytes(), &mut encoded);
    let encoded = String::from_utf8(encoded).expect("is text").replace('-', "+").replace('_', "/");
    format!("Authorization: Basic {encoded}{}\r\n", "=".repeat((4 - encoded.len() % 4) % 4))
}

#[test]
fn the_right_password_lets_in_and_no_other() {
    for (name, password, expected) in [
        ("ann", "U*U", true),
        ("ann", "U*U*", false),
        ("ann", "", false),
        ("bob", "password", true),
        ("bob", "passwore", false),
        ("c\u{e9}", "U*U", true),
        ("Ann", "U*U", false),
        ("nobody", "U*U", false),
        ("nobody", "password", false),
    ] {
        let mut rig = Rig::new();
        let (outcome, _) = rig.sign_in(name, password);
        assert_eq!(matches!(outcome, Outcome::Known), expected, "{name} {password}: {outcome:?}");
        assert!(expected || matches!(outcome, Outcome::Denied(Denial::Password)), "{outcome:?}");
        assert_eq!(rig.principal.subject(), expected.then_some(name.as_bytes()));
        assert_eq!(rig.principal.method(), expected.then_some(Method::Basic));
    }
}

#[test]
fn a_user_who_is_a_consumer_has_its_tier_and_roles() {
    let mut rig = Rig::new();
    rig.sign_in("bob", "password");
    assert_eq!((rig.principal.consumer(), rig.principal.tier()), (Some(&b"bob"[..]), Some(&b"gold"[..])));
    assert!(rig.principal.has_role(b"x") && rig.principal.credential().is_some());
    rig.sign_in("ann", "U*U");
    assert_eq!((rig.principal.consumer(), rig.principal.tier()), (None, None));
}

#[test]
fn a_right_password_is_remembered_for_its_time_and_for_nobody_else() {
    let mut rig = Rig::new();
    let (_, verified) = rig.sign_in("ann", "U*U");
    assert_eq!(rig.remembered.count(), 1);
    let good = basic("ann:U*U");
    assert!(matches!(rig.decide(&good, 59_999, None), Outcome::Known));
    assert!(matches!(rig.decide(&good, 60_000, None), Outcome::Verify(_)));
    assert!(matches!(rig.decide(&basic("ann:U*V"), 1, None), Outcome::Verify(_)));
    assert!(matches!(rig.decide(&basic("ann2:U*U"), 1, None), Outcome::Verify(_)));
    // What was verified of one pair says nothing of another.
    assert!(matches!(rig.decide(&basic("bob:U*U"), 1, Some(verified)), Outcome::Verify(_)));
    // A user whose hash is another now is asked again.
    let changed = USERS.replace("CCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "CCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK");
    let users = read_users(changed.as_bytes(), &blind()).expect("is good");
    rig.policy = rig.policy.with_users(Arc::new(users));
    assert!(matches!(rig.decide(&good, 1, None), Outcome::Verify(_)));
    // Wrong ones are not remembered at all.
    rig.sign_in("bob", "wrong");
    assert_eq!(rig.remembered.count(), 1);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut remembered = Remembered::default();
    for number in 0..remembered::REMEMBERED_MAX as u64 * 3 {
        let mut tag = [0; 32];
        tag[..8].copy_from_slice(&number.to_ne_bytes());
        remembered.keep(tag, 10);
        assert!(remembered.has(&tag, 9) && !remembered.has(&tag, 10));
        assert!(remembered.count() <= remembered::REMEMBERED_MAX);
    }
}

#[test]
fn credentials_have_one_form() {
    let mut rig = Rig::new();
    for (line, expected) in [
        ("", None),
        ("Authorization: Bearer abc\r\n", None),
        ("Authorization: Basic\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5u\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOlUqVQ=\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOlUqVQ===\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOlUqVR==\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5u OlUqVQ==\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOgD=\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOgA=\r\n", Some(Denial::Malformed)),
        ("Authorization: Basic YW5uOv8=\r\n", Some(Denial::Malformed)),
        (
            "Authorization: Basic YW5uOlUqVQ==\r\nAuthorization: Basic YW5uOlUqVQ==\r\n",
            Some(Denial::Repeated),
        ),
    ] {
        match (rig.decide(line, 0, None), expected) {
            (Outcome::Absent, None) => {}
            (Outcome::Denied(denial), Some(expected)) => assert_eq!(denial, expected, "{line}"),
            (outcome, _) => panic!("{line}: {outcome:?}"),
        }
    }
    assert!(matches!(rig.decide("Authorization: bASIC  YW5uOlUqVQ\r\n", 0, None), Outcome::Verify(_)));
    // A name may be empty (RFC 7617 §2); nobody has that one.
    assert!(matches!(rig.decide("Authorization: Basic OlUqVQ==\r\n", 0, None), Outcome::Verify(_)));
    let long = basic(&format!("ann:{}", "x".repeat(2000)));
    assert!(matches!(rig.decide(&long, 0, None), Outcome::Denied(Denial::Malformed)));
}

#[test]
fn a_file_of_users_is_taken_whole_or_told_line_by_line() {
    let users = read_users(USERS.as_bytes(), &blind()).expect("is good");
    assert_eq!(users.count(), 3);
    assert!(users.find(b"ann").is_known && users.find(b"bob").is_known && !users.find(b"a").is_known);
    let bcrypt = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for (line, part) in [
        ("ann".to_owned(), "not a user"),
        (format!(":{bcrypt}"), "not a user"),
        ("ann:secret".into(), "password itself"),
        ("ann:".into(), "password itself"),
        ("ann:$apr1$x$y".into(), "MD5"),
        ("ann:{SHA}x".into(), "SHA-1"),
        ("ann:$6$x$y".into(), "crypt"),
        (format!("ann:{}", &bcrypt[..59]), "not one of bcrypt"),
        (format!("ann:{}", bcrypt.replace("2y", "2x")), "not one of bcrypt"),
        (format!("ann:{}", bcrypt.replace("$05$", "$31$")), "costs 31"),
        (format!("ann:{bcrypt}:more"), "not one of bcrypt"),
        ("ann:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ".into(), "Argon2"),
        (
            "ann:$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
                .into(),
            "more than",
        ),
        ("ann:$argon2id$v=7$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR".into(), "Argon2"),
        ("ann:$argon2x$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR".into(), "Argon2"),
    ] {
        let (policy, flaws) = policy(&format!("# first\n{line}\n"));
        assert!(policy.is_none() && flaws[0].message.contains(part), "{line}: {flaws:?}");
        assert!(
            flaws[0].file_problem().expect("is in a file").to_string().starts_with("users:2:"),
            "{flaws:?}"
        );
        assert!(!format!("{flaws:?}").contains("secret"), "{flaws:?}");
    }
    let twice = format!("ann:{bcrypt}\nann:{bcrypt}\n");
    assert!(policy(&twice).1[0].message.contains("line 1 already"));
    assert!(policy("# nobody\n").1[0].message.contains("no user"));
}
