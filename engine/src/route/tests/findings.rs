//! What a look-up says of its rules: which never see a request, and which only their order tells apart.

use super::rules;
use crate::route::*;

/// `later < earlier` for a shadowed rule, `later ~ earlier` for an ambiguous one, with `:path` behind the later.
fn found(written: &[&str]) -> Vec<String> {
    let (_, findings) = Lookup::new(rules(written));
    let told = |finding: &Finding| match finding {
        Finding::Shadowed { route, path, by } => format!("{}:{path} < {}", route.0, by.0),
        Finding::Ambiguous { route, path, with } => format!("{}:{path} ~ {}", route.0, with.0),
        other => format!("{other:?}"),
    };
    findings.iter().map(told).collect()
}

#[test]
fn a_rule_is_shadowed_where_another_takes_all_it_could() {
    for (earlier, later) in [
        ("/a", "/a"),
        ("/a/{x}", "/a/{y}"),
        ("a.com", "A.COM"),
        ("regex:/a+", "regex:/a+"),
        ("/a GET POST", "/a POST"),
        ("/a GET", "/a HEAD"),
        ("/a header:X=*", "/a header:x=1"),
        ("/a header:X=regex:[0-9]", "/a header:x=1"),
        ("/a query:q=1 header:X=1", "/a header:X=1 query:q=1"),
        ("/*", "regex:/a.*"),
        ("/a listener:1 listener:2", "/a listener:2"),
    ] {
        assert_eq!(found(&[earlier, later]), ["1:0 < 0"], "{earlier}, {later}");
    }
    assert_eq!(found(&["regex:/a.*", "/*"]), ["0:0 < 1"]);
}

#[test]
fn rules_of_different_listeners_do_not_meet() {
    assert_eq!(found(&["/a listener:1", "/a listener:2", "/a"]), [""; 0]);
    assert_eq!(found(&["/a listener:1 listener:2", "/a listener:2 listener:3"]), ["1:0 ~ 0"]);
}

#[test]
fn rules_are_ambiguous_where_they_share_requests_with_equal_precedence() {
    for (earlier, later) in [
        ("/a GET POST", "/a POST PUT"),
        ("/a header:X=1", "/a header:Y=1"),
        ("/a header:X=regex:[0-9]", "/a header:X=regex:[a-z]"),
        ("/a header:X=1", "/a header:x=*"),
        ("/a header:X=1", "/a cookie:X=1"),
        ("/a query:X=1", "/a query:x=1"),
        // Neither is the more exact.
        ("/t/{id}/x", "/t/5/{y}"),
        ("/t/5/{y}", "/t/{id}/x"),
        ("/{a}/b/*", "/b/{a}/*"),
    ] {
        assert_eq!(found(&[earlier, later]), ["1:0 ~ 0"], "{earlier}, {later}");
    }
}

#[test]
fn rules_that_exclude_each_other_or_differ_in_precedence_are_as_they_should_be() {
    for (earlier, later) in [
        ("/a GET", "/a POST"),
        ("/a header:X=1", "/a header:X=2"),
        ("/a header:X=regex:[0-9]", "/a header:X=a"),
        ("/a", "/a GET"),
        ("/a GET", "/a"),
        ("/a header:X=1", "/a header:X=1 header:Y=1"),
        ("/a", "/b"),
        ("/a", "/a/*"),
        ("a.com /a", "b.com /a"),
        ("regex:/a", "/* GET"),
        ("/t/{id}/x", "/t/55/{y}"),
        ("/t/{id}/x", "/u/5/{y}"),
        ("/t/{id}/x GET", "/t/5/{y} POST"),
        ("/t/{id}/x", "/t/{id}/y"),
        ("/t/{id}", "/t/{id}/{x}"),
    ] {
        assert_eq!(found(&[earlier, later]), [""; 0], "{earlier}, {later}");
    }
}

#[test]
fn a_finding_is_told_once_on_however_many_hosts() {
    assert_eq!(found(&["a.com b.com /x", "a.com b.com /y /x"]), ["1:1 < 0"]);
}

#[test]
fn many_rules_of_one_path_are_compared_in_bounded_time() {
    let written: Vec<String> = (0..5000).map(|n| format!("/a header:X=v{n}")).collect();
    assert_eq!(
        found(&written.iter().map(String::as_str).collect::<Vec<_>>()),
        ["NotCompared { route: RouteId(1414) }"]
    );
}

#[test]
fn what_is_too_much_is_told() {
    let methods: String = (0..57).map(|n| format!("M{} ", "X".repeat(n))).collect();
    assert_eq!(found(&[&methods]), ["TooManyMethods { route: RouteId(0) }"]);
    let written: Vec<String> = (0..3000).map(|n| format!("regex:/{n}(?:[a-z]{{90}}){{3}}")).collect();
    let told = found(&written.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told, ["TooLarge { route: RouteId(0) }"]);
}
