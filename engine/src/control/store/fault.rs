//! Why the store did not answer.

use std::fmt;
use std::time::Duration;

/// Characters of what the store says that are told on.
const SAID_MAX: usize = 200;

/// Kinds of faults, as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// It does not let us in.
    SignIn,
    /// What came is no answer.
    Garbled,
    /// It says that it cannot.
    Error,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Unreachable, Kind::Timeout, Kind::SignIn, Kind::Garbled, Kind::Error];

    /// Its name in the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Unreachable => "unreachable",
            Kind::Timeout => "timeout",
            Kind::SignIn => "sign_in",
            Kind::Garbled => "garbled",
            Kind::Error => "error",
        }
    }
}

/// A fault, with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: Kind,
    why: String,
}

impl Fault {
    /// No connection, for this reason.
    pub fn unreachable(why: impl fmt::Display) -> Fault {
        Fault { kind: Kind::Unreachable, why: why.to_string() }
    }

    /// Nothing came within this time.
    pub fn timeout(within: Duration) -> Fault {
        Fault { kind: Kind::Timeout, why: format!("no answer within {within:?}") }
    }

    /// What came is no answer.
    pub fn garbled() -> Fault {
        Fault { kind: Kind::Garbled, why: "what answers does not speak as Redis does".to_owned() }
    }

    /// The store says this.
    pub fn said(said: &[u8]) -> Fault {
        let first = said.split(|byte| *byte == b' ').next().unwrap_or_default();
        let kind = match first {
            b"NOAUTH" | b"WRONGPASS" | b"NOPERM" => Kind::SignIn,
            _ => Kind::Error,
        };
        let text = String::from_utf8_lossy(said);
        let shown = text.chars().take(SAID_MAX).map(|char| if char.is_control() { ' ' } else { char });
        Fault { kind, why: format!("it says: {}", shown.collect::<String>()) }
    }

    /// A key of ours holds what is not ours.
    pub fn foreign() -> Fault {
        Fault { kind: Kind::Error, why: "a key holds something else than a limit's count".to_owned() }
    }

    /// The same, of an answer to signing in.
    pub fn signing_in(self) -> Fault {
        Fault { kind: if self.kind == Kind::Error { Kind::SignIn } else { self.kind }, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
