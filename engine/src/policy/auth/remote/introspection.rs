//! Tokens that mean nothing by themselves: the authorization server that issued them says what they are (RFC 7662). What
//! it says is remembered for a while and no longer than the token is good: who may call, and apart from them, so that
//! made-up tokens push nobody out, who may not. Both are bounded as `jwt/cache` is, and keyed by a hash that
//! only this process can make. Cost, remembered: one HMAC and a look-up, no allocation.

use super::super::denial::{Challenge, Denial};
use super::super::document::{Kind, Value};
use super::super::flaw::Flaw;
use super::super::jwt::{Cache, Rules, Window, claim_path, claims_forward, places};
use super::super::principal::{ClaimPath, Method, Principal};
use super::super::registry::{Blind, Registry};
use super::super::source::{Place, find_in, percent_decoded};
use super::super::{Outcome, base64url};
use super::service::Known;
use super::{Answered, Call, Reply, Service};
use crate::config::policy::Introspection as Given;
use crate::wire::head::Head;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of a token at most.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// What is remembered for longer is worth a warning.
const CACHE_USUAL: Duration = Duration::from_secs(300);
/// The same for all that is kept: nothing here depends on keys.
const VERSION: [u8; 32] = [0; 32];

/// A policy that has tokens looked up.
#[derive(Debug)]
pub struct Introspection {
    /// No other policy of this process has the same, but those that are made of an equal section: see [`Introspection::succeed`].
    id: u64,
    given: Given,
    from: Box<[Place]>,
    service: Service,
    /// The head of each question.
    head: Box<[u8]>,
    blind: Blind,
    rules: Rules,
    cache_ms: i64,
    inactive_ms: i64,
    consumer: Option<ClaimPath>,
    challenge: Challenge,
    forward: Box<[(ClaimPath, Box<str>)]>,
}

/// What a shard remembers for one policy.
#[derive(Debug, Default)]
pub struct Memory {
    owner: u64,
    active: Cache,
    inactive: Cache,
}

