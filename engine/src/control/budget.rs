//! What a table may come to take at worst, from its own limits: descriptors against the limit of the process, memory against
//! that of the machine or its control group, the size of the look-up. `check` prints it, and warns where it does not fit;
//! nothing here refuses a table, since most never come near their limits.

use super::probe::CHECKS_AT_ONCE;
use crate::config::{Problem, Severity};
use crate::mem::BULK_BYTES;
use crate::policy::Kind;
use crate::route::Size;
use crate::shard::TURNED_AWAY_MAX;
use crate::table::Table;
use std::fmt;
use std::fs;
use std::path::Path;

/// Descriptors of a shard besides connections and listening sockets: its driver, its mailbox, the pipes it keeps, and
/// connections past a cap.
const SHARD_DESCRIPTORS: u64 = 2 + 2 * 32 + TURNED_AWAY_MAX as u64;

/// Descriptors of the process besides: standard streams, the access log, control's own sockets and those of lookups.
const OWN_DESCRIPTORS: u64 = 160;

/// Bytes of a client connection at worst: its futures, a request head and a body of each direction in bulk buffers whose
/// other side does not read. The kernel's own buffers are not counted.
const CLIENT_BYTES: u64 = 6 * 1024 + 3 * BULK_BYTES as u64;

/// Bytes of an idle connection to an upstream.
const UPSTREAM_BYTES: u64 = 1024;

/// Caches of expressions past this on each shard are told.
const CACHE_BYTES_LARGE: usize = 64 * 1024 * 1024;

/// Tables past this are told: two of them exist while a reload goes on.
const TABLE_BYTES_LARGE: usize = 256 * 1024 * 1024;

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Descriptors that the process may have, once its soft limit is raised.
    pub descriptors: u64,
    /// Bytes of memory; none where that cannot be told.
    pub memory: Option<u64>,
    /// CPUs that shards would run on.
    pub cpus: u64,
}

impl Means {
    /// Those of this process.
    pub fn here() -> Means {
        Means {
            descriptors: descriptors().unwrap_or(u64::MAX),
            memory: memory(),
            cpus: crate::net::affinity::cpus().len() as u64,
        }
    }
}

/// What a table may take at worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    means: Means,
    shards: u64,
    clients: u64,
    upstream: u64,
    bound: u64,
    /// Bytes of a body that a policy holds until it is checked, at most.
    held: u64,
    /// Bytes of what limits count, when each has all its keys.
    limits: u64,
    size: Size,
    /// Upstreams of HTTP/2 that have fewer connections than there are shards.
    scarce: Vec<String>,
}

impl Budget {
    /// That of `table`.
    pub fn of(table: &Table, means: Means) -> Budget {
        let listeners = table.listeners.iter();
        let admitted: u64 = listeners.clone().map(|listener| u64::from(listener.limits.connections)).sum();
        let pooled: u64 = table.upstreams.iter().map(|upstream| u64::from(upstream.connections)).sum();
        let shards = table.gateway.shards.map_or(means.cpus, u64::from).max(1);
        let scarce = table.upstreams.iter().filter(|up| up.http2 && u64::from(up.connections) < shards);
        let is_checked = table.upstreams.iter().any(|upstream| upstream.health.is_some());
        Budget {
            means,
            shards,
            clients: admitted.min(table.gateway.connections.into()),
            upstream: pooled + if is_checked { CHECKS_AT_ONCE as u64 } else { 0 },
            bound: listeners.map(|listener| listener.bind.len() as u64).sum(),
            held: table.policies.all.iter().filter_map(|policy| held(&policy.kind)).max().unwrap_or(0),
            limits: table.policies.all.iter().map(|policy| counted(&policy.kind, shards)).sum(),
            size: table.lookup.size(),
            scarce: scarce.map(|upstream| upstream.name.clone()).collect(),
        }
    }

    /// Descriptors at worst.
    pub fn descriptors(&self) -> u64 {
        self.clients + self.upstream + self.shards * (self.bound + SHARD_DESCRIPTORS) + OWN_DESCRIPTORS
    }

    /// Bytes of a client at worst. Over HTTP/2 each of its streams may hold a body; one is counted.
    fn of_client(&self) -> u64 {
        CLIENT_BYTES + self.held
    }

