//! Certificates of clients: who vouches for them, and which are revoked.

use super::{Check, Flaw, Means, Pointer, config, held, last, spelled, unix_seconds};
use crate::certs::{Asks, Clients, Unusable};
use crate::config::listener::ClientAuth;
use crate::config::values::FilePath;

/// What clients of listener `name` are asked for; notes what is wrong with it.
///
/// # Errors
/// When nothing can be served with it.
pub(super) fn build(
    check: &mut Check<'_>,
    at: &Pointer,
    (name, given): (&str, &config::listener::Tls),
    means: &mut Means<'_>,
) -> Result<Option<Clients>, ()> {
    let asks = match given.client_auth {
        ClientAuth::Optional => Asks::Optional,
        ClientAuth::Required => Asks::Required,
        ClientAuth::Off => {
            for (key, _) in [("client_ca", given.client_ca.is_some()), ("crl", given.crl.is_some())]
                .iter()
                .filter(|(_, is_given)| *is_given)
            {
                let message = format!("'{key}' of listener '{name}' is not looked at: no client is asked");
                let fix = "add client_auth: optional or required, or remove it";
                check.error_at_key(&at.key(key), message, Some(fix.into()));
            }
            return Ok(None);
        }
    };
    let Some(ca) = &given.client_ca else {
        let message = format!("'client_auth' of listener '{name}' has nobody who vouches for clients");
        let fix = "add client_ca: FILE, the certificates of those that clients' certificates come from";
        check.error_at_key(&at.key("client_auth"), message, Some(fix.into()));
        return Err(());
    };
    let mut files = vec![(at.key("client_ca"), ca)];
    for (index, file) in given.crl.iter().flat_map(|files| &files.0).enumerate() {
        files.push((check.one_of(&at.key("crl"), index), file));
    }
    let clients = usable(check, &files, asks, means).ok_or(())?;
    warn(check, &at.key("crl"), &clients, unix_seconds(means));
    Ok(Some(clients))
}

/// Those whom `files` let in, the bundle first, then the lists; notes what is wrong with them. What a file held last goes on
/// where that is known.
fn usable(
    check: &mut Check<'_>,
    files: &[(Pointer, &FilePath)],
    asks: Asks,
    means: &mut Means<'_>,
) -> Option<Clients> {
    let mut held = held(check, files, means)?;
    // Each turn has one file less that may be at fault.
    let clients = loop {
        let lists: Vec<&[u8]> = held[1..].iter().map(|list| &**list).collect();
        let (index, why, fix) = match Clients::read(asks, &held[0], &lists) {
            Ok(clients) => break clients,
            Err(Unusable::Bundle(why)) => {
                (0, why, "give a PEM file with the certificates of those that vouch for clients")
            }
            Err(Unusable::List(index, why)) => {
                (index + 1, why, "give a list as the authority publishes it, in PEM or DER")
            }
        };
        let (at, file) = &files[index];
        let flaw = Flaw { at: at.clone(), message: format!("'{}' {why}", file.0.display()), fix };
        held[index] = last(check, flaw, file, Some(&held[index]))?;
    };
    for ((_, file), bytes) in files.iter().zip(held) {
        check.taken.take_file(&file.0, bytes);
    }
    Some(clients)
}

/// Lists that leave clients out.
fn warn(check: &mut Check<'_>, at: &Pointer, clients: &Clients, now: i64) {
    for name in clients.unlisted() {
        let message = format!("there is no list of '{name}': all that it vouches for is refused");
        check.warn_at_key(at, message, Some("add its list, or give none at all".into()));
    }
    for (name, next) in clients.overdue(now) {
        let late = spelled(now - next);
        let message =
            format!("the list of '{name}' is overdue by {late}: all that it vouches for is refused");
        check.warn_at_key(at, message, Some("fetch the next one".into()));
    }
}
