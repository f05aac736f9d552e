//! How long a message is and what becomes of its connection, decided once from a parsed head. Where two readers
//! might split a stream differently there is no answer but a fault (RFC 9112 §6, §9; RFC 9110 §8.6, §10.1.1).

use super::fault::FramingFault;
use crate::wire::field::Field;
use crate::wire::head::{Head, Version};
use crate::wire::method::Method;
use crate::wire::token;

/// How the end of a message is told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Length {
    /// No body.
    None,
    /// So many bytes, possibly zero.
    Exact(u64),
    /// The chunked coding.
    Chunked,
    /// Until the peer closes: replies only.
    UntilClose,
}

/// Body length of a request. Refuses a message with both Transfer-Encoding and Content-Length, since two readers
/// may split it differently (RFC 9112 §6.1, §6.3). No allocation.
#[inline]
pub fn request_length(head: Head<'_>) -> Result<Length, FramingFault> {
    Ok(announced(head)?.unwrap_or(Length::None))
}

/// Body length of a reply to `request`. Replies to HEAD, 1xx, 204, 304 and a 2xx to CONNECT have none whatever
/// their fields say (RFC 9112 §6.3); so has a 205, and one that announces content is a fault, since some clients
/// read none (RFC 9110 §15.3.6). An invalid Content-Length is a fault wherever it would be forwarded.
pub fn reply_length(head: Head<'_>, request: Method) -> Result<Length, FramingFault> {
    match head.status() {
        100..=199 | 204 => return Ok(Length::None),
        304 => return content_length(head).map(|_| Length::None),
        _ if request == Method::Head => return content_length(head).map(|_| Length::None),
        200..=299 if request == Method::Connect => return Ok(Length::None),
        _ => {}
    }
    match (announced(head)?, head.status()) {
        (None | Some(Length::Exact(0)), 205) => Ok(Length::None),
        (Some(Length::Exact(_)), 205) => Err(FramingFault::ResetContent),
        (length, _) => Ok(length.unwrap_or(Length::UntilClose)),
    }
}

/// The length that the framing fields give, if there are any.
#[inline]
fn announced(head: Head<'_>) -> Result<Option<Length>, FramingFault> {
    if !head.has(Field::TRANSFER_ENCODING) {
        return Ok(content_length(head)?.map(Length::Exact));
    }
    if head.version() == Version::Http10 {
        return Err(FramingFault::CodingInHttp10);
    }
    if head.has(Field::CONTENT_LENGTH) {
        return Err(FramingFault::LengthAndCoding);
    }
    if !is_chunked(head) {
        return Err(FramingFault::Coding);
    }
    Ok(Some(Length::Chunked))
}

/// The number that all Content-Length lines agree on. Digits only; repeats and lists are taken if every element is
/// the same number (RFC 9110 §8.6).
#[inline]
pub fn content_length(head: Head<'_>) -> Result<Option<u64>, FramingFault> {
    let mut agreed = None;
    for value in head.all(Field::CONTENT_LENGTH) {
        for element in value.split(|byte| *byte == b',') {
            let number = decimal(token::trim(element))?;
            if agreed.is_some_and(|other| other != number) {
                return Err(FramingFault::LengthsDiffer);
            }
            agreed = Some(number);
        }
    }
    Ok(agreed)
}

#[inline]
fn decimal(digits: &[u8]) -> Result<u64, FramingFault> {
    if digits.is_empty() {
        return Err(FramingFault::Length);
    }
    let mut value: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(FramingFault::Length);
        }
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .ok_or(FramingFault::LengthOverflow)?;
    }
    Ok(value)
}

/// Whether there is exactly one Transfer-Encoding and it is `chunked`, in any case, with nothing but spaces around
/// it. Tabs are legal there, but other readers fail on them, and nobody sends them in good faith.
fn is_chunked(head: Head<'_>) -> bool {
    if head.repeats(Field::TRANSFER_ENCODING) {
        return false;
    }
    let line = head.parts().list().iter().find(|line| line.field == Field::TRANSFER_ENCODING);
    line.is_some_and(|line| {
        let (name, value) = (line.name, line.value);
        let after = &head.bytes()[value.end()..head.head_len()];
        let before = &head.bytes()[name.end() + 1..value.start as usize];
        value.of(head.bytes()).eq_ignore_ascii_case(b"chunked")
            && before.iter().all(|byte| *byte == b' ')
            && after.iter().find(|byte| **byte != b' ') == Some(&b'\r')
    })
}

/// Whether the sender lets the connection live on after this message (RFC 9112 §9.3).
#[inline]
pub fn keep_alive(head: Head<'_>) -> bool {
    let http11 = head.version() == Version::Http11;
    if !head.has(Field::CONNECTION) {
        return http11;
    }
    let mut keeps = http11;
    for option in connection_options(head) {
        if option.eq_ignore_ascii_case(b"close") {
            return false;
        }
        keeps |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    keeps
}

/// The options of all Connection fields, trimmed (RFC 9110 §7.6.1). At most 32, the parser sees to that.
#[inline]
pub fn connection_options<'a>(head: Head<'a>) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
    head.all(Field::CONNECTION).flat_map(token::list)
}

/// Whether the client waits for 100 before it sends the body. An HTTP/1.0 client cannot, whatever it says
/// (RFC 9110 §10.1.1). Any other expectation is a fault: 417.
pub fn expects_continue(head: Head<'_>) -> Result<bool, FramingFault> {
    if !head.has(Field::EXPECT) {
        return Ok(false);
    }
    if !head.all(Field::EXPECT).all(|value| value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(FramingFault::Expectation);
    }
    Ok(head.version() != Version::Http10)
}

/// The protocols a message offers to switch to, in order. None unless Connection has the option `upgrade`, and none
/// in HTTP/1.0 (RFC 9110 §7.8).
pub fn upgrade_tokens<'a>(head: Head<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let offered = head.has(Field::UPGRADE)
        && head.version() != Version::Http10
        && connection_options(head).any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    offered.then(|| head.all(Field::UPGRADE).flat_map(token::list)).into_iter().flatten()
}

#[cfg(test)]
mod tests;
