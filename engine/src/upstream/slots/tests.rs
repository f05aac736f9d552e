use super::*;
use crate::base::Place;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Wake, Waker};

const CAP: u32 = 4;
const EVERY: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// One who waits in line.
struct Waiter {
    woken: Arc<Woken>,
    place: Place,
}

impl Waiter {
    fn joins(slots: &Slots) -> Waiter {
        let (woken, mut place) = (Arc::<Woken>::default(), Place::default());
        assert!(slots.line(|line| line.keep(&mut place, &Waker::from(woken.clone()))));
        Waiter { woken, place }
    }

    fn was_called(&self) -> bool {
        self.woken.0.load(Relaxed) > 0
    }

    fn leaves(self, slots: &Slots) {
        slots.line(|line| line.leave(self.place));
        slots.left();
    }
}

/// Shards of one upstream.
fn shards<const N: usize>() -> (Arc<Capped>, [Rc<Slots>; N]) {
    let count = Arc::<Capped>::default();
    (count.clone(), std::array::from_fn(|_| Slots::new(count.clone())))
}

/// All the slots that there are.
fn all(slots: &Rc<Slots>, count: &Arc<Capped>) -> Vec<Held> {
    std::iter::from_fn(|| slots.take(count, CAP)).collect()
}

fn asks(slots: &Slots) -> Asker {
    slots.asked_at.set(Tick::default());
    slots.asks(Tick::default().after(EVERY), EVERY).expect("it is time")
}

#[test]
fn a_slot_that_is_dropped_is_free_and_the_first_in_line_is_told() {
    let (count, [here]) = shards();
    let mut held = all(&here, &count);
    let waiters = [Waiter::joins(&here), Waiter::joins(&here)];
    held.pop();
    assert_eq!((count.now(), here.held.get()), (CAP - 1, CAP - 1));
    assert_eq!(waiters.each_ref().map(Waiter::was_called), [true, false]);
}

#[test]
fn what_comes_free_goes_every_second_time_to_a_shard_that_asked_and_holds_nothing() {
    let (count, [here, there]) = shards();
    let mut held = all(&here, &count);
    let _waiters = [Waiter::joins(&here), Waiter::joins(&here), Waiter::joins(&there)];
    for turn in 0..4 {
        here.owe(asks(&there));
        let before = here.held.get();
        held.pop();
        let given = there.take_given(&count);
        assert_eq!(given.is_some(), turn % 2 == 0, "{turn}");
        assert_eq!((here.held.get(), there.held.get()), (before - 1, u32::from(given.is_some())), "{turn}");
        assert_eq!(count.now(), here.held.get() + there.held.get(), "no slot is lost, and none is made");
        drop(given);
        held.extend(here.take(&count, CAP));
    }
}

#[test]
fn nothing_is_given_to_a_shard_that_would_have_more_then() {
    let (count, [here, there]) = shards();
    let mut held = all(&here, &count);
    let _other = Waiter::joins(&there);
    for (has, gets) in [(CAP - 1, false), (CAP - 2, true)] {
        there.held.set(has);
        here.owe(asks(&there));
        assert_eq!(here.is_due(), gets, "{has}");
    }
    held.truncate(1);
    assert_eq!((here.held.get(), count.now()), (1, 2), "one was given, and the others are free");
}

#[test]
fn who_asks_several_shards_has_one_slot() {
    let (count, [one, other, there]) = shards();
    let held = [one.take(&count, CAP), other.take(&count, CAP)];
    let _waiter = Waiter::joins(&there);
    let asker = asks(&there);
    one.owe(asker.clone());
    other.owe(asker);
    drop(held);
    assert_eq!(count.now(), 1, "the second one is free");
    let given = there.take_given(&count);
    assert!(given.is_some() && there.take_given(&count).is_none());
    assert!(other.owed.borrow().is_empty() || !other.is_due(), "and nothing is owed any more");
    drop(given);
    assert_eq!(count.now(), 0);
}

#[test]
fn no_slot_is_lost_to_a_shard_that_wants_none_any_more() {
    // It leaves before a slot comes free, after one was given, or it ends.
    for (leaves_after, ends) in [(false, false), (true, false), (false, true), (true, true)] {
        let (count, [here, there]) = shards();
        let mut held = all(&here, &count);
        let (own, other) = (Waiter::joins(&here), Waiter::joins(&there));
        let mut there = Some(there);
        let gone = |there: &mut Option<Rc<Slots>>, other: Waiter| match ends {
            true => *there = None,
            false => other.leaves(there.as_ref().expect("it is there")),
        };
        here.owe(asks(there.as_ref().expect("it is there")));
        if leaves_after {
            held.pop();
            assert_eq!((count.now(), own.was_called()), (CAP, false), "it was given");
            gone(&mut there, other);
        } else {
            gone(&mut there, other);
            held.pop();
            assert!(own.was_called(), "it is for those who wait here");
        }
        assert_eq!(count.now(), CAP - 1, "{leaves_after} {ends}");
    }
}

#[test]
fn what_was_given_is_the_next_ones_if_the_first_leaves_without_it() {
    let (count, [here, there]) = shards();
    let held = here.take(&count, CAP);
    let (first, second) = (Waiter::joins(&there), Waiter::joins(&there));
    here.owe(asks(&there));
    drop(held);
    first.leaves(&there);
    assert!(second.was_called());
    assert!(there.take_given(&count).is_some());
}

#[test]
fn a_slot_of_another_count_is_given_to_nobody() {
    let (_, [there]) = shards();
    let (count, [here]) = shards();
    let held = here.take(&count, CAP);
    let _other = Waiter::joins(&there);
    here.owe(asks(&there));
    drop(held);
    assert_eq!((count.now(), there.take_given(&there.count.clone()).is_none()), (0, true));
}

#[test]
fn a_shard_is_owed_once_however_often_it_asks() {
    let (count, [here, one, other]) = shards();
    let held = all(&here, &count);
    let _waiters = [Waiter::joins(&one), Waiter::joins(&other)];
    for _ in 0..100 {
        here.owe(asks(&one));
        here.owe(asks(&other));
    }
    assert_eq!(here.owed.borrow().len(), 2);
    drop(held);
    assert_eq!([&one, &other].map(|slots| slots.take_given(&count).is_some()), [true; 2], "each has one");
}
