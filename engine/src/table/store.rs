//! The store that limits are shared through: where it is, and its address taken apart. Whatever stands in that may be
//! secret, so nothing quotes it.

use std::fmt;
use std::time::Duration;

/// Where it is, and how it is spoken to.
#[derive(Clone, PartialEq, Eq)]
pub struct Store {
    /// A name or an address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// The number of the database.
    pub database: u32,
    /// The user to sign in as; none is the store's default one.
    pub user: Option<Box<str>>,
    /// Its password; none does not sign in.
    pub password: Option<Box<str>>,
    /// What every key begins with.
    pub prefix: Box<str>,
    /// What takes longer has failed.
    pub timeout: Duration,
    /// How many machines share it.
    pub machines: u32,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}

/// As it may be shown: without user and password.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Store { host, port, database, .. } = self;
        match host.contains(':') {
            true => write!(f, "redis://[{host}]:{port}/{database}"),
            false => write!(f, "redis://{host}:{port}/{database}"),
        }
    }
}

/// Databases that an address may name: what a Redis can be configured to have goes far below it.
const DATABASES: u32 = 1 << 16;

const FORM: &str =
    "write redis://HOST:6379, or redis://USER:PASSWORD@HOST:6379/DATABASE; best as \"${env:NAME}\"";

/// What an address says.
pub(super) struct Parts {
    pub host: Box<str>,
    pub port: u16,
    pub database: u32,
    pub user: Option<Box<str>>,
    pub password: Option<Box<str>>,
}

/// What is wrong, and the fix.
pub(super) type Wrong = (&'static str, &'static str);

/// Takes an address apart, or says what is wrong with it.
pub(super) fn take_apart(address: &str) -> Result<Parts, Wrong> {
    let rest = match address.split_once("://") {
        Some(("redis", rest)) => rest,
        Some(("rediss", _)) => {
            return Err(("asks for TLS, which is not available to the store in this version", FORM));
        }
        Some(_) => return Err(("is not one of Redis", FORM)),
        None => return Err(("has no scheme", FORM)),
    };
    if rest.contains(['?', '#']) {
        return Err((
            "has a query or a fragment",
            "remove what begins with '?' or '#'; a password writes them %3F and %23",
        ));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let database = match path {
        "" => 0,
        text => number(text)
            .filter(|database| *database < DATABASES)
            .ok_or(("names no database by number", "write a number behind the last '/', such as /0"))?,
    };
    let (signs_in, place) = match authority.rsplit_once('@') {
        Some((signs_in, place)) => (Some(signs_in), place),
        None => (None, authority),
    };
    let (user, password) = match signs_in {
        None => (None, None),
        Some(text) => {
            let (user, password) = text.split_once(':').ok_or((
                "has a user without a password",
                "write USER:PASSWORD@ or :PASSWORD@ before the host",
            ))?;
            let plain = |text: &str| {
                decoded(text).ok_or(("has a '%' that begins no escape", "write '%' itself as %25"))
            };
            let (user, password) = (plain(user)?, plain(password)?);
            if password.is_empty() {
                return Err(("has an empty password", "write the password, or no ':' and '@' at all"));
            }
            ((!user.is_empty()).then_some(user), Some(password))
        }
    };
    let (host, port) = host_and_port(place)?;
    Ok(Parts { host, port, database, user, password })
}

fn host_and_port(place: &str) -> Result<(Box<str>, u16), Wrong> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(("has a '[' without its ']'", FORM))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(("has no IPv6 address between '[' and ']'", FORM));
            }
            (host, port.strip_prefix(':').or(port.is_empty().then_some("6379")))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("6379")),
        },
    };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(good) {
        return Err(("has no host", FORM));
    }
    let port = port.and_then(number).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    Ok((host.into(), port.ok_or(("has no good port", "write a port from 1 to 65535, or none for 6379"))?))
}

/// Digits alone: no sign, no space.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A text with its escapes taken out.
fn decoded(text: &str) -> Option<Box<str>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (pair, behind) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?);
        rest = behind;
    }
    Some(String::from_utf8(bytes).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (address, expected) in [
            ("redis://cache", "cache 6379 0 - -"),
            ("redis://10.0.0.7:7000/3", "10.0.0.7 7000 3 - -"),
            ("redis://[fd00::1]/", "fd00::1 6379 0 - -"),
            ("redis://[fd00::1]:7000/15", "fd00::1 7000 15 - -"),
            ("redis://:hush@cache", "cache 6379 0 - hush"),
            ("redis://edge:a%3Ab%40c%2Fd%25@cache:1/2", "cache 1 2 edge a:b@c/d%"),
        ] {
            let parts = take_apart(address).unwrap_or_else(|wrong| panic!("{address}: {wrong:?}"));
            let or = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
            let Parts { host, port, database, user, password } = parts;
            let seen = format!("{host} {port} {database} {} {}", or(&user), or(&password));
            assert_eq!(seen, expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_being_quoted() {
        for (address, expected) in [
            ("cache:6379", "has no scheme"),
            ("http://cache", "is not one of Redis"),
            ("rediss://cache", "asks for TLS, which is not available to the store in this version"),
            ("redis://", "has no host"),
            ("redis://user@cache", "has a user without a password"),
            ("redis://user:@cache", "has an empty password"),
            ("redis://u:a%zz@cache", "has a '%' that begins no escape"),
            ("redis://u:%ff@cache", "has a '%' that begins no escape"),
            ("redis://cache:0", "has no good port"),
            ("redis://cache:70000", "has no good port"),
            ("redis://cache:+1", "has no good port"),
            ("redis://[::1", "has a '[' without its ']'"),
            ("redis://[cache]", "has no IPv6 address between '[' and ']'"),
            ("redis://cache/x", "names no database by number"),
            ("redis://cache/1/2", "names no database by number"),
            ("redis://cache/99999999", "names no database by number"),
            ("redis://cache?db=1", "has a query or a fragment"),
            ("redis://ca che", "has no host"),
        ] {
            let (what, fix) = take_apart(address).err().unwrap_or_else(|| panic!("{address} is taken"));
            assert_eq!(what, expected, "{address}");
            assert!(!fix.is_empty());
        }
    }
}
