//! Metrics over sockets: what is counted of what, in both forms, as Prometheus' own checker reads it, and within the cap.

use super::{ask, with_admin};
use crate::support::{Client, Driver, Gateway, Setup, each_driver};
use crate::tls::files::Folder;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tools::load::{Plan, Url, run};
use tools::upstream::Origin;

pub(crate) fn scrape(admin: SocketAddr) -> String {
    let reply = ask(admin, "/metrics").expect(200);
    assert_eq!(reply.value("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    reply.text()
}

/// The value of a series, which is named with its labels.
pub(crate) fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not on the page:\n{page}")).parse().expect("is a number")
}

/// Scrapes until `holds`: counts of an exchange stand a moment after its answer.
pub(crate) fn scrape_until(admin: SocketAddr, what: &str, holds: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + crate::support::PATIENCE;
    loop {
        let page = scrape(admin);
        if holds(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{what}:\n{page}");
    }
}

#[test]
fn each_exchange_counts_where_it_was() {
    each_driver(|driver| {
        let origin = Origin::start();
        let routes = "- { name: here, match: { host: a, path: /here }, respond: { body: ok } }\n".to_owned();
        let setup = Setup { shards: 2, routes, host: "a", ..Setup::of(&origin) };
        let (gateway, admin) = with_admin(driver, setup);
        let get = |host: &str, path: &str| {
            gateway.connect().send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).reply().status
        };
        origin.script("busy", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        for _ in 0..40 {
            assert_eq!(get("a", "/ok"), 200);
        }
        assert_eq!(get("a", "/script/busy"), 503);
        assert_eq!(get("a", "/here"), 200);
        assert_eq!(get("barrier.test", "/"), 502);
        assert_eq!(get("b", "/"), 404);
        let all = "ringgate_request_duration_seconds_count{listener=\"public\"}";
        let page = scrape_until(admin, "44 exchanges", |page| value(page, all) == 44.0);
        let connections = origin.connections();
        let origin = format!("upstream=\"origin\",endpoint=\"{}\"", origin.addr());
        for (series, expected) in [
            ("ringgate_requests_total{listener=\"public\",class=\"2xx\"}", 41.0),
            ("ringgate_requests_total{listener=\"public\",class=\"4xx\"}", 1.0),
            ("ringgate_requests_total{listener=\"public\",class=\"5xx\"}", 2.0),
            ("ringgate_route_requests_total{route=\"all\",class=\"2xx\"}", 40.0),
            ("ringgate_route_requests_total{route=\"all\",class=\"5xx\"}", 1.0),
            ("ringgate_route_requests_total{route=\"here\",class=\"2xx\"}", 1.0),
            ("ringgate_route_duration_seconds_count{route=\"all\"}", 41.0),
            ("ringgate_route_requests_total{route=\"(overflow)\",class=\"2xx\"}", 0.0),
            ("ringgate_upstream_requests_total{upstream=\"origin\",class=\"2xx\"}", 40.0),
            ("ringgate_upstream_first_byte_seconds_count{upstream=\"origin\"}", 41.0),
            ("ringgate_upstream_first_byte_seconds_count{upstream=\"nowhere\"}", 0.0),
            (&format!("ringgate_endpoint_replies_total{{{origin}}}"), 41.0),
            (&format!("ringgate_endpoint_errors_total{{{origin}}}"), 1.0),
            (&format!("ringgate_endpoint_failures_total{{{origin}}}"), 0.0),
            ("ringgate_endpoint_failures_total{upstream=\"nowhere\",endpoint=\"127.0.0.1:1\"}", 1.0),
            ("ringgate_reasons_total{reason=\"no_route\"}", 1.0),
            ("ringgate_reasons_total{reason=\"upstream_connect\"}", 1.0),
            ("ringgate_generation", 1.0),
            ("ringgate_generations_in_use", 1.0),
            ("ringgate_draining", 0.0),
        ] {
            assert_eq!(value(&page, series), expected, "{series}");
        }
        let made = value(&page, "ringgate_upstream_connections_new_total");
        let reused = value(&page, "ringgate_upstream_connections_reused_total");
        assert!(made + reused == 41.0 && made == connections as f64, "{made} were made, {reused} used again");
        let kind = if driver == Driver::Epoll { "epoll" } else { "io_uring" };
        let info = page.lines().find(|line| line.starts_with("ringgate_driver_info{"));
        assert!(
            info.is_some_and(|info| info.contains(kind) && info.contains("fell_back=\"false\"")),
            "{info:?}"
        );
        assert!(value(&page, "process_resident_memory_bytes") > 1e6);
        let phases = "gateway_overhead_seconds_count{phase=\"parse\"}";
        assert!(value(&page, phases) >= 1.0, "the first of 32 is timed");
        // What only a shard knows is told by its sweep.
        let idle =
            |page: &str| value(page, &format!("ringgate_endpoint_idle_connections{{{origin}}}")) >= 1.0;
        scrape_until(admin, "idle connections are told", idle);
    });
}

#[test]
fn a_connection_that_was_refused_before_it_asked_anything_is_no_request() {
    each_driver(|driver| {
        let origin = Origin::start();
        let (listener, limits) = ("proxy_protocol: { from: [127.0.0.1] }", "connections: 1");
        let (gateway, admin) = with_admin(driver, Setup { listener, limits, ..Setup::of(&origin) });
        let reason = |name: &str| format!("ringgate_reasons_total{{reason=\"{name}\"}}");
        gateway.connect().send("no header\r\n\r\n").end();
        scrape_until(admin, "the first is told and gone", |page| {
            value(page, &reason("proxy_protocol")) == 1.0
                && value(page, "ringgate_listener_connections{listener=\"public\"}") == 0.0
        });
        let mut held = gateway.connect();
        let asks = "PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
        held.send(asks).reply().expect(200);
        gateway.connect().reply().expect(503);
        let page = scrape_until(admin, "the second is told", |page| {
            value(page, &reason("connection_cap")) == 1.0 && value(page, &reason("ok")) == 1.0
        });
        for (series, expected) in [
            ("ringgate_request_duration_seconds_count{listener=\"public\"}", 1.0),
            ("ringgate_requests_total{listener=\"public\",class=\"2xx\"}", 1.0),
            ("ringgate_requests_total{listener=\"public\",class=\"5xx\"}", 0.0),
            ("ringgate_requests_total{listener=\"public\",class=\"none\"}", 0.0),
        ] {
            assert_eq!(value(&page, series), expected, "{series}");
        }
    });
}

#[test]
fn each_policy_counts_what_it_did() {
    let origin = Origin::start();
    let top = "admin: { bind: 127.0.0.1:0 }\npolicies:\n  net: { ip: { deny: [10.0.0.0/8] } }\n  key: { api_key: \
        { header: X-API-Key } }\n  watch: { limit: { rate: 1/h, key: global }, mode: shadow }\nconsumers: [{ name: acme, \
        api_keys: [acme-key-0123456789] }]";
    let routes =
        "- { name: kept, match: { path: /kept }, policies: [net, key, watch], respond: { body: ok } }\n";
    let setup = Setup { top: top.to_owned(), routes: routes.to_owned(), ..Setup::of(&origin) };
    let gateway = Gateway::start(Driver::Epoll, &setup);
    let admin: SocketAddr = super::address(&gateway).parse().unwrap();
    let get = |fields: &str| {
        let head = format!("GET /kept HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        gateway.connect().send(head).reply().status
    };
    assert_eq!(get(""), 401);
    for _ in 0..3 {
        assert_eq!(get("X-API-Key: acme-key-0123456789\r\n"), 200);
    }
    let page = scrape_until(admin, "three passed", |page| {
        value(page, "ringgate_policy_passed_total{policy=\"key\"}") == 3.0
    });
    for (series, expected) in [
        ("ringgate_policy_passed_total{policy=\"net\"}", 4.0),
        ("ringgate_policy_refused_total{policy=\"key\",reason=\"unauthenticated\"}", 1.0),
        ("ringgate_policy_shadow_refused_total{policy=\"key\"}", 0.0),
    ] {
        assert_eq!(value(&page, series), expected, "{series}");
    }
    let watched = ["passed", "shadow_refused"]
        .map(|outcome| value(&page, &format!("ringgate_policy_{outcome}_total{{policy=\"watch\"}}")));
    assert!(watched[0] >= 1.0 && watched[1] >= 2.0, "the limit of one an hour: {watched:?}");
    assert!(!page.contains("policy=\"net\",reason"), "a reason stands there once there is one");
}

#[test]
fn a_reader_who_accepts_open_metrics_gets_it() {
    let origin = Origin::start();
    let (_gateway, admin) = with_admin(Driver::Epoll, Setup::of(&origin));
    let accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nAccept: {accept}\r\n\r\n");
    let reply = Client::connect(admin).send(head).reply().expect(200);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.value("content-type"), Some(kind));
    let page = reply.text();
    assert!(page.ends_with("\n# EOF\n"));
    assert!(page.contains("\n# TYPE ringgate_requests counter\nringgate_requests_total{"), "{page}");
}

/// Runs `promtool check metrics` on a page; none where there is no promtool.
pub(crate) fn promtool(page: &str) -> Option<(bool, String)> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn promtool_finds_nothing_wrong_with_a_scrape_under_load() {
    let Some((false, _)) = promtool("a_total{ 1\n") else {
        println!("left out: there is no promtool (Debian's package prometheus has it)");
        return;
    };
    each_driver(|driver| {
        let origin = Origin::start();
        let (gateway, admin) = with_admin(driver, Setup { shards: 2, ..Setup::of(&origin) });
        let url: Url = format!("http://{}/ok", gateway.addr()).parse().unwrap();
        let load = std::thread::spawn(move || run(&Plan { connections: 8, seconds: 1.0, ..Plan::new(url) }));
        let busy =
            |page: &str| value(page, "ringgate_requests_total{listener=\"public\",class=\"2xx\"}") > 100.0;
        let page = scrape_until(admin, "the load runs", busy);
        let (passes, said) = promtool(&page).expect("it ran before");
        assert!(passes && said.is_empty(), "{said}");
        assert_eq!(load.join().unwrap().unwrap().errors.total(), 0);
    });
}

/// 10,000 routes, each to four upstreams.
fn many(origin: SocketAddr) -> (String, String) {
    let sides: Vec<String> = (0..4).map(|side| format!("{{ upstream: u{side} }}")).collect();
    let sides = sides.join(", ");
    let upstreams = (0..4).map(|side| format!("  u{side}: {{ endpoints: [{{ address: \"{origin}\" }}] }}\n"));
    let route = |n: u32| format!("- {{ name: route-{n}, match: {{ path: /r{n} }}, to: [{sides}] }}\n");
    (upstreams.collect(), (0..10_000).map(route).collect())
}

#[test]
fn ten_thousand_routes_are_scraped_whole_while_requests_run() {
    let origin = Origin::start();
    let (upstreams, routes) = many(origin.addr());
    let (gateway, admin) =
        with_admin(Driver::Epoll, Setup { shards: 2, upstreams, routes, ..Setup::of(&origin) });
    gateway.connect().send("GET /r7777 HTTP/1.1\r\nHost: a\r\n\r\n").reply();
    let mut best = Duration::MAX;
    let mut page = String::new();
    for _ in 0..5 {
        let began = Instant::now();
        page = scrape(admin);
        best = best.min(began.elapsed());
    }
    println!("{} lines, {} bytes, scraped in {best:?} at best", page.lines().count(), page.len());
    let series = "ringgate_route_duration_seconds_bucket{route=\"route-7777\",le=\"+Inf\"}";
    assert_eq!(value(&page, series), 1.0);
    assert_eq!(value(&page, "ringgate_route_requests_total{route=\"(overflow)\",class=\"2xx\"}"), 0.0);
    assert!(page.lines().count() > 290_000);
}

#[test]
fn names_past_the_cap_are_counted_under_one_name() {
    let origin = Origin::start();
    let routes: String = (0..500)
        .map(|n| format!("- {{ name: route-{n}, match: {{ path: /r{n} }}, respond: {{ body: ok }} }}\n"))
        .collect();
    let top = "admin: { bind: 127.0.0.1:0, series: 1000 }".to_owned();
    let gateway = Gateway::start(Driver::Epoll, &Setup { top, routes, ..Setup::of(&origin) });
    let admin: SocketAddr = super::address(&gateway).parse().unwrap();
    for n in [0, 499] {
        let request = format!("GET /r{n} HTTP/1.1\r\nHost: a\r\n\r\n");
        gateway.connect().send(request).reply().expect(200);
    }
    let overflow = "ringgate_route_requests_total{route=\"(overflow)\",class=\"2xx\"}";
    let page = scrape_until(admin, "the last route counts", |page| value(page, overflow) == 1.0);
    assert_eq!(value(&page, "ringgate_route_requests_total{route=\"route-0\",class=\"2xx\"}"), 1.0);
    assert!(!page.contains("route-499"));
    assert!(value(&page, "ringgate_metric_series") <= 1000.0);
    assert_eq!(value(&page, "ringgate_metric_series_limit"), 1000.0);
    let past = value(&page, "ringgate_metric_names_past_limit");
    assert!(past > 470.0);
    // An unchanged file has as many.
    gateway.hangup();
    gateway.serves(2);
    let alone = |page: &str| value(page, "ringgate_generations_in_use") == 1.0;
    let page = scrape_until(admin, "the first table is gone", alone);
    assert_eq!(value(&page, "ringgate_metric_names_past_limit"), past);
    // Whole tables of series of names, and what there is of the process.
    let names = page.lines().filter(|line| line.contains("route=")).count();
    assert!(names < 1000, "{names}");
}

#[test]
fn an_endpoint_that_left_its_list_leaves_the_page() {
    let (origin, folder) = (Origin::start(), Folder::new());
    folder.put("list", b"127.0.0.1:3\n");
    let upstreams = format!("  listed: {{ endpoints_file: {} }}\n", folder.path("list").display());
    let routes = "- { name: listed, match: { path: /listed }, to: listed }\n".to_owned();
    let (_gateway, admin) = with_admin(Driver::Epoll, Setup { upstreams, routes, ..Setup::of(&origin) });
    let has =
        |page: &str, port: u16| page.contains(&format!("upstream=\"listed\",endpoint=\"127.0.0.1:{port}\""));
    let before = value(&scrape_until(admin, "it is listed", |page| has(page, 3)), "ringgate_metric_series");
    folder.put("list", b"127.0.0.1:4\n");
    let page = scrape_until(admin, "another is listed in its place", |page| has(page, 4) && !has(page, 3));
    assert_eq!(value(&page, "ringgate_metric_series"), before, "it takes up no room");
}

#[test]
fn a_refused_reload_changes_nothing_of_what_is_shown() {
    let origin = Origin::start();
    let with = |top: &str, host: &'static str| Setup {
        top: format!("admin: {{ bind: 127.0.0.1:0 }}\n{top}"),
        gateway: "watch: false",
        host,
        ..Setup::of(&origin)
    };
    let policy = with("policies: { known: { ip: { allow: [127.0.0.1] } } }", "a").text(Driver::Epoll);
    let policy = policy.replace("to: origin", "policies: [known], to: origin");
    let gateway = Gateway::start(Driver::Epoll, &with("", "a"));
    let admin: SocketAddr = super::address(&gateway).parse().unwrap();
    gateway.replace(&policy);
    gateway.hangup();
    gateway.serves(2);
    let of = "ringgate_policy_passed_total{policy=\"known\"}";
    let before = value(&scrape(admin), "ringgate_metric_series");
    assert_eq!(value(&scrape(admin), of), 0.0);
    // Another one without policies, whose address somebody else has.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = format!("listeners:\n- {{ name: busy, bind: \"{}\" }}\n", taken.local_addr().unwrap());
    let other = with("", "a").text(Driver::Epoll);
    assert!(other.contains("listeners:\n"), "{other}");
    gateway.replace(&other.replacen("listeners:\n", &busy, 1));
    gateway.hangup();
    assert!(gateway.refused(1).join("\n").contains("cannot bind"));
    let page = scrape(admin);
    assert_eq!((value(&page, of), value(&page, "ringgate_metric_series")), (0.0, before));
    assert!(!page.contains("ringgate_policy_passed_total{policy=\"(overflow)\"}"));
}

#[test]
fn names_keep_their_counts_over_a_reload_and_go_with_their_last_table() {
    each_driver(|driver| {
        let origin = Origin::start();
        let setup = |routes: &str| Setup {
            top: "admin: { bind: 127.0.0.1:0 }".to_owned(),
            shards: 2,
            gateway: "watch: false",
            routes: routes.to_owned(),
            ..Setup::of(&origin)
        };
        let old = setup("- { name: old, match: { path: /old }, respond: { body: old } }\n");
        let new = setup("- { name: new, match: { path: /new }, respond: { body: new } }\n");
        let gateway = Gateway::start(driver, &old);
        let admin: SocketAddr = super::address(&gateway).parse().unwrap();
        for path in ["/ok", "/old"] {
            gateway.connect().send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).reply().expect(200);
        }
        let of = |route: &str| format!("ringgate_route_requests_total{{route=\"{route}\",class=\"2xx\"}}");
        scrape_until(admin, "both count", |page| value(page, &of("all")) + value(page, &of("old")) == 2.0);
        gateway.replace(&new.text(driver));
        gateway.hangup();
        gateway.serves(2);
        // The old table is freed when both shards have let go of it.
        let page = scrape_until(admin, "the old route is gone", |page| !page.contains("route=\"old\""));
        assert_eq!((value(&page, &of("all")), value(&page, &of("new"))), (1.0, 0.0));
        for path in ["/ok", "/new"] {
            gateway.connect().send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).reply().expect(200);
        }
        let counted = |page: &str| value(page, &of("all")) == 2.0 && value(page, &of("new")) == 1.0;
        let page = scrape_until(admin, "the new table counts on", counted);
        for (series, expected) in [
            ("ringgate_generation", 2.0),
            ("ringgate_generations_in_use", 1.0),
            ("ringgate_reloads_total{outcome=\"done\"}", 1.0),
            (
                &format!(
                    "ringgate_endpoint_replies_total{{upstream=\"origin\",endpoint=\"{}\"}}",
                    origin.addr()
                ),
                2.0,
            ),
        ] {
            assert_eq!(value(&page, series), expected, "{series}");
        }
    });
}
