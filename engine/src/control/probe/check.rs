//! One check of one endpoint: a connection of its own, in the protocol that the upstream's servers speak, over the upstream's
//! TLS and behind its PROXY header. Nothing is followed elsewhere.

use super::grpc;
use crate::base::Address;
use crate::certs::OriginTerms;
use crate::control::reach::{Driven, shown};
use crate::table::health::{Ask, Health};
use crate::table::{Endpoint, Upstream};
use crate::wire::proxy_protocol::Version;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, TE, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::error::Error;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Bytes of a gRPC answer at most.
const ANSWER_BYTES: usize = 4096;
/// What a connection of nobody's begins with where a PROXY header is expected: it is the gateway's own (`LOCAL`).
const LOCAL_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const LOCAL_V1: &[u8] = b"PROXY UNKNOWN\r\n";

/// How an upstream's endpoints are reached and asked.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is asked.
    pub health: Health,
    tls: Option<OriginTerms>,
    http2: bool,
    proxy_protocol: Option<Version>,
}

impl Check {
    /// That of `upstream`; none where its endpoints are not checked.
    pub fn of(upstream: &Upstream) -> Option<Check> {
        Some(Check {
            health: upstream.health.clone()?,
            tls: upstream.tls.clone(),
            http2: upstream.http2,
            proxy_protocol: upstream.proxy_protocol,
        })
    }

    /// Whether it asks the same in the same way.
    pub fn is(&self, other: &Check) -> bool {
        let tls = match (&self.tls, &other.tls) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        tls && (&self.health, self.http2, self.proxy_protocol)
            == (&other.health, other.http2, other.proxy_protocol)
    }

    /// Checks `endpoint`, in a task of its own: a panic in a library is a failed check, and not an endpoint that is checked no
    /// more.
    ///
    /// # Errors
    /// Why it is not well, as a sentence without its end.
    pub async fn guarded(self: Arc<Self>, endpoint: Endpoint) -> Result<(), String> {
        let mut running = JoinSet::new();
        running.spawn(async move { self.run(&endpoint).await });
        let done = running.join_next().await;
        done.and_then(Result::ok).unwrap_or_else(|| Err("the check failed by itself".into()))
    }

    async fn run(&self, endpoint: &Endpoint) -> Result<(), String> {
        let time = self.health.timeout;
        timeout(time, self.connect(endpoint)).await.map_err(|_| format!("no answer within {time:?}"))?
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<(), String> {
        let unreached = |error: std::io::Error| format!("no connection: {error}");
        match &endpoint.addr {
            Address::Tcp(addr) => {
                let mut addr = *addr;
                addr.set_port(self.health.port.unwrap_or(addr.port()));
                let stream = TcpStream::connect(addr).await.map_err(unreached)?;
                self.secure(endpoint, stream).await
            }
            Address::Unix(path) => {
                self.secure(endpoint, UnixStream::connect(path).await.map_err(unreached)?).await
            }
        }
    }

    async fn secure<S>(&self, endpoint: &Endpoint, mut stream: S) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let header = self.proxy_protocol.map(|version| match version {
            Version::V1 => LOCAL_V1,
            Version::V2 => LOCAL_V2,
        });
        if let Some(header) = header {
            stream.write_all(header).await.map_err(|error| error.to_string())?;
        }
        let Some(terms) = &self.tls else { return self.ask(endpoint, stream).await };
        let name = terms.name(endpoint.written_host()).ok_or("its name is none that a server could prove")?;
        let tls = TlsConnector::from(terms.config()).connect(name, stream).await;
        let tls = tls.map_err(|error| format!("no TLS with the server: {error}"))?;
        if self.http2 && tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err("the server does not speak HTTP/2".into());
        }
        self.ask(endpoint, tls).await
    }

    async fn ask<S>(&self, endpoint: &Endpoint, stream: S) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let own = match endpoint.addr {
            Address::Tcp(_) => &*endpoint.host,
            // What a path is called is no host (RFC 9110 §7.2).
            Address::Unix(_) => endpoint.written_host(),
        };
        let host = self.health.host.as_deref().unwrap_or(own);
        match (&self.health.ask, self.http2) {
            (Ask::Get(path), false) => {
                let request = get(path.clone()).header(HOST, host);
                let (mut sender, driver) =
                    http1::handshake(TokioIo::new(stream)).await.map_err(|error| shown(&error))?;
                let driver = Driven::new(driver);
                let reply = sender.send_request(empty(request)?).await.map_err(|error| shown(&error));
                drop(driver);
                good(&reply?)
            }
            (Ask::Get(path), true) => good(&self.send(stream, empty(get(self.uri(host, path)))?).await?.0),
            (Ask::Grpc(service), _) => {
                let request = Request::post(self.uri(host, "/grpc.health.v1.Health/Check"))
                    .header(CONTENT_TYPE, "application/grpc")
                    .header(TE, "trailers")
                    .header(USER_AGENT, AGENT)
                    .body(Full::new(Bytes::from(grpc::request(service))))
                    .map_err(|error| error.to_string())?;
                let (reply, driver) = self.send(stream, request).await?;
                let answer = answer(reply, service).await;
                drop(driver);
                answer
            }
        }
    }

    /// Where HTTP/2 asks for `path`.
    fn uri(&self, host: &str, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}{path}")
    }

    /// Sends one request over HTTP/2. The body of the reply comes only while the driver is kept.
    async fn send<S, B>(&self, stream: S, request: Request<B>) -> Result<(Response<Incoming>, Driven), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Error + Send + Sync,
    {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, driver) = handshake.await.map_err(|error| shown(&error))?;
        let driver = Driven::new(driver);
        Ok((sender.send_request(request).await.map_err(|error| shown(&error))?, driver))
    }
}

