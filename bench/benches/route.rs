//! The look-up of a route at 1, 100 and 10,000 routes: it should hardly grow with their number.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringgate::base::ListenerId;
use ringgate::route::{Condition, Facts, Lookup, Part, Scratch, Told, Value};
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::{HeadLimits, request};
use ringgate_bench::routes::{Layout, host, rule, rules};
use std::hint::black_box;

fn look_up(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("route");
    let (lines, scratch) = (Lines::new(), Scratch::default());
    group.throughput(Throughput::Elements(1));
    for count in [1, 100, 10_000] {
        let (lookup, _) = Lookup::new(rules(Layout::ManyHosts, count));
        let host = host(Layout::ManyHosts, (count - 1) / 30 / 2 * 30);
        let cases = [
            ("prefix", "/api/service-0/health/live"),
            ("template", "/api/service-0/items/12345/orders"),
            ("exact", "/api/service-0/items"),
            ("miss", "/nothing/of/this/kind"),
        ];
        for (name, path) in cases {
            let head = Head::new(b"", &lines);
            let facts = Facts {
                host: host.as_bytes(),
                path: path.as_bytes(),
                method: b"GET",
                head,
                listener: ListenerId(0),
            };
            group.bench_function(BenchmarkId::new(name, count), |bench| {
                bench.iter(|| lookup.lookup(black_box(&facts), &scratch));
            });
        }
    }
    group.finish();
}

/// The whole of the deployment that most have: one route for everything.
fn one_for_all(bench: &mut Criterion) {
    let (lookup, _) = Lookup::new(vec![rule("", "/*", 0)]);
    let (lines, scratch) = (Lines::new(), Scratch::default());
    let (host, path, head) = (b"localhost:8080", b"/index.html", Head::new(b"", &lines));
    let facts = Facts { host, path, method: b"GET", head, listener: ListenerId(0) };
    bench.bench_function("route/one_for_all", |bench| {
        bench.iter(|| lookup.lookup(black_box(&facts), &scratch))
    });
}

/// What a rule costs that asks for more, with a browser's request.
fn conditions(bench: &mut Criterion) {
    let text = b"GET /shop?page=2&view=grid HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0\r\n\
        Accept: text/html\r\nAccept-Language: en\r\nX-Client: mobile\r\nCookie: a=1; b=2; side=canary\r\n\r\n";
    let mut lines = Lines::new();
    request::parse(text, &mut lines, &HeadLimits::default()).expect("a good request");
    let head = Head::new(text, &lines);
    let facts = Facts::of(head, head.path(), ListenerId(0));
    let mut group = bench.benchmark_group("route/conditions");
    for (name, methods, condition) in [
        ("none", &[][..], None),
        ("method", &["GET".to_owned()], None),
        ("known_field", &[], Some((Part::Header, "Accept-Language", "en"))),
        ("other_field", &[], Some((Part::Header, "X-Client", "mobile"))),
        ("field_expression", &[], Some((Part::Header, "User-Agent", "regex:Mozilla/[0-9.]+"))),
        ("cookie", &[], Some((Part::Cookie, "side", "canary"))),
        ("query", &[], Some((Part::Query, "view", "grid"))),
    ] {
        let condition = condition.map(|(part, name, value)| {
            let value = Value::parse(value).expect("a good value");
            Condition { part, name: name.to_owned(), value, told: Told::Whole }
        });
        let mut asks = rule("", "/*", 0);
        asks.methods = methods.to_vec();
        asks.conditions.extend(condition);
        let (lookup, scratch) = (Lookup::new(vec![asks]).0, Scratch::default());
        assert!(lookup.lookup(&facts, &scratch).is_ok(), "{name}");
        group.bench_function(name, |bench| bench.iter(|| lookup.lookup(black_box(&facts), &scratch)));
    }
    group.finish();
}

criterion_group!(benches, look_up, one_for_all, conditions);
criterion_main!(benches);
