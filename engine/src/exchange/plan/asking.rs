//! What a shard lends to exchanges that ask: the questions under way, and the way to control.

use super::flight::Flights;
use crate::policy::auth::remote::Answered;
use std::sync::Arc;

/// Asks control to fetch a key set anew, of which so many fetches are known. False when it cannot be told now.
pub type AskKeys = Box<dyn Fn(&Arc<str>, u64) -> bool>;

/// What a shard lends to exchanges that ask.
pub struct Asking {
    /// Key sets that control is asked for.
    pub keys: Flights<Arc<str>, ()>,
    /// Questions to upstreams that several exchanges want the answer to.
    pub calls: Flights<[u8; 32], Answered>,
    /// The way to control.
    pub ask_keys: AskKeys,
}

impl Asking {
    /// With nothing under way.
    pub fn new(ask_keys: AskKeys) -> Asking {
        Asking { keys: Flights::default(), calls: Flights::default(), ask_keys }
    }
}
