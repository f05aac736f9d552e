//! Why a caller is not let in, and how that is told: the log's word, the client's sentence, the error code of RFC 6750
//! §3.1, and the challenge of a 401 (RFC 9110 §11.6.1). Data for the table of answers; nothing here is secret, and
//! nothing tells an unknown name from a wrong password.

macro_rules! denials {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $code:ident, $says:literal;)*) => {
        /// Why a caller is not let in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Denial {
            $($(#[$doc])* $name,)*
        }

        impl Denial {
            /// All of them.
            pub const ALL: &'static [Denial] = &[$(Denial::$name,)*];

            /// The word of logs, metrics and `explain`.
            pub fn word(self) -> &'static str {
                match self { $(Denial::$name => $word,)* }
            }

            /// The one of this word.
            pub fn of_word(word: &str) -> Option<Denial> {
                Denial::ALL.iter().copied().find(|denial| denial.word() == word)
            }

            /// What kind of fault it is.
            pub fn code(self) -> Code {
                match self { $(Denial::$name => Code::$code,)* }
            }

            /// What the client is told, a sentence without its end, fit for a quoted string.
            pub fn says(self) -> &'static str {
                match self { $(Denial::$name => $says,)* }
            }
        }
    };
}

denials! {
    /// No credentials of an accepted kind came.
    Absent = "no_credentials", Absent, "credentials are required";
    /// The field or parameter that carries them came twice.
    Repeated = "repeated_credentials", InvalidRequest, "credentials were sent more than once";
    /// There is nothing behind the scheme, or something that it does not take.
    Malformed = "malformed_credentials", InvalidRequest, "the credentials are malformed";
    /// The token is longer than `max_token_bytes`.
    TooLong = "token_too_long", InvalidToken, "the token is too long";
    /// It is not three parts with dots between.
    Segments = "token_segments", InvalidToken, "the token is not three parts";
    /// It is encrypted, which is not supported.
    Encrypted = "token_encrypted", InvalidToken, "encrypted tokens are not accepted";
    /// A part is not strictly base64url.
    Encoding = "token_encoding", InvalidToken, "a part of the token is not base64url";
    /// Its header is not JSON of the expected form.
    Header = "token_header", InvalidToken, "the header of the token is malformed";
    /// Its `alg` is not accepted.
    Algorithm = "token_algorithm", InvalidToken, "the algorithm of the token is not accepted";
    /// It asks for an extension that must be understood and is not (RFC 7515 §4.1.11).
    Critical = "token_crit", InvalidToken, "the token demands an unknown extension";
    /// Its `typ` is not that of an access token, or not the one asked for.
    Type = "token_typ", InvalidToken, "the token is of another type";
    /// No key has the id that it names.
    UnknownKey = "token_key", InvalidToken, "the key of the token is not known";
    /// The signature is not that of a key in the set.
    Signature = "token_signature", InvalidToken, "the signature of the token is invalid";
    /// Its claims are not JSON, or a registered claim has a value of the wrong kind.
    Claims = "token_claims", InvalidToken, "the claims of the token are malformed";
    /// Its time is over.
    Expired = "token_expired", InvalidToken, "the token has expired";
    /// It never expires, and must.
    NoExpiry = "token_no_exp", InvalidToken, "the token does not expire";
    /// Its time has not come.
    NotYet = "token_not_yet", InvalidToken, "the token is not valid yet";
    /// It says that it was made in the future.
    FutureIssue = "token_iat", InvalidToken, "the token was issued in the future";
    /// Its issuer is not accepted.
    Issuer = "token_issuer", InvalidToken, "the issuer of the token is not accepted";
    /// It is meant for others.
    Audience = "token_audience", InvalidToken, "the token is meant for another audience";
    /// A claim that must be there is not.
    Required = "token_claim_missing", InvalidToken, "the token lacks a claim";
    /// The key set could not be had: nobody can be let in.
    NoKeys = "token_no_keys", Unavailable, "the keys that verify the token are not available";
    /// Its server says that it is not active.
    Inactive = "token_inactive", InvalidToken, "the token is not active";
    /// Whoever is asked did not answer in time.
    AnswerLate = "answer_late", Unavailable, "whoever decides did not answer in time";
    /// Whoever is asked could not be reached, or broke off.
    NoAnswer = "no_answer", Unavailable, "whoever decides could not be asked";
    /// What was answered cannot be used.
    AnswerUnusable = "answer_unusable", Unavailable, "whoever decides gave no usable answer";
    /// A service that was asked does not know the caller.
    Service = "service_denies", Invalid, "the authorization service does not accept the credentials";
    /// A service that was asked lets the caller do something else.
    ServiceForbids = "service_forbids", InsufficientScope, "the authorization service forbids the request";
    /// No consumer has this key.
    ApiKey = "api_key_unknown", Invalid, "the key is not known";
    /// No consumer has this certificate.
    Certificate = "certificate_unknown", InsufficientScope, "the certificate is not known";
    /// The certificate does not say what the policy knows callers by.
    CertificateName = "certificate_name", Invalid, "the certificate does not name its holder in the way that is asked for";
    /// No user has this name and password.
    Password = "password_wrong", Invalid, "name or password is wrong";
    /// So many passwords wait to be hashed that no more are taken.
    PasswordsBusy = "passwords_busy", Unavailable, "too many passwords wait to be verified";
    /// The password could not be hashed.
    PasswordFault = "password_fault", Unavailable, "the password could not be verified";
    /// The caller is known, but was not granted the scope.
    Scope = "scope_missing", InsufficientScope, "a scope is missing";
    /// The same of a role.
    Role = "role_missing", InsufficientScope, "a role is missing";
    /// The same of a claim, or of its value.
    Claim = "claim_missing", InsufficientScope, "a claim is missing or has another value";
    /// The consumer is not one that may.
    Consumer = "consumer_refused", InsufficientScope, "this is for other consumers";
    /// Its tier is not.
    Tier = "tier_refused", InsufficientScope, "this is for other tiers";
}

