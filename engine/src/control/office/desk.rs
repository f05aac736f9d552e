//! The office's one task: takes orders, signals and reports of the shards, one after another, until the gateway is to end.
//! A reload is prepared beside all that; what the loop itself does of it is to publish: microseconds,
//! but for orders of ACME that are read back from their folder, two seconds at most.

use super::publish::Published;
use super::reload::{Beginning, Fixed, Prepared, prepare};
use super::{Drain, Inside, Order};
use crate::base::Generation;
use crate::config::units::Period;
use crate::config::{Problem, Problems};
use crate::control::acme::Acme;
use crate::control::diagnostics::{self, found, tell};
use crate::control::jwks::Jwks;
use crate::control::load::Files;
use crate::control::logs::Logs;
use crate::control::notify::Service;
use crate::control::resolve::Keeper;
use crate::control::store::Store;
use crate::net::clock;
use crate::shard::{Report, Shared};
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::{oneshot, watch};

/// How often shards are looked at that have not said yet that they serve the new table: what they say may be lost.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How often it is looked for lines of the access log that were lost: who writes them may be stuck.
const LOSSES_EVERY: Duration = Duration::from_secs(5);

/// Who waits for a reload; nobody where a signal asked for it.
type Asker = Option<oneshot::Sender<Result<Generation, Problems>>>;
type Preparing = Pin<Box<dyn Future<Output = (Files, Result<Prepared, Problems>)> + Send>>;

/// What the task works with.
pub struct Desk {
    /// What is served.
    pub published: Published,
    /// The log thread.
    pub logs: Logs,
    /// Orders come here.
    pub inside: Inside,
    /// Who keeps the names of endpoints, if there are any.
    pub keeper: Option<Keeper>,
    /// Who fetches key sets.
    pub jwks: Jwks,
    /// Who obtains certificates.
    pub acme: Acme,
    /// Who asks for leases of shared limits.
    pub store: Store,
    /// The configuration; none for the demo, which has no file.
    pub file: Option<PathBuf>,
    /// What a reload cannot change.
    pub fixed: Fixed,
    /// Which files the last reading saw, for whoever watches them.
    pub files: watch::Sender<Files>,
    /// What the service manager is told.
    pub service: Service,
}

/// The signals that are taken.
pub struct Signals {
    /// SIGTERM.
    pub terminate: Signal,
    /// SIGINT.
    pub interrupt: Signal,
    /// SIGQUIT, which means the same: nginx ends in peace by it.
    pub quit: Signal,
    /// SIGHUP.
    pub hangup: Signal,
    /// SIGUSR1, by which others open their logs anew.
    pub reopen: Signal,
    /// SIGUSR2, which means nothing here and must not end the process either.
    pub unused: Signal,
}

impl Signals {
    /// Waits for one that says to end.
    pub async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// A shard wants to know of a name, or of keys, sooner than it would be looked for, or lacks what only the operator can give.
fn hurry(report: Report, keeper: Option<&Keeper>, jwks: &Jwks) {
    match (report, keeper) {
        (Report::Unreachable(target), Some(keeper)) => keeper.hurry(target),
        (Report::Keys(address, number), _) => jwks.hurry(address, number),
        (Report::Short(lacks), _) => diagnostics::sockets_exhausted(lacks),
        _ => {}
    }
}

/// Does for the shards what they ask for while the gateway ends: exchanges go on.
pub async fn hear(shared: Arc<Shared>, keeper: Option<&Keeper>, jwks: &Jwks) -> Infallible {
    loop {
        hurry(shared.reports.recv().await, keeper, jwks);
    }
}

/// Reloads under way.
#[derive(Default)]
struct Reloads {
    /// The one that is prepared, and who waits for it.
    preparing: Option<(Preparing, Vec<Asker>)>,
    /// Who waits for the shards to take the table published last.
    published: Vec<Asker>,
    /// Who waits for the next one: what is prepared may have been read before they asked.
    next: Vec<Asker>,
}

/// That the gateway is to end.
#[derive(Debug)]
pub struct Told {
    /// How.
    pub how: Drain,
    /// Whether a signal said so.
    pub by_signal: bool,
}

impl Desk {
    /// Works until the gateway is to end, as it is told, or because a shard `failed`.
    pub async fn work(&mut self, signals: &mut Signals, failed: impl Future<Output = usize>) -> Told {
        let mut reloads = Reloads::default();
        let mut failed = std::pin::pin!(failed);
        let mut losses = tokio::time::interval(LOSSES_EVERY);
        let (why, how, by_signal) = loop {
            let reports = self.published.shared.reports.clone();
            tokio::select! {
                order = self.inside.orders.recv() => match order {
                    Some(Order::Reload(tell)) => reloads.next.push(Some(tell)),
                    Some(Order::Drain(drain)) => break ("an order", drain, false),
                    // The door is held open by whoever started the task.
                    None => pending::<()>().await,
                },
                _ = signals.terminate.recv() => break ("SIGTERM", Drain::default(), true),
                _ = signals.interrupt.recv() => break ("SIGINT", Drain::default(), true),
                _ = signals.quit.recv() => break ("SIGQUIT", Drain::default(), true),
                _ = signals.reopen.recv() => {
                    self.logs.reopen();
                }
                _ = signals.unused.recv() => {}
                _ = signals.hangup.recv() => {
                    // What logrotate sends, too, once it has moved the file away.
                    self.logs.reopen();
                    if self.file.is_some() {
                        reloads.next.push(None);
                    }
                }
                report = reports.recv() => self.report(report),
                (files, prepared) = prepared(&mut reloads.preparing) => {
                    self.prepared(&mut reloads, files, prepared).await;
                }
                _ = losses.tick() => self.logs.tell_losses(clock::now()),
                () = tokio::time::sleep(LOOK_EVERY), if !reloads.published.is_empty() => {}
                shard = &mut failed => {
                    tell!(ShardEnded, { shard }, "shard {shard} ended by itself; the others drain");
                    break ("a shard ended", Drain::default(), false);
                }
            }
            self.go_on(&mut reloads);
        };
        // Every shard is told of the end behind the table that it was sent.
        self.answer(reloads.published, &Ok(self.published.table().generation));
        let drain = self.published.table().gateway.drain;
        let (delay, timeout) = (how.delay.unwrap_or(drain.delay), how.within.unwrap_or(drain.timeout));
        let still = match delay {
            Duration::ZERO => String::new(),
            delay => format!("connections are taken for {} more, then ", Period(delay)),
        };
        tell!(Draining, { why }, "{why}: {still}exchanges get {} to end", Period(timeout));
        Told { how, by_signal }
    }

