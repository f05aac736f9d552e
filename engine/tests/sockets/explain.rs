//! `explain` holds what it says: each request is explained and then sent, byte by byte the same, through a gateway with the
//! same configuration. Status, reason, route, upstream, endpoint, and what the origin is asked must be as explained.

mod policies;

use crate::requests::request;
use crate::support::{Driver, Gateway, Ids, Setup, each_driver, run_with, three_fresh};
use ringgate::control::explain::read_request;
use serde_json::Value;
use tools::upstream::Origin;

const ROUTES: &[&str] = &[
    "match: { host: api.test, path: /api/*, methods: [GET, PUT] }, to: origin, rewrite: { strip_prefix: /api }",
    "match: { host: '*.test', path: '/u/{id}/orders', headers: { X-Kind: 'regex:[a-z]+' } }, to: keyed, rewrite: { path: '/o/{id}', host: inner.test }",
    "match: { host: re.test, path: ['regex:/v[0-9]/.*', /exact], query: { q: '1' } }, to: keyed",
    "match: { path: /split/*, cookies: { side: '*' } }, sticky: { cookie: side }, to: [{ upstream: origin, weight: 3 }, { upstream: keyed, weight: 1 }]",
    "match: { path: /canary }, to: [{ upstream: origin, weight: 1 }, { upstream: keyed, when: { headers: { X-Canary: yes-please } } }]",
    "match: { path: /old/* }, redirect: { scheme: https, prefix: /new }",
    "match: { path: /teapot }, respond: { status: 418, body: short }",
    "match: { host: 'only.test', path: /* }, to: nobody",
    "match: { host: 'api.test', path: /bad/* }, to: origin, rewrite: { regex: { match: '^/bad/(.*).$', to: '/$1' } }",
    "match: { host: '[::1]', path: /* }, to: keyed",
];

/// What is typed, and its fields. `ID` is a number that no other request has.
const REQUESTS: &[(&str, &[&str])] = &[
    ("http://api.test/api/orders/7?ID", &[]),
    ("DELETE http://api.test/api/orders/7?ID", &[]),
    ("http://API.test:80/api/%6frders/./x/../7?ID&a=%2F", &[]),
    ("http://api.test/api/a%2Fb/..%2f7?ID", &[]),
    ("http://api.test/api/../../7?ID", &[]),
    ("http://api.test/api/%zz?ID", &[]),
    ("http://x.y.test/u/7/orders?ID", &["X-Kind: abc", "X-User: one"]),
    ("http://x.y.test/u/7/orders?ID", &["X-Kind: a", "X-Kind: b", "X-User: one"]),
    ("http://re.test/v1/x?ID&q=1", &["X-User: two"]),
    ("http://re.test/exact?ID&q=%31", &["X-User: three"]),
    ("http://re.test/v1/x?ID&q=2", &[]),
    ("http://a/split/7?ID", &["Cookie: side=ann"]),
    ("http://a/split/7?ID", &["Cookie: side=bob"]),
    ("http://a/split/7?ID", &["Cookie: side=eve; side=bob"]),
    ("http://a/canary?ID", &["X-Canary: yes-please", "X-User: four"]),
    ("http://a/canary?ID", &["X-Canary: no"]),
    ("http://a.test:8080/old/x?ID", &[]),
    ("http://a.test//old/x?ID", &[]),
    ("HEAD http://a/teapot", &[]),
    ("http://only.test/7?ID", &[]),
    ("http://api.test/bad/%2F?ID", &[]),
    ("http://api.test/bad/xy?ID", &[]),
    ("http://[::1]:99/7?ID", &["X-User: five"]),
    ("http://[::1]x/7?ID", &[]),
    ("http://u:p@a/7?ID", &[]),
    ("/7?ID", &[]),
    ("/7?ID", &["Host: a", "Host: a"]),
    ("http://a/7?ID", &["Host: only.test"]),
    ("GET http://only.test/7?ID HTTP/1.1", &["Host: a"]),
    ("GET http://only.test HTTP/1.1", &["Host: b"]),
    ("GET /7?ID HTTP/1.0", &[]),
    ("GET /7?ID HTTP/2.0", &["Host: a"]),
    ("GET  /7?ID HTTP/1.1", &["Host: a"]),
    ("GET ID HTTP/1.1", &["Host: a"]),
    ("OPTIONS *", &["Host: a", "X-User: six"]),
    ("OPTIONS http://a/7?ID", &["Max-Forwards: 0"]),
    ("OPTIONS http://a/7?ID", &["Max-Forwards: 1"]),
    ("TRACE http://a/7?ID", &["Max-Forwards: 0"]),
    ("GET *", &["Host: a"]),
    ("CONNECT a:443", &[]),
    ("http://a/7?ID", &["Bad Name: 1"]),
    ("http://a/7?ID", &[" X: folded"]),
    ("http://a/7?ID", &["X : 1"]),
    ("http://a/7?ID", &[": 1"]),
    ("http://a/7?ID", &["Expect: a-miracle"]),
    ("http://a/7?ID", &["Content-Length: 1", "Content-Length: 2"]),
    ("http://a/7?ID", &["Content-Length: 1", "Transfer-Encoding: chunked"]),
    ("PUT http://a/7?ID", &["Content-Length: 2000"]),
    ("PUT http://a/7?ID", &["Content-Length: 0"]),
    ("http://a/<7>?ID", &[]),
    ("http://a/\u{e9}?ID", &[]),
    ("http://a/\\7?ID", &[]),
    ("PURGE http://api.test/api/x?ID", &[]),
    ("http://a/7?ID", &["Connection: upgrade", "Upgrade: h2c"]),
    ("http://a/7?ID", &["X-Forwarded-Host: evil.test", "X-Forwarded-For: 9.9.9.9"]),
];

