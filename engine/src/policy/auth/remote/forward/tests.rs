//! What a service's answer makes of a request.

use super::super::Trouble;
use super::*;
use crate::base::{ClientAddr, Tick};
use crate::config::Memory as Files;
use crate::policy::fields::Identity;
use crate::wire::head::{Head, Lines};
use crate::wire::http1::framing::request_length;
use crate::wire::http1::{HeadLimits, request};
use std::rc::Rc;

const SECTION: &str = "{ upstream: auth, path: /verify, send: [Cookie, X-Forwarded-Uri, X-User-Id, X-Scope, Authorization, X-Plain], \
    forward: [X-User-Id, X-Roles, Authorization], claims: { sub: X-User-Id, roles: X-Roles, scope: X-Scope } }";

fn policy() -> Forward {
    let text = format!("policies: {{ p: {{ forward_auth: {SECTION} }} }}");
    let config = Files::default().file("a.yaml", text).read("a.yaml");
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let given = config.policies.0[0].1.forward_auth.as_ref().expect("is one");
    let mut faults = Faults::default();
    let upstreams = [Known { name: "auth", is_told: false }];
    Forward::compile(given, &Pointer::default(), &upstreams, &mut faults)
        .unwrap_or_else(|| panic!("{faults:?}"))
}

/// What is decided, in a word, with what the origin and the client are told and who calls.
fn decided(answered: Option<Result<Reply, Trouble>>) -> (String, Edits, Edits, Principal) {
    let text = "POST /a?b=c HTTP/1.1\r\nHost: gw.test\r\nCookie: s=1\r\nX-Forwarded-Uri: /forged\r\n\
        Authorization: Bearer x\r\nX-User-Id: forged\r\nX-Scope: forged\r\nX-Plain: 1\r\nX-Plain: 2\r\nContent-Length: 3\r\n\r\n";
    let mut lines = Lines::new();
    request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a request");
    let client = [192, 0, 2, 1].into();
    let policy = policy();
    let ours = Identity::new(policy.identity().cloned());
    let facts = Facts {
        head: Head::new(text.as_bytes(), &lines),
        ours: &ours,
        length: request_length(Head::new(text.as_bytes(), &lines)).expect("is framed"),
        path: b"/a",
        parameters: &[],
        client: Some(client),
        peer: ClientAddr::Ip((client, 1).into()),
        certificate: None,
        is_https: false,
        host: b"gw.test",
        listener: "l",
        route: "r",
        request_id: b"id-1",
        now: Tick::default(),
        unix_ms: 0,
        by: Tick::NEVER,
    };
    let (mut edits, mut told, mut principal) = (Edits::new(), Edits::new(), Principal::default());
    let answered = answered.map(Rc::new);
    let said = match policy.decide(&facts, answered.as_ref(), &mut principal, (&mut edits, &mut told)) {
        Decided::Call(call) => String::from_utf8(call.head).expect("is text"),
        Decided::Pass => "pass".to_owned(),
        Decided::Redirect(status) => status.to_string(),
        Decided::Refuse(Verdict::Refuse(refusal), _) => {
            format!("{} {}", refusal.cause.status(), refusal.detail)
        }
        Decided::Refuse(..) => panic!("a refusal refuses"),
    };
    (said, edits, told, principal)
}

fn reply(status: u16, fields: &[(&str, &str)]) -> Option<Result<Reply, Trouble>> {
    let fields =
        fields.iter().map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into())).collect();
    Some(Ok(Reply { status, fields, body: Vec::new() }))
}

#[test]
fn the_service_sees_what_was_named_and_what_the_gateway_knows_and_nothing_that_only_the_gateway_says() {
    let expected = "GET /verify HTTP/1.1\r\nHost: auth\r\nX-Forwarded-Method: POST\r\nX-Forwarded-Uri: /a?b=c\r\n\
        X-Forwarded-Host: gw.test\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 192.0.2.1\r\nX-Request-Id: id-1\r\n\
        Cookie: s=1\r\nAuthorization: Bearer x\r\nX-Plain: 1\r\nX-Plain: 2\r\n\r\n";
    assert_eq!(decided(None).0, expected);
}

#[test]
fn a_good_answer_names_the_caller_and_tells_the_origin() {
    let (said, edits, told, principal) = decided(reply(
        204,
        &[("x-user-id", "ann"), ("X-Roles", "a, b"), ("X-Other", "no"), ("X-Scope", "s t")],
    ));
    assert_eq!((said.as_str(), principal.subject()), ("pass", Some(&b"ann"[..])));
    assert_eq!(edits.value(&b"x-user-id"[..]), Some(&b"ann"[..]));
    assert!(edits.value(&b"x-other"[..]).is_none() && told.is_empty());
    assert!(principal.has_role(b"b") && principal.has_scope(b"t"));
    let (said, edits, _, principal) = decided(reply(200, &[]));
    assert!(said == "pass" && edits.is_empty() && principal.is_known() && principal.subject().is_none());
    let hostile = "a\",\"roles\":[\"admin\"],\"x\":\"";
    let (_, _, _, principal) = decided(reply(200, &[("X-User-Id", hostile)]));
    assert_eq!(principal.subject(), Some(hostile.as_bytes()));
    assert!(!principal.has_role(b"admin"));
}

#[test]
fn a_refusal_is_passed_back_with_chosen_fields_and_all_else_is_no_answer() {
    for (status, fields, expected, field, value) in [
        (
            401,
            &[("WWW-Authenticate", "Basic realm=\"x\"")][..],
            "401 service_denies",
            "www-authenticate",
            "Basic realm=\"x\"",
        ),
        (401, &[], "401 service_denies", "www-authenticate", "Bearer realm=\"api\""),
        (403, &[("Set-Cookie", "a=b"), ("X-Secret", "s")], "403 service_forbids", "set-cookie", "a=b"),
        (302, &[("Location", "/login")], "302", "location", "/login"),
        (301, &[("Location", "/login")], "301", "cache-control", "no-store"),
        (308, &[("Location", "/login"), ("Cache-Control", "max-age=5")], "308", "cache-control", "max-age=5"),
        (401, &[("Cache-Control", "private")], "401 service_denies", "cache-control", "private"),
        (302, &[], "503 answer_unusable", "location", ""),
        (304, &[("Location", "/x")], "503 answer_unusable", "location", ""),
        (404, &[("WWW-Authenticate", "x")], "503 answer_unusable", "www-authenticate", ""),
        (500, &[], "503 answer_unusable", "location", ""),
    ] {
        let (said, edits, told, principal) = decided(reply(status, fields));
        assert_eq!(said, expected);
        assert_eq!(told.value(field.as_bytes()).unwrap_or_default(), value.as_bytes(), "{status}");
        assert!(edits.is_empty() && !principal.is_known() && told.value(&b"x-secret"[..]).is_none());
    }
    for (trouble, expected) in [
        (Trouble::Late, "503 answer_late"),
        (Trouble::Unreachable, "503 no_answer"),
        (Trouble::Unusable, "503 answer_unusable"),
    ] {
        assert_eq!(decided(Some(Err(trouble))).0, expected);
    }
}
