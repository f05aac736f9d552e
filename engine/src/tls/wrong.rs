//! What a peer did wrong, in the words of the access log: of a certificate which rule it breaks, of an alert which one.

use rustls::{AlertDescription, CertificateError, Error};

/// What a peer did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It showed a certificate that proves nothing to us.
    Certificate(&'static str),
    /// It would not have what is offered, or broke the protocol.
    Protocol(&'static str),
}

impl Wrong {
    pub(super) fn of(error: &Error) -> Wrong {
        use Error as E;
        Wrong::Protocol(match error {
            E::InvalidCertificate(error) => return Wrong::Certificate(unfit(error)),
            E::InvalidCertRevocationList(_) => return Wrong::Certificate("bad_revocation_list"),
            E::NoCertificatesPresented => return Wrong::Certificate("no_certificate"),
            E::AlertReceived(alert) => told(*alert),
            E::PeerIncompatible(_) => "incompatible",
            E::NoApplicationProtocol => "no_common_protocol",
            E::DecryptError => "undecipherable",
            // Where the store of certificates has none to show. rustls has no word for it but this.
            E::General(why) if why.starts_with("no server certificate") => "no_certificate_yet",
            E::InvalidMessage(_) | E::PeerSentOversizedRecord => "malformed",
            _ => "misbehaved",
        })
    }

    /// The rule that was broken.
    pub fn as_str(self) -> &'static str {
        match self {
            Wrong::Certificate(why) | Wrong::Protocol(why) => why,
        }
    }
}

fn unfit(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "not_valid_yet",
        E::Revoked => "revoked",
        E::UnknownIssuer => "unknown_issuer",
        E::NotValidForName | E::NotValidForNameContext { .. } => "wrong_name",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "wrong_purpose",
        E::BadSignature => "bad_signature",
        E::UnhandledCriticalExtension => "unknown_critical_extension",
        // webpki names it so and gives no other access to it: a self-signed certificate is often made as one that signs.
        E::Other(other) if other.to_string() == "CaUsedAsEndEntity" => "signs_others",
        E::Other(_) => "unfit",
        _ => "unreadable",
    }
}

fn told(alert: AlertDescription) -> &'static str {
    use AlertDescription as A;
    match alert {
        A::HandshakeFailure => "alert_handshake_failure",
        A::ProtocolVersion => "alert_protocol_version",
        A::InsufficientSecurity => "alert_insufficient_security",
        A::CertificateRequired => "alert_certificate_required",
        A::BadCertificate => "alert_bad_certificate",
        A::CertificateExpired => "alert_certificate_expired",
        A::CertificateRevoked => "alert_certificate_revoked",
        A::CertificateUnknown => "alert_certificate_unknown",
        A::UnsupportedCertificate => "alert_unsupported_certificate",
        A::UnknownCA => "alert_unknown_ca",
        A::AccessDenied => "alert_access_denied",
        A::UnrecognisedName => "alert_unrecognized_name",
        A::NoApplicationProtocol => "alert_no_application_protocol",
        A::InternalError => "alert_internal_error",
        _ => "alert",
    }
}
