mod suite;

use super::*;
use crate::config::Memory;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request};

/// The policy with this text under `validate`, and further files beside it.
fn compile(text: &str, files: &[(&str, &str)]) -> Result<Validate, Vec<String>> {
    let text = format!("policies:\n  p:\n    validate: {text}\n");
    let memory = files
        .iter()
        .fold(Memory::default().file("etc/x.yaml", text), |memory, (name, text)| memory.file(name, text));
    let config = memory.read("etc/x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
    let given = config.policies.0[0].1.validate.as_ref().expect("is there");
    let mut faults = Faults::default();
    let at = Pointer::default().key("policies").key("p").key("validate");
    let policy = Validate::compile(given, &at, &mut faults);
    if let (Some(policy), true) = (policy, faults.0.is_empty()) {
        return Ok(policy);
    }
    let told = faults.0.into_iter().map(|fault| {
        let place = fault.place.unwrap_or_else(|| config.origin.place(&fault.at, fault.part));
        format!("{}:{}:{}: {}", place.file, place.line, place.column, fault.message)
    });
    Err(told.collect())
}

fn policy(text: &str) -> Validate {
    compile(text, &[]).unwrap_or_else(|told| panic!("{told:?}"))
}

/// How a request ends: its status, and what is wrong with it.
fn asked(policy: &Validate, head: &str, body: Option<&[u8]>) -> (u16, Vec<String>) {
    let text = format!("{}\r\nHost: a\r\n\r\n", head.replace('\n', "\r\n"));
    let mut lines = Lines::new();
    request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a head");
    let head = Head::new(text.as_bytes(), &lines);
    let length = crate::wire::http1::framing::request_length(head).expect("is framed");
    // The second segment of the path is its `id`.
    let segment =
        |name: &str| (name == "id").then(|| head.path().split(|byte| *byte == b'/').nth(2)).flatten();
    let mut scratch = Scratch::default();
    let ended = match policy.head(&Asked { head, length, segment }, &mut scratch) {
        Ok(Next::Body(most)) => {
            let body = body.filter(|body| body.len() as u64 <= most);
            policy.body(head, body, &mut scratch)
        }
        Ok(Next::Pass) => Ok(()),
        Err(refused) => Err(refused),
    };
    let status = match ended {
        Ok(()) => return (200, Vec::new()),
        Err(refusal) => refusal.cause.status(),
    };
    let told = scratch.violations.list().iter();
    (status, told.map(|one| format!("{} | {} | {}", one.at, one.rule, one.message)).collect())
}

#[track_caller]
fn check(policy: &Validate, head: &str, body: Option<&str>, status: u16, expected: &[&str]) {
    let found = asked(policy, head, body.map(str::as_bytes));
    assert_eq!(
        (found.0, found.1.iter().map(String::as_str).collect::<Vec<_>>()),
        (status, expected.to_vec()),
        "{head}"
    );
}

/// A POST of `body` as JSON.
#[track_caller]
fn post(policy: &Validate, body: &str, status: u16, expected: &[&str]) {
    let head = format!("POST /u HTTP/1.1\nContent-Type: application/json\nContent-Length: {}", body.len());
    check(policy, &head, Some(body), status, expected);
}

#[test]
fn without_rules_all_that_is_well_formed_passes() {
    let policy = policy("{}");
    check(&policy, "GET / HTTP/1.1", None, 200, &[]);
    check(&policy, "GET /?a=1&a=2&&b&=c HTTP/1.1", None, 200, &[]);
    check(&policy, "POST / HTTP/1.1\nContent-Length: 99999999999", None, 200, &[]);
    check(
        &policy,
        "GET /?a=%zz HTTP/1.1",
        None,
        400,
        &["query# | query | has a '%' without two hexadecimal digits behind it"],
    );
    check(&policy, "GET /?%ff HTTP/1.1", None, 400, &["query# | query | is not UTF-8"]);
}

#[test]
fn fields_must_be_there_fit_and_be_short() {
    let policy = policy(
        "{ headers: { required: [X-Tenant], value_bytes: 16B, fields: { X-Count: { type: integer, maximum: 9 }, X-Tag: { type: array, items: { enum: [a, b] } } } } }",
    );
    check(&policy, "GET / HTTP/1.1\nx-tenant: t", None, 200, &[]);
    check(&policy, "GET / HTTP/1.1\nX-Tenant:\nX-COUNT: 9\nX-Tag: a\nX-Tag: b", None, 200, &[]);
    check(
        &policy,
        "GET / HTTP/1.1\nX-Count: 10\nX-Tag: c\nX-Long: 0123456789abcdefg",
        None,
        400,
        &[
            "headers#/x-long | headers.value_bytes | is longer than 16 bytes",
            "headers#/x-tenant | headers.required | is not there",
            "headers#/x-count | headers.fields.x-count#/maximum | is greater than 9",
            "headers#/x-tag/0 | headers.fields.x-tag#/items/enum | is none of the accepted values",
        ],
    );
    check(
        &policy,
        "GET / HTTP/1.1\nX-Tenant: a\nX-Count: 1\nX-Count: 1",
        None,
        400,
        &["headers#/x-count | headers.fields.x-count | is given more than once"],
    );
    check(
        &policy,
        "GET / HTTP/1.1\nX-Tenant: a\nX-Count: one",
        None,
        400,
        &["headers#/x-count | headers.fields.x-count#/type | is not of type integer"],
    );
}

#[test]
fn a_segment_is_decoded_and_read_as_its_type_says() {
    let policy = policy("{ path: { id: { type: integer, minimum: 1 } } }");
    check(&policy, "GET /u/17 HTTP/1.1", None, 200, &[]);
    check(&policy, "GET /u/%31%37 HTTP/1.1", None, 200, &[]);
    for (path, expected) in [
        ("/u/0", "path#/id | path.id#/minimum | is less than 1"),
        ("/u/x", "path#/id | path.id#/type | is not of type integer"),
        ("/u/1.5", "path#/id | path.id#/type | is not of type integer"),
        ("/u/01", "path#/id | path.id#/type | is not of type integer"),
        ("/u/+1", "path#/id | path.id#/type | is not of type integer"),
        ("/u/%ff", "path#/id | path | is not UTF-8"),
        ("/u", "path#/id | path | is not there"),
    ] {
        check(&policy, &format!("GET {path} HTTP/1.1"), None, 400, &[expected]);
    }
    let policy =
        compile("{ path: { id: { type: string, pattern: \"^[a-z /]+$\" } } }", &[]).expect("compiles");
    check(&policy, "GET /u/a%20b%2Fc HTTP/1.1", None, 200, &[]);
    assert_eq!(policy.segments().collect::<Vec<_>>(), ["id"]);
}

#[test]
fn parameters_are_decoded_read_by_type_and_told_by_name() {
    let policy = policy(
        "{ query: { required: [page], others: false, bytes: 64B, count: 5, parameters: { \
         page: { type: integer, minimum: 1 }, \"a b\": { type: boolean }, tag: { type: array, items: { type: string, maxLength: 3 }, maxItems: 2, uniqueItems: true }, \
         price: { type: [number, \"null\"] }, \"n[]\": { type: array, items: { type: number } }, free: { enum: [1, x] } } } }",
    );
    for query in [
        "page=1",
        "p%61ge=%31&a+b=true&a%20b",
        "page=2&tag=a&tag=b",
        "page=3&price=-1.5e3",
        "page=4&n[]=1&n%5B%5D=2.5",
        "page=5&free=x",
        "page=6&&",
    ] {
        let expected: &[&str] = match query.contains("a%20b") {
            true => &["query#/a b | query.parameters.a b | is given more than once"],
            false => &[],
        };
        check(
            &policy,
            &format!("GET /?{query} HTTP/1.1"),
            None,
            if expected.is_empty() { 200 } else { 400 },
            expected,
        );
    }
    for (query, expected) in [
        ("", &["query#/page | query.required | is not there"][..]),
        ("?", &["query#/page | query.required | is not there"]),
        ("?page=0", &["query#/page | query.parameters.page#/minimum | is less than 1"]),
        ("?page=", &["query#/page | query.parameters.page#/type | is not of type integer"]),
        ("?page", &["query#/page | query.parameters.page#/type | is not of type integer"]),
        ("?page=1&page=1", &["query#/page | query.parameters.page | is given more than once"]),
        ("?page=1&x/y=1", &["query#/x~1y | query.others | is not an accepted parameter"]),
        ("?page=1&tag=a&tag=a", &["query#/tag | query.parameters.tag#/uniqueItems | has an item twice"]),
        (
            "?page=1&tag=a&tag=long",
            &["query#/tag/1 | query.parameters.tag#/items/maxLength | is longer than 3 characters"],
        ),
        ("?page=1&n[]=x", &["query#/n[]/0 | query.parameters.n[]#/items/type | is not of type number"]),
        ("?page=1&free=1", &["query#/free | query.parameters.free#/enum | is none of the accepted values"]),
        ("?page=1&a+b=TRUE", &["query#/a b | query.parameters.a b#/type | is not of type boolean"]),
        ("?page=%", &["query# | query | has a '%' without two hexadecimal digits behind it"]),
        ("?page=1%00", &["query# | query | has a NUL"]),
        ("?a=1&b=2&c=3&d=4&e=5&f=6", &["query# | query.count | has more than 5 parameters"]),
        (
            "?page=00000000000000000000000000000000000000000000000000000000001",
            &["query#/page | query.parameters.page#/type | is not of type integer"],
        ),
        (
            "?page=000000000000000000000000000000000000000000000000000000000001",
            &["query# | query.bytes | is longer than 64 bytes"],
        ),
    ] {
        check(&policy, &format!("GET /{query} HTTP/1.1"), None, 400, expected);
    }
}

#[test]
fn bodies_are_required_and_forbidden_by_method() {
    let policy = policy("{ body: { required: [POST, PUT], forbidden: [GET] } }");
    check(&policy, "GET / HTTP/1.1", None, 200, &[]);
    check(&policy, "PATCH / HTTP/1.1", None, 200, &[]);
    check(&policy, "POST / HTTP/1.1\nContent-Length: 1", None, 200, &[]);
    check(
        &policy,
        "GET / HTTP/1.1\nContent-Length: 1",
        None,
        400,
        &["body# | body.forbidden | is there, and this method has none"],
    );
    check(&policy, "GET / HTTP/1.1\nContent-Length: 0", None, 200, &[]);
    check(&policy, "PUT / HTTP/1.1", None, 400, &["body# | body.required | is not there"]);
    // An origin that does not mind the case takes it for POST.
    check(&policy, "post / HTTP/1.1", None, 400, &["body# | body.required | is not there"]);
    check(
        &policy,
        "POST / HTTP/1.1\nContent-Length: 0",
        None,
        400,
        &["body# | body.required | is not there"],
    );
    let policy = super::tests::policy("{ body: { required: [any], schema: {} } }");
    let chunked = "POST / HTTP/1.1\nContent-Type: application/json\nTransfer-Encoding: chunked";
    check(&policy, chunked, Some(""), 400, &["body# | body.required | is not there"]);
    check(&policy, chunked, Some("1"), 200, &[]);
}

#[test]
fn nothing_of_unknown_length_is_no_body() {
    let forbids = policy("{ body: { forbidden: [DELETE] } }");
    let typed = policy("{ body: { types: [text/plain] } }");
    let strict = policy("{ body: { schema: {} } }");
    let chunked = |fields: &str| format!("DELETE / HTTP/1.1\n{fields}Transfer-Encoding: chunked");
    let (plain, json) = ("Content-Type: text/plain\n", "Content-Type: application/json\n");
    let forbidden = "body# | body.forbidden | is there, and this method has none";
    let (missing, other) = (
        "headers#/content-type | body.types | is not there",
        "headers#/content-type | body.types | is not accepted",
    );
    for (policy, fields, status, expected) in [
        (&forbids, "", 400, &[forbidden][..]),
        (&typed, "", 400, &[missing]),
        (&typed, json, 415, &[other]),
        (&typed, plain, 200, &[]),
        (&strict, "", 400, &[missing]),
        (&strict, plain, 415, &[other]),
        (&strict, json, 200, &[]),
    ] {
        check(policy, &chunked(fields), Some(""), 200, &[]);
        check(policy, &chunked(fields), Some("1"), status, expected);
        // Who waits for a 100 has one, and is not told to send it in vain.
        check(policy, &chunked(&format!("{fields}Expect: 100-continue\n")), Some("1"), status, expected);
    }
    let waits = chunked("Expect: 100-continue\n");
    check(&forbids, &waits, Some(""), 400, &[forbidden]);
}

#[test]
fn a_body_is_of_an_accepted_type_or_415_and_says_so_or_400() {
    let policy = policy("{ body: { schema: {} } }");
    let with = |fields: &str| format!("POST / HTTP/1.1\n{fields}Content-Length: 2");
    for (fields, status, expected) in [
        ("Content-Type: application/json\n", 200, &[][..]),
        ("Content-Type: application/merge-patch+json; charset=\"UTF-8\"\n", 200, &[]),
        ("Content-Type: application/json\nContent-Encoding: identity\n", 200, &[]),
        ("", 400, &["headers#/content-type | body.types | is not there"]),
        ("Content-Type: json\n", 400, &["headers#/content-type | body.types | is not one content type"]),
        (
            "Content-Type: application/json; charset=utf-8; charset=x\n",
            400,
            &["headers#/content-type | body.types | is not one content type"],
        ),
        (
            "Content-Type: application/json\nContent-Type: text/plain\n",
            400,
            &["headers#/content-type | body.types | is not one content type"],
        ),
        ("Content-Type: text/plain\n", 415, &["headers#/content-type | body.types | is not accepted"]),
        (
            "Content-Type: application/json; charset=latin1\n",
            415,
            &["headers#/content-type | body.schema | has a charset that is not UTF-8"],
        ),
        (
            "Content-Type: application/json\nContent-Encoding: gzip\n",
            415,
            &["headers#/content-encoding | body.schema | is not accepted: the body cannot be read"],
        ),
    ] {
        check(&policy, &with(fields), Some("{}"), status, expected);
    }
    check(&policy, "GET / HTTP/1.1", None, 200, &[]);
}

#[test]
fn a_body_past_its_bound_is_413_however_its_length_is_told() {
    let policy = policy("{ body: { bytes: 4B, types: [text/*] } }");
    let text = |length: &str| format!("POST / HTTP/1.1\nContent-Type: text/plain\n{length}");
    check(&policy, &text("Content-Length: 4"), None, 200, &[]);
    check(&policy, &text("Content-Length: 5"), None, 413, &["body# | body.bytes | is larger than 4 bytes"]);
    check(&policy, &text("Transfer-Encoding: chunked"), Some("1234"), 200, &[]);
    check(
        &policy,
        &text("Transfer-Encoding: chunked"),
        Some("12345"),
        413,
        &["body# | body.bytes | is larger than 4 bytes"],
    );
    let policy = super::tests::policy("{ body: { schema: {} } }");
    let json = "POST / HTTP/1.1\nContent-Type: application/json\nContent-Length: 1048577";
    check(&policy, json, None, 413, &["body# | body.bytes | is larger than 1048576 bytes"]);
}

#[test]
fn the_answer_names_the_place_the_rule_and_no_value() {
    let policy = policy(
        "{ errors: 20, body: { schema: { type: object, required: [name, items], additionalProperties: false, properties: { \
         name: { type: string, minLength: 2, pattern: \"^[a-z]+$\" }, card: { const: 4 }, \
         items: { type: array, minItems: 1, items: { type: object, properties: { price: { type: number, exclusiveMinimum: 0, multipleOf: 0.5 } }, required: [price] } } } } } }",
    );
    post(&policy, r#"{"name":"abc","items":[{"price":1.5}],"card":4}"#, 200, &[]);
    post(
        &policy,
        r#"{"name":"S3CRET!","items":[{"price":-1},{},{"price":"S3CRET"},{"price":0.3}],"card":"S3CRET","a/b":1,"b":1,"c":1,"d":1}"#,
        400,
        &[
            "body#/name | body.schema#/properties/name/pattern | does not match the pattern",
            "body#/items/0/price | body.schema#/properties/items/items/properties/price/exclusiveMinimum | is not greater than 0",
            "body#/items/1 | body.schema#/properties/items/items/required | has no 'price'",
            "body#/items/2/price | body.schema#/properties/items/items/properties/price/type | is not of type number",
            "body#/items/3/price | body.schema#/properties/items/items/properties/price/multipleOf | is not a multiple of 0.5",
            "body#/card | body.schema#/properties/card/const | is not the accepted value",
            "body# | body.schema#/additionalProperties | has members that are not accepted: 'a/b', 'b', 'c' and 1 more",
        ],
    );
    post(&policy, "[]", 400, &["body# | body.schema#/type | is not of type object"]);
}

#[test]
fn errors_are_told_up_to_a_bound() {
    let policy = policy("{ errors: 3, body: { schema: { items: { type: string } } } }");
    let found = asked(
        &policy,
        "POST / HTTP/1.1\nContent-Type: application/json\nContent-Length: 2",
        Some(b"[1,2,3,4,5]"),
    );
    assert_eq!(found.1.len(), 3);
    // Of a document with very many values only the first is searched for.
    let body = format!("[{}1]", "1,".repeat(100_000));
    let found = asked(
        &policy,
        "POST / HTTP/1.1\nContent-Type: application/json\nContent-Length: 2",
        Some(body.as_bytes()),
    );
    assert_eq!(found.1, ["body#/0 | body.schema#/items/type | is not of type string"]);
}

#[test]
fn a_body_that_is_not_strict_json_is_told_with_its_place() {
    let policy = policy("{ body: { schema: {}, depth: 3 } }");
    for (body, expected) in [
        ("{\"a\":[1,}", "body#/a/1 | json.syntax | is not JSON (line 1, byte 9)"),
        ("{\"a\":{\"b\":1,\"b\":2}}", "body#/a/b | json.duplicate_key | has a key twice (line 1, byte 7)"),
        ("[[[[]]]]", "body#/0/0/0 | json.depth | is nested too deeply (line 1, byte 4)"),
        ("[1e999]", "body#/0 | json.number | has a number that 64 bits do not keep (line 1, byte 2)"),
        ("\n\"\\ud800\"", "body# | json.text | has an escape that stands for no character (line 2, byte 2)"),
    ] {
        post(&policy, body, 400, &[expected]);
    }
    let head = "POST / HTTP/1.1\nContent-Type: application/json\nContent-Length: 3";
    assert_eq!(
        asked(&policy, head, Some(b"\"\xff\"")).1,
        ["body# | json.utf8 | is not UTF-8 (line 1, byte 2)"]
    );
}

#[test]
fn format_is_a_rule_only_where_that_is_asked() {
    let schema = "body: { schema: { type: string, format: date-time } }";
    post(&policy(&format!("{{ {schema} }}")), "\"yesterday\"", 200, &[]);
    let strict = policy(&format!("{{ assert_format: true, {schema} }}"));
    post(&strict, "\"2026-11-28T20:00:00Z\"", 200, &[]);
    post(&strict, "\"yesterday\"", 400, &["body# | body.schema#/format | is not a valid date-time"]);
}

const ORDER: &str = r##"{ "properties": { "to": { "$ref": "address.json" }, "sum": { "$ref": "../money#/$defs/sum" }, "home": { "$ref": "../address" }, "tax": { "$ref": "https://example.com/tax" } } }"##;

#[test]
fn schemas_refer_to_each_other_by_path_name_and_uri() {
    let files = [
        ("etc/s/order.json", ORDER),
        ("etc/s/address.json", r#"{ "required": ["zip"] }"#),
        ("etc/tax.yaml", "$id: https://example.com/tax\ntype: number\n"),
    ];
    let text = "{ body: { schema: s/order.json }, schemas: { address: s/address.json, tax: tax.yaml, money: { $defs: { sum: { type: integer } } } } }";
    let policy = compile(text, &files).unwrap_or_else(|told| panic!("{told:?}"));
    post(&policy, r#"{"to":{"zip":1},"sum":1,"tax":0.5}"#, 200, &[]);
    post(
        &policy,
        r#"{"to":{},"sum":1.5,"tax":""}"#,
        400,
        &[
            "body#/to | address.json#/required | has no 'zip'",
            "body#/sum | money#/$defs/sum/type | is not of type integer",
            "body#/tax | https://example.com/tax#/type | is not of type number",
        ],
    );
}

#[test]
fn a_schema_that_cannot_be_compiled_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (text, expected) in [
        ("{ body: { schema: { type: strin } } }", "0:3:41: not a JSON Schema"),
        ("{ body: { schema: { properties: { a: { minLength: -1 } } } } }", "0:3:65: not a JSON Schema"),
        ("{ body: { schema: { pattern: \"(?=a)\" } } }", "0:3:44: not a JSON Schema"),
        ("{ body: { schema: { pattern: \"(\" } } }", "0:3:44: not a JSON Schema"),
        ("{ body: { schema: { $ref: \"#/$defs/no\" } } }", "0:3:41: a reference leads nowhere"),
        ("{ body: { schema: { allOf: [{ $ref: other.json }] } } }", "0:3:51: a reference leads nowhere"),
        ("{ body: { schema: { $ref: \"https://example.com/x\" } } }", "0:3:41: a reference leads nowhere"),
        (
            "{ body: { schema: { $schema: \"http://json-schema.org/draft-07/schema#\" } } }",
            "0:3:44: the dialect",
        ),
        ("{ schemas: { a: { items: 5 } } }", "0:3:40: not a JSON Schema"),
        ("{ schemas: { a: { $ref: nowhere } } }", "0:3:39: a reference leads nowhere"),
        ("{ schemas: { \"http://[\": {} } }", "0:3:28: 'http://[' cannot name a schema"),
        ("{ query: { parameters: { a: { type: no } } } }", "0:3:51: not a JSON Schema"),
        ("{ query: { count: 0 } }", "0:3:33: 'count' is 0"),
        ("{ errors: 0 }", "0:3:25: 'errors' is 0"),
        ("{ body: { depth: 129 } }", "0:3:32: 'depth' is 129"),
        ("{ body: { schema: {}, bytes: 1GiB } }", "0:3:44: a body of that size"),
        ("{ body: { types: [json] } }", "0:3:33: 'json' is not a content type"),
        ("{ body: { required: [post] } }", "0:3:36: 'post' is not a method"),
        ("{ body: { required: [POST], forbidden: [POST] } }", "0:3:55: POST both must and must not"),
        ("{ headers: { required: [\"a b\"] } }", "0:3:39: 'a b' is not a field's name"),
    ] {
        let told = compile(text, &[]).err().unwrap_or_else(|| panic!("{text} compiles"));
        if !(told.len() == 1 && told[0].starts_with(expected)) {
            wrong.push(format!("{text}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = compile("{ body: { schema: s.json } }", &[("etc/s.json", "{\n \"type\": \"no\" }")])
        .expect_err("is refused");
    assert!(told[0].starts_with("1:2:10: not a JSON Schema"), "{told:?}");
}

#[test]
fn a_recursive_schema_ends_in_bounded_time_whatever_is_sent() {
    let policy = policy(
        "{ body: { depth: 128, schema: { anyOf: [{ type: string }, { type: array, items: { $ref: \"#\" } }, { type: array, minItems: 1, items: { $ref: \"#\" } }, \
         { oneOf: [{ type: array, contains: { $ref: \"#\" } }, { type: array, items: { $ref: \"#\" } }] }] } } }",
    );
    for levels in [1, 5, 7, 30, 127] {
        let body = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let found = asked(
            &policy,
            "POST / HTTP/1.1\nContent-Type: application/json\nContent-Length: 2",
            Some(body.as_bytes()),
        );
        assert_eq!(found.0, 400, "{levels}");
        assert!(!found.1.is_empty());
        let body = format!("{}\"a\"{}", "[".repeat(levels), "]".repeat(levels));
        post(&policy, &body, 200, &[]);
    }
}
