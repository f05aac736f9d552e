//! Sets of methods, one bit each: what rules ask for, and what a 405 tells the client. The usual methods have a bit
//! of their own; others get one when a rule names them.

use crate::wire::method::Method;

/// Some of the methods that the rules of one look-up name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodSet(u64);

/// The methods with a bit of their own, in the order in which Allow lists them. CONNECT is never routed.
const KNOWN: [Method; 8] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Patch,
    Method::Options,
    Method::Trace,
];

/// Methods besides the known ones that the rules of one look-up may name.
pub const OTHER_METHODS_MAX: usize = 64 - KNOWN.len();

impl MethodSet {
    /// The set of one method.
    fn one(bit: usize) -> MethodSet {
        MethodSet(1 << bit)
    }

    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of either.
    #[must_use]
    pub fn and(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 | other.0)
    }

    /// Whether the two have a member in common.
    pub fn meets(self, other: MethodSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every member of `other` is one of this set.
    pub fn holds(self, other: MethodSet) -> bool {
        other.0 & !self.0 == 0
    }
}

/// The methods that the rules of one look-up name.
#[derive(Debug, Default)]
pub(in crate::route) struct Methods {
    /// Those without a bit of their own; their bits follow the known ones'.
    others: Vec<Box<[u8]>>,
}

impl Methods {
    /// The set of what a rule names. GET stands for HEAD too, which is a GET without its content (RFC 9110 §9.3.2).
    /// None when there are more other methods than bits.
    pub(in crate::route) fn set(&mut self, names: &[String]) -> Option<MethodSet> {
        let mut set = MethodSet::default();
        for name in names {
            let mut one = self.of(name.as_bytes());
            if one.is_empty() {
                if self.others.len() == OTHER_METHODS_MAX {
                    return None;
                }
                self.others.push(name.as_bytes().into());
                one = self.of(name.as_bytes());
            }
            if name == Method::Get.name() {
                one = one.and(self.of(b"HEAD"));
            }
            set = set.and(one);
        }
        Some(set)
    }

    /// The set of this one method; empty when no rule names it and it has no bit of its own.
    pub(in crate::route) fn of(&self, name: &[u8]) -> MethodSet {
        let known = match Method::of(name) {
            Method::Get => 0,
            Method::Head => 1,
            Method::Post => 2,
            Method::Put => 3,
            Method::Delete => 4,
            Method::Patch => 5,
            Method::Options => 6,
            Method::Trace => 7,
            Method::Connect => return MethodSet::default(),
            Method::Other => {
                let other = self.others.iter().position(|other| **other == *name);
                return other.map_or(MethodSet::default(), |at| MethodSet::one(KNOWN.len() + at));
            }
        };
        MethodSet::one(known)
    }

    /// The names of the members of `set`, as an Allow field lists them (RFC 9110 §10.2.1).
    pub(in crate::route) fn list(&self, set: MethodSet) -> String {
        let known = KNOWN.iter().map(|method| method.name().into());
        let others = self.others.iter().map(|name| String::from_utf8_lossy(name));
        let all = known.chain(others).enumerate();
        let members = all.filter(|(bit, _)| set.meets(MethodSet::one(*bit)));
        members.map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(methods: &mut Methods, names: &[&str]) -> Option<MethodSet> {
        methods.set(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn each_known_method_has_the_bit_of_its_place() {
        for (bit, method) in KNOWN.iter().enumerate() {
            assert_eq!(Methods::default().of(method.name().as_bytes()), MethodSet::one(bit));
        }
    }

    #[test]
    fn get_stands_for_head_and_other_names_keep_their_case() {
        let mut methods = Methods::default();
        let both = set(&mut methods, &["PURGE", "GET"]).unwrap();
        assert_eq!(methods.list(both), "GET, HEAD, PURGE");
        assert!(!methods.of(b"purge").meets(both) && methods.of(b"PURGE").meets(both));
        let head = set(&mut methods, &["HEAD"]).unwrap();
        assert!(both.holds(head) && !head.holds(both));
    }

    #[test]
    fn other_methods_are_as_many_as_there_are_bits() {
        let mut methods = Methods::default();
        for other in 0..OTHER_METHODS_MAX {
            assert!(set(&mut methods, &[&format!("M{other}")]).is_some());
        }
        assert_eq!(set(&mut methods, &["MORE"]), None);
        assert!(set(&mut methods, &["M0", "PUT"]).is_some());
    }
}
