//! Peers by where they connect from: whose forwarding fields are believed, and who must send a PROXY header.

use crate::base::ClientAddr;
use ipnet::IpNet;
use std::net::IpAddr;

/// A set of peers: those of some networks, and perhaps those of Unix sockets.
#[derive(Debug, Clone, Default)]
pub struct Networks {
    /// By address. An IPv4 address is one also where it is written as IPv6 (`::ffff:192.0.2.7`).
    pub ip: Vec<IpNet>,
    /// Whether every peer on a Unix socket belongs to it.
    pub unix: bool,
}

impl Networks {
    /// Whether `ip` is in one of the networks.
    pub fn hold_ip(&self, ip: IpAddr) -> bool {
        let canonical = ip.to_canonical();
        self.ip.iter().any(|net| net.contains(&canonical))
    }

    /// Whether the peer at `addr` belongs to the set.
    pub fn hold(&self, addr: ClientAddr) -> bool {
        addr.ip().map_or(self.unix, |ip| self.hold_ip(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::gateway::Network;
    use crate::config::read::decode::Scalar;

    #[test]
    fn a_peer_belongs_by_its_network_or_by_its_kind_of_socket() {
        let ten = Networks { ip: vec!["10.0.0.0/8".parse().expect("is a network")], unix: false };
        let at = |text: &str| ClientAddr::Ip(text.parse().expect("is an address"));
        assert!(ten.hold(at("10.1.2.3:1")) && ten.hold(at("[::ffff:10.1.2.3]:1")));
        assert!(!ten.hold(at("11.1.2.3:1")) && !ten.hold(at("[::1]:1")) && !ten.hold(ClientAddr::Unix));
        let Ok(Network::Ip(mapped)) = Network::parse("::ffff:10.0.0.0/104") else { panic!("is a network") };
        let mapped = Networks { ip: vec![mapped], unix: false };
        assert!(mapped.hold(at("10.1.2.3:1")) && mapped.hold(at("[::ffff:10.1.2.3]:1")));
        assert!(!mapped.hold(at("11.1.2.3:1")));
        let local = Networks { ip: Vec::new(), unix: true };
        assert!(local.hold(ClientAddr::Unix) && !local.hold(at("10.1.2.3:1")));
    }
}
