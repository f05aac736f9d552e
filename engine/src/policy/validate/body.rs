//! The body of a request: whether there may be one, what it says it is, how large it is, and what it is.

use super::json::{DEPTH_MAX, Document, Tape};
use super::media::{Accepted, Media};
use super::schema::{Library, Schema};
use super::violation::Violations;
use super::{Cause, Refusal, Scratch};
use crate::config::policy::Body as Given;
use crate::config::read::Pointer;
use crate::policy::fault::Faults;
use crate::wire::field::Field;
use crate::wire::head::Head;
use crate::wire::http1::framing::{self, Length};
use crate::wire::token::is_token;

/// Bytes of a body that is held, unless the operator gives another bound.
const HELD_BYTES: u64 = 1024 * 1024;

/// Bytes of a held body that can be asked for: a larger one would stop a shard while it is read.
const HELD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The detail of a refusal for a body that cannot be read for its coding.
pub(super) const CODED: &str = "content_encoding";

/// What is wrong with a body that may not be.
const FORBIDDEN: &str = "is there, and this method has none";

/// What is asked of a body.
#[derive(Debug)]
pub struct Body {
    required: Methods,
    forbidden: Methods,
    types: Vec<Accepted>,
    schema: Option<Schema>,
    bytes: Option<u64>,
    depth: u16,
}

/// Some methods, by name.
#[derive(Debug, Default)]
struct Methods {
    any: bool,
    names: Vec<Box<[u8]>>,
}

impl Methods {
    fn compile(given: &[String], at: &Pointer, faults: &mut Faults) -> Methods {
        let mut methods = Methods::default();
        for (index, name) in given.iter().enumerate() {
            if name == "any" {
                methods.any = true;
            } else if !is_token(name.as_bytes()) || name.bytes().any(|byte| byte.is_ascii_lowercase()) {
                let fix = "write it as it is sent, such as POST, or 'any'";
                faults.value(at.item(index), format!("'{name}' is not a method"), fix);
            } else {
                methods.names.push(name.as_bytes().into());
            }
        }
        methods
    }

    /// Whether an origin may take `method` for one of them: some do not mind the case.
    fn has(&self, method: &[u8]) -> bool {
        self.any || self.names.iter().any(|name| name.eq_ignore_ascii_case(method))
    }
}

impl Body {
    /// Compiles `given`, which stands at `at`.
    pub fn compile(given: &Given, library: &Library<'_>, at: &Pointer, faults: &mut Faults) -> Body {
        let required = Methods::compile(&given.required, &at.key("required"), faults);
        let forbidden = Methods::compile(&given.forbidden, &at.key("forbidden"), faults);
        for (index, name) in given.forbidden.iter().enumerate() {
            let is_any = name == "any" && !given.required.is_empty();
            if required.any || is_any || given.required.contains(name) {
                let fix = "remove it here or from 'required'";
                faults.value(
                    at.key("forbidden").item(index),
                    format!("{name} both must and must not have a body"),
                    fix,
                );
            }
        }
        let mut types = Vec::new();
        for (index, text) in given.types.iter().enumerate() {
            match Accepted::parse(text) {
                Some(accepted) => types.push(accepted),
                None => {
                    let fix =
                        "write application/json, application/*+json, text/*, or a type with its parameters";
                    faults.value(at.key("types").item(index), format!("'{text}' is not a content type"), fix);
                }
            }
        }
        if given.schema.is_some() && given.types.is_empty() {
            types.extend(
                ["application/json", "application/*+json"].iter().filter_map(|text| Accepted::parse(text)),
            );
        }
        if given.depth == 0 || given.depth > DEPTH_MAX {
            let fix = format!("write 1 to {DEPTH_MAX}");
            faults.value(at.key("depth"), format!("'depth' is {}", given.depth), fix);
        }
        let bytes = given.bytes.map(|size| size.0);
        if given.schema.is_some() && bytes.is_some_and(|bytes| bytes == 0 || bytes > HELD_BYTES_MAX) {
            let fix = "write 1B to 64MiB: a body is held until it is checked";
            faults.value(at.key("bytes"), "a body of that size is not checked", fix);
        }
        let schema = given
            .schema
            .as_ref()
            .and_then(|schema| library.compile(schema, "body.schema", &at.key("schema"), faults));
        let bytes = if given.schema.is_some() { bytes.or(Some(HELD_BYTES)) } else { bytes };
        Body { required, forbidden, types, schema, bytes, depth: given.depth }
    }

