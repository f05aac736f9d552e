//! A shard's wheel of deadlines. Setting a deadline later is one store: its entry stays in the bucket it lies in
//! and is looked at again when that bucket's time comes. Granularity is 10 ms, and 100 ms from one second on.
//! Buckets are lists threaded through the entries, so a turning wheel allocates nothing.
//!
//! Entry:  set ──▶ in a bucket ──bucket's time──▶ passed? wake and out : moved to the bucket of its new time
//!         set earlier ──▶ moved there at once      dropped ──▶ free at once

use super::clock;
use super::turns::awaited::Awaited;
use crate::base::Tick;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Nanoseconds of a wheel step.
const STEP: u64 = 10_000_000;
/// Steps that deadlines far away are rounded up to.
const FAR_STEPS: u64 = 10;
/// Buckets; a deadline further away than this many steps is looked at again when the wheel has turned once.
const BUCKETS: usize = 512;
/// No entry: the end of a list.
const NONE: u32 = u32::MAX;

/// A shard's wheel; cloning it clones a handle.
#[derive(Debug, Clone)]
pub struct Wheel(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    entries: RefCell<Entries>,
    /// The step the driver sleeps until; a deadline before it wakes the driver.
    armed: Cell<u64>,
    driver: RefCell<Option<Waker>>,
    /// Whether what is polled now is spared.
    sparing: Cell<bool>,
}

#[derive(Debug)]
struct Entries {
    slab: Vec<Entry>,
    /// Head of the list of free entries, linked by `next`.
    free: u32,
    /// Head of each bucket's list.
    buckets: Box<[u32; BUCKETS]>,
    /// The step turned last.
    turned: u64,
}

#[derive(Debug)]
struct Entry {
    at: Tick,
    /// The step of the bucket that it lies in; 0 when it lies in none.
    step: u64,
    before: u32,
    next: u32,
    /// Whether it was polled last by what is spared.
    spared: bool,
    waker: Option<Waker>,
}

/// One deadline of one connection, set and cleared as its exchanges go on.
#[derive(Debug)]
pub struct Deadline {
    wheel: Wheel,
    index: u32,
}

impl Default for Wheel {
    fn default() -> Self {
        Wheel::new()
    }
}

/// The first step at or after `at`.
fn step_of(at: Tick) -> u64 {
    at.0.div_ceil(STEP)
}

fn slot_of(step: u64) -> usize {
    (step % BUCKETS as u64) as usize
}

impl Wheel {
    /// A wheel with no deadline.
    pub fn new() -> Wheel {
        let entries = Entries {
            slab: Vec::new(),
            free: NONE,
            buckets: Box::new([NONE; BUCKETS]),
            turned: clock::coarse().0 / STEP,
        };
        Wheel(Rc::new(Inner {
            entries: RefCell::new(entries),
            armed: Cell::new(u64::MAX),
            driver: RefCell::new(None),
            sparing: Cell::new(false),
        }))
    }

    /// A deadline that is not set.
    pub fn deadline(&self) -> Deadline {
        let mut entries = self.0.entries.borrow_mut();
        let entry = Entry { at: Tick::NEVER, step: 0, before: NONE, next: NONE, spared: false, waker: None };
        let index = entries.free;
        let index = if index == NONE {
            entries.slab.push(entry);
            (entries.slab.len() - 1) as u32
        } else {
            entries.free = entries.slab[index as usize].next;
            entries.slab[index as usize] = entry;
            index
        };
        Deadline { wheel: self.clone(), index }
    }

    /// Wakes whoever waits on a deadline at or before `now`. Waking only queues a task; nothing runs meanwhile.
    pub fn turn(&self, now: Tick) {
        let to = now.0 / STEP;
        let mut entries = self.0.entries.borrow_mut();
        // After a long sleep every bucket is looked at once, not once a step.
        let skipped = to.saturating_sub(BUCKETS as u64);
        entries.turned = entries.turned.max(skipped);
        while entries.turned < to {
            entries.turned += 1;
            entries.turn_bucket();
        }
    }

