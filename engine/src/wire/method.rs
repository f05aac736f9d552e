//! The method of a request, as far as a gateway has to know it.

/// A method by name; those not listed are [`Method::Other`] and keep their spelling in the head.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// PATCH
    Patch,
    /// TRACE
    Trace,
    /// CONNECT
    Connect,
    /// Any other token.
    #[default]
    Other,
}

impl Method {
    /// The method of a token, which is case-sensitive (RFC 9110 §9.1).
    #[inline]
    pub fn of(token: &[u8]) -> Method {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"PATCH" => Method::Patch,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }

    /// The token; empty for [`Method::Other`].
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Other => "",
        }
    }

    /// Whether sending it twice is the same as once (RFC 9110 §9.2.2). An unknown method is not.
    pub fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Method::Put | Method::Delete)
    }

    /// Whether it asks for no change (RFC 9110 §9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_with_case_and_written_back() {
        for name in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"] {
            assert_eq!(Method::of(name.as_bytes()).name(), name);
            assert_eq!(Method::of(name.to_lowercase().as_bytes()), Method::Other);
        }
    }

    #[test]
    fn only_listed_methods_may_be_repeated() {
        assert!(Method::Get.is_idempotent() && Method::Delete.is_idempotent());
        for once in [Method::Post, Method::Patch, Method::Connect, Method::Other] {
            assert!(!once.is_idempotent() && !once.is_safe());
        }
    }
}
