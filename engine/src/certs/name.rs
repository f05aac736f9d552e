//! A distinguished name as text (RFC 4514): the most exact part first, as LDAP, nginx and `openssl -nameopt RFC2253` write
//! it. What is compared and logged is this text, so that two names have one text only if they say the same.

use std::fmt::Write;
use x509_parser::asn1_rs::{Any, Oid, Tag};
use x509_parser::x509::X509Name;

/// Types by their registered short names; all others are written by their numbers.
const TYPES: &[(&[u64], &str)] = &[
    (&[2, 5, 4, 3], "CN"),
    (&[2, 5, 4, 4], "SN"),
    (&[2, 5, 4, 5], "serialNumber"),
    (&[2, 5, 4, 6], "C"),
    (&[2, 5, 4, 7], "L"),
    (&[2, 5, 4, 8], "ST"),
    (&[2, 5, 4, 9], "street"),
    (&[2, 5, 4, 10], "O"),
    (&[2, 5, 4, 11], "OU"),
    (&[2, 5, 4, 12], "title"),
    (&[2, 5, 4, 42], "GN"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 1], "UID"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 25], "DC"),
    (&[1, 2, 840, 113_549, 1, 9, 1], "emailAddress"),
];

/// The text of a name; empty for an empty one.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts: Vec<_> = name.iter().collect();
    for (at, part) in parts.into_iter().rev().enumerate() {
        // Backwards here too, as those who print names do.
        let attributes: Vec<_> = part.iter().collect();
        for (within, attribute) in attributes.into_iter().rev().enumerate() {
            if within > 0 {
                out.push('+');
            } else if at > 0 {
                out.push(',');
            }
            let known = put_type(attribute.attr_type(), &mut out);
            out.push('=');
            match string(attribute.attr_value()).filter(|_| known) {
                Some(value) => escape(&value, &mut out),
                None => hexadecimal(attribute.attr_value(), &mut out),
            }
        }
    }
    out
}

/// The value of an attribute that is a text.
pub(super) fn string(value: &Any<'_>) -> Option<String> {
    let bytes = value.data;
    let wide = |size: usize| {
        let units = bytes.chunks_exact(size);
        units.remainder().is_empty().then_some(units)
    };
    match value.tag() {
        Tag::Utf8String => Some(std::str::from_utf8(bytes).ok()?.to_owned()),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString
            if bytes.is_ascii() =>
        {
            Some(std::str::from_utf8(bytes).ok()?.to_owned())
        }
        // Written by everybody as ISO 8859-1, whatever T.61 says.
        Tag::T61String => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = wide(2)?.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        Tag::UniversalString => {
            let units = wide(4)?.map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            units.map(char::from_u32).collect()
        }
        _ => None,
    }
}

/// Whether the type has a short name.
fn put_type(oid: &Oid<'_>, out: &mut String) -> bool {
    let same = |numbers: &[u64]| oid.iter().is_some_and(|own| own.eq(numbers.iter().copied()));
    match TYPES.iter().find(|(numbers, _)| same(numbers)) {
        Some((_, name)) => {
            out.push_str(name);
            true
        }
        None => {
            out.push_str(&oid.to_id_string());
            false
        }
    }
}

/// RFC 4514 §2.4: what would end a value or begin another one has a backslash, what cannot be seen stands as its bytes.
fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (at, char) in value.chars().enumerate() {
        let at_edge = (char == ' ' && (at == 0 || at == last)) || (char == '#' && at == 0);
        if at_edge || matches!(char, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            out.push('\\');
            out.push(char);
        } else if char.is_control() {
            let mut bytes = [0; 4];
            for byte in char.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "\\{byte:02X}");
            }
        } else {
            out.push(char);
        }
    }
}

/// `#` and the whole value (DER) in hexadecimal digits.
fn hexadecimal(value: &Any<'_>, out: &mut String) {
    out.push('#');
    let len = value.data.len();
    let mut front = vec![u8::try_from(value.tag().0).unwrap_or(u8::MAX)];
    match u8::try_from(len) {
        Ok(short @ ..0x80) => front.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let skip = bytes.iter().take_while(|byte| **byte == 0).count();
            front.push(0x80 | (bytes.len() - skip) as u8);
            front.extend_from_slice(&bytes[skip..]);
        }
    }
    for byte in front.iter().chain(value.data) {
        let _ = write!(out, "{byte:02X}");
    }
}
