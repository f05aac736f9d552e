//! Every synthetic answer, in one table: reason → status, `Proxy-Status` error (RFC 9209 §2.3), whether the
//! connection closes. 4xx is the client's fault, 502 a bad answer from upstream, 503 refused by us, 504 time.

use super::context::Context;
use super::onward::forward::Forward;
use super::plan;
use crate::base::{Fault, Kind, Side};
use crate::observe::Reason;
use crate::observe::access_log::put_json;
use crate::upstream::CallFault;
use crate::wire::edits::Edits;
use crate::wire::field::Field;
use crate::wire::http1::{FramingFault, RequestFault};
use crate::wire::{status, websocket};

/// An answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The reason phrase, also the title of its body.
    pub title: &'static str,
    /// Why; its name stands in the body and the log.
    pub reason: Reason,
    /// The error of its `Proxy-Status` field; none for the client's own faults.
    pub proxy_error: Option<&'static str>,
    /// Whether the connection closes after it.
    pub close: Close,
    /// Whether it tells the client when to come again.
    pub retry_after: Option<u8>,
}

/// Whether a connection closes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Always: where the next message would begin is not known, or the client should go away.
    Always,
    /// Only if the request's body was not read to its end.
    IfUnread,
}

impl Answer {
    /// The answer for `reason`; none where there is nobody left to read it or a reply has ended already.
    pub fn of(reason: Reason) -> Option<Answer> {
        use Close::{Always, IfUnread};
        use Reason as R;
        let (status, title, proxy_error, close): (u16, &str, Option<&str>, Close) = match reason {
            R::Ok | R::ClientGone | R::ClientSilent | R::TunnelIdle | R::TunnelAge => return None,
            // The peer is a proxy that may speak anything, not a client that waits for an answer.
            R::ProxyProtocol(_) => return None,
            // There is no session to answer in.
            R::TlsHandshake(_) => return None,
            // Whoever could answer is gone.
            R::Panic => return None,
            R::BadRequest(_) => (400, "Bad Request", None, Always),
            R::Invalid(_) => (400, "Bad Request", None, IfUnread),
            R::Unauthenticated(_) => (401, "Unauthorized", None, IfUnread),
            R::AddressDenied | R::CorsDenied(_) | R::Forbidden(_) => (403, "Forbidden", None, IfUnread),
            R::PolicyBodyTooLarge => (413, "Content Too Large", None, IfUnread),
            R::MediaType(_) => (415, "Unsupported Media Type", None, IfUnread),
            R::RateLimited(_) => (429, "Too Many Requests", None, IfUnread),
            R::PolicyUndecided(_) => (503, "Service Unavailable", Some("proxy_internal_response"), IfUnread),
            R::UpstreamError(status) => (status, status::reason(status), None, IfUnread),
            R::NoRoute => (404, "Not Found", None, IfUnread),
            R::MethodNotAllowed => (405, "Method Not Allowed", None, IfUnread),
            R::ConnectRefused => (405, "Method Not Allowed", None, Always),
            R::HeadTimeout | R::BodyTimeout => (408, "Request Timeout", None, Always),
            R::BodyTooLarge => (413, "Content Too Large", None, Always),
            R::TargetTooLong => (414, "URI Too Long", None, Always),
            R::ExpectationFailed => (417, "Expectation Failed", None, Always),
            R::Misdirected("") => (421, status::reason(421), None, IfUnread),
            // As long as it keeps this connection it will not be let in.
            R::Misdirected(_) => (421, status::reason(421), None, Always),
            R::UpgradeRefused => (426, "Upgrade Required", None, IfUnread),
            R::HeadTooLarge | R::TooManyFields => (431, "Request Header Fields Too Large", None, Always),
            R::UpstreamConnect("unreachable") => {
                (502, "Bad Gateway", Some("destination_ip_unroutable"), IfUnread)
            }
            R::UpstreamConnect(_) => (502, "Bad Gateway", Some("connection_refused"), IfUnread),
            R::NoSocket(_) => (503, "Service Unavailable", Some("proxy_internal_error"), IfUnread),
            R::UpstreamCertificate(_) => (502, "Bad Gateway", Some("tls_certificate_error"), IfUnread),
            R::UpstreamTls(detail) if detail.starts_with("alert") => {
                (502, "Bad Gateway", Some("tls_alert_received"), IfUnread)
            }
            R::UpstreamTls(_) => (502, "Bad Gateway", Some("tls_protocol_error"), IfUnread),
            // Of a reply that was cut, only when nothing of it had left: else the cut is all that can be told.
            R::UpstreamCut => (502, "Bad Gateway", Some("connection_terminated"), IfUnread),
            R::UpstreamBodyTimeout => (504, "Gateway Timeout", Some("http_response_timeout"), IfUnread),
            R::UpstreamReset => (502, "Bad Gateway", Some("connection_terminated"), IfUnread),
            R::UpstreamMalformed(_) => (502, "Bad Gateway", Some("http_protocol_error"), IfUnread),
            R::NoEndpoint => (503, "Service Unavailable", Some("destination_unavailable"), IfUnread),
            R::PoolFull => (503, "Service Unavailable", Some("connection_limit_reached"), IfUnread),
            R::ConnectionCap => (503, "Service Unavailable", Some("connection_limit_reached"), Always),
            R::TunnelCap => (503, "Service Unavailable", Some("connection_limit_reached"), IfUnread),
            R::Draining => (503, "Service Unavailable", Some("proxy_internal_response"), Always),
            R::UpstreamConnectTimeout => (504, "Gateway Timeout", Some("connection_timeout"), IfUnread),
            R::UpstreamTlsTimeout => (504, "Gateway Timeout", Some("connection_timeout"), IfUnread),
            R::UpstreamTimeout => (504, "Gateway Timeout", Some("http_response_timeout"), IfUnread),
            R::TotalTimeout => (504, "Gateway Timeout", Some("http_response_timeout"), Always),
            R::VersionNotSupported => (505, "HTTP Version Not Supported", None, Always),
        };
        // Of an origin's answer only the origin knows.
        let retry_after = (status == 503 && !matches!(reason, R::UpstreamError(_))).then_some(1);
        Some(Answer { status, title, reason, proxy_error, close, retry_after })
    }

