//! Tokens and keys as other implementations make them: the examples of RFC 7515, 7519 and 8037, keys in every form they
//! are pasted in, a matrix of every algorithm with every altered part, and two second readers, PyJWT and jwcrypto.

mod examples;
mod key_files;
mod matrix;
mod policies;
mod rig;
mod second_readers;
mod sign;
