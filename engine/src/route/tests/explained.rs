//! Why a request takes its route.

use super::{rules, with_facts};
use crate::route::*;

/// Each rule in the order it is asked: `number:path verdict`.
fn explained(written: &[&str], request: &str) -> Vec<String> {
    let (lookup, _) = Lookup::new(rules(written));
    let told = |candidate: &Candidate<'_>| {
        let path = candidate.path.map(|path| format!(":{path}")).unwrap_or_default();
        let verdict = match candidate.verdict {
            Verdict::Wins => "wins".to_owned(),
            Verdict::Outranked => "outranked".to_owned(),
            Verdict::Wants(want) => format!("wants {want}"),
        };
        format!("{}{path} {verdict}", candidate.route.0)
    };
    with_facts(request, |facts| lookup.explain(facts).iter().map(told).collect())
}

#[test]
fn every_rule_is_told_in_order_with_what_failed_first() {
    let written = [
        "/*",
        "a.com /a/* GET",
        "a.com b.com /x /a/{id} POST PUT",
        "a.com /a/7 header:X=1 cookie:c=regex:[0-9]+",
        "a.com /a/7 query:q=*",
        "*.com /b /c/{d}/*",
        "a.org *.a.org",
        "*.com regex:/a/.* header:X=2",
        "a.com /a/7",
    ];
    assert_eq!(
        explained(&written, "GET a.com:80/a/7 | X: 1"),
        [
            "3:0 wants cookie c matching [0-9]+",
            "4:0 wants query q present",
            "8:0 wins",
            "2:1 wants method POST or PUT",
            "1:0 outranked",
            "7:0 wants header X = 2",
            "0:0 outranked",
            "5 wants path /b or /c/{d}/*",
            "6 wants host a.org or *.a.org",
        ]
    );
}

#[test]
fn nobody_wins_where_nobody_takes_it() {
    assert_eq!(
        explained(&["/a GET", "a.com", "regex:/a"], "POST /a"),
        ["0:0 wants method GET", "2:0 wins", "1 wants host a.com"]
    );
    assert_eq!(explained(&["/a"], "OPTIONS *"), ["0 wants path /a"]);
}

#[test]
fn a_rule_of_another_listener_is_told_by_its_name() {
    assert_eq!(
        explained(&["/a listener:1 listener:2", "/a"], "POST /a"),
        ["0:0 wants listener l1 or l2", "1:0 wins"]
    );
}
