//! Reports of requests on tables made of a text; that a gateway does what they say is tested over sockets.

mod gateway_api;
mod policies;

use super::{Ground, Listing, Report, Station, explain, read_request};
use crate::base::{ClientAddr, Generation, ListenerId, Tick};
use crate::config::Memory;
use crate::table::build;
use crate::table::{Table, Upstream};
use std::time::Duration;

fn table(text: &str) -> Table {
    let config = Memory::default().file("a.yaml", text).env("KEY", "sesame").read("a.yaml");
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let mut files = Memory::default().file("ca.pem", include_bytes!("../../../tests/data/origins/ca.pem"));
    let mut means = build::Means { files: &mut files, now: Tick(1), offset: 0 };
    build::build(&config, Generation(7), None, &mut means).unwrap_or_else(|problems| panic!("{problems}")).0
}

fn report(table: &Table, line: &str, fields: &[&str], listing: Listing) -> Report {
    let ground = Ground {
        table,
        listener: ListenerId(0),
        now: Tick(0),
        unix_ms: NOW_MS,
        keys: &[],
        station: &Station::at_rest,
    };
    report_on(&ground, line, fields, listing)
}

fn report_on(ground: &Ground<'_>, line: &str, fields: &[&str], listing: Listing) -> Report {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let bytes = read_request(line, &fields).expect("is a request");
    let client = ClientAddr::Ip("203.0.113.7:4711".parse().expect("is an address"));
    explain(ground, &bytes, client, listing).expect("is a head")
}

/// A moment of the wall clock.
const NOW_MS: u64 = 1_700_000_000_000;

const HEAD: &str = "version: 1\nlisteners: [{ name: public, bind: '127.0.0.1:0' }]\n";

#[test]
fn who_does_not_come_by_https_is_sent_there_before_any_route_is_looked_for() {
    let text = "version: 1\ngateway: { trusted_proxies: [203.0.113.0/24] }
listeners: [{ name: public, bind: '127.0.0.1:0', redirect_https: true }]
routes: [{ name: here, match: { path: /here }, respond: { body: ok } }]\n";
    let table = table(text);
    let told = |line: &str, fields: &[&str]| report(&table, line, fields, Listing::Fitting).to_string();
    let sent = told("http://a.test:8080/nowhere?b=c", &[]);
    assert!(sent.contains("redirect_https"), "{sent}");
    assert!(sent.contains("redirected with 308 to https://a.test/nowhere?b=c"), "{sent}");
    let stays = told("http://a.test/here", &["X-Forwarded-Proto: https"]);
    assert!(!stays.contains("redirect_https") && stays.contains("200"), "{stays}");
}

#[test]
fn whether_an_upstream_has_to_prove_who_it_is_is_told() {
    let text = format!(
        "{HEAD}upstreams:
  plain: {{ endpoints: [{{ address: '10.0.0.7:81' }}] }}
  proven: {{ endpoints: [{{ address: '10.0.0.7:81' }}], tls: {{ roots: ca.pem }} }}
  any: {{ endpoints: [{{ address: '10.0.0.7:81' }}], tls: {{ verify: false }} }}
routes: [{{ name: plain, match: {{ path: /plain }}, to: plain }}, {{ name: proven, match: {{ path: /proven }}, to: proven }}, {{ name: any, match: {{ path: /any }}, to: any }}]
"
    );
    let table = table(&text);
    for (name, expected) in [("plain", ""), ("proven", ", over TLS"), ("any", ", over TLS, whoever answers")]
    {
        let found = report(&table, &format!("http://a.test/{name}"), &[], Listing::Fitting).to_string();
        let line = format!("10.0.0.7:81 of {name}, round_robin{expected}\n");
        assert!(found.contains(&line), "{found}");
    }
}

