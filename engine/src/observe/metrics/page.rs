//! The page of metrics: every family with its help in one list, and what is written of each. The operator's page is held to
//! the list by a test.

use super::cells::{EndpointCells, ListenerCells, RouteCells, UpstreamCells};
use super::histogram::Merged;
use super::meters::{Listed, Meter, OVERFLOW};
use super::text::{Family, Form, Kind, Text};
use crate::base::counters::{Count, Tally};
use crate::observe::Counts;
use crate::observe::timing::Phase;
use std::sync::Arc;

/// What control collects for one page.
#[derive(Debug)]
pub struct Snapshot {
    /// Names and their cells.
    pub listed: Listed,
    /// Each shard's counters.
    pub counts: Vec<Arc<Counts>>,
    /// Each shard's numbers of now.
    pub shards: Vec<ShardNow>,
    /// Listeners of the current table, with the connections open and the most there may be.
    pub listeners: Vec<(String, u32, u32)>,
    /// Its upstreams, likewise.
    pub upstreams: Vec<(String, u32, u32)>,
    /// Certificates of its listeners: the listener, the certificate's file, and the last second since 1970 at which it is
    /// valid.
    pub certificates: Vec<(String, String, u64)>,
    /// Orders for certificates that were issued, and that failed.
    pub orders: [u64; 2],
    /// The store that limits are shared through; none where there is none.
    pub store: Option<StoreNow>,
    /// Its policies, in file order.
    pub policies: Vec<PolicyNow>,
    /// The number of the current table.
    pub generation: u64,
    /// Tables that are in use.
    pub generations: u64,
    /// When the current table was published, in milliseconds since 1970.
    pub generation_unix_ms: u64,
    /// Reloads that took effect.
    pub reloads: u64,
    /// Reloads that were refused.
    pub refusals: u64,
    /// Whether the end has begun.
    pub is_draining: bool,
    /// Log lines that could not be written.
    pub log_lost: u64,
    /// What the shards wait with.
    pub driver: String,
    /// Whether another driver was wanted and did not work.
    pub fell_back: bool,
    /// The process; none where the system does not tell.
    pub process: Option<Process>,
}

/// A policy now.
#[derive(Debug, Clone, Default)]
pub struct PolicyNow {
    /// Its name.
    pub name: String,
    /// Requests that passed.
    pub passed: u64,
    /// Requests that it refused, by the reason of the access log; those that there were.
    pub refused: Vec<(&'static str, u64)>,
    /// Requests that it would have refused, had it not been in shadow mode.
    pub shadowed: u64,
    /// The key set that is fetched for it, if one is.
    pub keys: Option<KeysNow>,
    /// The cells of a limit.
    pub limit: Option<LimitNow>,
}

/// What a limit counts in.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitNow {
    /// Keys that have a cell.
    pub keys: u64,
    /// Keys that may have one.
    pub room: u64,
    /// Requests of keys without one.
    pub shared: u64,
}

/// A key set that is fetched.
#[derive(Debug, Clone, Default)]
pub struct KeysNow {
    /// Its address.
    pub address: String,
    /// Keys in it.
    pub keys: u64,
    /// Microseconds since they were fetched; none where there are none.
    pub age_micros: Option<u64>,
    /// Fetches that failed since then.
    pub failures: u64,
}

impl PolicyNow {
    /// Series of a policy at most: a number each, a reason each, and three of its key set or its cells.
    pub const SERIES: usize = 16;
}

/// The store of shared limits now.
#[derive(Debug, Clone, Default)]
pub struct StoreNow {
    /// Whether it works.
    pub works: bool,
    /// Keys that are looked after.
    pub keys: u64,
    /// Questions for a key that it answered.
    pub answered: u64,
    /// Rounds of questions.
    pub rounds: u64,
    /// Microseconds that they took.
    pub micros: u64,
    /// Faults by kind.
    pub faults: Vec<(&'static str, u64)>,
    /// Keys that were turned away.
    pub turned_away: u64,
}

/// A shard now.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShardNow {
    /// Client connections.
    pub connections: u64,
    /// Messages in its mailbox.
    pub mailbox: u64,
    /// Batches of log lines on their way to the log thread.
    pub log_batches: u64,
}

/// The process, as the system tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process {
    /// CPU time used, in microseconds.
    pub cpu_micros: u64,
    /// Memory in use.
    pub resident_bytes: u64,
    /// Descriptors open.
    pub open_fds: u64,
    /// Descriptors that may be open; none for no limit.
    pub max_fds: Option<u64>,
    /// Its start, in microseconds since 1970.
    pub start_unix_micros: u64,
    /// Threads.
    pub threads: u64,
}

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(const $id: Family =
            Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every family, in the order of the page.
        pub const FAMILIES: &[&Family] = &[$(&$id,)*];
    };
}

