//! `ip`: which clients may, by address. The longest network that holds an address decides; of an equal one that is
//! both allowed and denied, the denial. What no list holds passes unless there is an `allow` list.

use super::Facts;
use super::fault::Faults;
use super::{Cause, Verdict};
use crate::config;
use crate::config::gateway::Network;
use crate::config::read::Pointer;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use std::net::IpAddr;

/// A compiled policy.
#[derive(Debug)]
pub struct Ip {
    v4: PrefixMap<Ipv4Net, Allowed>,
    v6: PrefixMap<Ipv6Net, Allowed>,
    /// Clients of a Unix socket that have no address.
    unix: Allowed,
    /// What no network holds.
    others: Allowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Yes,
    No,
}

impl Ip {
    /// Compiles a policy; notes what is wrong with it.
    pub fn compile(given: &config::policy::Ip, at: &Pointer, faults: &mut Faults) -> Ip {
        if given.allow.is_empty() && given.deny.is_empty() {
            faults.key(at.clone(), "'ip' has no network", "add 'allow: [10.0.0.0/8]' or 'deny: [...]'");
        }
        let others = if given.allow.is_empty() { Allowed::Yes } else { Allowed::No };
        let mut ip = Ip { v4: PrefixMap::new(), v6: PrefixMap::new(), unix: others, others };
        for (index, network) in given.deny.iter().enumerate() {
            if given.allow.contains(network) {
                let fix = "remove it from one of them; 'deny' would win";
                faults.value(at.key("deny").item(index), "the same network is allowed and denied", fix);
            }
        }
        for (list, allowed) in [(&given.allow, Allowed::Yes), (&given.deny, Allowed::No)] {
            for network in list {
                match *network {
                    Network::Unix => ip.unix = allowed,
                    Network::Ip(IpNet::V4(network)) => drop(ip.v4.insert(network, allowed)),
                    Network::Ip(IpNet::V6(network)) => drop(ip.v6.insert(network, allowed)),
                }
            }
        }
        ip
    }

    /// Whether the client's address may. *Cost*: a walk down a tree of the networks, no allocation.
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict {
        match self.of(facts.client) {
            Allowed::Yes => Verdict::Pass,
            Allowed::No => Verdict::refuse(Cause::Address, "client_address"),
        }
    }

    fn of(&self, client: Option<IpAddr>) -> Allowed {
        let found = match client.map(|client| client.to_canonical()) {
            None => return self.unix,
            Some(IpAddr::V4(ip)) => self.v4.get_lpm(&Ipv4Net::from(ip)).map(|(_, allowed)| *allowed),
            Some(IpAddr::V6(ip)) => self.v6.get_lpm(&Ipv6Net::from(ip)).map(|(_, allowed)| *allowed),
        };
        found.unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::decode::Scalar;
    use proptest::prelude::*;

    fn networks(text: &str) -> Vec<Network> {
        text.split_whitespace().map(|text| Network::parse(text).expect("is a network")).collect()
    }

    fn compiled(allow: &str, deny: &str) -> Ip {
        let mut faults = Faults::default();
        let given = config::policy::Ip { allow: networks(allow), deny: networks(deny) };
        let ip = Ip::compile(&given, &Pointer::default(), &mut faults);
        assert!(faults.0.is_empty(), "{faults:?}");
        ip
    }

    #[test]
    fn the_longest_network_decides() {
        let of = |allow, deny, client: &str| compiled(allow, deny).of(client.parse().ok()) == Allowed::Yes;
        for (allow, deny, client, passes) in [
            ("10.0.0.0/8", "", "10.1.2.3", true),
            ("10.0.0.0/8", "", "11.1.2.3", false),
            ("10.0.0.0/8", "", "2001:db8::1", false),
            ("", "10.0.0.0/8", "11.1.2.3", true),
            ("10.0.0.0/8 10.1.2.3", "10.1.0.0/16", "10.1.2.3", true),
            ("10.0.0.0/8 10.1.2.3", "10.1.0.0/16", "10.1.2.4", false),
            ("10.0.0.0/8", "", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "", "10.1.2.3", true),
            ("2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::7", false),
            ("2001:db8::/32", "2001:db8:1::/48", "2001:db8:2::7", true),
            ("0.0.0.0/0", "", "2001:db8::1", false),
            ("unix", "", "", true),
            ("", "unix", "", false),
            ("10.0.0.0/8", "", "", false),
            ("", "10.0.0.0/8", "", true),
        ] {
            assert_eq!(of(allow, deny, client), passes, "{allow} {deny} {client}");
        }
    }

    #[test]
    fn a_network_in_both_lists_and_none_at_all_are_told() {
        let mut faults = Faults::default();
        let given = config::policy::Ip { allow: networks("10.0.0.0/8"), deny: networks("10.0.0.0/8") };
        Ip::compile(&given, &Pointer::default(), &mut faults);
        Ip::compile(&config::policy::Ip { allow: vec![], deny: vec![] }, &Pointer::default(), &mut faults);
        assert_eq!(faults.0.len(), 2, "{faults:?}");
    }

    proptest! {
        /// Against a walk over both lists.
        #[test]
        fn a_tree_and_a_list_agree(
            nets in proptest::collection::vec((any::<u32>(), 0_u8..=32, any::<bool>()), 1..40),
            client in any::<u32>(), near in any::<usize>(),
        ) {
            let net = |(bits, len): (u32, u8)| Ipv4Net::new(bits.into(), len).expect("is a length").trunc();
            let mut lists = [Vec::new(), Vec::new()];
            for (bits, len, denied) in &nets {
                lists[usize::from(*denied)].push(net((*bits, *len)));
            }
            let [mut allow, deny] = lists;
            allow.retain(|net| !deny.contains(net));
            let as_given = |list: &[Ipv4Net]| list.iter().map(|net| Network::Ip(IpNet::V4(*net))).collect::<Vec<_>>();
            let given = config::policy::Ip { allow: as_given(&allow), deny: as_given(&deny) };
            let ip = Ip::compile(&given, &Pointer::default(), &mut Faults::default());
            let close = net((nets[near % nets.len()].0, 32)).addr();
            for client in [std::net::Ipv4Addr::from(client), close] {
                let all = allow.iter().map(|net| (net, true)).chain(deny.iter().map(|net| (net, false)));
                let longest = all.filter(|(net, _)| net.contains(&client)).max_by_key(|(net, _)| net.prefix_len());
                let expected = longest.map_or(allow.is_empty(), |(_, allowed)| allowed);
                prop_assert_eq!(ip.of(Some(IpAddr::V4(client))) == Allowed::Yes, expected);
            }
        }
    }
}
