//! Health checks of an upstream: what is asked, and whether the rest fits.

use super::super::super::health::{Ask, Health};
use super::{Check, Pointer, config};
use crate::balance::Rule;

/// Builds the checks of upstream `name`, which speaks HTTP/2 or not; notes what is wrong with them.
pub(super) fn build(
    check: &mut Check<'_>,
    (at, name): (&Pointer, &str),
    given: &config::upstream::Health,
    http2: bool,
) -> Option<Health> {
    let ask = match (&given.path, &given.grpc) {
        (Some(path), None) => {
            let is_of_path = |byte: u8| is_plain(byte) || b"/?@%!$&'()*+,;=".contains(&byte);
            if !path.starts_with('/') || !path.bytes().all(is_of_path) {
                let fix = "write it as it stands in a request, such as /ready or /health?full=1";
                check.error(&at.key("path"), format!("'{path}' is not a path"), Some(fix.into()));
            }
            Some(Ask::Get(path.clone()))
        }
        (None, Some(service)) => {
            if !http2 {
                let message =
                    format!("servers of upstream '{name}' are not spoken to in HTTP/2, which gRPC needs");
                let fix = "add 'protocol: http2' to the upstream, or check it by 'path'";
                check.error_at_key(&at.key("grpc"), message, Some(fix.into()));
            }
            Some(Ask::Grpc(service.clone()))
        }
        (Some(_), Some(_)) => {
            let message = "a check asks for a path or of a service, not both".to_owned();
            check.error_at_key(&at.key("grpc"), message, Some("remove 'path' or 'grpc'".into()));
            None
        }
        (None, None) => {
            let message = format!("the checks of upstream '{name}' ask nothing");
            let fix = "add 'path: /ready', or 'grpc: \"\"' for servers of gRPC";
            check.error(at, message, Some(fix.into()));
            None
        }
    };
    let is_of_host = |byte: u8| is_plain(byte) || b"[]".contains(&byte);
    if given.host.as_deref().is_some_and(|host| host.is_empty() || !host.bytes().all(is_of_host)) {
        let fix = "write a host name, with a port where it has one";
        check.error(&at.key("host"), "this is not a host".into(), Some(fix.into()));
    }
    if given.port == Some(0) {
        check.error(&at.key("port"), "'port' is zero".into(), Some("give 1 to 65535".into()));
    }
    if given.timeout > given.interval && !given.interval.0.is_zero() {
        let message = format!(
            "'timeout' of {} is longer than 'interval' of {}: a server that is silent is asked less often than that",
            given.timeout, given.interval
        );
        check.warn(&at.key("timeout"), message, Some("write a shorter timeout, or a longer interval".into()));
    }
    let health = Health {
        ask: ask?,
        host: given.host.clone(),
        port: given.port,
        interval: check.period(at, "interval", given.interval),
        timeout: check.period(at, "timeout", given.timeout),
        rule: Rule {
            healthy: check.at_least_one(at, "healthy", given.healthy),
            unhealthy: check.at_least_one(at, "unhealthy", given.unhealthy),
        },
    };
    Some(health)
}

/// Whether a byte stands for itself in hosts, ports and paths (RFC 3986 §2.3).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte)
}
