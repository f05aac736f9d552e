//! A shard's wheel of deadlines. Setting a deadline is one store: its entry stays in the bucket it lies in and
//! is looked at again when that bucket's time comes. Granularity is 10 ms, and 100 ms from one second on.
//!
//! Entry:  set ──▶ in a bucket ──bucket's time──▶ passed? wake : moved to the bucket of its new time
//!         dropped ──bucket's time──▶ free

use super::clock;
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
const BUCKETS: u64 = 512;

/// A shard's wheel; cloning it clones a handle.
#[derive(Debug, Clone)]
pub struct Wheel(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    entries: RefCell<Entries>,
    /// The step the driver sleeps until; a deadline before it wakes the driver.
    armed: Cell<u64>,
    driver: RefCell<Option<Waker>>,
}

#[derive(Debug)]
struct Entries {
    slab: Vec<Entry>,
    free: Vec<u32>,
    buckets: Vec<Vec<u32>>,
    /// The step turned last.
    turned: u64,
}

#[derive(Debug)]
struct Entry {
    at: Tick,
    /// The step of the bucket that counts; 0 when it lies in none.
    step: u64,
    /// Buckets that name this entry: it is free for reuse when dropped and none does.
    named: u32,
    live: bool,
    waker: Option<Waker>,
}

/// One deadline of one connection, set and cleared as its exchanges go on.
#[derive(Debug)]
pub struct Deadline {
    wheel: Wheel,
    index: u32,
    at: Cell<Tick>,
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

impl Wheel {
    /// A wheel with no deadline.
    pub fn new() -> Wheel {
        let entries = Entries {
            slab: Vec::new(),
            free: Vec::new(),
            buckets: (0..BUCKETS).map(|_| Vec::new()).collect(),
            turned: clock::coarse().0 / STEP,
        };
        Wheel(Rc::new(Inner { entries: RefCell::new(entries), armed: Cell::new(u64::MAX), driver: RefCell::new(None) }))
    }

    /// A deadline that is not set.
    pub fn deadline(&self) -> Deadline {
        let mut entries = self.0.entries.borrow_mut();
        let entry = Entry { at: Tick::NEVER, step: 0, named: 0, live: true, waker: None };
        let index = match entries.free.pop() {
            Some(index) => {
                entries.slab[index as usize] = entry;
                index
            }
            None => {
                entries.slab.push(entry);
                (entries.slab.len() - 1) as u32
            }
        };
        Deadline { wheel: self.clone(), index, at: Cell::new(Tick::NEVER) }
    }

    /// Wakes whoever waits on a deadline at or before `now`.
    pub fn turn(&self, now: Tick) {
        let to = now.0 / STEP;
        loop {
            let mut entries = self.0.entries.borrow_mut();
            if entries.turned >= to {
                return;
            }
            // After a long sleep every bucket is looked at once, not once a step.
            entries.turned = (entries.turned + 1).max(to.saturating_sub(BUCKETS));
            let step = entries.turned;
            let slot = (step % BUCKETS) as usize;
            if entries.buckets[slot].is_empty() {
                continue;
            }
            let mut due = std::mem::take(&mut entries.buckets[slot]);
            for index in due.drain(..) {
                let waker = entries.visit(index, step);
                if let Some(waker) = waker {
                    // Waking only queues a task; nothing runs while the entries are borrowed.
                    waker.wake();
                }
            }
            // The bucket keeps its memory unless a visit put an entry back into it.
            if entries.buckets[slot].is_empty() {
                entries.buckets[slot] = due;
            }
        }
    }

    /// When [`Wheel::turn`] has something to look at next.
    pub fn next(&self) -> Option<Tick> {
        let entries = self.0.entries.borrow();
        let first = entries.turned + 1;
        (first..first + BUCKETS)
            .find(|step| !entries.buckets[(step % BUCKETS) as usize].is_empty())
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

impl Entries {
    /// Looks at an entry whose bucket's time has come; gives the waker of one that has passed.
    fn visit(&mut self, index: u32, step: u64) -> Option<Waker> {
        let entry = &mut self.slab[index as usize];
        entry.named -= 1;
        if !entry.live {
            if entry.named == 0 {
                self.free.push(index);
            }
            return None;
        }
        // A later step means that another bucket counts; an earlier one that the wheel slept past it.
        if entry.step == 0 || entry.step > step {
            return None;
        }
        entry.step = 0;
        if entry.at == Tick::NEVER {
            return None;
        }
        if step_of(entry.at) <= step {
            return entry.waker.take();
        }
        self.place(index);
        None
    }

    /// Puts an entry into the bucket of its time; gives the step of that bucket.
    fn place(&mut self, index: u32) -> u64 {
        let turned = self.turned;
        let entry = &mut self.slab[index as usize];
        let mut step = step_of(entry.at);
        if step > turned + 100 {
            step = step.next_multiple_of(FAR_STEPS);
        }
        let step = step.clamp(turned + 1, turned + BUCKETS - 1);
        entry.step = step;
        entry.named += 1;
        self.buckets[(step % BUCKETS) as usize].push(index);
        step
    }
}

impl Deadline {
    /// Sets the deadline to `at`, later or earlier than it was. [`Tick::NEVER`] clears it.
    pub fn set(&self, at: Tick) {
        self.at.set(at);
        let mut entries = self.wheel.0.entries.borrow_mut();
        let entry = &mut entries.slab[self.index as usize];
        entry.at = at;
        if at == Tick::NEVER || (entry.step != 0 && entry.step <= step_of(at)) {
            return;
        }
        let step = entries.place(self.index);
        drop(entries);
        if step < self.wheel.0.armed.get() {
            if let Some(driver) = &*self.wheel.0.driver.borrow() {
                driver.wake_by_ref();
            }
        }
    }

    /// Clears the deadline.
    pub fn clear(&self) {
        self.set(Tick::NEVER);
    }

    /// When it passes.
    pub fn at(&self) -> Tick {
        self.at.get()
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        self.at.get() != Tick::NEVER && self.at.get() <= clock::coarse()
    }

    /// Ready once it has passed; else the task is woken when it does.
    pub fn poll_passed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.at.get() == Tick::NEVER {
            return Poll::Pending;
        }
        let mut entries = self.wheel.0.entries.borrow_mut();
        let turned = entries.turned;
        let entry = &mut entries.slab[self.index as usize];
        if step_of(entry.at) <= turned {
            return Poll::Ready(());
        }
        match &entry.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => entry.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits until it has passed.
    pub async fn wait(&self) {
        std::future::poll_fn(|cx| self.poll_passed(cx)).await
    }

    /// The wheel it hangs on.
    pub fn wheel(&self) -> &Wheel {
        &self.wheel
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        let mut entries = self.wheel.0.entries.borrow_mut();
        let entry = &mut entries.slab[self.index as usize];
        entry.live = false;
        entry.waker = None;
        if entry.named == 0 {
            entries.free.push(self.index);
        }
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
        assert!(wheel.0.entries.borrow().slab.len() <= 20, "entries are reused");
    }
}
