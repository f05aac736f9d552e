//! Where the administration interface listens, and what its callers must show. Control serves it; the shards never look
//! at it.

use crate::base::Address;
use std::fmt;
use subtle::ConstantTimeEq;

/// The administration interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub bind: Address,
    /// What callers must send; none lets everybody in who can connect.
    pub token: Option<Token>,
    /// Series of metrics at most.
    pub series: usize,
}

impl Admin {
    /// What of it is made once, and only a restart changes.
    pub fn fixed(&self) -> (&Address, usize) {
        (&self.bind, self.series)
    }

    /// Whether only processes of this machine can connect.
    pub fn is_local(&self) -> bool {
        match &self.bind {
            Address::Tcp(addr) => addr.ip().is_loopback(),
            Address::Unix(_) => true,
        }
    }
}

/// A secret that callers send as a bearer token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token `text`.
    pub fn new(text: String) -> Token {
        Token(text)
    }

    /// The token itself, to be sent.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether `sent` is the token. The time it takes tells nothing but the length.
    pub fn is(&self, sent: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(sent).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_nothing_else_and_is_not_printed() {
        let token = Token::new("correct horse battery".to_owned());
        assert!(token.is(b"correct horse battery"));
        for other in [&b""[..], b"correct horse batterx", b"correct horse batter", b"correct horse battery "]
        {
            assert!(!token.is(other));
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }
}
