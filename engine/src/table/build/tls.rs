//! Certificates of a listener: two files each, read and checked here, so that a reload with one that cannot serve leaves
//! the last good ones in place.

use super::listeners::speaks;
use super::{Check, Expiry, Means, Pointer, Table, config};
use crate::certs::{Identity, Keys, Ordered, Sealing, Terms, Unfit};
use crate::config::listener::Tickets;
use crate::config::values::FilePath;

pub(super) mod acme;
mod clients;
pub(super) mod https;

/// A certificate with less time left than this is warned of: ACME's renewals begin with 30 of 90 days left, so that
/// whatever renews it has failed for weeks.
const WARN_SECONDS: i64 = 14 * 24 * 3600;

/// The terms of listener `name`, and until when its certificates are valid; notes what is wrong with them.
pub(super) fn build(
    check: &mut Check<'_>,
    at: &Pointer,
    (name, listener): (&str, &config::Listener),
    (previous, means): (Option<&Table>, &mut Means<'_>),
    orders: &mut acme::Orders<'_>,
) -> Option<(Terms, Vec<Expiry>)> {
    let given = listener.tls.as_ref()?;
    if given.certs.is_empty() && given.acme.is_none() {
        let fix = "write certs: [{ cert: FILE, key: FILE }], or acme: { names: [HOST] }, or remove 'tls'";
        check.error_at_key(at, format!("'tls' of listener '{name}' has no certificate"), Some(fix.into()));
    }
    let mut identities = Vec::new();
    for (index, cert) in given.certs.iter().enumerate() {
        identities.extend(identity(check, &at.key("certs").item(index), cert, means));
    }
    let ordered = orders.of(check, at, (name, given));
    let clients = clients::build(check, at, (name, given), means).ok()?;
    let sealing = sealing(check, &at.key("tickets"), given, means).ok()?;
    let ordered = ordered.ok()?;
    if identities.len() != given.certs.len() || identities.is_empty() && ordered.is_empty() {
        return None;
    }
    let before = previous.into_iter().flat_map(|table| &table.listeners);
    let before = before.filter(|listener| listener.name == name).find_map(|listener| listener.tls.as_ref());
    let speaks = speaks(listener);
    let protocols = [(speaks.http2, &b"h2"[..]), (speaks.http1, b"http/1.1")];
    let protocols: Vec<&[u8]> = protocols.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    match Terms::new((&identities, &ordered), &protocols, clients, sealing, before) {
        Ok(terms) => {
            let read = |(cert, identity): (&config::listener::Cert, &Identity)| {
                Expiry::of(cert.cert.0.display().to_string(), identity.validity().1)
            };
            let obtained =
                |ordered: &Ordered| Expiry::of_obtained(orders.file(ordered), ordered.obtained.clone());
            let read = given.certs.iter().zip(&identities).map(read);
            Some((terms, read.chain(ordered.iter().map(obtained)).collect()))
        }
        Err(why) => {
            check.error_at_key(at, why.into(), None);
            None
        }
    }
}

pub(super) fn identity(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::listener::Cert,
    means: &mut Means<'_>,
) -> Option<Identity> {
    let cert = read(check, &at.key("cert"), &given.cert, means);
    let key = read(check, &at.key("key"), &given.key, means);
    let identity = match Identity::read(&cert?, &key?) {
        Ok(identity) => identity,
        Err(Unfit::Cert(why)) => {
            let message = format!("'{}' {why}", given.cert.0.display());
            let fix = "give a PEM file: the certificate first, then those that vouch for it";
            check.error(&at.key("cert"), message, Some(fix.into()));
            return None;
        }
        Err(Unfit::Key(why)) => {
            let message = format!("'{}' {why}", given.key.0.display());
            let fix = "give the PEM file of the key that the certificate was made for, without a password";
            check.error(&at.key("key"), message, Some(fix.into()));
            return None;
        }
    };
    let now = unix_seconds(means);
    let (from, until) = identity.validity();
    let path = given.cert.0.display();
    let fix = "renew it; clients refuse one that is not valid";
    if now < from {
        let message = format!("'{path}' is valid only in {}", spelled(from - now));
        check.warn(&at.key("cert"), message, Some(fix.into()));
    } else if until < now {
        check.warn(
            &at.key("cert"),
            format!("'{path}' expired {} ago", spelled(now - until)),
            Some(fix.into()),
        );
    } else if until - now < WARN_SECONDS {
        check.warn(
            &at.key("cert"),
            format!("'{path}' expires in {}", spelled(until - now)),
            Some(fix.into()),
        );
    }
    Some(identity)
}

/// What tickets are sealed with; notes what is wrong with the files of keys.
///
/// # Errors
/// When there are files that give no keys.
fn sealing(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::listener::Tls,
    means: &mut Means<'_>,
) -> Result<Sealing, ()> {
    let files = match &given.tickets {
        None => return Ok(Sealing::Own),
        Some(Tickets::Off) => return Ok(Sealing::Off),
        Some(Tickets::Files(files)) => files,
    };
    let mut held = Vec::new();
    for (index, file) in files.0.iter().enumerate() {
        let place = check.one_of(at, index);
        held.push(read(check, &place, file, means));
    }
    let held: Option<Vec<Vec<u8>>> = held.into_iter().collect();
    Keys::read(&held.ok_or(())?).map(Sealing::Shared).map_err(|(index, why)| {
        let file = files.0.get(index).map(|file| file.0.display().to_string()).unwrap_or_default();
        let fix = "make one with `openssl rand -out FILE 80`";
        check.error(&check.one_of(at, index), format!("'{file}' {why}"), Some(fix.into()));
    })
}

/// Now, in seconds since 1970.
pub(super) fn unix_seconds(means: &Means<'_>) -> i64 {
    i64::try_from((means.now.0 + means.offset) / 1_000_000_000).unwrap_or(i64::MAX)
}

/// What a file holds; notes that it cannot be read.
pub(super) fn read(
    check: &mut Check<'_>,
    at: &Pointer,
    path: &FilePath,
    means: &mut Means<'_>,
) -> Option<Vec<u8>> {
    let note = |why: String| {
        let message = format!("'{}' cannot be read: {why}", path.0.display());
        check.error(at, message, Some("give the path of a file that the gateway may read".into()));
    };
    means.files.read(&path.0).map_err(note).ok()
}

/// A time as people tell it: whole days, or hours and minutes where it is less than one.
pub(super) fn spelled(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
