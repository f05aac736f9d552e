//! The order of phases is fixed, whatever the order of names.

use super::{ask, with};

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
