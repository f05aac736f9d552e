//! The office's door: what a running gateway can be told, and how it stands. Signals, the watched file and the admin
//! interface all come through a clone of [`Office`]; one task takes the orders, one after another (`control/run`).

use crate::base::Generation;
use crate::config::{Problem, Problems};
use crate::table::Table;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Orders that wait at most; whoever gives one more waits.
const ORDERS: usize = 64;

/// A way to order reloads and the end, and to look at how the gateway stands. Cloning it clones a handle.
#[derive(Debug, Clone)]
pub struct Office {
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<Arc<Status>>,
}

/// What the office is told.
#[derive(Debug)]
pub enum Order {
    /// Read the configuration and serve it.
    Reload(oneshot::Sender<Result<Generation, Problems>>),
    /// End.
    Drain(Drain),
}

/// How to end; what is not given is as the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drain {
    /// How long connections are still taken, while readiness fails already.
    pub delay: Option<Duration>,
    /// How long exchanges may take to end after that.
    pub within: Option<Duration>,
}

/// How a gateway stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// The table that is served. In a reload it is the one published last.
    pub table: Arc<Table>,
    /// The configuration that it was compiled from, without its secrets.
    pub config: Arc<Value>,
    /// Tables that exchanges still run on, the one that is served last among them, oldest first.
    pub living: Vec<Living>,
    /// Reloads that took effect.
    pub reloads: u64,
    /// Reloads that were refused.
    pub refusals: u64,
    /// The last refused reload, until one takes effect.
    pub refused: Option<Refusal>,
    /// Where it is in its life.
    pub phase: Phase,
}

/// A generation that is not gone yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Its number.
    pub generation: Generation,
    /// When it was published, in milliseconds since 1970.
    pub since_unix_ms: u64,
    /// When another one took its place; none for the one that is served.
    pub until_unix_ms: Option<u64>,
    /// Shards on which something holds it: an exchange or a tunnel that began on it, a connection of a listener that only
    /// it has; for the one that is served, all shards that have taken it.
    pub held_by: Vec<usize>,
}

/// A reload that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Why.
    pub problems: Problems,
}

/// Where a gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves: ready.
    Serving,
    /// It was told to end and still takes connections: not ready.
    Leaving,
    /// It takes no connection any more.
    Draining,
}

impl Phase {
    /// Whether clients should come.
    pub fn is_ready(self) -> bool {
        self == Phase::Serving
    }
}

/// The other side of the door.
#[derive(Debug)]
pub struct Inside {
    /// What is to be done.
    pub orders: mpsc::Receiver<Order>,
    /// What is told of it.
    pub status: watch::Sender<Arc<Status>>,
}

impl Office {
    /// A door to a gateway that stands so.
    pub fn open(status: Status) -> (Office, Inside) {
        let (give, orders) = mpsc::channel(ORDERS);
        let (tell, told) = watch::channel(Arc::new(status));
        (Office { orders: give, status: told }, Inside { orders, status: tell })
    }

    /// Has the configuration read again, and waits until all shards serve it. All or nothing.
    ///
    /// # Errors
    /// Why nothing was changed, with the place of each problem.
    pub async fn reload(&self) -> Result<Generation, Problems> {
        let (tell, told) = oneshot::channel();
        let ending =
            || Problems(vec![Problem::of_file("", "the gateway is ending: nothing is reloaded", None)]);
        self.orders.send(Order::Reload(tell)).await.map_err(|_| ending())?;
        told.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Begins the end. False when it is over already.
    pub async fn drain(&self, drain: Drain) -> bool {
        self.orders.send(Order::Drain(drain)).await.is_ok()
    }

    /// How the gateway stands now.
    pub fn status(&self) -> Arc<Status> {
        self.status.borrow().clone()
    }
}
