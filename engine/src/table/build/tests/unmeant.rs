//! What is read and probably not meant: warned of, with what to write instead.

use super::*;

/// What a configuration tells that differs from the good one.
fn warned(from: &str, to: &str) -> Vec<String> {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "{from} stands in it");
    let (_, warnings) = built(&text);
    warnings
        .iter()
        .map(|warning| {
            warning.message.clone() + &warning.fix.iter().map(|fix| format!(" | {fix}")).collect::<String>()
        })
        .collect()
}

#[test]
fn a_key_that_another_one_takes_all_effect_is_a_warning() {
    let listener = "'[::1]:8080'] }";
    let spare = "pool: { connections: 5, idle: 3s }";
    for (from, to, expected) in [
        (
            listener,
            "'[::1]:8080'], limits: { handshakes: 5 } }",
            "'handshakes' of listener 'public' bounds nothing: it speaks no TLS | remove it, or add 'tls'",
        ),
        (
            listener,
            "'[::1]:8080'], limits: { streams_per_connection: 5 } }",
            "'streams_per_connection' of listener 'public' bounds nothing: it speaks no http2 | remove it, or add http2 to 'protocols'",
        ),
        (
            spare,
            "pool: { ping: 1m }",
            "'ping' of upstream 'spare' asks nobody: its servers speak http1 | remove it, or add 'protocol: http2'",
        ),
        (
            spare,
            "pool: { idle: 3s }, proxy_protocol: v2",
            "'idle' of upstream 'spare' bounds nothing: with 'proxy_protocol' no connection is kept | remove it",
        ),
        (
            "'[::1]:83'",
            "'[::1]:443'",
            "'[::1]:443' of upstream 'spare' is called without TLS | add 'tls: {}' to the upstream, or write the port of plain http",
        ),
        (
            "total: 60s",
            "total: 2s, first_byte: 3s",
            "'first_byte' of route 'rest' is never reached: 'total' is over before | remove it, or give 'total' more than 'first_byte'",
        ),
        (
            "connections: 5, idle: 3s } }\nroutes:\n",
            "connections: 5 }, protocol: http2 }\nroutes:\n  - { name: calls, match: { path: /c, methods: [GET] }, grpc_web: true, to: spare }\n",
            "'grpc_web' of route 'calls' meets no call: each is a POST | add POST to 'methods', or remove 'grpc_web'",
        ),
        (
            "connections: 5, idle: 3s } }\nroutes:\n",
            "connections: 5 }, protocol: http2 }\nroutes:\n  - { name: ws, match: { path: /c }, upgrade: [WebSocket, foo], to: spare }\n",
            "'foo' of route 'ws' is passed to nobody: its upstreams speak HTTP/2 | remove it, or write 'protocol: http1' for the upstream",
        ),
    ] {
        assert_eq!(warned(from, to), [expected], "{to}");
    }
    for (from, to) in [
        (listener, "'[::1]:8080'], protocols: [http1, http2], limits: { streams_per_connection: 5 } }"),
        (spare, "protocol: http2, pool: { ping: 1m, idle: 3s }"),
        ("total: 60s", "total: 2s"),
        (
            "connections: 5, idle: 3s } }\nroutes:\n",
            "connections: 5 }, protocol: http2 }\nroutes:\n  - { name: calls, match: { path: /c, methods: [GET, POST] }, grpc_web: true, to: spare }\n",
        ),
        // One of them passes it.
        ("pool: { connections: 5, idle: 3s } }", "pool: { connections: 5, idle: 3s }, protocol: http2 }"),
    ] {
        assert_eq!(warned(from, to), [""; 0], "{to}");
    }
}

