//! Certificates of clients: who vouches for them, and which are revoked.

use super::{Check, Means, Pointer, config, read, spelled, unix_seconds};
use crate::certs::{Asks, Clients, Unusable};
use crate::config::listener::ClientAuth;

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
    let bundle = read(check, &at.key("client_ca"), ca, means);
    let files = given.crl.iter().flat_map(|files| &files.0);
    let mut lists = Vec::new();
    for (index, file) in files.clone().enumerate() {
        let place = check.one_of(&at.key("crl"), index);
        lists.push(read(check, &place, file, means));
    }
    let lists: Option<Vec<Vec<u8>>> = lists.into_iter().collect();
    let (Some(bundle), Some(lists)) = (bundle, lists) else { return Err(()) };
    let clients = match Clients::read(asks, &bundle, &lists) {
        Ok(clients) => clients,
        Err(unusable) => {
            let (place, file, why, fix) = match unusable {
                Unusable::Bundle(why) => {
                    let fix = "give a PEM file with the certificates of those that vouch for clients";
                    (at.key("client_ca"), ca, why, fix)
                }
                Unusable::List(index, why) => {
                    let fix = "give a list as the authority publishes it, in PEM or DER";
                    (check.one_of(&at.key("crl"), index), files.clone().nth(index).unwrap_or(ca), why, fix)
                }
            };
            check.error(&place, format!("'{}' {why}", file.0.display()), Some(fix.into()));
            return Err(());
        }
    };
    warn(check, &at.key("crl"), &clients, unix_seconds(means));
    Ok(Some(clients))
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
