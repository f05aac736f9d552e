//! Numbers and addresses as text, the same in every format.

use crate::base::ClientAddr;
use crate::base::address::UNIX;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Appends an integer in decimal.
pub fn put_number(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an address. IPv4 by hand, since it is nearly every one; `Display` costs several times as much.
fn put_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            let mut text = [0; 16];
            let mut len = 0;
            for octet in ip.octets() {
                len = put_octet(octet, &mut text, len);
                text[len] = b'.';
                len += 1;
            }
            out.extend_from_slice(&text[..len - 1]);
        }
        IpAddr::V6(ip) => write!(out, "{ip}").expect("writing to a Vec does not fail"),
    }
}

/// Appends a client's address, or what stands for it where it came over a Unix socket.
pub fn put_client_ip(ip: Option<IpAddr>, out: &mut Vec<u8>) {
    match ip {
        Some(ip) => put_ip(ip, out),
        None => out.extend_from_slice(UNIX.as_bytes()),
    }
}

/// Appends where a client is.
pub fn put_client(addr: ClientAddr, out: &mut Vec<u8>) {
    match addr {
        ClientAddr::Ip(addr) => put_socket(addr, out),
        ClientAddr::Unix => out.extend_from_slice(UNIX.as_bytes()),
    }
}

/// Appends `ip:port`, an IPv6 address in brackets. No scope or flow: they say nothing outside this machine.
fn put_socket(addr: SocketAddr, out: &mut Vec<u8>) {
    match addr.ip() {
        ip @ IpAddr::V4(_) => put_ip(ip, out),
        ip @ IpAddr::V6(_) => {
            out.push(b'[');
            put_ip(ip, out);
            out.push(b']');
        }
    }
    out.push(b':');
    put_number(addr.port(), out);
}

fn put_octet(octet: u8, text: &mut [u8; 16], mut len: usize) -> usize {
    if octet >= 100 {
        text[len] = b'0' + octet / 100;
        len += 1;
    }
    if octet >= 10 {
        text[len] = b'0' + octet / 10 % 10;
        len += 1;
    }
    text[len] = b'0' + octet % 10;
    len + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_shown_as_std_shows_it() {
        for octet in 0..=255u8 {
            let ip = IpAddr::from([octet, 255 - octet, octet / 2, 255]);
            let mut out = Vec::new();
            put_ip(ip, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), ip.to_string());
        }
    }

    #[test]
    fn a_client_behind_a_unix_socket_is_shown_as_such() {
        let mut out = Vec::new();
        put_client(ClientAddr::Unix, &mut out);
        out.push(b' ');
        put_client_ip(None, &mut out);
        assert_eq!(out, b"unix: unix:");
    }

    #[test]
    fn a_socket_address_is_shown_as_it_is_written_in_a_url() {
        for text in ["127.0.0.1:80", "[::1]:65535", "[2001:db8::7]:443"] {
            let mut out = Vec::new();
            put_socket(text.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
