//! What an authorization server says, and how long it is remembered.

use super::super::Trouble;
use super::*;
use crate::config::Memory as Files;
use crate::policy::auth::registry::Entry;
use crate::wire::head::Lines;
use crate::wire::http1::{HeadLimits, request};
use std::rc::Rc;

const NOW: u64 = 1_000_000;

fn compiled(section: &str) -> (Option<Introspection>, Vec<Flaw>) {
    let text = format!("policies: {{ p: {{ introspection: {section} }} }}");
    let config = Files::default().file("a.yaml", text).read("a.yaml");
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    let given = config.policies.0[0].1.introspection.as_ref().expect("is one");
    let mut flaws = Vec::new();
    let upstreams = [Known { name: "auth", is_told: false }];
    let policy = Introspection::compile(given, &Blind::of(&[3; 32]), &upstreams, &mut flaws);
    (policy, flaws)
}

/// A policy with all that is lent for a request.
struct Rig {
    policy: Introspection,
    registry: Registry,
    memory: Memory,
    principal: Principal,
}

impl Rig {
    fn new(more: &str) -> Rig {
        let (policy, flaws) = compiled(&format!(
            "{{ upstream: auth, path: /i, client_id: gw, client_secret: 'a b:c', {more} }}"
        ));
        let acme = Entry { name: "acme".into(), tier: "gold".into(), ..Entry::default() };
        Rig {
            policy: policy.unwrap_or_else(|| panic!("{flaws:?}")),
            registry: Registry::new(&[acme], &Blind::of(&[3; 32])),
            memory: Memory::default(),
            principal: Principal::default(),
        }
    }

    fn decide(&mut self, token: &str, now: u64, answered: Option<Result<Reply, Trouble>>) -> Outcome {
        self.decide_on(
            &format!("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"),
            now,
            answered,
        )
    }

    fn decide_on(&mut self, text: &str, now: u64, answered: Option<Result<Reply, Trouble>>) -> Outcome {
        let mut lines = Lines::new();
        request::parse(text.as_bytes(), &mut lines, &HeadLimits::default()).expect("is a request");
        let head = Head::new(text.as_bytes(), &lines);
        let answered = answered.map(Rc::new);
        let Rig { policy, registry, memory, principal } = self;
        policy.decide((head, now), answered.as_ref(), registry, memory, principal)
    }

