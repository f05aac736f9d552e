//! `/metrics`: collects what the page shows and has it written by a thread that gives way to all others: a large page takes
//! tens of milliseconds, which shards that share its CPU would wait for. Nothing is asked of a shard: all of it is atomics
//! that anybody may read. Few pages are made at once, since one may be tens of megabytes.

use super::live::Live;
use crate::base::Tick;
use crate::control::jwks::Seen;
use crate::control::store::{Kind as StoreFault, Numbers};
use crate::exchange::parts::reason;
use crate::net::{affinity, clock};
use crate::observe::metrics::page::{
    KeysNow, LimitNow, PolicyNow, Process, ShardNow, Snapshot, StoreNow, page,
};
use crate::observe::metrics::text::Form;
use crate::policy::limit::Set;
use crate::policy::{By, Cause, Kind, Outcome, Policy, Refusal, SignIn};
use crate::table::{Expiry, Listener, Table};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Pages made at once; further readers wait.
pub const AT_ONCE: usize = 2;

/// Bytes that a page may grow by before its buffer does.
const PAGE_SLACK: usize = 16 * 1024;

/// Bytes of a series on the first page, as a guess.
const SERIES_BYTES: usize = 96;

/// Clock ticks a second in what /proc tells: the same on every Linux that runs here.
const TICKS: u64 = 100;

pub async fn show(State(live): State<Arc<Live>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = Form::accepted(&accept.collect::<Vec<_>>().join(","));
    let Ok(place) = live.scrapes.clone().acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (told, made) = oneshot::channel();
    // Whoever asked may have gone; then nobody takes the page.
    let make = move || drop(told.send(made_for(&live, form, place)));
    let started = thread::Builder::new().name("scrape".to_owned()).spawn(make);
    match (started, made.await) {
        (Ok(_), Ok(page)) => {
            ([(CONTENT_TYPE, HeaderValue::from_static(form.content_type()))], page).into_response()
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n").into_response(),
    }
}

/// The page, by a thread of its own: a thread that gave way cannot take that back. `place` is free when it is made.
fn made_for(live: &Live, form: Form, place: OwnedSemaphorePermit) -> Vec<u8> {
    affinity::give_way();
    let seen = snapshot(live);
    let room = live.page_bytes.load(Relaxed).max(seen.listed.series * SERIES_BYTES);
    let made = page(&seen, form, room);
    // The next one will be about as long.
    live.page_bytes.store(made.len() + PAGE_SLACK, Relaxed);
    drop(place);
    made
}

fn snapshot(live: &Live) -> Snapshot {
    let status = live.office.status();
    let table = &status.table;
    let Live { shared, host, .. } = live;
    let shards = shared.loads.iter().zip(&shared.mailboxes).enumerate();
    let shards = shards.map(|(shard, (load, mailbox))| ShardNow {
        connections: u64::from(load.0.load(Relaxed)),
        mailbox: mailbox.waiting() as u64,
        log_batches: host.log_depths.get(shard).map_or(0, |depth| depth.now() as u64),
    });
    Snapshot {
        listed: shared.meters.list(),
        counts: host.counts.clone(),
        shards: shards.collect(),
        listeners: table
            .listeners
            .iter()
            .map(|listener| (listener.name.clone(), listener.count.now(), listener.limits.connections))
            .collect(),
        tunnels: table
            .listeners
            .iter()
            .map(|listener| (listener.name.clone(), listener.tunnels.now(), listener.limits.tunnels))
            .collect(),
        upstreams: table
            .upstreams
            .iter()
            .map(|upstream| (upstream.name.clone(), upstream.count.now(), upstream.connections))
            .collect(),
        certificates: certificates(table),
        orders: [host.orders.issued.now(), host.orders.failed.now()],
        store: store(&host.store),
        policies: policies(live, table),
        generation: table.generation.0,
        generations: status.living.len() as u64,
        generation_unix_ms: status.living.last().map_or(0, |living| living.since_unix_ms),
        reloads: status.reloads,
        refusals: status.refusals,
        is_draining: !status.phase.is_ready(),
        log_lost: host.log_lost.now(),
        driver: host.driver.to_string(),
        fell_back: host.fell_back,
        process: process(),
    }
}

fn policies(live: &Live, table: &Table) -> Vec<PolicyNow> {
    let (seen, now) = (live.jwks.seen(), clock::now());
    table.policies.all.iter().map(|policy| policy_now(policy, &seen, now)).collect()
}

/// Until when the certificates of listeners are valid.
fn certificates(table: &Table) -> Vec<(String, String, u64)> {
    let of = |listener: &Listener| {
        let name = listener.name.clone();
        let shown = |known: &Expiry| {
            Some((name.clone(), known.file.clone(), u64::try_from(known.until()?).unwrap_or(0)))
        };
        listener.certificates.iter().filter_map(shown).collect::<Vec<_>>()
    };
    table.listeners.iter().flat_map(of).collect()
}

/// The store that limits are shared through; none where there is none.
fn store(numbers: &Numbers) -> Option<StoreNow> {
    let faults = StoreFault::ALL.iter().zip(&numbers.faults).map(|(kind, count)| (kind.name(), count.now()));
    (numbers.used.now() > 0).then(|| StoreNow {
        works: numbers.working.now() > 0,
        keys: numbers.keys.now(),
        answered: numbers.answered.now(),
        rounds: numbers.rounds.now(),
        micros: numbers.micros.now(),
        faults: faults.collect(),
        turned_away: numbers.turned_away.now(),
    })
}

/// How it stands with the key set of a policy, if it has one.
fn keys_now(policy: &Policy, seen: &[Seen], now: Tick) -> Option<KeysNow> {
    let Kind::SignIn(SignIn { by: By::Jwt(jwt), .. }) = &policy.kind else { return None };
    let address = jwt.keys_address()?;
    let Seen { news, since, failures } = seen.iter().find(|seen| seen.news.address == address.text)?;
    Some(KeysNow {
        address: address.shown.to_string(),
        keys: news.keys.as_ref().map_or(0, |keys| keys.keys().len() as u64),
        age_micros: since.map(|since| u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX)),
        failures: u64::from(*failures),
    })
}

