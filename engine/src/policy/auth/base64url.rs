//! Strict base64url (RFC 4648 §5, RFC 7515 §2): no padding, no whitespace, no bits left over, one reading of each text.
//! A lax reader would take several texts for one token, and a cache or a blocklist would know only one of them.

/// What stands for no byte of the alphabet: its top bits are out of the range of any three bytes.
const NONE: u32 = 0xff00_0000;

/// What each byte is worth at each of the four places of a group.
static WORTH: [[u32; 256]; 4] = {
    let mut tables = [[NONE; 256]; 4];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut place = 0;
    while place < 4 {
        let mut at = 0;
        while at < 64 {
            tables[place][alphabet[at] as usize] = (at as u32) << (18 - 6 * place);
            at += 1;
        }
        place += 1;
    }
    tables
};

/// The bytes of a group of up to four characters, as the lower 24 bits, and [`NONE`] among the others if it is none.
#[inline]
fn word(group: &[u8]) -> u32 {
    group.iter().zip(&WORTH).fold(0, |word, (byte, worth)| word | worth[*byte as usize])
}

/// Bytes that a text of `len` characters stands for; none where no text has that length.
pub fn decoded_len(len: usize) -> Option<usize> {
    (len % 4 != 1).then(|| len / 4 * 3 + (len % 4).saturating_sub(1))
}

/// Decodes `text` into the front of `out` and gives the number of bytes; none if it is not strictly base64url or does
/// not fit. No allocation.
pub fn decode_into(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let len = decoded_len(text.len())?;
    let out = out.get_mut(..len)?;
    // Looked at once at the end: a branch a group would cost more than decoding a bad text to its end.
    let mut seen = 0;
    let (pairs, rest) = text.as_chunks::<8>();
    let (bytes, mut left) = out.as_chunks_mut::<6>();
    for (pair, bytes) in pairs.iter().zip(&mut *bytes) {
        let (one, two) = (word(&pair[..4]), word(&pair[4..]));
        seen |= one | two;
        let both = u64::from(one) << 24 | u64::from(two);
        bytes.copy_from_slice(&both.to_be_bytes()[2..]);
    }
    for group in rest.chunks(4) {
        let word = word(group);
        // Bits behind the last byte must be zero: else several texts would stand for the same bytes.
        let (bytes, over) = match group.len() {
            4 => (3, 0),
            3 => (2, word & 0xff),
            2 => (1, word & 0xffff),
            _ => return None,
        };
        seen |= word | if over == 0 { 0 } else { NONE };
        left[..bytes].copy_from_slice(&word.to_be_bytes()[1..=bytes]);
        left = &mut left[bytes..];
    }
    (seen & NONE == 0).then_some(len)
}

/// Appends what `text` stands for to `out`; leaves it as it was if `text` is not strictly base64url.
pub fn decode_onto(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    out.resize(start + decoded_len(text.len())?, 0);
    if decode_into(text, &mut out[start..]).is_none() {
        out.truncate(start);
        return None;
    }
    Some(())
}

/// What `text` stands for.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    decode_onto(text, &mut out).map(|()| out)
}

/// Appends `bytes` as base64url.
pub fn encode_onto(bytes: &[u8], out: &mut Vec<u8>) {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letters = [18, 12, 6, 0].map(|shift| alphabet[(word >> shift & 63) as usize]);
        out.extend_from_slice(&letters[..=group.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_rfc_4648_without_their_padding() {
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")]
        {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode(b"-_8"), Some(vec![0xfb, 0xff]));
    }

    #[test]
    fn each_text_but_the_one_is_refused() {
        for bad in [
            "Zg==",
            "Zg=",
            "Zh",
            "Zm9",
            "Z",
            "Zm9vY",
            "Zm 9v",
            "Zm9v\n",
            " Zm9v",
            "Zm+v",
            "Zm/v",
            "Zm9v.",
            "Zm9\u{e9}",
            "\0\0\0\0",
            "Zm9v=",
            "=",
            "....",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_buffer_stays() {
        assert_eq!(decode_into(b"Zm9v", &mut [0; 2]), None);
        let mut out = b"x".to_vec();
        assert_eq!(decode_onto(b"Zm9v!", &mut out), None);
        assert_eq!(out, b"x");
    }

    proptest! {
        #[test]
        fn a_text_that_is_taken_is_the_only_one_for_its_bytes(text in "[A-Za-z0-9_=+/ -]{0,40}") {
            if let Some(bytes) = decode(text.as_bytes()) {
                let mut again = Vec::new();
                encode_onto(&bytes, &mut again);
                prop_assert_eq!(again, text.as_bytes());
            }
        }

        #[test]
        fn what_is_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut text = Vec::new();
            encode_onto(&bytes, &mut text);
            prop_assert_eq!(decode(&text), Some(bytes));
        }
    }
}
