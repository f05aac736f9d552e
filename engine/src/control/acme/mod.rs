//! Certificates that the gateway obtains and renews by itself (ACME, RFC 8555). Each has a task of its own, which waits until
//! it is due, orders it, and has handshakes show it: no table is made anew and no connection is closed. What was obtained
//! stands on disk, so that a restart orders nothing. Whatever fails leaves the last good certificate and is tried again.
//!
//! `when` decides, `order` obtains, `desk` keeps an issuer's account and takes one order at a time, `web` asks, `disk` keeps.

mod desk;
mod disk;
mod order;
#[cfg(test)]
mod tests;
mod web;
mod when;

use super::diagnostics::tell;
use crate::base::counters::Count;
use crate::certs::Tokens;
use crate::net::clock;
use crate::table::acme::{Challenge, Order};
use crate::table::{Resolver, Table};
use desk::{Desk, set_aside};
pub use disk::unfit;
use order::Failure;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinError, JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};
use when::Kind;

/// No timer waits for longer: the clock on the wall may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// A table that is about to be served waits for the disk for this long at most.
const READ: Duration = Duration::from_secs(2);

/// What came of orders, since the start.
#[derive(Debug, Default)]
pub struct Numbers {
    /// A certificate.
    pub issued: Count,
    /// None.
    pub failed: Count,
}

/// The tasks. Dropping it ends them.
pub struct Acme {
    running: Vec<Running>,
    desks: Vec<Arc<Desk>>,
    numbers: Arc<Numbers>,
}

struct Running {
    order: Order,
    desk: Arc<Desk>,
    tokens: Option<Arc<Tokens>>,
    hurry: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Certificates of a table that is about to be served.
#[derive(Debug)]
pub struct Ready {
    kept: Vec<(Order, Kept)>,
    tokens: Option<Arc<Tokens>>,
    rule: Resolver,
}

/// Whether the disk has a certificate for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
    /// It has not said so in time: whoever keeps the order asks again.
    Unknown,
}

impl Running {
    /// Whether it goes on as the task of this order.
    fn is_of(&self, order: &Order, tokens: Option<&Arc<Tokens>>, rule: &Resolver) -> bool {
        Arc::ptr_eq(&self.order.obtained, &order.obtained)
            && self.desk.is_of(&order.issuer, rule)
            && self.tokens.as_ref().map(Arc::as_ptr) == tokens.map(Arc::as_ptr)
    }
}

/// The tokens of a table, for an order that needs them.
fn needed<'t>(order: &Order, tokens: &'t Option<Arc<Tokens>>) -> Option<&'t Arc<Tokens>> {
    tokens.as_ref().filter(|_| order.issuer.challenge == Challenge::Http)
}

impl Acme {
    /// None yet. What comes of orders is counted in `numbers`.
    pub fn new(numbers: Arc<Numbers>) -> Acme {
        Acme { running: Vec::new(), desks: Vec::new(), numbers }
    }

    /// Has handshakes of `table` show what is on disk, before anybody connects. It takes [`READ`] at most: what a disk that
    /// hangs has not given by then is read beside all else.
    pub async fn restore(&self, table: &Table) -> Ready {
        let (tokens, rule) = (table.acme.tokens.clone(), table.gateway.resolver.clone());
        let by = Instant::now() + READ;
        let mut kept = Vec::new();
        for order in &table.acme.orders {
            let goes_on = self.running.iter().any(|known| known.is_of(order, needed(order, &tokens), &rule));
            kept.push((order.clone(), if goes_on { Kept::Yes } else { restored_by(order, by).await }));
        }
        Ready { kept, tokens, rule }
    }

