//! Questions that are being asked: of all exchanges of a shard that want the same answer at the same time, one asks and
//! the others wait for what it is told. Who asks may vanish, since its client may: then those who wait are told so, and
//! one of them asks anew.

use crate::base::{Line, Place, Tick};
use crate::net::Wheel;
use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The questions of a shard, by what they are about.
#[derive(Debug)]
pub struct Flights<K, T>(RefCell<HashMap<K, Rc<Flight<T>>>>);

/// One question.
#[derive(Debug)]
pub struct Flight<T> {
    until: Tick,
    state: RefCell<State<T>>,
}

/// `Asked ─▶ Told`, `Asked ─▶ Lost`.
#[derive(Debug)]
enum State<T> {
    Asked(Line),
    Told(T),
    Lost,
}

/// Whose turn it is to ask.
#[derive(Debug)]
pub enum Seat<T> {
    /// This one's: it lands the flight.
    First(Rc<Flight<T>>),
    /// Another's.
    Joined(Rc<Flight<T>>),
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Flights(RefCell::default())
    }
}

impl<K: Hash + Eq, T: Clone> Flights<K, T> {
    /// A seat in the flight about `key`; a new one, which is over at `until` whatever happens, where none is under way.
    pub fn board(&self, key: K, now: Tick, until: Tick) -> Seat<T> {
        let mut flights = self.0.borrow_mut();
        if let Some(flight) = flights.get(&key).filter(|flight| now < flight.until) {
            return Seat::Joined(flight.clone());
        }
        let flight = Rc::new(Flight { until, state: RefCell::new(State::Asked(Line::default())) });
        if let Some(late) = flights.insert(key, flight.clone()) {
            late.end(State::Lost);
        }
        Seat::First(flight)
    }

    /// The answer to the question about `key` has come.
    pub fn land<Q: Hash + Eq + ?Sized>(&self, key: &Q, told: T)
    where
        K: Borrow<Q>,
    {
        let flight = self.0.borrow_mut().remove(key);
        if let Some(flight) = flight {
            flight.end(State::Told(told));
        }
    }

    /// Whoever asked in `flight` does so no more. Nothing happens where it has landed.
    pub fn lose<Q: Hash + Eq + ?Sized>(&self, key: &Q, flight: &Rc<Flight<T>>)
    where
        K: Borrow<Q>,
    {
        let mut flights = self.0.borrow_mut();
        if flights.get(key).is_some_and(|known| Rc::ptr_eq(known, flight)) {
            flights.remove(key);
        }
        drop(flights);
        flight.end(State::Lost);
    }
}

impl<T: Clone> Flight<T> {
    fn end(&self, state: State<T>) {
        let mut known = self.state.borrow_mut();
        if let State::Asked(waiting) = &mut *known {
            waiting.call_all();
            *known = state;
        }
    }

    /// Waits for the answer, until `by` at the latest. None where there is none by then, or where whoever asked is gone.
    pub async fn landing(&self, wheel: &Wheel, by: Tick) -> Option<T> {
        let end = wheel.deadline();
        end.set(by);
        let mut waiter = Waiter { flight: self, place: Place::default() };
        poll_fn(|cx| {
            let told = match &*self.state.borrow() {
                State::Told(told) => Some(Some(told.clone())),
                State::Lost => Some(None),
                State::Asked(_) => None,
            };
            if let Some(told) = told {
                return Poll::Ready(told);
            }
            if end.poll_passed(cx).is_ready() {
                return Poll::Ready(None);
            }
            waiter.wait(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Whether whoever asked is gone without an answer.
    pub fn is_lost(&self) -> bool {
        matches!(*self.state.borrow(), State::Lost)
    }
}

/// One who waits for the answer, until this is dropped.
struct Waiter<'a, T> {
    flight: &'a Flight<T>,
    place: Place,
}

impl<T> Waiter<'_, T> {
    fn wait(&mut self, waker: &Waker) {
        if let State::Asked(waiting) = &mut *self.flight.state.borrow_mut() {
            waiting.keep(&mut self.place, waker);
        }
    }
}

impl<T> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        if let State::Asked(waiting) = &mut *self.flight.state.borrow_mut() {
            waiting.leave(self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Context;
    use std::time::Duration;

    fn at(ms: u64) -> Tick {
        Tick::default().after(Duration::from_millis(ms))
    }

    fn first(seat: Seat<u8>) -> Rc<Flight<u8>> {
        match seat {
            Seat::First(flight) => flight,
            Seat::Joined(_) => panic!("another asks already"),
        }
    }

    fn joined(seat: Seat<u8>) -> Rc<Flight<u8>> {
        match seat {
            Seat::Joined(flight) => flight,
            Seat::First(_) => panic!("nobody asks"),
        }
    }

    #[test]
    fn one_asks_and_all_are_told() {
        let (flights, wheel) = (Flights::<&str, u8>::default(), Wheel::new());
        let by = Tick::NEVER;
        let own = first(flights.board("a", at(0), at(100)));
        let others = [flights.board("a", at(1), at(101)), flights.board("a", at(2), at(102))].map(joined);
        first(flights.board("b", at(2), at(102)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut waits: Vec<_> = others.iter().map(|flight| Box::pin(flight.landing(&wheel, by))).collect();
        assert!(waits.iter_mut().all(|wait| wait.as_mut().poll(&mut cx).is_pending()));
        flights.land("a", 7);
        assert!(waits.iter_mut().all(|wait| wait.as_mut().poll(&mut cx) == Poll::Ready(Some(7))));
        assert_eq!(pin!(own.landing(&wheel, by)).poll(&mut cx), Poll::Ready(Some(7)));
        first(flights.board("a", at(3), at(103)));
    }

    #[test]
    fn who_waits_no_longer_leaves_nothing_behind() {
        let (flights, wheel) = (Flights::<&str, u8>::default(), Wheel::new());
        let _own = first(flights.board("a", at(0), at(100)));
        let other = joined(flights.board("a", at(1), at(101)));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert!(pin!(other.landing(&wheel, Tick::NEVER)).poll(&mut cx).is_pending());
        }
        assert!(matches!(&*other.state.borrow(), State::Asked(waiting) if waiting.is_empty()));
    }

    #[test]
    fn who_waits_for_somebody_gone_asks_anew() {
        let (flights, wheel) = (Flights::<&str, u8>::default(), Wheel::new());
        let own = first(flights.board("a", at(0), at(100)));
        let other = joined(flights.board("a", at(1), at(101)));
        flights.lose("a", &own);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(pin!(other.landing(&wheel, Tick::NEVER)).poll(&mut cx), Poll::Ready(None));
        assert!(other.is_lost());
        let next = first(flights.board("a", at(2), at(102)));
        // What comes too late of the first one does not touch the second.
        flights.lose("a", &own);
        assert!(!next.is_lost());
        // One that is under way for too long is given up by the next who asks.
        first(flights.board("a", at(102), at(200)));
        assert!(next.is_lost());
    }
}