families! {
    REQUESTS = Counter "ringgate_requests" ["listener", "class"] "Exchanges by class of the status sent; none is for those that got no answer.";
    DURATION = Histogram "ringgate_request_duration_seconds" ["listener"] "First byte of a request to the last of its answer, tunnels apart.";
    REASONS = Counter "ringgate_reasons" ["reason"] "Exchanges by the reason of the access log.";
    RECEIVED = Counter "ringgate_request_body_bytes" [] "Body bytes from clients.";
    SENT = Counter "ringgate_response_body_bytes" [] "Body bytes to clients.";
    LISTENER_OPEN = Gauge "ringgate_listener_connections" ["listener"] "Client connections open.";
    LISTENER_MAX = Gauge "ringgate_listener_connections_limit" ["listener"] "Client connections that may be open.";
    ACCEPTED = Counter "ringgate_connections_accepted" [] "Client connections taken in.";
    CLOSED = Counter "ringgate_connections_closed" [] "Client connections ended.";
    NOT_AFTER = Gauge "ringgate_certificate_not_after_seconds" ["listener", "certificate"] "Until when a certificate of a listener is valid, in seconds since 1970; the certificate is named by its file.";
    ORDERS = Counter "ringgate_certificate_orders" ["outcome"] "Orders for certificates that the gateway obtains by itself: those that gave one, and those that failed and are tried again.";
    ROUTE_REQUESTS = Counter "ringgate_route_requests" ["route", "class"] "Exchanges of a route by class of the status sent.";
    ROUTE_DURATION = Histogram "ringgate_route_duration_seconds" ["route"] "First byte of a request to the last of its answer, tunnels apart.";
    UPSTREAM_REQUESTS = Counter "ringgate_upstream_requests" ["upstream", "class"] "Exchanges for which an upstream was chosen, by class of the status sent to the client.";
    UPSTREAM_FIRST_BYTE = Histogram "ringgate_upstream_first_byte_seconds" ["upstream"] "Request sent to the head of the reply.";
    UPSTREAM_OPEN = Gauge "ringgate_upstream_connections" ["upstream"] "Connections open to an upstream.";
    UPSTREAM_MAX = Gauge "ringgate_upstream_connections_limit" ["upstream"] "Connections that may be open to an upstream.";
    DIALLED = Counter "ringgate_upstream_connections_new" [] "Upstream connections made.";
    REUSED = Counter "ringgate_upstream_connections_reused" [] "Tries that went over an idle upstream connection.";
    RACES = Counter "ringgate_upstream_reuse_races" [] "Idle connections that the upstream closed just as a request was sent over them; the request was sent again.";
    REPLIES = Counter "ringgate_endpoint_replies" ["upstream", "endpoint"] "Exchanges that an endpoint answered.";
    ERRORS = Counter "ringgate_endpoint_errors" ["upstream", "endpoint"] "Replies with a status of 500 and above.";
    FAILURES = Counter "ringgate_endpoint_failures" ["upstream", "endpoint"] "Tries that brought no reply: refused, reset, timed out or malformed.";
    ENDPOINT_FIRST_BYTE = Counter "ringgate_endpoint_first_byte_seconds" ["upstream", "endpoint"] "Request sent to the head of the reply, summed over the replies.";
    ACTIVE = Gauge "ringgate_endpoint_active" ["upstream", "endpoint"] "Exchanges that run, as of half a second ago at most.";
    IDLE = Gauge "ringgate_endpoint_idle_connections" ["upstream", "endpoint"] "Idle connections kept, as of half a second ago at most.";
    MARKED = Gauge "ringgate_endpoint_marked_shards" ["upstream", "endpoint"] "Shards that leave an endpoint alone because it could not be reached.";
    OUT = Gauge "ringgate_endpoint_out_shards" ["upstream", "endpoint"] "Shards that leave an endpoint alone because its health checks fail.";
    PASSED = Counter "ringgate_policy_passed" ["policy"] "Requests that a policy let pass.";
    REFUSED = Counter "ringgate_policy_refused" ["policy", "reason"] "Requests that a policy refused, by the reason of the access log, once there is one.";
    SHADOWED = Counter "ringgate_policy_shadow_refused" ["policy"] "Requests that a policy in shadow mode would have refused.";
    LIMIT_KEYS = Gauge "ringgate_limit_keys" ["policy"] "Keys that a limit has cells for, in use or at rest.";
    LIMIT_KEYS_MAX = Gauge "ringgate_limit_keys_limit" ["policy"] "Keys that it may have cells for.";
    LIMIT_SHARED = Counter "ringgate_limit_keys_shared" ["policy"] "Requests of new keys that found every cell taken, and were counted together in one.";
    STORE_UP = Gauge "ringgate_store_up" [] "Whether the store that limits are shared through answers: 1, or 0 while each limit holds as its failure says. This and what follows of it stands there only while limits are shared.";
    STORE_KEYS = Gauge "ringgate_store_keys" [] "Keys of shared limits that leases are asked for.";
    STORE_ASKED = Counter "ringgate_store_leases" [] "Leases that were asked for and answered.";
    STORE_ROUNDS = Counter "ringgate_store_rounds" [] "Rounds of questions that were answered.";
    STORE_SECONDS = Counter "ringgate_store_round_seconds" [] "What those rounds took, summed.";
    STORE_FAULTS = Counter "ringgate_store_faults" ["kind"] "Rounds that failed: unreachable, timeout, sign_in, garbled or error.";
    STORE_TURNED_AWAY = Counter "ringgate_store_keys_turned_away" [] "Times that a key could not be asked for since too many new ones came at once; it was decided as while the store does not answer.";
    KEYS_AGE = Gauge "ringgate_jwks_age_seconds" ["policy", "address"] "Time since the key set of a policy was last fetched; none while there is none.";
    KEYS = Gauge "ringgate_jwks_keys" ["policy", "address"] "Keys in the fetched key set of a policy.";
    KEYS_FAILED = Gauge "ringgate_jwks_failures" ["policy", "address"] "Fetches of a key set that failed since the last good one.";
    OVERHEAD = Histogram "gateway_overhead_seconds" ["phase"] "Where the time of exchanges goes; one of 32 is looked at.";
    PANICS = Counter "ringgate_panics" [] "Panics caught: bugs.";
    LOG_DROPS = Counter "ringgate_log_dropped_lines" [] "Access log lines dropped because the log thread was behind.";
    LOG_LOST = Counter "ringgate_log_lost_lines" [] "Access log lines that could not be written.";
    SHARD_OPEN = Gauge "ringgate_shard_connections" ["shard"] "Client connections of a shard.";
    MAILBOX = Gauge "ringgate_shard_mailbox_messages" ["shard"] "Messages that wait in a shard's mailbox.";
    LOG_BATCHES = Gauge "ringgate_shard_log_batches" ["shard"] "Batches of log lines that wait for the log thread.";
    GENERATION = Gauge "ringgate_generation" [] "Number of the table that new exchanges get.";
    GENERATION_AT = Gauge "ringgate_generation_timestamp_seconds" [] "When that table was published.";
    GENERATIONS = Gauge "ringgate_generations_in_use" [] "Tables that exchanges still run on.";
    RELOADS = Counter "ringgate_reloads" ["outcome"] "Reloads: those that took effect, and those that were refused and changed nothing.";
    DRAINING = Gauge "ringgate_draining" [] "1 once the end has begun.";
    SERIES = Gauge "ringgate_metric_series" [] "Series of names in use.";
    SERIES_MAX = Gauge "ringgate_metric_series_limit" [] "Series of names that may be in use.";
    SERIES_PAST = Gauge "ringgate_metric_names_past_limit" [] "Names past that limit now, counted together under (overflow): those of every generation in use.";
    DRIVER = Gauge "ringgate_driver_info" ["driver", "fell_back"] "What the shards wait with, and whether io_uring was wanted and did not work.";
    BUILD = Gauge "ringgate_build_info" ["version"] "The version that runs.";
    CPU = Counter "process_cpu_seconds" [] "CPU time used.";
    RESIDENT = Gauge "process_resident_memory_bytes" [] "Memory in use.";
    OPEN_FDS = Gauge "process_open_fds" [] "Descriptors open.";
    MAX_FDS = Gauge "process_max_fds" [] "Descriptors that may be open.";
    STARTED = Gauge "process_start_time_seconds" [] "When the process started.";
    THREADS = Gauge "process_threads" [] "Threads.";
}

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

/// Connections of names in the current table, and their caps.
fn caps(text: &mut Text, [open, most]: [&Family; 2], named: &[(String, u32, u32)]) {
    text.family(open);
    named.iter().for_each(|(name, now, _)| text.series(open, &[name], u64::from(*now)));
    text.family(most);
    named.iter().for_each(|(name, _, cap)| text.series(most, &[name], u64::from(*cap)));
}

fn exchanges(text: &mut Text, snapshot: &Snapshot) {
    let Snapshot { listed, counts, listeners, .. } = snapshot;
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