impl Introspection {
    /// Compiles `given`; notes what is wrong with it.
    pub fn compile(
        given: &Given,
        blind: &Blind,
        upstreams: &[Known<'_>],
        flaws: &mut Vec<Flaw>,
    ) -> Option<Introspection> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let before = flaws.len();
        let what = (&*given.upstream, &*given.path, given.host.as_deref());
        let service = Service::compile(what, given.timeout.0, upstreams, flaws);
        let authorization = authorization(given, flaws);
        let from = places("from", &given.from, flaws);
        let from = if given.from.is_empty() { vec![Place::Bearer] } else { from };
        let texts = |list: &[String]| list.iter().map(|text| text.as_bytes().into()).collect();
        let mut paths = |key: &'static str, list: &[String], default: &[&str]| -> Vec<ClaimPath> {
            let given = list.iter().map(String::as_str);
            let texts: Vec<&str> = if list.is_empty() { default.to_vec() } else { given.collect() };
            let path = |(index, text): (usize, &&str)| claim_path(key, Some(index), text, flaws);
            texts.iter().enumerate().filter_map(path).collect()
        };
        let rules = Rules {
            issuers: given.issuer.as_ref().map_or_else(Vec::new, |list| texts(&list.0)),
            audiences: given.audience.as_ref().map_or_else(Vec::new, |list| texts(&list.0)),
            any_audience: given.audience.is_none(),
            leeway_ms: i64::try_from(given.leeway.0.as_millis()).unwrap_or(i64::MAX),
            require_exp: false,
            nulls_say_nothing: true,
            required: paths("require_claims", &given.require_claims, &[]),
            scopes: paths("scope_claims", &given.scope_claims, &["scope", "scp"]),
            roles: paths("role_claims", &given.role_claims, &["roles"]),
        };
        let consumer = given.consumer_claim.as_ref();
        let consumer = consumer.and_then(|text| claim_path("consumer_claim", None, text, flaws));
        let forward = claims_forward(&given.forward, flaws);
        let service = service.filter(|_| flaws.len() == before)?;
        if given.cache.0 > CACHE_USUAL {
            let message = "a token that was revoked lets in until what was said of it is forgotten";
            let fix = "a cache of some minutes spares most questions; the default is 30s";
            flaws.push(Flaw::at("cache", message, fix).warning());
        }
        let Service { path, host, .. } = &service;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Accept: application/json\r\n{}\r\n",
            authorization?
        );
        Some(Introspection {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            given: given.clone(),
            from: from.into(),
            service,
            head: head.into_bytes().into(),
            blind: blind.clone(),
            rules,
            cache_ms: i64::try_from(given.cache.0.as_millis()).unwrap_or(i64::MAX),
            inactive_ms: i64::try_from(given.cache_inactive.0.as_millis()).unwrap_or(i64::MAX),
            consumer,
            challenge: Challenge::bearer(&given.realm),
            forward,
        })
    }

    /// Goes on with what was remembered for `before`, where it was made of an equal section.
    pub fn succeed(&mut self, before: &Introspection) {
        if self.given == before.given {
            self.id = before.id;
        }
    }

    /// Decides by the token of the request; `answered` is what became of the call asked for before. The principal is about
    /// nobody unless the outcome is [`Outcome::Known`].
    pub fn decide(
        &self,
        (head, unix_ms): (Head<'_>, u64),
        answered: Option<&Answered>,
        registry: &Registry,
        memory: &mut Memory,
        principal: &mut Principal,
    ) -> Outcome {
        principal.clear();
        let token = match self.token(head) {
            Ok(None) => return Outcome::Absent,
            Ok(Some(token)) => token,
            Err(denial) => return Outcome::Denied(denial),
        };
        let token = &*token;
        if memory.owner != self.id {
            *memory = Memory { owner: self.id, ..Memory::default() };
        }
        let now = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        let tag = self.blind.tag(&[&self.id.to_be_bytes(), token]);
        let outcome = match answered {
            Some(answered) => match &**answered {
                Ok(reply) => self.read(reply, (&tag, now), memory, principal),
                Err(trouble) => Err(Denial::from(*trouble)),
            },
            None if memory.active.find(&tag, &VERSION, now, principal) => Ok(()),
            None if memory.inactive.find(&tag, &VERSION, now, principal) => Err(Denial::Inactive),
            None => return Outcome::Call(Box::new(self.call(token, tag))),
        };
        match outcome {
            Ok(()) => {
                registry.name_by(self.consumer.as_ref(), principal);
                Outcome::Known
            }
            Err(denial) => {
                principal.clear();
                Outcome::Denied(denial)
            }
        }
    }

    /// The token of the request as it was issued: of a query parameter, percent-decoded. *Cost*: a copy only of what is escaped.
    fn token<'h>(&self, head: Head<'h>) -> Result<Option<Cow<'h, [u8]>>, Denial> {
        let Some((place, token)) = find_in(&self.from, head)? else { return Ok(None) };
        match (place, token) {
            (_, b"") => Err(Denial::Malformed),
            _ if token.len() > TOKEN_BYTES_MAX => Err(Denial::TooLong),
            (Place::Query(_), _) if token.contains(&b'%') => {
                let mut room = vec![0; token.len()];
                let len = percent_decoded(token, &mut room).ok_or(Denial::Malformed)?.len();
                room.truncate(len);
                Ok(Some(room.into()))
            }
            _ => Ok(Some(token.into())),
        }
    }

    fn call(&self, token: &[u8], tag: [u8; 32]) -> Call {
        let mut body = b"token_type_hint=access_token&token=".to_vec();
        form_encoded(token, &mut body);
        let Service { upstream, timeout, .. } = self.service;
        Call { upstream, head: self.head.to_vec(), body, timeout, wants_body: true, share: Some(tag) }
    }

    /// What the server says of the token (RFC 7662 §2.2), remembered.
    fn read(
        &self,
        reply: &Reply,
        (tag, now): (&[u8; 32], i64),
        memory: &mut Memory,
        principal: &mut Principal,
    ) -> Result<(), Denial> {
        // 401 says that it does not know us, not that the token is bad.
        if reply.status != 200 {
            return Err(Denial::AnswerUnusable);
        }
        let claims = principal.claims_mut();
        claims.read(&reply.body).map_err(|_| Denial::AnswerUnusable)?;
        let root = claims.root().filter(|root| root.kind() == Kind::Object).ok_or(Denial::AnswerUnusable)?;
        let active = root.member(b"active").filter(|value| value.kind() == Kind::Bool).map(Value::bytes);
        match active {
            Some(b"true") => {}
            Some(_) => {
                let window = Window { from: i64::MIN, until: now.saturating_add(self.inactive_ms) };
                principal.clear();
                if self.inactive_ms > 0 {
                    memory.inactive.keep(tag, &VERSION, window, principal);
                }
                return Err(Denial::Inactive);
            }
            None => return Err(Denial::AnswerUnusable),
        }
        let checked = self.rules.check(claims, now);
        // A claim of the wrong kind is no fault of the caller here.
        let (marks, window) = checked.map_err(|denial| match denial {
            Denial::Claims => Denial::AnswerUnusable,
            other => other,
        })?;
        principal.admit(Method::Introspection, marks);
        if self.cache_ms > 0 {
            let until = window.until.min(now.saturating_add(self.cache_ms));
            memory.active.keep(tag, &VERSION, Window { until, ..window }, principal);
        }
        Ok(())
    }

    /// What a caller without a token is asked for.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Whether a claim says which consumer calls.
    pub fn names_consumers(&self) -> bool {
        self.consumer.is_some()
    }

    /// Claims that are sent on, each in a field of the upstream's request.
    pub fn forward(&self) -> &[(ClaimPath, Box<str>)] {
        &self.forward
    }

    /// Where a token is looked for.
    pub fn places(&self) -> &[Place] {
        &self.from
    }

    /// Whom it asks.
    pub fn service(&self) -> &Service {
        &self.service
    }
}