    /// Bytes at worst.
    pub fn memory(&self) -> u64 {
        let size = self.size;
        let shared = 2 * (size.table_bytes + size.automata_bytes) as u64;
        self.clients * self.of_client()
            + self.upstream * UPSTREAM_BYTES
            + self.shards * size.cache_bytes_max as u64
            + self.limits
            + shared
    }

    /// Where it does not fit; `file` is the configuration's.
    pub fn problems(&self, file: &Path) -> Vec<Problem> {
        let mut all = Vec::new();
        let mut warn = |message: String, fix: &str| {
            let problem = Problem::of_file(&file.display().to_string(), message, Some(fix.to_owned()));
            all.push(Problem { severity: Severity::Warning, ..problem });
        };
        let Budget { clients, upstream, means, size, .. } = *self;
        if self.descriptors() > means.descriptors {
            let message = format!(
                "{} descriptors may be needed ({clients} for clients, {upstream} for upstreams), and the limit is {}",
                self.descriptors(),
                means.descriptors
            );
            warn(message, "raise RLIMIT_NOFILE, or lower gateway.connections or the pools' connections");
        }
        if let Some(memory) = means.memory.filter(|memory| self.memory() > *memory) {
            let held = match self.held {
                0 => String::new(),
                bytes => format!(", {} of it a body that a policy holds", Bytes(bytes)),
            };
            let counted = match self.limits {
                0 => String::new(),
                bytes => format!(", {} for the keys of limits", Bytes(bytes)),
            };
            let each = self.of_client();
            let message = format!(
                "{} of memory may be needed, {} for each of {clients} clients that stall in a large body{held}{counted}, and there are {}",
                Bytes(self.memory()),
                Bytes(each),
                Bytes(memory)
            );
            let rest = self.memory() - clients * each;
            match memory.saturating_sub(rest) / each {
                0 => warn(message, "lower 'keys' of limits, or the numbers of connections"),
                fits => warn(message, &format!("gateway.connections: {fits} always fits")),
            }
        }
        for name in &self.scarce {
            let message = format!(
                "upstream '{name}' has fewer connections than there are shards ({}): one without waits while another's are in use",
                self.shards
            );
            warn(message, &format!("pool: {{ connections: {} }} gives each shard one to share", self.shards));
        }
        if size.cache_bytes_max > CACHE_BYTES_LARGE {
            let message = format!(
                "{} different expressions are looked at one by one, and their caches may grow to {} on each of {} shards",
                size.automata,
                Bytes(size.cache_bytes_max as u64),
                self.shards
            );
            warn(message, "use texts or '*' in place of expressions in headers, cookies and query");
        }
        if size.table_bytes + size.automata_bytes > TABLE_BYTES_LARGE {
            let bytes = Bytes((size.table_bytes + size.automata_bytes) as u64);
            warn(
                format!("the look-up takes {bytes}, and twice that during a reload"),
                "use fewer routes or expressions",
            );
        }
        all
    }
}

/// Bytes of a body that a policy holds at most.
fn held(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::Validate(input) => input.held_bytes_max(),
        _ => None,
    }
}

/// Bytes of what a limit counts at most.
fn counted(kind: &Kind, shards: u64) -> u64 {
    match kind {
        Kind::Limit(limit) => limit.sets().map(|set| set.bytes_max(shards)).sum(),
        Kind::InFlight(limit) => limit.set().bytes_max(shards),
        _ => 0,
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { hosts, paths, table_bytes, automata, automata_bytes, cache_bytes_max, .. } = self.size;
        writeln!(out, "  look-up: {hosts} hosts, {paths} paths, {}", Bytes(table_bytes as u64))?;
        if automata > 0 {
            let [all, cache] = [automata_bytes, cache_bytes_max].map(|bytes| Bytes(bytes as u64));
            writeln!(out, "  expressions: {automata} automata, {all}; up to {cache} of caches a shard")?;
        }
        let Means { descriptors, memory, .. } = self.means;
        let descriptors = match descriptors {
            u64::MAX => "no limit".to_owned(),
            limit => limit.to_string(),
        };
        let of = memory.map(|memory| format!(" of {}", Bytes(memory))).unwrap_or_default();
        writeln!(
            out,
            "  at worst: {} descriptors of {descriptors}, {}{of} of memory without the kernel's buffers",
            self.descriptors(),
            Bytes(self.memory())
        )
    }
}

