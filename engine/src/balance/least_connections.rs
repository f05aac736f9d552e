//! Least connections: the seat with the fewest exchanges of this shard for its weight; of several, the one whose
//! turn comes first.

use super::seats::{Group, Sieve};

/// The seat of `group` with the least `active / weight` among those that pass, `turn`'s seat where that is one of
/// them. An idle seat cannot be beaten, so that the search ends at the first one: O(1) while there are more seats
/// than exchanges, else O(n).
pub(super) fn least(group: &Group, turn: usize, weights: &[u32], active: &[u32], sieve: &Sieve<'_>) -> usize {
    let mut best = turn;
    if active[turn] == 0 {
        return turn;
    }
    let at = group.members.partition_point(|&seat| usize::from(seat) <= turn);
    let (before, behind) = group.members.split_at(at);
    for &seat in behind.iter().chain(before) {
        let seat = usize::from(seat);
        // a/v < b/w without a division.
        let is_less = u64::from(active[seat]) * u64::from(weights[best])
            < u64::from(active[best]) * u64::from(weights[seat]);
        if is_less && sieve.passes(seat) {
            if active[seat] == 0 {
                return seat;
            }
            best = seat;
        }
    }
    best
}
