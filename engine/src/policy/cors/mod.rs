//! `cors`: which scripts of other sites may call, and what their browsers let them see (Fetch standard §3.2). It is
//! asked first, and what it says of an origin dresses every reply after it, a 401 or a 429 too: a browser hides an
//! answer that does not name the script's origin. What an origin server says of CORS itself is removed.

mod origin;

use super::Facts;
use super::State;
use super::fault::Faults;
use super::{Cause, Verdict};
use crate::config;
use crate::config::read::{Part, Pointer};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::method::Method;
use crate::wire::token;
use origin::{Origins, Pattern};

const ALLOW_PRIVATE_NETWORK: &str = "Access-Control-Allow-Private-Network";
const REQUEST_PRIVATE_NETWORK: &[u8] = b"Access-Control-Request-Private-Network";

/// A compiled policy.
#[derive(Debug)]
pub struct Cors {
    origins: Origins,
    /// None is every method.
    methods: Option<Listed>,
    /// None is every field that is asked for.
    headers: Option<Listed>,
    expose: Option<Box<[u8]>>,
    credentials: bool,
    max_age: Option<Box<[u8]>>,
    private_network: bool,
}

/// A list of names, and as it stands in a field.
#[derive(Debug)]
struct Listed {
    names: Box<[Box<[u8]>]>,
    text: Box<[u8]>,
}

impl Listed {
    fn of(names: &[String]) -> Listed {
        Listed {
            names: names.iter().map(|name| name.as_bytes().into()).collect(),
            text: names.join(", ").into_bytes().into(),
        }
    }

    /// As it stands in a field; nothing where nobody is named.
    fn shown(self) -> Option<Box<[u8]>> {
        (!self.names.is_empty()).then_some(self.text)
    }
}

/// What a request is to CORS.
enum Asks<'r> {
    /// No script of another site.
    Nothing,
    /// A request with its Origin.
    Origin(&'r [u8]),
    /// A preflight for a method.
    Preflight(&'r [u8], &'r [u8]),
}

