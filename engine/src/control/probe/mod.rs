//! Active health checks: one task for the whole process, whatever its number of shards. It checks each endpoint of an
//! upstream that asks for it, at its interval, and writes what follows on the board of the set that shards pick from. What it
//! knows of an endpoint goes on by the names of upstream and endpoint, over reloads and new sets of endpoints: a set is
//! [shown](Probes::show) to it before shards have it, so that none takes an endpoint that is out for one that is not.
//!
//! `check` asks, `grpc` reads answers of grpc.health.v1, this file is the task.

mod check;
mod grpc;

use super::diagnostics::tell;
use crate::balance::Checked;
use crate::base::Address;
use crate::table::{Endpoint, Endpoints, Table};
use check::Check;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Checks under way at the same time: each has a connection.
pub const CHECKS_AT_ONCE: usize = 128;
/// Of one upstream, so that endpoints which do not answer do not keep others waiting.
const OF_ONE: usize = 32;
/// The first checks are spread over this, and over an interval at most.
const SPREAD: Duration = Duration::from_millis(500);
/// Orders that wait.
const ORDERS: usize = 16;

/// The task. Cloning it clones a handle; it ends with the last one.
#[derive(Debug, Clone)]
pub struct Probes(mpsc::Sender<(Shown, oneshot::Sender<()>)>);

/// What is about to be published.
#[derive(Debug)]
enum Shown {
    /// A table: all upstreams, each with how it is checked, if it is.
    All(Vec<(Arc<str>, Option<Check>, Arc<Endpoints>)>),
    /// Another set of endpoints of one upstream.
    One(Arc<str>, Arc<Endpoints>),
}

impl Probes {
    /// Starts the task.
    pub fn start() -> Probes {
        let (give, orders) = mpsc::channel(ORDERS);
        tokio::spawn(Ward::default().keep(orders));
        Probes(give)
    }

    /// `table` is about to be published: its boards say what is known when this returns, and its checks begin.
    pub async fn follow(&self, table: &Table) {
        let all = table.upstreams.iter().map(|upstream| {
            (Arc::from(upstream.name.as_str()), Check::of(upstream), upstream.endpoints.clone())
        });
        self.send(Shown::All(all.collect())).await;
    }

    /// `set` is about to be published as the endpoints of `upstream`: likewise.
    pub async fn show(&self, upstream: &Arc<str>, set: &Arc<Endpoints>) {
        self.send(Shown::One(upstream.clone(), set.clone())).await;
    }

    async fn send(&self, shown: Shown) {
        let (tell, told) = oneshot::channel();
        // The task ends only with the process.
        if self.0.send((shown, tell)).await.is_ok() {
            let _ = told.await;
        }
    }
}

/// What the task works with.
#[derive(Default)]
struct Ward {
    upstreams: HashMap<Arc<str>, Checking>,
    running: JoinSet<Outcome>,
    /// Of the last check that was begun.
    serial: u64,
    random: RandomState,
}

/// One upstream that is checked.
struct Checking {
    check: Arc<Check>,
    places: Arc<Semaphore>,
    set: Arc<Endpoints>,
    endpoints: HashMap<Address, Patient>,
}

/// One endpoint.
struct Patient {
    /// As it is asked: its address may come to be known by another name.
    endpoint: Endpoint,
    checked: Checked,
    /// The check that waits for its moment or runs, by its number.
    serial: u64,
    running: AbortHandle,
}

