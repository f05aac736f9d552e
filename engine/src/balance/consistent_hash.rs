//! Consistent hashing by a maglev table (Eisenbud et al., NSDI 2016, §3.4): each seat, by the hash of its name, walks
//! the slots in an order of its own and claims free ones in turn. Every gateway with the same endpoints has the same
//! table, and one endpoint more or less moves little more than its own share.

use super::seats::Sieve;
use crate::base::hash::{mix, stable};

/// Slots of a table: a prime, so that each walk meets every slot. Twice the usual 65537, since with fifty seats one
/// more or less would there move 1.27 of its share, and here moves 1.17. A table takes 256 KiB and is the same for
/// all shards; its build takes some milliseconds, off the shards.
pub(super) const SLOTS: usize = 131_071;

/// Slots looked at by hashing again. That all their seats are out tells that nearly all are.
const HOPS: usize = 64;

/// Which seat each part of the keys belongs to.
#[derive(Debug)]
pub(super) struct Maglev(Box<[u16]>);

/// A seat while the table is filled.
struct Walk {
    seat: u16,
    weight: u64,
    /// What it may claim, in parts of the greatest weight.
    credit: u64,
    at: usize,
    skip: usize,
}

impl Maglev {
    /// The table of these seats, names and weights. Their order does not matter, unless two have one name.
    pub fn new(members: &[(u16, &str, u32)]) -> Maglev {
        let most = members.iter().map(|&(_, _, weight)| u64::from(weight)).max().unwrap_or(1);
        let mut named: Vec<(u64, &(u16, &str, u32))> =
            members.iter().map(|member| (stable(member.1.as_bytes()), member)).collect();
        named.sort_by_key(|&(hash, &(seat, name, _))| (hash, name, seat));
        let walk = |&(hash, &(seat, _, weight)): &(u64, &(u16, &str, u32))| Walk {
            seat,
            weight: u64::from(weight),
            // Everybody has a slot in the first round, however light.
            credit: most - u64::from(weight),
            at: (mix(hash ^ 1) % SLOTS as u64) as usize,
            skip: (mix(hash ^ 2) % (SLOTS as u64 - 1)) as usize + 1,
        };
        let mut walks: Vec<Walk> = named.iter().map(walk).collect();
        let mut slots = vec![u16::MAX; SLOTS].into_boxed_slice();
        let mut left = SLOTS;
        while left > 0 && !walks.is_empty() {
            for walk in &mut walks {
                walk.credit += walk.weight;
                if walk.credit < most || left == 0 {
                    continue;
                }
                walk.credit -= most;
                while slots[walk.at] != u16::MAX {
                    walk.at = (walk.at + walk.skip) % SLOTS;
                }
                slots[walk.at] = walk.seat;
                left -= 1;
            }
        }
        Maglev(slots)
    }

    /// The seat of `key`, or that of another slot, always the same ones in the same order, whose seat passes. So the
    /// keys of a seat that is out are shared out to all others, and come back with it.
    pub fn find(&self, key: u64, sieve: &Sieve<'_>) -> Option<usize> {
        let mut at = slot(key);
        let mut key = key;
        for _ in 0..HOPS {
            let seat = usize::from(self.0[at]);
            if sieve.passes(seat) {
                return Some(seat);
            }
            // Not the next slot: steady steps make few neighbours, and one of them would get most of the keys.
            key = mix(key.wrapping_add(1));
            at = slot(key);
        }
        let (before, behind) = self.0.split_at(at);
        behind.iter().chain(before).map(|&seat| usize::from(seat)).find(|&seat| sieve.passes(seat))
    }

    /// The seats by slot.
    #[cfg(test)]
    pub fn slots(&self) -> &[u16] {
        &self.0
    }
}

/// Of a key that is spread evenly over all its bits.
fn slot(key: u64) -> usize {
    ((u128::from(key) * SLOTS as u128) >> 64) as usize
}
