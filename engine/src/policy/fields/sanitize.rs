//! `sanitize`: what of a reply is internal does not leave: fields that tell of software and insides, and where asked
//! the bodies of errors, which may hold stack traces. Nothing is refused.

use crate::config;
use crate::config::policy::Errors;
use crate::config::read::Pointer;
use crate::policy::fault::Faults;
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::head::Head;
use crate::wire::token;

/// What is removed unless a list is given. The doc comment of the key and the operator's page say the same.
pub const REMOVED: [&str; 9] = [
    "Server",
    "X-Powered-By",
    "X-AspNet-Version",
    "X-AspNetMvc-Version",
    "X-Generator",
    "X-Runtime",
    "X-Backend-Server",
    "X-Debug-*",
    "X-Internal-*",
];

/// A compiled policy.
#[derive(Debug)]
pub struct Sanitize {
    /// Well-known fields that are removed.
    known: FieldSet,
    known_list: Box<[Field]>,
    /// Other names, in lower case.
    names: Box<[Box<[u8]>]>,
    /// How other names begin, in lower case.
    prefixes: Box<[Box<[u8]>]>,
    /// Whether an error's body is replaced.
    pub replaces_errors: bool,
}

impl Sanitize {
    /// Compiles a policy; notes what is wrong with it.
    pub fn compile(given: &config::policy::Sanitize, at: &Pointer, faults: &mut Faults) -> Sanitize {
        if given.remove.as_ref().is_some_and(Vec::is_empty) && given.errors == Errors::Keep {
            let fix = "name fields, remove the key 'remove' to have the usual ones removed, or write 'errors: replace'";
            faults.key(at.clone(), "'sanitize' changes nothing", fix);
        }
        let (mut known_list, mut names, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |name: &str| {
            let lower = name.to_ascii_lowercase().into_bytes().into_boxed_slice();
            match lower.strip_suffix(b"*") {
                Some(prefix) => prefixes.push(prefix.into()),
                None if Field::of(&lower) != Field::OTHER => known_list.push(Field::of(&lower)),
                None => names.push(lower),
            }
        };
        match &given.remove {
            None => REMOVED.iter().for_each(|name| add(name)),
            Some(list) => {
                for (index, name) in list.iter().enumerate() {
                    let at = at.key("remove").item(index);
                    match name.strip_suffix('*') {
                        Some(prefix) if prefix.len() < 3 || !token::is_token(prefix.as_bytes()) => {
                            faults.value(
                                at,
                                format!("'{name}' is not the beginning of a name"),
                                "write at least three letters before '*', such as X-Internal-*",
                            );
                        }
                        Some(_) => add(name),
                        // A token may hold one (RFC 9110 §5.6.2), but nobody's name does.
                        None if name.contains('*') => {
                            let fix = "write '*' at the end, such as X-Internal-*";
                            faults.value(at, format!("'{name}' has a '*' in its middle"), fix);
                        }
                        None => {
                            if faults.field(at, config::read::Part::Value, name).is_some() {
                                add(name);
                            }
                        }
                    }
                }
            }
        }
        Sanitize {
            known: FieldSet::of(&known_list),
            known_list: known_list.into(),
            names: names.into(),
            prefixes: prefixes.into(),
            replaces_errors: given.errors == Errors::Replace,
        }
    }

    /// Removes what is internal from an upstream's reply. *Cost*: two comparisons of sets where nothing of it occurs
    /// and every name is well known, else a walk over the lines.
    pub fn dress(&self, reply: Option<Head<'_>>, edits: &mut Edits) {
        let Some(reply) = reply else { return };
        if reply.seen().meets(self.known) {
            self.known_list.iter().filter(|field| reply.has(**field)).for_each(|field| edits.remove(*field));
        }
        if (self.names.is_empty() && self.prefixes.is_empty()) || !self.may_occur(reply) {
            return;
        }
        for (_, name, _) in reply.lines() {
            if self.is_internal(name) {
                edits.remove(name);
            }
        }
    }

    /// Whether a field of this name is removed.
    pub fn takes(&self, name: &[u8]) -> bool {
        self.known.contains(Field::of(name)) || self.is_internal(name)
    }

    /// Prefixes may be those of well-known names too.
    fn may_occur(&self, reply: Head<'_>) -> bool {
        !self.prefixes.is_empty() || reply.has(Field::OTHER)
    }

    fn is_internal(&self, name: &[u8]) -> bool {
        let begins =
            |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix));
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            || self.prefixes.iter().any(|prefix| begins(prefix))
    }
}
