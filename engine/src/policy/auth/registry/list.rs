//! The registry file: further consumers, one key a line, written by whoever hands keys out and read again when it
//! changes. All of it is taken or nothing.
//! ```text
//! # name  key's hash (printf %s "$KEY" | sha256sum)   attributes
//! acme    sha256:9f86d081884c7d65...                  tier=partner scopes=orders.read,orders.write roles=admin
//! acme    sha256:60303ae22b998861...
//! ```
//! A second line of a name adds a key; attributes stand on its first line.

use super::{CONSUMERS_MAX, Entry, hex_hash};
use std::collections::{HashMap, HashSet};

/// A line that is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFlaw {
    /// From 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// Problems told; past it the rest is noise.
const FLAWS_MAX: usize = 50;
/// Bytes of a name or an attribute's value at most.
const TEXT_BYTES_MAX: usize = 256;

/// Reads a registry file.
///
/// # Errors
/// All lines that are at fault.
pub fn read_list(bytes: &[u8]) -> Result<Vec<Entry>, Vec<ListFlaw>> {
    let mut reader = Reader::default();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let read = match std::str::from_utf8(line) {
            Ok(text) => reader.line(text),
            Err(_) => Err(("this line is not UTF-8".to_owned(), "write it anew".to_owned())),
        };
        if let Err((message, fix)) = read {
            let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
            reader.flaws.push(ListFlaw { line, message, fix });
        }
        if reader.flaws.len() >= FLAWS_MAX {
            break;
        }
    }
    if reader.flaws.is_empty() { Ok(reader.entries) } else { Err(reader.flaws) }
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    names: HashMap<String, usize>,
    keys: HashSet<[u8; 32]>,
    flaws: Vec<ListFlaw>,
}

const FORM: &str = "write NAME sha256:HEX, then tier=, scopes= and roles= where wanted";

impl Reader {
    fn line(&mut self, text: &str) -> Result<(), (String, String)> {
        let refuse = |message: &str| Err((message.to_owned(), FORM.to_owned()));
        let mut words = text.split_ascii_whitespace().take_while(|word| !word.starts_with('#'));
        let Some(name) = words.next() else { return Ok(()) };
        if name.len() > TEXT_BYTES_MAX || name.chars().any(char::is_control) || name.contains('=') {
            return refuse("this is not the name of a consumer");
        }
        let Some(key) = words.next() else { return refuse("there is no key on this line") };
        let hash = key.strip_prefix("sha256:").and_then(hex_hash);
        let Some(hash) = hash else {
            let fix =
                "write sha256: and the 64 digits that `printf %s \"$KEY\" | sha256sum` prints".to_owned();
            return Err(("this is not the hash of a key".into(), fix));
        };
        if !self.keys.insert(hash) {
            let fix = "give each key to one consumer, once".to_owned();
            return Err(("this key stands here a second time".into(), fix));
        }
        let mut entry = Entry { name: name.to_owned(), keys: vec![hash], ..Entry::default() };
        let mut seen = HashSet::new();
        for word in words {
            let Some((attribute, value)) = word.split_once('=') else {
                return Err((format!("'{}' is not an attribute", short(word)), FORM.into()));
            };
            let list = || value.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect();
            if value.len() > TEXT_BYTES_MAX * 16
                || value.chars().any(char::is_control)
                || !seen.insert(attribute)
            {
                return Err((
                    format!("'{}' stands here twice or is too long", short(attribute)),
                    FORM.into(),
                ));
            }
            match attribute {
                "tier" => entry.tier = value.to_owned(),
                "scopes" => entry.scopes = list(),
                "roles" => entry.roles = list(),
                _ => return Err((format!("there is no attribute '{}'", short(attribute)), FORM.into())),
            }
        }
        self.add(entry, !seen.is_empty())
    }

    fn add(&mut self, entry: Entry, has_attributes: bool) -> Result<(), (String, String)> {
        match self.names.get(&entry.name) {
            Some(_) if has_attributes => {
                let fix = "attributes stand on the first line of a name".to_owned();
                Err((format!("'{}' stands above already", short(&entry.name)), fix))
            }
            Some(index) => {
                self.entries[*index].keys.extend(entry.keys);
                Ok(())
            }
            None if self.entries.len() >= CONSUMERS_MAX => {
                Err((format!("there are more than {CONSUMERS_MAX} consumers"), "split the registry".into()))
            }
            None => {
                self.names.insert(entry.name.clone(), self.entries.len());
                self.entries.push(entry);
                Ok(())
            }
        }
    }
}

/// A text as it is shown.
fn short(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::auth::registry::sha256;

    fn hex(key: &str) -> String {
        sha256(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn lines_are_consumers_with_their_keys() {
        let text = format!(
            "# registry\n\nacme sha256:{} tier=partner scopes=a,b roles=x # first\r\nacme\tsha256:{}\nbob sha256:{}",
            hex("k1"),
            hex("k2").to_uppercase(),
            hex("k3")
        );
        let entries = read_list(text.as_bytes()).expect("is good");
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].name.as_str(), entries[0].tier.as_str()), ("acme", "partner"));
        assert_eq!(
            (&entries[0].scopes[..], &entries[0].roles[..]),
            (&["a".to_owned(), "b".into()][..], &["x".into()][..])
        );
        assert_eq!(entries[0].keys, [sha256(b"k1"), sha256(b"k2")]);
        assert_eq!((entries[1].name.as_str(), entries[1].tier.as_str()), ("bob", ""));
        assert_eq!(read_list(b""), Ok(Vec::new()));
    }

    #[test]
    fn each_line_at_fault_is_told_and_nothing_is_taken() {
        let (one, two) = (hex("1"), hex("2"));
        for (text, lines) in [
            ("acme".to_owned(), vec![1]),
            (format!("acme {one}"), vec![1]),
            (format!("acme sha256:{}", &one[1..]), vec![1]),
            (format!("acme sha256:{one}\nbob sha256:{one}"), vec![2]),
            (format!("acme sha256:{one} teir=x\nbob sha256:{two} x"), vec![1, 2]),
            (format!("acme sha256:{one}\nacme sha256:{two} tier=x"), vec![2]),
            (format!("acme sha256:{one} tier=x tier=y"), vec![1]),
            (format!("a=b sha256:{one}"), vec![1]),
        ] {
            let flaws = read_list(text.as_bytes()).expect_err(&text);
            assert_eq!(flaws.iter().map(|flaw| flaw.line).collect::<Vec<_>>(), lines, "{text}");
            assert!(flaws.iter().all(|flaw| !flaw.message.contains(&one)), "{text}");
        }
        assert!(read_list(b"a\xff b").is_err());
        assert_eq!(read_list(&b"x\n".repeat(1000)).expect_err("is bad").len(), FLAWS_MAX);
    }
}
