//! What a request pays for a policy of each kind: the walk through a chain with that policy alone, or behind the one that
//! tells who calls, whose own row stands beside. Whatever is remembered is warm.

use criterion::{Criterion, criterion_group, criterion_main};
use ringgate::base::{Certificate, ClientAddr, Generation, ListenerId, RouteId, Tick};
use ringgate::config::Memory;
use ringgate::policy::auth::remote::{Answered, Reply};
use ringgate::policy::{Ask, Facts, Mode, Passage, Shard, State, Told, Verb, Verdict, Walk};
use ringgate::table::{Table, build};
use ringgate::wire::edits::Edits;
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::{HeadLimits, reply, request};
use std::hint::black_box;
use std::net::SocketAddr;
use std::rc::Rc;

const CONSUMERS: &str = "consumers: [{ name: acme, api_keys: [acme-key-0123456789], tier: partner, scopes: [orders.read, \
    orders.write], roles: [buyer], certificates: ['spiffe://example.com/shop'] }]";
/// ann:U*U, from crypt_blowfish's own test.
const USERS: &str = "ann:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
const KEY: &str = "key: { api_key: { header: X-API-Key } }";
const ANSWER: &str =
    r#"{"active":true,"sub":"user-4711","scope":"orders.read orders.write","exp":4102444800}"#;

/// Each row: its name, its policies, the request's line, and fields besides the usual ones.
const ROWS: [(&str, &str, &str, &str); 20] = [
    (
        "cors",
        "site: { cors: { origins: ['https://app.test', 'https://*.app.test'] } }",
        "GET",
        "Origin: https://app.test",
    ),
    ("cors, no origin", "site: { cors: { origins: 'https://app.test' } }", "GET", ""),
    ("ip, 2 networks", "net: { ip: { allow: [10.0.0.0/8, 192.0.2.0/24] } }", "GET", ""),
    ("ip, 1000 networks", "net: { ip: { allow: [192.0.2.0/24, NETWORKS] } }", "GET", ""),
    ("limit", "plan: { limit: { rate: 1000/s } }", "GET", ""),
    (
        "limit, two",
        "plan: { limit: { rate: 1000/s } }\nday: { limit: { rate: 80000000/d, key: route } }",
        "GET",
        "",
    ),
    ("in_flight", "many: { in_flight: { limit: 10 } }", "GET", ""),
    ("api_key", KEY, "GET", ""),
    (
        "basic, remembered",
        "staff: { basic: { users_file: users } }",
        "GET",
        "Authorization: Basic YW5uOlUqVQ==",
    ),
    ("mtls", "peer: { mtls: { user: spiffe, forward: { spiffe: X-Spiffe } } }", "GET", ""),
    (
        "introspection, remembered",
        "opaque: { introspection: { upstream: idp, path: /i, bearer: b, forward: { sub: X-User-Id } } }",
        "GET",
        "Authorization: Bearer 0123456789abcdef0123456789abcdef",
    ),
    (
        "api_key + authorize",
        "KEY\nmay: { authorize: { scopes: [orders.read], roles: [admin, buyer], tiers: [partner] } }",
        "GET",
        "",
    ),
    (
        "api_key + authorize by method",
        "KEY\nmay: { authorize: { scopes: [orders.read], methods: { POST: { scopes: [orders.write] }, DELETE: { roles: [admin] } } } }",
        "POST",
        "",
    ),
    (
        "validate, query",
        "input: { validate: { query: { others: false, parameters: { page: { type: integer, minimum: 1 }, sort: { enum: [up, down] } } } } }",
        "GET",
        "",
    ),
    (
        "validate, fields",
        "input: { validate: { headers: { required: [X-Trace], fields: { X-Trace: { type: string, maxLength: 64 } } } } }",
        "GET",
        "",
    ),
    (
        "headers, request",
        "tell: { headers: { request: { set: { X-From: gateway, X-Who: '${client.ip} ${route}' }, remove: [X-Trace] } } }",
        "GET",
        "",
    ),
    (
        "headers, reply",
        "tell: { headers: { response: { set: { X-From: gateway, X-Id: '${request.id}' }, remove: [X-Powered-By] } } }",
        "GET",
        "",
    ),
    ("sanitize", "hide: { sanitize: {} }", "GET", ""),
    ("when, by method", "net: { ip: { deny: [10.0.0.0/8] }, when: 'request.method == \"GET\"' }", "GET", ""),
    (
        "when, by field",
        "net: { ip: { deny: [10.0.0.0/8] }, when: '\"x-trace\" in request.headers' }",
        "GET",
        "",
    ),
];

const REPLY: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.25\r\nDate: Mon, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: \
    application/json\r\nContent-Length: 512\r\nX-Powered-By: PHP/8.3\r\nCache-Control: no-store\r\n\r\n";