    /// The body: a problem of RFC 9457 that names the reason, never anything internal. `detail` is what a policy tells
    /// the client. Appended to `out`.
    pub fn body(&self, detail: &[u8], request_id: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"type":"about:blank","title":""#);
        out.extend_from_slice(self.title.as_bytes());
        out.extend_from_slice(br#"","status":"#);
        out.extend_from_slice(itoa::Buffer::new().format(self.status).as_bytes());
        out.extend_from_slice(br#","reason":""#);
        out.extend_from_slice(self.reason.as_str().as_bytes());
        // The detail tells a client what to mend; of an upstream's fault it is told nothing.
        let detail = if let Reason::BadRequest(detail) = self.reason { detail.as_bytes() } else { detail };
        if !detail.is_empty() {
            out.extend_from_slice(br#"","detail":""#);
            put_json(detail, out);
        }
        if !request_id.is_empty() {
            out.extend_from_slice(br#"","request_id":""#);
            out.extend_from_slice(request_id);
        }
        out.extend_from_slice(b"\"}\n");
    }

    /// The fields that go with the body. `value` is working memory.
    pub fn fields(&self, request_id: &[u8], edits: &mut Edits, value: &mut Vec<u8>) {
        edits.set_own(Field::CONTENT_TYPE, b"application/problem+json");
        if let Some(error) = self.proxy_error {
            value.clear();
            for part in ["ringgate; error=", error, "; details=\"", self.reason.as_str(), "\""] {
                value.extend_from_slice(part.as_bytes());
            }
            edits.set_own(Field::PROXY_STATUS, value);
        }
        if self.reason == Reason::BadRequest(websocket::OTHER_VERSION) {
            edits.set_own(Field::SEC_WEBSOCKET_VERSION, websocket::VERSION);
        }
        if let Some(seconds) = self.retry_after {
            edits.set_own(Field::RETRY_AFTER, itoa::Buffer::new().format(seconds).as_bytes());
        }
        if !request_id.is_empty() {
            edits.set_own(Field::X_REQUEST_ID, request_id);
        }
    }
}

/// Makes an answer's fields and body, dressed by what policies say of them.
pub fn make(ctx: &Context<'_>, answer: &Answer, edits: &mut Edits, content: &mut Vec<u8>) {
    let id = *ctx.request_id.borrow();
    let mut forward = ctx.lent.forwards.take();
    let mut more = ctx.lent.forwards.take();
    let Forward { value, path, target: detail, .. } = &mut *forward;
    let errors = &mut more.value;
    edits.clear();
    answer.fields(id.bytes(), edits, value);
    if answer.status == 405 {
        edits.set(Field::ALLOW, ctx.table.lookup.allow(ctx.allowed.get()).as_bytes());
    }
    detail.clear();
    errors.clear();
    plan::dress_answer(ctx, edits, path, (detail, errors));
    ctx.tell_strict(edits);
    ctx.timed_answer(edits, value);
    content.clear();
    answer.body(detail, id.bytes(), content);
    // What of the request is wrong, a member of its own (RFC 9457 §3.2).
    if !errors.is_empty() {
        content.truncate(content.len() - b"}\n".len());
        content.push(b',');
        content.extend_from_slice(errors);
        content.extend_from_slice(b"}\n");
    }
}

/// The reason for a head that cannot be served.
pub fn of_head(fault: RequestFault) -> Reason {
    match fault {
        RequestFault::TargetTooLong => Reason::TargetTooLong,
        RequestFault::HeadTooLong => Reason::HeadTooLarge,
        RequestFault::TooManyFields => Reason::TooManyFields,
        RequestFault::Version | RequestFault::Http2Preface => Reason::VersionNotSupported,
        other => Reason::BadRequest(other.reason()),
    }
}

/// The reason for a request whose end or whose wishes cannot be told.
pub fn of_framing(fault: FramingFault) -> Reason {
    match fault {
        FramingFault::Expectation => Reason::ExpectationFailed,
        other => Reason::BadRequest(other.reason()),
    }
}

/// The reason for a call without a reply.
pub fn of_call(fault: CallFault) -> Reason {
    match fault {
        CallFault::NoEndpoint => Reason::NoEndpoint,
        CallFault::Connect(detail) => Reason::UpstreamConnect(detail),
        CallFault::NoSocket(lacking) => Reason::NoSocket(lacking.name()),
        CallFault::ConnectTimeout => Reason::UpstreamConnectTimeout,
        CallFault::Certificate(detail) => Reason::UpstreamCertificate(detail),
        CallFault::Tls(detail) => Reason::UpstreamTls(detail),
        CallFault::TlsTimeout => Reason::UpstreamTlsTimeout,
        CallFault::PoolFull => Reason::PoolFull,
        CallFault::Reset => Reason::UpstreamReset,
        CallFault::Request(detail) => Reason::BadRequest(detail),
        CallFault::Malformed(detail) => Reason::UpstreamMalformed(detail),
        CallFault::FirstByte => Reason::UpstreamTimeout,
        CallFault::Total => Reason::TotalTimeout,
        CallFault::Body(fault) => of_body(fault),
        CallFault::Client(_) => Reason::ClientGone,
        CallFault::HeadTooLarge => Reason::HeadTooLarge,
    }
}

/// The reason for a fault of either side while bodies were on their way.
pub fn of_body(fault: Fault) -> Reason {
    match (fault.side, fault.kind) {
        (Side::Upstream, Kind::Timeout) => Reason::UpstreamBodyTimeout,
        (Side::Upstream, Kind::Malformed) => Reason::UpstreamMalformed("body_framing"),
        (Side::Upstream, _) => Reason::UpstreamCut,
        (_, Kind::Limit) => Reason::BodyTooLarge,
        (_, Kind::Timeout) => Reason::BodyTimeout,
        (_, Kind::Malformed) => Reason::BadRequest("body_framing"),
        (_, _) => Reason::ClientGone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each reason that is answered: status, whether the connection closes in any case, and the error of `Proxy-Status`.
    const TABLE: &str = "
408 head_timeout closes
408 body_timeout closes
431 head_too_large closes
431 too_many_fields closes
414 target_too_long closes
413 body_too_large closes
400 bad_request closes
505 version_not_supported closes
421 misdirected
417 expectation_failed closes
405 connect_refused closes
404 no_route
405 method_not_allowed
403 address_denied
403 cors_denied
401 unauthenticated
403 forbidden
429 rate_limited
400 invalid
415 media_type
413 policy_body_too_large
503 policy_undecided again proxy_internal_response
426 upgrade_refused
503 no_endpoint again destination_unavailable
502 upstream_connect connection_refused
503 no_socket again proxy_internal_error
504 upstream_connect_timeout connection_timeout
502 upstream_certificate tls_certificate_error
502 upstream_tls tls_protocol_error
504 upstream_tls_timeout connection_timeout
502 upstream_reset connection_terminated
502 upstream_malformed http_protocol_error
504 upstream_timeout http_response_timeout
504 upstream_body_timeout http_response_timeout
502 upstream_cut connection_terminated
0 upstream_error
504 total_timeout closes http_response_timeout
503 pool_full again connection_limit_reached
503 connection_cap closes again connection_limit_reached
503 tunnel_cap again connection_limit_reached
503 draining closes again proxy_internal_response
502 upstream_connect destination_ip_unroutable
502 upstream_tls tls_alert_received
500 upstream_error
";

    #[test]
    fn each_reason_has_its_status_its_error_and_its_end() {
        let details = [
            Reason::UpstreamConnect("unreachable"),
            Reason::UpstreamTls("alert_bad_certificate"),
            Reason::UpstreamError(500),
        ];
        let all = Reason::all().into_iter().map(|(reason, _)| reason).chain(details);
        let line = |reason: Reason| {
            let Answer { status, close, proxy_error, retry_after, .. } = Answer::of(reason)?;
            let closes = if close == Close::Always { "closes" } else { "" };
            let again = if retry_after.is_some() { "again" } else { "" };
            let words = [reason.as_str(), closes, again, proxy_error.unwrap_or_default()];
            Some(
                words
                    .iter()
                    .filter(|word| !word.is_empty())
                    .fold(status.to_string(), |line, word| line + " " + word),
            )
        };
        let told: Vec<String> = all.filter_map(line).collect();
        assert_eq!(told.join("\n"), TABLE.trim());
    }

    #[test]
    fn an_upstreams_fault_shows_nothing_internal() {
        let answer = Answer::of(Reason::UpstreamMalformed("bare_lf")).expect("has an answer");
        let mut body = Vec::new();
        answer.body(b"", b"id-1", &mut body);
        let text = String::from_utf8(body).expect("is text");
        assert!(!text.contains("bare_lf"), "{text}");
        assert!(text.contains(r#""reason":"upstream_malformed""#) && text.contains(r#""request_id":"id-1""#));
    }

    #[test]
    fn nobody_is_answered_where_nobody_listens() {
        assert_eq!(Answer::of(Reason::ClientGone), None);
        assert_eq!(Answer::of(Reason::TunnelIdle), None);
        assert_eq!(Answer::of(Reason::TunnelAge), None);
        assert_eq!(Answer::of(Reason::Panic), None);
    }
}
