//! Tables of routes as gateways have them, and a request for each route. The same for the benches of wall clock and of
//! instructions.

use ringgate::base::{ListenerId, RouteId};
use ringgate::route::{Facts, HostPattern, Lookup, PathPattern, Rule, Scratch};
use ringgate::wire::head::{Head, Lines};

/// How routes lie over hosts.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// One route for everything, asked for again and again.
    OneForAll,
    /// Ten services a host, three routes each.
    ManyHosts,
    /// All of them under one host.
    OneHost,
    /// All of them under one host, each an expression.
    Expressions,
}

/// A rule with one host and one path that asks for nothing else; an empty `host` is every host.
pub fn rule(host: &str, path: &str, route: usize) -> Rule {
    Rule {
        listeners: Vec::new(),
        hosts: (!host.is_empty())
            .then(|| HostPattern::parse(host).expect("a good host"))
            .into_iter()
            .collect(),
        paths: vec![PathPattern::parse(path).expect("a good path")],
        methods: Vec::new(),
        conditions: Vec::new(),
        route: RouteId(u32::try_from(route).expect("a small number")),
    }
}

/// The host of route `index`.
pub fn host(layout: Layout, index: usize) -> String {
    match layout {
        Layout::OneForAll => "localhost:8080".to_owned(),
        Layout::ManyHosts => format!("api-{}.example.com", index / 30),
        Layout::OneHost | Layout::Expressions => "api.example.com".to_owned(),
    }
}

fn service(layout: Layout, index: usize) -> usize {
    match layout {
        Layout::OneForAll => 0,
        Layout::ManyHosts => index / 3 % 10,
        Layout::OneHost | Layout::Expressions => index / 3,
    }
}

/// `count` routes: of each service all below it, an item by a template, and the collection by its exact path.
pub fn rules(layout: Layout, count: usize) -> Vec<Rule> {
    if let Layout::OneForAll = layout {
        return vec![rule("", "/*", 0)];
    }
    let path = |index: usize| {
        let service = service(layout, index);
        match (layout, index % 3) {
            (Layout::Expressions, _) => format!("regex:/api/v[0-9]+/service-{index}/[a-z]+/.*"),
            (_, 0) => format!("/api/service-{service}/*"),
            (_, 1) => format!("/api/service-{service}/items/{{id}}/orders"),
            _ => format!("/api/service-{service}/items"),
        }
    };
    (0..count).map(|index| rule(&host(layout, index), &path(index), index)).collect()
}

/// A path that route `index` takes.
pub fn path(layout: Layout, index: usize) -> String {
    if let Layout::OneForAll = layout {
        return "/index.html".to_owned();
    }
    let service = service(layout, index);
    match (layout, index % 3) {
        (Layout::Expressions, _) => format!("/api/v2/service-{index}/users/17"),
        (_, 0) => format!("/api/service-{service}/health/live"),
        (_, 1) => format!("/api/service-{service}/items/12345/orders"),
        _ => format!("/api/service-{service}/items"),
    }
}

fn route(layout: Layout, index: usize) -> u32 {
    match layout {
        Layout::OneForAll => 0,
        _ => u32::try_from(index).expect("a small number"),
    }
}

/// A look-up, and a request for each of its routes in shuffled order.
#[derive(Debug)]
pub struct Asked {
    lookup: Lookup,
    scratch: Scratch,
    lines: Lines,
    requests: Vec<Request>,
    /// Hosts and paths one behind the other in the order they are asked, as a request that has just come is near.
    texts: String,
}

/// Ends of its host and path in the texts, and its route.
#[derive(Debug)]
struct Request {
    host: usize,
    path: usize,
    route: u32,
}

impl Asked {
    /// Of `count` routes.
    pub fn new(layout: Layout, count: usize) -> Asked {
        let mut order: Vec<usize> = (0..count).collect();
        shuffle(&mut order);
        let mut texts = String::new();
        let requests = order.into_iter().map(|index| {
            texts.push_str(&host(layout, index));
            let host = texts.len();
            texts.push_str(&path(layout, index));
            Request { host, path: texts.len(), route: route(layout, index) }
        });
        let requests = requests.collect();
        let (lookup, findings) = Lookup::new(rules(layout, count));
        assert_eq!(findings, [], "the routes are as they should be");
        Asked { lookup, scratch: Scratch::default(), lines: Lines::new(), requests, texts }
    }

    /// Asks for each route once. Gives the number of those that were found.
    #[inline(never)]
    pub fn ask_all(&self) -> usize {
        let head = Head::new(b"", &self.lines);
        let (texts, mut start) = (self.texts.as_bytes(), 0);
        let found = self.requests.iter().filter(|request| {
            let (host, path) = (&texts[start..request.host], &texts[request.host..request.path]);
            start = request.path;
            let facts = Facts { host, path, method: b"GET", head, listener: ListenerId(0) };
            self.lookup.lookup(&facts, &self.scratch).is_ok_and(|found| found.route.0 == request.route)
        });
        found.count()
    }
}

/// The same order each time (Fisher and Yates, with a linear congruence for chance).
fn shuffle<T>(items: &mut [T]) {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for end in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(end, (seed >> 33) as usize % (end + 1));
    }
}
