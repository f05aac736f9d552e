//! JSON Schema 2020-12, compiled when the configuration is loaded. A schema may refer to the others that are given;
//! nothing is ever fetched. Expressions run in linear time: lookaround and back-references are refused.

use super::json::{Document, Form};
use super::message::{message, rule};
use super::violation::{Violations, shortened};
use crate::config::policy::Document as Given;
use crate::config::read::Pointer;
use crate::config::values::Named;
use crate::policy::fault::Faults;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Registry, ValidationError, Validator};
use serde_json::Value;

/// Values of a document up to which all its errors are searched for: they are found before the first is told, and each
/// takes memory. Of a larger one the first error is told.
const DETAILED_VALUES_MAX: usize = 4096;

/// Levels of a document up to which a recursive schema tells what is wrong. Past it, only that it does not fit: whether
/// it does is found once for each value and schema, but why is not.
const DETAILED_DEPTH_MAX: u16 = 6;

/// Bytes of what the validator says of a schema that `check` shows.
const TOLD_BYTES_MAX: usize = 300;

/// The dialect that is read.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// One schema, compiled.
#[derive(Debug)]
pub struct Schema {
    validator: Validator<Form>,
    /// Its key in the configuration, as rules name it.
    key: Box<str>,
    /// Whether it goes on within itself. To tell the errors of one that does may take as long as there are ways to choose
    /// between its branches, which grow with each level of a document.
    recursive: bool,
}

/// The schemas that others may refer to.
#[derive(Debug)]
pub struct Library<'c> {
    registry: Registry<'c>,
    /// Whether one of them goes on within itself, or refers to others and so may.
    recursive: bool,
    /// Their URIs, for naming dialects.
    names: Vec<&'c str>,
    assert_format: bool,
}

impl<'c> Library<'c> {
    /// Collects `given`, which stand at `at` and are `known` by [`known`].
    pub fn new(
        (given, known): (&'c Named<Given>, &'c [Known]),
        assert_format: bool,
        at: &Pointer,
        faults: &mut Faults,
    ) -> Option<Library<'c>> {
        for (name, document) in &given.0 {
            check_itself(document, &at.key(name), faults)?;
        }
        let mut builder = Registry::new().draft(Draft::Draft202012).retriever(Nowhere);
        for Known { name, uri, value } in known {
            builder = match builder.add(uri.as_str(), Draft::Draft202012.create_resource_ref(value)) {
                Ok(builder) => builder,
                Err(error) => {
                    let fix = "write a name such as address, or a URI such as https://example.com/address";
                    faults.key(at.key(name), format!("'{name}' cannot name a schema: {error}"), fix);
                    return None;
                }
            };
        }
        let id = |known: &'c Known| known.value.get("$id").and_then(Value::as_str);
        let names = known.iter().flat_map(|known| [Some(known.uri.as_str()), id(known)]).flatten().collect();
        match builder.prepare() {
            Ok(registry) => {
                let recursive = given.0.iter().any(|(_, document)| goes_on_within(&document.value, true));
                Some(Library { registry, recursive, names, assert_format })
            }
            Err(error) => {
                let reason = error.to_string();
                let place = given.0.iter().find_map(|(_, document)| {
                    reference(document, &reason).map(|pointer| document.place(&pointer))
                });
                let message = format!("a reference leads nowhere: {}", shortened(&reason, TOLD_BYTES_MAX));
                match place {
                    Some(place) => faults.within(at.clone(), place, message, UNRESOLVED),
                    None => faults.value(at.clone(), message, UNRESOLVED),
                }
                None
            }
        }
    }

    /// Compiles `document`, which stands at `at`; rules name it `key`. None when it cannot be; what is wrong is noted.
    pub fn compile(&self, document: &Given, key: &str, at: &Pointer, faults: &mut Faults) -> Option<Schema> {
        if let Some(dialect) = document.value.get("$schema").and_then(Value::as_str)
            && dialect.trim_end_matches('#') != DIALECT
            && !self.names.contains(&dialect)
        {
            let place = document.place("/$schema");
            let fix = format!("write it in {DIALECT}, or give the dialect's own schema in 'schemas'");
            faults.within(at.clone(), place, format!("the dialect '{dialect}' is not read"), fix);
            return None;
        }
        let options = jsonschema::options_for::<Form>()
            .with_draft(Draft::Draft202012)
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(self.assert_format)
            .with_registry(&self.registry)
            .with_base_uri(document.base.as_str());
        match options.build(&document.value) {
            Ok(validator) => {
                let recursive = goes_on_within(&document.value, self.recursive);
                Some(Schema { validator, key: key.into(), recursive })
            }
            Err(error) => {
                refuse(document, &error, at, faults);
                None
            }
        }
    }
}

/// A schema, and one URI that others know it by.
#[derive(Debug)]
pub struct Known {
    name: String,
    uri: String,
    value: Value,
}

/// What `given` schemas are known by: a name or a URI, and where that is no URI by itself, a file's path too. Of a file
/// that is known by a URI what it refers to is relative to that; of any other, to its path.
pub fn known(given: &Named<Given>) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for (name, document) in &given.0 {
        let uri = resolved(name, &document.folder);
        let mut value = document.value.clone();
        let is_path = document.is_file() && uri != *name;
        if let (true, Some(members)) = (is_path, value.as_object_mut()) {
            members.entry("$id").or_insert_with(|| document.base.as_str().into());
            if known.iter().all(|known| known.uri != document.base) {
                known.push(Known { name: name.clone(), uri: document.base.clone(), value: value.clone() });
            }
        }
        known.push(Known { name: name.clone(), uri, value });
    }
    known
}

