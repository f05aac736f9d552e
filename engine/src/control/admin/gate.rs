//! Who is let in. Where a token is asked for, all pages but `/healthz` and `/readyz` need it. Where the listener is on
//! loopback, the Host must be a name that only this machine has, so that no web page reaches it under a name of its own
//! (DNS rebinding). Nothing is done for a page of another site.

use super::live::Live;
use crate::table::Token;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, HOST, ORIGIN, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// Pages that tell so little that whoever can connect may read them: balancers cannot send tokens.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// The gate of a listener.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Whether it is on loopback, where web pages could send a browser to.
    pub by_loopback: bool,
    /// What runs behind it.
    pub live: Arc<Live>,
}

impl Gate {
    /// Who may come in now: a reload may bring another token.
    fn admitted(&self) -> Admitted {
        let status = self.live.office.status();
        let token = status.table.admin.as_ref().and_then(|admin| admin.token.clone());
        Admitted { by_loopback: self.by_loopback, token }
    }
}

/// Who may come in.
struct Admitted {
    by_loopback: bool,
    /// What callers must send.
    token: Option<Token>,
}

/// Lets a request pass, or answers it.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let admitted = gate.admitted();
    let refused = refusal(&admitted, request.method(), request.uri().path(), request.headers());
    let is_known = admitted.token.as_ref().is_none_or(|token| is_shown(token, request.headers()));
    let mut response = match refused {
        Some((status, why)) => refuse(status, why),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_known {
        // A place is for one question of a stranger's.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    let mut response = (status, Body::from(format!("{why}\n"))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn refusal(
    admitted: &Admitted,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Option<(StatusCode, &'static str)> {
    if admitted.by_loopback && !only_host(headers).is_some_and(is_of_this_machine) {
        let why =
            "the Host must be localhost or a loopback address: connect to the address that admin is bound to";
        return Some((StatusCode::MISDIRECTED_REQUEST, why));
    }
    if is_of_another_site(method, headers) {
        return Some((StatusCode::FORBIDDEN, "a page of another site has no business here"));
    }
    let token = admitted.token.as_ref().filter(|_| !OPEN.contains(&path))?;
    let why = "send 'Authorization: Bearer TOKEN' with the token of 'admin'";
    (!is_shown(token, headers)).then_some((StatusCode::UNAUTHORIZED, why))
}

/// Whether `token` is sent, once.
fn is_shown(token: &Token, headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let bearer = sent.next().filter(|_| sent.next().is_none()).and_then(|value| bearer(value.as_bytes()));
    bearer.is_some_and(|bearer| token.is(bearer))
}

/// The token of `Bearer TOKEN`; the scheme's case plays no part (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// The Host, if there is exactly one.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { Some(host) }
}

/// `localhost` or a loopback address, with or without a port.
fn is_of_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(ip, _)| ip),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether a browser says that a page from elsewhere asks. To follow a link is no harm: the other page reads nothing.
fn is_of_another_site(method: &Method, headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let follows_link = method.is_safe() && said("sec-fetch-mode") == Some(b"navigate");
    let elsewhere = said("sec-fetch-site").is_some_and(|site| site != b"same-origin" && site != b"none");
    let origin = headers.get(ORIGIN).map(|origin| {
        let own = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        own.is_some_and(|own| only_host(headers) == Some(own))
    });
    (elsewhere && !follows_link) || origin == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(by_loopback: bool, token: Option<&str>, request: &str, expected: Option<u16>) {
        let admitted = Admitted { by_loopback, token: token.map(|token| Token::new(token.to_owned())) };
        let mut lines = request.lines();
        let (method, path) = lines.next().and_then(|line| line.split_once(' ')).expect("a method and a path");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(
                axum::http::HeaderName::from_bytes(name.as_bytes()).expect("is a name"),
                value.parse().expect("is a value"),
            );
        }
        let method = method.parse().expect("is a method");
        let refused = refusal(&admitted, &method, path, &headers).map(|(status, _)| status.as_u16());
        assert_eq!(refused, expected, "{request}");
    }

    #[test]
    fn a_name_that_a_page_made_point_here_is_refused_on_loopback() {
        for host in ["127.0.0.1:9900", "127.9.9.9", "localhost:1", "LOCALHOST", "[::1]:9900", "[::1]"] {
            check(true, None, &format!("GET /config\nHost: {host}"), None);
        }
        for host in
            ["evil.test", "evil.test:9900", "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "[", ""]
        {
            check(true, None, &format!("GET /config\nHost: {host}"), Some(421));
            check(false, None, &format!("GET /config\nHost: {host}"), None);
        }
        check(true, None, "GET /config", Some(421));
        check(true, None, "GET /config\nHost: localhost\nHost: evil.test", Some(421));
    }

    #[test]
    fn a_page_of_another_site_is_refused_and_a_link_is_not() {
        let host = "Host: localhost:9900";
        check(true, None, &format!("POST /drain\n{host}\nSec-Fetch-Site: cross-site"), Some(403));
        check(
            true,
            None,
            &format!("POST /drain\n{host}\nSec-Fetch-Site: same-site\nSec-Fetch-Mode: navigate"),
            Some(403),
        );
        check(true, None, &format!("POST /drain\n{host}\nOrigin: http://evil.test"), Some(403));
        check(true, None, &format!("POST /drain\n{host}\nOrigin: null"), Some(403));
        check(true, None, &format!("POST /drain\n{host}\nOrigin: http://localhost:9900"), None);
        check(true, None, &format!("POST /drain\n{host}\nSec-Fetch-Site: same-origin"), None);
        check(
            true,
            None,
            &format!("GET /routes\n{host}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors"),
            Some(403),
        );
        check(
            true,
            None,
            &format!("GET /routes\n{host}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate"),
            None,
        );
        check(true, None, &format!("POST /drain\n{host}"), None);
    }

    #[test]
    fn a_token_is_asked_for_on_all_pages_but_those_of_balancers() {
        let secret = Some("0123456789abcdef");
        check(false, secret, "GET /metrics", Some(401));
        check(false, secret, "GET /metrics\nAuthorization: Bearer 0123456789abcdeg", Some(401));
        check(false, secret, "GET /metrics\nAuthorization: Basic 0123456789abcdef", Some(401));
        check(false, secret, "GET /metrics\nAuthorization: Bearer 0123456789abcdef", None);
        check(false, secret, "GET /metrics\nAuthorization: bearer  0123456789abcdef", None);
        let twice = "GET /metrics\nAuthorization: Bearer 0123456789abcdef\nAuthorization: Bearer x";
        check(false, secret, twice, Some(401));
        check(false, secret, "GET /healthz", None);
        check(false, secret, "GET /readyz", None);
        check(false, secret, "GET /readyz/", Some(401));
    }
}
