//! The page of metrics: what is written of each family. The operator's page is held to their list by a test.

mod families;
mod snapshot;

use super::cells::{EndpointCells, ListenerCells, RouteCells, UpstreamCells};
use super::histogram::Merged;
use super::meters::{Meter, OVERFLOW};
use super::text::{Family, Form, Text};
use crate::base::counters::{Count, Tally};
use crate::observe::Counts;
use crate::observe::timing::Phase;
use std::sync::Arc;

pub use families::FAMILIES;
use families::*;
pub use snapshot::*;

/// The page, with room for `bytes` from the start. *Cost*: some 30 ns a line; it is made on a thread of its own.
pub fn page(snapshot: &Snapshot, form: Form, bytes: usize) -> Vec<u8> {
    let mut text = Text::new(form, bytes);
    exchanges(&mut text, snapshot);
    routes(&mut text, &snapshot.listed.routes);
    upstreams(&mut text, snapshot);
    endpoints(&mut text, &snapshot.listed.endpoints);
    policies(&mut text, snapshot);
    store(&mut text, snapshot.store.as_ref());
    phases(&mut text, &snapshot.counts);
    shards(&mut text, snapshot);
    tables(&mut text, snapshot);
    process(&mut text, snapshot);
    text.end()
}

/// A counter of all shards, without labels.
fn total(text: &mut Text, family: &Family, counts: &[Arc<Counts>], of: impl Fn(&Counts) -> &Count) {
    gauge(text, family, counts.iter().map(|counts| of(counts).now()).sum());
}

fn gauge(text: &mut Text, family: &Family, value: u64) {
    text.family(family);
    text.series(family, &[], value);
}

fn sum<T>(shards: &[T], of: impl Fn(&T) -> &Tally) -> u64 {
    shards.iter().map(|shard| of(shard).now()).sum()
}

type Classes = [Tally; Counts::CLASSES.len()];

fn classes<T: super::cells::Cells>(
    text: &mut Text,
    family: &Family,
    meters: &[Arc<Meter<T>>],
    of: impl Fn(&T) -> &Classes,
) {
    text.family(family);
    for meter in meters {
        let values = (0..Counts::CLASSES.len()).map(|at| sum(meter.all(), |cells| &of(cells)[at]));
        text.fan(family, &[meter.name()], Counts::CLASSES.into_iter().zip(values));
    }
}

/// Connections or tunnels of names in the current table, and their caps.
fn caps(text: &mut Text, [open, most]: [&Family; 2], named: &[(String, u32, u32)]) {
    text.family(open);
    named.iter().for_each(|(name, now, _)| text.series(open, &[name], u64::from(*now)));
    text.family(most);
    named.iter().for_each(|(name, _, cap)| text.series(most, &[name], u64::from(*cap)));
}

fn exchanges(text: &mut Text, snapshot: &Snapshot) {
    let Snapshot { listed, counts, listeners, tunnels, .. } = snapshot;
    classes(text, &REQUESTS, &listed.listeners, |cells: &ListenerCells| &cells.requests);
    text.family(&DURATION);
    for meter in &listed.listeners {
        let mut merged = Merged::default();
        meter.all().iter().for_each(|cells| cells.duration.merge(&mut merged));
        text.fine(&DURATION, &[meter.name()], &merged);
    }
    text.family(&REASONS);
    for (at, reason) in crate::observe::Reason::NAMES.into_iter().enumerate() {
        let value = counts.iter().filter_map(|counts| counts.reasons.iter().nth(at)).map(|(_, n)| n).sum();
        text.series(&REASONS, &[reason], value);
    }
    total(text, &RECEIVED, counts, |counts| &counts.bytes_in);
    total(text, &SENT, counts, |counts| &counts.bytes_out);
    caps(text, [&LISTENER_OPEN, &LISTENER_MAX], listeners);
    caps(text, [&TUNNELS_OPEN, &TUNNELS_MAX], tunnels);
    total(text, &ACCEPTED, counts, |counts| &counts.connections_accepted);
    total(text, &CLOSED, counts, |counts| &counts.connections_closed);
    certificates(text, snapshot);
}

