//! What the Gateway API leaves open: cookies, values present or written out, HEAD, the methods told with a 405.

use super::{check, rules, taken, with_facts};
use crate::route::*;

#[test]
fn a_value_is_present_exact_or_matched() {
    check(
        &[
            "/p header:X=*",
            "/e header:X=exact:*",
            "/r header:X=exact:regex:x",
            "/q query:a=*",
            "/c cookie:a=*",
        ],
        &[
            ("GET /p | X: anything", "0"),
            ("GET /p | X:", "0"),
            ("GET /p", "404"),
            ("GET /e | X: *", "1"),
            ("GET /e | X: a", "404"),
            ("GET /r | X: regex:x", "2"),
            ("GET /q?a", "3"),
            ("GET /q?b", "404"),
            ("GET /c | Cookie: a=", "4"),
            ("GET /c | Cookie: b=a", "404"),
        ],
    );
}

#[test]
fn cookies_are_found_in_every_cookie_field_and_the_first_of_a_name_counts() {
    check(
        &["/* cookie:side=b", "/* cookie:group=regex:[0-4]."],
        &[
            ("GET / | Cookie: x=1; side=b", "0"),
            ("GET / | Cookie: x=1;side=b;y=2", "0"),
            ("GET / | Cookie: x=1 | Cookie: side=b", "0"),
            ("GET / | Cookie: side=a; side=b", "404"),
            ("GET / | Cookie: Side=b", "404"),
            ("GET / | Cookie: side=%62", "404"),
            ("GET / | Cookie: group=42", "1"),
            ("GET / | Cookie: group=52", "404"),
        ],
    );
}

#[test]
fn cookies_count_as_fields_in_precedence() {
    check(
        &["/* query:q=1 query:r=1", "/* cookie:a=1", "/* cookie:a=1 header:X=1"],
        &[("GET /?q=1&r=1 | Cookie: a=1 | X: 1", "2"), ("GET /?q=1&r=1 | Cookie: a=1", "1")],
    );
}

#[test]
fn escapes_of_a_query_are_decoded_once() {
    check(
        &["/* query:name=exact:100%"],
        &[("GET /?name=100%25", "0"), ("GET /?n%61me=100%25", "0"), ("GET /?name=100%2525", "404")],
    );
}

#[test]
fn get_takes_head_too_and_nothing_else() {
    check(
        &["/a GET", "/b HEAD", "/c GET", "/c HEAD"],
        &[
            ("HEAD /a", "0"),
            ("OPTIONS /a", "405 GET, HEAD"),
            ("HEAD /b", "1"),
            ("GET /b", "405 HEAD"),
            ("HEAD /c", "2"),
        ],
    );
}

#[test]
fn a_405_lists_the_methods_of_every_rule_that_only_lacks_the_method() {
    check(
        &[
            "a.com /a/b PUT",
            "a.com /a/* POST",
            "a.com regex:/a/.* PURGE",
            "/a/b DELETE header:X=1",
            "/a/b PATCH header:X=2",
            "b.com TRACE",
        ],
        &[
            ("GET a.com/a/b", "405 POST, PUT, PURGE"),
            ("GET a.com/a/b | X: 1", "405 POST, PUT, DELETE, PURGE"),
            ("GET a.com/a/c", "405 POST, PURGE"),
            ("GET a.com/b", "404"),
            ("PURGE a.com/a/b", "2"),
            ("DELETE a.com/a/b | X: 1", "3"),
        ],
    );
}

#[test]
fn expressions_match_whole_paths_and_the_first_in_precedence_wins() {
    check(
        &[
            "regex:/v[0-9]+/.*",
            "regex:/v1/x GET",
            "regex:/v1/x",
            "regex:^/old$ regex:/v[0-9]+/.*",
            "regex:/(?i:shop)",
        ],
        &[
            ("GET /v1/x", "1"),
            ("POST /v1/x", "0"),
            ("GET /v12/", "0"),
            ("GET /v12", "404"),
            ("GET /av1/x", "404"),
            ("GET /old", "3"),
            ("GET /SHOP", "4"),
            ("GET /shop/x", "404"),
            ("OPTIONS *", "404"),
        ],
    );
}

#[test]
fn a_match_says_which_of_the_rules_paths_it_was() {
    let (lookup, _) = Lookup::new(rules(&["/b/{id} /a regex:/c.* /b/*"]));
    let path = |request| {
        with_facts(request, |facts| lookup.lookup(facts, &Scratch::default()).map(|found| found.path))
    };
    assert_eq!(
        [path("GET /b/7"), path("GET /a"), path("GET /cc"), path("GET /b")],
        [Ok(0), Ok(1), Ok(2), Ok(3)]
    );
}

#[test]
fn working_memory_serves_one_look_up_after_another() {
    let lookups = ["regex:/a.*", "regex:/b.* header:X=regex:1+"].map(|rule| Lookup::new(rules(&[rule])).0);
    let scratch = Scratch::default();
    for _ in 0..3 {
        for (lookup, request) in lookups.iter().zip(["GET /ab", "GET /ba | X: 11"]) {
            assert!(with_facts(request, |facts| lookup.lookup(facts, &scratch)).is_ok());
        }
    }
}

#[test]
fn a_thousand_expressions_stand_in_one_automaton() {
    let written: Vec<String> =
        (0..1000).map(|n| format!("regex:/api/v[0-9]+/service-{n}/[a-z]+/.*")).collect();
    let (lookup, findings) = Lookup::new(rules(&written.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(findings, []);
    assert_eq!(lookup.size().automata, 1);
    for n in [0, 7, 70, 999] {
        assert_eq!(taken(&lookup, &format!("GET /api/v3/service-{n}/users/x")), n.to_string());
    }
}

#[test]
fn a_faulty_expression_is_told_at_its_byte() {
    let unread =
        |text: &str| PathPattern::parse(text).map_err(|unread| (unread.at, unread.reason.into_owned()));
    let error = |at, reason: &str| Err((at, format!("is not a regular expression: {reason}")));
    assert_eq!(unread("regex:/a(b"), error(8, "unclosed group"));
    assert_eq!(unread(r"regex:/\p{Greek}"), error(7, "Unicode not allowed here"));
    assert_eq!(unread("regex:"), Err((6, "is an empty expression".into())));
    assert_eq!(unread("regex:(.{1000}){1000}").unwrap_err().1, "is an expression too large to compile");
    assert!(matches!(Value::parse("regex:["), Err(Unread { at: 6, .. })));
}

#[test]
fn a_rule_takes_what_came_by_its_listeners_and_nothing_else() {
    let written = ["/a GET", "/a listener:1", "/b listener:1 listener:2", "a.com /c listener:1 GET", "/c"];
    check(
        &written,
        &[
            ("0>GET /a", "0"),
            // Before what names methods.
            ("1>GET /a", "1"),
            ("1>GET /b", "2"),
            ("2>GET /b", "2"),
            ("0>GET /b", "404"),
            ("1>GET a.com/c", "3"),
            // A more exact host gives way where its listener is another.
            ("0>GET a.com/c", "4"),
            ("1>PUT a.com/c", "4"),
        ],
    );
    // What another listener would take is no method to be allowed here.
    check(&["/a listener:1 GET"], &[("0>PUT /a", "404"), ("1>PUT /a", "405 GET, HEAD")]);
}
