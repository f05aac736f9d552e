//! Hosts and paths alone.

use super::with_facts;
use crate::route::*;
use crate::wire::head::Lines;

/// A rule's hosts and paths, parted by spaces.
type Written = (&'static str, &'static str);

/// Checks `host path` → index of the rule that takes it.
#[track_caller]
fn check(written: &[Written], expected: &[(&str, &str, Option<u32>)]) {
    let written: Vec<String> = written.iter().map(|(hosts, paths)| format!("{hosts} {paths}")).collect();
    let (lookup, _) = Lookup::new(super::rules(&written.iter().map(String::as_str).collect::<Vec<_>>()));
    for (host, path, route) in expected {
        let found = found(&lookup, host.as_bytes(), path.as_bytes());
        assert_eq!(found.ok().map(|found| found.route.0), *route, "{host} {path}");
    }
}

fn found(lookup: &Lookup, host: &[u8], path: &[u8]) -> Result<Match, Miss> {
    let lines = Lines::new();
    let facts = Facts { host, path, method: b"GET", head: Head::new(b"", &lines), listener: ListenerId(0) };
    lookup.lookup(&facts, &Scratch::default())
}

#[test]
fn a_prefix_takes_itself_and_all_below_but_no_longer_segment() {
    check(
        &[("", "/p/*")],
        &[
            ("", "/p", Some(0)),
            ("", "/p/", Some(0)),
            ("", "/p/q/r", Some(0)),
            ("", "/pq", None),
            ("", "/", None),
            ("", "*", None),
        ],
    );
}

#[test]
fn the_exact_path_wins_then_the_longest() {
    check(
        &[("", "/*"), ("", "/a/*"), ("", "/a/b/*"), ("", "/a/b"), ("", "/a/{id}/c"), ("", "/a/{id}")],
        &[
            ("", "/", Some(0)),
            ("", "/a", Some(1)),
            ("", "/a/b", Some(3)),
            ("", "/a/b/", Some(2)),
            ("", "/a/b/c", Some(4)),
            ("", "/a/x", Some(5)),
            ("", "/a/x/y", Some(1)),
            ("", "/b", Some(0)),
        ],
    );
}

#[test]
fn a_segment_by_name_takes_one_whole_segment_that_is_not_empty() {
    check(
        &[("", "/users/{id}/orders"), ("", "/t/{id}/*")],
        &[
            ("", "/users/7/orders", Some(0)),
            ("", "/users//orders", None),
            ("", "/users/7/8/orders", None),
            ("", "/users/7/orders/", None),
            ("", "/t/7", Some(1)),
            ("", "/t/7/", Some(1)),
            ("", "/t/7/8/9", Some(1)),
            ("", "/t/", None),
            ("", "/t", None),
        ],
    );
}

#[test]
fn of_equal_rules_the_first_wins() {
    check(
        &[("a.com", "/x/{id}"), ("A.com b.com", "/x/{name} /y"), ("a.com", "/y")],
        &[("a.com", "/x/1", Some(0)), ("b.com", "/x/1", Some(1)), ("a.com", "/y", Some(1))],
    );
}

#[test]
fn many_children_of_one_segment_are_told_apart_by_every_byte() {
    let names: Vec<String> = (0..40)
        .flat_map(|n| ["", "/", "0123456789abcdef0123456789", "ab"].map(|tail| format!("/s{n}{tail}")))
        .chain(["/x/y/z/{id}", "/x/y/{id}", "/", "//a"].map(str::to_owned))
        .collect();
    let written: Vec<String> = names.iter().map(|name| format!("{name}/*")).collect();
    let (lookup, _) = Lookup::new(super::rules(&written.iter().map(String::as_str).collect::<Vec<_>>()));
    for (number, name) in (0..).zip(&names) {
        for tail in ["", "/", "/more/of/it"] {
            let path = format!("{}{tail}", name.replace("{id}", "7"));
            let found = found(&lookup, b"", path.as_bytes()).unwrap_or_else(|miss| panic!("{path} {miss:?}"));
            let best = &names[found.route.index()];
            assert!(found.route == RouteId(number) || best.len() > name.len(), "{path} took {best}");
        }
        // Behind a name the last byte is the segment's own.
        let other = if name.ends_with('}') { "/x/x".to_owned() } else { format!("{name}x") };
        assert_ne!(
            found(&lookup, b"", other.as_bytes()).map(|found| found.route),
            Ok(RouteId(number)),
            "{other}"
        );
    }
}

#[test]
fn the_exact_host_wins_then_the_longest_wildcard_then_any() {
    check(
        &[("", "/*"), ("*.example.com", "/*"), ("*.b.example.com", "/*"), ("a.example.com", "/*")],
        &[
            ("a.example.com", "/", Some(3)),
            ("x.example.com", "/", Some(1)),
            ("x.y.example.com", "/", Some(1)),
            ("x.b.example.com", "/", Some(2)),
            ("b.example.com", "/", Some(1)),
            ("example.com", "/", Some(0)),
            (".example.com", "/", Some(0)),
            ("", "/", Some(0)),
        ],
    );
}

#[test]
fn a_host_without_a_path_that_matches_gives_way_to_the_less_exact_host() {
    check(
        &[("a.example.com", "/only"), ("*.example.com", "/some/*"), ("", "/*")],
        &[
            ("a.example.com", "/only", Some(0)),
            ("a.example.com", "/some/x", Some(1)),
            ("a.example.com", "/else", Some(2)),
        ],
    );
}

