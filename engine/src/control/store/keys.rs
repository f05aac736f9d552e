//! The keys that control looks after: which, and when each is asked for next. A key comes when a shard wants it, is asked
//! for several times in a lease's time while anything is wanted or owed, and goes when nothing of it is the store's.
//! Their number is that of cells at most, since each is one. Pure: time is an argument.

use crate::base::Tick;
use crate::policy::limit::lease::{Ask, Grant};
use crate::policy::limit::share::{LEASE_ROUNDS, Want};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A key without a token is asked for again when the store has one, but no later than this: another machine may have given
/// some back.
const RETRY_NS_MAX: u64 = 2_000_000_000;

/// The keys.
#[derive(Debug, Default)]
pub struct Keys {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    by_name: HashMap<Arc<[u8]>, usize>,
    due: BinaryHeap<Reverse<(Tick, usize, u64)>>,
    /// Numbers the times at which keys are due: of two of one key the later holds.
    turns: u64,
}

#[derive(Debug)]
struct Entry {
    name: Arc<[u8]>,
    want: Want,
    /// The turn at which it is due; none while it is asked for.
    turn: Option<u64>,
}

/// A key that is asked for now.
#[derive(Debug)]
pub struct Asked {
    /// Its name in the store.
    pub name: Arc<[u8]>,
    /// Its lease, and the terms.
    pub want: Want,
    /// What is asked.
    pub ask: Ask,
}

/// From one question for a key to the next.
fn round(want: &Want) -> Duration {
    Duration::from_nanos(want.share.terms.lease / LEASE_ROUNDS)
}

/// The name of a key: the prefix, the policy and the digest.
fn named(prefix: &str, want: &Want) -> Arc<[u8]> {
    let mut name = Vec::with_capacity(prefix.len() + want.share.name.len() + 34);
    name.extend_from_slice(prefix.as_bytes());
    name.push(b':');
    name.extend_from_slice(want.share.name.as_bytes());
    name.push(b':');
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
    name.extend(want.digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    name.into()
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// When the next is due.
    pub fn due(&self) -> Tick {
        self.due.peek().map_or(Tick::NEVER, |Reverse((due, ..))| *due)
    }

    /// A shard wants a key: it is asked for at once.
    pub fn take(&mut self, prefix: &str, want: Want, now: Tick) {
        let name = named(prefix, &want);
        let at = match self.by_name.get(&name) {
            Some(at) => *at,
            None => {
                let at = self.free.pop().unwrap_or(self.entries.len());
                self.entries.resize_with(self.entries.len().max(at + 1), || None);
                self.by_name.insert(name.clone(), at);
                at
            }
        };
        // Other terms, or cells that began anew: what is asked of the old ones now is answered to them all the same.
        if let Some(old) = self.entries[at].replace(Entry { name, want, turn: None })
            && !Arc::ptr_eq(&old.want.cell, &self.want(at).cell)
        {
            old.want.lease().leave(old.want.share.id);
        }
        self.plan(at, now);
    }

    fn want(&self, at: usize) -> &Want {
        &self.entries[at].as_ref().expect("an index of `by_name` has its entry").want
    }

    fn plan(&mut self, at: usize, due: Tick) {
        self.turns += 1;
        let turn = self.turns;
        if let Some(entry) = &mut self.entries[at] {
            entry.turn = Some(turn);
            self.due.push(Reverse((due, at, turn)));
        }
    }

    /// Up to `most` keys that are due, with what to ask. Those of which nothing is the store's are let go of.
    pub fn ask(&mut self, most: usize, now: Tick) -> Vec<Asked> {
        let mut asked = Vec::new();
        while asked.len() < most && self.due() <= now {
            let Some(Reverse((_, at, turn))) = self.due.pop() else { break };
            let Some(entry) = self.entries[at].as_mut().filter(|entry| entry.turn == Some(turn)) else {
                continue;
            };
            let (lease, share) = (entry.want.lease(), &entry.want.share);
            if lease.is_idle() {
                lease.leave(share.id);
                // A shard that spent before it could see that has told nobody.
                if lease.is_idle() || !lease.tell(share.id) {
                    self.forget(at);
                    continue;
                }
            }
            if !lease.is_active(&share.terms, now.0) {
                let next = now.after(round(&entry.want));
                self.plan(at, next);
                continue;
            }
            let ask = lease.ask(&share.terms, now.0);
            entry.turn = None;
            asked.push(Asked { name: entry.name.clone(), want: entry.want.clone(), ask });
        }
        asked
    }

    fn forget(&mut self, at: usize) {
        if let Some(entry) = self.entries[at].take() {
            self.by_name.remove(&entry.name);
            self.free.push(at);
        }
    }

    /// The store granted what was asked.
    pub fn granted(&mut self, asked: &Asked, grant: &Grant, now: Tick) {
        asked.want.lease().granted(&asked.want.share.terms, &asked.ask, grant, now.0);
        let usual = round(&asked.want);
        let wait = match grant.tokens == 0 && grant.room == 0 {
            true => usual.max(Duration::from_nanos(grant.retry.min(RETRY_NS_MAX))),
            false => usual,
        };
        self.go_on(asked, now.after(wait));
    }

    /// It did not.
    pub fn unanswered(&mut self, asked: &Asked, now: Tick) {
        asked.want.lease().unanswered(&asked.ask);
        self.go_on(asked, now);
    }

    /// The store cannot tell of this one key, while it tells of others: nothing is granted, and it is asked for again as
    /// others are.
    pub fn untold(&mut self, asked: &Asked, now: Tick) {
        asked.want.lease().unanswered(&asked.ask);
        self.go_on(asked, now.after(round(&asked.want)));
    }

    /// A key that was asked for is due again, unless it is already, or was let go of.
    fn go_on(&mut self, asked: &Asked, due: Tick) {
        if let Some(at) = self.by_name.get(&asked.name).copied()
            && self.entries[at].as_ref().is_some_and(|entry| entry.turn.is_none())
        {
            self.plan(at, due);
        }
    }

    /// Lets go of all: shards tell of those that they want when they may.
    pub fn clear(&mut self) {
        for entry in self.entries.drain(..).flatten() {
            entry.want.lease().leave(entry.want.share.id);
        }
        *self = Keys::default();
    }
}
