//! Why a pick falls on one endpoint and not on the others: what `ringgate explain` shows.

use super::pick::{Facts, State};
use super::seats::Algorithm;
use crate::base::Tick;
use std::fmt;

/// Why an endpoint would be picked, or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Why {
    /// Picked: it is the only one.
    Alone,
    /// Picked: its turn is next.
    ItsTurn,
    /// Picked: none has fewer exchanges for its weight.
    LeastActive(u32),
    /// Picked: the cheaper of the two that were drawn.
    Cheaper {
        /// Latency times exchanges, in nanoseconds.
        load: f64,
    },
    /// Picked: the key is its own, or would be if others were not out.
    ItsKey,
    /// Picked: the cookie names it.
    ItsCookie,
    /// Not picked: it could not be reached, and is left alone until then.
    Down(Tick),
    /// Not picked: its health checks fail.
    Out,
    /// Not picked: its group serves when all endpoints of the groups before it are out.
    Spare,
    /// Not picked: its turn comes later.
    LaterTurn,
    /// Not picked: another has fewer exchanges for its weight, or as few and the turn.
    Active(u32),
    /// Not picked: it was not drawn, or costs more.
    NotCheaper {
        /// Latency times exchanges, in nanoseconds.
        load: f64,
    },
    /// Not picked: the key is another's.
    OtherKey,
    /// Not picked: the cookie names another.
    OtherCookie,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = |load: f64| load / 1e6;
        match *self {
            Why::Alone => write!(out, "picked: the only one"),
            Why::ItsTurn => write!(out, "picked: its turn"),
            Why::LeastActive(active) => write!(out, "picked: {active} exchanges, the fewest for its weight"),
            Why::Cheaper { load: cost } => {
                write!(out, "picked: costs {:.3} ms, the cheaper of two", load(cost))
            }
            Why::ItsKey => write!(out, "picked: the key is its own"),
            Why::ItsCookie => write!(out, "picked: the cookie names it"),
            Why::Down(_) => write!(out, "could not be reached and is left alone"),
            Why::Out => write!(out, "its health checks fail"),
            Why::Spare => write!(out, "waits until a group of higher priority is out"),
            Why::LaterTurn => write!(out, "its turn comes later"),
            Why::Active(active) => write!(out, "{active} exchanges; another comes first"),
            Why::NotCheaper { load: cost } => {
                write!(out, "costs {:.3} ms; not drawn, or not the cheaper", load(cost))
            }
            Why::OtherKey => write!(out, "the key is another's"),
            Why::OtherCookie => write!(out, "the cookie names another"),
        }
    }
}

impl Why {
    /// Whether it is the reason of the one that is picked.
    pub fn is_picked(&self) -> bool {
        use Why::{Alone, Cheaper, ItsCookie, ItsKey, ItsTurn, LeastActive};
        matches!(self, Alone | ItsTurn | LeastActive(_) | Cheaper { .. } | ItsKey | ItsCookie)
    }
}

impl State {
    /// What [`State::pick`] would do with these facts: each endpoint with its reason, in order. Spends nothing: no
    /// turn, no trial. Copies the state.
    pub fn explain(&self, facts: Facts) -> Vec<(usize, Why)> {
        if self.seats.is_empty() {
            return Vec::new();
        }
        let picked = self.clone().pick(facts, None);
        (0..self.seats.len()).map(|seat| (seat, self.why(seat, picked, facts))).collect()
    }

    fn why(&self, seat: usize, picked: usize, facts: Facts) -> Why {
        let is_picked = seat == picked;
        if self.seats.len() == 1 {
            return Why::Alone;
        }
        if self.seats.board().is_out(seat) && !is_picked {
            return Why::Out;
        }
        if let Some(until) = self.marks.down(seat, facts.now).filter(|_| !is_picked) {
            return Why::Down(until);
        }
        let group = |seat: usize| {
            self.seats.groups.iter().position(|group| group.members.binary_search(&(seat as u16)).is_ok())
        };
        if group(seat) > group(picked) {
            return Why::Spare;
        }
        let (active, spread) = (self.active[seat], self.seats.spreads[seat]);
        let load = |seat: usize| self.costs[seat].load(facts.now, active, spread);
        let named = self.seats.ids.find(facts.key);
        match (self.seats.algorithm, is_picked) {
            (Algorithm::RoundRobin, true) => Why::ItsTurn,
            (Algorithm::RoundRobin, false) => Why::LaterTurn,
            (Algorithm::LeastConnections, true) => Why::LeastActive(active),
            (Algorithm::LeastConnections, false) => Why::Active(active),
            (Algorithm::PeakEwma, true) => Why::Cheaper { load: load(seat) },
            (Algorithm::PeakEwma, false) => Why::NotCheaper { load: load(seat) },
            (Algorithm::ConsistentHash, true) => Why::ItsKey,
            (Algorithm::ConsistentHash, false) => Why::OtherKey,
            (Algorithm::StickyCookie(_), true) if named == Some(seat) => Why::ItsCookie,
            (Algorithm::StickyCookie(_), true) => Why::ItsTurn,
            (Algorithm::StickyCookie(_), false) if named == Some(picked) => Why::OtherCookie,
            (Algorithm::StickyCookie(_), false) => Why::LaterTurn,
        }
    }
}
