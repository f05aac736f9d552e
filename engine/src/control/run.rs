//! `ringgate run`: binds every socket before anything starts, starts one shard a CPU and the log thread, has the desk work
//! (`control/office/desk`), and ends: readiness fails at once, connections are taken for the delay, then the shards drain.

use super::acme::{Acme, Numbers as Orders};
use super::admin::{Door, Host, Live};
use super::bind::{Listening, bind};
use super::budget::{Budget, Means};
use super::courier::Couriers;
use super::diagnostics::{advice, tell};
use super::jwks::Jwks;
use super::load::Files;
use super::logs::{Feed, Logs, Target};
use super::notify::Service;
use super::office::desk::{Desk, Signals, Told, hear};
use super::office::follow::{Followed, follow};
use super::office::publish::{Published, first};
use super::office::reload::Fixed;
use super::office::{Office, Phase};
use super::resolve::Names;
use super::store::{Numbers, Store};
use crate::base::{Address, Generation, ListenerId, SocketId, Tick};
use crate::config::Problems;
use crate::net::driver::{Driver, probe_io_uring};
use crate::net::listener::Bound;
use crate::net::ring::Depth;
use crate::net::{affinity, clock, raise_descriptor_limit, ring};
use crate::observe::Counts;
use crate::shard::{self, Setup, Shared};
use crate::table::{DriverChoice, Table};
use serde_json::Value;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle as Task;

/// Batches of log lines a shard may be ahead of the log thread.
const LOG_BATCHES: usize = 16;
/// How long after its time a shard may take to end before it is left behind.
const STUCK: Duration = Duration::from_secs(5);

/// Why the process did not start, or ended in failure.
#[derive(Debug)]
pub enum Refused {
    /// The configuration: exit code 1.
    Configuration(Problems),
    /// A running gateway refused to reload: exit code 1. What it said of it.
    Reload(String),
    /// Anything at run time: exit code 2.
    Runtime(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Configuration(problems) => {
                problems.0.iter().try_for_each(|problem| writeln!(f, "{problem}"))
            }
            Refused::Reload(text) => f.write_str(text),
            Refused::Runtime(why) => writeln!(f, "ringgate: {}", why.trim_end()),
        }
    }
}

/// What the gateway is started with.
#[derive(Debug)]
pub struct Start {
    /// The first table.
    pub table: Table,
    /// What it was compiled from, without secrets.
    pub shown: Value,
    /// The file it was made of, with all it includes; none where there is no file.
    pub file: Option<(PathBuf, Files)>,
}

/// Runs the gateway until it is told to end. `ready` is called with the bound addresses once every listener takes
/// connections.
///
/// # Errors
/// [`Refused::Runtime`] when a socket, thread or driver cannot be had, or a shard failed.
pub async fn run(start: Start, ready: impl FnOnce(&[(String, Address)])) -> Result<(), Refused> {
    let Start { mut table, shown, file } = start;
    let descriptors = raise_descriptor_limit();
    let cpus = affinity::cpus();
    let fixed = fixed(&table, &cpus)?;
    let mut listening = Listening::default();
    let mut fresh = bind(listening.known().difference(&table), fixed.shards)
        .map_err(|refusal| Refused::Runtime(refusal.to_string()))?;
    let opened = std::mem::take(&mut fresh.of);
    let sockets = listening.take(&table, fresh);
    let door = table.admin.as_ref().map(Door::bind).transpose()?;
    let bound: Vec<(String, Address)> =
        listening.told().map(|(name, addr)| (name.to_owned(), addr.clone())).collect();
    let mut signals = signals()?;
    let names = Names::settled(&mut table).await;
    let shared = Shared::new(fixed.shards);
    if let Some(admin) = &table.admin {
        shared.meters.bound(admin.series);
        table.arm(&shared.meters);
        table.arm_for_good(&shared.meters);
    }
    let table = Arc::new(table);
    let orders = Arc::new(Orders::default());
    let mut acme = Acme::new(orders.clone());
    let certificates = acme.restore(&table).await;

    let counts: Vec<Arc<Counts>> = (0..fixed.shards).map(|_| Arc::default()).collect();
    let (senders, feeds): (Vec<_>, Vec<_>) = counts.iter().map(feed).unzip();
    let log_depths = feeds.iter().map(|feed| feed.ring.depth()).collect();
    let logs = start_logs(Target::of(&table), feeds)?;

    let crew =
        Crew { cpus: &cpus, driver: fixed.driver, table: &table, shared: &shared, counts: &counts, sockets };
    let threads = crew.start(senders, opened)?;
    let (files, watched) = watch::channel(Files::default());
    let file = file.map(|(path, read)| {
        files.send_replace(read);
        (path, Followed::new(watched))
    });
    measure(&table, cpus.len(), descriptors);
    announce(fixed, &cpus, descriptors, &bound, table.generation);
    ready(&bound);

    let (office, inside) = Office::open(first(&table, shown, fixed.shards));
    let host = host((&table, fixed), counts.clone(), (log_depths, &logs), orders);
    let couriers = Couriers::start(&shared);
    let jwks = Jwks::start(&table, couriers.clone());
    acme.follow(certificates);
    let store = Store::start(&table, shared.wants.clone(), host.store.clone());
    let live = |host| Live::new((shared.clone(), jwks.clone()), office.clone(), host);
    let admin = door.map(|door| serve(door, live(host)));
    let file = file.map(|(path, followed)| {
        tokio::spawn(follow(followed, office.clone()));
        path
    });
    let published = Published::first(shared, listening, table, couriers, inside.status.clone()).await;
    let keeper = names.map(|names| published.keeper(names));
    let service = Service::start(counts);
    service.ready(published.table().generation, fixed.shards);
    let mut desk = Desk { published, logs, inside, keeper, jwks, acme, store, file, fixed, files, service };
    let told = desk.work(&mut signals, failed(&threads)).await;
    let ended = end(desk, told, &mut signals, threads).await;
    close(admin).await;
    ended
}

