//! The log thread: the one writer of the access log. It takes batches of lines from the shards' rings and writes
//! each with one write(2) to stdout or to a file. A slow reader or a full disk stops nobody: the rings fill, the
//! shards drop lines and count them; what cannot be written here is counted here. Losses are told on stderr within
//! seconds, then once a minute at most, by control too: the thread may be stuck in a write. Control starts it before the
//! shards and stops it after them.

mod outlet;
mod report;

pub use outlet::Target;

use super::diagnostics::{advice, tell};
use crate::base::Tick;
use crate::base::counters::Count;
use crate::net::{interrupt_nobody, ring};
use crate::observe::Counts;
use outlet::{Loss, Outlet};
use report::{Report, Told};
use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[expect(clippy::disallowed_types, reason = "control and the log thread take it; no shard ever does")]
type Shared<T> = std::sync::Mutex<T>;

/// How long the thread sleeps when nobody wakes it; it looks for losses to tell when it wakes.
const SLEEP: Duration = Duration::from_secs(1);

/// How often an end is looked for.
const PAUSE: Duration = Duration::from_millis(2);

/// Orders that wait at most; control gives them one by one, seconds apart.
const ORDERS: usize = 16;

/// What a shard gives the log thread.
#[derive(Debug)]
pub struct Feed {
    /// Its lines.
    pub ring: ring::Receiver,
    /// Its counters, of which the dropped lines are read.
    pub counts: Arc<Counts>,
}

/// What control asks of the thread. To end it, the channel is closed.
enum Order {
    Reopen,
    Redirect(Target),
}

/// The log thread, from outside.
#[derive(Debug)]
pub struct Logs {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
    losses: Arc<Losses>,
}

/// Lines that are lost, and what was told of them.
#[derive(Debug)]
struct Losses {
    /// Of each shard, of which the dropped lines are read.
    counts: Vec<Arc<Counts>>,
    /// Those that could not be written.
    unwritten: Arc<Count>,
    report: Shared<Report>,
}

impl Logs {
    /// Opens `target` and starts the thread. `clock` is the monotonic clock. With `access_log: off` any target
    /// serves, since no line comes. *Errors*: the target cannot be opened, or no thread can be made.
    pub fn start(target: Target, feeds: Vec<Feed>, clock: fn() -> Tick) -> io::Result<Logs> {
        let outlet = Outlet::open(target)?;
        let counts = feeds.iter().map(|feed| feed.counts.clone()).collect();
        let losses = Arc::new(Losses { counts, unwritten: Arc::default(), report: Shared::default() });
        let (orders, inbox) = mpsc::sync_channel(ORDERS);
        let mut writer = Writer { outlet, feeds, inbox, clock, losses: losses.clone() };
        let thread = thread::Builder::new().name("log".into()).spawn(move || writer.run())?;
        Ok(Logs { orders, thread, losses })
    }

    /// Opens the file by its path again, for rotation. Lines handed over until the thread comes to it go to the
    /// old file, those after it to the new one, none is lost. False when so many orders wait already that this
    /// one was not taken.
    pub fn reopen(&self) -> bool {
        self.order(Order::Reopen)
    }

    /// Writes to another target from now on. False as of [`Logs::reopen`]. If it cannot be opened, that is said
    /// on stderr and the old target stays.
    pub fn redirect(&self, target: Target) -> bool {
        self.order(Order::Redirect(target))
    }

    /// Lines lost because they could not be written. Those that the shards dropped are in their own counters.
    pub fn lost(&self) -> &Arc<Count> {
        &self.losses.unwritten
    }

    /// Tells of lines that were lost, if it is time.
    pub fn tell_losses(&self, now: Tick) {
        self.losses.tell(now);
    }

    /// Writes out all that the rings hold and ends the thread. To be called when the shards have ended. False
    /// when it does not end within `patience`, because whoever reads stdout has stopped reading: the thread is
    /// then left behind, and the process may exit.
    pub fn stop(self, patience: Duration) -> bool {
        let Logs { orders, thread, losses } = self;
        drop(orders);
        thread.thread().unpark();
        let mut waited = Duration::ZERO;
        while !thread.is_finished() {
            if waited >= patience {
                losses.tell(Tick::NEVER);
                return false;
            }
            thread::sleep(PAUSE);
            waited += PAUSE;
        }
        thread.join().is_ok()
    }

    fn order(&self, order: Order) -> bool {
        let taken = self.orders.try_send(order).is_ok();
        self.thread.thread().unpark();
        taken
    }
}

/// What the thread owns.
struct Writer {
    outlet: Outlet,
    feeds: Vec<Feed>,
    inbox: Receiver<Order>,
    clock: fn() -> Tick,
    losses: Arc<Losses>,
}

impl Losses {
    fn tell(&self, now: Tick) {
        let dropped = self.counts.iter().map(|counts| counts.log_drops.now()).sum();
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = report.due(now, dropped, self.unwritten.now()) {
            let Told { dropped, unwritten, cause } = &told;
            let error = cause.as_ref().map(ToString::to_string);
            tell!(AccessLogLost, { dropped, unwritten, error }, "access log: {told}");
        }
    }

    /// So many more could not be written.
    fn unwritten(&self, Loss { lines, cause }: Loss) {
        self.unwritten.add(lines);
        self.report.lock().unwrap_or_else(PoisonError::into_inner).failed(cause);
    }
}

impl Writer {
    fn run(&mut self) {
        interrupt_nobody();
        for feed in &self.feeds {
            feed.ring.wakes(thread::current());
        }
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Reopen) => self.turn_to(self.outlet.target().clone()),
                Ok(Order::Redirect(target)) => self.turn_to(target),
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    let wrote = self.lap();
                    self.losses.tell((self.clock)());
                    if !wrote {
                        thread::park_timeout(SLEEP);
                    }
                }
            }
        }
        // The shards have ended, so that the rings only empty: at most their capacity of laps.
        while self.lap() {}
        self.losses.unwritten.add(self.outlet.abandon());
        // The last word does not wait for its minute.
        self.losses.tell(Tick::NEVER);
    }

    /// Writes one batch of each ring, so that a busy shard does not keep the others waiting. False if there was
    /// none.
    fn lap(&mut self) -> bool {
        let mut wrote = false;
        for feed in &self.feeds {
            let Some(batch) = feed.ring.take() else { continue };
            wrote = true;
            if let Err(loss) = self.outlet.write(&batch) {
                self.losses.unwritten(loss);
            }
            feed.ring.put_back(batch);
        }
        wrote
    }

    fn turn_to(&mut self, target: Target) {
        match Outlet::open(target.clone()) {
            Ok(outlet) => {
                self.losses.unwritten.add(self.outlet.abandon());
                self.outlet = outlet;
            }
            Err(error) => {
                let (shown, help) = (error.to_string(), advice::file(&error));
                tell!(
                    AccessLogUnopened,
                    { target = %target, error = shown },
                    "access log: {target} cannot be opened, the old one stays: {shown}{help}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
