//! base64 in a stream (RFC 4648 §4): groups of four characters, where a padded one ends a piece and another may follow it.
//! Read strictly: one spelling for any bytes of a piece, no other character, no group that is torn at the end.

/// What no character stands for.
const NONE: u8 = 0xff;
const PAD: u8 = b'=';
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        values[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Text that is not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBase64;

/// Text → bytes, as it comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decoder {
    /// The bits of the group so far.
    bits: u32,
    /// Its characters so far, padding among them.
    got: u8,
    /// Its padding so far.
    pads: u8,
}

impl Decoder {
    /// Appends what the next characters say.
    ///
    /// # Errors
    /// They say nothing; what was appended is of no use.
    pub fn decode(&mut self, mut text: &[u8], out: &mut Vec<u8>) -> Result<(), NotBase64> {
        out.reserve(text.len() / 4 * 3 + 3);
        loop {
            if self.got == 0 {
                // Whole groups at once; what is odd goes on below, character by character.
                while let Some((group, rest)) = text.split_first_chunk::<4>() {
                    let [a, b, c, d] = group.map(|character| VALUES[usize::from(character)]);
                    if a | b | c | d == NONE {
                        break;
                    }
                    let [a, b, c, d] = [a, b, c, d].map(u32::from);
                    out.extend_from_slice(&(a << 18 | b << 12 | c << 6 | d).to_be_bytes()[1..]);
                    text = rest;
                }
            }
            let Some((character, rest)) = text.split_first() else { return Ok(()) };
            self.take(*character, out)?;
            text = rest;
        }
    }

    fn take(&mut self, character: u8, out: &mut Vec<u8>) -> Result<(), NotBase64> {
        let value = VALUES[usize::from(character)];
        self.got += 1;
        self.bits <<= 6;
        match character {
            PAD if self.got > 2 => self.pads += 1,
            _ if value == NONE || self.pads > 0 => return Err(NotBase64),
            _ => self.bits |= u32::from(value),
        }
        if self.got == 4 {
            let [_, bytes @ ..] = self.bits.to_be_bytes();
            let (said, rest) = bytes.split_at(3 - usize::from(self.pads));
            // Bits that stand for nothing are zero (RFC 4648 §3.5), or there were several spellings.
            if rest.iter().any(|byte| *byte != 0) {
                return Err(NotBase64);
            }
            out.extend_from_slice(said);
            *self = Decoder::default();
        }
        Ok(())
    }

    /// Whether no group is open: where the text may end.
    pub fn is_between(&self) -> bool {
        self.got == 0
    }
}

/// Bytes → text, as they come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoder {
    /// Bytes of a group that is not whole yet.
    held: [u8; 2],
    len: u8,
}

impl Encoder {
    /// Appends the text of all whole groups; up to two bytes are held for the next one.
    pub fn encode(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        out.reserve(bytes.len() / 3 * 4 + 4);
        while self.len > 0 {
            let Some((first, rest)) = bytes.split_first() else { return };
            bytes = rest;
            if self.len == 2 {
                put([self.held[0], self.held[1], *first], out);
                self.len = 0;
            } else {
                self.held[1] = *first;
                self.len = 2;
            }
        }
        let (groups, rest) = bytes.as_chunks::<3>();
        groups.iter().for_each(|group| put(*group, out));
        self.held[..rest.len()].copy_from_slice(rest);
        self.len = rest.len() as u8;
    }

    /// Ends the piece: appends what is held, padded.
    pub fn pad(&mut self, out: &mut Vec<u8>) {
        let len = usize::from(std::mem::take(&mut self.len));
        if len > 0 {
            let second = if len == 2 { self.held[1] } else { 0 };
            put([self.held[0], second, 0], out);
            let pads = out.len() - (3 - len);
            out[pads..].fill(PAD);
        }
    }
}

fn put(group: [u8; 3], out: &mut Vec<u8>) {
    let [a, b, c] = group.map(u32::from);
    let bits = a << 16 | b << 8 | c;
    out.extend_from_slice(&[18, 12, 6, 0].map(|by| ALPHABET[(bits >> by & 63) as usize]));
}
