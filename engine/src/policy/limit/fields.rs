//! What a reply tells of its limits: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, structured
//! fields of RFC 9651), the older `X-RateLimit-*`, and `Retry-After` (RFC 9110 §10.2.3). Times are rounded up to whole
//! seconds, so that a client that believes them does not come too early.

use super::shard::Quota;
use crate::config::policy::limit::{FieldStyle, ResetStyle};
use crate::wire::edits::Edits;
use crate::wire::field::{Field, FieldSet};

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

/// All that tell of a limit.
const TELLING: FieldSet = FieldSet::of(&[
    Field::RATELIMIT_POLICY,
    Field::RATELIMIT,
    Field::X_RATELIMIT_LIMIT,
    Field::X_RATELIMIT_REMAINING,
    Field::X_RATELIMIT_RESET,
]);

/// Takes out of a reply what was told of a limit.
pub fn take_back(reply: &mut Edits) {
    reply.take_back(TELLING);
}

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

    /// The moment at which the limit is whole again, in whole seconds since 1970 or from now. It is the sum that is rounded:
    /// rounded apart, the two would be up to a second too early.
    fn reset(&self, quota: &Quota, unix_ms: u64) -> u64 {
        match self.reset {
            ResetStyle::Epoch => unix_ms.saturating_add(quota.reset.div_ceil(1_000_000)).div_ceil(1000),
            ResetStyle::Delta => seconds(quota.reset),
        }
    }

    /// Sets each field in `edits`, in the place of what another limit or the origin tells: of two that tell by different
    /// fields a client would take one for the other. `unix_ms` is the time in milliseconds since 1970. *Cost*: no allocation
    /// once `edits` is warm.
    pub fn tell(&self, quota: &Quota, refused: bool, unix_ms: u64, edits: &mut Edits) {
        match self.style {
            FieldStyle::None => edits.take_back(TELLING),
            _ => edits.remove_all(TELLING),
        }
        if matches!(self.style, FieldStyle::All | FieldStyle::Standard) {
            edits.set_made(Field::RATELIMIT_POLICY, |out| self.policy(quota, out));
            edits.set_made(Field::RATELIMIT, |out| self.state(quota, out));
        }
        if matches!(self.style, FieldStyle::All | FieldStyle::Legacy) {
            edits.set_made(Field::X_RATELIMIT_LIMIT, |out| number(u64::from(quota.limit), out));
            edits.set_made(Field::X_RATELIMIT_REMAINING, |out| number(u64::from(quota.remaining), out));
            edits.set_made(Field::X_RATELIMIT_RESET, |out| number(self.reset(quota, unix_ms), out));
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
