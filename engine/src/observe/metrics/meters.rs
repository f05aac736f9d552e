//! Which names are counted, and where. A name is given its cells once and keeps them for as long as a table or a set of
//! endpoints that has it lives; then they go. An endpoint's name is listed no longer than a set that has it is served: a table
//! holds the set that it began with. There is a cap on all series together: names past it are counted together in
//! the cells of [`OVERFLOW`]. Control arms tables before the shards get them; a shard only follows the `Arc` that it finds.

use super::cells::{Cells, EndpointCells, ListenerCells, RouteCells, UpstreamCells};
use super::page::PolicyNow;
use std::collections::BTreeMap;
use std::fmt;
#[expect(clippy::disallowed_types, reason = "control arms and scrapes; no shard ever takes it")]
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

/// The name that stands for all those past the cap. No name that an operator may give is written like it.
pub const OVERFLOW: &str = "(overflow)";

/// The cells of one name, one of each shard.
pub struct Meter<T> {
    name: Box<str>,
    /// What the name belongs to: an endpoint's upstream; else empty.
    within: Box<str>,
    shards: Arc<[T]>,
    /// The sets that are served and have it.
    rolls: AtomicUsize,
}

impl<T> fmt::Debug for Meter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({:?}, {:?})", self.within, self.name)
    }
}

impl<T: Cells> Meter<T> {
    fn new(name: &str, within: &str, shards: usize) -> Arc<Meter<T>> {
        let shards = (0..shards).map(|_| T::default()).collect();
        Arc::new(Meter { name: name.into(), within: within.into(), shards, rolls: AtomicUsize::new(0) })
    }

    /// The cells that shard `index` writes.
    #[inline]
    pub fn of(&self, index: usize) -> Option<&T> {
        self.shards.get(index)
    }

    /// The cells of all shards.
    pub fn all(&self) -> &[T] {
        &self.shards
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it belongs to.
    pub fn within(&self) -> &str {
        &self.within
    }

    /// Whether it counts all names past the cap together.
    pub fn is_overflow(&self) -> bool {
        *self.name == *OVERFLOW
    }

    /// The same cells, held by somebody else.
    fn again(&self) -> Arc<Meter<T>> {
        let (name, within, shards) = (self.name.clone(), self.within.clone(), self.shards.clone());
        Arc::new(Meter { name, within, shards, rolls: AtomicUsize::new(0) })
    }

    fn is_listed(&self) -> bool {
        !T::BY_ROLL || self.rolls.load(Relaxed) > 0
    }
}

/// The meters of a set of endpoints, in order.
#[derive(Debug)]
pub struct Roll {
    meters: Box<[Arc<Meter<EndpointCells>>]>,
    has_left: AtomicBool,
}

impl Roll {
    /// Of a set that is served, or about to be.
    pub fn new(meters: Box<[Arc<Meter<EndpointCells>>]>) -> Roll {
        for meter in &meters {
            meter.rolls.fetch_add(1, Relaxed);
        }
        Roll { meters, has_left: AtomicBool::new(false) }
    }

    /// Another set is served in its place. What still runs with this one is counted in the same cells.
    pub fn leave(&self) {
        if !self.has_left.swap(true, Relaxed) {
            for meter in &self.meters {
                meter.rolls.fetch_sub(1, Relaxed);
            }
        }
    }

    /// The meter of the endpoint at `at`.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&Meter<EndpointCells>> {
        self.meters.get(at).map(Arc::as_ref)
    }
}

impl Drop for Roll {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a name belongs to, and the name.
type Key = (Box<str>, Box<str>);

/// The names of one kind.
#[derive(Debug)]
struct Names<T> {
    /// By what they belong to, and name.
    known: BTreeMap<Key, Weak<Meter<T>>>,
    /// Held by each name past the cap.
    overflow: Arc<Meter<T>>,
    /// The same cells for those who read them, so that the others can be told by their number.
    read: Arc<Meter<T>>,
}

impl<T: Cells> Names<T> {
    fn new(shards: usize) -> Names<T> {
        let within = if T::SERIES == EndpointCells::SERIES { OVERFLOW } else { "" };
        let overflow = Meter::new(OVERFLOW, within, shards);
        Names { known: BTreeMap::new(), read: overflow.again(), overflow }
    }