    /// The table is served: what it has not is not obtained any more, what is new is, and what failed is tried again.
    pub fn follow(&mut self, ready: Ready) {
        let Ready { kept, tokens, rule } = ready;
        let mut before = std::mem::take(&mut self.running);
        let mut desks = Vec::new();
        for (order, kept) in kept {
            let tokens = needed(&order, &tokens);
            let desk = self.desk(&order, &rule, &mut desks);
            let running = match before.iter().position(|known| known.is_of(&order, tokens, &rule)) {
                Some(at) => {
                    let running = before.swap_remove(at);
                    running.hurry.notify_one();
                    running
                }
                None => self.start(order, desk, tokens.cloned(), kept),
            };
            self.running.push(running);
        }
        self.desks = desks;
    }

    fn desk(&self, order: &Order, rule: &Resolver, desks: &mut Vec<Arc<Desk>>) -> Arc<Desk> {
        let known = desks.iter().chain(&self.desks).find(|desk| desk.is_of(&order.issuer, rule));
        let desk = known.cloned().unwrap_or_else(|| Arc::new(Desk::new(order.issuer.clone(), rule.clone())));
        if !desks.iter().any(|known| Arc::ptr_eq(known, &desk)) {
            desks.push(desk.clone());
        }
        desk
    }

    fn start(&self, order: Order, desk: Arc<Desk>, tokens: Option<Arc<Tokens>>, kept: Kept) -> Running {
        let hurry = Arc::new(Notify::new());
        let task = Task {
            order: order.clone(),
            desk: desk.clone(),
            tokens: tokens.clone(),
            hurry: hurry.clone(),
            numbers: self.numbers.clone(),
        };
        let task = tokio::spawn(task.keep(kept)).abort_handle();
        Running { order, desk, tokens, hurry, task }
    }
}

/// As [`restored`], until this time; the disk is not asked after it.
async fn restored_by(order: &Order, by: Instant) -> Kept {
    if Instant::now() >= by {
        return Kept::Unknown;
    }
    match timeout_at(by, restored(order)).await {
        Ok(true) => Kept::Yes,
        Ok(false) => Kept::No,
        Err(_) => {
            let file = order.file().display().to_string();
            let error = format!("is not read within {READ:?}");
            tell!(AcmeStorage, { file, error }, "'{file}' {error}; it is waited for beside all else");
            Kept::Unknown
        }
    }
}

/// Has handshakes show the certificate that the disk has of `order`. False where it has none, or one of other names.
async fn restored(order: &Order) -> bool {
    let path = order.file();
    let read = {
        let path = path.clone();
        spawn_blocking(move || Ok::<_, String>(disk::read(&path)?.map(|bytes| disk::identity(&bytes)))).await
    };
    let file = path.display().to_string();
    match read.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(Some(Ok(identity))) => {
            let covers = order.names.iter().all(|name| identity.names().any(|has| *has == **name));
            // What this order gave and could not be written down is newer than what was; what another gave is of no account.
            let shown = order.obtained.validity_of(&path);
            if shown.is_none_or(|(_, until)| until <= identity.validity().1) {
                order.obtained.show(identity, &path);
            }
            return covers;
        }
        Ok(Some(Err(why))) => drop(set_aside(path, why).await),
        Ok(None) => {}
        Err(error) => tell!(AcmeStorage, { file, error }, "'{file}' {error}"),
    }
    if order.obtained.validity().is_none() {
        let names = order.shown();
        tell!(
            CertificateAwaited,
            { names, issuer = order.issuer.name },
            "there is no certificate for {names} yet: handshakes for it are refused until it is obtained"
        );
    }
    false
}

/// The task of one certificate.
struct Task {
    order: Order,
    desk: Arc<Desk>,
    tokens: Option<Arc<Tokens>>,
    hurry: Arc<Notify>,
    numbers: Arc<Numbers>,
}

