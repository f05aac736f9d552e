//! The store's side of a key, as one atomic step: the model of the script that runs in the store (`control/store`), number
//! by number, in the same order and with the same rounding, so that a test can hold the two together. Time is the store's
//! own, in microseconds.

use super::{Terms, Way};
use std::collections::BTreeMap;

/// Slots of a log's window. A slot is forgotten when all of it is out of the window, so that a request counts for up to
/// one sixty-fourth of the window longer than it should, never shorter.
pub const SLOTS: u64 = 64;

/// What a machine tells the store of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Tokens spent on credit: charged whatever is left.
    pub charge: u32,
    /// Tokens granted earlier that expired unspent.
    pub back: u32,
    /// The window or slot that granted them.
    pub mark: u64,
    /// Tokens wanted.
    pub want: u32,
    /// When it was sent, by the machine's clock.
    pub sent: u64,
}

/// What the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Tokens to spend.
    pub tokens: u32,
    /// Whether the bucket is out of debt, all charges included.
    pub paid: bool,
    /// Nanoseconds until it has a token.
    pub retry: u64,
    /// Tokens that are left in the store.
    pub room: u32,
    /// Nanoseconds until the tokens' window ends; the largest number where they have none.
    pub left: u64,
    /// The window or slot that grants.
    pub mark: u64,
}

/// A key in the store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pot {
    /// Of a bucket: tokens that are missing, and when that was. Of a log: `at` is not used.
    owed: f64,
    at: u64,
    /// Of windows: the current one, its count and that of the one before. Of a log: counts by slot.
    slots: BTreeMap<u64, f64>,
}

/// What was found of a key, before it is turned into a grant.
struct Found {
    room: f64,
    retry: f64,
    left: Option<u64>,
    mark: u64,
    tokens: f64,
}

impl Found {
    fn new(room: f64, want: u32) -> Found {
        let tokens = room.min(f64::from(want)).max(0.0);
        Found { room, retry: 0.0, left: None, mark: 0, tokens }
    }

    fn grant(self) -> Grant {
        // Casts from floating point saturate; what is negative is nothing.
        Grant {
            tokens: self.tokens as u32,
            paid: self.room >= 0.0,
            retry: (self.retry.ceil().max(0.0) as u64).saturating_mul(1000),
            room: (self.room - self.tokens).max(0.0) as u32,
            left: self.left.map_or(u64::MAX, |left| left.saturating_mul(1000)),
            mark: self.mark,
        }
    }
}

impl Pot {
    /// Takes back, charges and grants, in this order. `now` in nanoseconds.
    pub fn grant(&mut self, terms: &Terms, ask: &Ask, now: u64) -> Grant {
        let (now, per) = (now / 1000, terms.per / 1000);
        match terms.way {
            Way::Bucket => self.bucket(terms, ask, now, per as f64),
            Way::Window => self.window(terms, ask, now, per, false),
            Way::Counter => self.window(terms, ask, now, per, true),
            Way::Log => self.log(terms, ask, now, per),
        }
        .grant()
    }

    fn bucket(&mut self, terms: &Terms, ask: &Ask, now: u64, per: f64) -> Found {
        let (count, burst) = (f64::from(terms.count), f64::from(terms.burst));
        let at = self.at.max(now);
        let since = if self.at == 0 { 0 } else { at - self.at };
        let owed = (self.owed - f64::from(ask.back)).max(0.0);
        let owed = (owed - since as f64 * count / per).max(0.0) + f64::from(ask.charge);
        let mut found = Found::new((burst - owed).floor(), ask.want);
        (self.owed, self.at) = (owed + found.tokens, at);
        found.retry = (self.owed + 1.0 - burst) * per / count;
        found
    }

    fn window(&mut self, terms: &Terms, ask: &Ask, now: u64, per: u64, slides: bool) -> Found {
        let (count, length) = (f64::from(terms.count), per as f64);
        let slot = self.slots.last_key_value().map_or(0, |(slot, _)| *slot).max(now / per);
        let of = |slot: u64| {
            let counted = self.slots.get(&slot).copied().unwrap_or(0.0);
            // What a window granted and was not spent goes back into that window's count.
            if ask.mark == slot { (counted - f64::from(ask.back)).max(0.0) } else { counted }
        };
        let (before, counted) = (of(slot - 1), of(slot) + f64::from(ask.charge));
        let left = (slot + 1) * per - now;
        let share = if slides { before * left.min(per) as f64 / length } else { 0.0 };
        let mut found = Found::new((count - counted - share).floor(), ask.want);
        let counted = counted + found.tokens;
        self.slots = BTreeMap::from([(slot - 1, before), (slot, counted)]);
        (found.left, found.mark) = (Some(left), slot);
        let ends = left as f64;
        found.retry = match count - counted - share < 1.0 {
            false => 0.0,
            true if !slides => ends,
            true if counted + 1.0 <= count => ends - (count - counted - 1.0) * length / before,
            true => ends + (length - (count - 1.0) * length / counted).max(0.0),
        };
        found
    }

    fn log(&mut self, terms: &Terms, ask: &Ask, now: u64, per: u64) -> Found {
        let width = per.div_ceil(SLOTS);
        let (slot, first) = (now / width, (now - per) / width);
        self.slots.retain(|slot, _| *slot >= first);
        if let Some(counted) = self.slots.get_mut(&ask.mark) {
            *counted = (*counted - f64::from(ask.back)).max(0.0);
        }
        let sum = self.slots.values().sum::<f64>() + f64::from(ask.charge);
        let mut found = Found::new(f64::from(terms.count) - sum, ask.want);
        *self.slots.entry(slot).or_default() += f64::from(ask.charge) + found.tokens;
        found.mark = slot;
        self.slots.retain(|_, counted| *counted > 0.0);
        if found.room - found.tokens < 1.0 {
            let oldest = self.slots.first_key_value().map_or(slot, |(slot, _)| *slot);
            found.retry = ((oldest + 1) * width + per) as f64 - now as f64;
        }
        found
    }
}