/// Starts the log thread.
fn start_logs(target: Target, feeds: Vec<Feed>) -> Result<Logs, Refused> {
    Logs::start(target.clone(), feeds, clock::now as fn() -> Tick).map_err(|error| {
        let advice = advice::file(&error);
        let message = format!("the access log '{target}' cannot be opened ('access_log.path')");
        Refused::Runtime(format!("{message}: {error}{advice}"))
    })
}

/// Ends the administration interface; its socket's file goes with it.
async fn close(admin: Option<Task<()>>) {
    if let Some(admin) = admin {
        admin.abort();
        drop(admin.await);
    }
}

/// What all shards are started with.
struct Crew<'a> {
    cpus: &'a [usize],
    driver: Driver,
    table: &'a Arc<Table>,
    shared: &'a Arc<Shared>,
    counts: &'a [Arc<Counts>],
    sockets: Vec<(SocketId, ListenerId)>,
}

impl Crew<'_> {
    /// Starts a shard for each ring of log lines, with the sockets that were opened for it.
    fn start(
        &self,
        logs: Vec<ring::Sender>,
        opened: Vec<Vec<(SocketId, Bound)>>,
    ) -> Result<Vec<JoinHandle<io::Result<()>>>, Refused> {
        let listener = |(socket, bound)| {
            let at = self.sockets.iter().find(|(known, _)| *known == socket);
            at.map(|(_, listener)| (socket, *listener, bound))
        };
        let start = |(index, (log, opened)): (usize, (ring::Sender, Vec<_>))| {
            let setup = Setup {
                index,
                cpu: self.cpus[index % self.cpus.len()],
                driver: self.driver,
                table: self.table.clone(),
                shared: self.shared.clone(),
                counts: self.counts[index].clone(),
                listeners: opened.into_iter().filter_map(listener).collect(),
                seed: RandomState::new().build_hasher().finish(),
            };
            shard::start(setup, log)
                .map_err(|error| Refused::Runtime(format!("no thread for a shard: {error}")))
        };
        logs.into_iter().zip(opened).enumerate().map(start).collect()
    }
}

/// What the administration interface shows of the process.
fn host(
    (table, fixed): (&Table, Fixed),
    counts: Vec<Arc<Counts>>,
    (log_depths, logs): (Vec<Depth>, &Logs),
    orders: Arc<Orders>,
) -> Host {
    Host {
        counts,
        log_depths,
        log_lost: logs.lost().clone(),
        driver: fixed.driver,
        fell_back: fixed.driver == Driver::Epoll && table.gateway.driver != DriverChoice::Epoll,
        store: Arc::new(Numbers::default()),
        orders,
    }
}

/// Serves the administration interface and says where.
fn serve(door: Door, live: Live) -> Task<()> {
    let address = door.bound();
    tell!(AdminListening, { address = %address }, "admin on {address}");
    tokio::spawn(door.serve(Arc::new(live)))
}

/// Ends the gateway as it was told to; a second signal ends it at once. Whoever ordered the end in another way sends one all
/// the same: the service manager, that then waits.
async fn end(
    desk: Desk,
    told: Told,
    signals: &mut Signals,
    threads: Vec<JoinHandle<io::Result<()>>>,
) -> Result<(), Refused> {
    let Desk { mut published, logs, mut inside, keeper, jwks, service, .. } = desk;
    service.stopping();
    // Whoever orders anything from now on is told that the gateway is ending.
    inside.orders.close();
    while inside.orders.try_recv().is_ok() {}
    let drain = published.table().gateway.drain;
    let (delay, within) = (told.how.delay.unwrap_or(drain.delay), told.how.within.unwrap_or(drain.timeout));
    let shared = published.shared.clone();
    published.enter(Phase::Leaving);
    let joined = tokio::select! {
        joined = async {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = failed(&threads) => {}
            }
            published.drain(within, drain.streams);
            join(threads, within.max(drain.streams.unwrap_or_default()).saturating_add(STUCK)).await
        } => joined,
        never = hear(shared, keeper.as_ref(), &jwks) => match never {},
        () = async {
            if !told.by_signal {
                signals.end().await;
            }
            signals.end().await;
        } => Ok(()),
    };
    drop(keeper);
    logs.stop(Duration::from_secs(2));
    tell!(Ended, {}, "ended");
    joined
}

