//! The order of phases is fixed, whatever the order of names.

use super::{ask, with};
use crate::support::Setup;

#[test]
fn the_first_phase_that_refuses_answers_whatever_the_lists_say() {
    let policies = "
        site: { cors: { origins: https://app.test } }
        nobody: { ip: { deny: [0.0.0.0/0] } }
        set: { headers: { response: { set: { X-A: a } } } }
    ";
    let routes = [
        "match: { path: /a }, policies: [set, nobody, site], to: origin",
        "match: { path: /b }, policies: [site, set, nobody], to: origin",
    ];
    with(
        policies,
        &routes,
        |setup| setup,
        |gateway, origin| {
            for path in ["/a", "/b"] {
                let preflight = "Origin: https://app.test\r\nAccess-Control-Request-Method: GET\r\n";
                let (reply, _) = ask(gateway, &format!("OPTIONS {path}"), preflight);
                assert_eq!(reply.expect(204).value("access-control-allow-origin"), Some("https://app.test"));
                let (reply, client) = ask(gateway, &format!("GET {path}"), "Origin: https://app.test\r\n");
                assert_eq!(reply.expect(403).value("access-control-allow-origin"), Some("https://app.test"));
                assert_eq!(gateway.log_of(client.addr())["policy"], "nobody");
            }
            assert_eq!(origin.requests().len(), 0);
        },
    );
}

// An origin may take both for the guarded path: nginx's `location /admin/` does.
#[test]
fn no_spelling_of_a_slash_leads_past_the_route_that_guards_a_path() {
    let policies = "nobody: { ip: { deny: [0.0.0.0/0] } }";
    let routes = ["match: { path: /admin/* }, policies: [nobody], to: origin"];
    for (paths, statuses) in [
        ("keep", [403, 200, 200, 200]),
        ("merge, escaped_slash: refuse", [403, 403, 400, 400]),
        ("refuse, escaped_slash: refuse", [403, 400, 400, 400]),
    ] {
        let listener = format!("paths: {{ double_slash: {paths} }},").leak();
        let strict = |setup| Setup { listener, ..setup };
        with(policies, &routes, strict, |gateway, _| {
            for (path, status) in
                ["/admin/x", "//admin/./x", "/admin%2fx", "/%61dmin%5Cx"].iter().zip(statuses)
            {
                let (reply, _) = ask(gateway, &format!("GET {path}"), "X-Origin: /ok\r\n");
                assert_eq!(reply.status, status, "{paths}: {path}");
            }
            let (reply, _) = ask(gateway, "GET /open//x", "X-Origin: /echo\r\n");
            if paths.starts_with("merge") {
                let seen = reply.expect(200).text();
                assert!(seen.starts_with("GET /open/x HTTP/1.1\r\n"), "{seen}");
            }
        });
    }
}
