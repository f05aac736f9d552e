//! Policies that tell who calls: `jwt`, `api_key`, `basic`.

use crate::config::read::section::section;
use crate::config::units::{Period, Size};
use crate::config::values::{FilePath, Named, OneOrMore, Secret};

section! {
    noun "jwt";
    /// A signed token. Needs `algorithms` and one key source: `secret`, `key_file`, `jwks_file` or `jwks`.
    pub struct Jwt {
        /// Accepted algorithms, such as `[RS256, ES256]`. Each must be one that a key of the source serves; of a JWK its
        /// `alg`, `use` and `key_ops` decide that too.
        pub algorithms: Vec<String>,
        /// The key of HS256, HS384 and HS512: raw bytes, at least 32, 48 and 64 of them.
        pub secret: Option<Secret>,
        /// Public keys or certificates: a PEM file.
        pub key_file: Option<FilePath>,
        /// A key set or a single key: a JSON file (RFC 7517).
        pub jwks_file: Option<FilePath>,
        /// A key set: a URL, fetched and kept fresh. `https://`; `http://` only on this machine.
        pub jwks: Option<String>,
        /// Whether `jwks` may be `http://` to another machine: whoever is on the way there can then let anybody in.
        pub jwks_insecure: bool = "false",
        /// The accepted `iss`, or several; any unless given.
        pub issuer: Option<OneOrMore<String>>,
        /// The accepted `aud`, or several. Unless given, a token that has an `aud` is refused (RFC 7519 §4.1.3).
        pub audience: Option<OneOrMore<String>>,
        /// Whether a token may be meant for anybody: its `aud` is not looked at.
        pub any_audience: bool = "false",
        /// By how much clocks may differ.
        pub leeway: Period = "0s",
        /// Whether a token must expire.
        pub require_exp: bool = "true",
        /// Claims that a token must have, such as `[sub, realm_access.roles]`.
        pub require_claims: Vec<String> = [],
        /// The `typ` that a token must have, such as `at+jwt`; unless given it is none, `JWT` or `at+jwt`.
        pub typ: Option<String>,
        /// Longer tokens are refused. From 128B to 64KiB.
        pub max_token_bytes: Size = "16KiB",
        /// Where the token may stand; in `Authorization: Bearer` unless given. One in two places is refused.
        pub from: Vec<From> = [],
        /// Claims that hold scopes, the first that is there; `scope` and `scp` unless given.
        pub scope_claims: Vec<String> = [],
        /// Claims that hold roles, the first that is there; `roles` unless given.
        pub role_claims: Vec<String> = [],
        /// The claim that names a consumer, such as `azp`; tokens are of no consumer unless given.
        pub consumer_claim: Option<String>,
        /// What the challenge of a 401 calls the protected space.
        pub realm: String = "api",
        /// Claims sent on to the upstream: claim to field.
        pub forward: Named<String> = {},
    }
}

section! {
    noun "from";
    /// A place of a request. Exactly one key stands in it.
    pub struct From {
        /// A field; in `Authorization` the scheme Bearer.
        pub header: Option<String>,
        /// A cookie.
        pub cookie: Option<String>,
        /// A query parameter.
        pub query: Option<String>,
    }
}

section! {
    noun "api_key";
    /// A key of a consumer, looked for in one place: `header`, `cookie` or `query`.
    pub struct ApiKey {
        /// A field, such as `X-API-Key`.
        pub header: Option<String>,
        /// A cookie.
        pub cookie: Option<String>,
        /// A query parameter.
        pub query: Option<String>,
        /// Further consumers with the hashes of their keys: a text file. They are consumers as those of `consumers` are, whom each
        /// policy of this kind knows.
        pub registry: Option<FilePath>,
        /// What the challenge of a 401 calls the protected space.
        pub realm: String = "api",
    }
}

section! {
    noun "basic";
    /// A name and a password (RFC 7617), held to a file of hashes.
    pub struct Basic {
        /// Names with hashes of bcrypt or Argon2, as `htpasswd -B` writes them.
        pub users_file: FilePath,
        /// How long a password that was right is remembered, as a keyed hash; `0s` hashes it for each request.
        pub remember: Period = "5m",
        /// What the challenge of a 401 calls the protected space.
        pub realm: String = "api",
    }
}
