//! `acme`: who issues certificates that the gateway obtains by itself (RFC 8555), and `tls.acme`, for which names.

use crate::config::read::section::{section, words};
use crate::config::units::Period;
use crate::config::values::{FilePath, OneOrMore, Secret};

section! {
    noun "issuer";
    /// Who issues certificates that the gateway obtains and renews by itself (ACME, RFC 8555). Whoever names an issuer agrees to its
    /// terms of service.
    pub struct Issuer {
        /// Its directory, an `https:` address; Let's Encrypt's unless given. To try things out:
        /// `https://acme-staging-v02.api.letsencrypt.org/directory`.
        pub directory: String = "https://acme-v02.api.letsencrypt.org/directory",
        /// The folder where the account's key and the certificates with their keys are kept, below it a folder for each directory. It is
        /// made where it is not there. Of one gateway alone.
        pub storage: FilePath,
        /// Where the issuer may write to, such as `mailto:ops@example.com`: one or several. It is told when the account is made.
        pub contact: Option<OneOrMore<String>>,
        /// How the issuer sees that a name is served here.
        pub challenge: Challenge = "tls-alpn-01",
        /// Who vouches for the directory's server: a PEM file of certificates, which is watched; the system's unless given.
        pub roots: Option<FilePath>,
        /// The account at the issuer that a new one here belongs to, where the issuer asks for that.
        pub external_account: Option<ExternalAccount>,
        /// How long before its end a certificate is renewed; a third of its lifetime unless given. At most nine tenths of it count.
        pub renew_before: Option<Period>,
    }
}

words! {
    /// How an issuer sees that a name is served here.
    pub enum Challenge {
        /// By a request for http to port 80 of the name: a listener without `tls` has to answer there (RFC 8555 §8.3).
        Http01 = "http-01",
        /// By a handshake of TLS with port 443 of the name: the listener of the name has to answer there (RFC 8737).
        TlsAlpn01 = "tls-alpn-01",
    }
}

section! {
    noun "external_account";
    /// An account at the issuer (RFC 8555 §7.3.4).
    pub struct ExternalAccount {
        /// The name of its key.
        pub kid: String,
        /// The key, base64url as issuers give it.
        pub hmac: Secret,
    }
}

section! {
    noun "acme";
    /// A certificate that the gateway obtains by itself.
    pub struct Obtain {
        /// Who issues it, by its name under `acme`; may be left out where there is one alone.
        pub issuer: Option<String>,
        /// The host names it is for, one or several; no wildcards.
        pub names: OneOrMore<String>,
    }
}
