//! As much of DER (X.690 §10) as a public key takes: definite lengths in their shortest form, one element after the
//! other. Called by `pem` at load only.

/// Tags that occur in keys and certificates.
pub const INTEGER: u8 = 0x02;
/// A string of bits.
pub const BIT_STRING: u8 = 0x03;
/// The name of an algorithm or a curve.
pub const OID: u8 = 0x06;
/// A sequence.
pub const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: a certificate's version.
pub const VERSION: u8 = 0xa0;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub struct Der<'d>(pub &'d [u8]);

impl<'d> Der<'d> {
    /// The next element: its tag and its content.
    pub fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // Tags of more than one byte do not occur here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                // A longer form than needed is BER, of which one value has several.
                if len < 0x80 || bytes.first() == Some(&0) {
                    return None;
                }
                (len, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, if it has this tag.
    pub fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let mut rest = *self;
        let (found, content) = rest.next()?;
        (found == tag).then(|| {
            *self = rest;
            content
        })
    }

    /// The next element as a sequence to read in.
    pub fn sequence(&mut self) -> Option<Der<'d>> {
        self.take(SEQUENCE).map(Der)
    }

    /// The next element as an unsigned integer, big-endian without leading zeros.
    pub fn unsigned(&mut self) -> Option<&'d [u8]> {
        match self.take(INTEGER)? {
            // A zero in front keeps the number from being negative; anywhere else it is one too many.
            [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
            bytes => bytes.first().is_some_and(|first| *first < 0x80).then_some(bytes),
        }
    }

    /// The next element as a string of whole bytes.
    pub fn bits(&mut self) -> Option<&'d [u8]> {
        match self.take(BIT_STRING)? {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_one_after_the_other() {
        let mut der = Der(&[0x30, 0x06, 0x02, 0x01, 0x7f, 0x03, 0x01, 0x00]);
        let mut inner = der.sequence().expect("is one");
        assert!(der.is_empty());
        assert_eq!(inner.unsigned(), Some(&[0x7f][..]));
        assert_eq!(inner.bits(), Some(&[][..]));
        assert!(inner.is_empty() && inner.next().is_none());
    }

    #[test]
    fn lengths_have_one_form_and_end_within_the_text() {
        let mut long = vec![0x04, 0x81, 0x80];
        long.extend([1; 128]);
        assert_eq!(Der(&long).next().map(|(_, content)| content.len()), Some(128));
        for bad in [
            &[0x04][..],
            &[0x04, 0x02, 1],
            &[0x04, 0x80, 1, 0, 0],
            &[0x04, 0x81, 0x01, 1],
            &[0x04, 0x82, 0x00, 0x01, 1],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x01, 0x00],
        ] {
            assert!(Der(bad).next().is_none(), "{bad:x?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_minimal() {
        assert_eq!(Der(&[2, 2, 0, 0x80]).unsigned(), Some(&[0x80][..]));
        for bad in [&[2, 1, 0x80][..], &[2, 2, 0, 1], &[2, 0], &[2, 1, 0], &[4, 1, 1]] {
            assert_eq!(Der(bad).unsigned(), None, "{bad:x?}");
        }
    }
}
