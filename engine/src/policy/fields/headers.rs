//! `headers`: fields set, added, removed and renamed, of a request on its way up and of every reply on its way down.
//! What frames a message or belongs to one connection cannot be named. Nothing is refused.

use crate::config;
use crate::config::read::suggest::part_of_request;
use crate::config::read::{Part, Pointer};
use crate::policy::Facts;
use crate::policy::Verdict;
use crate::policy::fault::{Faults, FieldName};
use crate::policy::fields::is_taken_for;
use crate::policy::fields::template::Template;
use crate::policy::{Passage, State};
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::token;

/// Changes of one policy at most.
const CHANGES_MAX: usize = 256;

/// A compiled policy.
#[derive(Debug)]
pub struct Headers {
    request: Box<[Change]>,
    response: Box<[Change]>,
}

#[derive(Debug)]
enum Change {
    Remove(FieldName),
    Rename(FieldName, FieldName),
    Set(FieldName, Template),
    Append(FieldName, Template),
}

impl Headers {
    /// Compiles a policy; notes what is wrong with it.
    pub fn compile(given: &config::policy::Headers, at: &Pointer, faults: &mut Faults) -> Headers {
        if given.request.is_none() && given.response.is_none() {
            faults.key(
                at.clone(),
                "'headers' changes nothing",
                "add 'request: { ... }' or 'response: { ... }'",
            );
        }
        let mut side = |key: &str, edits: &Option<config::policy::FieldEdits>| match edits {
            Some(edits) => changes(edits, &at.key(key), faults),
            None => Box::default(),
        };
        let (request, response) = (side("request", &given.request), side("response", &given.response));
        if request.len() + response.len() > CHANGES_MAX {
            let fix = format!("{CHANGES_MAX} at most");
            faults.key(at.clone(), format!("{} changes of fields", request.len() + response.len()), fix);
        }
        Headers { request, response }
    }

    /// Changes the request's fields. *Cost*: no allocation; what the edits cost.
    pub fn decide(&self, facts: &Facts<'_>, state: &mut State<'_>) -> Verdict {
        if state.writes() {
            apply(&self.request, facts, state.passage, Some(facts.head), state.request);
        }
        Verdict::Pass
    }

    /// Changes the fields of a reply; with `None` it is one of our own, which stands in `edits`.
    pub fn dress(
        &self,
        facts: &Facts<'_>,
        passage: &mut Passage,
        reply: Option<Head<'_>>,
        edits: &mut Edits,
    ) {
        apply(&self.response, facts, passage, reply, edits);
    }

    /// Removes what it removes of a reply, under whatever name it goes on there, from an interim one.
    pub fn strip(&self, edits: &mut Edits) {
        for change in &self.response {
            if let Change::Remove(name) | Change::Rename(name, _) = change {
                edits.remove(name.name());
            }
        }
    }

    /// Whether a request's field of this name, as it was sent, does not go on.
    pub fn takes_of_request(&self, name: &[u8]) -> bool {
        self.request.iter().any(|change| change.takes(name) || change.takes_spelled(name))
    }

    /// The same of a reply's.
    pub fn takes_of_reply(&self, name: &[u8]) -> bool {
        self.response.iter().any(|change| change.takes(name))
    }

    /// The fields by which an origin is told who calls.
    pub fn identity(&self) -> impl Iterator<Item = &FieldName> {
        self.request.iter().filter_map(|change| match change {
            Change::Set(name, value) | Change::Append(name, value) if value.tells_caller() => Some(name),
            _ => None,
        })
    }

    /// The fields of a request that it sets.
    pub fn sets(&self) -> impl Iterator<Item = &FieldName> {
        self.request.iter().filter_map(|change| match change {
            Change::Set(name, _) => Some(name),
            _ => None,
        })
    }

    /// The names of a request's fields, each with the one under which it goes on.
    pub fn renames(&self) -> impl Iterator<Item = (&FieldName, &FieldName)> {
        self.request.iter().filter_map(|change| match change {
            Change::Rename(from, to) => Some((from, to)),
            _ => None,
        })
    }

    /// The names of path parameters that values read.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let values = self.request.iter().chain(&self.response).filter_map(|change| match change {
            Change::Set(_, value) | Change::Append(_, value) => Some(value),
            Change::Remove(_) | Change::Rename(..) => None,
        });
        values.flat_map(Template::parameters)
    }
}

impl Change {
    /// Whether what was sent under this name is removed or replaced.
    fn takes(&self, name: &[u8]) -> bool {
        let is = |known: &FieldName| known.text.eq_ignore_ascii_case(name);
        match self {
            Change::Remove(known) | Change::Set(known, _) => is(known),
            Change::Rename(from, to) => is(from) || is(to),
            Change::Append(..) => false,
        }
    }

    /// Whether an origin may take a request's field of this name for one that is removed or replaced.
    fn takes_spelled(&self, name: &[u8]) -> bool {
        matches!(self, Change::Remove(known) | Change::Set(known, _) if is_taken_for(&known.text, name))
    }
}

