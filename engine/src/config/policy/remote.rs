//! Policies that ask somebody else who calls.

use super::credentials::From;
use crate::config::read::section::section;
use crate::config::units::Period;
use crate::config::values::{Named, OneOrMore, Secret};

section! {
    noun "introspection";
    /// A token that an authorization server knows (RFC 7662). It is asked as an upstream, over its connections.
    pub struct Introspection {
        /// The upstream that is asked.
        pub upstream: String,
        /// The path to ask there, such as `/oauth2/introspect`.
        pub path: String,
        /// The host to name; the upstream's name unless given.
        pub host: Option<String>,
        /// By which name and secret the server knows the gateway: both, or `bearer`.
        pub client_id: Option<String>,
        /// See `client_id`.
        pub client_secret: Option<Secret>,
        /// The token by which the server knows the gateway.
        pub bearer: Option<Secret>,
        /// How long an answer is waited for, 1ms to 60s; then 503.
        pub timeout: Period = "2s",
        /// How long it is remembered that a token is good, and no longer than it is; `0s` asks for each request.
        pub cache: Period = "30s",
        /// How long it is remembered that a token is not active.
        pub cache_inactive: Period = "5s",
        /// The accepted `iss`, or several; any unless given.
        pub issuer: Option<OneOrMore<String>>,
        /// The accepted `aud`, or several; any unless given.
        pub audience: Option<OneOrMore<String>>,
        /// By how much clocks may differ.
        pub leeway: Period = "0s",
        /// What the answer must have, such as `[sub]`.
        pub require_claims: Vec<String> = [],
        /// Where the token may stand; in `Authorization: Bearer` unless given. One in two places is refused.
        pub from: Vec<From> = [],
        /// Where the answer holds scopes, the first that is there; `scope` and `scp` unless given.
        pub scope_claims: Vec<String> = [],
        /// Where it holds roles, the first that is there; `roles` unless given.
        pub role_claims: Vec<String> = [],
        /// Where it names a consumer, such as `client_id`; tokens are of no consumer unless given.
        pub consumer_claim: Option<String>,
        /// What the challenge of a 401 calls the protected space.
        pub realm: String = "api",
        /// What of the answer is sent on to the upstream: claim to field.
        pub forward: Named<String> = {},
    }
}

section! {
    noun "forward_auth";
    /// A service that decides of each request. It is asked by `GET` as an upstream, over its connections, with
    /// `X-Forwarded-Method`, `-Uri`, `-Host`, `-Proto` and `-For`. 2xx passes; 401, 403 and redirects are the client's
    /// answer; anything else, and none in time, is 503.
    pub struct ForwardAuth {
        /// The upstream that is asked.
        pub upstream: String,
        /// The path to ask there, such as `/verify`.
        pub path: String,
        /// The host to name; the upstream's name unless given.
        pub host: Option<String>,
        /// How long an answer is waited for, 1ms to 60s; then 503.
        pub timeout: Period = "2s",
        /// Fields of the request that are sent along; `Authorization` and `Cookie` unless given.
        pub send: Option<Vec<String>>,
        /// Fields of a 2xx that the origin is told. A client's own are always removed.
        pub forward: Option<Vec<String>>,
        /// Fields of a refusal or redirect that the client is told; `WWW-Authenticate`, `Location`, `Set-Cookie` and `Cache-Control` unless given.
        pub answer: Option<Vec<String>>,
        /// Who calls, by fields of a 2xx: claim to field, such as `sub: X-User-Id`. `roles` is split at commas.
        pub claims: Named<String> = {},
        /// What the challenge of a 401 calls the protected space, where the service sends none.
        pub realm: String = "api",
    }
}
