//! What keeps the clients of a listener on https.

use super::{Check, Pointer, config};
use crate::route::front::Scheme;
use crate::route::redirect::{Destination, Redirect};
use std::time::Duration;

/// A year: browsers build in nothing that holds for less.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

const SECOND: Duration = Duration::from_secs(1);

/// Where clients are sent that did not come by https; notes what is wrong with it.
pub(in crate::table::build) fn redirect(
    check: &mut Check<'_>,
    at: &Pointer,
    name: &str,
    given: &config::Listener,
) -> Option<Redirect> {
    let port = given.redirect_https.0?;
    if given.tls.is_some() {
        let message = format!("'redirect_https' of listener '{name}' sends nobody anywhere: it speaks TLS");
        check.error_at_key(at, message, Some("write it on the listener for http".into()));
    }
    let own = |bind: &String| bind.rsplit_once(':').is_some_and(|(_, own)| own.parse() == Ok(port));
    if given.bind.0.iter().any(own) && check.config.gateway.trusted_proxies.is_empty() {
        let message = format!("'redirect_https' of listener '{name}' sends clients to its own port, {port}");
        let fix = "write the port where clients find https, or true for 443";
        check.warn(at, message, Some(fix.into()));
    }
    let to = Destination::Parts { scheme: Some(Scheme::Https), host: None, port: Some(port), path: None };
    Some(Redirect { status: 308, to })
}

/// The value of Strict-Transport-Security; notes what is wrong with it.
pub(in crate::table::build) fn hsts(
    check: &mut Check<'_>,
    at: &Pointer,
    name: &str,
    given: &config::Listener,
) -> Option<Box<[u8]>> {
    let strict = &given.hsts.as_ref()?.0;
    if given.tls.is_none() && check.config.gateway.trusted_proxies.is_empty() {
        let message = format!("'hsts' of listener '{name}' is never sent: nobody comes by https");
        let fix =
            "write it on the listener with 'tls', or name the proxy that speaks TLS in 'trusted_proxies'";
        check.warn_at_key(at, message, Some(fix.into()));
    }
    // Told in whole seconds: less than one would tell clients to forget it.
    if !strict.max_age.0.is_zero() && strict.max_age.0 < SECOND {
        let message = format!("'max_age' in 'hsts' of listener '{name}' is less than a second");
        let fix = "write a time such as 365d, or 0s to have clients forget it";
        check.error(&at.key("max_age"), message, Some(fix.into()));
    }
    if strict.preload && (!strict.include_subdomains || strict.max_age.0 < YEAR) {
        let message = format!("'preload' of listener '{name}' is taken by no browser");
        let fix = "write { max_age: 365d, include_subdomains: true, preload: true }, or remove it";
        check.error_at_key(&at.key("preload"), message, Some(fix.into()));
    }
    let mut value = format!("max-age={}", strict.max_age.0.as_secs());
    for (word, is_on) in [("; includeSubDomains", strict.include_subdomains), ("; preload", strict.preload)] {
        value += if is_on { word } else { "" };
    }
    Some(value.into_bytes().into())
}
