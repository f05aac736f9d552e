//! Methods that ask somebody else: an exchange with a named upstream, over its pools and balancing like any other. The
//! decider makes the [`Call`], `exchange/plan` has it made, and the decider is called again with what was [`Answered`].
//! Whoever gives no answer, or none that can be used, lets nobody in.

pub mod forward;
pub mod introspection;
mod service;

pub use service::{Known, Service};

use super::Denial;
use crate::base::UpstreamId;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of an answer's body at most: a longer one is not read, and no answer where the body is what says something.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A question to an upstream.
#[derive(Debug)]
pub struct Call {
    /// Whom to ask.
    pub upstream: UpstreamId,
    /// The request's head: a start line and fields, with `Host` and without what frames a message.
    pub head: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
    /// What it may take in all.
    pub timeout: Duration,
    /// Whether the answer's body is what is asked for: else its head decides, however long the body.
    pub wants_body: bool,
    /// What equal questions have in common: one is asked for all who want its answer at the same time. None where each is
    /// asked by itself.
    pub share: Option<[u8; 32]>,
}

/// A field: its name and its value.
pub type Line = (Box<[u8]>, Box<[u8]>);

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The fields, in their order.
    pub fields: Vec<Line>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The values of a field.
    pub fn all<'r>(&'r self, name: &'r [u8]) -> impl Iterator<Item = &'r [u8]> {
        let is_named = move |field: &&Line| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(is_named).map(|(_, value)| &**value)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// None came within the call's time.
    Late,
    /// No connection, or one that broke.
    Unreachable,
    /// What came is no reply, or one that is too long.
    Unusable,
}

impl From<Trouble> for Denial {
    fn from(trouble: Trouble) -> Denial {
        match trouble {
            Trouble::Late => Denial::AnswerLate,
            Trouble::Unreachable => Denial::NoAnswer,
            Trouble::Unusable => Denial::AnswerUnusable,
        }
    }
}

/// What became of a call. Shared by all who asked the same.
pub type Answered = Rc<Result<Reply, Trouble>>;
