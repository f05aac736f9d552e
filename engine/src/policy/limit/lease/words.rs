//! A key's lease on one machine: two words that its shards spend from and control fills.

use super::super::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};
use super::Terms;
use super::pot::{Ask, Grant};

/// A key's lease.
#[derive(Debug)]
#[repr(align(64))]
pub struct Lease {
    /// The millisecond at which the tokens expire, and the tokens.
    granted: AtomicU64,
    /// Credit that is left.
    credit: AtomicU32,
    /// Requests since the last ask, whether they were paid or not: what is asked for.
    wanted: AtomicU32,
    /// Credit that was spent and the store knows of. Control alone writes it.
    charged: AtomicU32,
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

impl Lease {
    /// The lease of a key that was never asked for: credit only.
    pub fn new(terms: &Terms) -> Lease {
        Lease {
            granted: AtomicU64::new(0),
            credit: AtomicU32::new(terms.credit()),
            wanted: AtomicU32::new(0),
            charged: AtomicU32::new(0),
        }
    }

    /// Pays for a request if there is anything left to pay with. One compare-and-swap, and a count of what is wanted.
    pub fn spend(&self, now: u64) -> Pays {
        self.wanted.fetch_add(1, Relaxed);
        let taken =
            self.granted.fetch_update(Relaxed, Relaxed, |word| (live(word, now) > 0).then(|| word - 1));
        if taken.is_ok() {
            return Pays::Lease;
        }
        match self.credit.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => Pays::Credit,
            Err(_) => Pays::Nothing,
        }
    }

    /// Gives back what paid for a request that did not pass after all. Credit comes back as credit, unless the store
    /// was told of it; a token whose lease has run out is lost.
    pub fn refund(&self, terms: &Terms, pays: Pays, now: u64) {
        match pays {
            Pays::Nothing => {}
            Pays::Lease => {
                let _ = self
                    .granted
                    .fetch_update(Relaxed, Relaxed, |word| (live(word, now) > 0).then(|| word + 1));
            }
            Pays::Credit => {
                let most = terms.credit() - self.charged.load(Relaxed).min(terms.credit());
                let _ = self.credit.fetch_update(Relaxed, Relaxed, |left| (left < most).then(|| left + 1));
            }
        }
    }

    /// Whether control has anything to tell the store.
    pub fn is_active(&self, terms: &Terms, now: u64) -> bool {
        let (_, tokens) = unpack(self.granted.load(Relaxed));
        let expired = tokens > 0 && live(self.granted.load(Relaxed), now) == 0;
        let spent = terms.credit() - self.credit.load(Relaxed).min(terms.credit());
        expired || self.wanted.load(Relaxed) > 0 || spent > self.charged.load(Relaxed)
    }

    /// What to tell the store: credit to charge, tokens that expired, and what is wanted beyond what is left. Control asks
    /// once at a time for a key, several times in a lease's time.
    pub fn ask(&self, terms: &Terms, now: u64) -> Ask {
        let expire = |word| (live(word, now) == 0 && unpack(word).1 > 0).then_some(0);
        let back = self.granted.fetch_update(Relaxed, Relaxed, expire).map_or(0, |word| unpack(word).1);
        let left = live(self.granted.load(Relaxed), now);
        let spent = terms.credit() - self.credit.load(Relaxed).min(terms.credit());
        let charge = spent.saturating_sub(self.charged.load(Relaxed));
        let wanted = self.wanted.swap(0, Relaxed).min(terms.burst);
        Ask { charge, back, want: wanted.saturating_sub(left), sent: now }
    }

    /// Takes in what the store granted. Its tokens may be spent for one lease's time from when they were asked for, those
    /// that are left from before no longer than they might have been.
    pub fn granted(&self, terms: &Terms, ask: &Ask, grant: &Grant, now: u64) {
        let until = millis(ask.sent.saturating_add(terms.lease));
        let charged = self.charged.load(Relaxed) + ask.charge;
        if grant.paid {
            // All debts are paid: what the store knows of may be spent on credit again.
            self.charged.store(0, Relaxed);
            let again = |left: u32| Some(left.saturating_add(charged).min(terms.credit()));
            let _ = self.credit.fetch_update(Relaxed, Relaxed, again);
        } else {
            self.charged.store(charged, Relaxed);
        }
        let add = |word| {
            let left = live(word, now);
            let until = if left > 0 { unpack(word).0 } else { until };
            (grant.tokens > 0).then(|| pack(until, left.saturating_add(grant.tokens)))
        };
        let _ = self.granted.fetch_update(Relaxed, Relaxed, add);
    }

    /// The store did not answer `ask`. Its charge is told again; what it gave back is lost, which errs on the safe side.
    /// What it wanted is wanted still.
    pub fn unanswered(&self, ask: &Ask) {
        self.wanted.fetch_add(ask.want, Relaxed);
    }
}