fn setup(driver: Driver, origin: &Origin, keyed: &[Origin]) -> String {
    let numbered = ROUTES.iter().enumerate();
    let routes = numbered.map(|(at, route)| format!("- {{ name: r{at}, {route} }}\n")).collect();
    let ends: Vec<String> = keyed.iter().map(|end| format!("{{ address: \"{}\" }}", end.addr())).collect();
    let upstreams = format!(
        "  keyed: {{ endpoints: [{}], balance: {{ consistent_hash: header.X-User }} }}\n  \
           nobody: {{ endpoints_file: /nowhere/at/all }}\n",
        ends.join(", ")
    );
    let setup = Setup { routes, upstreams, limits: "body_bytes: 1KiB", ..Setup::of(origin) };
    setup.text(driver)
}

fn phase<'r>(report: &'r Value, name: &str) -> &'r Value {
    let phases = report["phases"].as_array().expect("there are phases");
    phases.iter().find(|phase| phase["phase"] == name).unwrap_or(&Value::Null)
}

#[test]
fn what_is_explained_is_what_a_gateway_does() {
    each_driver(|driver| {
        let origin = Origin::start();
        let keyed = [Origin::start(), Origin::start(), Origin::start()];
        let text = setup(driver, &origin, &keyed);
        let gateway = Gateway::with(&text, 1);
        // Log lines come in batches: all are sent before any is looked for.
        let mut asked = Vec::new();
        for (typed, fields) in REQUESTS {
            let id = Ids::next();
            let typed = typed.replace("ID", &id);
            // The origin answers in the same way whatever it is asked for.
            let mut fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            fields.push("X-Origin: /ok".to_owned());
            let mut words = vec!["explain", "-f", "FILE", typed.as_str(), "--json"];
            fields.iter().for_each(|field| words.extend(["-H", field]));
            let output = run_with(&words, &text, "");
            let told = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(0), "{typed}: {}", String::from_utf8_lossy(&output.stderr));
            let report: Value = serde_json::from_str(&told).expect("is JSON");

            let mut client = gateway.connect();
            client.send(read_request(&typed, &fields).expect("is a request"));
            let reply = client.reply_to(typed.trim_start().split(' ').next().unwrap());
            asked.push((format!("{typed} {fields:?}"), id, report, client.addr(), reply));
        }
        let mut kinds = std::collections::BTreeMap::new();
        for (typed, id, report, client, reply) in asked {
            let log = gateway.log_of(client);
            let about = format!("{typed}\n{log}\n{report:#}");
            let outcome = &report["outcome"];
            let kind = outcome["kind"].as_str().expect("has a kind").to_owned();
            match kind.as_str() {
                "forwards" => {
                    assert_eq!(reply.status, 200, "{about}");
                    assert_eq!(outcome["upstream"], log["upstream"], "{about}");
                    assert_eq!(outcome["endpoint"], log["endpoint"], "{about}");
                    let forward = &phase(&report, "forward")["facts"];
                    let line = format!(
                        "{} {} HTTP/1.1",
                        log["method"].as_str().unwrap(),
                        forward["target"].as_str().unwrap()
                    );
                    let host = format!("Host: {}", forward["host"].as_str().unwrap());
                    let all = [&origin].into_iter().chain(&keyed);
                    let at = all
                        .into_iter()
                        .find(|at| at.addr().to_string() == log["endpoint"])
                        .expect("is one of them");
                    if typed.contains(&id) {
                        let seen = request(at, &id).text();
                        assert!(seen.starts_with(&line) && seen.contains(&host), "{seen}\n{about}");
                    }
                }
                "redirects" => {
                    assert_eq!(reply.value("location"), outcome["location"].as_str(), "{about}");
                    assert_eq!(u64::from(reply.status), outcome["status"], "{about}");
                }
                _ => assert_eq!(u64::from(reply.status), outcome["status"], "{about}"),
            }
            if kind == "refused" {
                assert_eq!(outcome["reason"], log["reason"], "{about}");
                let last = report["phases"].as_array().and_then(|phases| phases.last()).expect("has one");
                let detail = log.get("detail").and_then(Value::as_str).unwrap_or_default();
                assert_eq!(last["detail"].as_str(), Some(detail), "{about}");
                if let Some(allow) = phase(&report, "route")["facts"].get("allow") {
                    assert_eq!(reply.value("allow"), allow.as_str(), "{about}");
                }
            }
            if phase(&report, "route")["verdict"] == "pass" {
                assert_eq!(phase(&report, "route")["facts"]["route"], log["route"], "{about}");
            } else {
                assert_eq!(Value::Null, log["route"], "{about}");
            }
            *kinds.entry(kind).or_insert(0) += 1;
        }
        assert_eq!(kinds.len(), 4, "every kind of end is met: {kinds:?}");
        three_fresh(&gateway);
    });
}

