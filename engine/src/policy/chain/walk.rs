//! The place of a request in its chain.

use crate::policy::Mode;

/// How far a request has come in its chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walk {
    pub(super) at: u8,
    /// Whether nobody has to sign in any more: somebody has, or who brings nothing may go on.
    pub(super) settled: bool,
    /// The same as methods in shadow mode see it: further ones in shadow mode are not asked, all others are.
    pub(super) settled_in_shadow: bool,
    /// Methods to sign in by for which the request brings nothing, a bit each.
    pub(super) abstained: u64,
}

impl Walk {
    /// Whether a method of this mode is not asked any more.
    pub(super) fn is_settled_for(&self, mode: Mode) -> bool {
        self.settled || mode == Mode::Shadow && self.settled_in_shadow
    }

    /// A method of this mode knows who calls. What one in shadow mode knows opens no door that another one guards.
    pub(super) fn settle(&mut self, mode: Mode) {
        match mode {
            Mode::Enforce => self.settled = true,
            Mode::Shadow => self.settled_in_shadow = true,
        }
    }
}
