//! Policies that say who calls.

use crate::config::read::section::section;
use crate::config::units::Period;
use crate::config::values::{FilePath, Named, OneOrMore, Secret};

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