#[test]
fn letters_that_mean_something_elsewhere_are_a_warning() {
    let path = "path: /api/orders/*";
    for (to, expected) in [
        (
            "path: '/api/:user/orders/:id'",
            "path '/api/:user/orders/:id' takes ':' as it stands | write /api/{user}/orders/{id} where any segment may stand",
        ),
        (
            "headers: { X-A: 'a.b*' }",
            "value 'a.b*' takes '*' as it stands | write regex:a\\.b.* for all that begins so, or exact:a.b*",
        ),
    ] {
        assert!(warned(path, to).contains(&expected.to_owned()), "{to} {:?}", warned(path, to));
    }
    for to in [
        "path: ['/api/a:b', '/api/:', 'regex:/api/:id']",
        "headers: { X-A: 'exact:a*', X-B: '*', X-C: 'regex:a*', Accept: 'text/*' }",
    ] {
        let told = warned(path, to);
        assert!(!told.iter().any(|line| line.contains("as it stands")), "{to} {told:?}");
    }
}

#[test]
fn a_redirect_that_leads_to_itself_is_a_warning() {
    let own = |path: &str| format!("route 'rest' sends clients to where they come from, '{path}'");
    for (rest, expected) in [
        ("match: { path: [/c, /d] }, redirect: { path: /d }", Some("/d")),
        ("match: { path: /d }, redirect: { to: /d, status: 302 }", Some("/d")),
        ("match: { path: /d, methods: [POST] }, redirect: { path: /d, status: 307 }", Some("/d")),
        // Elsewhere, or to what another route takes.
        ("match: { path: /d, methods: [POST] }, redirect: { path: /d, status: 303 }", None),
        ("match: { path: /d }, redirect: { path: /d, scheme: https }", None),
        ("match: { path: /d, query: { a: b } }, redirect: { path: /d }", None),
        ("match: { path: /* }, redirect: { path: /d }", None),
        ("match: { path: '/d/{id}' }, redirect: { path: '/{id}' }", None),
    ] {
        let (_, warnings) = built(&GOOD.replace(
            "  - name: rest\n    timeouts: { total: 60s }\n    to: spare\n",
            &format!("  - {{ name: rest, {rest} }}\n"),
        ));
        let told: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
        let expected: Vec<String> = expected.map(own).into_iter().collect();
        assert_eq!(told, expected, "{rest}");
    }
}

#[test]
fn a_redirect_to_https_at_the_own_port_is_a_warning() {
    let at = |port: &str| format!("'[::1]:8080'], redirect_https: {port} }}");
    assert_eq!(
        warned("'[::1]:8080'] }", &at("8080")),
        [
            "'redirect_https' of listener 'public' sends clients to its own port, 8080 | write the port where clients find https, or true for 443"
        ]
    );
    assert_eq!(warned("'[::1]:8080'] }", &at("8443")), [""; 0]);
}

#[test]
fn what_is_told_of_a_path_that_another_route_takes_fits_their_kinds() {
    let told = |first: &str, last: &str| {
        let (_, warnings) = built(&GOOD.replace(
            "    to: spare\n",
            &format!("    match: {{ {first} }}\n    to: spare\n  - {{ name: last, match: {{ {last} }}, to: spare }}\n"),
        ));
        warnings.iter().filter_map(|warning| warning.fix.clone()).collect::<Vec<String>>()
    };
    let kinds = "a prefix comes before an expression wherever it stands: write regex:/.* in route 'rest', or a template such as /u/{id} here";
    let equal = "the first of equal routes wins; remove one";
    assert_eq!(told("path: /*", "path: 'regex:/u/[0-9]+'"), [kinds]);
    assert_eq!(told("path: /u", "path: /u"), [equal]);
    assert_eq!(told("path: 'regex:/u+'", "path: 'regex:/u+'"), [equal]);
    assert_eq!(told("path: 'regex:/.*'", "path: 'regex:/u+'"), [""; 0]);
}

#[test]
fn a_route_whose_match_is_faulty_is_not_compared_with_others() {
    let text = GOOD.to_owned() + "  - { name: last, match: { host: 'a.com:8080' }, to: spare }\n";
    let told = told(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("names a port"), "{told:?}");
}