impl Task {
    /// Keeps the certificate good for as long as the gateway runs.
    async fn keep(self, kept: Kept) {
        let mut is_due = match kept {
            Kept::Yes => false,
            Kept::No => true,
            Kept::Unknown => {
                let _turn = self.desk.reading.lock().await;
                !restored(&self.order).await
            }
        };
        // So many in a row, of one kind.
        let mut failed = (Kind::Unanswered, 0);
        // When a reload had it tried again last.
        let mut hurried: Option<Instant> = None;
        loop {
            while !is_due {
                let wait = self.until_due();
                is_due = wait.is_zero();
                tokio::time::sleep(wait.min(LOOK_EVERY)).await;
            }
            // A task of its own, so that a panic in a library is a failed order and not a certificate renewed no more.
            let order = {
                let (order, desk, tokens) = (self.order.clone(), self.desk.clone(), self.tokens.clone());
                Ended(tokio::spawn(async move { desk.serve(&order, tokens.as_ref()).await }))
            };
            let served = order.await;
            match served.unwrap_or_else(|error| Err((Failure::refused(error.to_string()), None))) {
                Ok(()) => {
                    self.numbers.issued.add(1);
                    (is_due, failed.1) = (false, 0);
                    self.tell_obtained();
                    // By this clock alone: where that of the wall is wrong, each certificate may look overdue.
                    tokio::time::sleep(self.rest()).await;
                }
                Err((failure, put_off)) => {
                    self.numbers.failed.add(1);
                    let before = if failed.0 == failure.kind { failed.1 } else { 0 };
                    failed = (failure.kind, before + 1);
                    let chance = RandomState::new().hash_one(failed.1);
                    let wait = when::again(failure.kind, failed.1, put_off, chance);
                    self.tell_failed(&failure, wait);
                    // What was told of before counts no more.
                    let _ = tokio::time::timeout(Duration::ZERO, self.hurry.notified()).await;
                    let hurried_in = when::hurried_in(failure.kind, hurried.map(|at| at.elapsed()));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.hurried(hurried_in), if put_off.is_none() => hurried = Some(Instant::now()),
                    }
                }
            }
        }
    }

    /// Waits for a reload, and for this time at least.
    async fn hurried(&self, least: Duration) {
        tokio::time::sleep(least).await;
        self.hurry.notified().await;
    }

    /// How long until it is to be ordered.
    fn until_due(&self) -> Duration {
        // What another order gave stands in until this one has given its own.
        let shown = self.order.obtained.validity_of(&self.order.file());
        let Some(validity) = shown else { return Duration::ZERO };
        let due = when::due(validity, self.order.issuer.renew_before);
        let due = Duration::from_secs(u64::try_from(due).unwrap_or(0));
        due.saturating_sub(Duration::from_millis(clock::unix_ms()))
    }

    /// How long after one certificate no other is ordered.
    fn rest(&self) -> Duration {
        let lifetime = self.order.obtained.validity().map_or(0, |(from, until)| until.saturating_sub(from));
        Duration::from_secs(u64::try_from(lifetime / 10).unwrap_or(0).max(1))
    }

    fn tell_obtained(&self) {
        let (names, issuer) = (self.order.shown(), &self.order.issuer.name);
        let until = self.order.obtained.validity().map_or(0, |(_, until)| until);
        let renewed_in = self.until_due();
        tell!(
            CertificateObtained,
            { names, issuer, until, renewed_in_s = renewed_in.as_secs() },
            "issuer {issuer} has given a certificate for {names}; it is renewed in {renewed_in:?}"
        );
    }

    fn tell_failed(&self, failure: &Failure, wait: Duration) {
        let (names, issuer, error) = (self.order.shown(), &self.order.issuer.name, &failure.why);
        let again_in_s = wait.as_secs();
        let again = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let now = i64::try_from(clock::unix_ms() / 1000).unwrap_or(i64::MAX);
        match self.order.obtained.validity() {
            Some((_, until)) if until >= now => tell!(
                CertificateNotRenewed,
                { names, issuer, error, again_in_s, until },
                "issuer {issuer} gives no certificate for {names}, the last one stays; again in {again:?}: {error}"
            ),
            _ => tell!(
                CertificateNotObtained,
                { names, issuer, error, again_in_s },
                "issuer {issuer} gives no certificate for {names}, and none is good; again in {again:?}: {error}"
            ),
        }
    }
}

/// A task that ends with whoever waits for it.
struct Ended<T>(JoinHandle<T>);

impl<T> Future for Ended<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
