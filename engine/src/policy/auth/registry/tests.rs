//! Keys are found, others are not, and what is said of their consumers.

use super::*;
use crate::config::values::Secret;

fn blind() -> Blind {
    Blind::of(&[9; 32])
}

fn given(name: &str, keys: &[&str]) -> Given {
    Given {
        name: name.into(),
        api_keys: keys.iter().map(|key| Secret((*key).into())).collect(),
        certificates: Vec::new(),
        tier: Some("partner".into()),
        scopes: vec!["orders.read".into()],
        roles: vec!["admin \"x\"".into()],
    }
}

fn registry(count: usize) -> Registry {
    let entry = |number: usize| Entry {
        name: format!("consumer-{number}"),
        keys: vec![sha256(format!("key-{number}").as_bytes()), sha256(format!("second-{number}").as_bytes())],
        ..Entry::default()
    };
    Registry::new(&(0..count).map(entry).collect::<Vec<_>>(), &blind())
}

#[test]
fn each_key_finds_its_consumer_and_no_other_key_finds_any() {
    for count in [1, 2, 7, 100, 5000] {
        let registry = registry(count);
        let mut principal = Principal::default();
        for number in 0..count {
            for kind in ["key", "second"] {
                assert!(registry.find(format!("{kind}-{number}").as_bytes(), &mut principal));
                assert_eq!(principal.consumer(), Some(format!("consumer-{number}").as_bytes()));
                assert_eq!((principal.subject(), principal.tier()), (principal.consumer(), None));
            }
            assert!(!registry.find(format!("other-{number}").as_bytes(), &mut principal));
            assert!(!principal.is_known() && principal.consumer().is_none());
        }
        assert!(!registry.find(b"", &mut principal));
        assert_eq!(
            (registry.len(), registry.named(b"consumer-0").map(Consumer::name)),
            (count, Some(&b"consumer-0"[..]))
        );
    }
    let mut principal = Principal::default();
    assert!(!Registry::new(&[], &blind()).find(b"key-0", &mut principal) && !principal.is_known());
}

#[test]
fn the_configuration_gives_keys_as_they_are_or_hashed() {
    let hex: String = sha256(b"a key that was hashed").iter().map(|byte| format!("{byte:02X}")).collect();
    let hashed = format!("sha256:{hex}");
    let list = [given("acme", &["a key that is plain", &hashed]), given("bob", &[])];
    let entries = entries(&list, |index, flaw| panic!("{index}: {flaw:?}"));
    let registry = Registry::new(&entries, &blind());
    let mut principal = Principal::default();
    for key in ["a key that is plain", "a key that was hashed"] {
        assert!(registry.find(key.as_bytes(), &mut principal), "{key}");
        assert_eq!((principal.consumer(), principal.tier()), (Some(&b"acme"[..]), Some(&b"partner"[..])));
        assert!(principal.has_scope(b"orders.read") && principal.has_role(b"admin \"x\""));
        assert_eq!(principal.method(), Some(Method::ApiKey));
    }
    // The hash itself is no key.
    assert!(!registry.find(hashed.as_bytes(), &mut principal));
}

#[test]
fn keys_that_are_no_keys_are_told_without_being_shown() {
    let list = [
        given("a", &["sha256:123", "a key of good length", "short"]),
        Given { scopes: vec!["x".into(); GRANTS_MAX + 1], ..given("b", &["a key of good length"]) },
    ];
    let mut told = Vec::new();
    entries(&list, |index, flaw| told.push((index, flaw)));
    let parts: Vec<(usize, &str)> =
        told.iter().map(|(index, flaw)| (*index, flaw.message.as_str())).collect();
    assert_eq!(
        parts,
        [
            (0, "this is not a hash of a key"),
            (0, "a key this short can be guessed"),
            (1, "consumer 'a' has the same key"),
            (1, "a consumer has 1024 scopes at most, not 1025"),
        ]
    );
    assert!(!format!("{told:?}").contains("good length"));
    assert_eq!(format!("{:?}", blind()), "Blind(..)");
}

#[test]
fn credentials_are_told_apart_without_being_given_away() {
    let registry = registry(2);
    let tag = |key: &str| {
        let mut principal = Principal::default();
        assert!(registry.find(key.as_bytes(), &mut principal));
        principal.credential().expect("has one").to_vec()
    };
    let (one, second, other) = (tag("key-0"), tag("second-0"), tag("key-1"));
    assert!(one != second && one != other);
    assert_ne!(&one[..], &sha256(b"key-0")[..16]);
}
