//! Tasks that wait in line: each keeps one place, however often it is polled, and leaves it in time.

use std::collections::BTreeMap;
use std::task::Waker;

/// Who waits, in the order they came. Each call takes O(log n).
#[derive(Debug, Default)]
pub struct Line {
    waiting: BTreeMap<u64, Waker>,
    /// How many were called, and have neither left nor come back since.
    called: usize,
    next: u64,
}

/// Where a task stands in a line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is not in it.
    #[default]
    Nowhere,
    /// It waits.
    Kept(u64),
    /// It was called. If it comes back, it waits where it did: in front of those that came later.
    Called(u64),
}

impl Line {
    /// Keeps `place`, for a task that is woken by `waker`; one that has none takes it at the end. False, once, if the one in it
    /// was called since.
    pub fn keep(&mut self, place: &mut Place, waker: &Waker) -> bool {
        let at = match *place {
            Place::Kept(at) => match self.waiting.get_mut(&at) {
                Some(known) => {
                    known.clone_from(waker);
                    return true;
                }
                None => {
                    *place = Place::Called(at);
                    return false;
                }
            },
            Place::Called(at) => {
                self.called -= 1;
                at
            }
            Place::Nowhere => {
                self.next += 1;
                self.next - 1
            }
        };
        self.waiting.insert(at, waker.clone());
        *place = Place::Kept(at);
        true
    }

    /// Gives `place` up; true if the one in it was called, and has not come back since.
    pub fn leave(&mut self, place: Place) -> bool {
        let was_called = match place {
            Place::Nowhere => false,
            Place::Kept(at) => self.waiting.remove(&at).is_none(),
            Place::Called(_) => true,
        };
        self.called -= usize::from(was_called);
        was_called
    }

    /// Calls the one who has waited longest.
    pub fn call(&mut self) {
        if let Some((_, waker)) = self.waiting.pop_first() {
            self.called += 1;
            waker.wake();
        }
    }

    /// Calls everybody.
    pub fn call_all(&mut self) {
        self.called += self.waiting.len();
        std::mem::take(&mut self.waiting).into_values().for_each(Waker::wake);
    }

    /// Whether the one in `place` waits, and has waited longest.
    pub fn is_first(&self, place: Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| place == Place::Kept(*first))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether anybody waits, or was called and has not been there yet to take what it was called for. Who comes now is
    /// behind them all.
    pub fn has_any(&self) -> bool {
        self.called > 0 || !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn one_place_each_the_first_is_called_first_and_who_left_is_not() {
        let all: [Arc<Woken>; 3] = Default::default();
        let wakers: Vec<Waker> = all.iter().map(|woken| Waker::from(woken.clone())).collect();
        let count = || all.each_ref().map(|woken| woken.0.load(Relaxed));
        let mut line = Line::default();
        let mut places = [Place::Nowhere; 3];
        for _ in 0..100 {
            for (place, waker) in places.iter_mut().zip(&wakers) {
                assert!(line.keep(place, waker));
            }
        }
        assert_eq!(line.len(), 3);
        line.call();
        assert_eq!(count(), [1, 0, 0]);
        assert!(!line.leave(places[1]), "it was not called");
        line.call();
        assert_eq!(count(), [1, 0, 1]);
        assert!(line.leave(places[2]), "it was called, and somebody else may be in its place");
        assert!(!line.keep(&mut places[0], &wakers[0]), "it was called");
        assert!(line.has_any(), "and has not taken its place again");
        let mut last = Place::Nowhere;
        assert!(line.keep(&mut last, &wakers[1]));
        assert!(line.keep(&mut places[0], &wakers[0]), "it waits where it did");
        line.call();
        assert_eq!((count(), line.len()), ([2, 0, 1], 1), "in front of who came later");
        line.call_all();
        assert_eq!((count(), line.is_empty()), ([2, 1, 1], true));
    }

    #[test]
    fn who_was_called_is_in_line_until_it_leaves() {
        let mut line = Line::default();
        let mut places = [Place::Nowhere; 3];
        let mut keep = |line: &mut Line, at: usize| line.keep(&mut places[at], Waker::noop());
        assert!(!line.has_any());
        assert!(keep(&mut line, 0));
        line.call();
        assert!(line.is_empty() && line.has_any(), "it has not been there yet");
        assert!(!keep(&mut line, 0));
        assert!(line.has_any(), "nor has it taken anything");
        assert!(keep(&mut line, 0), "it waits again");
        assert!(keep(&mut line, 1) && keep(&mut line, 2));
        line.call();
        line.call_all();
        assert!(!keep(&mut line, 1), "it was called");
        for place in places {
            assert!(line.has_any(), "{place:?} has not left");
            assert!(line.leave(place), "{place:?} was called");
        }
        assert!(!line.has_any());
    }
}
