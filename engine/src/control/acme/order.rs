//! One order, from its names to a certificate (RFC 8555 §7.4): each name is proved as the issuer asks for it, a key is made
//! that goes nowhere else, and what comes back is held to what was asked for. Everything that an issuer may look for is
//! there before the issuer is told to look, and gone when the order is over, however it ends.

use super::web::Unanswered;
use super::when::Kind;
use crate::certs::{Identity, Proof, Published, Tokens};
use crate::control::reach::shown;
use crate::table::acme::{Challenge, Order};
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use std::sync::Arc;
use std::time::Duration;

/// How an order is looked at that the issuer works on: soon, then ever more slowly, unless it says when.
const LOOKS: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// What an issuer says when it is not well (RFC 8555 §6.7). Nonces are tried three times by the library.
const PASSING: [&str; 2] = [":badNonce", ":serverInternal"];

/// Why there is no certificate.
#[derive(Debug)]
pub struct Failure {
    /// As a sentence without its end.
    pub why: String,
    /// Of what kind it is.
    pub kind: Kind,
    /// The issuer's own word for it (RFC 8555 §6.7); none where it has none.
    pub problem: Option<String>,
}

impl Failure {
    /// That the issuer did not do as asked.
    pub fn refused(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), kind: Kind::Refused, problem: None }
    }

    /// Whether the issuer does not know the account.
    pub fn is_of_no_account(&self) -> bool {
        self.problem.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }

    /// That the issuer did not answer.
    pub fn unanswered(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), kind: Kind::Unanswered, problem: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Other(inner) if inner.is::<Unanswered>() => Failure::unanswered(inner.to_string()),
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref();
                let why = said(problem.detail.as_deref(), kind);
                // No fault of ours, and gone the next time.
                let passes = kind.is_some_and(|kind| PASSING.iter().any(|passing| kind.ends_with(passing)));
                let failure = if passes { Failure::unanswered(why) } else { Failure::refused(why) };
                Failure { problem: problem.r#type.clone(), ..failure }
            }
            error => Failure::refused(shown(error)),
        }
    }
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Failure {
        Failure::refused(format!("no key or request can be made: {error}"))
    }
}

/// What a problem document says.
fn said(detail: Option<&str>, kind: Option<&str>) -> String {
    let kind = kind.map(|kind| kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind));
    match (detail, kind) {
        (Some(detail), Some(kind)) => format!("{detail} ({kind})"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "it does not say why".to_owned(),
    }
}

/// A certificate with its key, as text that holds both, and as handshakes take it.
pub struct Issued {
    /// PEM: the key, then the certificate, then those that vouch for it.
    pub pem: String,
    /// The same.
    pub identity: Identity,
}

/// Obtains the certificate of `order` for `account`.
///
/// # Errors
/// Why there is none.
pub async fn obtain(
    account: &Account,
    order: &Order,
    tokens: Option<&Arc<Tokens>>,
) -> Result<Issued, Failure> {
    let names: Vec<String> = order.names.iter().map(|name| name.to_string()).collect();
    let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
    let mut open = account.new_order(&NewOrder::new(&identifiers)).await?;
    let proofs = prove(&mut open, order, tokens).await?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    open.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let chain = open.poll_certificate(&LOOKS).await?;
    drop(proofs);
    let key = key.serialize_pem();
    let identity = Identity::read(chain.as_bytes(), key.as_bytes()).map_err(|unfit| {
        Failure::refused(format!("what was issued is no certificate of the key: {unfit:?}"))
    })?;
    if let Some(lacking) = order.names.iter().find(|name| !identity.names().any(|has| *has == ***name)) {
        return Err(Failure::refused(format!("what was issued is not for '{lacking}'")));
    }
    Ok(Issued { pem: format!("{key}{chain}"), identity })
}

/// What an issuer may look for; dropped, it is there no more.
#[expect(dead_code, reason = "held until the order is over")]
enum Shown {
    ByHttp(Published),
    ByHandshake(Proof),
}

