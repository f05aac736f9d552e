//! The gateway under test: the real shard state, connections, exchange, upstream and pool, over the simulated
//! network. What is not the real thing is the accept loop, which takes simulated sockets.

use crate::plan::Plan;
use crate::plan::config;
use ringgate::accept::Admit;
use ringgate::base::{Generation, ListenerId};
use ringgate::conn::connection;
use ringgate::control::load;
use ringgate::exchange::{Home, Lent, Peer};
use ringgate::net::driver::Driver;
use ringgate::net::sim::{self, Listener};
use ringgate::net::spawn::{spawn, spawn_guarded};
use ringgate::net::{Stream, ring};
use ringgate::observe::Counts;
use ringgate::shard::{Message, Setup, Shared, housekeeping, lent};
use ringgate::table::Table;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// The running gateway.
pub struct Gateway {
    pub table: Arc<Table>,
    pub shards: Vec<Rc<Lent>>,
    pub counts: Vec<Arc<Counts>>,
    pub shared: Arc<Shared>,
    /// The log's receiving ends.
    pub logs: Vec<ring::Receiver>,
}

/// Where shard `index` takes connections.
pub fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 255, 0, index as u8], 8080))
}

impl Gateway {
    /// Starts the shards of `plan`.
    pub fn start(plan: &Plan) -> Gateway {
        let config =
            load::parse("sim.yaml", config::yaml(plan)).unwrap_or_else(|problems| panic!("{problems:?}"));
        let (table, _) =
            load::compile(&config, Generation(1), None).unwrap_or_else(|problems| panic!("{problems:?}"));
        let shared = Shared::new(plan.shards);
        let mut gateway =
            Gateway { table: Arc::new(table), shards: vec![], counts: vec![], shared, logs: vec![] };
        for index in 0..plan.shards {
            gateway.add(index, plan.seed);
        }
        gateway
    }

    fn add(&mut self, index: usize, seed: u64) {
        let counts = Arc::new(Counts::default());
        let setup = Setup {
            index,
            cpu: 0,
            driver: Driver::Epoll,
            table: self.table.clone(),
            shared: self.shared.clone(),
            counts: counts.clone(),
            listeners: Vec::new(),
            seed: seed.wrapping_add(index as u64),
        };
        let (log, logged) = ring::ring(1024);
        let shard = lent(&setup, log);
        spawn(shard.upstream.wheel.clone().drive());
        spawn(housekeeping(shard.clone()));
        spawn(evictions(self.shared.clone(), index, shard.clone()));
        let spec = &self.table.listeners[0];
        let admit = Admit {
            listener: (spec.count.clone(), spec.limits.connections),
            process: (self.shared.connections.clone(), self.table.gateway.connections),
        };
        spawn(accept(sim::listen(address(index)), admit, shard.clone(), Home::new(ListenerId(0))));
        self.shards.push(shard);
        self.counts.push(counts);
        self.logs.push(logged);
    }

    /// Lines of the access log so far.
    pub fn log_lines(&self) -> usize {
        for shard in &self.shards {
            shard.lines.borrow_mut().flush();
        }
        let batches = self.logs.iter().flat_map(|log| std::iter::from_fn(|| log.take()));
        batches.map(|batch| batch.iter().filter(|byte| **byte == b'\n').count()).sum()
    }

    /// Connections of clients that are served now.
    pub fn open(&self) -> u32 {
        self.table.listeners[0].count.now()
    }
}

async fn accept(listener: Listener, admit: Admit, lent: Rc<Lent>, home: Rc<Home>) {
    let mut number = 0u16;
    loop {
        let socket = listener.accept().await;
        number += 1;
        let Some(admission) = admit.admit() else { continue };
        let addr = SocketAddr::from(([10, 9, 9, 9], number));
        let peer = Peer::new(&lent.table(), ListenerId(0), addr.into());
        let counts = lent.counts.clone();
        spawn_guarded(
            connection(Stream::simulated(socket), lent.clone(), home.clone(), peer),
            move |ended| {
                if ended.is_err() {
                    counts.panics.add(1);
                }
                drop(admission);
            },
        );
    }
}

/// Gives idle connections up when another shard asks for them.
async fn evictions(shared: Arc<Shared>, index: usize, lent: Rc<Lent>) {
    loop {
        if let Message::Evict(name, asker) = shared.mailboxes[index].recv().await {
            lent.upstream.pools.evict_named(&name, asker);
        }
    }
}
