//! Lookups: the one place that knows the DNS library. Of a host, its A and AAAA records; of a service, its SRV records and
//! then each of their targets (RFC 2782). `/etc/hosts` is asked first. The search list of `/etc/resolv.conf` is gone
//! through by this file: the next name is tried only when servers said that the one before does not exist, so that a
//! server that fails never turns one host into another. The library's cache is off; [`super::name`] remembers.

use super::name::Answer;
use crate::table::endpoints::Found;
use crate::table::{Resolver, Target};
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Targets of one service that are looked up at the same time.
const TARGETS_AT_ONCE: usize = 32;
/// Targets of one service at most.
const TARGETS_MAX: usize = 1024;
/// Queries under way to one server over one TCP connection.
const QUERIES_AT_ONCE: usize = 256;

/// The system's files that lookups go by.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// Asks servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lookups(Arc<Asking>);

#[derive(Debug)]
struct Asking {
    resolver: TokioResolver,
    hosts: Hosts,
    search: Vec<Name>,
    ndots: usize,
    timeout: Duration,
    /// When the system's files were changed last.
    changed: [Option<SystemTime>; 2],
}

/// What the lookup of one kind of record gave.
enum Part {
    Found(Vec<Found>, Duration),
    /// Servers say that there is none.
    Nothing,
    Failed(String),
}

impl Lookups {
    /// As `rule` and the system's files say now.
    ///
    /// # Errors
    /// When the library refuses what they say.
    pub fn new(rule: &Resolver) -> Result<Lookups, String> {
        let changed = changed();
        // Without a file, or without a server in it, there is the one of this machine (resolv.conf(5)).
        let (config, mut options) = system_conf::read_system_conf().unwrap_or_else(|_| {
            let own = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
            (ResolverConfig::from_name_servers(vec![own]), ResolverOpts::default())
        });
        let search = config.search().to_vec();
        let servers = match rule.servers.is_empty() {
            true => config.name_servers().to_vec(),
            false => rule.servers.iter().map(server).collect(),
        };
        // Two tries within the time; the library retransmits within each.
        options.timeout = rule.timeout / 2;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.max_active_requests = QUERIES_AT_ONCE;
        let ndots = options.ndots;
        let provider = TokioRuntimeProvider::default();
        let builder =
            TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), provider);
        let resolver = builder.with_options(options).build().map_err(|error| error.to_string())?;
        let hosts = Hosts::from_system().unwrap_or_default();
        Ok(Lookups(Arc::new(Asking { resolver, hosts, search, ndots, timeout: rule.timeout, changed })))
    }

    /// Whether the system's files are still those that this was made of.
    pub fn are_current(&self) -> bool {
        self.0.changed == changed()
    }

    /// What is behind `target` now.
    ///
    /// # Errors
    /// Why nothing is known: no server answered, or they say that there is nothing.
    pub async fn find(&self, target: &Target) -> Result<Answer, String> {
        let by = Instant::now() + self.0.timeout;
        match target {
            Target::Address(_) => Err("an address is not looked up".to_owned()),
            Target::Host(host, port) => {
                let name = Name::from_ascii(host).map_err(|error| error.to_string())?;
                joined(self.0.host(&name, *port, by).await)
            }
            Target::Service(service) => {
                let name = Name::from_ascii(service).map_err(|error| error.to_string())?;
                joined(self.service(&name, by).await)
            }
        }
    }

    async fn service(&self, name: &Name, by: Instant) -> Vec<Part> {
        let mut parts = Vec::new();
        for name in self.0.candidates(name) {
            let (records, ttl) = match self.0.records(&name, RecordType::SRV, by).await {
                Ok(Some(answer)) => answer,
                Ok(None) => continue,
                Err(error) => return vec![Part::Failed(error)],
            };
            let mut targets: HashMap<(Name, u16), (u16, u16)> = HashMap::new();
            for record in records {
                // "." says that the service is not to be had here.
                if let RData::SRV(srv) = record
                    && !srv.target.is_root()
                    && targets.len() < TARGETS_MAX
                {
                    targets.insert((srv.target, srv.port), (srv.priority, srv.weight));
                }
            }
            let mut targets = targets.into_iter();
            let mut running = JoinSet::new();
            loop {
                while running.len() < TARGETS_AT_ONCE
                    && let Some(((name, port), rank)) = targets.next()
                {
                    let asking = self.0.clone();
                    running.spawn(async move { (asking.host(&name, port, by).await, rank) });
                }
                let Some(done) = running.join_next().await else { break };
                match done {
                    Ok((found, rank)) => parts.extend(found.into_iter().map(|part| ranked(part, rank, ttl))),
                    Err(error) => parts.push(Part::Failed(error.to_string())),
                }
            }
            break;
        }
        parts
    }
}

impl Asking {
    async fn host(&self, name: &Name, port: u16, by: Instant) -> Vec<Part> {
        let host = &named(name, port);
        let parts = [RecordType::A, RecordType::AAAA].map(|kind| self.hosts_file(name, kind, port, host));
        if parts.iter().any(|part| matches!(part, Part::Found(..))) {
            return parts.into();
        }
        for name in self.candidates(name) {
            let (four, six) = tokio::join!(
                self.addresses(&name, RecordType::A, (port, host), by),
                self.addresses(&name, RecordType::AAAA, (port, host), by),
            );
            if !matches!((&four, &six), (Part::Nothing, Part::Nothing)) {
                return vec![four, six];
            }
        }
        Vec::new()
    }