fn table(policies: &str) -> Table {
    let networks: Vec<String> = (0..999).map(|n| format!("10.{}.{}.0/24", n / 256, n % 256)).collect();
    let policies = policies.replace("KEY", KEY).replace("NETWORKS", &networks.join(", "));
    let names: Vec<&str> = policies.lines().map(|line| line.split_once(':').expect("has a name").0).collect();
    let text = format!(
        "listeners: [{{ name: public, bind: 127.0.0.1:8080 }}]\n{CONSUMERS}\n\
         upstreams: {{ idp: {{ endpoints: [{{ address: '127.0.0.1:1' }}] }} }}\npolicies:\n  {}\n\
         routes: [{{ name: orders, policies: [{}], respond: {{ body: ok }} }}]\n",
        policies.replace('\n', "\n  "),
        names.join(", ")
    );
    let mut files = Memory::default().file("x.yaml", text).file("users", USERS);
    let config = files.clone().read("x.yaml").unwrap_or_else(|found| panic!("{found}"));
    let mut means = build::Means { files: &mut files, now: Tick(1), offset: 0 };
    let built = build::build(&config, Generation(1), None, &mut means);
    built.unwrap_or_else(|found| panic!("{found}")).0
}

/// All that a walk is lent.
#[derive(Default)]
struct Lent {
    shard: Shard,
    passage: Passage,
    request: Edits,
    reply: Edits,
}

/// One request through the chain, and its reply back; what has to be asked is answered at once.
fn pass(table: &Table, facts: &Facts<'_>, replied: Head<'_>, answer: &Answered, lent: &mut Lent) -> Verdict {
    let chain = table.policies.chain(ListenerId(0), RouteId(0)).expect("there are policies");
    let Lent { shard, passage, request, reply } = lent;
    passage.clear();
    request.clear();
    reply.clear();
    let (mut walk, mut told) = (Walk::default(), Told::Nothing);
    let verdict = loop {
        let mut state = State {
            passage,
            shard,
            registry: &table.policies.registry,
            request,
            told,
            body: b"",
            verb: Verb::Spend,
            mode: Mode::Enforce,
        };
        let verdict = chain.walk(&mut walk, facts, &mut state);
        told = match verdict {
            Verdict::Ask(Ask::Verify) => Told::Verified(passage.work.take().expect("a password").run()),
            Verdict::Ask(Ask::Call) => {
                passage.answered = Some(answer.clone());
                Told::Answered
            }
            verdict => break verdict,
        };
    };
    chain.dress(facts, passage, Some(replied), reply);
    verdict
}

fn each_kind(c: &mut Criterion) {
    let mut group = c.benchmark_group("policies");
    let mut lines = Lines::new();
    reply::parse(REPLY.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a reply");
    let replied = Head::new(REPLY.as_bytes(), &lines);
    let answer = Rc::new(Ok(Reply { status: 200, fields: Vec::new(), body: ANSWER.into() }));
    let certificate = Certificate {
        claims:
            br#"{"subject":"CN=shop","issuer":"CN=ca","serial":"01","spiffe":"spiffe://example.com/shop"}"#
                .as_slice()
                .into(),
        marks: ["spiffe://example.com/shop".into(), "subject:CN=shop".into()].into(),
        chain: [[0_u8; 600].as_slice().into()].into(),
        until: i64::MAX,
    };
    let peer: SocketAddr = "192.0.2.7:4711".parse().expect("is an address");
    for (name, policies, method, more) in ROWS {
        let table = table(policies);
        let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
        let text = format!(
            "{method} /api/orders/7?page=2&sort=up HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: curl/8.5\r\nAccept: */*\r\n\
             X-API-Key: acme-key-0123456789\r\nX-Trace: 0123456789abcdef\r\n{more}\r\n"
        );
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a request");
        let mut facts = Facts {
            head: Head::new(text.as_bytes(), &lines),
            ours: &table.policies.identity,
            length: ringgate::wire::http1::framing::Length::None,
            path: b"/api/orders/7",
            parameters: &[],
            client: Some(peer.ip()),
            peer: ClientAddr::Ip(peer),
            certificate: Some(&certificate),
            is_https: true,
            host: b"api.example.com",
            listener: "public",
            route: "orders",
            request_id: b"01934f0e-7c1a-7b3e-8d5c-0123456789ab",
            now: Tick(1_000_000_000),
            unix_ms: 1_700_000_000_000,
            by: Tick::NEVER,
        };
        let mut lent = Lent::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                // A request each 2 ms, so that limits let it pass.
                facts.now = Tick(facts.now.0 + 2_000_000);
                let verdict = pass(&table, black_box(&facts), replied, &answer, &mut lent);
                assert_eq!(verdict, Verdict::Pass);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, each_kind);
criterion_main!(benches);
