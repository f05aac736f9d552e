//! Signs tokens with a secret, for trying things out: what `ringgate token` prints. Called by control; nothing on the
//! way of a request signs.

use super::super::base64url;
use super::super::document::{Document, Kind};
use super::super::keys::{Algorithm, Key};
use ring::hmac;

/// A token with these claims, a JSON object.
///
/// # Errors
/// What is wrong, as a sentence without its end.
pub fn mint(
    secret: &[u8],
    algorithm: Algorithm,
    key_id: Option<&str>,
    claims: &str,
) -> Result<String, String> {
    let hash = match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        other => {
            return Err(format!(
                "{} takes a private key; HS256, HS384 and HS512 take a secret",
                other.name()
            ));
        }
    };
    if !Key::secret(secret)?.algorithms().has(algorithm) {
        let bytes = hash.digest_algorithm().output_len();
        return Err(format!(
            "{} takes a secret of {bytes} bytes or more, not {}",
            algorithm.name(),
            secret.len()
        ));
    }
    // What this gateway would not read shall not be printed either.
    let mut document = Document::default();
    document.read(claims.as_bytes()).map_err(|flaw| format!("the claims are no JSON: {}", flaw.what))?;
    if document.root().is_none_or(|root| root.kind() != Kind::Object) {
        return Err("the claims are no object".into());
    }
    let mut header = serde_json::json!({ "alg": algorithm.name(), "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    let mut token = Vec::new();
    base64url::encode_onto(header.to_string().as_bytes(), &mut token);
    token.push(b'.');
    base64url::encode_onto(claims.as_bytes(), &mut token);
    let signature = hmac::sign(&hmac::Key::new(hash, secret), &token);
    token.push(b'.');
    base64url::encode_onto(signature.as_ref(), &mut token);
    Ok(String::from_utf8(token).expect("base64url and dots are text"))
}