/// What a limit counts in; those of its plans together.
fn limit_now(kind: &Kind) -> Option<LimitNow> {
    let sum = |now: LimitNow, set: &Set| {
        let (stripes, tally) = (set.stripes(), set.stripes().tally());
        LimitNow {
            keys: now.keys + tally.made.load(Relaxed),
            room: now.room + stripes.room() as u64,
            shared: now.shared + tally.overflowed.load(Relaxed),
        }
    };
    match kind {
        Kind::Limit(limit) => Some(limit.sets().fold(LimitNow::default(), |now, set| sum(now, set))),
        Kind::InFlight(limit) => Some(sum(LimitNow::default(), limit.set())),
        _ => None,
    }
}

const _: () = assert!(Cause::ALL.len() + 5 <= PolicyNow::SERIES, "a reason each, and five numbers");

fn policy_now(policy: &Policy, seen: &[Seen], now: Tick) -> PolicyNow {
    let Policy { name, tally, .. } = policy;
    let refused = Cause::ALL.into_iter().map(|cause| {
        let reason = reason(Refusal { cause, detail: "" });
        (reason.as_str(), tally.sum(Outcome::Refused(cause)))
    });
    PolicyNow {
        name: name.to_string(),
        passed: tally.sum(Outcome::Passed),
        refused: refused.filter(|(_, count)| *count > 0).collect(),
        shadowed: tally.sum(Outcome::Shadowed),
        keys: keys_now(policy, seen, now),
        limit: limit_now(&policy.kind),
    }
}

/// What /proc tells of this process; none where there is no /proc.
fn process() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; fields are counted behind it, the state being the third.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let after = |text: &str, key: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(key))?.split_ascii_whitespace().next()?.parse().ok()
    };
    let started = field(22)? * (1_000_000 / TICKS);
    Some(Process {
        cpu_micros: (field(14)? + field(15)?) * (1_000_000 / TICKS),
        resident_bytes: after(&status, "VmRSS:")? * 1024,
        open_fds: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        max_fds: after(&limits, "Max open files"),
        start_unix_micros: after(&boot, "btime ")? * 1_000_000 + started,
        threads: after(&status, "Threads:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_read_from_what_the_system_tells() {
        let process = process().expect("there is a /proc");
        assert!(
            process.resident_bytes > 1 << 20 && process.open_fds > 2 && process.threads > 0,
            "{process:?}"
        );
        let now = crate::net::clock::unix_ms() * 1000;
        let age = now.checked_sub(process.start_unix_micros).expect("it started before now");
        // The system tells its own start in whole seconds.
        assert!(age < 3600 * 1_000_000, "{age}");
    }
}