/// A shard's way to the log thread, both ends.
fn feed(counts: &Arc<Counts>) -> (ring::Sender, Feed) {
    let (sender, receiver) = ring::ring(LOG_BATCHES);
    (sender, Feed { ring: receiver, counts: counts.clone() })
}

/// What `table` says of things that are made once.
fn fixed(table: &Table, cpus: &[usize]) -> Result<Fixed, Refused> {
    let shards_auto = cpus.len().max(1);
    let shards = table.gateway.shards.map_or(shards_auto, |shards| shards as usize).max(1);
    Ok(Fixed { shards, shards_auto, driver: choose(table.gateway.driver)? })
}

/// The driver that is asked for and works here.
fn choose(choice: DriverChoice) -> Result<Driver, Refused> {
    match (choice, probe_io_uring()) {
        (DriverChoice::Epoll, _) => Ok(Driver::Epoll),
        (_, Ok(driver)) => Ok(driver),
        (DriverChoice::Auto, Err(error)) => {
            let (shown, advice) = (error.to_string(), advice::io_uring(&error));
            let error = shown.as_str();
            tell!(
                DriverFallback,
                { error },
                "io_uring does not work here, epoll is used instead: {shown}{advice}"
            );
            Ok(Driver::Epoll)
        }
        (DriverChoice::IoUring, Err(error)) => Err(Refused::Runtime(format!(
            "io_uring does not work here, and `driver: auto` would take epoll instead: {error}{}",
            advice::io_uring(&error)
        ))),
    }
}

fn signals() -> Result<Signals, Refused> {
    Ok(Signals {
        terminate: on(SignalKind::terminate())?,
        interrupt: on(SignalKind::interrupt())?,
        quit: on(SignalKind::quit())?,
        hangup: on(SignalKind::hangup())?,
        reopen: on(SignalKind::user_defined1())?,
        unused: on(SignalKind::user_defined2())?,
    })
}

fn on(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Refused> {
    signal(kind).map_err(|error| Refused::Runtime(format!("signals cannot be handled: {error}")))
}

/// Warns where the process may open fewer descriptors than the configured connections can need.
fn measure(table: &Table, cpus: usize, limit: u64) {
    let means = Means { descriptors: limit, memory: None, cpus: cpus as u64 };
    let needed = Budget::of(table, means).descriptors();
    if limit < needed {
        tell!(
            DescriptorsLow,
            { limit, needed },
            "{limit} descriptors may be open, and the configured connections can need {needed}: {}",
            advice::LIMIT
        );
    }
}

/// Says in a few lines what runs where.
fn announce(
    Fixed { shards, driver, .. }: Fixed,
    cpus: &[usize],
    descriptors: u64,
    bound: &[(String, Address)],
    generation: Generation,
) {
    let cpus = &cpus[..shards.min(cpus.len())];
    for (name, addr) in bound {
        tell!(Listening, { listener = name, address = %addr }, "listener {name} on {addr}");
    }
    let (version, generation) = (env!("CARGO_PKG_VERSION"), generation.0);
    let end = if io::stderr().is_terminal() { "; Ctrl-C ends it" } else { "" };
    tell!(
        Started,
        { version, generation, shards, cpus = ?cpus, driver = %driver, descriptors },
        "ringgate {version} serves generation {generation} with {shards} shards on CPUs {cpus:?}, {driver}, \
         {descriptors} descriptors{end}"
    );
}

/// Waits until a shard's thread is over although nobody asked; gives its number.
async fn failed(threads: &[JoinHandle<io::Result<()>>]) -> usize {
    loop {
        if let Some(index) = threads.iter().position(JoinHandle::is_finished) {
            return index;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for all shards to have drained, `within` at most.
async fn join(threads: Vec<JoinHandle<io::Result<()>>>, within: Duration) -> Result<(), Refused> {
    let by = clock::now().after(within);
    while !threads.iter().all(JoinHandle::is_finished) {
        if clock::now() >= by {
            let stuck = threads.iter().position(|thread| !thread.is_finished()).unwrap_or_default();
            return Err(Refused::Runtime(format!("shard {stuck} did not end in time")));
        }
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