fn changes(given: &config::policy::FieldEdits, at: &Pointer, faults: &mut Faults) -> Box<[Change]> {
    let mut changes = Vec::new();
    twice(given.rename.names(), &at.key("rename"), faults);
    twice(given.set.names(), &at.key("set"), faults);
    for (index, name) in given.remove.iter().enumerate() {
        let name = faults.field(at.key("remove").item(index), Part::Value, name);
        changes.extend(name.map(Change::Remove));
    }
    for (from, to) in &given.rename.0 {
        let at = at.key("rename").key(from);
        let from = faults.field(at.clone(), Part::Key, from);
        let to = faults.field(at, Part::Value, to);
        changes.extend(from.zip(to).map(|(from, to)| Change::Rename(from, to)));
    }
    let mut valued =
        |key: &str, list: &[(String, config::values::Template)], make: fn(FieldName, Template) -> Change| {
            for (name, value) in list {
                let at = at.key(key).key(name);
                let name = faults.field(at.clone(), Part::Key, name);
                match Template::compile(value) {
                    Ok(_) if !token::is_value(value.text.as_bytes()) => {
                        faults.value(at, "a field's value holds a control byte", "write it on one line");
                    }
                    Ok(compiled) => {
                        if let Some((part, fix)) = foreign(value) {
                            faults.doubt(at, format!("'{part}' is sent as it stands"), fix);
                        }
                        changes.extend(name.map(|name| make(name, compiled)));
                    }
                    Err((message, fix)) => faults.value(at, message, fix),
                }
            }
        };
    valued("set", &given.set.0, Change::Set);
    valued("append", &given.append.0, Change::Append);
    changes.into()
}

/// A part of a request as nginx (`$host`), HAProxy (`%[src]`), Envoy (`%REQ(a)%`) or Kong (`$(headers.a)`) would name it in a
/// value, and what to write. What was put in from elsewhere has no such meaning to anybody.
fn foreign(value: &config::values::Template) -> Option<(&str, String)> {
    let text = value.text.as_str();
    let of_word = |start: usize| {
        let rest = &text[start + 1..];
        let end = rest.find(|char: char| !(char.is_ascii_lowercase() || char == '_')).unwrap_or(rest.len());
        let word = &rest[..end];
        let part = part_of_request(word)?;
        Some((&text[start..=start + end], format!("did you mean {part}?")))
    };
    let between = |open: &str, close: char| {
        let start = text.find(open)?;
        let end = text[start + open.len()..].find(close)? + start + open.len();
        let fix = "parts of a request are written so: ${client.ip}, ${host}, ${header.NAME}".to_owned();
        Some((&text[start..=end], fix))
    };
    let envoy = || {
        let (part, fix) = between("%", '%')?;
        let name = part.trim_matches('%').split('(').next().unwrap_or_default();
        let is_command = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_command.then_some((part, fix))
    };
    let nginx = || text.match_indices('$').find_map(|(start, _)| of_word(start));
    between("%[", ']').or_else(|| between("$(", ')')).or_else(envoy).or_else(nginx)
}

/// Notes a field that is named twice where only the last would count: names have no case.
fn twice<'n>(names: impl Iterator<Item = &'n str> + Clone, at: &Pointer, faults: &mut Faults) {
    for (index, name) in names.clone().enumerate() {
        if names.clone().take(index).any(|other| other.eq_ignore_ascii_case(name)) {
            let fix = "names of fields are compared without case; keep one";
            faults.key(at.key(name), format!("field '{name}' stands here twice"), fix);
        }
    }
}

fn apply(
    changes: &[Change],
    facts: &Facts<'_>,
    passage: &mut Passage,
    head: Option<Head<'_>>,
    edits: &mut Edits,
) {
    let mut space = std::mem::take(&mut passage.value);
    for change in changes {
        match change {
            Change::Remove(name) => remove(name, head, edits),
            Change::Rename(from, to) => rename(from, to, head, edits, &mut space),
            Change::Set(name, value) => {
                // Where it has no value, what the sender said there must not pass in its place.
                remove(name, head, edits);
                if let Some(value) = value.value(facts, passage, &mut space) {
                    edits.append(name.name(), value);
                }
            }
            Change::Append(name, value) => {
                if let Some(value) = value.value(facts, passage, &mut space) {
                    edits.append(name.name(), value);
                }
            }
        }
    }
    passage.value = space;
}

/// Removes what stands under a name; of a request, also what its origin may take for it.
fn remove(name: &FieldName, head: Option<Head<'_>>, edits: &mut Edits) {
    edits.remove(name.name());
    let Some(head) = head.filter(|head| head.status() == 0 && head.has(Field::OTHER)) else { return };
    for (field, sent, _) in head.lines() {
        if field == Field::OTHER && is_taken_for(&name.text, sent) {
            edits.remove(sent);
        }
    }
}

/// Gives the lines of `from` the name `to`, in place of what stands there. A message without `from` stays as it is.
fn rename(from: &FieldName, to: &FieldName, head: Option<Head<'_>>, edits: &mut Edits, space: &mut Vec<u8>) {
    let head = head.filter(|_| !edits.removes(from.field, &from.text));
    let mut sent = head.into_iter().flat_map(|head| head.all_named(&from.text)).peekable();
    let is_from = |name: &[u8]| name.eq_ignore_ascii_case(&from.text);
    // Those that were added on the way leave behind the sender's, where theirs are left: each with LF behind it, which no value holds.
    space.clear();
    for (_, _, value) in edits.added().filter(|(_, name, _)| is_from(name)) {
        space.extend_from_slice(value);
        space.push(b'\n');
    }
    if space.is_empty() && sent.peek().is_none() {
        return;
    }
    edits.remove(from.name());
    edits.remove(to.name());
    for value in sent.chain(space.split_inclusive(|byte| *byte == b'\n').map(|line| &line[..line.len() - 1]))
    {
        edits.append(to.name(), value);
    }
}
