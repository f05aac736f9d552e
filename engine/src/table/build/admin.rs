//! The administration interface: an address that no listener has, and a token where others than this machine can reach it.

use super::super::admin::{Admin, Token};
use super::listeners::{bind_fix, clash};
use super::{Address, Check, Listener, Pointer, address};
use crate::config::values::Secret;

/// Characters of a token at least.
const TOKEN_CHARS_MIN: usize = 16;

/// Builds it; notes what is wrong with it.
pub(super) fn build(check: &mut Check<'_>, listeners: &[Listener]) -> Option<Admin> {
    let config = check.config;
    let given = config.admin.as_ref()?;
    let at = Pointer::default().key("admin");
    let token = given.token.as_ref().and_then(|secret| token(check, &at.key("token"), secret));
    let admin = Admin {
        bind: bind(check, &at.key("bind"), &given.bind, listeners)?,
        token,
        series: series(check, &at, given.series),
    };
    if given.token.is_none() && !admin.is_local() {
        let message = format!("'{}' can be reached from elsewhere, and 'admin' has no 'token'", given.bind);
        let fix = "bind it to 127.0.0.1 or to unix:PATH, or add 'token: \"${file:admin.token}\"'";
        check.error(&at.key("bind"), message, Some(fix.into()));
    }
    Some(admin)
}

fn bind(check: &mut Check<'_>, at: &Pointer, text: &str, listeners: &[Listener]) -> Option<Address> {
    let address = match address::unix(check, at, text) {
        Some(socket) => socket?,
        None => match text.parse() {
            Ok(address) => Address::Tcp(address),
            Err(_) => {
                let message = format!("'{text}' in 'bind' of admin is not an address and a port");
                check.error(at, message, Some(bind_fix(text)));
                return None;
            }
        },
    };
    let bound = |listener: &&Listener| listener.bind.iter().any(|known| clash(known, &address));
    if let Some(listener) = listeners.iter().find(bound) {
        let message = format!("'{text}' is bound by listener '{}' already", listener.name);
        let own = if matches!(address, Address::Tcp(_)) { "port" } else { "path" };
        check.error(at, message, Some(format!("admin needs a {own} of its own")));
    }
    Some(address)
}

fn token(check: &mut Check<'_>, at: &Pointer, given: &Secret) -> Option<Token> {
    let Secret(text) = given;
    // What a field's value can carry, without what readers of it would trim.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let fix = "use visible ASCII characters without spaces, such as what 'openssl rand -hex 16' prints";
        check.error(at, "'token' holds what no header can carry".into(), Some(fix.into()));
        return None;
    }
    if text.len() < TOKEN_CHARS_MIN {
        let message = format!("'token' has fewer than {TOKEN_CHARS_MIN} characters");
        check.error(at, message, Some("write what 'openssl rand -hex 16' prints".into()));
        return None;
    }
    Some(Token::new(text.clone()))
}

/// Series of metrics at least: what one listener and one route need, with those of the overflow.
const SERIES_MIN: u32 = 1000;

fn series(check: &mut Check<'_>, at: &Pointer, series: u32) -> usize {
    if series < SERIES_MIN {
        let message = format!("'series' of {series} is too few");
        check.error(&at.key("series"), message, Some(format!("write {SERIES_MIN} or more")));
    }
    series as usize
}
