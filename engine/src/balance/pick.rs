//! Picking an endpoint. `upstream/connect` calls it once a try with the state its shard keeps for the upstream.
//!
//! Round robin is the smooth weighted one: each endpoint gains its weight a turn, the richest is picked and pays
//! the sum. Each shard starts at a random turn, so that shards do not move in step.

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn, by weight.
    RoundRobin,
    /// The endpoint with the fewest exchanges of this shard for its weight.
    LeastConnections,
}

/// What a shard remembers of one upstream's endpoints.
#[derive(Debug)]
pub struct State {
    seats: Vec<Seat>,
    weights: i64,
    /// Where the search for the least loaded starts: moves on, so that ties are shared out.
    turn: usize,
}

#[derive(Debug)]
struct Seat {
    weight: u32,
    credit: i64,
    active: u32,
}

impl State {
    /// State for endpoints of these weights, started at turn `start`, which should be random.
    pub fn new(weights: impl IntoIterator<Item = u32>, start: u32) -> State {
        let seats: Vec<Seat> =
            weights.into_iter().map(|weight| Seat { weight: weight.max(1), credit: 0, active: 0 }).collect();
        let sum = seats.iter().map(|seat| i64::from(seat.weight)).sum();
        let mut state = State { turn: start as usize % seats.len().max(1), seats, weights: sum };
        // A whole round of turns comes back to its start; bounded, for weights may be large.
        for _ in 0..i64::from(start) % sum.clamp(1, 1024) {
            state.richest(&|_| false);
        }
        state
    }

    /// State for other endpoints: `seats` are their weights, and `from` tells of each which of those before it was, so
    /// that an endpoint that stays keeps its credit and its exchanges.
    pub fn reseat(&mut self, seats: impl IntoIterator<Item = u32>, from: &[Option<usize>]) {
        let seat = |(weight, from): (u32, &Option<usize>)| {
            let before = from.map(|at| &self.seats[at]);
            let (credit, active) = before.map_or((0, 0), |seat| (seat.credit, seat.active));
            Seat { weight: weight.max(1), credit, active }
        };
        let mut seats: Vec<Seat> = seats.into_iter().zip(from).map(seat).collect();
        if let [only] = &mut seats[..] {
            only.credit = 0;
        }
        self.weights = seats.iter().map(|seat| i64::from(seat.weight)).sum();
        self.seats = seats;
    }

    /// The endpoint for the next exchange, none of those that `avoid` names unless all are.
    pub fn pick(&mut self, algorithm: Algorithm, avoid: &dyn Fn(usize) -> bool) -> usize {
        match algorithm {
            Algorithm::RoundRobin => self.richest(avoid),
            Algorithm::LeastConnections => self.least(avoid),
        }
    }

    /// An exchange with `endpoint` begins.
    pub fn begin(&mut self, endpoint: usize) {
        self.seats[endpoint].active += 1;
    }

    /// An exchange with `endpoint` is over.
    pub fn end(&mut self, endpoint: usize) {
        debug_assert!(self.seats[endpoint].active > 0, "an exchange ends once");
        self.seats[endpoint].active -= 1;
    }

    /// Exchanges with `endpoint` now.
    pub fn active(&self, endpoint: usize) -> u32 {
        self.seats[endpoint].active
    }

    fn richest(&mut self, avoid: &dyn Fn(usize) -> bool) -> usize {
        if let [only] = &self.seats[..] {
            debug_assert_eq!(only.credit, 0, "one endpoint never gains");
            return 0;
        }
        let mut best = None::<usize>;
        for at in 0..self.seats.len() {
            self.seats[at].credit += i64::from(self.seats[at].weight);
            if !avoid(at) && best.is_none_or(|best| self.seats[at].credit > self.seats[best].credit) {
                best = Some(at);
            }
        }
        let best = best.unwrap_or(0);
        self.seats[best].credit -= self.weights;
        best
    }

    fn least(&mut self, avoid: &dyn Fn(usize) -> bool) -> usize {
        let len = self.seats.len();
        self.turn = (self.turn + 1) % len;
        let order = (0..len).map(|step| (self.turn + step) % len);
        let load = |at: usize| f64::from(self.seats[at].active + 1) / f64::from(self.seats[at].weight);
        let mut best = None::<usize>;
        for at in order {
            if !avoid(at) && best.is_none_or(|best| load(at) < load(best)) {
                best = Some(at);
            }
        }
        best.unwrap_or(self.turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(algorithm: Algorithm, weights: &[u32], picks: usize) -> Vec<usize> {
        let mut state = State::new(weights.iter().copied(), 17);
        let mut counts = vec![0; weights.len()];
        for _ in 0..picks {
            counts[state.pick(algorithm, &|_| false)] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_gives_each_endpoint_its_weight_exactly() {
        assert_eq!(counts(Algorithm::RoundRobin, &[1, 1, 1], 300), [100, 100, 100]);
        assert_eq!(counts(Algorithm::RoundRobin, &[5, 1, 2], 800), [500, 100, 200]);
        assert_eq!(counts(Algorithm::RoundRobin, &[7], 10), [10]);
    }

    #[test]
    fn round_robin_never_runs_an_endpoint_twice_while_equals_wait() {
        let mut state = State::new([1, 1, 1, 1], 3);
        let picks: Vec<usize> = (0..8).map(|_| state.pick(Algorithm::RoundRobin, &|_| false)).collect();
        let mut round = picks[..4].to_vec();
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2, 3]);
        assert_eq!(picks[..4], picks[4..]);
    }

    #[test]
    fn least_connections_takes_the_least_loaded_for_its_weight() {
        let mut state = State::new([1, 2], 0);
        for _ in 0..9 {
            let at = state.pick(Algorithm::LeastConnections, &|_| false);
            state.begin(at);
        }
        assert_eq!((state.active(0), state.active(1)), (3, 6));
    }

    #[test]
    fn an_endpoint_that_stays_keeps_its_exchanges() {
        let mut state = State::new([1, 1, 1], 0);
        for at in [0, 2, 2] {
            state.begin(at);
        }
        state.reseat([1, 2], &[Some(2), None]);
        assert_eq!((state.active(0), state.active(1)), (2, 0));
        let mut picks = [0_u32; 2];
        (0..300).for_each(|_| picks[state.pick(Algorithm::RoundRobin, &|_| false)] += 1);
        assert!(picks[0].abs_diff(100) <= 2, "{picks:?}");
    }

    #[test]
    fn an_avoided_endpoint_is_picked_only_when_all_are() {
        for algorithm in [Algorithm::RoundRobin, Algorithm::LeastConnections] {
            let mut state = State::new([1, 1, 1], 5);
            for _ in 0..20 {
                assert_eq!(state.pick(algorithm, &|at| at != 1), 1);
            }
            state.pick(algorithm, &|_| true);
        }
    }
}
