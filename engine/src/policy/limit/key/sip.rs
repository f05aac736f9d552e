//! SipHash with 128 bits of output (Aumasson and Bernstein, 2012): a keyed hash that nobody can steer without its
//! key. Written here since `std` gives 64 bits only. `C` and `D` are its rounds; the limiter takes 1 and 3, as `std` does.

/// The secret key.
#[derive(Clone, Copy)]
pub struct Seed(pub u64, pub u64);

impl std::fmt::Debug for Seed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seed(..)")
    }
}

impl Seed {
    /// A seed of this process, from the system's randomness by way of `std`.
    pub fn random() -> Seed {
        use std::hash::{BuildHasher, RandomState};
        let draw = || RandomState::new().hash_one(0_u64);
        Seed(draw(), draw())
    }
}

struct State([u64; 4]);

impl State {
    #[inline(always)]
    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }

    #[inline(always)]
    fn take<const C: usize>(&mut self, word: u64) {
        self.0[3] ^= word;
        (0..C).for_each(|_| self.round());
        self.0[0] ^= word;
    }

    #[inline(always)]
    fn out<const D: usize>(&mut self) -> u64 {
        (0..D).for_each(|_| self.round());
        self.0[0] ^ self.0[1] ^ self.0[2] ^ self.0[3]
    }
}

/// The hash of `bytes`. *Cost*: some 8 ns and half a nanosecond a byte.
#[inline]
pub fn sip128<const C: usize, const D: usize>(seed: Seed, bytes: &[u8]) -> (u64, u64) {
    let mut state = State([
        seed.0 ^ 0x736f_6d65_7073_6575,
        seed.1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        seed.0 ^ 0x6c79_6765_6e65_7261,
        seed.1 ^ 0x7465_6462_7974_6573,
    ]);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state.take::<C>(u64::from_le_bytes(*word));
    }
    let tail = rest.iter().rev().fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
    state.take::<C>((bytes.len() as u64) << 56 | tail);
    state.0[2] ^= 0xee;
    let low = state.out::<D>();
    state.0[1] ^= 0xdd;
    (low, state.out::<D>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the reference implementation (SipHash-2-4-128, key 00 01 … 0f, inputs 00 01 …).
    #[test]
    fn the_reference_vectors_come_out() {
        let seed = Seed(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let input: Vec<u8> = (0..64).collect();
        let hash = |len: usize| {
            let (low, high) = sip128::<2, 4>(seed, &input[..len]);
            format!("{:016x}{:016x}", low.swap_bytes(), high.swap_bytes())
        };
        assert_eq!(hash(0), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(hash(1), "da87c1d86b99af44347659119b22fc45");
        assert_eq!(hash(2), "8177228da4a45dc7fca38bdef60affe4");
        assert_eq!(hash(8), "3b62a9ba6258f5610f83e264f31497b4");
        assert_eq!(hash(15), "5493e99933b0a8117e08ec0f97cfc3d9");
    }

    #[test]
    fn another_seed_gives_another_hash() {
        assert_ne!(sip128::<1, 3>(Seed(1, 2), b"key"), sip128::<1, 3>(Seed(1, 3), b"key"));
        assert_ne!(sip128::<1, 3>(Seed(1, 2), b"key"), sip128::<1, 3>(Seed(2, 2), b"key"));
        let (one, other) = (Seed::random(), Seed::random());
        assert_ne!((one.0, one.1), (other.0, other.1));
    }
}
