//! `headers` and `sanitize`: values put together from a request, changes in their order, and what does not leave.

use super::*;

#[test]
fn a_value_is_put_together_from_every_part_of_a_request() {
    let mut gate = gate(
        "key: { api_key: { header: X-API-Key } }
        tell: { headers: { request: { set: { X-All: '${header.X-In}|${query.q}|${cookie.c}|${path.id}|${path}|${client.ip}|${request.id}|${method}|${host}|${scheme}|${listener}|${route}|${consumer}|${tier}|${user}|$${x}' } } } }",
    );
    let met = gate.ask("GET /u/7?q=1%20&q=2", &format!("{ACME}X-In: a\r\nCookie: b=1; c=d\r\n"));
    assert_eq!(
        met.request.value("X-All").map(String::from_utf8_lossy).as_deref(),
        Some("a|1%20|d|7|/u/7|192.0.2.7|id-1|GET|gw.test|http|public|all|acme|partner|acme|${x}")
    );
}

#[test]
fn a_parameter_is_found_by_its_decoded_name() {
    for (query, expected) in
        [("%71=1%20", Some("1%20")), ("q%71=1&q=2", Some("2")), ("%2571=1", None), ("Q=1", None)]
    {
        let mut gate = gate("tell: { headers: { request: { set: { X-Q: '${query.q}' } } } }");
        let met = gate.ask(&format!("GET /u/7?{query}"), "");
        assert_eq!(met.request.value("X-Q").map(String::from_utf8_lossy).as_deref(), expected, "{query}");
    }
}

#[test]
fn a_field_of_whose_value_a_part_is_missing_is_removed() {
    let parts = ["header.X-In", "query.q", "cookie.c", "claim.dep", "consumer", "tier", "user"];
    for part in parts {
        let mut gate = gate(&format!(
            "tell: {{ headers: {{ request: {{ set: {{ X-A: 'a-${{{part}}}' }}, append: {{ X-B: '${{{part}}}' }} }} }} }}"
        ));
        let met = gate.ask("GET /u/7", "X-A: forged\r\nX-B: own\r\n");
        let field = crate::wire::field::Field::OTHER;
        assert_eq!((lines(&met.request), met.request.removes(field, b"x-a")), (vec![], true), "{part}");
        // One that would only be added takes nothing away.
        assert!(!met.request.removes(field, b"x-b"), "{part}");
    }
}

#[test]
fn a_field_that_connection_takes_from_the_origin_is_there_for_no_policy() {
    const TELL: &str = "tell: { headers: { request: { set: { X-A: '${header.X-T}' } } } }";
    for (policy, hidden, plain) in [
        ("p: { validate: { headers: { required: [X-T] } } }", "400 input by p", "pass"),
        ("p: { validate: { headers: { fields: { X-T: { const: '2' } } } } }", "pass", "400 input by p"),
        (
            "p: { ip: { deny: [192.0.2.7] }, when: '!(\"x-t\" in request.headers)' }",
            "403 client_address by p",
            "pass",
        ),
        ("p: { api_key: { header: X-T } }", "401 no_credentials by p", "401 api_key_unknown by p"),
    ] {
        let mut gate = gate(&format!("{policy}\n{TELL}"));
        for (connection, told, tells) in [
            ("", plain, Some("1")),
            ("Connection: keep-alive\r\n", plain, Some("1")),
            ("Connection: X-T\r\n", hidden, None),
            ("Connection: close\r\nConnection: x, x-t\r\n", hidden, None),
        ] {
            let met = gate.ask("GET /u/7", &format!("X-T: 1\r\n{connection}"));
            assert_eq!(met.told(), told, "{policy} {connection}");
            if told == "pass" {
                assert_eq!(
                    met.request.value("X-A").map(String::from_utf8_lossy).as_deref(),
                    tells,
                    "{policy}"
                );
            }
        }
    }
}

