//! Who calls. Each method is a pure decider over a request's head: it finds its credentials, verifies them and fills a
//! [`Principal`], or says why not. Time is an argument; what changes (a cache, a memory of headers) is a plain struct a
//! shard lends; what would take long (a password hash, a key that must be fetched) is handed out as an [`Outcome`].
//! `table` compiles the methods and binds them; `exchange` performs what they ask for and calls them again.
//!
//! | method | file | warm cost |
//! |---|---|---|
//! | tokens (RFC 7519) | `jwt/`, `keys/` | a look-up while it is remembered, no allocation; else a signature |
//! | keys | `api_key`, `registry` | two hashes, one cache line; no allocation |
//! | name and password | `basic/` | one hash while the password is remembered |
//! | certificates (mutual TLS) | `mtls` | its claims are parsed; no allocation |
//! | what somebody else says | `remote/` | introspection: an HMAC and a look-up while it is remembered |

pub mod api_key;
pub mod base64url;
pub mod basic;
pub mod denial;
pub mod document;
mod flaw;
pub mod jwt;
pub mod keys;
pub mod mtls;
pub mod principal;
pub mod registry;
pub mod remote;
pub mod source;

pub use denial::{Challenge, Code, Denial};
pub use flaw::{At, Flaw};
pub use principal::{ClaimPath, Method, Principal};
pub use registry::{Blind, Registry};

/// What a method says of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The principal tells who calls.
    Known,
    /// The request brings no credentials of this kind; the next method may know it.
    Absent,
    /// It brings credentials that let nobody in.
    Denied(Denial),
    /// No key has the id that the token names, and the key set was fetched: fetch it anew, call again, and then take
    /// [`Outcome::settled`].
    MissingKey,
    /// An upstream must be asked: call again with what it answers.
    Call(Box<remote::Call>),
    /// A password must be hashed, on a thread that may take its time: run it, and call again with what it gives.
    Verify(basic::Work),
}

impl Outcome {
    /// The outcome where nothing more can be asked.
    pub fn settled(self, has_keys: bool) -> Outcome {
        match self {
            Outcome::MissingKey if has_keys => Outcome::Denied(Denial::UnknownKey),
            Outcome::MissingKey => Outcome::Denied(Denial::NoKeys),
            outcome => outcome,
        }
    }
}

impl From<Denial> for Outcome {
    fn from(denial: Denial) -> Outcome {
        Outcome::Denied(denial)
    }
}
