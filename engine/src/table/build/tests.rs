use super::*;
use crate::balance::Algorithm;
use crate::base::ListenerId;
use crate::config::Memory;
use crate::route::rewrite::Rewrite;
use crate::route::{Facts, Scratch};
use crate::table::End;
use crate::wire::head::{Head, Lines};

mod obtained;
mod sockets;
mod unmeant;

const GOOD: &str = "
listeners:
  - { name: public, bind: [127.0.0.1:8080, '[::1]:8080'] }
upstreams:
  orders: { endpoints: [{ address: 10.0.0.7:81, weight: 2 }, { address: 'orders.internal:82' }] }
  spare: { endpoints: [{ address: '[::1]:83' }], balance: least_connections, pool: { connections: 5, idle: 3s } }
routes:
  - name: orders
    match: { host: [api.example.com, '*.example.org'], path: /api/orders/* }
    rewrite: { strip_prefix: /api/ }
    upgrade: [websocket, MQTT]
    to: [{ upstream: orders, weight: 9 }, { upstream: spare, weight: 1 }]
  - name: rest
    timeouts: { total: 60s }
    to: spare
";

fn config(text: &str) -> Config {
    Memory::default().file("x.yaml", text).read("x.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// As the table's `build`, without files.
fn build(
    config: &Config,
    generation: Generation,
    previous: Option<&Table>,
) -> Result<(Table, Vec<Problem>), Problems> {
    let mut means = Means { files: &mut Memory::default(), now: Tick(1), offset: 0 };
    super::build(config, generation, previous, &mut means)
}

fn built(text: &str) -> (Table, Vec<Problem>) {
    build(&config(text), Generation(1), None).unwrap_or_else(|problems| panic!("{problems}"))
}

/// `line:column: message` and the fix of each problem, warnings too.
fn told(text: &str) -> Vec<String> {
    let problems = match build(&config(text), Generation(1), None) {
        Ok((_, warnings)) => Problems(warnings),
        Err(problems) => problems,
    };
    let line = |problem: &Problem| {
        let fix = problem.fix.as_deref().unwrap_or_default();
        format!("{}:{}: {} | {fix}", problem.line, problem.column, problem.message)
    };
    problems.0.iter().map(line).collect()
}

/// What is told of a good configuration with `from` in the place of `to`.
fn check(from: &str, to: &str, expected: &[&str]) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from}");
    assert_eq!(told(&text), expected);
}

#[test]
fn a_table_holds_what_was_written_and_the_defaults() {
    let (table, warnings) = built(GOOD);
    assert_eq!(warnings, []);
    let listener = &table.listeners[0];
    assert_eq!(listener.bind.len(), 2);
    assert_eq!((listener.limits.header_bytes, listener.limits.headers), (32 * 1024, 100));
    assert_eq!((listener.limits.target_bytes, listener.limits.body_bytes), (16 * 1024, None));
    let second = Duration::from_secs(1);
    assert_eq!(listener.timeouts.head, 10 * second);
    assert_eq!(listener.timeouts.tunnel_idle, 3600 * second);
    assert_eq!(table.gateway.connections, 50_000);
    let [orders, spare] = &table.upstreams[..] else { panic!("two upstreams") };
    let sources: Vec<_> = orders.sources.iter().map(|from| (from.target.to_string(), from.weight)).collect();
    assert_eq!(sources, [("10.0.0.7:81".to_owned(), 2), ("orders.internal:82".to_owned(), 1)]);
    let names =
        |upstream: &Upstream| upstream.endpoints.iter().map(|end| end.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(orders), ["10.0.0.7:81"], "what stands behind a name is found later");
    assert_eq!((orders.connections, orders.idle), (1024, 60 * second));
    assert_eq!(
        (spare.balance.algorithm, spare.connections, spare.idle),
        (Algorithm::LeastConnections, 5, 3 * second)
    );
    let route = &table.routes[0];
    let End::To(split) = &route.end else { panic!("it goes to upstreams") };
    let targets: Vec<_> = split.targets().iter().map(|target| (target.upstream, target.weight)).collect();
    assert_eq!(targets, [(orders.id, 9), (spare.id, 1)]);
    let rewrite = route.rewrite.as_ref().and_then(|change| change.path.as_ref());
    assert!(matches!(rewrite, Some(Rewrite::Strip(prefix)) if prefix == "/api"), "{rewrite:?}");
    assert_eq!(&*route.upgrade, &["mqtt".to_owned()][..]);
    assert_eq!((route.timeouts.connect, route.timeouts.total), (second / 2, None));
    assert_eq!(table.routes[1].timeouts.total, Some(60 * second));
    let lines = Lines::new();
    let taken = |host: &str, path: &str| {
        let head = Head::new(b"", &lines);
        let facts = Facts {
            host: host.as_bytes(),
            path: path.as_bytes(),
            method: b"GET",
            head,
            listener: ListenerId(0),
        };
        table.lookup.lookup(&facts, &Scratch::default()).map(|found| found.route)
    };
    assert_eq!(taken("x.example.org", "/api/orders/7"), Ok(RouteId(0)));
    assert_eq!(taken("other.org", "/api/orders/7"), Ok(RouteId(1)));
}

#[test]
fn an_upstream_may_have_a_file_instead() {
    let (table, warnings) =
        built(&GOOD.replace("endpoints: [{ address: '[::1]:83' }]", "endpoints_file: spare.txt"));
    let [_, spare] = &table.upstreams[..] else { panic!("two upstreams") };
    assert_eq!((spare.file.as_deref(), spare.sources.len()), (Some("spare.txt".as_ref()), 0));
    assert_eq!(warnings, []);
}

#[test]
fn a_resolver_has_servers_and_times_that_fit_together() {
    let gateway = "gateway: { resolver: { servers: [10.0.0.2, '[fd00::2]:5353'], ttl_max: 1h } }";
    let (table, _) = built(&format!("{gateway}\n{GOOD}"));
    let resolver = &table.gateway.resolver;
    assert_eq!(
        resolver.servers.iter().map(SocketAddr::to_string).collect::<Vec<_>>(),
        ["10.0.0.2:53", "[fd00::2]:5353"]
    );
    let second = Duration::from_secs(1);
    assert_eq!((resolver.timeout, resolver.stale), (2 * second, 30 * second));
    assert_eq!((resolver.ttl_min, resolver.ttl_max), (second, 3600 * second));
    let faulty = "gateway: { resolver: { timeout: 0s, ttl_min: 10ms, ttl_max: 5ms } }";
    let told = told(&format!("{faulty}\n{}", GOOD.trim_start()));
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn counts_go_on_by_name_in_the_next_generation() {
    let (first, _) = built(GOOD);
    assert!(first.upstreams[1].count.take(5) && first.listeners[0].count.take(5));
    let renamed = GOOD.replace("  orders:", "  other:").replace("upstream: orders", "upstream: other");
    let (second, _) = build(&config(&renamed), Generation(2), Some(&first)).unwrap();
    let now = |table: &Table| {
        let [orders, spare] = &table.upstreams[..] else { panic!("two upstreams") };
        (orders.count.now(), spare.count.now(), table.listeners[0].count.now())
    };
    assert!(first.upstreams[0].count.take(5));
    assert_eq!((now(&first), now(&second)), ((1, 1, 1), (0, 1, 1)));
}

#[test]
fn a_name_that_does_not_exist_is_an_error_with_the_nearest_one() {
    check(
        "upstream: orders",
        "upstream: order",
        &["12:22: there is no upstream 'order' | did you mean 'orders'?"],
    );
    check(
        "  - name: rest",
        "  - name: rest\n    policies: [jwt]",
        &["14:16: there is no policy 'jwt' | there are no policies"],
    );
}

#[test]
fn two_of_a_name_are_an_error() {
    check(
        "name: rest",
        "name: orders",
        &[
            "13:11: two routes are named 'orders' | it stands in x.yaml line 8 already; give this one another name",
        ],
    );
    check(
        "routes:",
        "  spare2: { endpoints: [] }\nroutes:",
        &[
            "7:13: upstream 'spare2' has no endpoints | add 'endpoints: [{ address: HOST:PORT }]' or 'endpoints_file: FILE'",
        ],
    );
}

#[test]
fn without_listeners_or_routes_there_is_nothing_to_run() {
    assert_eq!(
        told("version: 1"),
        [
            "1:1: there are no listeners | add 'listeners: [{ bind: 127.0.0.1:8080 }]'",
            "1:1: there are no routes | add 'routes: [{ name: all, match: { path: /* }, to: UPSTREAM }]'",
        ]
    );
    assert_eq!(told("version: 2").len(), 3);
}

#[test]
fn an_address_is_bound_once() {
    let twice = "127.0.0.1:8080, 0.0.0.0:8080";
    let message =
        "3:44: '0.0.0.0:8080' is bound by listener 'public' already | a listener needs a port of its own";
    check("127.0.0.1:8080", twice, &[message]);
    check(
        "127.0.0.1:8080",
        "'[::]:8080', 127.0.0.2:8080, 127.0.0.1:0, 127.0.0.1:0",
        &["3:83: '[::1]:8080' is bound by listener 'public' already | a listener needs a port of its own"],
    );
}

#[test]
fn what_is_no_address_is_told_with_the_one_that_was_meant() {
    for (bind, fix) in [
        ("8080", "did you mean '0.0.0.0:8080'?"),
        ("':8080'", "did you mean '0.0.0.0:8080'?"),
        ("127.0.0.1", "did you mean '127.0.0.1:8080'?"),
        ("localhost:8080", "did you mean '127.0.0.1:8080'?"),
        ("'*:80'", "write an address and a port, such as 127.0.0.1:8080 or [::]:8080"),
    ] {
        let text = bind.trim_matches('\'');
        let message =
            format!("3:28: '{text}' in 'bind' of listener 'public' is not an address and a port | {fix}");
        check("127.0.0.1:8080", bind, &[&message]);
    }
}

#[test]
fn an_endpoint_is_a_host_and_a_port() {
    for (address, expected) in [
        (
            "10.0.0.7:0",
            "is not where a server listens | write the server's own address and port, such as 10.0.0.7:8080",
        ),
        (
            "0.0.0.0:80",
            "is not where a server listens | write the server's own address and port, such as 10.0.0.7:8080",
        ),
        ("orders", "is not a host and a port | a port is missing: orders:80?"),
        ("http://orders/x", "is not a host and a port | write it without scheme and path: orders:80"),
        (
            "or ders:80",
            "is not a host and a port | write host:port, such as orders.internal:8080, 10.0.0.7:8080 or [::1]:8080",
        ),
        (
            "srv:orders.internal",
            "is not a service | write srv:_SERVICE._PROTOCOL.NAME, such as srv:_http._tcp.internal",
        ),
    ] {
        check("10.0.0.7:81", &format!("'{address}'"), &[&format!("5:36: '{address}' {expected}")]);
    }
}

#[test]
fn weights_that_send_nothing_anywhere_are_an_error() {
    let message =
        "12:9: the weights of route 'orders' are all zero | give at least one upstream a weight above 0";
    check(
        "weight: 9 }, { upstream: spare, weight: 1",
        "weight: 0 }, { upstream: spare, weight: 0",
        &[message],
    );
}

#[test]
fn a_prefix_that_no_path_has_is_a_warning() {
    for (paths, prefix, is_told) in [
        ("/api/orders/*", "/v1", true),
        ("/api/orders/*", "/api/orders/v1", false),
        ("/api/orders", "/api/orders/v1", true),
        ("/api/orders", "/api/order", true),
        ("'/api/{what}/*'", "/api/orders/v1", false),
        ("/*", "/v1", false),
        ("'regex:/v[0-9]+/.*'", "/x", false),
        ("[/api/orders, /v1/*]", "/v1", false),
    ] {
        let text = GOOD.replacen("path: /api/orders/*", &format!("path: {paths}"), 1);
        let told = told(&text.replacen("strip_prefix: /api/", &format!("strip_prefix: {prefix}"), 1));
        let expected = format!("10:30: no path that route 'orders' takes begins with '{prefix}' |");
        assert_eq!(
            told.iter().any(|line| line.starts_with(&expected)),
            is_told,
            "{paths} {prefix}: {told:?}"
        );
    }
}

#[test]
fn what_changes_nothing_is_a_warning() {
    for (from, to, expected) in [
        (
            "timeouts: { total: 60s }\n    to: spare",
            "timeouts: { total: 60s }\n    respond: { body: ok }",
            "14:5: route 'rest' has 'timeouts' and waits for no upstream | remove it",
        ),
        ("timeouts: { total: 60s }", "rewrite: {}", "14:5: 'rewrite' of route 'rest' changes nothing"),
        (
            "endpoints: [{ address: '[::1]:83' }]",
            "health: { path: /ready, port: 84 }, endpoints: [{ address: 'unix:/run/a' }]",
            "6:42: upstream 'spare' has servers on Unix sockets, which have no port to check",
        ),
        (
            "endpoints: [{ address: '[::1]:83' }]",
            "health: { path: /ready, interval: 1s, timeout: 3s }, endpoints: [{ address: '[::1]:83' }]",
            "6:59: 'timeout' of 3s is longer than 'interval' of 1s: a server that is silent is asked less often",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let told = told(&text);
        assert!(told.iter().any(|line| line.starts_with(expected)), "{expected}: {told:#?}");
    }
}

#[test]
fn a_list_of_no_targets_says_so() {
    let text = GOOD.replacen("[{ upstream: orders, weight: 9 }, { upstream: spare, weight: 1 }]", "[]", 1);
    let message = "12:9: route 'orders' has no target | write the name of an upstream, or a list of upstreams with weights";
    assert_eq!(told(&text), [message]);
}

#[test]
fn no_time_is_shorter_than_a_timer_or_a_cookie_tells() {
    let fix = "a timeout is at least 1ms; a very long one, such as 365d, is as good as none";
    for (text, message) in [
        ("0s", format!("'total' is zero | {fix}")),
        ("1us", format!("'total' is under 1ms | {fix}")),
        ("999us", format!("'total' is under 1ms | {fix}")),
    ] {
        check("total: 60s", &format!("total: {text}"), &[&format!("14:24: {message}")]);
    }
    assert!(told(&GOOD.replacen("total: 60s", "total: 1ms", 1)).is_empty());
    let short = "13:31: 'ttl' is under a second | write 1s or more: a cookie's age is told in whole seconds";
    check("upgrade:", "sticky: { cookie: a, ttl: 500ms }\n    upgrade:", &[&short.replace("13:", "11:")]);
    assert!(told(&GOOD.replacen("upgrade:", "sticky: { cookie: a, ttl: 1s }\n    upgrade:", 1)).is_empty());
}

#[test]
fn limits_fit_the_buffers_and_no_timeout_is_zero() {
    check(
        "name: public,",
        "name: public, limits: { header_bytes: 61KiB, connections: 0 }, timeouts: { idle: 0s },",
        &[
            "3:45: 'header_bytes' of 62464 bytes is out of range | write 1024B to 60KiB",
            "3:65: 'connections' is zero | give at least 1",
            "3:88: 'idle' is zero | a timeout is at least 1ms; a very long one, such as 365d, is as good as none",
        ],
    );
}

#[test]
fn hosts_and_paths_that_mean_nothing_are_errors() {
    check(
        "[api.example.com, '*.example.org'], path: /api/orders/*",
        "['api.example.com:80', 'a*.com'], path: ['/a*', b]",
        &[
            "9:21: host 'api.example.com:80' names a port; a rule takes a host on every port | write a name such as api.example.com or *.example.com",
            "9:43: host 'a*.com' has '*' that is not a whole first label | write a name such as api.example.com or *.example.com",
            "9:61: path '/a*' has '*' elsewhere than as its last segment | write /exact, /prefix/*, /users/{id}/orders or regex:EXPRESSION",
            "9:68: path 'b' does not begin with '/' | write /exact, /prefix/*, /users/{id}/orders or regex:EXPRESSION",
        ],
    );
}

#[test]
fn a_route_that_never_matches_is_a_warning() {
    let (_, warnings) = built(&GOOD.replace("    to: spare", "    to: spare\n  - { name: last, to: spare }"));
    assert_eq!(warnings[0].severity, Severity::Warning);
    assert_eq!(warnings[0].message, "route 'last' never sees this path: route 'rest' takes it");
    assert_eq!((warnings.len(), warnings[0].line, warnings[0].column), (1, 16, 5));
}

#[test]
fn credentials_for_the_origin_of_sandboxed_frames_are_a_warning() {
    for (origins, column, taken) in [
        ("['https://app.test', 'null']", Some(46), "null"),
        ("'null'", Some(25), "null"),
        ("'regex:.*'", Some(25), "regex:.*"),
        ("'https://app.test'", None, ""),
    ] {
        for credentials in [true, false] {
            let policy = format!("  p: {{ cors: {{ origins: {origins}, credentials: {credentials} }} }}");
            let (_, warnings) =
                built(&GOOD.replacen("routes:", &format!("policies:\n{policy}\nroutes:"), 1).replacen(
                    "    timeouts:",
                    "    policies: [p]\n    timeouts:",
                    1,
                ));
            let told: Vec<(u32, &str)> =
                warnings.iter().map(|problem| (problem.column, &*problem.message)).collect();
            let message = format!("credentials for the origin 'null', which '{taken}' takes");
            let expected = column.filter(|_| credentials).map(|column| (column, &*message));
            assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{origins} {credentials}");
        }
    }
}

#[test]
fn conditions_that_cannot_be_read_are_errors_at_their_place() {
    let match_of = |text: &str| GOOD.replacen("path: /api/orders/*", text, 1);
    for (text, expected) in [
        (
            "path: 'regex:/a(b'",
            "9:71: path 'regex:/a(b' is not a regular expression: unclosed group | write an expression that matches the whole path, such as regex:/v[0-9]+/.*",
        ),
        (
            "methods: [GET, get]",
            "9:71: 'get' is not a method | did you mean 'GET'? Methods are written as they are sent, in upper case",
        ),
        (
            "methods: [PSOT]",
            "9:66: 'PSOT' is not a method | did you mean 'POST'? Methods are written as they are sent, in upper case",
        ),
        (
            "methods: ['A B']",
            "9:66: 'A B' is not a method | write a method's name as it is sent, such as GET",
        ),
        (
            "methods: [CONNECT]",
            "9:66: CONNECT is never routed | remove it: CONNECT would make the gateway an open proxy",
        ),
        (
            "headers: { X-A: 'regex:*' }",
            "9:79: value 'regex:*' is not a regular expression: repetition operator missing expression | write a text, '*', or regex:EXPRESSION; exact:TEXT takes any text as it is",
        ),
        (
            "headers: { X-A: a, x-a: b }",
            "9:75: field 'x-a' stands here twice | names of fields are compared without case; keep one",
        ),
        ("headers: { 'X A': a }", "9:67: 'X A' is not a field's name | write the name of a field"),
        ("cookies: { 'a b': a }", "9:67: 'a b' is not a cookie's name | write the name of a cookie"),
        ("query: { '': a }", "9:65: '' is not a parameter's name | write the name of a parameter"),
    ] {
        assert_eq!(told(&match_of(text)), [expected], "{text}");
    }
    let fine = "methods: [GET, PURGE, PROPFIND], headers: { X-A: '*' }, cookies: { a: '' }, query: { 'a b': 'regex:x+' }";
    assert_eq!(told(&match_of(fine)), [""; 0]);
}

#[test]
fn rules_that_only_their_order_tells_apart_are_a_warning() {
    let text = GOOD
        .replace("to: spare\n", "match: { path: [/x, /y], methods: [GET, POST] }\n    to: spare\n")
        + "  - { name: last, match: { path: /y, methods: [POST, PUT] }, to: spare }\n";
    assert_eq!(
        told(&text),
        [
            "17:34: routes 'rest' and 'last' take some of the same requests at this path | 'rest' wins, as it comes first; let their conditions exclude each other"
        ]
    );
}

#[test]
fn a_route_has_one_end_and_passes_no_h2c() {
    check(
        "    to: spare",
        "    upgrade: [h2c, 'a b']",
        &[
            "13:5: route 'rest' goes nowhere | add 'to: UPSTREAM'",
            "15:15: h2c is never passed on | remove it: it would open a way round every policy",
            "15:20: 'a b' is not a protocol | write a protocol's name as it stands in Upgrade, such as websocket",
        ],
    );
}

#[test]
fn what_this_version_does_not_run_is_an_error_at_its_key() {
    for (from, to, expected) in [
        ("'[::1]:83' }]", "'[::1]:83' }], retry: { on: [reset] }", "6:50: retrying is"),
        ("'[::1]:83' }]", "'[::1]:83' }], breaker: {}", "6:50: breakers are"),
        ("    to: spare", "    to: spare\n    priority: high", "16:5: priority is"),
    ] {
        check(from, to, &[&format!("{expected} not available in this version | remove it")]);
    }
}

#[test]
fn values_from_elsewhere_are_never_told() {
    let text = GOOD
        .replace("127.0.0.1:8080", "'${env:A}'")
        .replace("10.0.0.7:81", "'${env:A}:81'")
        .replace("name: rest", "name: '${env:A}'")
        .replace("to: spare", "to: '${env:A}'")
        .replace("path: /api/orders/*", "path: '${env:A}'");
    let text = format!("access_log: {{ format: 'x%{{${{env:A}}}}' }}\n{text}");
    for value in ["hunter2", "hunter2?", "http://hunter2", "8080"] {
        let config = Memory::default().file("x.yaml", &text).env("A", value).read("x.yaml").unwrap();
        let problems = build(&config, Generation(1), None).err().unwrap().to_string();
        assert!(problems.contains("not shown") && !problems.contains("hunter2"), "{problems}");
        assert!(!problems.contains("'0.0.0.0:8080'"), "{problems}");
    }
}

#[test]
fn a_fault_in_a_log_format_is_told_at_its_letter() {
    let text = format!("{}\naccess_log: {{ format: \"%{{method}} %{{pth}}\" }}", GOOD.trim_end());
    assert!(
        told(&text)[0].starts_with("16:36: '%{method} %{pth}' is not a log format: "),
        "{:?}",
        told(&text)
    );
}

#[test]
fn ten_thousand_faulty_routes_end_soon_and_in_bounded_output() {
    let mut text = GOOD.to_owned();
    for index in 0..10_000 {
        text.push_str(&format!("  - {{ name: r{index}, match: {{ path: /r{index} }}, to: none{index} }}\n"));
    }
    assert_eq!(told(&text).len(), PROBLEMS_MAX);
}

#[test]
fn an_error_behind_many_warnings_refuses_all_the_same() {
    let mut text = "listeners: [{ bind: 127.0.0.1:8080 }]\n\
                    routes: [{ name: all, respond: { body: ok } }]\nupstreams:\n"
        .to_owned();
    for at in 0..=PROBLEMS_MAX {
        text +=
            &format!("  u{at}: {{ endpoints: [{{ address: 127.0.0.1:81 }}], tls: {{ verify: false }} }}\n");
    }
    text += "  last: { endpoints: [{ address: 127.0.0.1:81 }], pool: { connections: 0 } }\n";
    let told = told(&text);
    assert!(told.iter().any(|line| line.contains("'connections' is zero")), "{}", told.len());
}
