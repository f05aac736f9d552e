//! One fetch of a key set: HTTP/1.1, over TLS against the roots of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` name
//! others). Nothing is followed elsewhere: who signs is decided by the address that was written. Bounds: [`TIME`] for
//! all of it, the bytes of a key set.

use crate::control::reach::{Driven, connect, shown};
use crate::policy::auth::keys::{KeyAddress, KeySet, SET_BYTES_MAX, Trust, key_set};
use crate::table::Resolver;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AGE, CACHE_CONTROL, HOST, HeaderMap, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_native_certs::load_native_certs;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// All of a fetch at most.
const TIME: Duration = Duration::from_secs(10);

/// What a fetch gave.
#[derive(Debug)]
pub struct Fetched {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// Keys of the set that cannot be used, as text.
    pub skipped: Vec<String>,
    /// How long they are good, where the server says so.
    pub lifetime: Option<Duration>,
}

/// Fetches the set at `address`; its host is looked up as `rule` says.
///
/// # Errors
/// Why there is none, as a sentence without its end.
pub async fn fetch(address: &KeyAddress, rule: &Resolver) -> Result<Fetched, String> {
    let all = async {
        let tcp = connect(&address.host, address.port, rule).await?;
        if !address.is_https {
            return ask(address, tcp).await;
        }
        let config = spawn_blocking(trusted).await.map_err(|error| error.to_string())??;
        let name = ServerName::try_from(address.host.to_string()).map_err(|error| error.to_string())?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        ask(address, tls.map_err(|error| format!("no TLS with the server: {error}"))?).await
    };
    let (body, lifetime) =
        timeout(TIME, all).await.map_err(|_| format!("the server took longer than {TIME:?}"))??;
    let read = spawn_blocking(move || key_set(&body, Trust::Address)).await;
    let (keys, skipped) = read.map_err(|error| error.to_string())?.map_err(|(_, why)| why)?;
    let skipped = skipped.iter().map(ToString::to_string).collect();
    Ok(Fetched { keys: Arc::new(keys), skipped, lifetime })
}

/// Who may prove to be a server.
fn trusted() -> Result<ClientConfig, String> {
    let found = load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(format!("the system has no root certificates (Debian: ca-certificates){why}"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Asks for the set over `stream`: its bytes, and how long they are good.
async fn ask<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    address: &KeyAddress,
    stream: S,
) -> Result<(Bytes, Option<Duration>), String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| shown(&error))?;
    let _driven = Driven::new(connection);
    let asked = async {
        let host =
            if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.to_string() };
        let is_usual = address.port == if address.is_https { 443 } else { 80 };
        let host = if is_usual { host } else { format!("{host}:{}", address.port) };
        let request = Request::get(&*address.target)
            .header(HOST, host)
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("ringgate/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let reply = sender.send_request(request).await.map_err(|error| shown(&error))?;
        if reply.status() != StatusCode::OK {
            return Err(format!("the server answers {}", reply.status()));
        }
        let lifetime = lifetime(reply.headers());
        let body = Limited::new(reply.into_body(), SET_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the key set cannot be read: {}", shown(&*error)))?;
        Ok((body.to_bytes(), lifetime))
    };
    asked.await
}

/// What is left of the time that a reply is good (RFC 9111 §4.2.1), as far as the server says.
fn lifetime(fields: &HeaderMap) -> Option<Duration> {
    let directives = fields.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = directives.flat_map(|value| value.split(',')).map(str::trim);
    let age = fields.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse::<u64>().ok()).unwrap_or(0);
    directives.find_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(Duration::ZERO),
            "max-age" => {
                let seconds: u64 = value.trim_matches('"').parse().ok()?;
                Some(Duration::from_secs(seconds.saturating_sub(age)))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_set_is_good_is_the_servers() {
        for (control, age, expected) in [
            (&[][..], None, None),
            (&["public, max-age=300"][..], None, Some(300)),
            (&["public", "Max-Age=\"300\", must-revalidate"][..], Some("100"), Some(200)),
            (&["max-age=10"][..], Some("100"), Some(0)),
            (&["no-cache"][..], None, Some(0)),
            (&["max-age=x"][..], None, None),
        ] {
            let mut fields = HeaderMap::new();
            for value in control {
                fields.append(CACHE_CONTROL, value.parse().expect("is one"));
            }
            age.map(|age: &str| fields.insert(AGE, age.parse().expect("is one")));
            assert_eq!(lifetime(&fields), expected.map(Duration::from_secs), "{control:?}");
        }
    }
}
