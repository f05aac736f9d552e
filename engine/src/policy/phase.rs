//! The one order in which policies are asked. It is fixed: where a policy stands in a list of the configuration
//! decides only among those of its own phase.

/// When a policy is asked; the order of the variants is the order of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Whether another site's script may: first, so that every answer after it is readable for a browser.
    Cors,
    /// Whether the client's address may.
    Ip,
    /// Whether there is room, by priority.
    Shed,
    /// Limits whose key is known without knowing who asks.
    LimitByRequest,
    /// Who asks.
    Authenticate,
    /// What they may do.
    Authorize,
    /// Limits whose key is who asks.
    LimitByPrincipal,
    /// Whether what is sent is what is accepted.
    Validate,
    /// What is changed of the request, and of its reply.
    Transform,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Phase; 9] = [
        Phase::Cors,
        Phase::Ip,
        Phase::Shed,
        Phase::LimitByRequest,
        Phase::Authenticate,
        Phase::Authorize,
        Phase::LimitByPrincipal,
        Phase::Validate,
        Phase::Transform,
    ];

    /// The name in snake case, as metrics and `explain` show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Cors => "cors",
            Phase::Ip => "ip",
            Phase::Shed => "shed",
            Phase::LimitByRequest => "limit_by_request",
            Phase::Authenticate => "authenticate",
            Phase::Authorize => "authorize",
            Phase::LimitByPrincipal => "limit_by_principal",
            Phase::Validate => "validate",
            Phase::Transform => "transform",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_phases_are_listed_in_their_order() {
        assert!(Phase::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        let last = Phase::ALL.last().map(|phase| *phase as usize + 1);
        assert_eq!(last, Some(Phase::ALL.len()));
    }
}
