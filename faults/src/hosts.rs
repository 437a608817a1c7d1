//! Hosts made of network namespaces: one for a server, one for a gateway, two for clients, and cables between. They need
//! root and `ip`.

use std::process::Command;

use crate::cleanup::Left;
use crate::failed::{Outcome, check};

/// How the others call the server's host by name.
pub(crate) const NAME: &str = "faults-rig";

/// A cable from a host that others dial to one that dials it; a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cable {
    ServerToClient1 = 1,
    ServerToClient2 = 2,
    ServerToGateway = 3,
    GatewayToClient1 = 4,
    GatewayToClient2 = 5,
}

const CABLES: [Cable; 5] = [
    Cable::ServerToClient1,
    Cable::ServerToClient2,
    Cable::ServerToGateway,
    Cable::GatewayToClient1,
    Cable::GatewayToClient2,
];

/// A server's host, a gateway's and two clients'. Removed when dropped.
pub(crate) struct Hosts {
    pub(crate) server: String,
    pub(crate) gateway: String,
    pub(crate) clients: [String; 2],
    /// Dropped in this order: what is inside a namespace goes with it.
    _left: Vec<Left>,
}

impl Hosts {
    /// Builds them, with cables that are up.
    pub(crate) fn build() -> Outcome<Hosts> {
        let pid = std::process::id();
        let [server, gateway] = ["server", "gateway"].map(|what| format!("faults-{pid}-{what}"));
        let clients = [1, 2].map(|number| format!("faults-{pid}-client{number}"));
        let mut left = Vec::new();
        for namespace in [&server, &gateway].into_iter().chain(&clients) {
            left.push(Left::removed_by(&["rm", "-rf", &files_of(namespace)]));
            left.push(Left::removed_by(&["ip", "netns", "del", namespace]));
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let hosts = Hosts { server, gateway, clients, _left: left };
        for cable in CABLES {
            hosts.lay(cable)?;
        }
        Ok(hosts)
    }

    /// Who is dialled over a cable, and who dials.
    fn ends(&self, cable: Cable) -> (&str, &str) {
        let [first, second] = &self.clients;
        match cable {
            Cable::ServerToClient1 => (&self.server, first),
            Cable::ServerToClient2 => (&self.server, second),
            Cable::ServerToGateway => (&self.server, &self.gateway),
            Cable::GatewayToClient1 => (&self.gateway, first),
            Cable::GatewayToClient2 => (&self.gateway, second),
        }
    }

    fn lay(&self, cable: Cable) -> Outcome {
        let (dialled, dials) = self.ends(cable);
        let port = port(cable);
        ip(&["link", "add", &port, "netns", dialled, "type", "veth", "peer", "name", &port, "netns", dials])?;
        self.give_address(cable, 1)?;
        let theirs = format!("{}/24", address(cable, 100));
        ip(&["-n", dials, "address", "add", &theirs, "dev", &port])?;
        ip(&["-n", dialled, "link", "set", &port, "up"])?;
        ip(&["-n", dials, "link", "set", &port, "up"])
    }

    /// The address on a cable of the host that is dialled over it; and if that is the server's, what the other one knows
    /// it by.
    pub(crate) fn give_address(&self, cable: Cable, last: u8) -> Outcome {
        let (dialled, dials) = self.ends(cable);
        let address = address(cable, last);
        ip(&["-n", dialled, "address", "add", &format!("{address}/24"), "dev", &port(cable)])?;
        if dialled != self.server {
            return Ok(());
        }
        let folder = files_of(dials);
        std::fs::create_dir_all(&folder)?;
        // Written over and not replaced: running programs see this very file as their /etc/hosts.
        Ok(std::fs::write(format!("{folder}/hosts"), format!("127.0.0.1 localhost\n{address} {NAME}\n"))?)
    }

    /// Takes such an address away.
    pub(crate) fn take_address(&self, cable: Cable, last: u8) -> Outcome {
        let address = format!("{}/24", address(cable, last));
        ip(&["-n", self.ends(cable).0, "address", "del", &address, "dev", &port(cable)])
    }

    /// Pulls a cable, or puts it back.
    pub(crate) fn set_link(&self, cable: Cable, up: bool) -> Outcome {
        ip(&["-n", self.ends(cable).0, "link", "set", &port(cable), if up { "up" } else { "down" }])
    }

    /// Has the system delay what is answered over a cable; `false` where the kernel has no netem.
    pub(crate) fn delay(&self, cable: Cable, ms: u32) -> bool {
        let (port, delay) = (port(cable), format!("{ms}ms"));
        let arguments =
            ["-n", self.ends(cable).0, "qdisc", "add", "dev", &port, "root", "netem", "delay", &delay];
        Command::new("tc").args(arguments).output().is_ok_and(|output| output.status.success())
    }
}

/// An address on a cable.
pub(crate) fn address(cable: Cable, last: u8) -> String {
    format!("10.77.{}.{last}", cable as u8)
}

/// Why hosts cannot be built on this machine.
pub(crate) fn unavailable() -> Option<String> {
    // SAFETY: asks only.
    if unsafe { libc::geteuid() } != 0 {
        return Some("hosts are network namespaces, which need root".into());
    }
    let name = format!("faults-{}-probe", std::process::id());
    let _left = Left::removed_by(&["ip", "netns", "del", &name]);
    let built = ip(&["netns", "add", &name])
        .and_then(|()| ip(&["-n", &name, "link", "add", "v0", "type", "veth"]))
        .and_then(|()| ip(&["netns", "exec", &name, "true"]));
    built.err().map(|failed| format!("hosts are network namespaces with cables between, and {}", failed.0))
}

/// Both ends of a cable.
fn port(cable: Cable) -> String {
    format!("cable{}", cable as u8)
}

/// What `ip netns exec` puts over the files of `/etc`.
fn files_of(namespace: &str) -> String {
    format!("/etc/netns/{namespace}")
}

fn ip(arguments: &[&str]) -> Outcome {
    let said = arguments.join(" ");
    let output =
        Command::new("ip").args(arguments).output().map_err(|error| format!("`ip {said}`: {error}"))?;
    check(output.status.success(), || {
        format!("`ip {said}` says: {}", String::from_utf8_lossy(&output.stderr).trim())
    })
}
