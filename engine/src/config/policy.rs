//! `policies`: rules by name. Each has one kind key, plus `mode` and `when`.

mod document;
mod validate;

pub use document::Document;
pub use validate::{Body, Headers as InputHeaders, Query, Validate};

use super::read::section::{section, words};
use super::units::{Period, Rate};
use super::values::{FilePath, Named, OneOrMore, Secret};

section! {
    noun "policy";
    /// A rule that a request must pass. Exactly one kind key stands in it: `jwt`, `api_key`, `authorize`, `limit`, `validate` or `headers`.
    pub struct Policy {
        /// Who calls, by a signed token (RFC 7519).
        pub jwt: Option<Jwt>,
        /// Who calls, by a key.
        pub api_key: Option<ApiKey>,
        /// What the caller may do.
        pub authorize: Option<Authorize>,
        /// How often it may be done.
        pub limit: Option<Limit>,
        /// What a request must look like.
        pub validate: Option<Validate>,
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
    noun "jwt";
    /// A signed token. Needs `algorithms` and one key source: `secret`, `key_file`, `jwks_file` or `jwks`.
    pub struct Jwt {
        /// Accepted algorithms, such as `[RS256, ES256]`.
        pub algorithms: Vec<String>,
        /// The key of HS256 and its kin: raw bytes.
        pub secret: Option<Secret>,
        /// A public key: a PEM file.
        pub key_file: Option<FilePath>,
        /// A key set: a JSON file (RFC 7517).
        pub jwks_file: Option<FilePath>,
        /// A key set: a URL, fetched and kept fresh.
        pub jwks: Option<String>,
        /// The accepted `iss`.
        pub issuer: Option<String>,
        /// The accepted `aud`.
        pub audience: Option<OneOrMore<String>>,
        /// By how much clocks may differ.
        pub leeway: Period = "0s",
        /// Whether a token must expire.
        pub require_exp: bool = "true",
        /// Where the token is looked for; in `Authorization: Bearer` unless given.
        pub from: Vec<From> = [],
        /// Claims sent on to the upstream: claim to field.
        pub forward: Named<String> = {},
    }
}

section! {
    noun "from";
    /// A place of a request. Exactly one key stands in it.
    pub struct From {
        /// A field.
        pub header: Option<String>,
        /// A cookie.
        pub cookie: Option<String>,
        /// A query parameter.
        pub query: Option<String>,
    }
}

section! {
    noun "api_key";
    /// A key, looked for in one place.
    pub struct ApiKey {
        /// A field, such as `X-API-Key`.
        pub header: Option<String>,
        /// A cookie.
        pub cookie: Option<String>,
        /// A query parameter.
        pub query: Option<String>,
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
