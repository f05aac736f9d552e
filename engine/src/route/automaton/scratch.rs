//! What a look-up needs to write to: the caches of its automata and room for a value that has to be put together. A
//! shard owns one and lends it, so that nothing on a request's way is shared or locked. What a look-up does without
//! regular expressions and repeated fields never touches it.

use super::Automaton;
use regex_automata::hybrid::dfa::Cache;
use std::cell::{RefCell, RefMut};

/// Working memory of look-ups. It serves one [`Lookup`](crate::route::Lookup) at a time: used with another, as after a
/// reload, it begins anew.
#[derive(Debug, Default)]
pub struct Scratch {
    caches: RefCell<Caches>,
    text: RefCell<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Caches {
    /// The look-up whose automata these belong to.
    owner: u64,
    /// By the automaton's place; made when it is first used.
    list: Vec<Option<Box<Cache>>>,
}

impl Scratch {
    /// Runs `search` with the cache of `automaton`. Within it another automaton may be used.
    pub(in crate::route) fn with<T>(&self, automaton: &Automaton, search: impl FnOnce(&mut Cache) -> T) -> T {
        let mut cache = self.take(automaton).unwrap_or_else(|| Box::new(automaton.cache()));
        let found = search(&mut cache);
        if let Some(place) = self.caches.borrow_mut().list.get_mut(automaton.place) {
            *place = Some(cache);
        }
        found
    }

    fn take(&self, automaton: &Automaton) -> Option<Box<Cache>> {
        let mut caches = self.caches.borrow_mut();
        if caches.owner != automaton.owner {
            caches.list.clear();
            caches.owner = automaton.owner;
        }
        if caches.list.len() <= automaton.place {
            caches.list.resize_with(automaton.place + 1, || None);
        }
        caches.list[automaton.place].take()
    }

    /// Room for one value, empty.
    pub(in crate::route) fn text(&self) -> RefMut<'_, Vec<u8>> {
        let mut text = self.text.borrow_mut();
        text.clear();
        text
    }
}