    /// Bytes of it at most, where it is held: with a schema, and of unknown length wherever there is a bound.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Holds what the head tells of the body to what is asked, and says how many bytes of it are needed to go on. Whether
    /// there is a body of unknown length only its first byte tells, so that nothing, in chunks or frames, is no body: where
    /// one would be refused for what the head says, that byte is needed.
    ///
    /// # Errors
    /// What is too large or of a wrong kind; all else that is wrong is noted.
    pub fn check_head(
        &self,
        head: Head<'_>,
        length: Length,
        violations: &mut Violations,
    ) -> Result<Option<u64>, Refusal> {
        let method = head.method_bytes();
        if matches!(length, Length::None | Length::Exact(0)) {
            if self.required.has(method) {
                violations.add("body#", "body.required", "is not there");
            }
            return Ok(None);
        }
        let is_known = matches!(length, Length::Exact(_));
        // Who waits for a 100 has a body to send (RFC 9110 §10.1.1), and sends it for nothing where it is refused.
        let is_there = is_known || framing::expects_continue(head) == Ok(true);
        if !is_there && self.refuses_any(head) {
            return Ok(Some(0));
        }
        if self.forbidden.has(method) {
            violations.add("body#", "body.forbidden", FORBIDDEN);
            return Ok(None);
        }
        if let (Some(bytes), Length::Exact(len)) = (self.bytes, length)
            && len > bytes
        {
            return Err(self.too_large(violations));
        }
        self.check_kind(head, violations)?;
        Ok(self.bytes.filter(|_| self.schema.is_some() || !is_known))
    }

    /// Whether a body with this head is refused whatever it is.
    fn refuses_any(&self, head: Head<'_>) -> bool {
        let mut found = Violations::default();
        found.clear(1);
        self.forbidden.has(head.method_bytes())
            || self.check_kind(head, &mut found).is_err()
            || !found.is_empty()
    }

    /// Holds a body that is longer than was asked for to what is asked; what is wrong is noted.
    ///
    /// # Errors
    /// That it is too large or of a wrong kind.
    pub fn check_longer(&self, head: Head<'_>, violations: &mut Violations) -> Result<(), Refusal> {
        if self.forbidden.has(head.method_bytes()) {
            violations.add("body#", "body.forbidden", FORBIDDEN);
            return Ok(());
        }
        self.check_kind(head, violations)?;
        if violations.is_empty() { Err(self.too_large(violations)) } else { Ok(()) }
    }

    fn too_large(&self, violations: &mut Violations) -> Refusal {
        let bytes = self.bytes.unwrap_or_default();
        violations.add("body#", "body.bytes", format!("is larger than {bytes} bytes"));
        Refusal { cause: Cause::TooLarge, detail: "body_bytes" }
    }

    fn check_kind(&self, head: Head<'_>, violations: &mut Violations) -> Result<(), Refusal> {
        let unsupported = |detail| Err(Refusal { cause: Cause::MediaType, detail });
        if self.schema.is_some()
            && head.all(Field::CONTENT_ENCODING).any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
        {
            violations.add(
                "headers#/content-encoding",
                "body.schema",
                "is not accepted: the body cannot be read",
            );
            return unsupported(CODED);
        }
        if self.types.is_empty() {
            return Ok(());
        }
        const AT: &str = "headers#/content-type";
        let Some(value) = head.field(Field::CONTENT_TYPE) else {
            violations.add(AT, "body.types", "is not there");
            return Ok(());
        };
        let Some(media) = Media::parse(value).filter(|_| !head.repeats(Field::CONTENT_TYPE)) else {
            violations.add(AT, "body.types", "is not one content type");
            return Ok(());
        };
        if !self.types.iter().any(|accepted| accepted.takes(&media)) {
            violations.add(AT, "body.types", "is not accepted");
            return unsupported("content_type");
        }
        if self.schema.is_some() && !media.is_utf8() {
            violations.add(AT, "body.schema", "has a charset that is not UTF-8");
            return unsupported("charset");
        }
        Ok(())
    }

    /// Holds the body itself to what is asked; what is wrong is noted.
    pub fn check(&self, head: Head<'_>, body: &[u8], scratch: &mut Scratch) {
        let Scratch { tape, violations, .. } = scratch;
        // Its length was not told, and it was nothing.
        if body.is_empty() {
            if self.required.has(head.method_bytes()) {
                violations.add("body#", "body.required", "is not there");
            }
            return;
        }
        let Some(schema) = &self.schema else { return };
        if let Some(document) = self.read(body, tape, violations) {
            schema.check(&document, "body#", violations);
        }
    }

    fn read<'t>(
        &self,
        body: &'t [u8],
        tape: &'t mut Tape,
        violations: &mut Violations,
    ) -> Option<Document<'t>> {
        match tape.read(body, self.depth) {
            Ok(document) => Some(document),
            Err(unread) => {
                let at = format!("body#{}", unread.pointer());
                violations.add(at, unread.flaw.rule(), unread.message(body));
                None
            }
        }
    }
}
