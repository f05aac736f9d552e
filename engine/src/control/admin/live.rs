//! What runs now, for whoever shows it. `control/run` makes one, publishes each table in it, and says when the end begins.

use crate::base::Generation;
use crate::net::clock;
use crate::shard::Shared;
use crate::table::Table;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// What runs now.
#[derive(Debug)]
pub struct Live {
    /// What the shards share.
    pub shared: Arc<Shared>,
    tables: watch::Sender<Arc<Tables>>,
    draining: AtomicBool,
}

/// The table that new exchanges get, and those before it.
#[derive(Debug)]
pub struct Tables {
    /// The table.
    pub current: Arc<Table>,
    /// The configuration that it was compiled from, without its secrets.
    pub config: Arc<Value>,
    /// When it was published, in milliseconds since 1970.
    pub since_unix_ms: u64,
    /// Those before it that exchanges may still be running on.
    earlier: Vec<(Generation, u64, Weak<Table>)>,
}

impl Tables {
    /// Generations that are still in use, the newest first, each with the time of its publication.
    pub fn generations(&self) -> impl Iterator<Item = (Generation, u64)> {
        let live = |(generation, since, table): &(Generation, u64, Weak<Table>)| {
            (table.strong_count() > 0).then_some((*generation, *since))
        };
        let current = (self.current.generation, self.since_unix_ms);
        std::iter::once(current).chain(self.earlier.iter().rev().filter_map(live))
    }
}

impl Live {
    /// A process whose first table is `table`, compiled from `config`.
    pub fn new(shared: Arc<Shared>, table: Arc<Table>, config: Value) -> Live {
        let tables = Tables {
            current: table,
            config: Arc::new(config),
            since_unix_ms: clock::unix_ms(),
            earlier: Vec::new(),
        };
        Live { shared, tables: watch::Sender::new(Arc::new(tables)), draining: AtomicBool::new(false) }
    }

    /// The shards have been given `table`.
    pub fn publish(&self, table: Arc<Table>, config: Value) {
        self.tables.send_modify(|tables| {
            let old = (tables.current.generation, tables.since_unix_ms, Arc::downgrade(&tables.current));
            let gone = |(_, _, table): &&(Generation, u64, Weak<Table>)| table.strong_count() > 0;
            let earlier = tables.earlier.iter().filter(gone).cloned().chain([old]).collect();
            let (config, since_unix_ms) = (Arc::new(config), clock::unix_ms());
            *tables = Arc::new(Tables { current: table, config, since_unix_ms, earlier });
        });
    }

    /// The tables now.
    pub fn tables(&self) -> Arc<Tables> {
        self.tables.borrow().clone()
    }

    /// The end begins: whoever asks whether to send requests here is told no.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether the end has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::load;
    use serde_json::json;

    fn table(generation: u64) -> Arc<Table> {
        let text = "listeners: [{ bind: 127.0.0.1:0 }]\nroutes: [{ name: a, respond: { body: a } }]\n";
        let config = load::parse("a.yaml", text.to_owned()).expect("is read");
        Arc::new(load::compile(&config, Generation(generation), None).expect("compiles").0)
    }

    #[test]
    fn a_generation_lives_as_long_as_somebody_holds_its_table() {
        let live = Live::new(Shared::new(1), table(1), json!(1));
        let held = live.tables().current.clone();
        live.publish(table(2), json!(2));
        live.publish(table(3), json!(3));
        let generations = || live.tables().generations().map(|(g, _)| g.0).collect::<Vec<_>>();
        assert_eq!(generations(), [3, 1], "nobody runs on the second");
        drop(held);
        assert_eq!(generations(), [3]);
        assert_eq!(*live.tables().config, json!(3));
    }
}