    /// The time of everybody is over: each deadline that is set passes now. Who sets his anew goes on.
    pub fn pass_all(&self) {
        self.pass(|_| true);
    }

    /// The same, except of those that are [spared](Wheel::spare).
    pub fn pass_others(&self) {
        self.pass(|entry| !entry.spared);
    }

    /// Has what `poll` waits on spared by [`Wheel::pass_others`], until it is polled by somebody else.
    pub fn spare<T>(&self, poll: impl FnOnce() -> T) -> T {
        /// Sets it back, on a panic too.
        struct Back<'a>(&'a Cell<bool>, bool);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let sparing = &self.0.sparing;
        let _back = Back(sparing, sparing.replace(true));
        poll()
    }

    fn pass(&self, whether: impl Fn(&Entry) -> bool) {
        let mut entries = self.0.entries.borrow_mut();
        for entry in entries.slab.iter_mut().filter(|entry| entry.at != Tick::NEVER && whether(entry)) {
            entry.at = Tick::default();
            if let Some(waker) = entry.waker.take() {
                waker.wake();
            }
        }
    }

    /// When [`Wheel::turn`] has something to look at next.
    pub fn next(&self) -> Option<Tick> {
        let entries = self.0.entries.borrow();
        let first = entries.turned + 1;
        (first..first + BUCKETS as u64)
            .find(|step| entries.buckets[slot_of(*step)] != NONE)
            .map(|step| Tick(step * STEP))
    }

    /// Turns the wheel for as long as the shard runs.
    pub async fn drive(self) {
        let mut alarm = Alarm::new();
        std::future::poll_fn(|cx| {
            loop {
                self.turn(clock::coarse());
                let Some(next) = self.next() else {
                    self.0.armed.set(u64::MAX);
                    *self.0.driver.borrow_mut() = Some(cx.waker().clone());
                    return Poll::<()>::Pending;
                };
                self.0.armed.set(step_of(next));
                *self.0.driver.borrow_mut() = Some(cx.waker().clone());
                // The coarse clock may lag the precise one by a scheduler tick.
                alarm.set(next.since(clock::coarse()).max(Duration::from_millis(1)));
                if alarm.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// The driver's timer, which the wheel sleeps by.
enum Alarm {
    Os(Pin<Box<monoio::time::Sleep>>),
    #[cfg(feature = "sim")]
    Sim(super::sim::Sleep),
}

impl Alarm {
    fn new() -> Alarm {
        #[cfg(feature = "sim")]
        if let Some(now) = super::sim::virtual_now() {
            return Alarm::Sim(super::sim::Sleep::until(now));
        }
        Alarm::Os(Box::pin(monoio::time::sleep(Duration::ZERO)))
    }

    /// Rings after `span`, and not at the time set before.
    fn set(&mut self, span: Duration) {
        match self {
            Alarm::Os(sleep) => sleep.as_mut().reset(monoio::time::Instant::now() + span),
            #[cfg(feature = "sim")]
            Alarm::Sim(sleep) => sleep.reset(clock::now().after(span)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Alarm::Os(sleep) => sleep.as_mut().poll(cx),
            #[cfg(feature = "sim")]
            Alarm::Sim(sleep) => Pin::new(sleep).poll(cx),
        }
    }
}

/// Waits until `at`, more finely than the wheel turns: for a turn in a queue, where requests must not leave in heaps. To
/// the millisecond; an allocation each.
pub async fn pause(at: Tick) {
    let _awaited = Awaited::begin();
    let mut alarm = Alarm::new();
    loop {
        let left = at.since(clock::now());
        if left.is_zero() {
            return;
        }
        alarm.set(left);
        std::future::poll_fn(|cx| alarm.poll(cx)).await;
    }
}

impl Entries {
    /// Looks at the entries of the bucket whose time has come: each is either due or moved on.
    fn turn_bucket(&mut self) {
        let step = self.turned;
        // The whole list is taken off first, since an entry may be moved into the same bucket again.
        let mut index = std::mem::replace(&mut self.buckets[slot_of(step)], NONE);
        while index != NONE {
            let entry = &mut self.slab[index as usize];
            let next = entry.next;
            (entry.step, entry.before, entry.next) = (0, NONE, NONE);
            if entry.at == Tick::NEVER {
                // Cleared: it is placed again when it is set again.
            } else if step_of(entry.at) <= step {
                if let Some(waker) = entry.waker.take() {
                    waker.wake();
                }
            } else {
                self.place(index);
            }
            index = next;
        }
    }

    /// Puts an entry that lies in no bucket into that of its time; gives the step of that bucket.
    fn place(&mut self, index: u32) -> u64 {
        let entry = &mut self.slab[index as usize];
        debug_assert_eq!(entry.step, 0, "an entry lies in one bucket");
        let mut step = step_of(entry.at);
        if step > self.turned + 100 {
            step = step.next_multiple_of(FAR_STEPS);
        }
        let step = step.clamp(self.turned + 1, self.turned + BUCKETS as u64 - 1);
        let first = std::mem::replace(&mut self.buckets[slot_of(step)], index);
        (entry.step, entry.before, entry.next) = (step, NONE, first);
        if first != NONE {
            self.slab[first as usize].before = index;
        }
        step
    }

    /// Takes an entry out of its bucket, if it lies in one.
    fn take_out(&mut self, index: u32) {
        let entry = &mut self.slab[index as usize];
        let (step, before, next) = (entry.step, entry.before, entry.next);
        if step == 0 {
            return;
        }
        (entry.step, entry.before, entry.next) = (0, NONE, NONE);
        match before {
            NONE => self.buckets[slot_of(step)] = next,
            before => self.slab[before as usize].next = next,
        }
        if next != NONE {
            self.slab[next as usize].before = before;
        }
    }
}

impl Deadline {
    /// Another deadline of the same wheel, not set.
    pub fn sibling(&self) -> Deadline {
        self.wheel.deadline()
    }

    /// Sets the deadline to `at`, later or earlier than it was. [`Tick::NEVER`] clears it.
    pub fn set(&self, at: Tick) {
        let mut entries = self.wheel.0.entries.borrow_mut();
        let entry = &mut entries.slab[self.index as usize];
        entry.at = at;
        if at == Tick::NEVER || (entry.step != 0 && entry.step <= step_of(at)) {
            return;
        }
        entries.take_out(self.index);
        let step = entries.place(self.index);
        drop(entries);
        if step < self.wheel.0.armed.get()
            && let Some(driver) = &*self.wheel.0.driver.borrow()
        {
            driver.wake_by_ref();
        }
    }

    /// Sets the deadline to `at`, unless it is set.
    pub fn begin(&self, at: Tick) {
        if self.wheel.0.entries.borrow().slab[self.index as usize].at == Tick::NEVER {
            self.set(at);
        }
    }

    /// Clears the deadline.
    pub fn clear(&self) {
        self.set(Tick::NEVER);
    }

    /// Ready once it has passed; else the task is woken when it does.
    pub fn poll_passed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut entries = self.wheel.0.entries.borrow_mut();
        let turned = entries.turned;
        let entry = &mut entries.slab[self.index as usize];
        if entry.at == Tick::NEVER {
            return Poll::Pending;
        }
        if step_of(entry.at) <= turned {
            return Poll::Ready(());
        }
        entry.spared = self.wheel.0.sparing.get();
        match &entry.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => entry.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The same, [spared](Wheel::spare) if `spares`.
    pub fn poll_passed_sparing(&self, spares: bool, cx: &mut Context<'_>) -> Poll<()> {
        if spares { self.wheel.spare(|| self.poll_passed(cx)) } else { self.poll_passed(cx) }
    }

    /// Waits until it has passed.
    pub async fn wait(&self) {
        std::future::poll_fn(|cx| self.poll_passed(cx)).await
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut entries = self.wheel.0.entries.borrow_mut();
        entries.take_out(self.index);
        let free = entries.free;
        let entry = &mut entries.slab[self.index as usize];
        entry.waker = None;
        entry.next = free;
        entries.free = self.index;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noop_poll(deadline: &Deadline) -> bool {
        deadline.poll_passed(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_deadline_passes_at_its_time_and_not_before() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadline = wheel.deadline();
        deadline.set(start.after(Duration::from_millis(200)));
        assert!(!noop_poll(&deadline));
        wheel.turn(start.after(Duration::from_millis(190)));
        assert!(!noop_poll(&deadline));
        wheel.turn(start.after(Duration::from_millis(210)));
        assert!(noop_poll(&deadline));
    }

    #[test]
    fn all_that_are_set_pass_at_once_and_may_be_set_anew() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadlines = [wheel.deadline(), wheel.deadline(), wheel.deadline()];
        deadlines[0].set(start.after(Duration::from_secs(75)));
        deadlines[1].set(start.after(Duration::from_millis(50)));
        wheel.pass_all();
        assert_eq!(deadlines.each_ref().map(noop_poll), [true, true, false]);
        deadlines[0].set(start.after(Duration::from_millis(100)));
        assert!(!noop_poll(&deadlines[0]));
        wheel.turn(start.after(Duration::from_millis(200)));
        assert!(noop_poll(&deadlines[0]));
    }

    #[test]
    fn those_that_are_spared_pass_with_all_and_not_with_the_others() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadlines = [wheel.deadline(), wheel.deadline()];
        deadlines.iter().for_each(|deadline| deadline.set(start.after(Duration::from_secs(75))));
        let [spared, other] = &deadlines;
        assert!(!wheel.spare(|| noop_poll(spared)) && !noop_poll(other));
        wheel.pass_others();
        assert_eq!(deadlines.each_ref().map(noop_poll), [false, true]);
        // Polled by somebody else now.
        wheel.pass_others();
        assert!(noop_poll(spared));
        spared.set(start.after(Duration::from_secs(75)));
        assert!(spared.poll_passed_sparing(true, &mut Context::from_waker(Waker::noop())).is_pending());
        wheel.pass_all();
        assert!(noop_poll(spared));
    }

    #[test]
    fn a_panic_of_what_is_spared_spares_nobody_else() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadline = wheel.deadline();
        deadline.set(start.after(Duration::from_secs(75)));
        let panics = std::panic::AssertUnwindSafe(|| wheel.spare(|| panic!("as it should")));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(!noop_poll(&deadline));
        wheel.pass_others();
        assert!(noop_poll(&deadline));
    }

    #[test]
    fn moving_a_deadline_either_way_holds() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadline = wheel.deadline();
        deadline.set(start.after(Duration::from_secs(75)));
        deadline.set(start.after(Duration::from_millis(50)));
        deadline.set(start.after(Duration::from_secs(3)));
        wheel.turn(start.after(Duration::from_secs(2)));
        assert!(!noop_poll(&deadline));
        wheel.turn(start.after(Duration::from_millis(3100)));
        assert!(noop_poll(&deadline));
        deadline.clear();
        assert!(!noop_poll(&deadline));
    }

    #[test]
    fn a_far_deadline_survives_turns_of_the_whole_wheel() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        let deadline = wheel.deadline();
        deadline.set(start.after(Duration::from_secs(3600)));
        for second in 1..3599 {
            wheel.turn(start.after(Duration::from_secs(second)));
            assert!(!noop_poll(&deadline));
        }
        wheel.turn(start.after(Duration::from_secs(3601)));
        assert!(noop_poll(&deadline));
    }

    #[test]
    fn dropped_deadlines_give_their_entries_back() {
        let wheel = Wheel::new();
        let start = Tick(wheel.0.entries.borrow().turned * STEP);
        for round in 1..100u64 {
            for _ in 0..10 {
                wheel.deadline().set(start.after(Duration::from_millis(10 * round + 5)));
            }
            wheel.turn(start.after(Duration::from_millis(10 * round + 10)));
        }
        assert_eq!(wheel.0.entries.borrow().slab.len(), 1, "entries are reused");
    }
}
