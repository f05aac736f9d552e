//! Certificates of a listener: two files each, read and checked here. Of a reload, those that cannot serve leave the last good
//! ones in their place, and keep nothing else from being taken.

use super::listeners::speaks;
use super::{Check, Expiry, Means, Pointer, Table, config};
use crate::certs::{Identity, Keys, Ordered, Roots, Sealing, Terms, Unfit};
use crate::config::listener::Tickets;
use crate::config::values::FilePath;
use std::sync::Arc;

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
        let at = at.key("certs").item(index);
        let identity = identity(check, &at, cert, means);
        if index > 0 && identity.as_ref().is_some_and(|identity| !identity.is_named()) {
            let message = format!("'{}' is shown to nobody: it is for no host name", cert.cert.0.display());
            let fix = "give it the names that clients ask for as alternative names (DNS), or write it first";
            check.warn(&at.key("cert"), message, Some(fix.into()));
        }
        if identity.as_ref().is_some_and(|identity| identity.is_hidden_by(&identities)) {
            let path = cert.cert.0.display();
            let message = format!(
                "'{path}' is shown to nobody: those before it are of its names, with keys of its kind"
            );
            check.warn(&at.key("cert"), message, Some("remove it, or write it before them".into()));
        }
        identities.extend(identity);
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

/// A certificate with its key; notes what is wrong with their files. What they gave last goes on where that is known.
pub(super) fn identity(
    check: &mut Check<'_>,
    at: &Pointer,
    given: &config::listener::Cert,
    means: &mut Means<'_>,
) -> Option<Identity> {
    let (cert, key) = (&given.cert.0, &given.key.0);
    let identity = match pair(at, given, means) {
        Ok(identity) => identity,
        Err(flaws) => {
            let last = check.before.and_then(|before| before.pair(cert, key)).cloned();
            flaws.into_iter().for_each(|flaw| flaw.note(check, last.is_some()));
            last?
        }
    };
    check.taken.take_pair(cert, key, identity.clone());
    warn_of_time(check, &at.key("cert"), (given, &identity), unix_seconds(means));
    Some(identity)
}

/// What is wrong with a file, and where it is named.
struct Flaw {
    at: Pointer,
    message: String,
    fix: &'static str,
}

impl Flaw {
    /// Refuses the configuration for it, unless what the file gave before `stays`: then all the rest need not wait for it.
    fn note(self, check: &mut Check<'_>, stays: bool) {
        let Flaw { at, message, fix } = self;
        match stays {
            true => check.warn(&at, format!("{message}; the last good one stays"), Some(fix.into())),
            false => check.error(&at, message, Some(fix.into())),
        }
    }
}

fn pair(at: &Pointer, given: &config::listener::Cert, means: &mut Means<'_>) -> Result<Identity, Vec<Flaw>> {
    let cert = bytes(&at.key("cert"), &given.cert, means);
    let key = bytes(&at.key("key"), &given.key, means);
    let (cert, key) = match (cert, key) {
        (Ok(cert), Ok(key)) => (cert, key),
        (cert, key) => return Err([cert.err(), key.err()].into_iter().flatten().collect()),
    };
    Identity::read(&cert, &key).map_err(|unfit| {
        let (name, path, why, fix) = match unfit {
            Unfit::Cert(why) => {
                let fix = "give a PEM file: the certificate first, then those that vouch for it";
                ("cert", &given.cert, why, fix)
            }
            Unfit::Key(why) => {
                let fix =
                    "give the PEM file of the key that the certificate was made for, without a password";
                ("key", &given.key, why, fix)
            }
        };
        vec![Flaw { at: at.key(name), message: format!("'{}' {why}", path.0.display()), fix }]
    })
}

/// A certificate that clients refuse, or soon will.
fn warn_of_time(
    check: &mut Check<'_>,
    at: &Pointer,
    (given, identity): (&config::listener::Cert, &Identity),
    now: i64,
) {
    let (from, until) = identity.validity();
    let path = given.cert.0.display();
    let message = if now < from {
        format!("'{path}' is valid only in {}", spelled(from - now))
    } else if until < now {
        format!("'{path}' expired {} ago", spelled(now - until))
    } else if until - now < WARN_SECONDS {
        format!("'{path}' expires in {}", spelled(until - now))
    } else {
        return;
    };
    check.warn(at, message, Some("renew it; clients refuse one that is not valid".into()));
}

