//! Answers that the operator wrote: a status, fields and a body that can stand together.

use super::{Check, Pointer, config};
use crate::table::Respond;
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};
use crate::wire::token;

/// Fields of an answer that are the gateway's to say.
const DECIDED: FieldSet =
    FieldSet::HOP_BY_HOP.with(Field::CONTENT_LENGTH).with(Field::DATE).with(Field::TRAILER);

/// Bytes of an answer's fields, all together.
const FIELDS_BYTES_MAX: usize = 16 * 1024;

/// The answer of a route; notes what is wrong with it.
pub(super) fn build(check: &mut Check<'_>, at: &Pointer, given: &config::rewrite::Respond) -> Respond {
    let status = given.status;
    if !(200..=599).contains(&status) {
        let fix = "write 200 to 599";
        check.error(&at.key("status"), format!("{status} is not a status of an answer"), Some(fix.into()));
    }
    if matches!(status, 204 | 205 | 304) && !given.body.is_empty() {
        let message = format!("an answer of status {status} has no body");
        check.error_at_key(&at.key("body"), message, Some("remove it, or write another status".into()));
    }
    let mut edits = Edits::new();
    for (name, value) in &given.headers.0 {
        let at = at.key("headers").key(name);
        if DECIDED.contains(Field::of(name.as_bytes())) {
            let fix = "remove it: the gateway says it where it belongs";
            check.error_at_key(&at, format!("field '{name}' cannot be set"), Some(fix.into()));
        } else if !token::is_token(name.as_bytes()) {
            check.token(&at, name);
        } else if !edits.append(name.as_str(), value.as_bytes()) {
            check.error(&at, format!("the value of field '{name}' holds a control byte"), None);
        }
    }
    if !given.body.is_empty() && edits.value(Field::CONTENT_TYPE).is_none() {
        edits.append(Field::CONTENT_TYPE, b"text/plain; charset=utf-8");
    }
    if edits.len() > FIELDS_BYTES_MAX {
        let message = format!("the fields of an answer take {} bytes", edits.len());
        check.error_at_key(&at.key("headers"), message, Some(format!("{FIELDS_BYTES_MAX} at most")));
    }
    Respond { status, edits, body: given.body.as_bytes().into() }
}