/// The hard limit of descriptors, to which `run` raises the soft one; none where there is no limit.
fn descriptors() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The memory of the machine, or of the control group if that is less.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// Bytes as people read them.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match UNITS.iter().find(|(_, unit)| self.0 >= *unit) {
            Some((name, unit)) => write!(out, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(out, "{} B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Generation, Tick};
    use crate::config::Memory;
    use crate::table::build;

    fn budget(text: &str, descriptors: u64, memory: u64) -> Budget {
        let head = "version: 1\nlisteners: [{ bind: '127.0.0.1:0' }]\n\
            upstreams: { a: { endpoints: [{ address: '10.0.0.7:80' }], pool: { connections: 300 } } }\n";
        budget_of(format!("{head}{text}"), descriptors, memory)
    }

    fn budget_of(text: String, descriptors: u64, memory: u64) -> Budget {
        let config = Memory::default().file("a.yaml", text).read("a.yaml");
        let config = config.unwrap_or_else(|problems| panic!("{problems}"));
        let mut means = build::Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
        let built = build::build(&config, Generation(1), None, &mut means);
        let (table, _) = built.unwrap_or_else(|told| panic!("{told}"));
        Budget::of(&table, Means { descriptors, memory: Some(memory), cpus: 2 })
    }

    fn told(budget: &Budget) -> Vec<String> {
        budget.problems(Path::new("a.yaml")).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn what_fits_is_no_problem_and_what_does_not_is_told_with_its_numbers() {
        let text = "gateway: { connections: 1000, shards: 4 }\nroutes: [{ name: all, to: a }]\n";
        let needed = 1000 + 300 + 4 * (1 + SHARD_DESCRIPTORS) + OWN_DESCRIPTORS;
        let fits = budget(text, needed, 1 << 30);
        assert_eq!((fits.descriptors(), told(&fits)), (needed, Vec::new()));
        let tight = budget(text, needed - 1, 100 << 20);
        let expected = [
            format!(
                "{needed} descriptors may be needed (1000 for clients, 300 for upstreams), and the limit is {}",
                needed - 1
            ),
            "193.7 MiB of memory may be needed, 198.0 KiB for each of 1000 clients that stall in a large body, and \
             there are 100.0 MiB"
                .to_owned(),
        ];
        assert_eq!(told(&tight), expected);
        // What is said to fit does.
        let fix = tight.problems(Path::new("a.yaml"))[1].fix.clone().expect("has a fix");
        let count = fix.split_ascii_whitespace().nth(1).expect("names a count");
        let text = text.replace("1000", count);
        assert!(budget(&text, needed, 100 << 20).memory() <= 100 << 20, "{fix}");
    }

    #[test]
    fn connections_that_exchanges_share_are_one_for_each_shard_at_least() {
        let text = |shards| {
            format!(
                "gateway: {{ connections: 1000, shards: {shards} }}\nroutes: [{{ name: all, to: b }}]\nupstreams:\n  \
                 b: {{ protocol: http2, pool: {{ connections: 2 }}, endpoints: [{{ address: '10.0.0.7:80' }}] }}\n"
            )
        };
        let told = |shards| {
            let config = format!("version: 1\nlisteners: [{{ bind: '127.0.0.1:0' }}]\n{}", text(shards));
            told(&budget_of(config, u64::MAX, 1 << 40))
        };
        assert_eq!(told(2), [""; 0]);
        assert_eq!(
            told(3),
            [
                "upstream 'b' has fewer connections than there are shards (3): one without waits while another's are in use"
            ]
        );
    }

    #[test]
    fn a_body_that_a_policy_holds_counts_for_each_client() {
        let text = "gateway: { connections: 1000 }
policies:
  small: { validate: { body: { schema: { type: object }, bytes: 64KiB } } }
  large: { validate: { body: { schema: { type: object } } } }
  long: { validate: { body: { bytes: 2MiB } } }
  off: { validate: { body: { schema: { type: object }, bytes: 8MiB } }, mode: off }
  types: { validate: { body: { types: [text/plain] } } }
routes: [{ name: all, policies: [POLICIES], to: a }]
";
        let of = |policies: &str| budget(&text.replace("POLICIES", policies), u64::MAX, 1 << 20);
        let none = "routes: [{ name: all, to: a }]\ngateway: { connections: 1000 }\n";
        let bare = budget(none, u64::MAX, 1 << 20).memory();
        assert_eq!(of("small, large, long, off, types").memory() - bare, 1000 * 2 * 1024 * 1024);
        let warned = told(&of("small"));
        assert!(warned[0].contains("2.2 MiB for each of 1000 clients"), "{warned:?}");
        assert!(warned[0].contains(", 2.0 MiB of it a body that a policy holds"), "{warned:?}");
    }

    #[test]
    fn what_limits_count_is_in_what_is_needed() {
        let bare =
            budget("gateway: { connections: 1000, shards: 4 }\nroutes: [{ name: all, to: a }]\n", 1, 1);
        let of = |limits: &str, names: &str| {
            let text = format!(
                "gateway: {{ connections: 1000, shards: 4 }}\npolicies: {{ {limits} }}\n\
                 routes: [{{ name: all, policies: [{names}], to: a }}]\n"
            );
            let with = budget(&text, u64::MAX, 1 << 30);
            // What the policy itself takes of the look-up is not it.
            ((with.memory() - bare.memory()) >> 20, told(&with))
        };
        // 130 to 200 bytes a key and up to 76 on each shard; some more keys than were asked for, since they spread by chance.
        let (bucket, warned) = of("p: { limit: { rate: 5/s, keys: 10000000 } }", "p");
        assert!((4000..6000).contains(&bucket), "{bucket} MiB");
        assert!(
            warned[0].contains(&format!(", {:.1} GiB for the keys of limits", bucket as f64 / 1024.0)),
            "{warned:?}"
        );
        let (many, _) = of("p: { in_flight: { limit: 5, keys: 10000000 } }", "p");
        assert_eq!(many, bucket);
        // 10,008 slots are 16,384 of 8 bytes.
        let log = "limit: { algorithm: sliding_window_log, rate: 10000/min, keys: 8192 }";
        let (one, _) = of(&format!("p: {{ {log} }}"), "p");
        assert!((1024..1500).contains(&one), "{one} MiB");
        let (two, _) = of(&format!("p: {{ {log} }}, q: {{ {log} }}"), "p, q");
        assert_eq!(two, 2 * one, "those of all policies are summed");
        let (plans, _) =
            of(&format!("p: {{ {} }}", log.replace(" }", ", plans: { gold: { rate: 9000/min } } }")), "p");
        assert_eq!(plans, 2 * one, "and those of all plans");
        let (off, _) = of(&format!("p: {{ {log}, mode: off }}"), "p");
        assert_eq!(off, 0);
        let none = of("p: { limit: { rate: 5/s, keys: 10000000 } }", "p").1;
        assert_eq!(none.len(), 1);
    }

    #[test]
    fn listeners_may_admit_less_than_the_gateway_does() {
        let text = "gateway: { connections: 100000 }\nroutes: [{ name: all, to: a }]\n";
        // The default of a listener.
        assert_eq!(budget(text, 1, 1).clients, 50_000);
    }

    #[test]
    fn a_thousand_expressions_of_conditions_are_told() {
        let route =
            |n| format!("- {{ name: r{n}, match: {{ headers: {{ X: 'regex:v{n}[0-9]' }} }}, to: a }}\n");
        let text = format!("routes:\n{}", (0..1100).map(route).collect::<String>());
        let large = budget(&text, 1 << 20, 1 << 40);
        assert_eq!(large.size.automata, 1100);
        assert!(
            told(&large)[0].starts_with("1100 different expressions are looked at one by one"),
            "{:?}",
            told(&large)
        );
        assert!(large.to_string().contains("1100 automata"), "{large}");
    }

    #[test]
    fn the_size_of_a_look_up_grows_with_its_routes() {
        let size = |count| {
            let route = |n| {
                format!("- {{ name: r{n}, match: {{ host: h{n}.test, path: '/p/{n}/{{id}}' }}, to: a }}\n")
            };
            let text = format!("routes:\n{}", (0..count).map(route).collect::<String>());
            budget(&text, 1, 1).size
        };
        let (one, many) = (size(10), size(1000));
        assert_eq!((one.hosts, one.paths, many.hosts, many.paths), (10, 10, 1000, 1000));
        assert!((50..200).contains(&(many.table_bytes / one.table_bytes)), "{one:?} {many:?}");
    }
}
