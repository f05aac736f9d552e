use super::*;
use crate::base::{ClientAddr, Tick};
use crate::policy::fields::Identity;
use crate::wire::head::{Head, Lines};
use crate::wire::http1::framing::request_length;
use crate::wire::http1::{HeadLimits, request};

fn holds(condition: &str) -> Option<bool> {
    holds_of(
        condition,
        b"POST /orders/7?a=b HTTP/1.1\r\nHost: api.test\r\nX-A: 1\r\nx-a: 2\r\nCookie: c=d\r\n\r\n",
    )
}

fn holds_of(condition: &str, bytes: &[u8]) -> Option<bool> {
    let when =
        When::compile(condition, Phase::Transform).unwrap_or_else(|told| panic!("{condition}: {told:?}"));
    let mut lines = Lines::new();
    request::parse(bytes, &mut lines, &HeadLimits::default()).expect("parses");
    let facts = Facts {
        head: Head::new(bytes, &lines),
        ours: &Identity::default(),
        length: request_length(Head::new(bytes, &lines)).expect("is framed"),
        path: b"/orders/7",
        parameters: &[crate::policy::Parameter { name: "id".into(), segment: 1 }],
        client: "192.0.2.7".parse().ok(),
        peer: ClientAddr::Unix,
        certificate: None,
        is_https: true,
        host: b"API.test.:8080",
        listener: "public",
        route: "orders",
        request_id: b"id-1",
        now: Tick(1),
        unix_ms: 1,
        by: Tick::NEVER,
    };
    when.holds(&facts, &Passage::default(), &mut Evaluator::default())
}

