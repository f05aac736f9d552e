//! One run's state: its clock, tasks, coming events and ports. It hangs on the thread while the run lasts, so
//! that the hooks of `net` find it without an argument.

use super::listener::Port;
use super::random::Random;
use super::weather::Weather;
use crate::base::Tick;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// A task that [`spawn`] takes.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The kernel's coarse clock moves in steps like this one.
const COARSE: u64 = 4_000_000;
/// The virtual clock's start: late enough that the wall clock derived from it is no odd date.
const START: Tick = Tick(1_700_000_000_000_000_000);

thread_local! {
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

/// One run.
pub struct World {
    /// Which run of the thread: a waker kept from an earlier one wakes nobody.
    pub run: u64,
    pub now: Cell<Tick>,
    pub random: Random,
    pub weather: Weather,
    /// By number; a task that is being polled has its place empty.
    pub tasks: RefCell<BTreeMap<u64, Option<Task>>>,
    pub runnable: RefCell<Vec<u64>>,
    pub ports: RefCell<BTreeMap<SocketAddr, Port>>,
    pub sockets: Cell<usize>,
    /// A fold of all that happened: equal for equal runs.
    pub digest: Cell<u64>,
    trace: bool,
    events: RefCell<BinaryHeap<Event>>,
    spawned: Cell<u64>,
    /// Connections so far.
    pub dialled: Cell<u64>,
    scheduled: Cell<u64>,
}

/// Something that happens at its time; events of one moment happen in the order they were scheduled.
struct Event {
    at: Tick,
    number: u64,
    act: Box<dyn FnOnce()>,
}

/// The number of the run's main future.
pub const MAIN: u64 = 0;

impl World {
    pub fn new(seed: u64, weather: Weather, trace: bool) -> Rc<World> {
        let run = RUNS.get() + 1;
        RUNS.set(run);
        Rc::new(World {
            run,
            now: Cell::new(START),
            random: Random::new(seed),
            weather,
            tasks: RefCell::default(),
            runnable: RefCell::new(vec![MAIN]),
            ports: RefCell::default(),
            sockets: Cell::new(0),
            digest: Cell::new(0),
            trace,
            events: RefCell::default(),
            spawned: Cell::new(MAIN),
            dialled: Cell::new(0),
            scheduled: Cell::new(0),
        })
    }

    /// Makes this the thread's run until the guard is dropped.
    pub fn enter(self: &Rc<Self>) -> Entered {
        let before = CURRENT.replace(Some(self.clone()));
        debug_assert!(before.is_none(), "a run does not start another one on its thread");
        Entered
    }

    /// Has `act` called at `at`, in no task.
    pub fn at(&self, at: Tick, act: impl FnOnce() + 'static) {
        let number = self.scheduled.get() + 1;
        self.scheduled.set(number);
        self.events.borrow_mut().push(Event { at, number, act: Box::new(act) });
    }

    /// When the next event happens.
    pub fn next_event(&self) -> Option<Tick> {
        self.events.borrow().peek().map(|event| event.at)
    }

    /// Lets all events up to now happen.
    pub fn happen(&self) {
        loop {
            let mut events = self.events.borrow_mut();
            if events.peek().is_none_or(|event| event.at > self.now.get()) {
                return;
            }
            let event = events.pop();
            drop(events);
            if let Some(Event { number, act, .. }) = event {
                self.fold(number);
                act();
            }
        }
    }

    /// Folds `fact` into the run's digest.
    pub fn fold(&self, fact: u64) {
        let mixed = (self.digest.get() ^ fact).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
        self.digest.set(mixed ^ self.now.get().0);
    }

    /// Prints what happens, with its time in microseconds, if asked to.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>10} {}", self.now.get().since(START).as_micros(), what());
        }
    }

    /// When what is sent now arrives.
    pub fn arrival(&self) -> Tick {
        Tick(self.now.get().0 + self.random.within(self.weather.delay.clone()))
    }

    pub fn wake(&self, task: u64) {
        let mut runnable = self.runnable.borrow_mut();
        if !runnable.contains(&task) {
            runnable.push(task);
        }
    }

    pub fn waker(&self, task: u64) -> Waker {
        Waker::from(Arc::new(Alarm { run: self.run, task }))
    }

    /// Drops every task and event: what is left when the main future is done.
    pub fn clear(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
        let ports = std::mem::take(&mut *self.ports.borrow_mut());
        drop(ports);
        let events = std::mem::take(&mut *self.events.borrow_mut());
        drop(events);
    }

    fn add(&self, task: Task) {
        let number = self.spawned.get() + 1;
        self.spawned.set(number);
        self.tasks.borrow_mut().insert(number, Some(task));
        self.wake(number);
    }
}

/// Ends the thread's run when dropped.
pub struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(world) = CURRENT.with_borrow(Clone::clone) {
            world.clear();
        }
        CURRENT.set(None);
    }
}

/// Wakes one task of one run, from the thread of that run only.
struct Alarm {
    run: u64,
    task: u64,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(world) = current().filter(|world| world.run == self.run) {
            world.wake(self.task);
        }
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, since a heap gives its greatest first.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// The thread's run.
pub fn current() -> Option<Rc<World>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Whether a run is on on this thread.
pub fn active() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// The virtual time, while a run is on.
pub fn virtual_now() -> Option<Tick> {
    CURRENT.with_borrow(|world| world.as_ref().map(|world| world.now.get()))
}

/// The virtual time as a coarse clock shows it: it lags by a few milliseconds, as the kernel's does.
pub fn coarse_now() -> Option<Tick> {
    virtual_now().map(|now| Tick(now.0 - now.0 % COARSE))
}

/// Sockets of the run that nobody has dropped yet, those in accept queues among them.
pub fn open_sockets() -> usize {
    current().map_or(0, |world| world.sockets.get())
}

/// Runs `task` beside the others. Without a run it is dropped.
pub fn spawn(task: Task) {
    if let Some(world) = current() {
        world.add(task);
    }
}
