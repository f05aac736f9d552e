//! Endpoints: what the configuration says of where an upstream's servers are (sources), and where they are known to be
//! now (a set). `table/build` makes the sources, control looks up what is behind them, and [`assemble`] is the one
//! place that makes a set of both. At most [`ENDPOINTS_MAX`] in a set: what is left over is not used.

mod list;
mod target;

pub use list::{Flaw, read as read_list};
pub use target::Target;

use super::Balance;
use crate::balance::Seats;
use crate::base::Address;
use crate::observe::metrics::EndpointCells;
use crate::observe::metrics::meters::Roll;
use hashbrown::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Endpoints of one upstream at most: a pick may look at each of them.
pub const ENDPOINTS_MAX: usize = 1024;

/// One address of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub addr: Address,
    /// The same as text, for logs.
    pub name: String,
    /// `host:port`, as the endpoint may call itself in a reply: the name that led to it, else its address.
    pub host: Arc<str>,
    /// Its share among its equals; at least 1.
    pub weight: u32,
    /// Its group: 0 is asked first. Groups are numbered without gaps.
    pub priority: u32,
    /// What it was found behind; none where the address itself was written.
    pub found_behind: Option<Target>,
}

impl Endpoint {
    /// The host that was written of it, by which it proves itself: a name, that of a service without its labels, since nothing
    /// vouches for what its records say (RFC 6125 §6.2.1), an address; `localhost` of a Unix socket.
    pub fn written_host(&self) -> &str {
        match (&self.found_behind, &self.addr) {
            (Some(Target::Host(host, _)), _) => host,
            (Some(Target::Service(name)), _) => name.splitn(3, '.').nth(2).unwrap_or(name),
            (_, Address::Unix(_)) => "localhost",
            (_, Address::Tcp(_)) => {
                let host = self.host.rsplit_once(':').map_or(&*self.host, |(host, _)| host);
                host.trim_start_matches('[').trim_end_matches(']')
            }
        }
    }
}

/// The endpoints of an upstream at one moment, made where no request waits and shared by all shards. Another set takes
/// its place; a set itself never changes.
#[derive(Debug)]
pub struct Endpoints {
    list: Vec<Endpoint>,
    seats: Arc<Seats>,
    /// Where each is counted, in order; empty where nobody counts.
    pub(super) roll: OnceLock<Roll>,
}

impl Endpoints {
    /// A set of these, compiled for `balance`. *Cost:* some milliseconds for a consistent hash: never called by a shard.
    pub fn new(list: Vec<Endpoint>, balance: &Balance) -> Arc<Endpoints> {
        let seats = balance.seats(&list);
        Arc::new(Endpoints { list, seats, roll: OnceLock::new() })
    }

    /// Where shard `shard` counts the endpoint at `at`; none where nobody counts.
    #[inline]
    pub fn cells(&self, at: usize, shard: usize) -> Option<&EndpointCells> {
        self.roll.get()?.get(at)?.of(shard)
    }

    /// Whether the endpoint at `at` is counted together with others: what it has now is summed with what they have.
    pub fn is_past_cap(&self, at: usize) -> bool {
        self.roll.get().and_then(|roll| roll.get(at)).is_some_and(|meter| meter.is_overflow())
    }

    /// Another set has taken its place everywhere: its names are told of no longer, as far as that one has them not.
    pub fn leave(&self) {
        if let Some(roll) = self.roll.get() {
            roll.leave();
        }
    }

    /// The same as they are balanced, in order.
    pub fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }
}

impl Deref for Endpoints {
    type Target = [Endpoint];

    fn deref(&self) -> &[Endpoint] {
        &self.list
    }
}

/// What was written of one or more endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where to find them.
    pub target: Target,
    /// The share of each; at least 1.
    pub weight: u32,
    /// Their group; lower ones are asked first.
    pub priority: u32,
}

/// An address that was found behind a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The priority that an SRV record gives it; 0 behind a host name.
    pub priority: u16,
    /// The address.
    pub addr: SocketAddr,
    /// The weight that an SRV record gives it; 1 behind a host name.
    pub weight: u16,
    /// `host:port` of the name that it is the address of.
    pub host: Arc<str>,
}

