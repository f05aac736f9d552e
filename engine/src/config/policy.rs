//! `policies`: rules by name. Each has one kind key, plus `mode` and `when`.

mod credentials;

pub use credentials::{ApiKey, Basic, From, Jwt};

use super::read::section::{section, words};
use super::units::Rate;
use super::values::{Named, OneOrMore};

section! {
    noun "policy";
    /// A rule that a request must pass. Exactly one kind key stands in it: `jwt`, `api_key`, `basic`, `authorize`, `limit` or `headers`.
    pub struct Policy {
        /// Who calls, by a signed token (RFC 7519).
        pub jwt: Option<Jwt>,
        /// Who calls, by a key.
        pub api_key: Option<ApiKey>,
        /// Who calls, by name and password (RFC 7617).
        pub basic: Option<Basic>,
        /// What the caller may do.
        pub authorize: Option<Authorize>,
        /// How often it may be done.
        pub limit: Option<Limit>,
        /// What is changed in the fields of a request or a reply.
        pub headers: Option<Headers>,
        /// Whether it refuses.
        pub mode: Mode = "enforce",
        /// The condition under which it applies; always unless given.
        pub when: Option<String>,
    }
}

words! {
    /// Whether a policy refuses.
    pub enum Mode {
        /// It does.
        Enforce = "enforce",
        /// It decides, counts and logs, but lets everything pass.
        Shadow = "shadow",
        /// It is not looked at.
        Off = "off",
    }
}

section! {
    noun "authorize";
    /// What the caller needs.
    pub struct Authorize {
        /// Scopes, all of them.
        pub scopes: Vec<String> = [],
    }
}

section! {
    noun "limit";
    /// How often something may be done, exact on the whole machine.
    pub struct Limit {
        /// How it counts, such as `token_bucket`.
        pub algorithm: String = "token_bucket",
        /// How often: `N/s`, `/min`, `/h`, `/d` or `N/10s`.
        pub rate: Rate,
        /// The bucket's capacity.
        pub burst: Option<u32>,
        /// Who shares a count: `client.ip`, `consumer`, `api_key`, `jwt.CLAIM`, `header.NAME`, `route`, `listener`, `tier`, `global`, or a list of them.
        pub key: OneOrMore<String> = "client.ip",
    }
}

section! {
    noun "headers";
    /// What is changed in fields.
    pub struct Headers {
        /// Of the request.
        pub request: Option<FieldEdits>,
        /// Of the reply.
        pub response: Option<FieldEdits>,
    }
}

section! {
    noun "fields";
    /// Changes of fields, in this order.
    pub struct FieldEdits {
        /// Removed.
        pub remove: Vec<String> = [],
        /// Set, in place of what was there.
        pub set: Named<String> = {},
        /// Added to what is there.
        pub append: Named<String> = {},
    }
}