#[test]
fn a_field_that_tells_who_calls_is_the_gateways_alone_under_each_name_it_goes_on() {
    let gate = gate(
        "token: { introspection: { upstream: idp, path: /i, bearer: b, forward: { sub: X-User-Id } } }
        last: { headers: { request: { rename: { X-Uid: X-Name, X-Old: X-New } } } }
        tell: { headers: { request: { rename: { x_user_id: X-Uid } } } }
        away: { headers: { request: { rename: { X-Name: X-Away } } }, mode: off }",
    );
    for (name, is_ours) in [
        ("X-User-Id", true),
        ("X-Uid", true),
        ("x_name", true),
        ("X-Away", true),
        ("X-Old", false),
        ("X-New", false),
    ] {
        assert_eq!(gate.table.policies.identity.holds(name.as_bytes()), is_ours, "{name}");
    }
}

#[test]
fn what_a_request_loses_is_lost_in_every_spelling_and_a_reply_keeps_other_names() {
    let edits = "{ remove: [X-Rm], set: { X-Set: ours, X-None: '${header.Gone}' } }";
    let mut gate = gate(&format!("a: {{ headers: {{ request: {edits}, response: {edits} }} }}"));
    let sent = "X_Rm: 1\r\nX.rm: 2\r\nX_Set: 3\r\nX~None: 4\r\nX-Rmm: 5\r\n";
    let met = gate.ask_and_dress("GET /u/7", sent, Some(&format!("HTTP/1.1 200 OK\r\n{sent}\r\n")));
    let other = crate::wire::field::Field::OTHER;
    for (name, is_lost) in
        [("X-Rm", true), ("X_Rm", true), ("x.rm", true), ("X_Set", true), ("X~None", true), ("X-Rmm", false)]
    {
        assert_eq!(met.request.removes(other, name.as_bytes()), is_lost, "{name}");
        assert_eq!(met.reply.removes(other, name.as_bytes()), name == "X-Rm", "{name}");
    }
    assert_eq!(lines(&met.request), ["X-Set: ours"]);
    let chain = gate.table.policies.chain(ListenerId(0), RouteId(0)).expect("is there");
    assert!(chain.takes_of_request(&met.passage, b"X_Rm") && chain.takes_of_request(&met.passage, b"x.set"));
    assert!(!chain.takes_of_reply(&met.passage, b"X_Rm") && chain.takes_of_reply(&met.passage, b"x-rm"));
}

#[test]
fn changes_are_made_in_their_order_and_values_cannot_end_a_line() {
    let mut gate = gate(
        "a: { headers: { request: { append: { X-One: b }, set: { X-One: a }, rename: { X-Old: X-New }, remove: [X-Gone] } } }
        b: { headers: { request: { rename: { X-One: X-Two } } } }
        c: { headers: { request: { set: { X-From: '${header.X-Wide}' } } } }",
    );
    let met = gate.ask("GET /u/7", "X-Old: 1\r\nX-Old: 2\r\nX-New: 3\r\nX-Gone: 4\r\nX-Wide: \u{e9}\r\n");
    assert_eq!(lines(&met.request), ["X-New: 1", "X-New: 2", "X-Two: a", "X-Two: b", "X-From: \u{e9}"]);
    let other = crate::wire::field::Field::OTHER;
    for gone in ["x-old", "x-new", "x-gone", "x-one", "x-from"] {
        assert!(met.request.removes(other, gone.as_bytes()), "{gone}");
    }
}

