//! Forward auth: a service is asked of each request, with chosen fields of it and what it is for. A 2xx lets it pass and
//! gives fields that the origin is told; 401, 403 and redirects are the client's answer, with chosen fields; all else is
//! no answer, and nobody passes by it. Nothing is remembered: what the service goes by is not known here.

use super::super::denial::{Challenge, Denial};
use super::super::principal::{ClaimPath, Marks, Method, Principal};
use super::service::Known;
use super::{Answered, Call, Reply, Service};
use crate::config::policy::ForwardAuth as Given;
use crate::config::read::{Part, Pointer};
use crate::policy::fault::{Faults, FieldName};
use crate::policy::{Cause, Facts, Verdict};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::http1::encode;
use crate::wire::token::is_value;
use std::io::Write;

/// Redirects that a client may be sent.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];
/// What is sent and passed back where nothing is named.
const SENT: [&str; 2] = ["Authorization", "Cookie"];
const PASSED_BACK: [&str; 4] = ["WWW-Authenticate", "Location", "Set-Cookie", "Cache-Control"];

/// A policy that has a service decide.
#[derive(Debug)]
pub struct Forward {
    service: Service,
    /// Fields of the request that it sees.
    sent: Box<[FieldName]>,
    /// Fields of its answer that the origin is told.
    forward: Box<[FieldName]>,
    /// Fields of its answer that the client is told of a refusal.
    passed_back: Box<[FieldName]>,
    /// Claims of the principal, each by the field that holds it.
    claims: Box<[(Box<str>, FieldName)]>,
    challenge: Challenge,
}

/// What the service has decided.
#[derive(Debug)]
pub enum Decided {
    /// It must be asked.
    Call(Box<Call>),
    /// The request passes; the principal and the edits are filled in.
    Pass,
    /// The request is refused, and the client is sent elsewhere, with the fields filled in: to sign in, as a rule.
    Redirect(u16),
    /// The request is refused, and the refusal's fields are filled in.
    Refuse(Verdict, Denial),
}