/// Proves all names of an order that are not proved still.
async fn prove(
    open: &mut instant_acme::Order,
    order: &Order,
    tokens: Option<&Arc<Tokens>>,
) -> Result<Vec<Shown>, Failure> {
    let mut all = Vec::new();
    let mut authorizations = open.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => return Err(Failure::refused(format!("'{name}' is {status:?} at the issuer"))),
        }
        let kind = match order.issuer.challenge {
            Challenge::Http => ChallengeType::Http01,
            Challenge::Handshake => ChallengeType::TlsAlpn01,
        };
        let Some(mut challenge) = authorization.challenge(kind) else {
            return Err(Failure::refused(format!("the issuer takes no such proof of '{name}'")));
        };
        let text = challenge.key_authorization();
        all.push(match order.issuer.challenge {
            Challenge::Http => {
                let tokens = tokens.ok_or_else(|| Failure::refused("nothing is answered by http"))?;
                Shown::ByHttp(tokens.publish(&challenge.token, text.as_str()))
            }
            Challenge::Handshake => {
                Shown::ByHandshake(order.obtained.prove(&name, &proof(&name, text.digest().as_ref())?))
            }
        });
        challenge.set_ready().await?;
    }
    let ended = open.poll_ready(&LOOKS).await;
    if let Ok(OrderStatus::Ready) = ended {
        return Ok(all);
    }
    // The order says that it failed; why, its parts do.
    let told = reasons(open).await;
    match ended {
        _ if !told.is_empty() => Err(Failure::refused(told.join("; "))),
        Ok(status) => Err(Failure::refused(format!("the order is {status:?} at the issuer"))),
        Err(error) => Err(error.into()),
    }
}

/// The certificate that proves `name` within a handshake (RFC 8737 §3).
fn proof(name: &str, digest: &[u8]) -> Result<Identity, Failure> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let cert = params.self_signed(&key)?;
    Identity::made(cert.pem().as_bytes(), key.serialize_pem().as_bytes())
        .map_err(|unfit| Failure::refused(format!("no proof of '{name}' can be made: {unfit:?}")))
}

/// Why names of an order are not proved, as far as the issuer says.
async fn reasons(open: &mut instant_acme::Order) -> Vec<String> {
    let mut told = Vec::new();
    let mut authorizations = open.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        // What is known of it is from before.
        if authorization.refresh().await.is_ok() {
            told.extend(reason(&authorization));
        }
    }
    told
}

fn reason(authorization: &AuthorizationHandle<'_>) -> Option<String> {
    let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref())?;
    let why = said(problem.detail.as_deref(), problem.r#type.as_deref());
    Some(format!("'{}' is not proved: {why}", authorization.identifier()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_a_certificate_of_the_name_with_its_key() {
        let made = proof("a.test", &[7; 32]).expect("is made");
        assert_eq!(made.names().collect::<Vec<_>>(), ["a.test"]);
    }

    #[test]
    fn what_an_issuer_says_is_told() {
        let told = said(Some("too many"), Some("urn:ietf:params:acme:error:rateLimited"));
        assert_eq!(told, "too many (rateLimited)");
        assert_eq!(said(None, Some("other")), "other");
        for detail in ["", r#""detail": "who is that?","#] {
            let text = format!(r#"{{ {detail} "type": "urn:ietf:params:acme:error:accountDoesNotExist" }}"#);
            let problem = serde_json::from_str(&text).expect("is one");
            assert!(Failure::from(Error::Api(problem)).is_of_no_account(), "{text}");
        }
        assert!(!Failure::refused("(accountDoesNotExist)").is_of_no_account());
        let gone = Error::Other(Box::new(Unanswered("no connection".into())));
        assert_eq!(Failure::from(gone).kind, Kind::Unanswered);
        assert_eq!(Failure::from(Error::Crypto).kind, Kind::Refused);
    }
}