    /// Forgets names that nobody uses; gives the series of the others, that of the overflow among them.
    fn reap(&mut self) -> usize {
        self.known.retain(|_, meter| meter.upgrade().is_some_and(|meter| meter.is_listed()));
        (self.known.len() + 1) * T::SERIES
    }

    fn find(&self, within: &str, name: &str) -> Option<Arc<Meter<T>>> {
        self.known.get(&(within.into(), name.into()))?.upgrade()
    }

    fn add(&mut self, within: &str, name: &str, shards: usize) -> Arc<Meter<T>> {
        let meter = Meter::new(name, within, shards);
        self.known.insert((within.into(), name.into()), Arc::downgrade(&meter));
        meter
    }

    fn all(&self) -> Vec<Arc<Meter<T>>> {
        let known = self.known.values().filter_map(Weak::upgrade);
        known.chain([self.read.clone()]).collect()
    }

    /// Names past the cap, of every table and set that lives.
    fn past(&self) -> usize {
        if T::BY_ROLL { self.overflow.rolls.load(Relaxed) } else { Arc::strong_count(&self.overflow) - 1 }
    }
}

#[derive(Debug)]
struct Known {
    listeners: Names<ListenerCells>,
    routes: Names<RouteCells>,
    upstreams: Names<UpstreamCells>,
    endpoints: Names<EndpointCells>,
    cap: usize,
    /// What policies did is counted where they are.
    policies: Share,
    certificates: Share,
}

/// How many things of the table that is served have series of their own, the first ones. The rest is told of together.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    all: usize,
    own: usize,
}

impl Share {
    /// Of `all`, `most` at most, and as many as fit into `room` series of `each` beside those of the rest.
    fn of(all: usize, most: usize, room: usize, each: usize) -> Share {
        Share { all, own: all.min(most).min((room / each).saturating_sub(1)) }
    }

    fn series(self, each: usize) -> usize {
        if self.all == 0 { 0 } else { (self.own + 1) * each }
    }

    fn past(self) -> usize {
        self.all - self.own
    }
}

/// All names that are counted.
#[derive(Debug)]
pub struct Meters {
    shards: usize,
    #[expect(clippy::disallowed_types, reason = "control arms and scrapes; no shard ever takes it")]
    known: Mutex<Known>,
}

/// The meters of all names at one moment, in order of their names, those of the overflow last.
#[derive(Debug)]
pub struct Listed {
    /// Listeners.
    pub listeners: Vec<Arc<Meter<ListenerCells>>>,
    /// Routes.
    pub routes: Vec<Arc<Meter<RouteCells>>>,
    /// Upstreams.
    pub upstreams: Vec<Arc<Meter<UpstreamCells>>>,
    /// Endpoints.
    pub endpoints: Vec<Arc<Meter<EndpointCells>>>,
    /// How many policies have series of their own, the first ones of the table.
    pub policies: usize,
    /// How many certificates have one, likewise.
    pub certificates: usize,
    /// Series in use.
    pub series: usize,
    /// Series that may be in use.
    pub cap: usize,
    /// Names past that, counted together.
    pub past: u64,
}

impl Known {
    fn series(&mut self) -> usize {
        let names =
            self.listeners.reap() + self.routes.reap() + self.upstreams.reap() + self.endpoints.reap();
        names + self.policies.series(PolicyNow::SERIES) + self.certificates.series(1)
    }

    fn past(&self) -> usize {
        let names =
            self.listeners.past() + self.routes.past() + self.upstreams.past() + self.endpoints.past();
        names + self.policies.past() + self.certificates.past()
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $verb:ident: $cells:ty, $list:ident;)*) => {
        impl Arming<'_> {
            $($(#[$doc])*
            pub fn $verb(&mut self, within: &str, name: &str) -> Option<Arc<Meter<$cells>>> {
                if self.known.cap == 0 {
                    return None;
                }
                if let Some(meter) = self.known.$list.find(within, name) {
                    return Some(meter);
                }
                if self.series + <$cells>::SERIES > self.known.cap {
                    return Some(self.known.$list.overflow.clone());
                }
                self.series += <$cells>::SERIES;
                Some(self.known.$list.add(within, name, self.shards))
            })*
        }
    };
}

/// Gives names their cells. While it lives, nobody else does.
pub struct Arming<'m> {
    known: MutexGuard<'m, Known>,
    series: usize,
    shards: usize,
}

