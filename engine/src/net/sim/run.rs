//! The scheduler: polls a runnable task drawn from the seed; when none is, moves the clock to the next event.

use super::weather::Weather;
use super::world::{MAIN, World};
use crate::base::Tick;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Polls without the clock having moved to an event, after which tasks are taken to wake each other for ever.
const POLLS_MAX: u32 = 1_000_000;

/// What makes a run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The seed of every choice.
    pub seed: u64,
    /// The network.
    pub weather: Weather,
    /// Virtual time after which the run is given up.
    pub within: Duration,
    /// Whether to print what happens at every socket.
    pub trace: bool,
}

/// What a run gave.
#[derive(Debug)]
pub struct Report<T> {
    /// The main future's output.
    pub output: T,
    /// A fold of all that happened: equal for equal runs.
    pub digest: u64,
    /// Virtual time it took.
    pub took: Duration,
}

/// Why a run did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Every task waits and nothing will happen.
    Deadlock,
    /// The main future was not done within its time.
    Late,
    /// Tasks woke each other and time stood still.
    Spinning,
}

/// Runs `main` and all it spawns on this thread until `main` is done; what is left of the others is dropped.
/// `main` must not be polled before: all that it makes belongs to the run.
///
/// # Errors
/// See [`Stuck`].
pub fn run<T>(setup: Setup, main: impl Future<Output = T>) -> Result<Report<T>, Stuck> {
    let world = World::new(setup.seed, setup.weather, setup.trace);
    let entered = world.enter();
    let begun = world.now.get();
    let end = begun.after(setup.within);
    let mut main = pin!(main);
    let main_waker = world.waker(MAIN);
    let mut polls = 0;
    let output = loop {
        world.happen();
        let Some(task) = choose(&world) else {
            let Some(next) = world.next_event() else { return Err(Stuck::Deadlock) };
            if next > end {
                return Err(Stuck::Late);
            }
            world.now.set(next.max(world.now.get()));
            polls = 0;
            continue;
        };
        polls += 1;
        if polls > POLLS_MAX {
            return Err(Stuck::Spinning);
        }
        world.fold(task);
        if task == MAIN {
            if let Poll::Ready(output) = main.as_mut().poll(&mut Context::from_waker(&main_waker)) {
                break output;
            }
        } else {
            poll(&world, task);
        }
        let spent = world.random.within(world.weather.poll.clone());
        world.now.set(Tick(world.now.get().0 + spent));
    };
    let report = Report { output, digest: world.digest.get(), took: world.now.get().since(begun) };
    drop(entered);
    Ok(report)
}

/// A runnable task, taken off the list.
fn choose(world: &World) -> Option<u64> {
    let mut runnable = world.runnable.borrow_mut();
    if runnable.is_empty() {
        return None;
    }
    let at = world.random.below(runnable.len() as u64) as usize;
    Some(runnable.swap_remove(at))
}

/// Polls one task. Nothing of the world is borrowed meanwhile, since it may spawn, wake and drop what it likes.
fn poll(world: &World, number: u64) {
    let task = world.tasks.borrow_mut().get_mut(&number).and_then(Option::take);
    let Some(mut task) = task else { return };
    let waker = world.waker(number);
    match task.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(()) => {
            world.tasks.borrow_mut().remove(&number);
            drop(task);
        }
        Poll::Pending => {
            if let Some(place) = world.tasks.borrow_mut().get_mut(&number) {
                *place = Some(task);
            }
        }
    }
}
