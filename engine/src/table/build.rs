//! Configuration → table, or all problems. Checks what values mean together: names that are referred to, ports,
//! hosts and paths, limits that fit the buffers, and what this version does not serve (`missing`). Opens no
//! file and resolves no name: endpoints behind names and in files come to a running table (`control/resolve`).

use super::store::{Parts, take_apart};
use super::{
    AccessLog, Drain, DriverChoice, Endpoints, Expiry, Forwarding, Gateway, Limits, Listener,
    ListenerTimeouts, Log, Networks, Problem, Problems, Resolver, Route, RouteTimeouts, Source, Speaks,
    Store, Table, Target, Upstream, missing,
};
use crate::base::counters::Capped;
use crate::base::{Address, Generation, RouteId, Tick, UpstreamId};
use crate::certs::Taken;
use crate::config::read::suggest::nearest;
use crate::config::read::tree::Place;
use crate::config::read::{Part, Pointer, Source as Files};
use crate::config::units::Period;
use crate::config::{self, Config, Severity};
use crate::mem::BULK_BYTES;
use crate::observe::access_log::{Format, Hidden};
use crate::route::finder::Slots;
use crate::route::{Lookup, Told};
use crate::wire::token;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

mod address;
mod admin;
mod answers;
mod balance;
mod ends;
mod listeners;
mod matching;
mod policies;
mod rewrites;
mod routes;
mod tls;
mod unused;
mod upstreams;

#[cfg(test)]
mod tests;

/// What a table is built with beside its configuration.
#[expect(missing_debug_implementations, reason = "a source of files shows nothing")]
pub struct Means<'m> {
    /// Where the files that policies name are read.
    pub files: &'m mut dyn Files,
    /// Now, on the monotonic clock.
    pub now: Tick,
    /// What to add to that clock for the nanoseconds since 1970.
    pub offset: u64,
}

/// Compiles `config`. Counts go on from `previous` by name. Gives the table and what is probably not meant.
///
/// # Errors
/// All problems, warnings among them, in reading order.
pub fn build(
    config: &Config,
    generation: Generation,
    previous: Option<&Table>,
    means: &mut Means<'_>,
) -> Result<(Table, Vec<Problem>), Problems> {
    let mut check = Check {
        config,
        problems: Vec::new(),
        slots: Slots::new(generation.0),
        before: previous.map(|table| &table.taken),
        taken: Taken::default(),
    };
    if config.version != 1 {
        let at = Pointer::default().key("version");
        check.error(&at, format!("version {} is not read", config.version), Some("write version: 1".into()));
    }
    for (place, what) in missing::find(&config.origin) {
        let message = format!("{what} not available in this version");
        let problem = config.origin.problem(Severity::Error, place, message, Some("remove it".into()));
        check.problems.push(problem);
    }
    let mut gateway = gateway(&mut check);
    let mut orders = tls::acme::Orders::new(&mut check, previous, means);
    let listeners = listeners::build(&mut check, (previous, means), &mut orders);
    let acme = orders.finish(&mut check, &listeners);
    let admin = admin::build(&mut check, &listeners);
    let upstreams = upstreams::build(&mut check, previous, means);
    let (routes, lookup) = routes::build(&mut check);
    let policies = policies::build(&mut check, &listeners, &routes, (previous, means));
    if let Some(policies) = &policies
        && gateway.store.is_some()
        && policies.shares().next().is_none()
    {
        let at = Pointer::default().key("gateway").key("store");
        check.warn_at_key(
            &at,
            "no limit is shared through it".into(),
            Some("give a limit 'shared', or remove it".into()),
        );
    }
    let taken = check.taken;
    let problems = Problems(check.problems).sorted();
    let policies = match policies {
        Some(policies) if !problems.refuse() => policies,
        _ => return Err(problems),
    };
    if let Some(log) = &mut gateway.access_log {
        log.format.hide(Hidden::new(policies.secret_parameters()));
    }
    let table =
        Table { generation, gateway, admin, listeners, lookup, routes, upstreams, policies, acme, taken };
    Ok((table, problems.0))
}