#[test]
fn a_condition_reads_the_request() {
    for (condition, expected) in [
        (r#"request.method == "POST""#, Some(true)),
        (r#"request.path.startsWith("/orders/") && request.query == "a=b""#, Some(true)),
        (r#"request.headers["x-a"] == "1, 2""#, Some(true)),
        (r#""x-b" in request.headers"#, Some(false)),
        (r#"has(request.cookies.c) && request.cookies.c == "d""#, Some(true)),
        (r#"request.host == "api.test""#, Some(true)),
        (r#"request.parameters.id == "7" && client.ip == "192.0.2.7""#, Some(true)),
        (r#"request.scheme == "https" && listener == "public" && route != "x""#, Some(true)),
        (r#"caller.user == "" && size(caller.scopes) == 0"#, Some(true)),
        (r#"["GET", "POST"].exists(m, m == request.method)"#, Some(true)),
        (r#"has(caller.claims.dep)"#, Some(false)),
        // What cannot be told.
        (r#"caller.claims.dep == "x""#, None),
        (r#"request.headers["x-b"] == "1""#, None),
        ("caller.claims.dep", None),
        (r#"caller.claims.dep > 5"#, None),
        (r#"request.path + 1 == "x""#, None),
        ("1 / 0 == 1", None),
        // What decides by itself needs no other side.
        (r#"request.method == "GET" && caller.claims.dep == "x""#, Some(false)),
        (r#"caller.claims.dep == "x" || request.method == "POST""#, Some(true)),
    ] {
        assert_eq!(holds(condition), expected, "{condition}");
    }
}

#[test]
fn what_costs_too_much_cannot_be_told() {
    let turns = vec!["1"; 100].join(",");
    let condition = format!(r#"[{turns}].exists(turn, "x-none" in request.headers)"#);
    let request =
        |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(bytes));
    assert_eq!(holds_of(&condition, request(1_000).as_bytes()), Some(false));
    assert_eq!(holds_of(&condition, request(12_000).as_bytes()), None, "each turn reads all of it");
    // As many cookies as a head can have are still too many to loop over.
    let many = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", cookies_of(count));
    let condition = r#"request.cookies.all(name, name != "x")"#;
    assert_eq!(holds_of(condition, many(200).as_bytes()), Some(true));
    assert_eq!(holds_of(condition, many(2_100).as_bytes()), None);
}

fn cookies_of(count: usize) -> String {
    (0..count).map(|at| format!("c{at}=1")).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_cannot_be_meant_is_told_at_load() {
    let long = "1 == 1 && ".repeat(60) + "true";
    let repeated = format!("[1].all(a, {} a == 1)", "a == 1 && ".repeat(12));
    let wide = format!("{}true", " ".repeat(2050));
    let deep = format!("{}1{} == 1", "(".repeat(500), ")".repeat(500));
    for (condition, phase, expected) in [
        ("request.methd == \"POST\"", Phase::Transform, "there is no variable 'request.methd'"),
        ("user == \"ann\"", Phase::Transform, "there is no variable 'user'"),
        ("size(request) == 1", Phase::Transform, "'request' alone is no variable"),
        ("request.path.matches(\"a\")", Phase::Transform, "there is no function 'matches'"),
        ("caller.user == \"ann\"", Phase::Ip, "'caller.user' is not known yet"),
        ("[1].all(a, [2].all(b, a < b))", Phase::Transform, "a condition with a loop within a loop"),
        ("request.method ==", Phase::Transform, "'request.method ==' is no condition"),
        (&long, Phase::Transform, "a condition of"),
        (&wide, Phase::Transform, "a condition of 2054 bytes"),
        (&repeated, Phase::Transform, "a condition that repeats"),
        (&deep, Phase::Transform, "a condition nested 500 deep"),
    ] {
        let (message, _) =
            When::compile(condition, phase).err().unwrap_or_else(|| panic!("{condition} is taken"));
        assert!(message.starts_with(expected), "{condition}: {message}");
    }
}

#[test]
fn what_no_request_makes_true_is_told_at_load_with_what_was_meant() {
    for (condition, message, meant) in [
        (r#""X-Admin" in request.headers"#, "'X-Admin' is no name in request.headers", "'x-admin'"),
        (r#"request.headers["X-A"] == "1""#, "'X-A' is no name in request.headers", "'x-a'"),
        ("has(request.headers.Host)", "'Host' is no name in request.headers", "'host'"),
        (r#"!(request.method == "get")"#, "request.method is never 'get'", "'GET'"),
        (r#""Post" != request.method"#, "request.method is never 'Post'", "'POST'"),
        (r#"request.method in ["GET", "head"]"#, "request.method is never 'head'", "'HEAD'"),
        (
            r#"["GET"].exists(m, m == request.method || request.method == "put")"#,
            "request.method is never 'put'",
            "'PUT'",
        ),
        (r#"request.host == "Api.test""#, "request.host is never 'Api.test'", "'api.test'"),
        (r#"request.host == "api.test:8443""#, "request.host is never 'api.test:8443'", "'api.test'"),
        (r#"request.host == "api.test.""#, "request.host is never 'api.test.'", "'api.test'"),
        (r#"request.host.endsWith(".Test")"#, "request.host is never '.Test'", "'.test'"),
        (r#"request.scheme == "HTTPS""#, "request.scheme is never 'HTTPS'", "'https'"),
        (r#"request.path.startsWith("api")"#, "request.path is never 'api'", "'/api'"),
        (r#"request.path in ["/a", "b"]"#, "request.path is never 'b'", "'/b'"),
        (r#"client.ip == "2001:DB8::1""#, "client.ip is never '2001:DB8::1'", "'2001:db8::1'"),
    ] {
        let (told, fix) = When::compile(condition, Phase::Transform).expect_err(condition);
        assert_eq!(told, message, "{condition}");
        assert!(fix.starts_with(&format!("did you mean {meant}?")), "{condition}: {fix}");
    }
    for condition in [
        r#"request.headers["x-a"] == "X-A""#,
        r#"request.cookies["SID"] == "A" && "SID" in request.cookies"#,
        r#"request.host == "[::1]" || request.host.endsWith(".test")"#,
        r#"request.path == "/Api" && request.method == "M-SEARCH""#,
        r#"request.path.contains("api") && client.ip.startsWith("10.") && client.ip != "::1""#,
    ] {
        assert!(When::compile(condition, Phase::Transform).is_ok(), "{condition}");
    }
}

#[test]
fn what_does_not_fit_together_is_told_at_load() {
    for (condition, message) in [
        (r#"request.query["q"] == "1""#, "'request.query' is a text, and has no items"),
        ("request.query.q == \"1\"", "'request.query' is a text, and has no items"),
        (r#""q" in request.query"#, "'request.query' is a text, and nothing is in it"),
        (r#"request.headers["x-a"] > 5"#, "what stands here is a text, and is compared with a number"),
        ("request.parameters.id == 7", "'request.parameters.id' is a text, and is compared with a number"),
        ("client.ip > 5", "'client.ip' is a text, and is compared with a number"),
        ("route != true", "'route' is a text, and is compared with a truth value"),
        (r#"caller.scopes == "a""#, "'caller.scopes' is a list, and is compared with a text"),
        (r#"request.headers == "x""#, "'request.headers' is a map, and is compared with a text"),
        (r#"size(request.method) == "a""#, "size(…) is a number, and is compared with a text"),
        ("request.path.startsWith(5)", "startsWith() of a text and a number"),
        (r#"caller.scopes.contains("a")"#, "'caller.scopes' is a list, and contains() is of texts"),
        (r#""a" in caller.tier"#, "'caller.tier' is a text, and nothing is in it"),
        (r#"client.ip == "10.0.0.0/8""#, "client.ip is never '10.0.0.0/8'"),
    ] {
        let (told, _) = When::compile(condition, Phase::Transform).expect_err(condition);
        assert_eq!(told, message, "{condition}");
    }
    for condition in [
        r#"caller.scopes == ["a"] || "a" in caller.roles || size(caller.scopes) > 1"#,
        r#"int(request.headers["x-a"]) > 5 && string(5) == request.headers["x-a"]"#,
        r#"caller.claims.level > 3 && caller.claims["a"].b == "c" && "x" in caller.claims.groups"#,
        r#"type(request.method) == string && [1, 2].exists(n, n == size(request.path))"#,
    ] {
        assert!(When::compile(condition, Phase::Transform).is_ok(), "{condition}");
    }
}

#[test]
fn what_is_no_truth_value_is_told_at_load() {
    for (condition, message) in [
        ("request.method", "'request.method' is a text, and no condition"),
        ("listener", "'listener' is a text, and no condition"),
        ("caller.claims", "'caller.claims' is a map, and no condition"),
        (r#"request.headers["x-a"]"#, "what stands here is a text, and no condition"),
        ("request.cookies.sid", "'request.cookies.sid' is a text, and no condition"),
        ("size(request.method)", "size(…) is a value, and no condition"),
        ("1 + 1", "what stands here is a value, and no condition"),
        ("'GET'", "what stands here is a value, and no condition"),
        ("caller.roles.filter(role, role != 'a')", "what stands here is a list, and no condition"),
        (r#"!request.query && request.method == "GET""#, "'request.query' is a text, and no condition"),
        (r#"request.method == "GET" ? route : true"#, "'route' is a text, and no condition"),
    ] {
        let (told, _) = When::compile(condition, Phase::Transform).expect_err(condition);
        assert_eq!(told, message, "{condition}");
    }
    for condition in [
        "true",
        "caller.claims.trial",
        r#"caller.claims["trial"] || has(caller.claims.dep)"#,
        "bool(request.query)",
        "caller.roles.all(role, role != 'a') && caller.roles.exists_one(role, role == 'b')",
        "request.method == 'GET' ? caller.claims.trial : false",
    ] {
        assert!(When::compile(condition, Phase::Transform).is_ok(), "{condition}");
    }
}