#[test]
fn a_name_is_given_to_every_line_whoever_wrote_it() {
    let mut gate = gate(
        "one: { api_key: { header: X-One } }
        two: { api_key: { header: X-Two } }
        guests: { anonymous: allow }
        more: { headers: { request: { append: { X-Old: ours } }, response: { append: { X-Old: ours } } } }
        less: { headers: { request: { set: { X-Set: ours } } } }
        name: { headers: { request: { rename: { X-Old: X-New, X-Set: X-New-Set } }, response: { rename: { X-Old: X-New } } } }",
    );
    let sent = "X-Old: 1\r\nx-old: 2\r\nX-New: gone\r\nX-Set: theirs\r\n";
    let met = gate.ask_and_dress("GET /u/7", sent, Some(&format!("HTTP/1.1 200 OK\r\n{sent}\r\n")));
    assert_eq!(lines(&met.request), ["X-New: 1", "X-New: 2", "X-New: ours", "X-New-Set: ours"]);
    assert_eq!(lines(&met.reply), ["X-New: 1", "X-New: 2", "X-New: ours"]);
    let other = crate::wire::field::Field::OTHER;
    assert!(met.request.removes(other, b"x-old") && met.request.removes(other, b"x-new"));
    // An empty line is one.
    let met = gate.ask("GET /u/7", "X-Old:\r\n");
    assert_eq!(lines(&met.request), ["X-New: ", "X-New: ours", "X-New-Set: ours"]);
}

#[test]
fn what_is_internal_is_removed_of_a_reply_whatever_its_case() {
    let reply = "HTTP/1.1 200 OK\r\nSERVER: x/1\r\nx-powered-by: y\r\nX-Internal-Node: 7\r\nX-DEBUG-time: 1\r\nX-Debug: 2\r\nX-Mine: 3\r\n\r\n";
    for (policy, gone, kept) in [
        (
            "{}",
            &["server", "x-powered-by", "x-internal-node", "x-debug-time"][..],
            &["x-debug", "x-mine"][..],
        ),
        ("{ remove: [x-mine, Ser*] }", &["x-mine", "server"], &["x-powered-by", "x-internal-node"]),
        ("{ remove: [], errors: replace }", &[], &["server", "x-mine"]),
    ] {
        let mut gate = gate(&format!("hide: {{ sanitize: {policy} }}"));
        let met = gate.ask_and_dress("GET /u/7", "", Some(reply));
        let removes =
            |name: &str| met.reply.removes(crate::wire::field::Field::of(name.as_bytes()), name.as_bytes());
        assert!(gone.iter().all(|name| removes(name)), "{policy}: {gone:?} of {:?}", met.reply);
        assert!(kept.iter().all(|name| !removes(name)), "{policy}: {kept:?} of {:?}", met.reply);
    }
}

#[test]
fn a_part_of_a_request_in_the_words_of_others_is_sent_as_it_stands_and_warned_of() {
    let warned = |value: &str| {
        let text = format!(
            "listeners: [{{ bind: '127.0.0.1:1' }}]\npolicies: {{ tell: {{ headers: {{ request: {{ set: {{ X-A: '{value}' }} }} }} }} }}\n\
             routes: [{{ name: all, policies: [tell], respond: {{ body: ok }} }}]\n"
        );
        let mut files = Memory::default().file("x.yaml", text);
        let config = files.clone().read("x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
        let mut means = build::Means { files: &mut files as &mut dyn Source, now: Tick(1), offset: 0 };
        let built = build::build(&config, Generation(1), None, &mut means);
        let (_, warnings) = built.unwrap_or_else(|problems| panic!("{problems}"));
        warnings
            .into_iter()
            .map(|warning| (warning.message, warning.fix.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let written = "parts of a request are written so: ${client.ip}, ${host}, ${header.NAME}";
    for (value, part, fix) in [
        ("$host", "$host", "did you mean ${host}?"),
        ("for=$remote_addr;x", "$remote_addr", "did you mean ${client.ip}?"),
        ("$http_x_id", "$http_x_id", "did you mean ${header.x-id}?"),
        ("a %[src] b", "%[src]", written),
        ("%REQ(:authority)%", "%REQ(:authority)%", written),
        ("%DOWNSTREAM_REMOTE_ADDRESS%", "%DOWNSTREAM_REMOTE_ADDRESS%", written),
        ("$(headers.x-a)", "$(headers.x-a)", written),
    ] {
        assert_eq!(warned(value), [(format!("'{part}' is sent as it stands"), fix.to_owned())], "{value}");
    }
    for value in ["${host}", "a $5 note", "50%, or 60%", "$HOME", "$${x}", "$word"] {
        assert_eq!(warned(value), [], "{value}");
    }
}
