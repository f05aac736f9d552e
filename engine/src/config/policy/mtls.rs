//! A policy that tells who calls by the certificate of the connection.

use crate::config::read::section::{section, words};

section! {
    noun "mtls";
    /// The certificate that a client of a listener with `client_auth` has shown. The handshake has verified it.
    pub struct Mtls {
        /// What of it names the caller. A certificate that does not say it is refused.
        pub user: CertificateName = "subject",
        /// Whether a certificate that no consumer has is refused, with 403.
        pub consumers_only: bool = "false",
        /// What the challenge of a 401 calls the protected space.
        pub realm: String = "api",
        /// What of it is sent on to the upstream, each in a field that clients cannot send themselves.
        pub forward: CertificateFields = {},
    }
}

words! {
    /// What of a certificate names its holder; of a list the first.
    pub enum CertificateName {
        /// The subject, as RFC 4514 writes it.
        Subject = "subject",
        /// The common name in it.
        CommonName = "common_name",
        /// The SPIFFE id.
        Spiffe = "spiffe",
        /// A host name among the alternative names.
        Dns = "dns",
        /// A URI among them.
        Uri = "uri",
        /// A mail address among them.
        Email = "email",
        /// An IP address among them.
        Ip = "ip",
        /// The SHA-256 of the certificate.
        Fingerprint = "fingerprint",
    }
}

section! {
    noun "forward";
    /// Fields in which a certificate is sent on; what it does not say is not sent.
    pub struct CertificateFields {
        /// The field for its subject (RFC 4514).
        pub subject: Option<String>,
        /// The field for the name of who vouches for it.
        pub issuer: Option<String>,
        /// The field for the common name.
        pub common_name: Option<String>,
        /// The field for its serial number, in hexadecimal digits.
        pub serial: Option<String>,
        /// The field for its SHA-256, in hexadecimal digits.
        pub fingerprint: Option<String>,
        /// The field for its SPIFFE id.
        pub spiffe: Option<String>,
        /// The field for its host names, with commas between; a name that holds a comma is left out.
        pub dns: Option<String>,
        /// The field for its URIs, with commas between; one that holds a comma is left out.
        pub uri: Option<String>,
        /// The field for its mail addresses, with commas between; one that holds a comma is left out.
        pub email: Option<String>,
        /// The field for its IP addresses, with commas between.
        pub ip: Option<String>,
        /// The field for the certificate itself, such as `Client-Cert` (RFC 9440).
        pub certificate: Option<String>,
        /// The field for those that came with it, such as `Client-Cert-Chain` (RFC 9440).
        pub chain: Option<String>,
        /// The field for the certificate as PEM, percent-encoded, as nginx sends it.
        pub pem: Option<String>,
    }
}