    fn report(&mut self, report: Report) {
        let reports = self.published.shared.reports.clone();
        for report in std::iter::once(report).chain(std::iter::from_fn(|| reports.try_recv())) {
            if let Some(report) = self.published.told(report) {
                hurry(report, self.keeper.as_ref(), &self.jwks);
            }
        }
    }

    /// Answers those who wait for the shards, and begins the next reload when none is under way.
    fn go_on(&mut self, reloads: &mut Reloads) {
        if !reloads.published.is_empty() {
            if !self.published.is_served() {
                return;
            }
            let generation = self.published.table().generation;
            tell!(Reloaded, { generation = generation.0 }, "generation {} is served", generation.0);
            self.service.ready(generation, self.fixed.shards);
            self.answer(std::mem::take(&mut reloads.published), &Ok(generation));
        }
        if reloads.preparing.is_some() || reloads.next.is_empty() {
            return;
        }
        let askers = std::mem::take(&mut reloads.next);
        let Some(file) = self.file.clone() else {
            let fix = Some("run it with a file: ringgate run -f FILE".to_owned());
            let problem = Problem::of_file("", "the demo has no file that could be reloaded", fix);
            return self.answer(askers, &Err(Problems(vec![problem])));
        };
        let preparing = prepare(Beginning {
            file,
            generation: Generation(self.published.table().generation.0 + 1),
            alive: self.published.alive(),
            open: self.published.listening.known(),
            fixed: self.fixed,
            shared: self.published.shared.clone(),
            keeper: self.keeper.clone(),
        });
        reloads.preparing = Some((Box::pin(preparing), askers));
        self.service.reloading();
    }

    /// A reload is prepared, or refused.
    async fn prepared(&mut self, reloads: &mut Reloads, files: Files, prepared: Result<Prepared, Problems>) {
        let askers = reloads.preparing.take().map(|(_, askers)| askers).unwrap_or_default();
        self.files.send_replace(files);
        match prepared {
            Ok(prepared) => {
                self.publish(prepared).await;
                reloads.published = askers;
            }
            Err(problems) => {
                found(&problems.0);
                let generation = self.published.table().generation;
                let (serves, count) = (generation.0, problems.0.len());
                tell!(
                    ReloadRefused,
                    { generation = serves, problems = count },
                    "the reload is refused, generation {serves} goes on"
                );
                self.service.ready(generation, self.fixed.shards);
                self.published.refuse(problems.clone());
                self.answer(askers, &Err(problems));
            }
        }
    }

    async fn publish(&mut self, prepared: Prepared) {
        let Prepared { mut table, shown, fresh, mut names, warnings, log } = prepared;
        diagnostics::turn_to(table.gateway.log);
        found(&warnings);
        for (name, addr) in fresh.told() {
            tell!(Listening, { listener = name, address = %addr }, "listener {name} on {addr}");
        }
        let certificates = self.acme.restore(&table).await;
        // From here on until the new ones are kept no set of endpoints is published that the table would not have.
        if let Some(keeper) = self.keeper.take()
            && let Some(old) = keeper.stop().await
            && let Some(names) = &mut names
        {
            names.take_over(old, &mut table);
        }
        self.published.publish(table, shown, fresh).await;
        self.jwks.follow(self.published.table()).await;
        self.store.follow(self.published.table()).await;
        self.acme.follow(certificates);
        self.keeper = names.map(|names| self.published.keeper(names));
        if let Some(target) = log {
            self.logs.redirect(target);
        }
    }

    fn answer(&self, askers: Vec<Asker>, result: &Result<Generation, Problems>) {
        // Who does not wait any longer is not told.
        askers.into_iter().flatten().for_each(|asker| drop(asker.send(result.clone())));
    }
}

/// Waits until what is prepared is ready; for ever where nothing is.
async fn prepared(preparing: &mut Option<(Preparing, Vec<Asker>)>) -> (Files, Result<Prepared, Problems>) {
    poll_fn(|cx| match preparing {
        Some((preparing, _)) => preparing.as_mut().poll(cx),
        None => Poll::Pending,
    })
    .await
}