/// Who asks.
const AGENT: &str = concat!("ringgate/", env!("CARGO_PKG_VERSION"), " health");

fn get(uri: String) -> hyper::http::request::Builder {
    Request::builder().method(Method::GET).uri(uri).header(ACCEPT, "*/*").header(USER_AGENT, AGENT)
}

fn empty(request: hyper::http::request::Builder) -> Result<Request<Empty<Bytes>>, String> {
    request.body(Empty::new()).map_err(|error| error.to_string())
}

fn good<B>(reply: &Response<B>) -> Result<(), String> {
    match reply.status().as_u16() {
        200..400 => Ok(()),
        _ => Err(format!("the server answers {}", reply.status())),
    }
}

/// Whether an answer of gRPC about `service` is a good one (PROTOCOL-HTTP2.md, "Responses").
async fn answer(reply: Response<Incoming>, service: &str) -> Result<(), String> {
    let (head, body) = reply.into_parts();
    if head.status != hyper::StatusCode::OK {
        return Err(format!("the server answers {}", head.status));
    }
    // An answer without a message has its status in the head.
    status(&head.headers, service).unwrap_or(Ok(()))?;
    let body = Limited::new(body, ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
    let told = body.trailers().and_then(|trailers| status(trailers, service));
    told.unwrap_or_else(|| Err("the answer has no grpc-status".into()))?;
    grpc::reply(&body.to_bytes()).map_err(|unwell| unwell.to_string())
}

/// What `grpc-status` says of `service`, where it stands.
fn status(fields: &HeaderMap, service: &str) -> Option<Result<(), String>> {
    let status = fields.get("grpc-status")?;
    let message = fields.get("grpc-message").filter(|message| !message.is_empty());
    let message = message.map(|message| format!(" ({message:?})")).unwrap_or_default();
    Some(match status.as_bytes() {
        b"0" => Ok(()),
        b"5" => Err(format!("the server does not know the service {service:?}{message}")),
        b"12" => Err(format!("the server does not offer grpc.health.v1{message}")),
        other => Err(format!("the server answers grpc-status {}{message}", String::from_utf8_lossy(other))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn a_service_that_a_server_does_not_know_is_named_and_an_empty_message_is_none() {
        for (given, service, why) in [
            (
                [("grpc-status", "5"), ("grpc-message", "")],
                "a.B",
                "the server does not know the service \"a.B\"",
            ),
            (
                [("grpc-status", "5"), ("grpc-message", "no%20such")],
                "",
                "the server does not know the service \"\" (\"no%20such\")",
            ),
            ([("grpc-status", "14"), ("grpc-message", "")], "a.B", "the server answers grpc-status 14"),
        ] {
            let mut fields = HeaderMap::new();
            for (name, value) in given {
                fields.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(status(&fields, service), Some(Err(why.to_owned())));
        }
    }
}