#[test]
fn a_host_is_compared_without_case_port_and_closing_dot() {
    check(
        &[("Api.Example.com", "/*"), ("[2001:DB8::0:1]", "/*"), ("192.0.2.1", "/*")],
        &[
            ("API.example.COM", "/", Some(0)),
            ("api.example.com:8443", "/", Some(0)),
            ("api.example.com.", "/", Some(0)),
            ("api.example.com.:80", "/", Some(0)),
            ("[2001:db8::1]:443", "/", Some(1)),
            ("[2001:db8::1]", "/", Some(1)),
            ("192.0.2.1:80", "/", Some(2)),
            ("api.example.co", "/", None),
        ],
    );
}

#[test]
fn a_host_longer_than_any_name_falls_to_the_rules_for_every_host() {
    let long = "a".repeat(10_000);
    check(&[("*.example.com", "/*"), ("", "/x")], &[(&long, "/x", Some(1)), (&long, "/", None)]);
    check(&[("*.example.com", "/*")], &[(&format!("{long}.example.com"), "/", None)]);
}

#[test]
fn the_asterisk_goes_to_the_rule_for_every_path() {
    check(&[("", "/a/*"), ("", "/*")], &[("h", "*", Some(1))]);
}

#[test]
fn patterns_that_mean_nothing_are_refused() {
    for host in
        ["", "a b", "a..b", "*a.com", "a.*.com", "*.", "a:80", "[::1]:80", "[x]", "*.*.com", "-\u{e9}"]
    {
        assert!(HostPattern::parse(host).is_err(), "{host}");
    }
    for path in
        ["", "a", "/a*", "/*/a", "/a/**", "/{}", "/{a", "/a}", "/{a}b", "/{a b}", "/a?b", "/a#", "/a b"]
    {
        assert!(PathPattern::parse(path).is_err(), "{path}");
    }
}

#[test]
fn a_path_that_equals_no_canonical_one_is_refused_and_its_spelling_known() {
    for (text, spelt) in [
        ("/internal%2fapi", Some("/internal%2Fapi")),
        ("/%7Ejoe", Some("/~joe")),
        ("/a/../b", Some("/b")),
        ("/./{id}/*", Some("/{id}/*")),
        ("/caf%c3%a9/*", Some("/caf%C3%A9/*")),
        ("/caf\u{e9}", Some("/caf%C3%A9")),
        ("/a\\b", Some("/a%5Cb")),
        ("/a b", Some("/a%20b")),
        ("/100%", Some("/100%25")),
        ("/a%zz", Some("/a%25zz")),
        ("/../x", None),
        ("/a%00", None),
        ("/a?b", None),
        ("/a*", None),
    ] {
        assert!(PathPattern::parse(text).is_err(), "{text}");
        assert_eq!(PathPattern::spelt(text).as_deref(), spelt, "{text}");
    }
    for text in ["/", "/a%2Fb", "/a//b", "/%C3%A9/{id}", "/[a]|^/*", "/a.b/..c"] {
        assert!(PathPattern::parse(text).is_ok(), "{text}");
        assert_eq!(PathPattern::spelt(text), None, "{text}");
    }
}

#[test]
fn the_way_down_is_bounded() {
    let named = "/{a}".repeat(65);
    assert!(PathPattern::parse(&named).is_err());
    let (lookup, _) = Lookup::new(super::rules(&[&"/{a}".repeat(64)]));
    assert!(found(&lookup, b"", &b"/x".repeat(64)).is_ok());
    assert_eq!(found(&lookup, b"", &b"/x".repeat(10_000)), Err(Miss::NoRoute));
    assert_eq!(with_facts("GET /", |facts| lookup.lookup(facts, &Scratch::default())), Err(Miss::NoRoute));
}

#[test]
fn exact_paths_keep_their_empty_segments() {
    check(
        &[("", "/"), ("", "/a//b"), ("", "/a/"), ("", "/a"), ("", "/a/{id}/b")],
        &[
            ("", "/", Some(0)),
            ("", "//", None),
            ("", "/a//b", Some(1)),
            ("", "/a/", Some(2)),
            ("", "/a", Some(3)),
            ("", "/a/x/b", Some(4)),
            ("", "/a//", None),
        ],
    );
}

#[test]
fn the_trees_of_hosts_do_not_meet() {
    let hosts: Vec<String> = (0..50).map(|host| format!("h{host}.test")).collect();
    let paths = ["/*", "/a/*", "/a/{id}/b", "/a/x", "/b/x"];
    let written: Vec<String> =
        hosts.iter().flat_map(|host| paths.map(|path| format!("{host} {path}"))).collect();
    let (lookup, _) = Lookup::new(super::rules(&written.iter().map(String::as_str).collect::<Vec<_>>()));
    for (host, name) in (0..).zip(&hosts) {
        for (path, taken) in [("/c", 0), ("/a/y", 1), ("/a/y/b", 2), ("/a/x", 3), ("/b/x", 4), ("/b/y", 0)] {
            let found = found(&lookup, name.as_bytes(), path.as_bytes());
            assert_eq!(found.map(|found| found.route.0), Ok(host * 5 + taken), "{name} {path}");
        }
    }
}
