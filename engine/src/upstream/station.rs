//! One upstream on one shard: its set of endpoints now, their balancing state and their idle connections.
//!
//! The set may change between exchanges. An exchange keeps the set it picked from; what it gives back finds its endpoint
//! again by its [`Stay`], or nothing if the endpoint has left.

use super::pool::Conn;
use crate::balance::State;
use crate::base::Tick;
use crate::table::{Endpoint, Endpoints, Upstream};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

/// An idle connection, and until when it may be used.
#[derive(Debug)]
pub(super) struct Parked {
    pub conn: Conn,
    pub until: Tick,
}

/// An endpoint's stay in a set, never given twice on a shard: an address that left and came back has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay(u64);

/// A set as exchanges hold it: the shard owns one `Arc`, exchanges clone the `Rc` around it, which no other shard sees.
pub type SetRef = Rc<Arc<Endpoints>>;

/// An endpoint with the set it was picked from.
#[derive(Debug, Clone)]
pub struct Picked {
    set: SetRef,
    at: usize,
    /// Its stay.
    pub stay: Stay,
}

impl Picked {
    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.set[self.at]
    }

    /// The set.
    pub fn set(&self) -> &Endpoints {
        &self.set
    }

    /// How many endpoints there were to pick from.
    pub fn among(&self) -> usize {
        self.set.len()
    }
}

/// One upstream's connections and balancing on this shard. The lists go by the index of the endpoint.
#[derive(Debug)]
pub(super) struct Station {
    pub name: String,
    set: SetRef,
    stays: Vec<Stay>,
    next_stay: u64,
    pub idle: Vec<Vec<Parked>>,
    pub balance: State,
    /// Exchanges that wait for a slot of the upstream's cap.
    pub waiting: VecDeque<Waker>,
}

impl Station {
    /// For `upstream`; `random` says where its balancing begins.
    pub fn new(upstream: &Upstream, random: u64) -> Station {
        let count = upstream.endpoints.len();
        Station {
            name: upstream.name.clone(),
            set: Rc::new(upstream.endpoints.clone()),
            stays: (0..count as u64).map(Stay).collect(),
            next_stay: count as u64,
            idle: (0..count).map(|_| Vec::new()).collect(),
            balance: State::new(upstream.endpoints.seats().clone(), random),
            waiting: VecDeque::new(),
        }
    }

    /// The set of endpoints now.
    pub fn set(&self) -> Arc<Endpoints> {
        Arc::clone(&self.set)
    }

    /// See [`super::Pools::pick`].
    pub fn pick(&mut self, choose: impl FnOnce(&mut State, &[Stay]) -> usize) -> Option<Picked> {
        if self.stays.is_empty() {
            return None;
        }
        let at = choose(&mut self.balance, &self.stays);
        Some(Picked { set: self.set.clone(), at, stay: self.stays[at] })
    }

    /// The index of an endpoint now. Nearly always the one it was picked by.
    pub fn find(&self, picked: &Picked) -> Option<usize> {
        if self.stays.get(picked.at) == Some(&picked.stay) {
            return Some(picked.at);
        }
        self.stays.iter().position(|stay| *stay == picked.stay)
    }

    /// See [`super::Pools::replace`].
    pub fn replace(&mut self, set: &Arc<Endpoints>) {
        let before: HashMap<_, usize> =
            self.set.iter().enumerate().map(|(at, end)| (&end.addr, at)).collect();
        let from: Vec<Option<usize>> = set.iter().map(|end| before.get(&end.addr).copied()).collect();
        self.balance.reseat(set.seats().clone(), &from);
        let mut idle = std::mem::take(&mut self.idle);
        self.idle =
            from.iter().map(|from| from.map_or(Vec::new(), |at| std::mem::take(&mut idle[at]))).collect();
        let stays = from.iter().map(|from| match from {
            Some(at) => self.stays[*at],
            None => {
                self.next_stay += 1;
                Stay(self.next_stay - 1)
            }
        });
        self.stays = stays.collect();
        drop(before);
        self.set = Rc::new(set.clone());
        let closed = idle.iter().map(Vec::len).sum::<usize>();
        drop(idle);
        // Each connection closed gave a slot of the cap back.
        (0..closed).for_each(|_| self.wake());
    }

    /// Wakes the exchange that has waited longest for a slot.
    pub fn wake(&mut self) {
        if let Some(waker) = self.waiting.pop_front() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Algorithm;
    use crate::base::UpstreamId;
    use crate::table::endpoints::assemble;
    use crate::table::{Balance, Source, Target};
    use std::time::Duration;

    const BALANCE: Balance = Balance { algorithm: Algorithm::RoundRobin, key: None };

    fn set(addrs: &[&str]) -> Arc<Endpoints> {
        let source = |addr: &&str| Source {
            target: Target::parse(addr).expect("is an address"),
            weight: 1,
            priority: 0,
        };
        Endpoints::new(assemble(addrs.iter().map(source).collect::<Vec<_>>().iter(), |_| &[]), &BALANCE)
    }

    fn station(addrs: &[&str]) -> Station {
        let upstream = Upstream {
            id: UpstreamId(0),
            name: "origin".to_owned(),
            sources: Vec::new(),
            file: None,
            endpoints: set(addrs),
            balance: BALANCE,
            proxy_protocol: None,
            connections: 1,
            idle: Duration::ZERO,
            count: Default::default(),
        };
        Station::new(&upstream, 0)
    }

    fn begin(station: &mut Station, at: usize) -> Picked {
        let begin = |state: &mut State, _: &[Stay]| {
            state.begin(at);
            at
        };
        station.pick(begin).expect("there are endpoints")
    }

    #[test]
    fn an_exchange_ends_where_its_endpoint_sits_now() {
        let mut station = station(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
        let picked = begin(&mut station, 2);
        station.replace(&set(&["10.0.0.3:80", "10.0.0.4:80"]));
        assert_eq!(station.find(&picked), Some(0));
        assert_eq!((station.balance.active(0), station.balance.active(1)), (1, 0));
        assert_eq!(picked.endpoint().name, "10.0.0.3:80", "it names the endpoint it was picked as");
    }

    #[test]
    fn an_endpoint_that_left_and_came_back_is_another() {
        let mut station = station(&["10.0.0.1:80"]);
        let picked = begin(&mut station, 0);
        station.replace(&set(&[]));
        assert_eq!(station.find(&picked), None);
        assert!(station.pick(|_, _| 0).is_none(), "an empty set has nothing to pick");
        station.replace(&set(&["10.0.0.1:80"]));
        assert_eq!(station.find(&picked), None);
        assert_eq!(station.balance.active(0), 0);
    }
}
