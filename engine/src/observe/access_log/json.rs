//! The `json` format: one object a line, its keys in a fixed order. Values that may be absent are `null`
//! (`route`, `upstream`, `endpoint`) or left out (`detail`, `user_agent`, `referer`, `consumer`, `user`, `policy`, `shadow`,
//! `tunnel`); `status` 0 says
//! that none was sent. Straight code and not a loop over pieces: it is the default, and paid for each request.

use super::escape::put_json;
use super::stamp::LineState;
use super::value;
use crate::observe::Record;
use crate::wire::head::Version;

/// Room made before a line is begun: more than all of it but the values of unknown length.
const FIXED_BYTES: usize = 512;

/// Appends the object, without a line feed.
pub fn write(record: &Record<'_>, state: &mut LineState, out: &mut Vec<u8>) {
    out.reserve(FIXED_BYTES);
    out.extend_from_slice(b"{\"time\":\"");
    state.put_iso(record.at_unix_ms, out);
    number(b"\",\"shard\":", record.shard, out);
    number(b",\"generation\":", record.generation, out);
    text(b",\"listener\":\"", record.listener.as_bytes(), out);
    out.extend_from_slice(b"\",\"client\":\"");
    value::put_client(record.client, out);
    out.extend_from_slice(b"\",\"client_ip\":\"");
    value::put_client_ip(record.client_ip, out);
    text(b"\",\"method\":\"", record.method, out);
    text(b"\",\"host\":\"", record.host, out);
    text(b"\",\"path\":\"", record.path, out);
    out.extend_from_slice(match record.version {
        Version::Http10 => b"\",\"version\":\"1.0\"",
        Version::Http11 => b"\",\"version\":\"1.1\"",
        Version::Http2 => b"\",\"version\":\"2.0\"",
    });
    name(b",\"route\":", record.route, out);
    name(b",\"upstream\":", record.upstream, out);
    name(b",\"endpoint\":", record.endpoint, out);
    number(b",\"status\":", record.status, out);
    out.extend_from_slice(b",\"reason\":\"");
    out.extend_from_slice(record.reason.as_str().as_bytes());
    optional(b"\",\"detail\":\"", record.reason.detail().as_bytes(), out);
    number(b"\",\"bytes_in\":", record.bytes_in, out);
    number(b",\"bytes_out\":", record.bytes_out, out);
    text(b",\"request_id\":\"", record.request_id, out);
    optional(b"\",\"user_agent\":\"", record.user_agent, out);
    optional(b"\",\"referer\":\"", record.referer, out);
    optional(b"\",\"consumer\":\"", record.consumer.unwrap_or_default().as_bytes(), out);
    optional(b"\",\"user\":\"", record.user, out);
    optional(b"\",\"policy\":\"", record.policy.unwrap_or_default().as_bytes(), out);
    number(b"\",\"tries\":", record.tries, out);
    out.extend_from_slice(if record.reused { b",\"reused\":true" } else { b",\"reused\":false" });
    number(b",\"total_us\":", record.total_us, out);
    number(b",\"first_byte_us\":", record.first_byte_us, out);
    number(b",\"upstream_us\":", record.upstream_us, out);
    names(b",\"shadow\":[", record.shadow, out);
    out.extend_from_slice(if record.tunnel { b",\"tunnel\":true}" } else { b"}" });
}

/// `before` ends with the quote that opens the string; what follows closes it.
fn text(before: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(before);
    put_json(value, out);
}

/// As [`text`], but nothing at all for an empty value.
fn optional(before: &[u8], value: &[u8], out: &mut Vec<u8>) {
    if !value.is_empty() {
        text(before, value, out);
    }
}

/// A list of names, which are parted by commas and need no escape; nothing at all for none.
fn names(before: &[u8], list: &[u8], out: &mut Vec<u8>) {
    if list.is_empty() {
        return;
    }
    out.extend_from_slice(before);
    for (index, name) in list.split(|byte| *byte == b',').enumerate() {
        out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        put_json(name, out);
        out.push(b'"');
    }
    out.push(b']');
}

fn number(before: &[u8], value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(before);
    value::put_number(value, out);
}

/// A whole member: a string with its quotes, or `null`.
fn name(before: &[u8], value: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(before);
    match value {
        Some(name) => {
            out.push(b'"');
            put_json(name.as_bytes(), out);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}