impl Arming<'_> {
    /// Keeps room free for so many policies and certificates of a table that may be served next: names that are armed
    /// meanwhile do not take it. Nothing that is shown changes, since the table may yet be refused.
    pub fn keep_room(&mut self, policies: usize, certificates: usize) {
        let shares = (self.known.policies, self.known.certificates);
        let before = self.series;
        self.policies(policies);
        self.certificates(certificates);
        self.series = self.series.max(before);
        (self.known.policies, self.known.certificates) = shares;
    }

    /// Series for `count` policies: for as many of them as fit into a quarter of the cap and what is free.
    pub fn policies(&mut self, count: usize) {
        let (each, cap) = (PolicyNow::SERIES, self.known.cap);
        self.series -= self.known.policies.series(each);
        self.known.policies = Share::of(count, cap / 4 / each, cap.saturating_sub(self.series), each);
        self.series += self.known.policies.series(each);
    }

    /// A series each for `count` certificates: for as many as fit into an eighth of the cap and what is free.
    pub fn certificates(&mut self, count: usize) {
        let cap = self.known.cap;
        self.series -= self.known.certificates.series(1);
        let most = (cap / 8).saturating_sub(1);
        self.known.certificates = Share::of(count, most, cap.saturating_sub(self.series), 1);
        self.series += self.known.certificates.series(1);
    }
}

kinds! {
    /// The meter of a listener; none where nothing is counted.
    listener: ListenerCells, listeners;
    /// The meter of a route; none where nothing is counted.
    route: RouteCells, routes;
    /// The meter of an upstream; none where nothing is counted.
    upstream: UpstreamCells, upstreams;
    /// The meter of an endpoint of the upstream `within`; none where nothing is counted.
    endpoint: EndpointCells, endpoints;
}

impl Meters {
    /// For `shards` shards. Nothing is counted until there is a [bound](Meters::bound).
    #[expect(clippy::disallowed_types, reason = "control arms and scrapes; no shard ever takes it")]
    pub fn new(shards: usize) -> Meters {
        let known = Known {
            listeners: Names::new(shards),
            routes: Names::new(shards),
            upstreams: Names::new(shards),
            endpoints: Names::new(shards),
            cap: 0,
            policies: Share::default(),
            certificates: Share::default(),
        };
        Meters { shards, known: Mutex::new(known) }
    }

    /// From now on there are `cap` series at most; 0 counts nothing. Names that have cells keep them.
    pub fn bound(&self, cap: usize) {
        self.known().cap = cap;
    }