/// The set that `sources` make with what is `known` to be behind the names among them. An address that stands behind
/// several sources counts once, in the first group that has it. Equal knowledge gives equal sets, whatever the order in
/// which a server told it.
pub fn assemble<'a, 's>(
    sources: impl Iterator<Item = &'s Source>,
    known: impl Fn(&Target) -> &'a [Found],
) -> Vec<Endpoint> {
    let mut ranked: Vec<((u32, u16), Endpoint)> = Vec::new();
    for source in sources {
        match &source.target {
            Target::Address(addr) => {
                let rank = (source.priority, 0);
                ranked.push((rank, endpoint(addr.clone(), source, 1, addr.to_string().into(), None)));
            }
            name => {
                let mut found = known(name).to_vec();
                found.sort_unstable();
                // RFC 2782: within the group that was written, an SRV record's own priority decides.
                ranked.extend(found.into_iter().map(|found| {
                    let Found { addr, weight, host, priority } = found;
                    let end = endpoint(addr.into(), source, weight, host, Some(name.clone()));
                    ((source.priority, priority), end)
                }));
            }
        }
    }
    // Stable, so that endpoints of one group stand in the order of their sources.
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut groups: HashMap<(u32, u16), u32> = HashMap::new();
    let mut seen = HashSet::new();
    let mut set = Vec::new();
    for (rank, mut end) in ranked {
        if set.len() == ENDPOINTS_MAX {
            break;
        }
        if seen.insert(end.addr.clone()) {
            let next = groups.len() as u32;
            end.priority = *groups.entry(rank).or_insert(next);
            set.push(end);
        }
    }
    set
}

fn endpoint(
    addr: Address,
    source: &Source,
    weight: u16,
    host: Arc<str>,
    found_behind: Option<Target>,
) -> Endpoint {
    // A weight of 0 asks for next to nothing beside others (RFC 2782); 1 is the least there is here.
    let weight = source.weight.saturating_mul(u32::from(weight.max(1)));
    let name = addr.to_string();
    Endpoint { addr, name, host, weight, priority: source.priority, found_behind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str, weight: u32, priority: u32) -> Source {
        Source { target: Target::parse(text).expect("is an address"), weight, priority }
    }

    fn found(priority: u16, addr: &str, weight: u16) -> Found {
        Found { priority, addr: addr.parse().expect("is an address"), weight, host: "a.test:80".into() }
    }

    fn set(sources: &[Source], known: &[Found]) -> Vec<(String, u32, u32)> {
        assemble(sources.iter(), |_| known)
            .into_iter()
            .map(|end| (end.name, end.weight, end.priority))
            .collect()
    }

    fn of(name: &str, weight: u32, priority: u32) -> (String, u32, u32) {
        (name.to_owned(), weight, priority)
    }

    #[test]
    fn each_address_behind_a_name_has_the_names_weight() {
        let known = [found(0, "10.0.0.2:80", 1), found(0, "10.0.0.1:80", 1)];
        let expected = [of("10.0.0.9:1", 1, 0), of("10.0.0.1:80", 3, 0), of("10.0.0.2:80", 3, 0)];
        assert_eq!(set(&[source("10.0.0.9:1", 1, 0), source("a.test:80", 3, 0)], &known), expected);
    }

    #[test]
    fn the_order_of_an_answer_plays_no_part() {
        let sources = [source("a.test:80", 1, 0)];
        let (one, two) = (found(0, "10.0.0.2:80", 1), found(0, "10.0.0.1:80", 1));
        assert_eq!(set(&sources, &[one.clone(), two.clone()]), set(&sources, &[two, one]));
    }

    #[test]
    fn a_services_priorities_lie_within_the_group_that_was_written() {
        let known = [found(20, "10.0.0.2:80", 5), found(10, "10.0.0.1:80", 0)];
        let sources = [source("10.0.0.9:1", 1, 7), source("srv:_http._tcp.a.test", 2, 3)];
        let expected = [of("10.0.0.1:80", 2, 0), of("10.0.0.2:80", 10, 1), of("10.0.0.9:1", 1, 2)];
        assert_eq!(set(&sources, &known), expected);
    }

    #[test]
    fn an_address_counts_once_in_its_first_group() {
        let known = [found(0, "10.0.0.1:80", 1)];
        let sources = [source("a.test:80", 1, 1), source("10.0.0.1:80", 4, 0), source("10.0.0.1:80", 9, 0)];
        assert_eq!(set(&sources, &known), [of("10.0.0.1:80", 4, 0)]);
    }

    #[test]
    fn an_endpoint_proves_the_host_that_was_written() {
        let known = [found(0, "10.0.0.1:80", 1)];
        for (written, host) in [
            ("10.0.0.9:443", "10.0.0.9"),
            ("[::1]:443", "::1"),
            ("a.test.:443", "a.test."),
            ("srv:_https._tcp.b.test", "b.test"),
            ("unix:/run/a", "localhost"),
        ] {
            let set = assemble([source(written, 1, 0)].iter(), |_| &known);
            assert_eq!(set[0].written_host(), host, "{written}");
        }
    }

    #[test]
    fn a_set_is_bounded() {
        let known: Vec<Found> =
            (0..2000u16).map(|n| found(0, &format!("10.0.{}.{}:80", n >> 8, n & 255), 1)).collect();
        assert_eq!(set(&[source("a.test:80", 1, 0)], &known).len(), ENDPOINTS_MAX);
    }
}