/// The administration interface alone, of a configuration of which the rest is not looked at.
///
/// # Errors
/// What is wrong with it.
pub fn admin_of(config: &Config) -> Result<Option<super::Admin>, Problems> {
    let (before, taken) = (None, Taken::default());
    let mut check = Check { config, problems: Vec::new(), slots: Slots::new(0), before, taken };
    let admin = admin::build(&mut check, &[]);
    let problems = Problems(check.problems).sorted();
    if problems.refuse() { Err(problems) } else { Ok(admin) }
}

/// The configuration that is checked, and what was found.
struct Check<'c> {
    config: &'c Config,
    problems: Vec<Problem>,
    /// Numbers for this generation's regular expressions.
    slots: Slots,
    /// What files of certificates gave before, and what they give now.
    before: Option<&'c Taken>,
    taken: Taken,
}

impl Check<'_> {
    fn error(&mut self, at: &Pointer, message: String, fix: Option<String>) {
        self.add(Severity::Error, at, Part::Value, message, fix);
    }

    /// Notes that a name at `at` stands at `first` already.
    fn named_twice(&mut self, at: &Pointer, first: &Pointer, message: String) {
        let origin = &self.config.origin;
        let first = origin.told(origin.place(first, Part::Value));
        self.error(at, message, Some(format!("it stands in {first} already; give this one another name")));
    }

    fn error_at_key(&mut self, at: &Pointer, message: String, fix: Option<String>) {
        self.add(Severity::Error, at, Part::Key, message, fix);
    }

    fn warn(&mut self, at: &Pointer, message: String, fix: Option<String>) {
        self.add(Severity::Warning, at, Part::Value, message, fix);
    }

    fn warn_at_key(&mut self, at: &Pointer, message: String, fix: Option<String>) {
        self.add(Severity::Warning, at, Part::Key, message, fix);
    }

    /// The way to one of several values, where a lone one may be written without a list.
    fn one_of(&self, at: &Pointer, index: usize) -> Pointer {
        if self.config.origin.is_list(at) { at.item(index) } else { at.clone() }
    }

    fn add(&mut self, severity: Severity, at: &Pointer, part: Part, message: String, fix: Option<String>) {
        // The first error refuses the configuration, however many warnings came before it.
        let refuses = |problem: &Problem| problem.severity == Severity::Error;
        if self.full() && (severity != Severity::Error || self.problems.iter().any(refuses)) {
            return;
        }
        let place = self.config.origin.place(at, part);
        self.push(severity, at, place, message, fix);
    }

    /// Values from the environment or another file may be secret: they are neither quoted nor guessed at.
    fn push(&mut self, severity: Severity, at: &Pointer, place: Place, message: String, fix: Option<String>) {
        let origin = &self.config.origin;
        let fix = match origin.is_drawn(at) {
            true => Some("its value is not shown, since it does not stand in this file".into()),
            false => fix.map(|fix| origin.redacted(fix)),
        };
        self.problems.push(origin.problem(severity, place, origin.redacted(message), fix));
    }

    /// How much of the value at `at` may be told later.
    fn told(&self, at: &Pointer) -> Told {
        if self.config.origin.is_drawn(at) { Told::NameOnly } else { Told::Whole }
    }

    /// Whether further problems would only be noise.
    fn full(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX
    }

    /// "did you mean", or what there is to choose from.
    fn meant<'n>(&self, name: &str, known: impl Iterator<Item = &'n str> + Clone, what: &str) -> String {
        // Each search looks at every name, and there may be many of both.
        if self.full() {
            return String::new();
        }
        if let Some(near) = nearest(name, known.clone()) {
            return format!("did you mean '{near}'?");
        }
        let some: Vec<&str> = known.take(10).collect();
        match some.is_empty() {
            true => format!("there are no {what}"),
            false => format!("known {what}: {}", some.join(", ")),
        }
    }

    /// Names of policies that are attached somewhere.
    fn policies(&mut self, at: &Pointer, names: &[String]) {
        let known = &self.config.policies;
        for (index, name) in names.iter().enumerate() {
            if !known.names().any(|known| known == name) {
                let fix = self.meant(name, known.names(), "policies");
                self.error(&at.item(index), format!("there is no policy '{name}'"), Some(fix));
            }
        }
    }

    /// A name that stands in logs and metrics.
    fn name(&mut self, at: &Pointer, name: &str) {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(good) {
            let fix = format!("use letters, digits, '-', '_' and '.', {NAME_BYTES_MAX} at most");
            self.error_at_key(at, format!("'{name}' is not a name"), Some(fix));
        }
    }

    /// A field's or cookie's name; both are tokens.
    fn token(&mut self, at: &Pointer, name: &str) {
        if !token::is_token(name.as_bytes()) {
            let fix = "use letters, digits and '-'";
            self.error_at_key(at, format!("'{name}' is not a name"), Some(fix.into()));
        }
    }

    /// A time that something may take. Zero would forbid it, and a shorter one than the timers tell apart is as good as zero.
    fn period(&mut self, at: &Pointer, key: &str, period: Period) -> Duration {
        if period.0 < PERIOD_MIN {
            let fix = "a timeout is at least 1ms; a very long one, such as 365d, is as good as none";
            let is = if period.0.is_zero() { "zero" } else { "under 1ms" };
            self.error(&at.key(key), format!("'{key}' is {is}"), Some(fix.into()));
        }
        period.0
    }

    /// A count of which there must be at least one.
    fn at_least_one(&mut self, at: &Pointer, key: &str, count: u32) -> u32 {
        if count == 0 {
            self.error(&at.key(key), format!("'{key}' is zero"), Some("give at least 1".into()));
        }
        count
    }
}

