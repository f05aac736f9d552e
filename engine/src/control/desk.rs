//! The office's one task: takes orders, signals and reports of the shards, one after another, until the gateway is to end.
//! A reload is prepared beside all that; what the loop itself does of it, publishing, takes microseconds.

use super::load::Files;
use super::logs::Logs;
use super::office::{Drain, Inside, Order};
use super::publish::Published;
use super::reload::{Beginning, Fixed, Prepared, prepare};
use super::resolve::Keeper;
use crate::base::Generation;
use crate::config::{Problem, Problems};
use crate::shard::Report;
use std::future::{Future, pending, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::{oneshot, watch};

/// How often shards are looked at that have not said yet that they serve the new table: what they say may be lost.
const LOOK_EVERY: Duration = Duration::from_millis(5);

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
    /// The configuration; none for the demo, which has no file.
    pub file: Option<PathBuf>,
    /// What a reload cannot change.
    pub fixed: Fixed,
    /// Which files the last reading saw, for whoever watches them.
    pub files: watch::Sender<Files>,
}

/// The signals that are taken.
pub struct Signals {
    /// SIGTERM.
    pub terminate: Signal,
    /// SIGINT.
    pub interrupt: Signal,
    /// SIGHUP.
    pub hangup: Signal,
}

impl Signals {
    /// Waits for one that says to end.
    pub async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
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

impl Desk {
    /// Works until the gateway is to end, as it is told, or because a shard `failed`.
    pub async fn work(&mut self, signals: &mut Signals, failed: impl Future<Output = usize>) -> Drain {
        let mut reloads = Reloads::default();
        let mut failed = std::pin::pin!(failed);
        let told = loop {
            let reports = self.published.shared.reports.clone();
            tokio::select! {
                order = self.inside.orders.recv() => match order {
                    Some(Order::Reload(tell)) => reloads.next.push(Some(tell)),
                    Some(Order::Drain(drain)) => break drain,
                    // The door is held open by whoever started the task.
                    None => pending::<()>().await,
                },
                _ = signals.terminate.recv() => break Drain::default(),
                _ = signals.interrupt.recv() => break Drain::default(),
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
                () = tokio::time::sleep(LOOK_EVERY), if !reloads.published.is_empty() => {}
                shard = &mut failed => {
                    eprintln!("ringgate: shard {shard} ended by itself; the others drain");
                    break Drain::default();
                }
            }
            self.go_on(&mut reloads);
        };
        // Every shard is told of the end behind the table that it was sent.
        self.answer(reloads.published, &Ok(self.published.table().generation));
        told
    }

    fn report(&mut self, report: Report) {
        let reports = self.published.shared.reports.clone();
        for report in std::iter::once(report).chain(std::iter::from_fn(|| reports.try_recv())) {
            if let (Some(Report::Unreachable(target)), Some(keeper)) =
                (self.published.told(report), &self.keeper)
            {
                keeper.hurry(target);
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
            eprintln!("ringgate: generation {} is served", generation.0);
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
                for problem in &problems.0 {
                    eprint!("{problem}");
                }
                let generation = self.published.table().generation.0;
                eprintln!("ringgate: the reload is refused, generation {generation} goes on");
                self.published.refuse(problems.clone());
                self.answer(askers, &Err(problems));
            }
        }
    }

    async fn publish(&mut self, prepared: Prepared) {
        let Prepared { mut table, shown, fresh, mut names, warnings, log } = prepared;
        for warning in warnings {
            eprint!("{warning}");
        }
        for (name, addr) in fresh.told() {
            eprintln!("ringgate: listener {name} on {addr}");
        }
        // From here on until the new ones are kept no set of endpoints is published that the table would not have.
        if let Some(keeper) = self.keeper.take()
            && let Some(old) = keeper.stop().await
            && let Some(names) = &mut names
        {
            names.take_over(old, &mut table);
        }
        self.published.publish(table, shown, fresh).await;
        self.keeper = names.map(|names| Keeper::of(names, self.published.shared.clone()));
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
