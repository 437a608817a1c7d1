//! `Listening`: where a server listens, and what of it a client is told.

use std::net::IpAddr;

use router_socket::{Endpoint, Reach, ServerEndpoints};

/// The endpoints of a server: one set for each address it was bound at; at least one.
#[derive(Debug, Clone)]
pub(crate) struct Listening(Vec<ServerEndpoints>);

impl Listening {
    /// `None` where there is no address.
    pub(crate) fn at(sets: Vec<ServerEndpoints>) -> Option<Listening> {
        (!sets.is_empty()).then_some(Listening(sets))
    }

    pub(crate) fn all(&self) -> &[ServerEndpoints] {
        &self.0
    }

    pub(crate) fn first(&self) -> &ServerEndpoints {
        &self.0[0]
    }

    pub(crate) fn reach(&self) -> Reach {
        let network = self.0.iter().any(|set| set.reach() == Reach::Network);
        if network { Reach::Network } else { Reach::ThisPc }
    }

    /// The set of which a client that dialled `dialled` came by; the first where that cannot be told. A ROUTER does
    /// not tell by which listener a message came, so the client does; `peer`, its address, tells an IPv4 connection
    /// from an IPv6 one where both have the same port.
    pub(crate) fn dialled(&self, dialled: &str, peer: Option<&str>) -> &ServerEndpoints {
        let Ok(dialled) = dialled.parse::<Endpoint>() else { return self.first() };
        let by_ipv6 = peer.and_then(|peer| peer.parse::<IpAddr>().ok()).map(is_ipv6);
        let mut best = (0, self.first());
        for set in &self.0 {
            let likeness = likeness(&set.calls, &dialled, by_ipv6);
            if likeness > best.0 {
                best = (likeness, set);
            }
        }
        best.1
    }
}

/// How much speaks for `served` being what was dialled; 0: it is not.
fn likeness(served: &Endpoint, dialled: &Endpoint, by_ipv6: Option<bool>) -> u32 {
    match (served.host(), dialled.host()) {
        (Some(host), Some(dialled_host)) => {
            let same_port = served.port() == dialled.port();
            let same_host = host == dialled_host;
            let same_family = by_ipv6.is_some_and(|by_ipv6| by_ipv6 == served.is_ipv6());
            1 + 4 * u32::from(same_port) + 2 * u32::from(same_family) + u32::from(same_host)
        }
        (None, None) if served == dialled => 8,
        (None, None) if served.ipc_path().is_some() == dialled.ipc_path().is_some() => 1,
        _ => 0,
    }
}

/// An IPv4 address that came over an IPv6 socket is one of IPv4.
fn is_ipv6(address: IpAddr) -> bool {
    address.to_canonical().is_ipv6()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_of_what_it_dialled() {
        let addresses = [
            "tcp://127.0.0.1:5555",
            "tcp://[::1]:5555",
            "tcp://0.0.0.0:6000",
            "ipc:///run/rig",
            "inproc://rig",
        ];
        let sets = addresses.map(|address| ServerEndpoints::for_server(address).unwrap());
        let listening = Listening::at(sets.to_vec()).unwrap();
        let check = |dialled: &str, peer: Option<&str>, expect: &str| {
            let found = listening.dialled(dialled, peer).calls.to_string();
            assert_eq!(found, expect, "{dialled} from {peer:?}");
        };
        let (first, second, third) = (addresses[0], addresses[1], addresses[2]);
        check("tcp://127.0.0.1:5555", Some("127.0.0.1"), first);
        check("tcp://localhost:5555", Some("127.0.0.1"), first);
        check("tcp://localhost:5555", Some("::1"), second);
        check("tcp://localhost:5555", Some("::ffff:127.0.0.1"), first);
        check("tcp://scope-3:6000", Some("10.0.0.7"), third);
        check("tcp://scope-3:6000", Some("fd00::7"), third);
        check("ipc:///run/rig", None, "ipc:///run/rig");
        check("ipc:///mnt/run/rig", None, "ipc:///run/rig"); // as another container names it
        check("inproc://rig", None, "inproc://rig");
        check("", Some("127.0.0.1"), first); // a client that does not say
        check("nonsense", None, first);
        assert_eq!(listening.reach(), Reach::Network);
    }
}