/// What tickets are sealed with; notes what is wrong with the files of keys. What a file held last goes on where that is known.
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
    let files: Vec<(Pointer, &FilePath)> =
        files.0.iter().enumerate().map(|(index, file)| (check.one_of(at, index), file)).collect();
    let mut held = held(check, &files, means).ok_or(())?;
    // Each turn has one file less that may be at fault.
    let keys = loop {
        let (index, why) = match Keys::read(&held) {
            Ok(keys) => break keys,
            Err(wrong) => wrong,
        };
        let Some((at, file)) = files.get(index) else {
            check.error(at, why, None);
            return Err(());
        };
        let fix = "make one with `openssl rand -out FILE 80`";
        let flaw = Flaw { at: at.clone(), message: format!("'{}' {why}", file.0.display()), fix };
        held[index] = last(check, flaw, file, Some(&held[index])).ok_or(())?;
    };
    for ((_, file), bytes) in files.iter().zip(held) {
        check.taken.take_file(&file.0, bytes);
    }
    Ok(Sealing::Shared(keys))
}

/// Those whom the certificates in `file` vouch for; notes what is wrong with it, and how to `fix` that. What it held last goes
/// on where that is known.
pub(super) fn roots(
    check: &mut Check<'_>,
    at: &Pointer,
    (file, fix): (&FilePath, &'static str),
    means: &mut Means<'_>,
) -> Option<Roots> {
    let flaw = match bytes(at, file, means) {
        Ok(pem) => match Roots::read(&pem) {
            Ok(roots) => {
                check.taken.take_file(&file.0, pem.into());
                return Some(roots);
            }
            Err(why) => Flaw { at: at.clone(), message: format!("'{}' {why}", file.0.display()), fix },
        },
        Err(flaw) => flaw,
    };
    let pem = last(check, flaw, file, None)?;
    // It was read as these before, or as something else where it stands for that too.
    let roots = Roots::read(&pem);
    if let Err(why) = &roots {
        check.error(at, format!("what '{}' held before {why}", file.0.display()), Some(fix.into()));
    }
    check.taken.take_file(&file.0, pem);
    roots.ok()
}

/// What `files` hold, or held last; notes which of them cannot be read.
fn held(
    check: &mut Check<'_>,
    files: &[(Pointer, &FilePath)],
    means: &mut Means<'_>,
) -> Option<Vec<Arc<[u8]>>> {
    let mut held = Vec::new();
    for (at, file) in files {
        held.push(match bytes(at, file, means) {
            Ok(bytes) => Some(Arc::from(bytes)),
            Err(flaw) => last(check, flaw, file, None),
        });
    }
    held.into_iter().collect()
}

/// What a file held when it could be used last, unless it is `this`, which cannot; notes the flaw of it.
fn last(check: &mut Check<'_>, flaw: Flaw, file: &FilePath, this: Option<&Arc<[u8]>>) -> Option<Arc<[u8]>> {
    let last = check.before.and_then(|before| before.file(&file.0)).filter(|last| Some(*last) != this);
    flaw.note(check, last.is_some());
    last.cloned()
}

/// Now, in seconds since 1970.
pub(super) fn unix_seconds(means: &Means<'_>) -> i64 {
    i64::try_from((means.now.0 + means.offset) / 1_000_000_000).unwrap_or(i64::MAX)
}

fn bytes(at: &Pointer, path: &FilePath, means: &mut Means<'_>) -> Result<Vec<u8>, Flaw> {
    means.files.read(&path.0).map_err(|why| Flaw {
        at: at.clone(),
        message: format!("'{}' cannot be read: {why}", path.0.display()),
        fix: "give the path of a file that the gateway may read",
    })
}

/// A time as people tell it: whole days, or hours and minutes where it is less than one.
pub(super) fn spelled(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