/// The shortest time that something may take.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// Problems told; past it the rest is noise.
const PROBLEMS_MAX: usize = 200;

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 128;

fn gateway(check: &mut Check<'_>) -> Gateway {
    let config = check.config;
    let (at, given) = (Pointer::default().key("gateway"), &config.gateway);
    check.policies(&at.key("policies"), &given.policies);
    Gateway {
        shards: match given.shards {
            config::gateway::Shards::Auto => None,
            config::gateway::Shards::Count(count) => Some(count),
        },
        driver: match given.driver {
            config::gateway::Driver::Auto => DriverChoice::Auto,
            config::gateway::Driver::IoUring => DriverChoice::IoUring,
            config::gateway::Driver::Epoll => DriverChoice::Epoll,
        },
        spin: given.spin.0.map(|period| period.0).filter(|period| !period.is_zero()),
        connections: check.at_least_one(&at, "connections", given.connections),
        trusted: networks(&given.trusted_proxies),
        forwarding: match given.forwarded {
            config::gateway::Forwarded::XForwarded => Forwarding::XForwarded,
            config::gateway::Forwarded::Rfc7239 => Forwarding::Forwarded,
            config::gateway::Forwarded::Off => Forwarding::Off,
        },
        access_log: access_log(check),
        resolver: resolver(check),
        store: store(check),
        log: Log::of(&config.log),
        drain: Drain {
            delay: given.drain.delay.0,
            timeout: check.period(&at.key("drain"), "timeout", given.drain.timeout),
            streams: given.drain.streams.map(|streams| check.period(&at.key("drain"), "streams", streams)),
        },
        watch: given.watch,
        sampled: config.admin.is_some(),
        timed: config.routes.iter().any(|route| route.server_timing),
    }
}

/// The least `ttl_min`, so that a name is not looked up in a loop.
const TTL_FLOOR: Duration = Duration::from_millis(100);

