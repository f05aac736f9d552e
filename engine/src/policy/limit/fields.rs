//! What a reply tells of its limits: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, structured
//! fields of RFC 9651), the older `X-RateLimit-*`, and `Retry-After` (RFC 9110 §10.2.3). Times are rounded up to whole
//! seconds, so that a client that believes them does not come too early.

use super::shard::Quota;
use crate::config::policy::limit::{FieldStyle, ResetStyle};
use crate::wire::edits::Edits;
use crate::wire::field::Field;

/// Which fields a limit gives, and its name in them.
#[derive(Debug)]
pub struct Fields {
    /// The name as a string of structured fields, quotes included.
    name: Box<[u8]>,
    style: FieldStyle,
    reset: ResetStyle,
}

/// The largest integer of structured fields (RFC 9651 §3.3.1).
const INTEGER_MAX: u64 = 999_999_999_999_999;

fn seconds(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000_000)
}

fn number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value.min(INTEGER_MAX)).as_bytes());
}

impl Fields {
    /// The fields of the policy `name`.
    pub fn new(name: &str, style: FieldStyle, reset: ResetStyle) -> Fields {
        let mut quoted = vec![b'"'];
        for char in name.chars() {
            match char {
                '"' | '\\' => quoted.extend_from_slice(&[b'\\', char as u8]),
                ' '..='~' => quoted.push(char as u8),
                // A string of structured fields holds ASCII only.
                _ => quoted.push(b'?'),
            }
        }
        quoted.push(b'"');
        Fields { name: quoted.into(), style, reset }
    }

    /// Sets each field in `edits`. `unix` is the time in seconds since 1970, rounded down. *Cost*: no allocation once
    /// `edits` is warm.
    pub fn tell(&self, quota: &Quota, refused: bool, unix: u64, edits: &mut Edits) {
        if matches!(self.style, FieldStyle::All | FieldStyle::Standard) {
            edits.set_made(Field::RATELIMIT_POLICY, |out| self.policy(quota, out));
            edits.set_made(Field::RATELIMIT, |out| self.state(quota, out));
        }
        if matches!(self.style, FieldStyle::All | FieldStyle::Legacy) {
            edits.set_made(Field::X_RATELIMIT_LIMIT, |out| number(u64::from(quota.limit), out));
            edits.set_made(Field::X_RATELIMIT_REMAINING, |out| number(u64::from(quota.remaining), out));
            let reset = seconds(quota.reset);
            let reset = if self.reset == ResetStyle::Epoch { unix.saturating_add(reset) } else { reset };
            edits.set_made(Field::X_RATELIMIT_RESET, |out| number(reset, out));
        }
        if refused {
            // At least a second: 0 would make a client come back at once.
            edits.set_made(Field::RETRY_AFTER, |out| number(seconds(quota.retry).max(1), out));
        }
    }

    /// `"free-plan";q=20;w=12`
    fn policy(&self, quota: &Quota, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name);
        out.extend_from_slice(b";q=");
        number(u64::from(quota.limit), out);
        if let Some(window) = quota.window {
            out.extend_from_slice(b";w=");
            number(window, out);
        }
    }

    /// `"free-plan";r=19;t=1`
    fn state(&self, quota: &Quota, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name);
        out.extend_from_slice(b";r=");
        number(u64::from(quota.remaining), out);
        out.extend_from_slice(b";t=");
        number(seconds(if quota.retry > 0 { quota.retry } else { quota.reset }), out);
    }
}