    fn hosts_file(&self, name: &Name, kind: RecordType, port: u16, host: &Arc<str>) -> Part {
        match self.hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
            Some(lookup) => {
                let found = lookup.answers().iter().filter_map(|record| address(&record.data, port, host));
                Part::Found(found.collect(), Duration::MAX)
            }
            None => Part::Nothing,
        }
    }

    /// The full names that a name may stand for, in the order in which they are tried (resolv.conf(5)).
    fn candidates(&self, name: &Name) -> Vec<Name> {
        let full = |mut name: Name| {
            name.set_fqdn(true);
            name
        };
        if name.is_fqdn() || name.is_localhost() {
            return vec![full(name.clone())];
        }
        let mut names: Vec<Name> = self
            .search
            .iter()
            .filter_map(|domain| name.clone().append_domain(domain).ok().map(full))
            .collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        let at = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(at, full(name.clone()));
        names
    }

    async fn addresses(
        &self,
        name: &Name,
        kind: RecordType,
        (port, host): (u16, &Arc<str>),
        by: Instant,
    ) -> Part {
        match self.records(name, kind, by).await {
            Ok(Some((records, ttl))) => {
                let found: Vec<Found> = records.iter().filter_map(|data| address(data, port, host)).collect();
                if found.is_empty() { Part::Nothing } else { Part::Found(found, ttl) }
            }
            Ok(None) => Part::Nothing,
            Err(error) => Part::Failed(error),
        }
    }

    /// The records of a full name and their least TTL, those of the names that it is an alias of included.
    async fn records(
        &self,
        name: &Name,
        kind: RecordType,
        by: Instant,
    ) -> Result<Option<(Vec<RData>, Duration)>, String> {
        match timeout_at(by, self.resolver.lookup(name.clone(), kind)).await {
            Ok(Ok(lookup)) => {
                let ttl = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or_default();
                let records = lookup.answers().iter().map(|record| record.data.clone()).collect();
                Ok(Some((records, Duration::from_secs(u64::from(ttl)))))
            }
            Ok(Err(error)) if error.is_no_records_found() => Ok(None),
            Ok(Err(NetError::Timeout)) | Err(_) => {
                Err(format!("no server answered within {:?}", self.timeout))
            }
            Ok(Err(error)) => Err(error.to_string()),
        }
    }
}

fn changed() -> [Option<SystemTime>; 2] {
    FILES.map(|path| fs::metadata(path).and_then(|about| about.modified()).ok())
}

fn server(addr: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(addr.ip());
    for connection in &mut server.connections {
        connection.port = addr.port();
    }
    server
}

fn address(data: &RData, port: u16, host: &Arc<str>) -> Option<Found> {
    let ip = data.ip_addr()?;
    // An answer of 0.0.0.0 is how some servers block a name.
    let (addr, host) = (SocketAddr::new(ip, port), host.clone());
    (!ip.is_unspecified()).then_some(Found { priority: 0, addr, weight: 1, host })
}

/// As an endpoint may call itself: without the dot that says that a name is whole.
fn named(name: &Name, port: u16) -> Arc<str> {
    let name = name.to_ascii();
    format!("{}:{port}", name.strip_suffix('.').unwrap_or(&name)).into()
}

/// A target's addresses with what its SRV record says of them.
fn ranked(part: Part, (priority, weight): (u16, u16), service: Duration) -> Part {
    match part {
        Part::Found(found, ttl) => {
            let found = found.into_iter().map(|found| Found { priority, weight, ..found }).collect();
            Part::Found(found, ttl.min(service))
        }
        other => other,
    }
}

fn joined(parts: Vec<Part>) -> Result<Answer, String> {
    let mut answer = Answer { found: Vec::new(), ttl: Duration::MAX, complete: true };
    let mut trouble = None;
    for part in parts {
        match part {
            Part::Found(found, ttl) => {
                answer.found.extend(found);
                answer.ttl = answer.ttl.min(ttl);
            }
            Part::Nothing => {}
            Part::Failed(error) => {
                answer.complete = false;
                trouble.get_or_insert(error);
            }
        }
    }
    match answer.found.is_empty() {
        true => Err(trouble.unwrap_or_else(|| "servers say that it has no address".to_owned())),
        false => Ok(answer),
    }
}

/// The addresses of a host that control itself connects to, as they are now.
///
/// # Errors
/// Why there are none, as a sentence without its end.
pub async fn addresses(host: &str, port: u16, rule: &Resolver) -> Result<Vec<SocketAddr>, String> {
    let at = |ip: IpAddr| SocketAddr::new(ip, port);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![at(ip)]);
    }
    // Never asked of a server, which could lead it elsewhere (RFC 6761 §6.3).
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into())]);
    }
    let answer = Lookups::new(rule)?.find(&Target::Host(host.into(), port)).await?;
    Ok(answer.found.into_iter().map(|found| found.addr).collect())
}
