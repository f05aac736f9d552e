//! The certificate that a client showed, as its handshake proved it: read once (`certs/client`), kept with the connection
//! (`tls`), looked at by policies. A connection whose client showed none keeps nothing.

use std::cell::Cell;

/// A client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// All that it says, a JSON object: `subject`, `issuer`, `serial`, `fingerprint`, and where it has them `common_name`,
    /// `spiffe`, `dns`, `uri` and `email`, the last three lists.
    pub claims: Box<[u8]>,
    /// What a consumer may be known by, the most exact first: `sha256:HEX`, `spiffe://…`, `subject:…`, `uri:…`, `email:…`,
    /// `dns:…`.
    pub marks: Box<[Box<str>]>,
    /// Itself and those that vouch for it, as they came (DER).
    pub chain: Box<[Box<[u8]>]>,
    /// The last second since 1970 at which it is valid.
    pub until: i64,
}

/// A client as its handshake left it.
#[derive(Debug)]
pub struct Proven {
    certificate: Option<Box<Certificate>>,
    /// The number of the terms that it was last held to, and whether they let it in.
    held: Cell<(u64, bool)>,
}

impl Proven {
    /// One that was held to the terms of this number.
    pub fn new(certificate: Option<Box<Certificate>>, terms: u64) -> Proven {
        Proven { certificate, held: Cell::new((terms, true)) }
    }

    /// The certificate that it showed.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// Whether the certificate that it showed is valid no longer at this second since 1970.
    #[inline]
    pub fn is_over(&self, unix_seconds: i64) -> bool {
        self.certificate().is_some_and(|certificate| certificate.until < unix_seconds)
    }

    /// Whether it would be let in by the terms of this number, which may have changed since it was. `admit` is asked once for
    /// each change.
    #[inline]
    pub fn holds_to(&self, terms: u64, admit: impl FnOnce(Option<&Certificate>) -> bool) -> bool {
        let (known, is_let_in) = self.held.get();
        if known == terms {
            return is_let_in;
        }
        let is_let_in = admit(self.certificate());
        self.held.set((terms, is_let_in));
        is_let_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_held_once_to_each_change_of_the_terms() {
        let client = Proven::new(None, 1);
        assert!(client.holds_to(1, |_| panic!("nothing has changed")));
        assert!(!client.holds_to(2, |_| false));
        assert!(!client.holds_to(2, |_| panic!("it was asked already")));
        assert!(client.holds_to(3, |_| true));
        assert!(client.holds_to(3, |_| panic!("it was asked already")));
        assert!(!client.holds_to(2, |_| false));
    }

    #[test]
    fn a_certificate_is_over_behind_its_last_second() {
        let certificate = Certificate { claims: [].into(), marks: [].into(), chain: [].into(), until: 1000 };
        let client = Proven::new(Some(Box::new(certificate)), 1);
        assert!(!client.is_over(1000) && client.is_over(1001));
        assert!(!Proven::new(None, 1).is_over(i64::MAX), "it showed none");
    }
}