/// Of those for whose series there is no room, the one that expires first stands under one name.
fn certificates(text: &mut Text, Snapshot { listed, certificates, orders, .. }: &Snapshot) {
    let (own, rest) = certificates.split_at(listed.certificates.min(certificates.len()));
    text.family(&NOT_AFTER);
    for (listener, file, until) in own {
        text.series(&NOT_AFTER, &[listener, file], *until);
    }
    if let Some(first) = rest.iter().map(|(.., until)| *until).min() {
        text.series(&NOT_AFTER, &[OVERFLOW, OVERFLOW], first);
    }
    text.family(&ORDERS);
    text.fan(&ORDERS, &[], ["issued", "failed"].into_iter().zip(*orders));
}

fn routes(text: &mut Text, meters: &[Arc<Meter<RouteCells>>]) {
    classes(text, &ROUTE_REQUESTS, meters, |cells| &cells.requests);
    text.family(&ROUTE_DURATION);
    for meter in meters {
        let mut merged = Merged::default();
        meter.all().iter().for_each(|cells| cells.duration.merge(&mut merged));
        text.coarse(&ROUTE_DURATION, &[meter.name()], &merged);
    }
}

fn upstreams(text: &mut Text, snapshot: &Snapshot) {
    let Snapshot { listed, counts, upstreams, .. } = snapshot;
    classes(text, &UPSTREAM_REQUESTS, &listed.upstreams, |cells: &UpstreamCells| &cells.requests);
    text.family(&UPSTREAM_FIRST_BYTE);
    for meter in &listed.upstreams {
        let mut merged = Merged::default();
        meter.all().iter().for_each(|cells| cells.first_byte.merge(&mut merged));
        text.coarse(&UPSTREAM_FIRST_BYTE, &[meter.name()], &merged);
    }
    caps(text, [&UPSTREAM_OPEN, &UPSTREAM_MAX], upstreams);
    total(text, &DIALLED, counts, |counts| &counts.pool_new);
    total(text, &REUSED, counts, |counts| &counts.pool_reused);
    total(text, &RACES, counts, |counts| &counts.reuse_races);
}

fn endpoints(text: &mut Text, meters: &[Arc<Meter<EndpointCells>>]) {
    type Of = fn(&EndpointCells) -> &Tally;
    let families: [(&Family, Of); 8] = [
        (&REPLIES, |cells| &cells.replies),
        (&ERRORS, |cells| &cells.errors),
        (&FAILURES, |cells| &cells.failures),
        (&ENDPOINT_FIRST_BYTE, |cells| &cells.first_byte_micros),
        (&ACTIVE, |cells| &cells.active),
        (&IDLE, |cells| &cells.idle),
        (&MARKED, |cells| &cells.marked),
        (&OUT, |cells| &cells.out),
    ];
    for (family, of) in families {
        text.family(family);
        for meter in meters {
            let (labels, value) = ([meter.within(), meter.name()], sum(meter.all(), of));
            match family.name.ends_with("_seconds") {
                true => text.seconds(family, &labels, value),
                false => text.series(family, &labels, value),
            }
        }
    }
}

/// Those for whose series there is no room are summed under one name.
fn policies(text: &mut Text, snapshot: &Snapshot) {
    let (own, rest) = snapshot.policies.split_at(snapshot.listed.policies.min(snapshot.policies.len()));
    let mut overflow = PolicyNow { name: OVERFLOW.to_owned(), ..PolicyNow::default() };
    for policy in rest {
        overflow.passed += policy.passed;
        overflow.shadowed += policy.shadowed;
        for (reason, count) in &policy.refused {
            match overflow.refused.iter_mut().find(|(known, _)| known == reason) {
                Some((_, sum)) => *sum += count,
                None => overflow.refused.push((reason, *count)),
            }
        }
    }
    let shown = || own.iter().chain((!rest.is_empty()).then_some(&overflow));
    text.family(&PASSED);
    shown().for_each(|policy| text.series(&PASSED, &[&policy.name], policy.passed));
    text.family(&REFUSED);
    for policy in shown() {
        for (reason, count) in &policy.refused {
            text.series(&REFUSED, &[&policy.name, reason], *count);
        }
    }
    text.family(&SHADOWED);
    shown().for_each(|policy| text.series(&SHADOWED, &[&policy.name], policy.shadowed));
    type Of = fn(&LimitNow) -> u64;
    let cells: [(&Family, Of); 3] = [
        (&LIMIT_KEYS, |limit| limit.keys),
        (&LIMIT_KEYS_MAX, |limit| limit.room),
        (&LIMIT_SHARED, |limit| limit.shared),
    ];
    for (family, of) in cells {
        text.family(family);
        let limits = own.iter().filter_map(|policy| Some((&policy.name, policy.limit?)));
        limits.for_each(|(name, limit)| text.series(family, &[name], of(&limit)));
    }
    let fetched = || own.iter().filter_map(|policy| Some((&*policy.name, policy.keys.as_ref()?)));
    text.family(&KEYS_AGE);
    for (policy, keys) in fetched() {
        if let Some(age) = keys.age_micros {
            text.seconds(&KEYS_AGE, &[policy, &keys.address], age);
        }
    }
    text.family(&KEYS);
    fetched().for_each(|(policy, keys)| text.series(&KEYS, &[policy, &keys.address], keys.keys));
    text.family(&KEYS_FAILED);
    fetched().for_each(|(policy, keys)| text.series(&KEYS_FAILED, &[policy, &keys.address], keys.failures));
}

