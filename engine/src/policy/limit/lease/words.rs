//! A key's lease on one machine: a few words that its shards spend from and control fills.

use super::super::sync::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use super::Terms;
use super::pot::{Ask, Grant};

/// A key's lease.
#[derive(Debug)]
#[repr(align(64))]
pub struct Lease {
    /// The millisecond at which the tokens expire, and the tokens.
    granted: AtomicU64,
    /// Credit that is left; [`FULL`] where none was spent, whatever the terms.
    credit: AtomicU32,
    /// Requests since the last ask, whether they were paid or not: what is asked for.
    wanted: AtomicU32,
    /// Credit that was spent and the store knows of. Control alone writes it.
    charged: AtomicU32,
    /// What the store had left when it answered last.
    room: AtomicU32,
    /// The window that granted the tokens. Control alone writes it.
    mark: AtomicU64,
    /// The moment at which the store has a token again.
    again: AtomicU64,
    /// Under which terms control was told of this lease; 0 while it does not look after it.
    told: AtomicU64,
}

/// What paid for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pays {
    /// A granted token.
    Lease,
    /// Credit.
    Credit,
    /// Nothing: there is neither.
    Nothing,
}

const MILLI: u64 = 1_000_000;

/// All credit is there.
const FULL: u32 = u32::MAX;

fn pack(until: u32, tokens: u32) -> u64 {
    u64::from(until) << 32 | u64::from(tokens)
}

fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// Milliseconds of the clock, wrapping after 49 days; control takes expired tokens out long before.
fn millis(now: u64) -> u32 {
    (now / MILLI) as u32
}

/// Tokens of a word that may still be spent.
fn live(word: u64, now: u64) -> u32 {
    let (until, tokens) = unpack(word);
    if until.wrapping_sub(millis(now)).cast_signed() > 0 { tokens } else { 0 }
}

/// Credit with so much more of it; all of it where nothing is missing.
fn more(left: u32, by: u32, terms: &Terms) -> u32 {
    let left = left.min(terms.credit()).saturating_add(by);
    if left >= terms.credit() { FULL } else { left }
}

impl Default for Lease {
    fn default() -> Lease {
        Lease::new()
    }
}

