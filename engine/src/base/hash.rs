//! Hashes that are the same on every shard, in every process and in every release: what is chosen by them must not
//! move when a gateway is restarted or stands beside another. Not keyed: never for tables that a client could fill.

/// A hash of `bytes`: FNV-1a, then [`mix`], since FNV alone leaves the upper bits of short texts alike.
pub fn stable(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// Spreads each bit of `x` over all bits of the answer (the finalizer of MurmurHash3). One to one.
pub fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down, since another answer would move every sticky client.
    #[test]
    fn a_hash_is_the_same_in_every_release() {
        assert_eq!(stable(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(stable(b"orders"), 0x3252_0fbd_b4da_d5b9);
        assert_eq!((mix(0), mix(1)), (0, 0xb456_bcfc_34c2_cb2c));
    }

    #[test]
    fn texts_that_differ_in_one_bit_differ_in_about_half_of_the_hash() {
        let mut flipped = 0;
        for number in 0..1000_u32 {
            let (one, other) = (number.to_string(), (number ^ 1).to_string());
            flipped += (stable(one.as_bytes()) ^ stable(other.as_bytes())).count_ones();
        }
        let mean = f64::from(flipped) / 1000.0;
        // 1000 draws of 64 fair bits: a standard deviation of the mean of 0.13.
        assert!((mean - 32.0).abs() < 0.65, "{mean}");
    }
}