    /// Asks for the token, answers so, and gives the denial's word, or `known`.
    fn answered(&mut self, status: u16, body: &str) -> &'static str {
        assert!(matches!(self.decide("t", NOW, None), Outcome::Call(_)));
        let reply = Reply { status, fields: Vec::new(), body: body.into() };
        word(&self.decide("t", NOW, Some(Ok(reply))))
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Known => "known",
        Outcome::Call(_) => "call",
        Outcome::Denied(denial) => denial.word(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_question_is_that_of_rfc_7662() {
    let mut rig = Rig::new("");
    let Outcome::Call(call) = rig.decide("a+b/c=", NOW, None) else { panic!("nobody is asked") };
    assert_eq!(call.body, b"token_type_hint=access_token&token=a%2Bb%2Fc%3D");
    let head = String::from_utf8_lossy(&call.head).into_owned();
    assert!(head.starts_with("POST /i HTTP/1.1\r\nHost: auth\r\n"), "{head}");
    // gw:a+b%3Ac
    assert!(head.contains("\r\nAuthorization: Basic Z3c6YStiJTNBYw==\r\n"), "{head}");
    let Outcome::Call(other) = rig.decide("other", NOW, None) else { panic!("nobody is asked") };
    assert!(call.share.is_some() && call.share != other.share);
    // Two policies share nothing: they may ask different servers.
    let Outcome::Call(second) = Rig::new("").decide("a+b/c=", NOW, None) else { panic!("nobody is asked") };
    assert_ne!(call.share, second.share);
}

#[test]
fn the_token_asked_for_is_the_one_that_was_issued_wherever_it_stands() {
    let mut rig = Rig::new("from: [{ query: access_token }, { cookie: t }]");
    let asked = |outcome: Outcome| match outcome {
        Outcome::Call(call) => Ok((
            String::from_utf8(call.body).expect("is text").replace("token_type_hint=access_token&", ""),
            call.share,
        )),
        other => Err(word(&other)),
    };
    let mut of_query = |query: &str, fields: &str| {
        asked(rig.decide_on(&format!("GET /?{query} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"), NOW, None))
    };
    let (body, share) = of_query("access_token=ab%2Bc%3D", "").expect("is asked for");
    assert_eq!(body, "token=ab%2Bc%3D");
    // However it is escaped, it is one token, whose answer is remembered once.
    assert_eq!(of_query("access_token=%61b+c=", "").expect("is asked for"), (body.clone(), share));
    assert_eq!(of_query("access_token=ab+c=", "").expect("is asked for"), (body, share));
    assert_eq!(of_query("access_token=a%2", ""), Err("malformed_credentials"));
    assert_eq!(of_query("access_token=a%zz", ""), Err("malformed_credentials"));
    // Elsewhere a percent sign is the token's own.
    assert_eq!(of_query("a=b", "Cookie: t=ab%2Bc\r\n").expect("is asked for").0, "token=ab%252Bc");
}

#[test]
fn only_a_plain_yes_lets_in() {
    for (status, body, expected) in [
        (200, r#"{"active":true,"sub":"ann"}"#, "known"),
        (200, r#"{"active":false}"#, "token_inactive"),
        (200, r#"{"active":"true"}"#, "answer_unusable"),
        (200, r#"{"active":1}"#, "answer_unusable"),
        (200, "{}", "answer_unusable"),
        (200, "[true]", "answer_unusable"),
        (200, "", "answer_unusable"),
        (200, r#"{"active":true"#, "answer_unusable"),
        (200, r#"{"active":false,"active":true}"#, "answer_unusable"),
        (201, r#"{"active":true}"#, "answer_unusable"),
        (401, r#"{"active":true}"#, "answer_unusable"),
        (500, r#"{"active":true}"#, "answer_unusable"),
        (200, r#"{"active":true,"exp":999}"#, "token_expired"),
        (200, r#"{"active":true,"nbf":1001}"#, "token_not_yet"),
        (200, r#"{"active":true,"exp":"soon"}"#, "answer_unusable"),
        // What a server does not know it may write as null.
        (
            200,
            r#"{"active":true,"exp":null,"nbf":null,"iss":null,"aud":null,"sub":null,"jti":null}"#,
            "known",
        ),
        (200, r#"{"active":null}"#, "answer_unusable"),
    ] {
        let mut rig = Rig::new("");
        assert_eq!(rig.answered(status, body), expected, "{body}");
        assert_eq!(rig.principal.is_known(), expected == "known");
    }
    let mut rig = Rig::new("audience: api, issuer: https://id, require_claims: [sub]");
    for (body, expected) in [
        (r#"{"active":true,"aud":"api","iss":"https://id","sub":"a"}"#, "known"),
        (r#"{"active":true,"aud":"web","iss":"https://id","sub":"a"}"#, "token_audience"),
        (r#"{"active":true,"aud":"api","iss":"https://other","sub":"a"}"#, "token_issuer"),
        (r#"{"active":true,"aud":"api","iss":"https://id"}"#, "token_claim_missing"),
    ] {
        rig.memory = Memory::default();
        assert_eq!(rig.answered(200, body), expected, "{body}");
    }
}

#[test]
fn a_yes_is_remembered_until_the_token_ends_and_a_no_for_a_while() {
    for (more, body, until) in [
        ("cache: 30s", r#"{"active":true,"sub":"ann"}"#, Some(30_000)),
        ("cache: 30s", r#"{"active":true,"sub":"ann","exp":1005}"#, Some(5_000)),
        ("cache: 30s, leeway: 2s", r#"{"active":true,"sub":"ann","exp":1005}"#, Some(7_000)),
        ("cache: 0s", r#"{"active":true,"sub":"ann"}"#, None),
        ("cache_inactive: 5s", r#"{"active":false}"#, Some(5_000)),
        ("cache_inactive: 0s", r#"{"active":false}"#, None),
    ] {
        let mut rig = Rig::new(more);
        let first = rig.answered(200, body);
        let Some(until) = until else {
            assert_eq!(word(&rig.decide("t", NOW, None)), "call", "{more}");
            continue;
        };
        assert_eq!(word(&rig.decide("t", NOW + until - 1, None)), first, "{more} {body}");
        assert_eq!(rig.principal.subject(), (first == "known").then_some(&b"ann"[..]));
        assert_eq!(word(&rig.decide("t", NOW + until, None)), "call", "{more} {body}");
        assert_eq!(word(&rig.decide("u", NOW, None)), "call", "another token");
    }
}

#[test]
fn made_up_tokens_push_out_nobody_and_stay_within_their_bound() {
    let mut rig = Rig::new("");
    assert_eq!(rig.answered(200, r#"{"active":true,"sub":"ann"}"#), "known");
    for number in 0..10_000 {
        let reply = Reply { status: 200, fields: Vec::new(), body: br#"{"active":false}"#.to_vec() };
        assert_eq!(word(&rig.decide(&number.to_string(), NOW, Some(Ok(reply)))), "token_inactive");
    }
    assert!(rig.memory.inactive.size().0 <= 2048 && rig.memory.active.size().0 == 1);
    assert_eq!(word(&rig.decide("t", NOW, None)), "known");
}

#[test]
fn without_an_answer_nobody_is_let_in_and_nothing_is_remembered() {
    let mut rig = Rig::new("");
    for (trouble, expected) in [
        (Trouble::Late, "answer_late"),
        (Trouble::Unreachable, "no_answer"),
        (Trouble::Unusable, "answer_unusable"),
    ] {
        assert_eq!(word(&rig.decide("t", NOW, Some(Err(trouble)))), expected);
        assert_eq!(word(&rig.decide("t", NOW, None)), "call");
    }
}

#[test]
fn the_answer_tells_scopes_roles_and_the_consumer() {
    let mut rig = Rig::new("consumer_claim: client_id, role_claims: [realm.roles]");
    let body = r#"{"active":true,"client_id":"acme","scope":"a b","realm":{"roles":["r"]}}"#;
    assert_eq!(rig.answered(200, body), "known");
    for _ in 0..2 {
        assert_eq!(
            (rig.principal.consumer(), rig.principal.tier()),
            (Some(&b"acme"[..]), Some(&b"gold"[..]))
        );
        assert!(rig.principal.has_scope(b"b") && rig.principal.has_role(b"r"));
        assert_eq!(word(&rig.decide("t", NOW, None)), "known");
    }
}

#[test]
fn a_server_that_could_not_know_us_is_a_problem() {
    for (section, part) in [
        ("{ upstream: auth, path: /i }", "whom it does not know"),
        ("{ upstream: auth, path: /i, client_id: a }", "in two ways, or by half"),
        (
            "{ upstream: auth, path: /i, client_id: a, client_secret: b, bearer: c }",
            "in two ways, or by half",
        ),
        ("{ upstream: auth, path: /i, bearer: 'a b' }", "not a token"),
        ("{ upstream: nobody, path: /i, bearer: a }", "no upstream 'nobody'"),
    ] {
        let (policy, flaws) = compiled(section);
        assert!(policy.is_none() && flaws[0].message.contains(part), "{section}: {flaws:?}");
    }
}