const SMALL: &str = "version: 1\nlisteners: [{ name: in, bind: 127.0.0.1:0 }]\n\
    upstreams: { a: { endpoints: [{ address: '10.0.0.7:80' }] }, b: { endpoints: [{ address: '10.0.0.8:80' }] } }\n\
    routes: [{ name: all, match: { path: /* }, to: a }]\n";

#[test]
fn exit_codes_part_bad_configurations_from_bad_requests() {
    let bad = SMALL.replace("to: a", "to: c");
    for (words, text, other, code, says) in [
        (&["http://x/"][..], SMALL, SMALL, 0, "sent to 10.0.0.7:80 of upstream a"),
        (&["/"], SMALL, SMALL, 0, "answered with 400"),
        (&["http://x/"], &bad, SMALL, 1, "there is no upstream 'c'"),
        (&["http://x/", "--against", "OTHER"], SMALL, &bad, 1, "there is no upstream 'c'"),
        (&["x.test/"], SMALL, SMALL, 2, "did you mean http://x.test/?"),
        (&["http://x/", "-H", "A: b\r\nC: d"], SMALL, SMALL, 2, "holds a line break"),
        (&["http://x/", "--listener", "out"], SMALL, SMALL, 2, "known listeners: in"),
        (&["http://x/", "--client", "nobody"], SMALL, SMALL, 2, "is no address"),
        (&[], SMALL, SMALL, 2, "required"),
    ] {
        let output = run_with(&[&["explain", "-f", "FILE"], words].concat(), text, other);
        let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
}

#[test]
fn two_files_are_compared_for_one_request() {
    let other = SMALL.replace("to: a", "rewrite: { prefix: /v2 }, to: b");
    let said = |words: &[&str], other: &str| {
        let output = run_with(
            &[&["explain", "-f", "FILE", "--against", "OTHER", "http://x/y"], words].concat(),
            SMALL,
            other,
        );
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = said(&[], &other);
    for change in [
        "split.upstream: a -> b",
        "forward.target: /y -> /v2/y",
        "balance.endpoint: 10.0.0.7:80 -> 10.0.0.8:80",
        "outcome: sent to 10.0.0.7:80 of upstream a -> sent to 10.0.0.8:80 of upstream b",
    ] {
        assert!(told.contains(change), "{change}: {told}");
    }
    assert!(said(&[], SMALL).ends_with("nothing changes for this request"));
    // What decides nothing is told by its keys.
    let small = SMALL
        .replace("{ name: all, ", "{ policies: [p], name: all, ")
        .replace("routes:", "policies: { p: { headers: { request: { set: { X-A: b } } } } }\nroutes:");
    let more = small
        .replace("to: a", "timeouts: { total: 9s }, to: a")
        .replace("X-A: b", "X-A: c")
        .replace("'10.0.0.7:80' }]", "'10.0.0.7:80' }], pool: { idle: 9s }")
        .replace("bind: 127.0.0.1:0", "limits: { body_bytes: 1KiB }, bind: 127.0.0.1:0");
    let output = run_with(&["explain", "-f", "FILE", "--against", "OTHER", "http://x/y"], &small, &more);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "nothing that is told above changes",
        "written otherwise in listener 'in': limits",
        "written otherwise in route 'all': timeouts",
        "written otherwise in upstream 'a': pool",
        "written otherwise in policy 'p': headers.request.set.X-A",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let json: Value = serde_json::from_str(&said(&["--json"], &other)).expect("is JSON");
    let changes = json["changes"].as_array().expect("is a list");
    assert!(
        changes
            .iter()
            .any(|one| one["what"] == "forward.target" && one["before"] == "/y" && one["after"] == "/v2/y")
    );
    assert_eq!(json["before"]["outcome"]["upstream"], "a");
}