/// The field by which the server knows us, with its CRLF; empty where none is given.
fn authorization(given: &Given, flaws: &mut Vec<Flaw>) -> Option<String> {
    match (&given.client_id, &given.client_secret, &given.bearer) {
        (Some(id), Some(secret), None) => {
            // RFC 6749 §2.3.1: both are form-encoded first.
            let mut pair = Vec::new();
            form_encoded(id.as_bytes(), &mut pair);
            pair.push(b':');
            form_encoded(secret.0.as_bytes(), &mut pair);
            Some(format!("Authorization: Basic {}\r\n", base64(&pair)))
        }
        (None, None, Some(token))
            if !token.0.is_empty() && token.0.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Some(format!("Authorization: Bearer {}\r\n", token.0))
        }
        (None, None, Some(_)) => {
            flaws.push(Flaw::at("bearer", "this is not a token", "write visible characters without spaces"));
            None
        }
        (None, None, None) => {
            let message = "an authorization server tells nobody about tokens whom it does not know";
            let fix = "give 'client_id' and 'client_secret', or 'bearer' (RFC 7662 §2.1)";
            flaws.push(Flaw::at("", message, fix));
            None
        }
        _ => {
            let message = "the server cannot know us in two ways, or by half of one";
            flaws.push(Flaw::at("", message, "give both 'client_id' and 'client_secret', or 'bearer' alone"));
            None
        }
    }
}

/// Standard base64 with its padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    base64url::encode_onto(bytes, &mut text);
    let mut text = String::from_utf8_lossy(&text).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Appends a value of `application/x-www-form-urlencoded`.
fn form_encoded(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
}

#[cfg(test)]
mod tests;
