//! The Kubernetes Gateway API's rules for matching, each by its name there (HTTPRouteRule, HTTPRouteMatch and their
//! parts), as a table of rules and requests. Redirects, rewrites and weights: `control/explain/tests/gateway_api`.

use super::check;

#[test]
fn hostnames_exact_before_wildcard_and_the_longest_wildcard_first() {
    // "Hostname with precise match … Wildcard … the longest matching hostname has precedence."
    check(
        &["*.example.com", "*.foo.example.com", "bar.foo.example.com", "/*"],
        &[
            ("GET bar.foo.example.com/", "2"),
            ("GET x.foo.example.com/", "1"),
            ("GET x.example.com/", "0"),
            ("GET other.org/", "3"),
        ],
    );
}

#[test]
fn hostnames_a_wildcard_takes_any_number_of_labels_but_not_none() {
    check(&["*.example.com"], &[("GET a.b.example.com/", "0"), ("GET example.com/", "404")]);
}

#[test]
fn path_match_exact_is_the_whole_path_with_case() {
    check(
        &["/foo"],
        &[("GET /foo", "0"), ("GET /foo/", "404"), ("GET /foo/bar", "404"), ("GET /Foo", "404")],
    );
}

#[test]
fn path_match_prefix_goes_by_whole_elements() {
    // "/abc would match /abc, /abc/ and /abc/def but not /abcd"; a trailing slash of the prefix plays no part.
    check(
        &["/abc/*"],
        &[
            ("GET /abc", "0"),
            ("GET /abc/", "0"),
            ("GET /abc/def", "0"),
            ("GET /abcd", "404"),
            ("GET /ab", "404"),
        ],
    );
}

#[test]
fn path_match_without_one_is_the_prefix_of_every_path() {
    check(&["a.com"], &[("GET a.com/", "0"), ("GET a.com/x/y", "0")]);
}

#[test]
fn precedence_an_exact_path_before_all_others() {
    check(
        &["/a/*", "regex:/a/.*", "/a/{x}", "/a/b"],
        &[("GET /a/b", "3"), ("GET /a/c", "2"), ("GET /a/c/d", "0")],
    );
}

#[test]
fn precedence_the_prefix_with_the_most_characters() {
    check(
        &["/*", "/a/b/*", "/a/*", "/a/b/c/*"],
        &[("GET /a/b/c/d", "3"), ("GET /a/b/x", "1"), ("GET /a/x", "2"), ("GET /x", "0")],
    );
}

#[test]
fn precedence_a_method_before_headers() {
    // The method match is asked before the number of header matches is.
    check(
        &["/a header:X=1 header:Y=1", "/a GET"],
        &[("GET /a | X: 1 | Y: 1", "1"), ("POST /a | X: 1 | Y: 1", "0"), ("GET /a", "1")],
    );
}

#[test]
fn precedence_the_largest_number_of_header_matches() {
    check(
        &["/a header:X=1", "/a header:X=1 header:Y=1", "/a header:X=1 query:q=1 query:r=1"],
        &[("GET /a?q=1&r=1 | X: 1 | Y: 1", "1"), ("GET /a?q=1&r=1 | X: 1", "2"), ("GET /a | X: 1", "0")],
    );
}

#[test]
fn precedence_the_largest_number_of_query_matches() {
    check(
        &["/a query:q=1", "/a query:q=1 query:r=1"],
        &[("GET /a?q=1&r=1", "1"), ("GET /a?q=1", "0"), ("GET /a?r=1", "404")],
    );
}

#[test]
fn precedence_of_ties_the_first_rule_in_order() {
    check(
        &["/a header:X=1", "/a header:Y=1", "/b GET", "/b GET"],
        &[("GET /a | X: 1 | Y: 1", "0"), ("GET /a | Y: 1", "1"), ("GET /b", "2")],
    );
}

#[test]
fn precedence_a_longer_path_before_any_number_of_other_matches() {
    check(
        &["/a/* GET header:X=1 header:Y=1", "/a/b/*"],
        &[("GET /a/b | X: 1 | Y: 1", "1"), ("GET /a/c | X: 1 | Y: 1", "0")],
    );
}