/// Kinds of denials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Nothing was sent: 401 with a bare challenge.
    Absent,
    /// `invalid_request`: 400.
    InvalidRequest,
    /// `invalid_token`: 401.
    InvalidToken,
    /// Wrong credentials of a scheme without error codes: 401.
    Invalid,
    /// `insufficient_scope`: 403.
    InsufficientScope,
    /// It could not be decided, through no fault of the client: 503.
    Unavailable,
}

impl Code {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Code::Absent | Code::InvalidToken | Code::Invalid => 401,
            Code::InvalidRequest => 400,
            Code::InsufficientScope => 403,
            Code::Unavailable => 503,
        }
    }

    /// The value of `error` in a challenge of the scheme Bearer.
    pub fn error(self) -> Option<&'static str> {
        match self {
            Code::Absent | Code::Invalid | Code::Unavailable => None,
            Code::InvalidRequest => Some("invalid_request"),
            Code::InvalidToken => Some("invalid_token"),
            Code::InsufficientScope => Some("insufficient_scope"),
        }
    }
}

/// What a method asks of a caller who is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: &'static str,
    /// `realm` and what else is always said, as it stands in the field.
    parameters: Box<str>,
}

impl Challenge {
    /// That of tokens (RFC 6750 §3).
    pub fn bearer(realm: &str) -> Challenge {
        Challenge { scheme: "Bearer", parameters: format!("realm={}", quoted(realm)).into() }
    }

    /// That of name and password (RFC 7617 §2.1).
    pub fn basic(realm: &str) -> Challenge {
        let parameters = format!("realm={}, charset=\"UTF-8\"", quoted(realm));
        Challenge { scheme: "Basic", parameters: parameters.into() }
    }

    /// That of certificates, for which no scheme is registered either: they are shown before the first request.
    pub fn certificate(realm: &str) -> Challenge {
        Challenge { scheme: "ClientCertificate", parameters: format!("realm={}", quoted(realm)).into() }
    }

    /// That of keys, for which no scheme is registered; a 401 must have one all the same (RFC 9110 §15.5.2). It says
    /// where the key belongs.
    pub fn api_key(realm: &str, kind: &str, name: &str) -> Challenge {
        let parameters = format!("realm={}, in=\"{kind}\", name={}", quoted(realm), quoted(name));
        Challenge { scheme: "ApiKey", parameters: parameters.into() }
    }

    /// Appends the value of a `WWW-Authenticate` field. `scopes`, for a missing scope, are those that would do.
    pub fn write(&self, denial: Denial, scopes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.scheme.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.parameters.as_bytes());
        let Some(error) = denial.code().error().filter(|_| self.scheme == "Bearer") else { return };
        for part in [", error=\"", error, "\", error_description=\"", denial.says(), "\""] {
            out.extend_from_slice(part.as_bytes());
        }
        if denial == Denial::Scope && !scopes.is_empty() {
            out.extend_from_slice(b", scope=\"");
            out.extend(
                scopes.iter().filter(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')),
            );
            out.push(b'"');
        }
    }
}

/// A quoted string (RFC 9110 §5.6.4); what may not stand in one is left out.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars().filter(|char| matches!(char, ' '..='~')) {
        if matches!(char, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(char);
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn challenge(challenge: &Challenge, denial: Denial) -> String {
        let mut out = Vec::new();
        challenge.write(denial, b"orders.read orders.write", &mut out);
        String::from_utf8(out).expect("is text")
    }

    #[test]
    fn a_challenge_says_what_rfc_6750_asks_for() {
        let bearer = Challenge::bearer("api");
        assert_eq!(challenge(&bearer, Denial::Absent), r#"Bearer realm="api""#);
        assert_eq!(
            challenge(&bearer, Denial::Expired),
            r#"Bearer realm="api", error="invalid_token", error_description="the token has expired""#
        );
        assert_eq!(
            challenge(&bearer, Denial::Scope),
            "Bearer realm=\"api\", error=\"insufficient_scope\", error_description=\"a scope is missing\", \
             scope=\"orders.read orders.write\""
        );
        assert_eq!(
            challenge(&Challenge::basic("a \"b\" \\ \n"), Denial::Password),
            r#"Basic realm="a \"b\" \\ ", charset="UTF-8""#
        );
        assert_eq!(
            challenge(&Challenge::api_key("api", "header", "X-API-Key"), Denial::ApiKey),
            r#"ApiKey realm="api", in="header", name="X-API-Key""#
        );
    }

    #[test]
    fn words_are_unique_and_sentences_need_no_escape() {
        let words: HashSet<_> = Denial::ALL.iter().map(|denial| denial.word()).collect();
        assert_eq!(words.len(), Denial::ALL.len());
        for denial in Denial::ALL {
            assert!(
                denial.says().bytes().all(|byte| byte == b' ' || byte.is_ascii_alphanumeric()),
                "{denial:?}"
            );
            assert!(
                denial.word().bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()),
                "{denial:?}"
            );
        }
        assert_eq!((Denial::Absent.code().status(), Denial::Repeated.code().status()), (401, 400));
        assert_eq!((Denial::Expired.code().status(), Denial::Scope.code().status()), (401, 403));
    }
}
