//! Any bytes as a body and as a query, against fixed schemas. The reader of JSON takes what serde_json takes, but for keys
//! that stand twice and numbers that would not keep their value, and reads it to the same; the schemas' verdict is that
//! of the same validator over serde_json's values; an answer is JSON and bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::config::Memory;
use ringgate::config::read::Pointer;
use ringgate::policy::Faults;
use ringgate::policy::validate::json::{Flaw, Tape};
use ringgate::policy::validate::{Asked, Next, Scratch, Validate};
use ringgate::wire::head::{Head, Lines};
use ringgate::wire::http1::framing::Length;
use ringgate::wire::http1::{HeadLimits, request};
use serde_json::Value;
use std::sync::LazyLock;

const CONFIG: &str = r##"
policies:
  any: { validate: { body: { schema: {} } } }
  order:
    validate:
      query:
        others: false
        count: 8
        parameters: { page: { type: integer }, tag: { type: array, items: { type: [number, boolean, string], maxLength: 3 } } }
      body:
        depth: 16
        schema:
          $defs: { tree: { anyOf: [{ type: string }, { type: array, items: { $ref: "#/$defs/tree" }, uniqueItems: true }] } }
          type: object
          properties:
            a: { $ref: "#/$defs/tree" }
            b: { type: number, multipleOf: 0.5, maximum: 18446744073709551615 }
            c: { enum: [1, "1", null, [1], { d: 1 }] }
          patternProperties: { "^x[0-9]+$": { type: string, minLength: 1, maxLength: 3 } }
          propertyNames: { maxLength: 4 }
          dependentRequired: { b: [a] }
          unevaluatedProperties: { const: 0 }
"##;

struct Fixed {
    policies: Vec<Validate>,
    oracle: jsonschema::Validator,
}

static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let config = Memory::default().file("x.yaml", CONFIG).read("x.yaml").expect("a good configuration");
    let given: Vec<_> = config.policies.0.iter().filter_map(|(_, policy)| policy.validate.as_ref()).collect();
    let mut faults = Faults::default();
    let policies =
        given.iter().filter_map(|given| Validate::compile(given, &Pointer::default(), &mut faults));
    let policies: Vec<_> = policies.collect();
    assert!(faults.0.is_empty() && policies.len() == 2, "{faults:?}");
    let schema = given[1].body.schema.as_ref().expect("has a schema");
    let oracle = jsonschema::draft202012::options().build(&schema.value).expect("a good schema");
    Fixed { policies, oracle }
});

fuzz_target!(|bytes: &[u8]| {
    as_body(bytes);
    as_query(bytes);
});

fn as_body(bytes: &[u8]) {
    const HEAD: &[u8] =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n";
    let mut tape = Tape::default();
    let read = tape.read(bytes, 16).map(|document| document.values());
    let expected = serde_json::from_slice::<Value>(bytes);
    match (&read, &expected) {
        (Ok(_), Err(error)) => panic!("not JSON: {error}"),
        (Err(unread), Ok(_)) => {
            let stricter = matches!(unread.flaw, Flaw::DuplicateKey | Flaw::Inexact | Flaw::TooDeep);
            assert!(stricter, "refused: {unread}");
        }
        _ => {}
    }
    let (mut scratch, mut lines) = (Scratch::default(), Lines::new());
    request::parse(HEAD, &mut lines, &HeadLimits::default()).expect("a good head");
    let head = Head::new(HEAD, &lines);
    for (index, policy) in FIXED.policies.iter().enumerate() {
        let passed = policy.body(head, Some(bytes), &mut scratch).is_ok();
        bounded(&scratch);
        if bytes.is_empty() {
            continue;
        }
        let fits = |value: &Value| index == 0 || FIXED.oracle.is_valid(value);
        let deep = index == 0 && passed;
        assert!(deep || passed == (read.is_ok() && expected.as_ref().is_ok_and(fits)), "policy {index}");
    }
}

fn as_query(bytes: &[u8]) {
    let mut text = b"GET /?".to_vec();
    text.extend_from_slice(bytes);
    text.extend_from_slice(b" HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut lines = Lines::new();
    if request::parse(&text, &mut lines, &HeadLimits::default()).is_err() {
        return;
    }
    let head = Head::new(&text, &lines);
    let mut scratch = Scratch::default();
    let asked = Asked { head, length: Length::None, segment: |_: &str| None };
    let passed = FIXED.policies[1].head(&asked, &mut scratch);
    bounded(&scratch);
    if passed == Ok(Next::Pass) {
        let query = head.query().unwrap_or_default();
        let pairs = query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        assert!(pairs.count() <= 8, "the count is bounded");
    }
}

/// An answer is JSON, and does not grow with what was sent.
fn bounded(scratch: &Scratch) {
    let mut out = b"{".to_vec();
    scratch.violations.write(&mut out);
    out.push(b'}');
    let value: Value = serde_json::from_slice(&out).expect("an answer is JSON");
    assert!(value["errors"].as_array().is_some_and(|errors| errors.len() <= 10));
    assert!(out.len() < 32 * 1024, "{} bytes", out.len());
}
