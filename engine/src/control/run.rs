//! `ringgate run`: compiles the table, binds every socket before anything starts, starts one shard a CPU and the
//! log thread, and waits for the signal to end. A second signal ends at once.

use super::admin::{Door, Live};
use super::bind::{Sockets, bind};
use super::logs::{Feed, Logs, Target};
use super::resolve::Names;
use crate::base::{Address, Generation, Tick};
use crate::config::{Config, Problems};
use crate::net::driver::{Driver, probe_io_uring};
use crate::net::{affinity, clock, raise_descriptor_limit, ring};
use crate::observe::Counts;
use crate::shard::{Message, Setup, Shared, start};
use crate::table::{DriverChoice, Table};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Time that exchanges get to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(10);
/// Batches of log lines a shard may be ahead of the log thread.
const LOG_BATCHES: usize = 64;

/// Why the process did not start, or ended in failure.
#[derive(Debug)]
pub enum Refused {
    /// The configuration: exit code 1.
    Configuration(Problems),
    /// Anything at run time: exit code 2.
    Runtime(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Configuration(problems) => {
                problems.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
            }
            Refused::Runtime(why) => writeln!(f, "ringgate: {why}"),
        }
    }
}

/// Runs the gateway on `table` until a signal ends it; `config` is what it was compiled from. `ready` is called with the bound addresses once every
/// listener takes connections.
///
/// # Errors
/// [`Refused::Runtime`] when a socket, thread or driver cannot be had, or a shard failed.
pub async fn run(
    mut table: Table,
    config: &Config,
    ready: impl FnOnce(&[(String, Address)]),
) -> Result<(), Refused> {
    let descriptors = raise_descriptor_limit();
    let driver = choose(table.gateway.driver)?;
    let cpus = affinity::cpus();
    let shards = table.gateway.shards.map_or(cpus.len(), |shards| shards as usize).max(1);
    let Sockets { of: mut sockets, told: bound, files } = bind(&table, shards)?;
    let door = table.admin.as_ref().map(Door::bind).transpose()?;
    let mut signals = Signals::new()?;
    let names = Names::settled(&mut table).await;
    let table = Arc::new(table);

    let counts: Vec<Arc<Counts>> = (0..shards).map(|_| Arc::default()).collect();
    let (senders, feeds): (Vec<_>, Vec<_>) = counts.iter().map(feed).unzip();
    let logs = Logs::start(log_target(&table), feeds, clock::now as fn() -> Tick)
        .map_err(|error| Refused::Runtime(format!("the access log cannot be opened: {error}")))?;

    let shared = Shared::new(shards);
    let mut threads = Vec::with_capacity(shards);
    for (index, log) in senders.into_iter().enumerate() {
        let setup = Setup {
            index,
            cpu: cpus[index % cpus.len()],
            driver,
            table: table.clone(),
            shared: shared.clone(),
            counts: counts[index].clone(),
            listeners: std::mem::take(&mut sockets[index]),
            seed: RandomState::new().build_hasher().finish(),
        };
        threads.push(
            start(setup, log).map_err(|error| Refused::Runtime(format!("no thread for a shard: {error}")))?,
        );
    }
    if let Some(names) = names {
        tokio::spawn(names.keep(shared.clone()));
    }
    let live = Arc::new(Live::new(shared.clone(), table.clone(), config.origin.shown()));
    let admin = door.map(|door| serve(door, live.clone()));
    announce(driver, &cpus[..shards.min(cpus.len())], shards, descriptors, &bound, table.generation);
    ready(&bound);

    signals.end(&logs, &threads).await;
    live.drain();
    drop(files);
    for mailbox in &shared.mailboxes {
        let _ = mailbox.send(Message::Drain(DRAIN));
    }
    let joined = tokio::select! {
        joined = join(threads) => joined,
        () = signals.told_to_end() => Ok(()),
    };
    logs.stop(Duration::from_secs(2));
    if let Some(admin) = admin {
        // Its socket's file goes with it.
        admin.abort();
        drop(admin.await);
    }
    joined
}

/// Serves the administration interface and says where.
fn serve(door: Door, live: Arc<Live>) -> tokio::task::JoinHandle<()> {
    eprintln!("ringgate: admin on {}", door.bound());
    tokio::spawn(door.serve(live))
}

/// A shard's way to the log thread, both ends.
fn feed(counts: &Arc<Counts>) -> (ring::Sender, Feed) {
    let (sender, receiver) = ring::ring(LOG_BATCHES);
    (sender, Feed { ring: receiver, counts: counts.clone() })
}

/// The driver that is asked for and works here.
fn choose(choice: DriverChoice) -> Result<Driver, Refused> {
    match (choice, probe_io_uring()) {
        (DriverChoice::Epoll, _) => Ok(Driver::Epoll),
        (_, Ok(driver)) => Ok(driver),
        (DriverChoice::Auto, Err(error)) => {
            eprintln!("ringgate: io_uring does not work here ({error}); epoll is used instead");
            Ok(Driver::Epoll)
        }
        (DriverChoice::IoUring, Err(error)) => Err(Refused::Runtime(format!(
            "io_uring does not work here ({error}); it may be blocked by seccomp or by kernel.io_uring_disabled. \
             `driver: auto` falls back to epoll"
        ))),
    }
}

fn log_target(table: &Table) -> Target {
    match &table.gateway.access_log {
        Some(log) if log.path != "stdout" => Target::File(PathBuf::from(&log.path)),
        _ => Target::Stdout,
    }
}

/// What the process is told by signals.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Refused> {
        let (terminate, interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        Ok(Signals { terminate, interrupt, hangup: on(SignalKind::hangup())? })
    }

    /// Waits until the process is told to end.
    async fn told_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Does what signals ask, until the process is told to end or a shard ends by itself.
    async fn end(&mut self, logs: &Logs, threads: &[JoinHandle<io::Result<()>>]) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // What logrotate sends once it has moved the file away.
                _ = self.hangup.recv() => drop(logs.reopen()),
                failed = watch(threads) => {
                    eprintln!("ringgate: shard {failed} ended by itself; the others drain");
                    return;
                }
            }
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, Refused> {
    signal(kind).map_err(|error| Refused::Runtime(format!("signals cannot be handled: {error}")))
}

/// Says in a few lines what runs where.
fn announce(
    driver: Driver,
    cpus: &[usize],
    shards: usize,
    descriptors: u64,
    bound: &[(String, Address)],
    generation: Generation,
) {
    eprintln!(
        "ringgate {}: {shards} shards on CPUs {cpus:?}, {driver}, {descriptors} descriptors, generation {}",
        env!("CARGO_PKG_VERSION"),
        generation.0
    );
    for (name, addr) in bound {
        eprintln!("ringgate: listener {name} on {addr}");
    }
    if io::stderr().is_terminal() {
        eprintln!("ringgate: press Ctrl-C to end");
    }
}

/// Waits until a shard's thread is over although nobody asked; gives its number.
async fn watch(threads: &[JoinHandle<io::Result<()>>]) -> usize {
    loop {
        if let Some(index) = threads.iter().position(JoinHandle::is_finished) {
            return index;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for all shards to have drained.
async fn join(threads: Vec<JoinHandle<io::Result<()>>>) -> Result<(), Refused> {
    while !threads.iter().all(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for (index, thread) in threads.into_iter().enumerate() {
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Refused::Runtime(format!("shard {index}: {error}"))),
            Err(_) => return Err(Refused::Runtime(format!("shard {index} panicked"))),
        }
    }
    Ok(())
}
