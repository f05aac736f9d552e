//! Consumers of several sources: the configuration, and each registry file.

use super::Entry;
use crate::policy::auth::flaw::Flaw;
use std::collections::HashMap;

/// Adds the entries of a registry file to those `known`. One that is equal to a known one, as of a file that two policies
/// name, is the same. Tells of a name that stands for somebody else already, and of a key that somebody else has: else
/// it would be chance whom it belongs to.
pub fn join(known: &mut Vec<Entry>, found: Vec<Entry>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let names: HashMap<&str, &Entry> = known.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let keys: HashMap<&[u8; 32], &str> =
        known.iter().flat_map(|entry| entry.keys.iter().map(|key| (key, entry.name.as_str()))).collect();
    let mut flaw = |message: String| {
        flaws.push(Flaw::at("registry", message, "have each consumer and each key stand in one place"));
    };
    let is_new = |entry: &Entry| {
        if let Some(other) = names.get(entry.name.as_str()) {
            if **other != *entry {
                flaw(format!("consumer '{}' stands elsewhere too, with other keys or grants", entry.name));
            }
            return false;
        }
        let other = entry.keys.iter().find_map(|key| keys.get(key));
        if let Some(other) = other {
            flaw(format!("a key of consumer '{}' is one of '{other}', who stands elsewhere", entry.name));
        }
        other.is_none()
    };
    let new: Vec<Entry> = found.into_iter().filter(is_new).collect();
    known.extend(new);
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, key: u8) -> Entry {
        Entry { name: name.to_owned(), keys: vec![[key; 32]], ..Entry::default() }
    }

    #[test]
    fn the_same_is_one_and_what_two_claim_is_told() {
        let mut known = vec![entry("a", 1), entry("b", 2)];
        assert_eq!(join(&mut known, vec![entry("a", 1), entry("c", 3)]), []);
        assert_eq!(known.len(), 3);
        let told = join(&mut known, vec![entry("a", 9), entry("d", 2), entry("c", 3)]);
        let told: Vec<&str> = told.iter().map(|flaw| flaw.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "consumer 'a' stands elsewhere too, with other keys or grants",
                "a key of consumer 'd' is one of 'b', who stands elsewhere"
            ]
        );
        assert_eq!(known.len(), 3);
    }
}