impl Drop for Patient {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Patient {
    /// Whether `endpoint` is asked in the same way.
    fn is_asked_as(&self, endpoint: &Endpoint) -> bool {
        self.endpoint.host == endpoint.host && self.endpoint.found_behind == endpoint.found_behind
    }
}

/// Whose checks wait for which places: those of the upstream first.
type Places = [Arc<Semaphore>; 2];

/// How a check ended.
struct Outcome {
    upstream: Arc<str>,
    addr: Address,
    serial: u64,
    /// When it began.
    began: Instant,
    result: Result<(), String>,
}

impl Ward {
    async fn keep(mut self, mut orders: mpsc::Receiver<(Shown, oneshot::Sender<()>)>) {
        let places = Arc::new(Semaphore::new(CHECKS_AT_ONCE));
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some((shown, tell)) = order else { return };
                    match shown {
                        Shown::All(all) => self.all(all, &places),
                        Shown::One(upstream, set) => self.one(upstream, None, set, &places),
                    }
                    // Who asked may be gone.
                    let _ = tell.send(());
                }
                // One that was ended before its time tells nothing.
                Some(done) = self.running.join_next() => if let Ok(outcome) = done {
                    self.told(outcome, &places);
                },
            }
        }
    }

    fn all(&mut self, all: Vec<(Arc<str>, Option<Check>, Arc<Endpoints>)>, places: &Arc<Semaphore>) {
        let mut before = std::mem::take(&mut self.upstreams);
        for (upstream, check, set) in all {
            let known = before.remove(&upstream);
            match (check, known) {
                (Some(check), known) => {
                    if let Some(known) = known {
                        self.upstreams.insert(upstream.clone(), known);
                    }
                    self.one(upstream, Some(check), set, places);
                }
                // It is checked no more. Its set may be the one from before.
                (None, Some(_)) => (0..set.len()).for_each(|seat| set.seats().board().set(seat, false)),
                (None, None) => {}
            }
        }
    }

    /// `set` is to be checked, by `check` where that is given.
    fn one(
        &mut self,
        upstream: Arc<str>,
        check: Option<Check>,
        set: Arc<Endpoints>,
        places: &Arc<Semaphore>,
    ) {
        let known = self.upstreams.remove(&upstream);
        let goes_on =
            known.as_ref().is_some_and(|known| check.as_ref().is_none_or(|check| check.is(&known.check)));
        let (check, own) = match (check, &known) {
            (_, Some(known)) if goes_on => (known.check.clone(), known.places.clone()),
            (Some(check), _) => (Arc::new(check), Arc::new(Semaphore::new(OF_ONE))),
            // An upstream that is not checked.
            (None, _) => return,
        };
        let places = [own.clone(), places.clone()];
        let mut before = known.map(|known| known.endpoints).unwrap_or_default();
        let spread = SPREAD.min(check.health.interval);
        let mut endpoints = HashMap::with_capacity(set.len());
        for (seat, endpoint) in set.iter().enumerate() {
            let known = before.remove(&endpoint.addr);
            let checked = known.as_ref().map(|known| known.checked).unwrap_or_default();
            set.seats().board().set(seat, checked.is_out());
            let patient = match known {
                Some(known) if goes_on && known.is_asked_as(endpoint) => known,
                _ => {
                    let chance = self.random.hash_one((&upstream, &endpoint.name)) % 1024;
                    let at = Instant::now() + spread.mul_f64(chance as f64 / 1024.0);
                    self.begin(&upstream, endpoint.clone(), (checked, at), (&check, &places))
                }
            };
            endpoints.insert(endpoint.addr.clone(), patient);
        }
        self.upstreams.insert(upstream, Checking { check, places: own, set, endpoints });
    }

    /// Has `endpoint` checked at a moment.
    fn begin(
        &mut self,
        upstream: &Arc<str>,
        endpoint: Endpoint,
        (checked, at): (Checked, Instant),
        (check, places): (&Arc<Check>, &Places),
    ) -> Patient {
        self.serial += 1;
        let (upstream, serial, check) = (upstream.clone(), self.serial, check.clone());
        let ([own, all], asked) = (places.clone(), endpoint.clone());
        let running = self.running.spawn(async move {
            sleep_until(at).await;
            // They are never closed.
            let _own = own.acquire().await;
            let _place = all.acquire().await;
            let (began, addr) = (Instant::now(), asked.addr.clone());
            let result = check.guarded(asked).await;
            Outcome { upstream, addr, serial, began, result }
        });
        Patient { endpoint, checked, serial, running }
    }

    fn told(&mut self, outcome: Outcome, places: &Arc<Semaphore>) {
        let Outcome { upstream, addr, serial, began, result } = outcome;
        let Some(checking) = self.upstreams.get_mut(&upstream) else { return };
        let Some(patient) = checking.endpoints.get(&addr).filter(|known| known.serial == serial) else {
            return;
        };
        let (mut checked, endpoint) = (patient.checked, patient.endpoint.clone());
        if checked.told(result.is_ok(), checking.check.health.rule) {
            if let Some(seat) = checking.set.iter().position(|known| known.addr == endpoint.addr) {
                checking.set.seats().board().set(seat, checked.is_out());
            }
            let name = endpoint.name.as_str();
            match result {
                Ok(()) => tell!(
                    EndpointBack,
                    { upstream = &*upstream, endpoint = name },
                    "endpoint {name} of upstream {upstream} is well again"
                ),
                Err(error) => tell!(
                    EndpointOut,
                    { upstream = &*upstream, endpoint = name, error },
                    "endpoint {name} of upstream {upstream} is out: {error}"
                ),
            }
        }
        let (check, places) = (checking.check.clone(), [checking.places.clone(), places.clone()]);
        let next =
            self.begin(&upstream, endpoint, (checked, began + check.health.interval), (&check, &places));
        if let Some(checking) = self.upstreams.get_mut(&upstream) {
            checking.endpoints.insert(addr, next);
        }
    }
}
