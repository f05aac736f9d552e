//! Policies that change fields.

use crate::config::read::section::{section, words};
use crate::config::values::{Named, Template};

section! {
    noun "headers";
    /// What is changed in fields.
    pub struct Headers {
        /// Of the request.
        pub request: Option<FieldEdits>,
        /// Of the reply, one of the gateway's own too.
        pub response: Option<FieldEdits>,
    }
}

section! {
    noun "fields";
    /// Changes of fields: what is removed first, then what is renamed, set and appended. A value may name parts of the request: `${header.NAME}`, `${query.NAME}`,
    /// `${cookie.NAME}`, `${path.NAME}` for a segment that the route names, `${claim.NAME}`, `${client.ip}`, `${request.id}`,
    /// `${method}`, `${host}`, `${scheme}`, `${path}`, `${listener}`, `${route}`, `${consumer}`, `${tier}`, `${user}`. A field
    /// of whose value a part is missing is removed. `${host}` is as the client named it, port included; `${query.NAME}` the first
    /// value of that name, its escapes as they were sent. What is removed, renamed or set does not pass in trailers either.
    pub struct FieldEdits {
        /// Removed.
        pub remove: Vec<String> = [],
        /// Given another name: the old name to the new one.
        pub rename: Named<String> = {},
        /// Set, in place of what was there.
        pub set: Named<Template> = {},
        /// Added to what is there.
        pub append: Named<Template> = {},
    }
}

section! {
    noun "sanitize";
    /// What of a reply is internal and does not leave.
    pub struct Sanitize {
        /// Fields that are removed, `NAME-*` for all that begin so; unless given those that tell of software and insides:
        /// `Server`, `X-Powered-By`, `X-AspNet-Version`, `X-AspNetMvc-Version`, `X-Generator`, `X-Runtime`, `X-Backend-Server`,
        /// `X-Debug-*`, `X-Internal-*`. They do not pass in trailers either.
        pub remove: Option<Vec<String>>,
        /// What becomes of an origin's answer with a status of 500 or more.
        pub errors: Errors = "keep",
    }
}

words! {
    /// What becomes of an origin's error.
    pub enum Errors {
        /// It is passed on.
        Keep = "keep",
        /// The gateway's own problem body takes its place, under the same status; of its fields only Retry-After is kept.
        Replace = "replace",
    }
}
