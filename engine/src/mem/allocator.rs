//! What the allocator is told. It is `main`'s, and of nobody else's interest: a library that it is linked into leaves it alone.

#![allow(unsafe_code)]

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc 2 and 3, in milliseconds; the bindings have no name for it.
const PURGE_DELAY: mi_option_t = 15;

/// After this freed pages go back to the system. By itself mimalloc waits for a second, in which ten thousand connections
/// that fell silent hold what their requests needed. Loads that go on free no whole pages.
const DELAY_MS: core::ffi::c_long = 100;

/// Has freed pages go back soon. `MIMALLOC_PURGE_DELAY` (milliseconds) in the environment says otherwise.
pub fn give_back_soon() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: a number is stored in the allocator's table of options, which has an entry of this index and is made
        // before `main`; whatever the number is, memory stays sound.
        unsafe { mi_option_set(PURGE_DELAY, DELAY_MS) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    #[test]
    fn the_option_is_the_delay_of_purges() {
        let now = || {
            // SAFETY: as above; a number is read.
            unsafe { mi_option_get(PURGE_DELAY) }
        };
        // What tells the option apart from all others of this version: no other one begins with a thousand.
        assert!([1000, DELAY_MS].contains(&now()), "{}", now());
        give_back_soon();
        assert_eq!(now(), DELAY_MS);
    }
}