    /// Begins to give names their cells.
    pub fn arm(&self) -> Arming<'_> {
        let mut known = self.known();
        let series = known.series();
        Arming { known, series, shards: self.shards }
    }

    /// All meters.
    pub fn list(&self) -> Listed {
        let mut known = self.known();
        let series = known.series();
        Listed {
            listeners: known.listeners.all(),
            routes: known.routes.all(),
            upstreams: known.upstreams.all(),
            endpoints: known.endpoints.all(),
            policies: known.policies.own,
            certificates: known.certificates.own,
            series,
            cap: known.cap,
            past: known.past() as u64,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic while arming leaves names that are known and unused: they are reaped.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_cells_as_long_as_somebody_uses_it() {
        let meters = Meters::new(2);
        assert!(meters.arm().route("", "a").is_none(), "nobody asked for metrics");
        meters.bound(10_000);
        let first = meters.arm().route("", "a").expect("counts");
        first.of(1).expect("there are two shards").requests[2].add(1);
        let again = meters.arm().route("", "a").expect("counts");
        assert!(Arc::ptr_eq(&first, &again));
        drop((first, again));
        let fresh = meters.arm().route("", "a").expect("counts");
        assert_eq!(fresh.all()[1].requests[2].now(), 0, "it was reaped");
        assert_eq!(meters.list().routes.len(), 2, "and the overflow");
    }

    #[test]
    fn names_past_the_cap_are_counted_together() {
        let meters = Meters::new(1);
        let fixed = meters.list().series;
        let cap = fixed + 10 * RouteCells::SERIES + EndpointCells::SERIES - 1;
        meters.bound(cap);
        let routes: Vec<_> = (0..100).filter_map(|n| meters.arm().route("", &format!("r{n}"))).collect();
        assert_eq!(routes.iter().filter(|route| route.name() != OVERFLOW).count(), 10);
        let upstream = meters.arm().upstream("", "u").expect("counts");
        let endpoint = meters.arm().endpoint("u", "10.0.0.1:80").expect("counts");
        assert_eq!((upstream.name(), endpoint.name(), endpoint.within()), (OVERFLOW, OVERFLOW, OVERFLOW));
        let endpoint = Roll::new(Box::new([endpoint]));
        let listed = meters.list();
        assert!(listed.series <= cap && listed.past == 92, "{} of {cap}, {}", listed.series, listed.past);
        // Whoever is armed once more is the same name, and whoever only reads is none.
        let again: Vec<_> = (0..100).filter_map(|n| meters.arm().route("", &format!("r{n}"))).collect();
        drop((again, meters.list()));
        assert_eq!(meters.list().past, 92);
        // Names that go make room for others.
        drop((routes, listed));
        drop((upstream, endpoint));
        assert_eq!(meters.arm().upstream("", "u").expect("counts").name(), "u");
        assert_eq!(meters.list().past, 0);
    }

    #[test]
    fn an_endpoint_is_listed_while_a_set_that_has_it_is_served_and_takes_no_room_afterwards() {
        let meters = Meters::new(1);
        meters.bound(10_000);
        let armed = |names: &[&str]| {
            let mut arming = meters.arm();
            Roll::new(names.iter().filter_map(|name| arming.endpoint("u", name)).collect())
        };
        let listed = || -> Vec<String> {
            let all = meters.list().endpoints;
            all.iter().filter(|meter| !meter.is_overflow()).map(|meter| meter.name().to_owned()).collect()
        };
        let before = meters.list().series;
        let first = armed(&["a", "b"]);
        let next = armed(&["b", "c"]);
        assert_eq!(listed(), ["a", "b", "c"]);
        first.leave();
        first.leave();
        assert_eq!(listed(), ["b", "c"], "the first is still held, as by a table");
        assert_eq!(meters.list().series, before + 2 * EndpointCells::SERIES);
        next.leave();
        assert!(first.get(0).is_some() && listed().is_empty());
        let again = armed(&["a"]);
        drop((first, next));
        assert_eq!(listed(), ["a"]);
        drop(again);
        assert_eq!(meters.list().series, before);
    }

    #[test]
    fn a_table_that_may_be_refused_changes_nothing_that_is_shown() {
        let meters = Meters::new(1);
        meters.bound(10_000);
        let mut arming = meters.arm();
        arming.policies(3);
        arming.certificates(2);
        drop(arming);
        let before = meters.list().series;
        for (policies, certificates) in [(0, 0), (9, 9)] {
            meters.arm().keep_room(policies, certificates);
            let listed = meters.list();
            assert_eq!((listed.policies, listed.certificates, listed.series), (3, 2, before));
        }
        // What is kept free is not taken by names.
        let free = 10_000 - before;
        let mut arming = meters.arm();
        arming.keep_room(3 + free / PolicyNow::SERIES, 2);
        let room = arming.series;
        assert!(room > before && room <= 10_000, "{room}");
        let routes: Vec<_> = (0..1_000).filter_map(|n| arming.route("", &format!("r{n}"))).collect();
        drop(arming);
        let mut arming = meters.arm();
        arming.policies(3 + free / PolicyNow::SERIES);
        assert_eq!(arming.known.policies.own, 10_000 / 4 / PolicyNow::SERIES);
        assert!(arming.series <= 10_000 && routes.len() == 1_000);
    }

    #[test]
    fn policies_and_certificates_take_no_more_than_is_free() {
        let meters = Meters::new(1);
        let cap = meters.list().series + 10 * RouteCells::SERIES + 1;
        meters.bound(cap);
        let _routes: Vec<_> = (0..10).filter_map(|n| meters.arm().route("", &format!("r{n}"))).collect();
        meters.arm().certificates(7);
        let listed = meters.list();
        assert_eq!((listed.certificates, listed.past), (0, 7));
        assert!(listed.series <= cap, "{} of {cap}", listed.series);
        meters.arm().certificates(0);
        meters.arm().policies(7);
        assert_eq!((meters.list().policies, meters.list().past), (0, 7));
    }
}