/// Whether a request with this head is a preflight: what it asks for is a route of the method it names.
pub fn preflight(head: Head<'_>) -> Option<&[u8]> {
    // Two origins are none that a browser sends.
    if head.method() != Method::Options || !head.has(Field::ORIGIN) || head.repeats(Field::ORIGIN) {
        return None;
    }
    head.field(Field::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Cors {
    /// Compiles a policy; notes what is wrong with it.
    pub fn compile(given: &config::policy::Cors, at: &Pointer, faults: &mut Faults) -> Cors {
        let all = given.origins.0.iter().any(|origin| origin == "*");
        if all && given.credentials {
            let fix = "name each origin, or write 'credentials: false': with credentials every site could act for its visitors";
            faults.key(at.key("credentials"), "credentials for every origin", fix);
        }
        let mut patterns = Vec::new();
        for (index, text) in given.origins.0.iter().enumerate().filter(|(_, text)| *text != "*") {
            let at =
                if given.origins.0.len() == 1 { at.key("origins") } else { at.key("origins").item(index) };
            match Pattern::parse(text) {
                Ok(pattern) => {
                    if given.credentials && pattern.holds(b"null") {
                        let fix = "name each origin, or write 'credentials: false': any page has that origin in a sandboxed frame";
                        faults.doubt(
                            at,
                            format!("credentials for the origin 'null', which '{text}' takes"),
                            fix,
                        );
                    }
                    patterns.push(pattern);
                }
                Err((message, fix)) => faults.value(at, format!("'{text}' {message}"), fix),
            }
        }
        let mut listed = |key: &str, names: &[String]| {
            if names.iter().any(|name| name == "*") {
                return None;
            }
            for name in names.iter().filter(|name| !token::is_token(name.as_bytes())) {
                faults.add(
                    at.key(key),
                    Part::Value,
                    format!("'{name}' is not a name"),
                    "use letters, digits and '-'".into(),
                );
            }
            Some(Listed::of(names))
        };
        let (methods, headers) = (listed("methods", &given.methods.0), listed("headers", &given.headers.0));
        let expose = listed("expose", &given.expose);
        for (index, name) in given.methods.0.iter().enumerate() {
            // Fetch standard §2.2.1: browsers ask for these in upper case, however a script writes them.
            let upper = name.to_ascii_uppercase();
            let is_made_upper = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"].contains(&&*upper);
            if *name != upper && (is_made_upper || upper == "PATCH") {
                let list = at.key("methods");
                let at = if given.methods.0.len() == 1 { list } else { list.item(index) };
                faults.value(at, format!("no browser asks for '{name}'"), format!("did you mean '{upper}'?"));
            }
        }
        if expose.is_none() && given.credentials {
            // Fetch standard §3.2.3: with credentials it is the name of a field.
            let fix = "name each field: with credentials a browser takes '*' for the name of one";
            faults.value(at.key("expose"), "every field exposed with credentials", fix);
        }
        Cors {
            origins: if all { Origins::All } else { Origins::Some(patterns.into()) },
            methods,
            headers,
            expose: expose.map_or_else(|| Some(Box::from(*b"*")), Listed::shown),
            credentials: given.credentials,
            max_age: given.max_age.map(|age| age.0.as_secs().to_string().into_bytes().into()),
            private_network: given.private_network,
        }
    }

    /// Answers a preflight; of every other request, says in the reply's fields who may read it. A request from an
    /// origin that is not named passes without them: it is the browser that keeps its script from the reply.
    pub fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        let asks = asks(facts.head);
        let origin = match asks {
            Asks::Nothing => None,
            Asks::Origin(origin) | Asks::Preflight(origin, _) => {
                Some(origin).filter(|origin| self.origins.hold(origin))
            }
        };
        let writes = state.writes();
        if writes {
            self.tell(origin, &mut state.passage.reply);
        }
        let Asks::Preflight(_, method) = asks else { return Verdict::Pass };
        if origin.is_none() {
            return Verdict::refuse(Cause::Origin, "origin");
        }
        if self.methods.as_ref().is_some_and(|methods| {
            !is_safelisted(method) && !methods.names.iter().any(|known| **known == *method)
        }) {
            return Verdict::refuse(Cause::Origin, "method");
        }
        let mut asked = facts.head.all(Field::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(headers) = &self.headers
            && !asked
                .clone()
                .flat_map(token::list)
                .all(|name| headers.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        {
            return Verdict::refuse(Cause::Origin, "headers");
        }
        if writes {
            let reply = &mut state.passage.reply;
            reply.append(
                Field::ACCESS_CONTROL_ALLOW_METHODS,
                self.methods.as_ref().map_or(method, |methods| &methods.text),
            );
            match &self.headers {
                Some(headers) if headers.names.is_empty() => {}
                Some(headers) => drop(reply.append(Field::ACCESS_CONTROL_ALLOW_HEADERS, &headers.text)),
                None => {
                    // Several lines would be one list; a browser sends one.
                    if let Some(names) = asked.next() {
                        reply.append(Field::ACCESS_CONTROL_ALLOW_HEADERS, names);
                    }
                }
            }
            if let Some(age) = &self.max_age {
                reply.append(Field::ACCESS_CONTROL_MAX_AGE, age);
            }
            if self.private_network && facts.head.named(REQUEST_PRIVATE_NETWORK) == Some(b"true") {
                reply.append(ALLOW_PRIVATE_NETWORK, b"true");
            }
            reply.append_own(Field::VARY, b"Access-Control-Request-Method, Access-Control-Request-Headers");
        }
        Verdict::Answer(204)
    }

    /// Says who may read the reply, in place of whatever the origin server says.
    fn tell(&self, origin: Option<&[u8]>, reply: &mut Edits) {
        for field in TOLD {
            reply.remove(field);
        }
        reply.remove(ALLOW_PRIVATE_NETWORK);
        let any = matches!(self.origins, Origins::All) && !self.credentials;
        if !any {
            reply.append_own(Field::VARY, b"Origin");
        }
        let Some(origin) = origin else { return };
        reply.append(Field::ACCESS_CONTROL_ALLOW_ORIGIN, if any { b"*" } else { origin });
        if self.credentials {
            reply.append_own(Field::ACCESS_CONTROL_ALLOW_CREDENTIALS, b"true");
        }
        if let Some(expose) = &self.expose {
            reply.append(Field::ACCESS_CONTROL_EXPOSE_HEADERS, expose);
        }
    }
}

/// What a reply says of CORS.
const TOLD: [Field; 6] = [
    Field::ACCESS_CONTROL_ALLOW_ORIGIN,
    Field::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    Field::ACCESS_CONTROL_ALLOW_METHODS,
    Field::ACCESS_CONTROL_ALLOW_HEADERS,
    Field::ACCESS_CONTROL_EXPOSE_HEADERS,
    Field::ACCESS_CONTROL_MAX_AGE,
];

/// Methods that are never asked for, and so need no naming (Fetch standard §2.2.1).
fn is_safelisted(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"POST")
}

fn asks(head: Head<'_>) -> Asks<'_> {
    match head.field(Field::ORIGIN) {
        None => Asks::Nothing,
        Some(_) if head.repeats(Field::ORIGIN) => Asks::Nothing,
        Some(origin) => match preflight(head) {
            Some(method) => Asks::Preflight(origin, method),
            None => Asks::Origin(origin),
        },
    }
}
