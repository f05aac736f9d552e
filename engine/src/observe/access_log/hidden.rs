//! Values of a query that no line shows: those by which somebody signs in. A log is read by more people than may call.

use crate::wire::uri::is_named;

/// Stands for a value that is not shown.
const MASK: &[u8] = b"***";

/// Names of query parameters whose values are not shown.
#[derive(Debug, Clone, Default)]
pub struct Hidden(Box<[Box<[u8]>]>);

impl Hidden {
    /// These names, each once.
    pub fn new<'n>(names: impl Iterator<Item = &'n [u8]>) -> Hidden {
        let mut all: Vec<Box<[u8]>> = names.map(Box::from).collect();
        all.sort();
        all.dedup();
        Hidden(all.into())
    }

    /// Whether there is no such name.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `url` without such values, in `room` where it has any. *Cost*: a look for its query, a walk over its parameters.
    pub fn mask<'u>(&self, url: &'u [u8], room: &'u mut Vec<u8>) -> &'u [u8] {
        let Some(mark) = memchr::memchr(b'?', url) else { return url };
        room.clear();
        let (mut shown, mut at) = (0, mark + 1);
        for pair in url[at..].split(|byte| *byte == b'&') {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            let has_value = pair.len() > name.len() + 1;
            if has_value && self.0.iter().any(|hidden| is_named(name, hidden)) {
                room.extend_from_slice(&url[shown..=at + name.len()]);
                room.extend_from_slice(MASK);
                shown = at + pair.len();
            }
            at += pair.len() + 1;
        }
        if shown == 0 {
            return url;
        }
        room.extend_from_slice(&url[shown..]);
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_values_are_masked_and_nothing_else_is_changed() {
        let names = ["key", "access_token", "key"];
        let hidden = Hidden::new(names.iter().map(|name| name.as_bytes()));
        for (url, shown) in [
            ("/a?key=secret", "/a?key=***"),
            ("/a?b=1&key=secret&c=2", "/a?b=1&key=***&c=2"),
            ("/a?key=secret&b=1&access_token=x.y&key=again", "/a?key=***&b=1&access_token=***&key=***"),
            ("/a?k%65y=secret&access%5Ftoken=x=y==&%", "/a?k%65y=***&access%5Ftoken=***&%"),
            ("https://a.test/?key=a?key=b&c", "https://a.test/?key=***&c"),
            ("/a?keys=1&Key=2&key", "/a?keys=1&Key=2&key"),
            ("/a?key=&b", "/a?key=&b"),
            ("/key=secret", "/key=secret"),
            ("/a?", "/a?"),
            ("", ""),
        ] {
            let mut room = b"what was there before".to_vec();
            assert_eq!(String::from_utf8_lossy(hidden.mask(url.as_bytes(), &mut room)), shown, "{url}");
        }
    }
}
