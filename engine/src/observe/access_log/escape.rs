//! Values of unknown bytes made safe to stand in a line. Clean runs are found eight bytes at a time and copied
//! whole; what is not clean is written byte by byte.

use super::VALUE_BYTES_MAX;

const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";
const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Stands at the end of a value that was cut.
const CUT: &[u8] = b"...";

/// Appends `value` as the inside of a JSON string (RFC 8259 §7). UTF-8 passes as it is, but for control
/// characters, which become `\u00XX`. A byte that is not part of valid UTF-8 becomes `\u00XX` of the byte, as if
/// it were Latin-1, so that the line is valid JSON whatever a client sends.
pub fn put_json(value: &[u8], out: &mut Vec<u8>) {
    let (value, cut) = bounded(value);
    let clean = clean_run(value);
    out.extend_from_slice(&value[..clean]);
    if clean < value.len() {
        put_json_rest(&value[clean..], out);
    }
    out.extend_from_slice(cut);
}

#[cold]
fn put_json_rest(value: &[u8], out: &mut Vec<u8>) {
    for chunk in value.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                // C1 controls steer terminals just as C0 ones do, so neither is shown raw.
                _ if char.is_control() => put_u00(char as u8, out),
                _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|&byte| put_u00(byte, out));
    }
}

fn put_u00(byte: u8, out: &mut Vec<u8>) {
    let [high, low] = [HEX_LOWER[usize::from(byte >> 4)], HEX_LOWER[usize::from(byte & 15)]];
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
}

/// Where a value stands in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Between quotes: spaces are its own.
    Quoted,
    /// Between spaces: a space would begin another value, so it is escaped too.
    Bare,
}

/// Appends `value` as nginx does: quotes, backslashes and all that is not printable ASCII become `\xHH`.
pub fn put_text(value: &[u8], place: Place, out: &mut Vec<u8>) {
    let (value, cut) = bounded(value);
    let clean = match place {
        Place::Quoted => clean_run(value),
        Place::Bare => value.iter().position(|&b| b == b' ' || !is_clean(b)).unwrap_or(value.len()),
    };
    out.extend_from_slice(&value[..clean]);
    for &byte in &value[clean..] {
        if is_clean(byte) && (byte != b' ' || place == Place::Quoted) {
            out.push(byte);
        } else {
            let [high, low] = [HEX_UPPER[usize::from(byte >> 4)], HEX_UPPER[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'\\', b'x', high, low]);
        }
    }
    out.extend_from_slice(cut);
}

/// The first [`VALUE_BYTES_MAX`] bytes of `value` at most, and what stands for the rest. The cut never parts a
/// character.
fn bounded(value: &[u8]) -> (&[u8], &'static [u8]) {
    if value.len() <= VALUE_BYTES_MAX {
        return (value, b"");
    }
    let continued = |at: usize| value[at] & 0xC0 == 0x80;
    let back = (0..3).take_while(|back| continued(VALUE_BYTES_MAX - back)).count();
    (&value[..VALUE_BYTES_MAX - back], CUT)
}

/// Whether a byte may stand in any line as it is.
fn is_clean(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Length of the run of clean bytes that `value` begins with.
fn clean_run(value: &[u8]) -> usize {
    let mut words = value.chunks_exact(8);
    let mut clean = 0;
    for word in &mut words {
        if !is_clean_word(u64::from_le_bytes(word.try_into().expect("a chunk of 8 has 8 bytes"))) {
            break;
        }
        clean += 8;
    }
    clean + value[clean..].iter().take_while(|&&byte| is_clean(byte)).count()
}

/// Whether all eight bytes are clean; it may say no of a word that is. The classic tests of eight bytes in one
/// word: a borrow or a carry sets a byte's high bit, and can reach only the bytes above one that has set its own.
fn is_clean_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES * 0x80;
    let equals = |byte: u8| {
        let zero_there = word ^ (ONES * u64::from(byte));
        zero_there.wrapping_sub(ONES) & !zero_there
    };
    let below_space = word.wrapping_sub(ONES * 0x20);
    let above_tilde = word.wrapping_add(ONES) | word;
    (below_space | above_tilde | equals(b'"') | equals(b'\\')) & HIGHS == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_is_clean_exactly_when_its_bytes_are() {
        for byte in 0..=255u8 {
            for at in 0..8 {
                let mut word = [b'a'; 8];
                word[at] = byte;
                assert_eq!(is_clean_word(u64::from_le_bytes(word)), is_clean(byte), "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn a_clean_run_ends_at_the_first_byte_that_is_not_clean() {
        for len in 0..40 {
            for dirty in 0..len {
                let mut value = vec![b'a'; len];
                value[dirty] = b'"';
                assert_eq!(clean_run(&value), dirty);
            }
            assert_eq!(clean_run(&vec![b'~'; len]), len);
        }
    }

    fn json(value: &[u8]) -> String {
        let mut out = Vec::new();
        put_json(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_escapes_what_would_end_or_break_a_string() {
        assert_eq!(json(b"a\"b\\c\nd\re\tf\0g\x1b\x7f"), r#"a\"b\\c\nd\re\tf\u0000g\u001b\u007f"#);
        assert_eq!(json("grüß \u{9b} 日本 🦀".as_bytes()), r"grüß \u009b 日本 🦀");
        assert_eq!(json(b"caf\xe9 \xff\xc3"), r"caf\u00e9 \u00ff\u00c3");
    }

    fn text(value: &[u8], place: Place) -> String {
        let mut out = Vec::new();
        put_text(value, place, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_escapes_as_nginx_does() {
        assert_eq!(text(b"a b\"c\\d\ne\xff\x7f~", Place::Quoted), r"a b\x22c\x5Cd\x0Ae\xFF\x7F~");
        assert_eq!(text(b"a b", Place::Bare), r"a\x20b");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let exact = "x".repeat(VALUE_BYTES_MAX);
        assert_eq!(json(exact.as_bytes()), exact);
        for parted in ["é", "日", "🦀"] {
            let kept = "x".repeat(VALUE_BYTES_MAX - 1);
            assert_eq!(json(format!("{kept}{parted}{parted}").as_bytes()), format!("{kept}..."));
        }
        assert_eq!(json(&[0x80; VALUE_BYTES_MAX + 9]).len(), 6 * (VALUE_BYTES_MAX - 3) + 3);
    }

    proptest! {
        #[test]
        fn json_reads_back_as_the_bytes_or_as_latin_1(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read: String = serde_json::from_str(&format!("\"{}\"", json(&value))).unwrap();
            let expected: String = value
                .utf8_chunks()
                .flat_map(|chunk| chunk.valid().chars().chain(chunk.invalid().iter().map(|&b| char::from(b))))
                .collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn text_reads_back_as_the_bytes(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            for place in [Place::Quoted, Place::Bare] {
                let text = text(&value, place);
                prop_assert!(text.bytes().all(is_printable));
                prop_assert_eq!(unescape(&text), &value[..]);
            }
        }
    }

    fn is_printable(byte: u8) -> bool {
        (b' '..=b'~').contains(&byte) && byte != b'"'
    }

    fn unescape(text: &str) -> Vec<u8> {
        let mut parts = text.split("\\x");
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        }
        bytes
    }
}