#[test]
fn a_match_is_the_conjunction_of_all_its_parts() {
    let rule = "a.com /a/* GET header:X=1 query:q=1 cookie:c=1";
    check(
        &[rule],
        &[
            ("GET a.com/a/b?q=1 | X: 1 | Cookie: c=1", "0"),
            ("GET b.com/a/b?q=1 | X: 1 | Cookie: c=1", "404"),
            ("GET a.com/b?q=1 | X: 1 | Cookie: c=1", "404"),
            ("POST a.com/a/b?q=1 | X: 1 | Cookie: c=1", "405 GET, HEAD"),
            ("GET a.com/a/b?q=2 | X: 1 | Cookie: c=1", "404"),
            ("GET a.com/a/b?q=1 | X: 2 | Cookie: c=1", "404"),
            ("GET a.com/a/b?q=1 | X: 1 | Cookie: c=2", "404"),
        ],
    );
}

#[test]
fn several_matches_of_a_rule_are_alternatives() {
    check(&["a.com b.com /x /y/* POST GET"], &[("GET a.com/x", "0"), ("POST b.com/y/z", "0")]);
}

#[test]
fn a_request_that_fails_a_rule_goes_to_the_next_less_specific_one() {
    // Next rule of the same path, shorter prefix, expression, less exact host.
    let rules = [
        "a.com /a/b header:X=1",
        "a.com /a/b/* header:X=2",
        "a.com /a/* header:X=3",
        "a.com regex:/a/.* header:X=4",
        "*.com /a/* header:X=5",
        "/*",
    ];
    check(
        &rules,
        &[
            ("GET a.com/a/b | X: 1", "0"),
            ("GET a.com/a/b | X: 2", "1"),
            ("GET a.com/a/b | X: 3", "2"),
            ("GET a.com/a/b | X: 4", "3"),
            ("GET a.com/a/b | X: 5", "4"),
            ("GET a.com/a/b | X: 6", "5"),
        ],
    );
}

#[test]
fn header_match_names_are_case_insensitive_and_values_are_not() {
    check(
        &["/* header:X-Version=two"],
        &[
            ("GET / | x-version: two", "0"),
            ("GET / | X-VERSION: two", "0"),
            ("GET / | x-version: TWO", "404"),
        ],
    );
}

#[test]
fn header_match_by_regular_expression_of_the_whole_value() {
    check(
        &["/* header:User-Agent=regex:curl/[0-9.]+"],
        &[
            ("GET / | User-Agent: curl/8.1", "0"),
            ("GET / | User-Agent: curl/8.1 x", "404"),
            ("GET / | User-Agent: a curl/8.1", "404"),
        ],
    );
}

#[test]
fn header_match_of_a_repeated_field_sees_the_combined_value() {
    // Implementation-specific there, with the advice to follow RFC 9110 §5.3.
    check(
        &["/* header:X=1,2", "/* header:X=regex:1,.2", "/* header:X=1"],
        &[("GET / | X: 1 | X: 2", "1"), ("GET / | X: 1", "2"), ("GET / | X: 1,2", "0")],
    );
}

#[test]
fn query_param_match_is_exact_and_with_case() {
    check(
        &["/* query:animal=whale", "/* query:animal=dolphin"],
        &[
            ("GET /?animal=whale", "0"),
            ("GET /?x=1&animal=dolphin&y", "1"),
            ("GET /?animal=Whale", "404"),
            ("GET /?Animal=whale", "404"),
            ("GET /?animal=whales", "404"),
            ("GET /", "404"),
        ],
    );
}

#[test]
fn query_param_match_by_regular_expression() {
    check(
        &["/* query:q=regex:[a-z]+"],
        &[("GET /?q=abc", "0"), ("GET /?q=a1", "404"), ("GET /?q=%61b", "0")],
    );
}

#[test]
fn query_param_match_of_a_repeated_parameter_sees_the_first() {
    // Undefined there, with this advice.
    check(&["/* query:q=1"], &[("GET /?q=1&q=2", "0"), ("GET /?q=2&q=1", "404")]);
}

#[test]
fn method_match() {
    check(
        &["/a POST", "/a GET", "/a"],
        &[("GET /a", "1"), ("POST /a", "0"), ("DELETE /a", "2"), ("get /a", "2")],
    );
}

#[test]
fn no_match_is_404() {
    check(&["a.com /a"], &[("GET a.com/b", "404"), ("GET b.com/a", "404")]);
}
