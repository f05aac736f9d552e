//! `cors`: what a preflight is answered, and what every reply says of who may read it (Fetch standard §3.2).

use super::*;
use crate::wire::field::Field;

const SITE: &str = "site: { cors: { origins: ['https://app.test', 'https://*.app.test'], methods: [PUT], headers: [X-A, X-B], \
    expose: [X-C], credentials: true, max_age: 10m, private_network: true } }";

fn preflight(origin: &str, method: &str, more: &str) -> String {
    format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n{more}")
}

#[test]
fn a_preflight_is_answered_for_what_is_allowed_and_refused_for_all_else() {
    let mut gate = gate(SITE);
    let asks = |headers: &str| format!("Access-Control-Request-Headers: {headers}\r\n");
    for (fields, told) in [
        (preflight("https://app.test", "PUT", &asks("x-a, X-B")), "answer 204"),
        (preflight("https://a.b.app.test", "PUT", ""), "answer 204"),
        // GET, HEAD and POST need no naming.
        (preflight("https://app.test", "POST", ""), "answer 204"),
        (preflight("https://app.test", "DELETE", ""), "403 method by site"),
        // Methods have a case.
        (preflight("https://app.test", "put", ""), "403 method by site"),
        (preflight("https://app.test", "PUT", &asks("x-a, x-d")), "403 headers by site"),
        (preflight("http://app.test", "PUT", ""), "403 origin by site"),
        (preflight("https://app.test.evil", "PUT", ""), "403 origin by site"),
        (preflight("https://evilapp.test", "PUT", ""), "403 origin by site"),
        (preflight("null", "PUT", ""), "403 origin by site"),
        // An OPTIONS without a method to ask for is a request like any other.
        ("Origin: https://app.test\r\n".to_owned(), "pass"),
        (String::new(), "pass"),
    ] {
        assert_eq!(gate.ask("OPTIONS /u/7", &fields).told(), told, "{fields}");
    }
    assert_eq!(gate.counted("site"), [5, 7, 0]);
}

#[test]
fn a_preflights_answer_says_all_that_may_be_sent() {
    let more = "Access-Control-Request-Headers: x-a\r\nAccess-Control-Request-Private-Network: true\r\n";
    let met = gate(SITE).ask("OPTIONS /u/7", &preflight("https://app.test", "PUT", more));
    let mut said = lines(&met.reply);
    said.sort();
    assert_eq!(
        said,
        [
            "Access-Control-Allow-Credentials: true",
            "Access-Control-Allow-Headers: X-A, X-B",
            "Access-Control-Allow-Methods: PUT",
            "Access-Control-Allow-Origin: https://app.test",
            "Access-Control-Allow-Private-Network: true",
            "Access-Control-Expose-Headers: X-C",
            "Access-Control-Max-Age: 600",
            "Vary: Access-Control-Request-Method, Access-Control-Request-Headers",
            "Vary: Origin",
        ]
    );
}

#[test]
fn a_reply_names_the_origin_that_may_read_it_and_no_other() {
    for (policy, origin, said) in [
        (SITE, "https://app.test", "https://app.test"),
        (SITE, "https://other.test", ""),
        ("site: { cors: { origins: '*' } }", "https://other.test", "*"),
        (
            "site: { cors: { origins: 'regex:https://[a-z]+[.]test' } }",
            "https://abc.test",
            "https://abc.test",
        ),
        ("site: { cors: { origins: 'regex:https://[a-z]+[.]test' } }", "https://abc.test.evil", ""),
    ] {
        let met = gate(policy).ask("GET /u/7", &format!("Origin: {origin}\r\n"));
        assert_eq!(met.told(), "pass");
        let told = met.reply.value("Access-Control-Allow-Origin").unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(told), said, "{policy} {origin}");
        // What the origin server says of it is removed either way.
        for part in ["Origin", "Credentials", "Methods", "Headers", "Private-Network"]
            .map(|part| format!("Allow-{part}"))
            .iter()
            .map(String::as_str)
            .chain(["Expose-Headers", "Max-Age"])
        {
            let name = format!("Access-Control-{part}");
            assert!(
                met.reply.removes(Field::of(name.as_bytes()), name.as_bytes()),
                "{policy} {origin} {name}"
            );
        }
    }
    // Two origins are none that a browser sends.
    let met = gate(SITE).ask("GET /u/7", "Origin: https://app.test\r\nOrigin: https://app.test\r\n");
    assert_eq!(met.reply.value("Access-Control-Allow-Origin"), None);
}

#[test]
fn what_an_answer_depends_on_stands_in_it_whatever_is_written_to_vary() {
    for (change, said) in [
        ("set: { Vary: Accept }", &["Vary: Accept", "Vary: Origin"][..]),
        ("remove: [Vary]", &["Vary: Origin"]),
        ("rename: { Vary: X-Vary }", &["X-Vary: Accept-Language", "X-Vary: Origin", "Vary: Origin"]),
        ("append: { Vary: Accept }", &["Vary: Origin", "Vary: Accept"]),
        ("set: { X-A: b }", &["Vary: Origin", "X-A: b"]),
    ] {
        let mut gate = gate(&format!("{SITE}\nfields: {{ headers: {{ response: {{ {change} }} }} }}"));
        let replied = "HTTP/1.1 200 OK\r\nVary: Accept-Language\r\n\r\n";
        let met = gate.ask_and_dress("GET /u/7", "", Some(replied));
        assert_eq!(lines(&met.reply), said, "{change}");
    }
}

#[test]
fn a_reply_names_the_fields_that_may_be_read_and_every_field_only_without_credentials() {
    for (expose, said) in
        [("[X-A, X-B]", Some("X-A, X-B")), ("['*']", Some("*")), ("[X-A, '*']", Some("*")), ("[]", None)]
    {
        let policy = format!("site: {{ cors: {{ origins: 'https://app.test', expose: {expose} }} }}");
        let met = gate(&policy).ask("GET /u/7", "Origin: https://app.test\r\n");
        let told = met.reply.value("Access-Control-Expose-Headers").map(String::from_utf8_lossy);
        assert_eq!(told.as_deref(), said, "{expose}");
    }
}
