//! The store's side of a key, as one atomic step: the model of the script that runs in the store. A token bucket by the
//! moment at which it is full again, in nanoseconds of the store's clock.

use super::Terms;

/// What a machine tells the store of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Tokens spent on credit: charged whatever is left.
    pub charge: u32,
    /// Tokens granted earlier that expired unspent.
    pub back: u32,
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
}

/// A key's bucket in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pot {
    /// When it is full again, times the rate's count, so that a token is a whole number.
    full: u128,
}

impl Pot {
    /// Takes back, charges and grants, in this order.
    pub fn grant(&mut self, terms: &Terms, ask: &Ask, now: u64) -> Grant {
        let (count, token) = (u128::from(terms.count), u128::from(terms.per));
        let at = u128::from(now) * count;
        let depth = u128::from(terms.burst) * token;
        let full =
            self.full.saturating_sub(u128::from(ask.back) * token).max(at) + u128::from(ask.charge) * token;
        let room = (at + depth).saturating_sub(full) / token;
        let tokens = room.min(u128::from(ask.want));
        self.full = full + tokens * token;
        let retry = (self.full + token).saturating_sub(at + depth).div_ceil(count);
        Grant {
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            paid: full <= at + depth,
            retry: u64::try_from(retry).unwrap_or(u64::MAX),
        }
    }
}
