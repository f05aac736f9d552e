//! The task that keeps names current, from outside: what a reload wants of it, and the hints that shards give.

use super::Names;
use super::name::Name;
use crate::control::courier::Couriers;
use crate::control::probe::Probes;
use crate::shard::Shared;
use crate::table::{Source, Target};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Questions and hints that wait at most; a hint that finds no room is lost, since it comes again.
const ASKS: usize = 256;

/// What the task is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// A connection to an address behind this name failed.
    Hurry(Target),
    /// What is known?
    Seen(oneshot::Sender<Seen>),
    /// Stop, and give all of it away.
    Stop(oneshot::Sender<Names>),
}

/// What is known of names and files, for a table that is prepared beside the running one.
#[derive(Debug, Default)]
pub struct Seen {
    pub(super) names: HashMap<Target, Name>,
    pub(super) lists: HashMap<PathBuf, Vec<Source>>,
}

/// The task. Cloning it clones a handle; it ends when it is stopped or the last one is dropped.
#[derive(Debug, Clone)]
pub struct Keeper(mpsc::Sender<Ask>);

impl Keeper {
    /// Keeps `names` and publishes `to` the shards what changes; each set is shown to the probes before.
    pub fn of(names: Names, to: (Arc<Shared>, Couriers, Probes)) -> Keeper {
        let (give, asked) = mpsc::channel(ASKS);
        tokio::spawn(names.keep(to, asked));
        Keeper(give)
    }

    /// The name may stand for other addresses by now.
    pub fn hurry(&self, target: Target) {
        let _ = self.0.try_send(Ask::Hurry(target));
    }

    /// What is known now.
    pub async fn seen(&self) -> Seen {
        let (tell, told) = oneshot::channel();
        let _ = self.0.send(Ask::Seen(tell)).await;
        told.await.unwrap_or_default()
    }

    /// Stops it. From then on nothing is published.
    pub async fn stop(self) -> Option<Names> {
        let (tell, told) = oneshot::channel();
        let _ = self.0.send(Ask::Stop(tell)).await;
        told.await.ok()
    }
}