/// The URI that `name` stands for in a file of `folder`.
fn resolved(name: &str, folder: &str) -> String {
    let scheme = name.split(':').next().unwrap_or_default();
    let absolute = scheme.len() < name.len()
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if absolute { name.to_owned() } else { format!("{folder}{name}") }
}

/// Fetches nothing.
struct Nowhere;

impl jsonschema::Retrieve for Nowhere {
    fn retrieve(
        &self,
        _: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("it is none of the schemas that are given".into())
    }
}

const UNRESOLVED: &str =
    "name a part of this schema (#/$defs/NAME), or a schema of 'schemas' by its name, its path or its $id";

/// Holds a schema to the schema of schemas.
fn check_itself(document: &Given, at: &Pointer, faults: &mut Faults) -> Option<()> {
    match jsonschema::draft202012::meta::validate(&document.value) {
        Ok(()) => Some(()),
        Err(error) => {
            refuse(document, &error, at, faults);
            None
        }
    }
}

/// Notes why a schema cannot be compiled, at its place.
fn refuse(document: &Given, error: &ValidationError<'_>, at: &Pointer, faults: &mut Faults) {
    let told = shortened(&error.to_string(), TOLD_BYTES_MAX);
    if let ValidationErrorKind::Referencing(reason) = error.kind() {
        let place = document.place(&reference(document, &reason.to_string()).unwrap_or_default());
        faults.within(at.clone(), place, format!("a reference leads nowhere: {told}"), UNRESOLVED);
        return;
    }
    let pointer = error.instance_path().as_str();
    let fix = match pointer.rsplit('/').next() {
        Some("pattern") => "write an expression without lookaround and back-references",
        Some("type") => "write a type's name, or a list of names; quote \"null\"",
        _ => "see https://json-schema.org/draft/2020-12 for what a schema may say",
    };
    faults.within(at.clone(), document.place(pointer), format!("not a JSON Schema: {told}"), fix);
}

/// Where the reference that `reason` tells of stands in `document`.
fn reference(document: &Given, reason: &str) -> Option<String> {
    let mut found = None;
    walk(&document.value, &mut String::new(), &mut |at, target| {
        let (before, fragment) = target.split_once('#').unwrap_or((target, ""));
        let tells = |part: &str| !part.is_empty() && reason.contains(part);
        if found.is_none() && (tells(fragment) || tells(before)) {
            found = Some(at.to_owned());
        }
    });
    found
}

/// Whether a schema refers to something it is a part of, by whatever detour. References that are not to a part of this
/// schema by its pointer count as `elsewhere` says.
fn goes_on_within(value: &Value, elsewhere: bool) -> bool {
    let (mut local, mut other) = (Vec::new(), false);
    walk(value, &mut String::new(), &mut |at, target| match target.strip_prefix('#') {
        Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
            local.push((at.to_owned(), pointer.to_owned()));
        }
        _ => other = true,
    });
    // From each reference to those in what it refers to, and from there on.
    let leads_back = |start: usize| {
        let (mut seen, mut next) = (vec![false; local.len()], vec![start]);
        while let Some(from) = next.pop() {
            let (_, target) = &local[from];
            for (to, (at, _)) in local.iter().enumerate() {
                let inside = at.strip_prefix(target.as_str()).is_some_and(|rest| rest.starts_with('/'));
                if inside && to == start {
                    return true;
                }
                if inside && !std::mem::replace(&mut seen[to], true) {
                    next.push(to);
                }
            }
        }
        false
    };
    other && elsewhere || (0..local.len()).any(leads_back)
}

/// Visits every reference. The reader of configurations bounds the nesting.
fn walk(value: &Value, at: &mut String, visit: &mut dyn FnMut(&str, &str)) {
    let len = at.len();
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                at.push_str(&super::violation::step(key));
                match value {
                    Value::String(target) if matches!(key.as_str(), "$ref" | "$dynamicRef") => {
                        visit(at, target)
                    }
                    _ => walk(value, at, visit),
                }
                at.truncate(len);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                walk(item, at, visit);
                at.truncate(len);
            }
        }
        _ => {}
    }
}

impl Schema {
    /// Whether `document` fits; if not, what is wrong is noted, at places that begin with `part`.
    pub fn check(&self, document: &Document<'_>, part: &str, violations: &mut Violations) -> bool {
        if self.validator.is_valid(document.root()) {
            return true;
        }
        self.tell(document, part, violations);
        false
    }

    #[cold]
    fn tell(&self, document: &Document<'_>, part: &str, violations: &mut Violations) {
        let mut add = |error: ValidationError<'_>| {
            let at = format!("{part}{}", error.instance_path().as_str());
            violations.add(at, rule(&error, &self.key), message(&error));
        };
        if self.recursive && document.depth() > DETAILED_DEPTH_MAX {
            violations.add(part, format!("{}#", self.key), "does not fit the schema");
            return;
        }
        if document.values() > DETAILED_VALUES_MAX {
            if let Err(error) = self.validator.validate(document.root()) {
                add(error);
            }
            return;
        }
        self.validator.iter_errors(document.root()).for_each(add);
    }
}
