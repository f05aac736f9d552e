//! `policies`: rules by name. Each has one kind key, plus `mode` and `when`.

mod access;
mod credentials;
mod document;
mod headers;
pub mod limit;
mod mtls;
mod remote;
mod validate;

pub use access::{Anonymous, Authorize, Cors, Ip, Needs};
pub use credentials::{ApiKey, Basic, From, Jwt};
pub use document::Document;
pub use headers::{Errors, FieldEdits, Headers, Sanitize};
pub use limit::{InFlight, Limit};
pub use mtls::{CertificateFields, CertificateName, Mtls};
pub use remote::{ForwardAuth, Introspection};
pub use validate::{Body, Headers as InputHeaders, Query, Validate};

use super::read::section::{section, words};

section! {
    noun "policy";
    /// A rule that a request must pass. Exactly one kind key stands in it, such as `jwt` or `limit`.
    pub struct Policy {
        /// Whether scripts of other sites may call.
        pub cors: Option<Cors>,
        /// Which clients may call, by address.
        pub ip: Option<Ip>,
        /// Who calls, by a signed token (RFC 7519).
        pub jwt: Option<Jwt>,
        /// Who calls, by a key.
        pub api_key: Option<ApiKey>,
        /// Who calls, by name and password (RFC 7617).
        pub basic: Option<Basic>,
        /// Who calls, by the certificate of the connection (mutual TLS).
        pub mtls: Option<Mtls>,
        /// Who calls, by a token that an authorization server is asked about (RFC 7662).
        pub introspection: Option<Introspection>,
        /// Who calls, and whether they may, as a service says.
        pub forward_auth: Option<ForwardAuth>,
        /// That whoever brings no credentials may go on as nobody, whatever else asks for them.
        pub anonymous: Option<Anonymous>,
        /// What the caller may do.
        pub authorize: Option<Authorize>,
        /// How often it may be done.
        pub limit: Option<Limit>,
        /// How many may be done at once.
        pub in_flight: Option<InFlight>,
        /// What a request must look like.
        pub validate: Option<Validate>,
        /// What is changed in the fields of a request or a reply.
        pub headers: Option<Headers>,
        /// What of a reply is internal and does not leave.
        pub sanitize: Option<Sanitize>,
        /// Whether it refuses.
        pub mode: Mode = "enforce",
        /// The condition under which it applies, in CEL; always unless given. A request for which it cannot be told is refused.
        pub when: Option<String>,
    }
}

impl Policy {
    /// The keys of which exactly one stands in a policy, and whether it stands in this one.
    pub fn kinds(&self) -> [(&'static str, bool); 15] {
        [
            ("cors", self.cors.is_some()),
            ("ip", self.ip.is_some()),
            ("jwt", self.jwt.is_some()),
            ("api_key", self.api_key.is_some()),
            ("basic", self.basic.is_some()),
            ("mtls", self.mtls.is_some()),
            ("introspection", self.introspection.is_some()),
            ("forward_auth", self.forward_auth.is_some()),
            ("anonymous", self.anonymous.is_some()),
            ("authorize", self.authorize.is_some()),
            ("limit", self.limit.is_some()),
            ("in_flight", self.in_flight.is_some()),
            ("validate", self.validate.is_some()),
            ("headers", self.headers.is_some()),
            ("sanitize", self.sanitize.is_some()),
        ]
    }
}

words! {
    /// Whether a policy refuses.
    pub enum Mode {
        /// It does.
        Enforce = "enforce",
        /// It decides, counts and logs, but changes nothing and lets everything pass.
        Shadow = "shadow",
        /// It is not looked at.
        Off = "off",
    }
}
