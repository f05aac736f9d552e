//! The key sets that control has fetched, as one shard has them: by address, so that they live through reloads and are
//! shared by all policies of an address. Control tells every shard of each fetch, the failed ones too; a shard asks for
//! one when a token names a key that is not known, and not before `again`.

use super::KeySet;
use crate::base::Tick;
use std::collections::HashMap;
use std::sync::Arc;

/// What became of a fetch, as every shard is told.
#[derive(Debug, Clone)]
pub struct News {
    /// The address.
    pub address: Arc<str>,
    /// The set that is good now; none where none was had, or the last one is too old.
    pub keys: Option<Arc<KeySet>>,
    /// From when on an unknown key is worth another fetch.
    pub again: Tick,
    /// Fetches of the address that have ended.
    pub number: u64,
    /// Whether no policy asks for it any more.
    pub gone: bool,
}

/// Key sets by address.
#[derive(Debug, Default)]
pub struct Fetched {
    sets: HashMap<Arc<str>, News>,
    stamp: u64,
}

impl Fetched {
    /// Takes what control tells.
    pub fn take(&mut self, news: News) {
        self.stamp += 1;
        match news.gone {
            true => drop(self.sets.remove(&news.address)),
            false => drop(self.sets.insert(news.address.clone(), news)),
        }
    }

    /// The set of an address.
    pub fn keys(&self, address: &str) -> Option<&Arc<KeySet>> {
        self.sets.get(address)?.keys.as_ref()
    }

    /// Whether a key that is not known is worth asking control for. The answer to a flood of made-up keys is no.
    pub fn may_ask(&self, address: &str, now: Tick) -> bool {
        self.sets.get(address).is_none_or(|news| news.again <= now)
    }

    /// Fetches of an address that this shard knows of: control tells by it whether news is on the way already.
    pub fn number(&self, address: &str) -> u64 {
        self.sets.get(address).map_or(0, |news| news.number)
    }

    /// Moves on whenever a set may have changed.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_shard_has_what_it_was_told_last_and_asks_again_in_time() {
        let mut fetched = Fetched::default();
        let now = Tick(1_000);
        assert!(fetched.may_ask("a", now) && fetched.keys("a").is_none(), "nothing was fetched yet");
        let key = Key::secret(&[7; 32]).expect("is long enough");
        let keys = Some(Arc::new(KeySet::new(vec![key])));
        let again = now.after(Duration::from_secs(10));
        let news = News { address: "a".into(), keys, again, number: 1, gone: false };
        fetched.take(news.clone());
        assert!(!fetched.may_ask("a", now) && fetched.may_ask("a", again));
        assert!(fetched.keys("a").is_some() && fetched.keys("b").is_none());
        assert_eq!((fetched.number("a"), fetched.number("b")), (1, 0));
        let stamp = fetched.stamp();
        fetched.take(News { keys: None, ..news.clone() });
        assert!(fetched.keys("a").is_none() && fetched.stamp() != stamp);
        fetched.take(News { gone: true, ..news });
        assert!(fetched.may_ask("a", now));
    }
}
