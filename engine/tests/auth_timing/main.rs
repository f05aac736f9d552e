//! Whether a decision's time tells a known key or name from an unknown one: Welch's t of 100,000 decisions in random
//! order. The same measurement must find a comparison that ends at the first difference, or it finds nothing.
//! A machine that does other things besides gives outliers, which are cropped, and drifts, which the order makes
//! equal; a leak shows in each round, in one direction, a disturbance in few.
#![allow(clippy::disallowed_methods)] // a test brings its own clock

mod leaky;
mod welch;

use ringgate::config::policy::{ApiKey as GivenKey, Basic as GivenBasic};
use ringgate::config::read::Memory;
use ringgate::config::units::Period;
use ringgate::config::values::FilePath;
use ringgate::policy::auth::api_key::ApiKey;
use ringgate::policy::auth::basic::{Basic, Remembered};
use ringgate::policy::auth::registry::{Entry, sha256};
use ringgate::policy::auth::{Blind, Denial, Outcome, Principal, Registry};
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::{HeadLimits, request};
use std::time::{Duration, Instant};
use welch::{Class, compare};

/// Known and unknown credentials of each kind, so that no single one decides.
const EACH: usize = 64;

/// A request that is written over for each decision: all of them lie at the same place.
struct Room {
    text: Vec<u8>,
    lines: Lines,
}

impl Room {
    fn new() -> Room {
        Room { text: Vec::with_capacity(4096), lines: Lines::new() }
    }

    fn head(&mut self, line: &str) -> Head<'_> {
        self.text.clear();
        self.text.extend_from_slice(b"GET / HTTP/1.1\r\nHost: a\r\n");
        self.text.extend_from_slice(line.as_bytes());
        self.text.extend_from_slice(b"\r\n\r\n");
        request::parse(&self.text, &mut self.lines, &HeadLimits::default()).expect("parses");
        Head::new(&self.text, &self.lines)
    }
}

fn key(class: Class, number: usize) -> String {
    let front = if class == Class::Known { "known" } else { "other" };
    format!("{front}-{number:03}-0123456789abcdef")
}

fn registry() -> Registry {
    let entry = |number: usize| Entry {
        name: format!("consumer-{number:03}"),
        keys: vec![sha256(key(Class::Known, number).as_bytes())],
        ..Entry::default()
    };
    Registry::new(&(0..EACH).map(entry).collect::<Vec<_>>(), &Blind::of(&[5; 32]))
}

#[test]
fn a_known_key_takes_as_long_as_an_unknown_one() {
    let given = GivenKey {
        header: Some("X-API-Key".into()),
        cookie: None,
        query: None,
        registry: None,
        realm: "a".into(),
    };
    let mut flaws = Vec::new();
    let (policy, _) = ApiKey::compile(&given, &mut Memory::default(), &mut flaws).expect("is good");
    let (registry, mut principal, mut room) = (registry(), Principal::default(), Room::new());
    compare("api keys", |class, number| {
        let head = room.head(&format!("X-API-Key: {}", key(class, number % EACH)));
        let start = Instant::now();
        let outcome = std::hint::black_box(policy.decide(head, &registry, &mut principal));
        let time = start.elapsed();
        match (class, outcome) {
            (Class::Known, Outcome::Known) | (Class::Unknown, Outcome::Denied(Denial::ApiKey)) => time,
            (class, outcome) => panic!("{class:?}: {outcome:?}"),
        }
    })
    .expect_even();
}

#[test]
fn a_known_name_takes_as_long_as_an_unknown_one() {
    let hash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let users: String = (0..EACH).map(|number| format!("{}:{hash}\n", key(Class::Known, number))).collect();
    let given = GivenBasic {
        users_file: FilePath("users".into()),
        remember: Period(Duration::from_secs(60)),
        realm: "a".into(),
    };
    let mut flaws = Vec::new();
    let mut files = Memory::default().file("users", users);
    let policy = Basic::compile(&given, &mut files, &Blind::of(&[5; 32]), &mut flaws).expect("is good");
    let (registry, mut principal, mut room) = (registry(), Principal::default(), Room::new());
    let mut remembered = Remembered::default();
    compare("user names", |class, number| {
        let head = room.head(&leaky::basic(&key(class, number % EACH), "wrong"));
        let start = Instant::now();
        let outcome =
            std::hint::black_box(policy.decide(head, 1, None, &registry, &mut remembered, &mut principal));
        let time = start.elapsed();
        assert!(matches!(outcome, Outcome::Verify(_)), "{outcome:?}");
        time
    })
    .expect_even();
}

/// The hash itself: that of an unknown name is some user's, so it costs what users' hashes cost.
#[test]
fn the_hash_of_an_unknown_name_is_a_real_one() {
    let hash = "$2y$06$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let blind = Blind::of(&[5; 32]);
    let users =
        ringgate::policy::auth::basic::read_users(format!("ann:{hash}").as_bytes(), &blind).expect("is good");
    let (known, unknown) = (users.find(b"ann"), users.find(b"bob"));
    assert!(known.is_known && !unknown.is_known);
    assert!(std::sync::Arc::ptr_eq(known.hash, unknown.hash));
}

#[test]
fn a_comparison_that_ends_early_is_found() {
    let registry = leaky::Registry::new((0..EACH).map(|number| key(Class::Known, number)));
    compare("a planted leak", |class, number| {
        let key = key(class, number % EACH);
        let start = Instant::now();
        let is_known = std::hint::black_box(registry.find(std::hint::black_box(key.as_bytes())));
        let time = start.elapsed();
        assert_eq!(is_known, class == Class::Known);
        time
    })
    .expect_leak();
}
