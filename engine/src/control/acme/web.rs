//! How issuers are asked: one connection a question, HTTP/1.1 over TLS by the issuer's terms, its host looked up as all hosts
//! are that control asks. Nothing is followed elsewhere. Bounds: [`TIME`] for a question with its answer, [`BODY_BYTES_MAX`].

use crate::certs::OriginTerms;
use crate::control::reach::{Driven, connect, shown};
use crate::net::clock;
use crate::table::Resolver;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A question with its answer at most.
const TIME: Duration = Duration::from_secs(20);
/// Bytes of an answer at most: a chain of certificates is a few thousand.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Nobody is put off for longer.
const PUT_OFF_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A way to an issuer; cloning it clones a handle.
#[derive(Clone)]
pub struct Web {
    terms: OriginTerms,
    rule: Resolver,
    put_off: PutOff,
}

/// For how long the issuer's last refusal puts us off, in seconds; 0 is not said.
#[derive(Debug, Clone, Default)]
pub struct PutOff(Arc<AtomicU64>);

impl PutOff {
    /// Takes it.
    pub fn take(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.0.swap(0, Relaxed))).filter(|wait| !wait.is_zero())
    }
}

/// That a question had no answer. Nothing is known of what it asked for.
#[derive(Debug)]
pub struct Unanswered(pub String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unanswered {}

impl Web {
    /// A way by these terms.
    pub fn new(terms: OriginTerms, rule: Resolver, put_off: PutOff) -> Web {
        Web { terms, rule, put_off }
    }

    async fn ask(self, mut request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, String> {
        let uri = request.uri().clone();
        let (host, port) = server(&uri)?;
        let by = match port {
            443 => host.to_owned(),
            port => format!("{host}:{port}"),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = self.terms.name(bare).ok_or_else(|| format!("'{host}' is no name to be proved"))?;
        let tcp = connect(bare, port, &self.rule).await?;
        let tls = TlsConnector::from(self.terms.config()).connect(name, tcp).await;
        let tls = tls.map_err(|error| format!("no TLS with the server: {error}"))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = target.parse().map_err(|_| "the address cannot be asked for".to_owned())?;
        let host = HeaderValue::from_str(&by).map_err(|error| error.to_string())?;
        request.headers_mut().insert(HOST, host);
        let method = request.method().clone();
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(tls)).await.map_err(|error| shown(&error))?;
        let _driven = Driven::new(connection);
        let asked = async {
            let reply = sender.send_request(request).await.map_err(|error| shown(&error))?;
            let (parts, body) = reply.into_parts();
            if parts.status.is_client_error() || parts.status.is_server_error() {
                self.put_off.0.store(put_off(&parts.headers).as_secs(), Relaxed);
                // The library would only say that it cannot be read.
                if !tells_why(&method, parts.status, &parts.headers) {
                    return Err(format!("the server answers {}", parts.status));
                }
            }
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
            let body = body.map_err(|error| format!("the answer cannot be read: {}", shown(&*error)))?;
            Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
        };
        asked.await
    }
}

impl HttpClient for Web {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let asked = self.clone().ask(request);
        Box::pin(async move {
            let asked = timeout(TIME, asked).await;
            let asked = asked.unwrap_or_else(|_| Err(format!("the server took longer than {TIME:?}")));
            match asked {
                Ok(reply) => Ok(BytesResponse::from(reply)),
                Err(why) => Err(Error::Other(Box::new(Unanswered(why)))),
            }
        })
    }
}

/// The server that an address names.
fn server(uri: &Uri) -> Result<(&str, u16), String> {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) => Ok((host, uri.port_u16().unwrap_or(443))),
        // What a directory names is asked for with the account's key.
        _ => Err(format!("the directory names '{uri}', which is not an https: address")),
    }
}

/// Whether an error is an issuer's refusal that says why (RFC 8555 §6.7), not that of a server that is not well, or of one
/// before it.
fn tells_why(method: &Method, status: StatusCode, fields: &HeaderMap) -> bool {
    let kind = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_told = kind.eq_ignore_ascii_case("application/problem+json");
    let is_unwell = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    method == Method::POST && (is_told || !is_unwell)
}

/// For how long a refusal puts us off (RFC 8555 §6.6); zero where it does not say.
fn put_off(fields: &HeaderMap) -> Duration {
    let told = fields.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::trim);
    let wait = told.and_then(|text| match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some(at.saturating_sub(Duration::from_millis(clock::unix_ms())))
        }
    });
    wait.unwrap_or_default().min(PUT_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_again_in_seconds_or_by_a_date() {
        let wait = |text: &str| {
            let mut fields = HeaderMap::new();
            fields.insert(RETRY_AFTER, text.parse().expect("is a value"));
            put_off(&fields)
        };
        assert_eq!(wait("120"), Duration::from_secs(120));
        assert_eq!(wait("99999999"), PUT_OFF_MAX);
        assert_eq!(wait("soon"), Duration::ZERO);
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Duration::ZERO);
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), PUT_OFF_MAX);
        assert_eq!(put_off(&HeaderMap::new()), Duration::ZERO);
    }

    #[test]
    fn an_error_that_is_no_problem_document_of_an_issuer_is_no_refusal() {
        for (method, status, kind, expected) in [
            (Method::POST, 503, "text/html", false),
            (Method::POST, 502, "", false),
            (Method::POST, 429, "text/html; charset=utf-8", false),
            (Method::POST, 429, "application/problem+json", true),
            (Method::POST, 500, "Application/Problem+JSON; charset=utf-8", true),
            (Method::POST, 403, "text/html", true),
            (Method::GET, 503, "application/problem+json", false),
            (Method::HEAD, 503, "application/problem+json", false),
            (Method::GET, 404, "", false),
        ] {
            let mut fields = HeaderMap::new();
            if !kind.is_empty() {
                fields.insert(CONTENT_TYPE, kind.parse().expect("is a value"));
            }
            let status = StatusCode::from_u16(status).expect("is one");
            assert_eq!(tells_why(&method, status, &fields), expected, "{method} {status} {kind}");
        }
    }

    #[test]
    fn only_https_is_asked() {
        let at =
            |text: &str| server(&text.parse().expect("is one")).map(|(host, port)| (host.to_owned(), port));
        assert_eq!(at("https://ca.test/x"), Ok(("ca.test".into(), 443)));
        assert_eq!(at("https://[::1]:14000/x"), Ok(("[::1]".into(), 14000)));
        assert!(at("http://ca.test/x").is_err() && at("/x").is_err());
    }
}
