//! Round robin by weight: the turns of one round are laid out once, each seat's spread evenly over it, and a shard
//! walks them with a cursor from a random start. A pick is one load, whatever the number of seats.

use super::seats::Sieve;

/// Turns of a round at most. Weights whose sum over their common divisor is larger are rounded to it: a share is
/// then off by at most one turn, 1/16384 of the whole, and every seat keeps one turn at least.
const TURNS_MAX: u64 = 16_384;

/// One round: whose turn it is.
#[derive(Debug)]
pub(super) struct Turns(Box<[u16]>);

impl Turns {
    /// A round of the seats `members` with these weights, each at least 1. Sorts the turns once.
    pub fn new(members: &[(u16, u32)]) -> Turns {
        let divisor = members.iter().fold(0, |divisor, &(_, weight)| common_divisor(divisor, weight)).max(1);
        let sum: u64 = members.iter().map(|&(_, weight)| u64::from(weight / divisor)).sum();
        let turns_of = |weight: u32| {
            let weight = u64::from(weight / divisor);
            if sum <= TURNS_MAX { weight } else { (weight * TURNS_MAX / sum).max(1) }
        };
        let mut turns: Vec<(f64, u16)> = Vec::new();
        for (place, &(seat, weight)) in members.iter().enumerate() {
            let count = turns_of(weight);
            // Phases that differ keep light seats from lying side by side, which would leave a heavy one long runs.
            let phase = (place as f64 + 0.5) / members.len() as f64;
            turns.extend((0..count).map(|turn| ((turn as f64 + phase) / count as f64, seat)));
        }
        turns.sort_by(|one, other| one.0.total_cmp(&other.0));
        Turns(turns.into_iter().map(|(_, seat)| seat).collect())
    }

    /// A seat drawn by weight; `random` is evenly spread.
    pub fn drawn(&self, random: u64) -> usize {
        usize::from(self.0[((u128::from(random) * self.0.len() as u128) >> 64) as usize])
    }

    fn next(&self, turn: &mut u32) -> usize {
        // A cursor of a longer round begins anew.
        let at = if (*turn as usize) < self.0.len() { *turn as usize } else { 0 };
        *turn = at as u32 + 1;
        usize::from(self.0[at])
    }
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Where a shard is in its round.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    turn: u32,
    /// Walks the same round for turns whose seat is out. Were the next seat of the round taken instead, the one
    /// behind a dead seat would carry two shares.
    spare: u32,
}

impl Cursor {
    /// A cursor somewhere in `turns`.
    pub fn new(turns: &Turns, random: u64) -> Cursor {
        let start = (random >> 32) as usize % turns.0.len();
        Cursor { turn: start as u32, spare: start as u32 }
    }

    /// The next seat.
    pub fn turn(&mut self, turns: &Turns) -> usize {
        turns.next(&mut self.turn)
    }

    /// The next seat that passes. O(1) while all do.
    pub fn next(&mut self, turns: &Turns, sieve: &Sieve<'_>) -> usize {
        let seat = self.turn(turns);
        if sieve.passes(seat) {
            return seat;
        }
        for _ in 0..turns.0.len() {
            let spare = turns.next(&mut self.spare);
            if sieve.passes(spare) {
                return spare;
            }
        }
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(weights: &[u32]) -> Vec<u16> {
        let members: Vec<(u16, u32)> = (0..).zip(weights.iter().copied()).collect();
        Turns::new(&members).0.to_vec()
    }

    #[test]
    fn a_round_gives_each_seat_its_weight_spread_out() {
        assert_eq!(round(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(round(&[7, 7]), [0, 1], "a common divisor is taken out");
        assert_eq!(round(&[5, 1, 1]), [0, 0, 0, 1, 0, 0, 2]);
        assert_eq!(round(&[90, 30, 30]), [0, 0, 1, 0, 2]);
    }

    #[test]
    fn a_round_is_bounded_and_leaves_no_seat_out() {
        let weights = [u32::MAX, 1, 1_000_000_007, 65_537];
        let round = round(&weights);
        assert!(round.len() as u64 <= TURNS_MAX + weights.len() as u64, "{}", round.len());
        let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        for (seat, &weight) in weights.iter().enumerate() {
            let turns = round.iter().filter(|&&other| usize::from(other) == seat).count();
            let share = turns as f64 / round.len() as f64;
            assert!(turns > 0 && (share - f64::from(weight) / sum).abs() <= 2.0 / TURNS_MAX as f64, "{seat}");
        }
    }
}