impl Lease {
    /// The lease of a key that was never asked for: credit only.
    pub fn new() -> Lease {
        Lease {
            granted: AtomicU64::new(0),
            credit: AtomicU32::new(FULL),
            wanted: AtomicU32::new(0),
            charged: AtomicU32::new(0),
            room: AtomicU32::new(u32::MAX),
            mark: AtomicU64::new(0),
            again: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// Makes it the lease of another key. Nobody else may have it.
    pub fn fresh(&self) {
        self.granted.store(0, Relaxed);
        self.credit.store(FULL, Relaxed);
        self.wanted.store(0, Relaxed);
        self.charged.store(0, Relaxed);
        self.room.store(u32::MAX, Relaxed);
        self.again.store(0, Relaxed);
        self.told.store(0, Relaxed);
    }

    /// Pays for a request if there is anything left to pay with. One compare-and-swap, and a count of what is wanted.
    pub fn spend(&self, terms: &Terms, now: u64) -> Pays {
        // Before it is read whether control looks after this lease: control leaves it the other way round.
        self.wanted.fetch_add(1, SeqCst);
        let taken =
            self.granted.fetch_update(Relaxed, Relaxed, |word| (live(word, now) > 0).then(|| word - 1));
        if taken.is_ok() {
            return Pays::Lease;
        }
        let less = |left: u32| left.min(terms.credit()).checked_sub(1);
        match self.credit.fetch_update(Relaxed, Relaxed, less) {
            Ok(_) => Pays::Credit,
            Err(_) => Pays::Nothing,
        }
    }

    /// What [`Lease::spend`] would say.
    pub fn peek(&self, now: u64) -> Pays {
        match (live(self.granted.load(Relaxed), now), self.credit.load(Relaxed)) {
            (0, 0) => Pays::Nothing,
            (0, _) => Pays::Credit,
            _ => Pays::Lease,
        }
    }

    /// Gives back what paid for a request that did not pass after all. Credit comes back as credit, unless the store
    /// was told of it; a token whose lease has run out meanwhile goes back with the next ask.
    pub fn refund(&self, terms: &Terms, pays: Pays) {
        match pays {
            Pays::Nothing => {}
            Pays::Lease => {
                self.granted.fetch_add(1, Relaxed);
            }
            Pays::Credit => {
                let most = terms.credit() - self.charged.load(Relaxed).min(terms.credit());
                let again = |left: u32| (left < most).then(|| more(left, 1, terms));
                let _ = self.credit.fetch_update(Relaxed, Relaxed, again);
            }
        }
    }

    /// How many more would pass now as far as the store has told.
    pub fn remaining(&self, now: u64) -> u32 {
        live(self.granted.load(Relaxed), now).saturating_add(self.room.load(Relaxed))
    }

    /// Nanoseconds until the store has a token again, as it told last.
    pub fn retry(&self, now: u64) -> u64 {
        self.again.load(Relaxed).saturating_sub(now)
    }

    /// Whether control looks after it, under these terms.
    #[inline]
    pub fn is_told(&self, terms: u64) -> bool {
        self.told.load(SeqCst) == terms
    }

    /// Marks it as one that control looks after; whether it was not before, so that control has to be told.
    pub fn tell(&self, terms: u64) -> bool {
        self.told.swap(terms, SeqCst) != terms
    }

    /// Control does not look after it any more, unless it was told of other terms since.
    pub fn leave(&self, terms: u64) {
        let _ = self.told.compare_exchange(terms, 0, SeqCst, SeqCst);
    }

    /// Credit that was spent, known to the store or not.
    fn spent(&self, terms: &Terms) -> u32 {
        terms.credit() - self.credit.load(Relaxed).min(terms.credit())
    }

    /// Whether control has anything to tell the store.
    pub fn is_active(&self, terms: &Terms, now: u64) -> bool {
        let word = self.granted.load(Relaxed);
        let expired = unpack(word).1 > 0 && live(word, now) == 0;
        expired || self.wanted.load(SeqCst) > 0 || self.spent(terms) > 0
    }

    /// Whether nothing of it is the store's or owed to the store: control need not look after it.
    pub fn is_idle(&self) -> bool {
        let (_, tokens) = unpack(self.granted.load(Relaxed));
        tokens == 0 && self.wanted.load(SeqCst) == 0 && self.credit.load(Relaxed) == FULL
    }

    /// What to tell the store: credit to charge, tokens that expired, and what is wanted beyond what is left. Control asks
    /// once at a time for a key, several times in a lease's time.
    pub fn ask(&self, terms: &Terms, now: u64) -> Ask {
        // The moment stays, so that what is given back later is found to have expired.
        let expire = |word| (live(word, now) == 0 && unpack(word).1 > 0).then(|| pack(unpack(word).0, 0));
        let back = self.granted.fetch_update(Relaxed, Relaxed, expire).map_or(0, |word| unpack(word).1);
        let left = live(self.granted.load(Relaxed), now);
        let charge = self.spent(terms).saturating_sub(self.charged.load(Relaxed));
        let wanted = self.wanted.swap(0, Relaxed).min(terms.held());
        let mark = self.mark.load(Relaxed);
        Ask { charge, back, mark, want: wanted.saturating_sub(left), sent: now }
    }

    /// Takes in what the store granted. Its tokens may be spent for one lease's time from when they were asked for and
    /// while their window lasts, those that are left from before no longer than they might have been.
    pub fn granted(&self, terms: &Terms, ask: &Ask, grant: &Grant, now: u64) {
        let until = millis(ask.sent.saturating_add(terms.lease.min(grant.left)));
        let charged = self.charged.load(Relaxed) + ask.charge;
        if grant.paid {
            // All debts are paid: what the store knows of may be spent on credit again.
            self.charged.store(0, Relaxed);
            let again = |left: u32| Some(more(left, charged, terms));
            let _ = self.credit.fetch_update(Relaxed, Relaxed, again);
        } else {
            self.charged.store(charged, Relaxed);
        }
        let add = |word| {
            let left = live(word, now);
            let until = if left > 0 { unpack(word).0 } else { until };
            (grant.tokens > 0).then(|| pack(until, left.saturating_add(grant.tokens)))
        };
        if let Ok(before) = self.granted.fetch_update(Relaxed, Relaxed, add)
            && live(before, now) == 0
        {
            self.mark.store(grant.mark, Relaxed);
        }
        self.room.store(grant.room, Relaxed);
        let again = if grant.retry == 0 { 0 } else { now.saturating_add(grant.retry) };
        self.again.store(again, Relaxed);
    }

    /// The store did not answer `ask`. Its charge is told again; what it gave back is lost, which errs on the safe side.
    /// What it wanted is wanted still.
    pub fn unanswered(&self, ask: &Ask) {
        self.wanted.fetch_add(ask.want, Relaxed);
    }
}
