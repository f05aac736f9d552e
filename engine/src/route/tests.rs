use super::*;
use proptest::prelude::*;

/// A rule as an operator writes it: hosts and paths, parted by spaces.
type Written = (&'static str, &'static str);

fn rules(written: &[Written]) -> Vec<Rule> {
    let ids = (0..).map(RouteId);
    written
        .iter()
        .zip(ids)
        .map(|((hosts, paths), route)| Rule {
            hosts: hosts.split_whitespace().map(|host| HostPattern::parse(host).unwrap()).collect(),
            paths: paths.split_whitespace().map(|path| PathPattern::parse(path).unwrap()).collect(),
            route,
        })
        .collect()
}

fn found(lookup: &Lookup, host: &[u8], path: &[u8]) -> Result<Match, Miss> {
    let lines = crate::wire::head::Lines::new();
    let facts = Facts { host, path, method: b"GET", head: Head::new(b"", &lines) };
    lookup.lookup(&facts, &Scratch::default())
}

/// Checks `host path` → index of the rule that takes it.
fn check(written: &[Written], expected: &[(&str, &str, Option<u32>)]) {
    let (lookup, _) = Lookup::new(&rules(written));
    for (host, path, route) in expected {
        let found = found(&lookup, host.as_bytes(), path.as_bytes());
        assert_eq!(found.ok().map(|found| found.route.0), *route, "{host} {path}");
    }
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
fn of_equal_rules_the_first_wins_and_the_others_are_told() {
    let written = [("a.com", "/x/{id}"), ("A.com b.com", "/x/{name} /y"), ("a.com", "/y")];
    check(&written, &[("a.com", "/x/1", Some(0)), ("b.com", "/x/1", Some(1)), ("a.com", "/y", Some(1))]);
    let (_, shadowed) = Lookup::new(&rules(&written));
    assert_eq!(
        shadowed,
        [
            Shadowed { route: RouteId(1), path: 0, by: RouteId(0) },
            Shadowed { route: RouteId(2), path: 0, by: RouteId(1) },
        ]
    );
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

/// What the rules mean, without a thought for speed.
fn naive(written: &[(Vec<String>, Vec<String>)], host: &str, path: &str) -> Option<u32> {
    type Rank = (usize, usize, usize, std::cmp::Reverse<usize>);
    let mut best: Option<Rank> = None;
    for (index, (hosts, paths)) in written.iter().enumerate() {
        let host_ranks = hosts.iter().filter_map(|pattern| naive_host(pattern, host));
        let any = hosts.is_empty().then_some(0);
        let Some(host_rank) = host_ranks.chain(any).max() else { continue };
        for rank in paths.iter().filter_map(|pattern| naive_path(pattern, path)) {
            best = best.max(Some((host_rank, rank.0, rank.1, std::cmp::Reverse(index))));
        }
    }
    best.map(|(_, _, _, index)| u32::try_from(index.0).unwrap())
}

/// Exact beats every wildcard, a longer wildcard a shorter one.
fn naive_host(pattern: &str, host: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(suffix) => (host.len() > suffix.len() && host.ends_with(suffix)).then_some(suffix.len()),
        None => (pattern == host).then_some(usize::MAX),
    }
}

/// Exact, then bytes that are given by the pattern; a template outranks a prefix of its own length.
fn naive_path(pattern: &str, path: &str) -> Option<(usize, usize)> {
    let (body, below) = match pattern.strip_suffix("/*") {
        Some(body) => (body, true),
        None => (pattern, false),
    };
    let wanted: Vec<&str> = body.split('/').skip(1).collect();
    let given: Vec<&str> = path.split('/').skip(1).collect();
    let long_enough = if below { given.len() >= wanted.len() } else { given.len() == wanted.len() };
    let fits = wanted
        .iter()
        .zip(&given)
        .all(|(wanted, given)| if wanted.starts_with('{') { !given.is_empty() } else { wanted == given });
    if !long_enough || !fits {
        return None;
    }
    let named = |segment: &&&str| segment.starts_with('{');
    if !below && !wanted.iter().any(|segment| named(&segment)) {
        return Some((1, 0));
    }
    let bytes: usize = wanted.iter().map(|part| 1 + if part.starts_with('{') { 0 } else { part.len() }).sum();
    Some((0, bytes * 2 + usize::from(!below)))
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("ab"), Just("abc"), Just("b"), Just(""), Just("{x}")].prop_map(String::from)
}

fn path_pattern() -> impl Strategy<Value = String> {
    (prop::collection::vec(segment(), 0..4), any::<bool>()).prop_map(|(segments, below)| {
        let mut path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        if below || path.is_empty() {
            path.push_str("/*");
        }
        path
    })
}

fn host_pattern() -> impl Strategy<Value = String> {
    prop_oneof![Just("a.b.c"), Just("b.c"), Just("c"), Just("*.c"), Just("*.b.c"), Just("*.a.b.c")]
        .prop_map(String::from)
}

fn request_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("ab"), Just("abc"), Just("b"), Just("")];
    prop::collection::vec(segment, 1..5)
        .prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect())
}

proptest! {
    #[test]
    fn the_tree_finds_what_a_naive_search_finds(
        written in prop::collection::vec(
            (prop::collection::vec(host_pattern(), 0..3), prop::collection::vec(path_pattern(), 1..4)),
            1..12,
        ),
        hosts in prop::collection::vec(
            prop_oneof![Just("a.b.c"), Just("x.b.c"), Just("b.c"), Just("c"), Just("x.a.b.c"), Just("")],
            1..4,
        ),
        paths in prop::collection::vec(request_path(), 1..12),
    ) {
        let rules: Vec<Rule> = written
            .iter()
            .zip((0..).map(RouteId))
            .map(|((hosts, paths), route)| Rule {
                hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
                paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
                route,
            })
            .collect();
        let (lookup, _) = Lookup::new(&rules);
        for host in &hosts {
            for path in &paths {
                let found = found(&lookup, host.as_bytes(), path.as_bytes());
                prop_assert_eq!(
                    found.ok().map(|found| found.route.0),
                    naive(&written, host, path),
                    "{} {}", host, path
                );
            }
        }
    }

    #[test]
    fn no_host_and_no_path_panics(
        host in prop::collection::vec(any::<u8>(), 0..300),
        path in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (lookup, _) = Lookup::new(&rules(&[("a.com *.b.com", "/a/{id}/* /b"), ("", "/{x}/{y}")]));
        let _ = found(&lookup, &host, &path);
    }
}