fn resolver(check: &mut Check<'_>) -> Resolver {
    let (at, given) = (Pointer::default().key("gateway").key("resolver"), &check.config.gateway.resolver);
    if given.ttl_min.0 < TTL_FLOOR {
        check.error(&at.key("ttl_min"), "'ttl_min' is too short".into(), Some("write 100ms or more".into()));
    }
    if given.ttl_max < given.ttl_min {
        let message = "'ttl_max' is shorter than 'ttl_min'".into();
        check.error(&at.key("ttl_max"), message, Some("write at least as much as for 'ttl_min'".into()));
    }
    Resolver {
        servers: given.servers.iter().map(|server| server.0).collect(),
        timeout: check.period(&at, "timeout", given.timeout),
        ttl_min: given.ttl_min.0,
        ttl_max: given.ttl_max.0,
        stale: given.stale.0,
    }
}

/// The store's timeout: no shorter than a quick answer, nor so long that it would not be missed for long.
const STORE_TIMEOUT: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(5));

/// Machines that may share a store.
const MACHINES_MAX: u32 = 10_000;

/// Bytes that keys in a store may begin with.
const PREFIX_BYTES_MAX: usize = 64;

/// The store that limits are shared through, if there is one and it is good.
fn store(check: &mut Check<'_>) -> Option<Store> {
    let given = check.config.gateway.store.as_ref()?;
    let at = Pointer::default().key("gateway").key("store");
    let parts = match take_apart(&given.address.0) {
        Ok(parts) => Some(parts),
        Err((what, fix)) => {
            check.error(&at.key("address"), format!("the store's address {what}"), Some(fix.into()));
            None
        }
    };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if given.prefix.is_empty() || given.prefix.len() > PREFIX_BYTES_MAX || !given.prefix.bytes().all(good) {
        let fix = format!("use letters, digits, '-', '_', '.' and ':', {PREFIX_BYTES_MAX} at most");
        check.error(&at.key("prefix"), "'prefix' cannot begin a key".into(), Some(fix));
    }
    let timeout = given.timeout.0;
    if timeout < STORE_TIMEOUT.0 || timeout > STORE_TIMEOUT.1 {
        let fix = "write 5ms to 5s; with 250ms, a store that comes back is found within a second";
        check.error(&at.key("timeout"), "'timeout' is out of its range".into(), Some(fix.into()));
    }
    if !(1..=MACHINES_MAX).contains(&given.machines) {
        let fix = format!("write 1 to {MACHINES_MAX}");
        check.error(&at.key("machines"), "'machines' is out of its range".into(), Some(fix));
    }
    let Parts { host, port, database, user, password } = parts?;
    let (prefix, machines) = (given.prefix.as_str().into(), given.machines);
    Some(Store { host, port, database, user, password, prefix, timeout, machines })
}

fn networks(given: &[config::gateway::Network]) -> Networks {
    let mut networks = Networks::default();
    for network in given {
        match network {
            config::gateway::Network::Ip(network) => networks.ip.push(*network),
            config::gateway::Network::Unix => networks.unix = true,
        }
    }
    networks
}

fn access_log(check: &mut Check<'_>) -> Option<AccessLog> {
    let config = check.config;
    let config::AccessLog::On(to) = &config.access_log else { return None };
    let path = match &to.path {
        config::gateway::LogPath::Stdout => "stdout".to_owned(),
        config::gateway::LogPath::File(path) => path.0.display().to_string(),
    };
    match Format::compile(&to.format) {
        Ok(format) => Some(AccessLog { path, format }),
        Err((offset, reason)) => {
            let at = Pointer::default().key("access_log").key("format");
            let reason = if config.origin.is_drawn(&at) { "it is refused".to_owned() } else { reason };
            let place = config.origin.place_within(&at, offset);
            let message = format!("'{}' is not a log format: {reason}", to.format);
            let fix = Some("write json, combined, or a pattern of %{name}".into());
            check.push(Severity::Error, &at, place, message, fix);
            None
        }
    }
}

/// Counts of the table before, by name: limits survive a reload.
struct Kept<'t>(HashMap<&'t str, &'t Arc<Capped>>);

impl Kept<'_> {
    fn count(&self, name: &str) -> Arc<Capped> {
        self.0.get(name).map(|count| Arc::clone(count)).unwrap_or_default()
    }
}