fn store(text: &mut Text, store: Option<&StoreNow>) {
    let Some(store) = store else { return };
    gauge(text, &STORE_UP, u64::from(store.works));
    gauge(text, &STORE_KEYS, store.keys);
    gauge(text, &STORE_ASKED, store.answered);
    gauge(text, &STORE_ROUNDS, store.rounds);
    text.family(&STORE_SECONDS);
    text.seconds(&STORE_SECONDS, &[], store.micros);
    text.family(&STORE_FAULTS);
    store.faults.iter().for_each(|(kind, count)| text.series(&STORE_FAULTS, &[kind], *count));
    gauge(text, &STORE_TURNED_AWAY, store.turned_away);
}

fn phases(text: &mut Text, counts: &[Arc<Counts>]) {
    text.family(&OVERHEAD);
    for (at, phase) in Phase::NAMES.into_iter().enumerate() {
        let mut merged = Merged::default();
        counts.iter().for_each(|counts| counts.phases.all()[at].merge(&mut merged));
        text.fine(&OVERHEAD, &[phase], &merged);
    }
}

fn shards(text: &mut Text, snapshot: &Snapshot) {
    total(text, &PANICS, &snapshot.counts, |counts| &counts.panics);
    total(text, &LOG_DROPS, &snapshot.counts, |counts| &counts.log_drops);
    gauge(text, &LOG_LOST, snapshot.log_lost);
    type Of = fn(&ShardNow) -> u64;
    let families: [(&Family, Of); 3] = [
        (&SHARD_OPEN, |shard| shard.connections),
        (&MAILBOX, |shard| shard.mailbox),
        (&LOG_BATCHES, |shard| shard.log_batches),
    ];
    for (family, of) in families {
        text.family(family);
        for (index, shard) in snapshot.shards.iter().enumerate() {
            text.series(family, &[&index.to_string()], of(shard));
        }
    }
}

fn tables(text: &mut Text, snapshot: &Snapshot) {
    gauge(text, &GENERATION, snapshot.generation);
    text.family(&GENERATION_AT);
    text.seconds(&GENERATION_AT, &[], snapshot.generation_unix_ms * 1000);
    gauge(text, &GENERATIONS, snapshot.generations);
    text.family(&RELOADS);
    text.series(&RELOADS, &["done"], snapshot.reloads);
    text.series(&RELOADS, &["refused"], snapshot.refusals);
    gauge(text, &DRAINING, u64::from(snapshot.is_draining));
    gauge(text, &SERIES, snapshot.listed.series as u64);
    gauge(text, &SERIES_MAX, snapshot.listed.cap as u64);
    gauge(text, &SERIES_PAST, snapshot.listed.past);
    text.family(&DRIVER);
    text.series(&DRIVER, &[&snapshot.driver, if snapshot.fell_back { "true" } else { "false" }], 1);
    text.family(&BUILD);
    text.series(&BUILD, &[env!("CARGO_PKG_VERSION")], 1);
}

fn process(text: &mut Text, snapshot: &Snapshot) {
    let Some(process) = snapshot.process else { return };
    text.family(&CPU);
    text.seconds(&CPU, &[], process.cpu_micros);
    gauge(text, &RESIDENT, process.resident_bytes);
    gauge(text, &OPEN_FDS, process.open_fds);
    if let Some(most) = process.max_fds {
        gauge(text, &MAX_FDS, most);
    }
    text.family(&STARTED);
    text.seconds(&STARTED, &[], process.start_unix_micros);
    gauge(text, &THREADS, process.threads);
}

#[cfg(test)]
mod tests;
