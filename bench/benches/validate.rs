//! A body of 1 KiB held to a schema: reading it, checking it, and both, beside the same validator over `serde_json`'s
//! values. And what a query costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringgate::config::Memory;
use ringgate::config::read::Pointer;
use ringgate::policy::Faults;
use ringgate::policy::validate::json::Tape;
use ringgate::policy::validate::{Asked, Scratch, Validate};
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::framing::Length;
use ringgate::wire::http1::{HeadLimits, request};
use serde_json::Value;
use std::hint::black_box;

const SCHEMA: &str = r##"{
  "type": "object", "required": ["id", "customer", "items"], "additionalProperties": false,
  "properties": {
    "id": { "type": "string", "pattern": "^[a-z]+-[0-9]+$" },
    "customer": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string", "maxLength": 64 }, "tier": { "enum": ["free", "partner"] } } },
    "note": { "type": "string", "maxLength": 200 },
    "items": { "type": "array", "minItems": 1, "maxItems": 100, "items": { "$ref": "#/$defs/item" } }
  },
  "$defs": { "item": { "type": "object", "required": ["sku", "count", "price"], "properties": {
    "sku": { "type": "string", "minLength": 4 }, "count": { "type": "integer", "minimum": 1 }, "price": { "type": "number", "exclusiveMinimum": 0 }, "gift": { "type": "boolean" } } } }
}"##;

/// 1 KiB of JSON that fits.
fn body() -> String {
    let item =
        |index: u32| format!(r#"{{"sku":"sku-{index:05}","count":{index},"price":{index}.95,"gift":false}}"#);
    let items: Vec<String> = (1..16).map(item).collect();
    let front = r#"{"id":"order-1234567","customer":{"name":"Zoë Example","tier":"partner"},"items":["#;
    let mut body = format!("{front}{}],\"note\":\"", items.join(","));
    let rest = 1024 - body.len() - 2;
    body.push_str(&"x".repeat(rest));
    body.push_str("\"}");
    assert_eq!(body.len(), 1024);
    body
}

fn policy(text: &str) -> Validate {
    let memory = Memory::default().file("x.yaml", text).file("schema.json", SCHEMA);
    let config = memory.read("x.yaml").expect("a good configuration");
    let given = config.policies.0[0].1.validate.as_ref().expect("a policy");
    let mut faults = Faults::default();
    Validate::compile(given, &Pointer::default(), &mut faults).expect("a good policy")
}

fn bodies(bench: &mut Criterion) {
    let body = body();
    let policy = policy("policies: { p: { validate: { body: { schema: schema.json } } } }");
    let text =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n";
    let mut lines = Lines::new();
    request::parse(text, &mut lines, &HeadLimits::default()).expect("a good head");
    let head = Head::new(text, &lines);
    let (mut scratch, mut tape) = (Scratch::default(), Tape::default());
    let schema: Value = serde_json::from_str(SCHEMA).expect("is JSON");
    let other = jsonschema::draft202012::options()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(&schema)
        .expect("a good schema");
    let mut group = bench.benchmark_group("validate/1KiB");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("policy", |bench| {
        bench.iter(|| policy.body(head, Some(black_box(body.as_bytes())), &mut scratch).expect("fits"));
    });
    group.bench_function("read", |bench| {
        bench.iter(|| tape.read(black_box(body.as_bytes()), 64).expect("is JSON").values());
    });
    group.bench_function("serde_json_read", |bench| {
        bench.iter(|| serde_json::from_slice::<Value>(black_box(body.as_bytes())).expect("is JSON"));
    });
    group.bench_function("serde_json_read_and_check", |bench| {
        bench.iter(|| {
            let value: Value = serde_json::from_slice(black_box(body.as_bytes())).expect("is JSON");
            assert!(other.is_valid(&value));
        });
    });
    group.finish();
}

fn queries(bench: &mut Criterion) {
    let policy = policy(
        "policies: { p: { validate: { query: { required: [page], others: false, parameters: { page: { type: integer, minimum: 1 }, \
         tag: { type: array, items: { type: string }, maxItems: 5 } } } } } }",
    );
    let text = b"GET /items?page=17&tag=a&tag=b%20c HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut lines = Lines::new();
    request::parse(text, &mut lines, &HeadLimits::default()).expect("a good head");
    let asked = Asked { head: Head::new(text, &lines), length: Length::None, segment: |_: &str| None };
    let mut scratch = Scratch::default();
    bench.bench_function("validate/query", |bench| {
        bench.iter(|| policy.head(black_box(&asked), &mut scratch).expect("fits"));
    });
}

criterion_group!(benches, bodies, queries);
criterion_main!(benches);
