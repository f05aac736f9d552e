//! What an issuer is answered that looks by http whether a name is served here (RFC 8555 §8.3): a text for each token, for as
//! long as an order waits for it. One for the process, through reloads. While no order is under way a request costs one
//! relaxed load.

use arc_swap::ArcSwapOption;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// Where tokens are looked for.
const FOLDER: &[u8] = b"/.well-known/acme-challenge/";

/// By token.
type Texts = HashMap<Box<[u8]>, Arc<[u8]>>;

/// Tokens and their texts.
#[derive(Debug, Default)]
pub struct Tokens {
    /// How many there are.
    pending: AtomicU32,
    texts: ArcSwapOption<Texts>,
}

impl Tokens {
    /// Answers `token` with `text` until what this gives is dropped.
    pub fn publish(self: &Arc<Tokens>, token: &str, text: &str) -> Published {
        let token: Box<[u8]> = token.as_bytes().into();
        self.change(|texts| drop(texts.insert(token.clone(), text.as_bytes().into())));
        Published { of: self.clone(), token }
    }

    /// The text for a canonical path; none where it asks for no token that an order waits for.
    #[inline]
    pub fn find(&self, path: &[u8]) -> Option<Arc<[u8]>> {
        if self.pending.load(Relaxed) == 0 { None } else { self.look(path) }
    }

    #[cold]
    fn look(&self, path: &[u8]) -> Option<Arc<[u8]>> {
        let token = path.strip_prefix(FOLDER)?;
        self.texts.load().as_ref()?.get(token).cloned()
    }

    fn change(&self, change: impl Fn(&mut Texts)) {
        self.texts.rcu(|known| {
            let mut texts = known.as_deref().cloned().unwrap_or_default();
            change(&mut texts);
            (!texts.is_empty()).then(|| Arc::new(texts))
        });
        let count = self.texts.load().as_ref().map_or(0, |texts| texts.len());
        self.pending.store(u32::try_from(count).unwrap_or(u32::MAX), Relaxed);
    }
}

/// A token that is answered until this is dropped.
#[derive(Debug)]
pub struct Published {
    of: Arc<Tokens>,
    token: Box<[u8]>,
}

impl Drop for Published {
    fn drop(&mut self) {
        self.of.change(|texts| drop(texts.remove(&self.token)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_answered_while_an_order_waits_for_it_and_no_other_path_is() {
        let tokens = Arc::new(Tokens::default());
        let path = b"/.well-known/acme-challenge/abc";
        assert_eq!(tokens.find(path), None);
        let first = tokens.publish("abc", "abc.print");
        let second = tokens.publish("def", "def.print");
        assert_eq!(tokens.find(path).as_deref(), Some(&b"abc.print"[..]));
        for other in ["", "ab", "abc/", "abcd", "/abc"] {
            let path = format!("/.well-known/acme-challenge/{other}");
            assert_eq!(tokens.find(path.as_bytes()), None, "{other}");
        }
        assert_eq!(tokens.find(b"/abc"), None);
        drop(first);
        assert_eq!(tokens.find(path), None);
        assert!(tokens.find(b"/.well-known/acme-challenge/def").is_some());
        drop(second);
        assert_eq!(tokens.pending.load(Relaxed), 0);
    }
}