#[test]
fn a_report_reads_as_a_line_a_phase_with_what_was_chosen_from_below() {
    let text = format!(
        "{HEAD}gateway: {{ trusted_proxies: [203.0.113.0/24] }}
upstreams:
  orders: {{ endpoints: [{{ address: '10.0.0.7:81', weight: 2 }}, {{ address: 'orders.internal:82' }}] }}
  v2: {{ endpoints: [{{ address: '10.0.0.9:81' }}, {{ address: '10.0.0.8:81', priority: 1 }}], balance: {{ consistent_hash: header.X-User }} }}
routes:
  - {{ name: mobile, match: {{ host: a.test, path: /o/*, methods: [PUT] }}, to: v2 }}
  - {{ name: split, match: {{ host: '*.test', path: '/o/{{id}}' }}, rewrite: {{ path: '/v2/{{id}}', host: in.test }}, to: [{{ upstream: orders, weight: 9 }}, {{ upstream: v2, weight: 1 }}], sticky: {{ header: X-User }} }}
  - {{ name: rest, match: {{ host: a.test, path: /x }}, to: v2 }}
"
    );
    let found = report(
        &table(&text),
        "http://a.test/o/./%37?q=1",
        &["X-User: ann", "X-Forwarded-For: 9.9.9.9"],
        Listing::Fitting,
    );
    let expected = "\
listener  public, generation 7
head      GET /o/./%37?q=1 HTTP/1.1, host a.test, 3 fields, no body
client    9.9.9.9, told by the trusted proxy at 203.0.113.7:4711
path      /o/7, made canonical of /o/./%37
route     split, by /o/{id}
            mobile  /o/*     wants method PUT
          > split   /o/{id}  takes it
            1 want another path
split     orders, by the field X-User
          > orders  taken: the sticky key is its own
            v2      the sticky key is another's
forward   GET /v2/7?q=1, Host: in.test
balance   10.0.0.7:81 of orders, round_robin
          > 10.0.0.7:81  weight 2  picked: the only one
            orders.internal:82 was not looked up
outcome   sent to 10.0.0.7:81 of upstream orders
";
    assert_eq!(found.to_string(), expected);
    let keyed = report(&table(&text), "PUT http://a.test/o/7", &[], Listing::Fitting).to_string();
    for line in [
        "balance   10.0.0.9:81 of v2, consistent_hash by client 203.0.113.7, since there is no field X-User",
        "            10.0.0.8:81  weight 1, priority 1  waits until a group of higher priority is out",
    ] {
        assert!(keyed.contains(line), "{keyed}");
    }
}

#[test]
fn what_is_taken_of_a_clients_fields_since_the_gateway_says_it_is_told() {
    let text = format!(
        "{HEAD}upstreams: {{ a: {{ endpoints: [{{ address: '10.0.0.7:81' }}] }} }}
policies: {{ tell: {{ headers: {{ request: {{ set: {{ X-User-Id: '${{user}}', Authorization: '${{claim.t}}' }} }} }} }} }}
routes: [{{ name: told, match: {{ path: /t }}, policies: [tell], to: a }}, {{ name: open, to: a }}]\n"
    );
    let told =
        |fields: &[&str]| report(&table(&text), "http://a.test/o", fields, Listing::Fitting).to_string();
    let said = told(&["x_user_id: root", "Authorization: Bearer x", "X-Other: 1"]);
    assert!(
        said.contains(
            "without the client's x_user_id, Authorization: by it the gateway alone tells who calls"
        ),
        "{said}"
    );
    assert!(!said.contains("Bearer x"), "{said}");
    assert!(!told(&["X-Other: 1"]).contains("without"), "{said}");
}

#[test]
fn ten_thousand_routes_are_counted_and_not_listed() {
    let mut text =
        format!("{HEAD}upstreams: {{ a: {{ endpoints: [{{ address: '10.0.0.7:81' }}] }} }}\nroutes:\n");
    for number in 0..10_000 {
        let matched = match number % 100 {
            0 => format!("path: /*, headers: {{ X-Number: '{number}' }}"),
            1..50 => format!("host: a.test, path: '/p/{number}/{{id}}'"),
            _ => format!("host: h{number}.test, path: /*"),
        };
        text += &format!("- {{ name: r{number}, match: {{ {matched} }}, to: a }}\n");
    }
    let table = table(&text);
    let found = report(&table, "http://a.test/none", &["X-Number: 9900"], Listing::Fitting).to_string();
    assert!(found.contains("> r9900  /*  takes it\n"), "{found}");
    for count in ["79 more have this host and path", "4900 want another path", "5000 want another host"] {
        assert!(found.contains(count), "{found}");
    }
    assert!(found.lines().count() < 40, "{found}");
    let all = report(&table, "http://a.test/none", &["X-Number: 9900"], Listing::All);
    let route = all.phases.iter().find(|phase| phase.name == "route").expect("is there");
    assert_eq!((route.rows.1.len(), route.more.len()), (10_000, 0));
}

#[test]
fn a_value_from_elsewhere_is_not_told() {
    let text = format!(
        "{HEAD}upstreams: {{ a: {{ endpoints: [{{ address: '10.0.0.7:81' }}] }}, b: {{ endpoints: [{{ address: '10.0.0.8:81' }}] }} }}
routes:
  - {{ name: door, match: {{ path: /*, headers: {{ X-Key: '${{env:KEY}}' }} }}, to: a }}
  - {{ name: rest, to: [{{ upstream: a, when: {{ cookies: {{ key: '${{env:KEY}}' }} }} }}, {{ upstream: b, weight: 1 }}] }}
"
    );
    let found = report(&table(&text), "http://a/", &[], Listing::All);
    let shown = format!("{found}{}", found.json());
    assert!(!shown.contains("sesame"), "{shown}");
    for part in [
        "wants header X-Key with a value that is not shown",
        "wants cookie key with a value that is not shown",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_running_gateways_state_is_told_where_it_is_given() {
    let text = format!(
        "{HEAD}upstreams: {{ a: {{ endpoints: [{{ address: '10.0.0.7:81' }}, {{ address: '10.0.0.8:81' }}, {{ address: '10.0.0.9:81' }}], balance: least_connections }} }}
routes: [{{ name: all, to: a }}]
"
    );
    let table = table(&text);
    let station = |upstream: &Upstream| {
        let mut station = Station::at_rest(upstream);
        station.balance.unreached(0, Tick(1));
        station.balance.begin(1);
        station
    };
    let now = Tick(1).after(Duration::from_millis(1));
    let ground =
        Ground { table: &table, listener: ListenerId(0), now, unix_ms: NOW_MS, keys: &[], station: &station };
    let found = report_on(&ground, "http://a/", &[], Listing::Fitting).to_string();
    let expected = "\
            10.0.0.7:81  could not be reached and is left alone
            10.0.0.8:81  1 exchanges; another comes first
          > 10.0.0.9:81  picked: 0 exchanges, the fewest for its weight
";
    assert!(found.contains(expected), "{found}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let text = format!(
        "{HEAD}upstreams: {{ a: {{ endpoints: [{{ address: '10.0.0.7:81' }}], balance: {{ consistent_hash: header.X-User }} }} }}\nroutes: [{{ name: all, to: a }}]\n"
    );
    let found =
        report(&table(&text), "http://a/", &["X-User: \u{9b}31m\tx\u{85}"], Listing::Fitting).to_string();
    assert!(!found.contains(|char: char| char.is_control() && char != '\n'), "{found:?}");
    assert!(found.contains("\\u{9b}31m"), "{found}");
}
