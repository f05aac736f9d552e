//! Any bytes as a key set and as a file of PEM: what is taken has keys within their bounds and is taken the same again,
//! what is refused has its place, and no key verifies a signature of nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::policy::auth::keys::{Algorithm, Algorithms, Trust, key_set, public_keys};

fuzz_target!(|bytes: &[u8]| {
    match key_set(bytes, Trust::Address) {
        Ok((set, skipped)) => {
            assert!(!set.keys().is_empty() && set.algorithms().and(Algorithms::HMAC).is_empty());
            let (again, same) = key_set(bytes, Trust::Address).expect("was taken before");
            assert_eq!((set.version(), &skipped), (again.version(), &same));
            assert_eq!(set.difference(&again), Default::default());
            for algorithm in Algorithm::ALL {
                assert!(!set.verifies(algorithm, None, b"message", b""));
                assert!(!set.verifies(algorithm, None, b"message", &[0; 64]));
            }
        }
        Err((at, why)) => assert!(at <= bytes.len() && !why.is_empty()),
    }
    if let Ok((set, _)) = key_set(bytes, Trust::File) {
        assert!(set.keys().iter().all(|key| !key.algorithms().is_empty()));
    }
    match public_keys(bytes) {
        Ok(keys) => assert!(keys.iter().all(|key| key.algorithms().and(Algorithms::HMAC).is_empty())),
        Err(flaw) => assert!(flaw.line >= 1 && !flaw.message.is_empty()),
    }
});
