//! The configuration of a run, and its timeouts: pauses of fair peers stay well below them.

use super::Plan;
use std::fmt::Write;
use std::time::Duration;

pub const HEAD: Duration = Duration::from_secs(3);
pub const BODY: Duration = Duration::from_secs(3);
pub const IDLE: Duration = Duration::from_secs(4);
pub const CONNECT: Duration = Duration::from_millis(500);
pub const FIRST_BYTE: Duration = Duration::from_secs(3);
pub const BETWEEN_BYTES: Duration = Duration::from_secs(3);
pub const POOL_IDLE: Duration = Duration::from_secs(6);
/// Longer than all of the above together, but for the pool's.
pub const FOR_EVER: Duration = Duration::from_secs(20);
/// `limits.body_bytes`: above all bodies but those that are meant to pass it.
pub const BODY_BYTES: usize = 256 * 1024;
/// `limits.header_bytes` and `limits.target_bytes`.
pub const HEAD_BYTES: usize = 8 * 1024;
pub const TARGET_BYTES: usize = 1024;

/// The configuration file of `plan`.
pub fn yaml(plan: &Plan) -> String {
    let mut text = String::from("version: 1\naccess_log: { path: stdout, format: json }\n");
    let _ = write!(
        text,
        "listeners:\n  - name: l\n    bind: 127.0.0.1:8080\n    \
         timeouts: {{ head: {HEAD:?}, body: {BODY:?}, idle: {IDLE:?}, tunnel_idle: {IDLE:?} }}\n    \
         limits: {{ body_bytes: {BODY_BYTES}B, header_bytes: {HEAD_BYTES}B, target_bytes: {TARGET_BYTES}B }}\n\
         upstreams:\n"
    );
    for (number, upstream) in plan.upstreams.iter().enumerate() {
        let balance = if upstream.least { "least_connections" } else { "round_robin" };
        let cap = upstream.cap;
        let _ = write!(
            text,
            "  u{number}:\n    balance: {balance}\n    \
             pool: {{ connections: {cap}, idle: {POOL_IDLE:?} }}\n    endpoints:\n"
        );
        for endpoint in &upstream.endpoints {
            let _ = writeln!(text, "      - address: \"{}\"", endpoint.addr);
        }
    }
    text.push_str("routes:\n");
    for (number, upstream) in plan.upstreams.iter().enumerate() {
        let total = upstream.total.map_or(String::new(), |total| format!(", total: {}ms", total.as_millis()));
        let _ = write!(
            text,
            "  - name: r{number}\n    match: {{ path: /u{number}/* }}\n    to: u{number}\n    timeouts: \
             {{ connect: {CONNECT:?}, first_byte: {FIRST_BYTE:?}, between_bytes: {BETWEEN_BYTES:?}{total} }}\n"
        );
    }
    text
}