impl Forward {
    /// Compiles `given`, which stands at `at`; notes what is wrong with it.
    pub fn compile(
        given: &Given,
        at: &Pointer,
        upstreams: &[Known<'_>],
        faults: &mut Faults,
    ) -> Option<Forward> {
        let before = faults.0.len();
        let mut flaws = Vec::new();
        let what = (&*given.upstream, &*given.path, given.host.as_deref());
        let service = Service::compile(what, given.timeout.0, upstreams, &mut flaws);
        faults.flaws(at, flaws);
        let mut names = |key: &str, list: &Option<Vec<String>>, usual: &[&str]| -> Box<[FieldName]> {
            let usual: Vec<String> = usual.iter().map(|name| (*name).to_owned()).collect();
            let list = list.as_ref().unwrap_or(&usual);
            let named =
                |(index, name): (usize, &String)| faults.field(at.key(key).item(index), Part::Value, name);
            list.iter().enumerate().filter_map(named).collect()
        };
        let sent = names("send", &given.send, &SENT);
        let forward = names("forward", &given.forward, &[]);
        let passed_back = names("answer", &given.answer, &PASSED_BACK);
        let mut claims = Vec::new();
        for (claim, field) in &given.claims.0 {
            let place = at.key("claims").key(claim);
            if let Err(why) = ClaimPath::new(claim) {
                faults.value(place.clone(), format!("'{claim}' {why}"), "write a name such as sub");
            }
            if let Some(field) = faults.field(place, Part::Value, field) {
                claims.push((claim.as_str().into(), field));
            }
        }
        let service = service.filter(|_| faults.0.len() == before)?;
        let challenge = Challenge::bearer(&given.realm);
        Some(Forward { service, sent, forward, passed_back, claims: claims.into(), challenge })
    }

    /// Decides by what was `answered`, or says what to ask. Fills in the origin's fields in `edits`, what a refusal or a
    /// redirect tells in `told`.
    pub fn decide(
        &self,
        facts: &Facts<'_>,
        answered: Option<&Answered>,
        principal: &mut Principal,
        (edits, told): (&mut Edits, &mut Edits),
    ) -> Decided {
        principal.clear();
        let Some(answered) = answered else { return Decided::Call(Box::new(self.call(facts))) };
        let reply = match &**answered {
            Ok(reply) => reply,
            Err(trouble) => return undecided(Denial::from(*trouble)),
        };
        let (cause, denial) = match reply.status {
            200..=299 => {
                return match self.admit(reply, principal) {
                    Some(()) => {
                        self.tell(reply, edits);
                        Decided::Pass
                    }
                    None => undecided(Denial::AnswerUnusable),
                };
            }
            401 => (Cause::Unauthenticated, Denial::Service),
            403 => (Cause::Forbidden, Denial::ServiceForbids),
            status if REDIRECTS.contains(&status) && reply.all(b"location").next().is_some() => {
                self.pass_back(reply, told);
                if told.value(Field::CACHE_CONTROL).is_none() {
                    // 301 and 308 may be kept unless forbidden (RFC 9110 §15.1), and would send elsewhere who is signed in by then.
                    told.append_own(Field::CACHE_CONTROL, b"no-store");
                }
                return Decided::Redirect(status);
            }
            _ => return undecided(Denial::AnswerUnusable),
        };
        self.pass_back(reply, told);
        if cause == Cause::Unauthenticated && told.value(Field::WWW_AUTHENTICATE).is_none() {
            // A 401 must have one (RFC 9110 §15.5.2).
            let mut value = Vec::new();
            self.challenge.write(Denial::Absent, b"", &mut value);
            told.append(Field::WWW_AUTHENTICATE, &value);
        }
        Decided::Refuse(Verdict::refuse(cause, denial.word()), denial)
    }

    fn tell(&self, reply: &Reply, edits: &mut Edits) {
        for field in &self.forward {
            // In place of what others have said under the name.
            for (at, value) in reply.all(&field.text).enumerate() {
                match at {
                    0 => edits.set(field.name(), value),
                    _ => edits.append(field.name(), value),
                };
            }
        }
    }

    fn pass_back(&self, reply: &Reply, told: &mut Edits) {
        for field in &self.passed_back {
            for value in reply.all(&field.text) {
                told.append(field.name(), value);
            }
        }
    }

    /// Who calls, as the fields of the answer say. None where what they say cannot be kept.
    fn admit(&self, reply: &Reply, principal: &mut Principal) -> Option<()> {
        let mut json = serde_json::Map::new();
        for (claim, field) in &self.claims {
            let values: Vec<&[u8]> = reply.all(&field.text).collect();
            let text = String::from_utf8_lossy(&values.join(&b","[..])).into_owned();
            if values.is_empty() || text.is_empty() {
                continue;
            }
            let value = match &**claim {
                "roles" => text.split(',').map(str::trim).filter(|role| !role.is_empty()).collect(),
                _ => serde_json::Value::from(text),
            };
            json.insert(claim.to_string(), value);
        }
        let text = serde_json::Value::Object(json).to_string();
        principal.claims_mut().read(text.as_bytes()).ok()?;
        let place = |name: &[u8]| principal.claims().member(name).map(|value| value.place());
        let marks = Marks { subject: place(b"sub"), scopes: place(b"scope"), roles: place(b"roles") };
        principal.admit(Method::ForwardAuth, marks);
        Some(())
    }

    fn call(&self, facts: &Facts<'_>) -> Call {
        let Service { upstream, path, host, timeout } = &self.service;
        let mut head = Vec::with_capacity(512);
        let mut line = |name: &[u8], value: &[u8]| {
            if is_value(value) {
                head.extend_from_slice(name);
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
        };
        line(b"X-Forwarded-Method", facts.head.method_bytes());
        // As it is routed and sent on: of two spellings of a path the service would allow one, and the origin serve the other.
        let query = facts.head.query().map(|query| [&b"?"[..], query].concat());
        line(b"X-Forwarded-Uri", &[facts.path, &query.unwrap_or_default()].concat());
        line(b"X-Forwarded-Host", facts.host);
        line(b"X-Forwarded-Proto", if facts.is_https { b"https" } else { b"http" });
        if let Some(client) = facts.client {
            line(b"X-Forwarded-For", client.to_string().as_bytes());
        }
        line(b"X-Request-Id", facts.request_id);
        for field in &self.sent {
            if OWN.iter().any(|own| own.eq_ignore_ascii_case(&field.text)) {
                continue;
            }
            if is_credential(field.field) && !encode::is_nominated(facts.head, &field.text) {
                facts.head.all_named(&field.text).for_each(|value| line(&field.text, value));
            } else {
                // Nobody writes his own name where the gateway tells who calls.
                facts.sent().all_named(&field.text).for_each(|value| line(&field.text, value));
            }
        }
        let mut whole = Vec::with_capacity(head.len() + 128);
        // A vector takes all that is written.
        let _ = write!(whole, "GET {path} HTTP/1.1\r\nHost: {host}\r\n");
        whole.append(&mut head);
        whole.extend_from_slice(b"\r\n");
        let timeout = *timeout;
        Call { upstream: *upstream, head: whole, body: Vec::new(), timeout, wants_body: false, share: None }
    }

    /// Fields by which the origin is told, and those that say here who calls: where the service's are not sent on, a client's own
    /// would be taken for them.
    pub fn identity(&self) -> impl Iterator<Item = &FieldName> {
        self.forward.iter().chain(self.claims.iter().map(|(_, field)| field))
    }

    /// Fields of the request that it sees.
    pub fn sent(&self) -> &[FieldName] {
        &self.sent
    }

    /// Whom it asks.
    pub fn service(&self) -> &Service {
        &self.service
    }
}

/// Fields of a question that say what the gateway knows: a client's own are not sent beside them.
const OWN: [&[u8]; 6] = [
    b"X-Forwarded-Method",
    b"X-Forwarded-Uri",
    b"X-Forwarded-Host",
    b"X-Forwarded-Proto",
    b"X-Forwarded-For",
    b"X-Request-Id",
];

/// Whether a field is there to be verified: the service sees the client's, also where the origin is sent another one under the name.
pub fn is_credential(field: Field) -> bool {
    matches!(field, Field::AUTHORIZATION | Field::COOKIE)
}

fn undecided(denial: Denial) -> Decided {
    Decided::Refuse(Verdict::refuse(Cause::Undecided, denial.word()), denial)
}

#[cfg(test)]
mod tests;
