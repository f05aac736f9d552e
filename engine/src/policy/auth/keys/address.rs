//! The address of a key set: what may stand there, and taken apart for whoever fetches it. Keys that come without TLS can
//! be replaced on their way, and then whoever did so signs tokens (RFC 8725 §3.10): plain HTTP is for this machine
//! alone, unless the operator says that the network is as good.

use std::net::IpAddr;
use std::sync::Arc;

/// Bytes of an address at most.
const BYTES_MAX: usize = 2048;

/// Where a key set is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAddress {
    /// As it was written: what tells it from others.
    pub text: Arc<str>,
    /// As people are shown it: without its query, which may hold a secret.
    pub shown: Arc<str>,
    /// Whether the server must prove who it is.
    pub is_https: bool,
    /// The server, an IPv6 address without its brackets.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// What to ask it for: path and query.
    pub target: Box<str>,
}

impl KeyAddress {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<KeyAddress, &'static str> {
        if text.len() > BYTES_MAX {
            return Err("is longer than 2048 bytes");
        }
        let (is_https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("is not an address of a key set"),
        };
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>');
        if !rest.bytes().all(is_plain) {
            return Err("holds what no address holds");
        }
        if rest.contains('#') {
            return Err("names a part of a document behind '#'");
        }
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        if authority.contains('@') {
            return Err("holds a user name");
        }
        let (host, port) = apart(authority).ok_or("names no host")?;
        let port = match port {
            None if is_https => 443,
            None => 80,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or("names no port")?,
        };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let shown = match text.split_once('?') {
            Some((before, _)) => format!("{before}?..."),
            None => text.to_owned(),
        };
        let (host, target) = (host.into(), target.into());
        Ok(KeyAddress { text: text.into(), shown: shown.into(), is_https, host, port, target })
    }

    /// Shows nothing of it: it holds what was drawn from elsewhere.
    pub fn hide(&mut self) {
        self.shown = "(not shown)".into();
    }

    /// Whether what is sent there does not leave this machine.
    pub fn is_here(&self) -> bool {
        let is_loopback = |ip: IpAddr| ip.is_loopback();
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse().is_ok_and(is_loopback)
    }
}

/// Host and port of an authority (RFC 3986 §3.2).
fn apart(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!host.is_empty() && host.bytes().all(is_name)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (text, https, host, port, target, here) in [
            ("https://id.example/keys", true, "id.example", 443, "/keys", false),
            ("https://id.example:8443", true, "id.example", 8443, "/", false),
            ("http://127.0.0.1:9000/a?b=c", false, "127.0.0.1", 9000, "/a?b=c", true),
            ("http://[::1]/x", false, "::1", 80, "/x", true),
            ("http://localhost?x", false, "localhost", 80, "/?x", true),
            ("http://127.0.0.1.evil.example/x", false, "127.0.0.1.evil.example", 80, "/x", false),
        ] {
            let parsed = KeyAddress::parse(text).expect(text);
            assert_eq!((parsed.is_https, &*parsed.host, parsed.port), (https, host, port), "{text}");
            assert_eq!((&*parsed.target, parsed.is_here()), (target, here), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "keys.json",
            "ftp://a/b",
            "HTTPS://a/b",
            "https://",
            "https:///keys",
            "https://a b/",
            "https://a/\r\nX: y",
            "https://me:secret@a/keys",
            "https://a/#x",
            "https://a:0/",
            "https://a:99999/",
            "https://[::1/x",
            "https://[zz]/x",
            "https://a:80:80/",
        ] {
            assert!(KeyAddress::parse(text).is_err(), "{text}");
        }
    }
}
