//! What a shard owns; makes the structs it lends.

use super::build::{Setup, Shared};
use super::inbox::{Message, Report};
use crate::base::{Activity, Tick};
use crate::exchange::{self, AskKeys, Asking, HeldTable, Lasting, Leave, Sleepers};
use crate::mem::{Pool, Scratches};
use crate::net::pipe::Pipes;
use crate::net::spawn::spawn;
use crate::net::{Intake, Wheel, clock, ring};
use crate::observe::Lines;
use crate::policy;
use crate::route::Scratch;
use crate::table::Endpoint;
use crate::upstream::{self, AskSlot, Pools};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often control is told of what there is none left of.
const SHORT_AGAIN: Duration = Duration::from_secs(60);

/// How long a report waits for room before it is sent again.
const AGAIN: Duration = Duration::from_millis(20);

/// What the shard of `setup` lends to its exchanges; its log lines go to `log`. `run` calls it, and so do simulations.
pub fn lent(setup: &Setup, log: ring::Sender) -> Rc<exchange::Lent> {
    let seed = Cell::new(setup.seed | 1);
    let next = || {
        let x = seed.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.set(x);
        x >> 16
    };
    setup.table.policies.publish();
    let counts = setup.counts.clone();
    let wheel = Wheel::new();
    let leave = leave(setup.shared.clone(), setup.index, wheel.clone());
    let upstream = upstream::Lent {
        buffers: Pool::new(),
        lines: Scratches::default(),
        pipes: Pipes::default(),
        wheel,
        intake: Intake::default(),
        doubts: Cell::new(false),
        pools: Pools::new(&setup.table, setup.index, next),
        counts: counts.clone(),
        shard: setup.index,
        random: Cell::new(next() | 1),
        ask_slot: ask_slot(setup.shared.clone(), setup.index),
        short: short(setup.shared.clone()),
        unreachable: unreachable(setup.shared.clone()),
    };
    let table = HeldTable::new(setup.table.clone(), upstream.pools.stations(), leave.clone());
    Rc::new(exchange::Lent {
        table: RefCell::new(table),
        upstream,
        lines: RefCell::new(Lines::new(Box::new(move |batch| log.send(batch)), counts.clone())),
        forwards: Scratches::default(),
        passages: Scratches::default(),
        policies: RefCell::new(policies(setup)),
        asking: Asking::new(ask_keys(setup.shared.clone())),
        offload: setup.shared.offload.clone(),
        timings: Scratches::default(),
        routing: Scratch::default(),
        caches: RefCell::default(),
        counts,
        shard: setup.index as u16,
        sleepers: Sleepers::default(),
        leave,
        draining: Cell::new(false),
        busy: Cell::new(0),
        activity: Activity::default(),
        exchanges: Cell::new(0),
        cut: Cell::new(false),
        lasting: Lasting::default(),
    })
}

/// Asks every other shard for a slot of an upstream. A full mailbox is passed over: whoever waits asks again.
fn ask_slot(shared: Arc<Shared>, index: usize) -> AskSlot {
    Box::new(move |name, asker| {
        let name: Arc<str> = name.into();
        for (other, mailbox) in shared.mailboxes.iter().enumerate() {
            if other != index {
                let _ = mailbox.send(Message::Evict(name.clone(), asker.clone()));
            }
        }
    })
}

/// Tells control of an endpoint that was found behind a name. An address as written cannot turn out to be another.
fn unreachable(shared: Arc<Shared>) -> Box<dyn Fn(&Endpoint)> {
    Box::new(move |endpoint| {
        if let Some(name) = &endpoint.found_behind {
            let _ = shared.reports.send(Report::Unreachable(name.clone()));
        }
    })
}

/// Tells control what there is none left of, once in a while.
fn short(shared: Arc<Shared>) -> Box<dyn Fn(&'static str)> {
    let told_at = Cell::new(None::<Tick>);
    Box::new(move |what| {
        let now = clock::coarse();
        if told_at.get().is_none_or(|told_at| now.since(told_at) >= SHORT_AGAIN) {
            told_at.set(Some(now));
            let _ = shared.reports.send(Report::Short(what));
        }
    })
}

/// What policies keep on the shard of `setup`.
fn policies(setup: &Setup) -> policy::Shard {
    let mut policies = policy::Shard::new(setup.index as u16);
    let wants = setup.shared.wants.clone();
    policies.cells.tells(Box::new(move |want| wants.send(want).is_ok()));
    policies
}

/// Asks control for a key set that lacks a key.
fn ask_keys(shared: Arc<Shared>) -> AskKeys {
    Box::new(move |address, number| shared.reports.send(Report::Keys(address.clone(), number)).is_ok())
}

/// Sends tables that nothing on the shard holds any more back to control, where they are freed and the generation is taken
/// off the list.
fn leave(shared: Arc<Shared>, index: usize, wheel: Wheel) -> Leave {
    Rc::new(move |table| {
        let Err(mut report) = shared.reports.send(Report::Left(index, table)) else { return };
        // At the end nobody counts generations any more.
        if shared.ending.load(Relaxed) {
            return;
        }
        let (shared, again) = (shared.clone(), wheel.deadline());
        spawn(async move {
            loop {
                again.set(clock::coarse().after(AGAIN));
                again.wait().await;
                match shared.reports.send(report) {
                    Ok(()) => return,
                    Err(back) => report = back,
                }
            }
        });
    })
}
