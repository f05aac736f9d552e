//! Sticky cookies: what a client holds is an id, the keyed hash of its endpoint's name. It tells nothing of the
//! endpoint, needs no table of sessions, and is the same on every shard and every gateway with the same key.

use super::seats::Seat;
use std::fmt;

/// Bytes of an id as text.
pub const ID_BYTES: usize = 16;

/// The key of ids. Ids are no secret of their own; with a key that nobody else has they cannot be guessed from an
/// address either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdKey([u64; 2]);

impl IdKey {
    /// The key that everybody knows.
    pub const ZERO: IdKey = IdKey([0; 2]);

    /// The key that `secret` stands for.
    pub fn of(secret: &[u8]) -> IdKey {
        IdKey([sip(&[0, 0], secret), sip(&[0, 1], secret)])
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("IdKey(..)")
    }
}

/// The ids of all seats.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// By seat.
    ids: Vec<u64>,
    /// Sorted by id.
    seats: Vec<(u64, u16)>,
}

impl Ids {
    pub fn new(key: &IdKey, seats: &[Seat<'_>]) -> Ids {
        // 0 stands for no cookie.
        let ids: Vec<u64> = seats.iter().map(|seat| sip(&key.0, seat.name.as_bytes()).max(1)).collect();
        let mut sorted: Vec<(u64, u16)> = ids.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        Ids { ids, seats: sorted }
    }

    /// The seat whose id this is.
    pub fn find(&self, id: u64) -> Option<usize> {
        let at = self.seats.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        Some(usize::from(self.seats[at].1))
    }

    /// The id of `seat`; none where no cookie is asked for.
    pub fn of(&self, seat: usize) -> Option<u64> {
        self.ids.get(seat).copied()
    }
}

/// An id as it stands in a cookie.
pub fn text_of_id(id: u64) -> [u8; ID_BYTES] {
    std::array::from_fn(|at| b"0123456789abcdef"[(id >> (60 - 4 * at)) as usize & 15])
}

/// The id that a cookie's value holds, 0 when it holds none.
pub fn id_of_text(text: &[u8]) -> u64 {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'a'..=b'f' => Some(u64::from(byte - b'a') + 10),
        _ => None,
    };
    if text.len() != ID_BYTES {
        return 0;
    }
    text.iter().try_fold(0, |id, byte| Some(id << 4 | digit(byte)?)).unwrap_or(0)
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash whose answers tell nothing of its key.
fn sip(key: &[u64; 2], bytes: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let mut word = |word: u64, rounds: usize, end: u64| {
        v[3] ^= word;
        (0..2).for_each(|_| round(&mut v));
        v[0] ^= word;
        v[2] ^= end;
        (0..rounds).for_each(|_| round(&mut v));
        v[0] ^ v[1] ^ v[2] ^ v[3]
    };
    let mut words = bytes.chunks_exact(8);
    for chunk in &mut words {
        word(u64::from_le_bytes(chunk.try_into().expect("a chunk is eight bytes")), 0, 0);
    }
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    last[7] = bytes.len() as u8;
    word(u64::from_le_bytes(last), 4, 0xff)
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the reference implementation: key 00..0f, message 00, 01, ... of each length.
    #[test]
    fn the_hash_is_siphash_2_4() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..15).collect();
        for (len, expected) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] {
            assert_eq!(sip(&key, &message[..len]), expected, "{len}");
        }
    }

    #[test]
    fn an_id_is_read_back_from_its_text_and_nothing_else_is() {
        for id in [1, 0xfedc_ba98_7654_3210, u64::MAX] {
            assert_eq!(id_of_text(&text_of_id(id)), id);
        }
        assert_eq!(text_of_id(0xabc), *b"0000000000000abc");
        for text in [&b""[..], b"abc", b"0000000000000ABC", b"0000000000000abcd", b"000000000000 abc"] {
            assert_eq!(id_of_text(text), 0, "{text:?}");
        }
    }

    #[test]
    fn an_id_is_found_under_its_own_key_only() {
        let seats = ["a:1", "b:1", "c:1"].map(|name| Seat { name, weight: 1, priority: 0 });
        let (one, other) = (IdKey::of(b"one"), IdKey::of(b"other"));
        let (ids, others) = (Ids::new(&one, &seats), Ids::new(&other, &seats));
        for seat in 0..3 {
            let id = ids.of(seat).unwrap();
            assert_eq!((ids.find(id), others.find(id)), (Some(seat), None));
        }
        assert_eq!((ids.find(0), ids.of(3)), (None, None));
        assert_eq!(format!("{one:?}"), "IdKey(..)");
    }
}
