//! The look-up of a route at 1, 100 and 10,000 routes: it should hardly grow with their number.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringgate::base::RouteId;
use ringgate::route::{Facts, HostPattern, Lookup, PathPattern, Rule, Scratch};
use ringgate::wire::head::{Head, Lines};
use std::hint::black_box;

fn rule(host: &str, path: &str, route: usize) -> Rule {
    Rule {
        hosts: vec![HostPattern::parse(host).expect("a good host")],
        paths: vec![PathPattern::parse(path).expect("a good path")],
        route: RouteId(u32::try_from(route).expect("a small number")),
    }
}

/// Routes as an API gateway has them: ten services a host, each with a collection, an item and all below.
fn rules(count: usize) -> Vec<Rule> {
    (0..count)
        .map(|index| {
            let (host, service) = (format!("api-{}.example.com", index / 30), index / 3 % 10);
            let path = match index % 3 {
                0 => format!("/api/service-{service}/*"),
                1 => format!("/api/service-{service}/items/{{id}}/orders"),
                _ => format!("/api/service-{service}/items"),
            };
            rule(&host, &path, index)
        })
        .collect()
}

fn look_up(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("route");
    let (lines, scratch) = (Lines::new(), Scratch::default());
    group.throughput(Throughput::Elements(1));
    for count in [1, 100, 10_000] {
        let (lookup, _) = Lookup::new(&rules(count));
        let host = format!("api-{}.example.com", (count - 1) / 30 / 2);
        let cases = [
            ("prefix", "/api/service-0/health/live"),
            ("template", "/api/service-0/items/12345/orders"),
            ("exact", "/api/service-0/items"),
            ("miss", "/nothing/of/this/kind"),
        ];
        for (name, path) in cases {
            let head = Head::new(b"", &lines);
            let facts = Facts { host: host.as_bytes(), path: path.as_bytes(), method: b"GET", head };
            group.bench_function(BenchmarkId::new(name, count), |bench| {
                bench.iter(|| lookup.lookup(black_box(&facts), &scratch));
            });
        }
    }
    group.finish();
}

/// The whole of the deployment that most have: one route for everything.
fn one_for_all(bench: &mut Criterion) {
    let any = Rule { hosts: Vec::new(), ..rule("x", "/*", 0) };
    let (lookup, _) = Lookup::new(&[any]);
    let (lines, scratch) = (Lines::new(), Scratch::default());
    let (host, path, head) = (b"localhost:8080", b"/index.html", Head::new(b"", &lines));
    let facts = Facts { host, path, method: b"GET", head };
    bench.bench_function("route/one_for_all", |bench| {
        bench.iter(|| lookup.lookup(black_box(&facts), &scratch))
    });
}

criterion_group!(benches, look_up, one_for_all);
criterion_main!(benches);
