//! Hosts made of network namespaces: one for a server, two for clients, a cable to each. They need root and `ip`.

use std::process::Command;

use crate::cleanup::Left;
use crate::failed::{Outcome, check};

/// How clients call the server's host by name.
pub(crate) const NAME: &str = "faults-rig";

/// A server's host and two clients' hosts. Removed when dropped.
pub(crate) struct Hosts {
    pub(crate) server: String,
    pub(crate) clients: [String; 2],
    /// Dropped in this order: what is inside a namespace goes with it.
    _left: Vec<Left>,
}

impl Hosts {
    /// Builds them, with cables that are up.
    pub(crate) fn build() -> Outcome<Hosts> {
        let pid = std::process::id();
        let server = format!("faults-{pid}-server");
        let clients = [1, 2].map(|number| format!("faults-{pid}-client{number}"));
        let mut left = Vec::new();
        for namespace in std::iter::once(&server).chain(&clients) {
            left.push(Left::removed_by(&["rm", "-rf", &files_of(namespace)]));
            left.push(Left::removed_by(&["ip", "netns", "del", namespace]));
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let hosts = Hosts { server, clients, _left: left };
        for number in [1, 2] {
            hosts.lay_cable(number)?;
        }
        Ok(hosts)
    }

    fn lay_cable(&self, number: usize) -> Outcome {
        let (server, client) = (self.server.as_str(), self.clients[number - 1].as_str());
        let here = port(number);
        ip(&[
            "link", "add", &here, "netns", server, "type", "veth", "peer", "name", "eth0", "netns", client,
        ])?;
        self.give_address(number, 1)?;
        let theirs = format!("10.77.{number}.100/24");
        ip(&["-n", client, "address", "add", &theirs, "dev", "eth0"])?;
        ip(&["-n", server, "link", "set", &here, "up"])?;
        ip(&["-n", client, "link", "set", "eth0", "up"])
    }

    /// The server's address on the cable to client `number`, and what that client's host knows it by.
    pub(crate) fn give_address(&self, number: usize, last: u8) -> Outcome {
        let address = address(number, last);
        ip(&["-n", &self.server, "address", "add", &format!("{address}/24"), "dev", &port(number)])?;
        let folder = files_of(&self.clients[number - 1]);
        std::fs::create_dir_all(&folder)?;
        // Written over and not replaced: running programs see this very file as their /etc/hosts.
        Ok(std::fs::write(format!("{folder}/hosts"), format!("127.0.0.1 localhost\n{address} {NAME}\n"))?)
    }

    /// Takes an address of the server away.
    pub(crate) fn take_address(&self, number: usize, last: u8) -> Outcome {
        let address = format!("{}/24", address(number, last));
        ip(&["-n", &self.server, "address", "del", &address, "dev", &port(number)])
    }

    /// Pulls the cable to client `number`, or puts it back.
    pub(crate) fn set_link(&self, number: usize, up: bool) -> Outcome {
        ip(&["-n", &self.server, "link", "set", &port(number), if up { "up" } else { "down" }])
    }

    /// Has the system delay what the server sends to client `number`; `false` where the kernel has no netem.
    pub(crate) fn delay(&self, number: usize, ms: u32) -> bool {
        let (port, delay) = (port(number), format!("{ms}ms"));
        let arguments = ["-n", &self.server, "qdisc", "add", "dev", &port, "root", "netem", "delay", &delay];
        Command::new("tc").args(arguments).output().is_ok_and(|output| output.status.success())
    }
}

/// The server's address on the cable to client `number`.
pub(crate) fn address(number: usize, last: u8) -> String {
    format!("10.77.{number}.{last}")
}

/// Why hosts cannot be built on this machine.
pub(crate) fn unavailable() -> Option<String> {
    // SAFETY: asks only.
    if unsafe { libc::geteuid() } != 0 {
        return Some("hosts are network namespaces, which need root".into());
    }
    let name = format!("faults-{}-probe", std::process::id());
    let _left = Left::removed_by(&["ip", "netns", "del", &name]);
    let error =
        ip(&["netns", "add", &name]).and_then(|()| ip(&["-n", &name, "link", "add", "v0", "type", "veth"]));
    error.err().map(|failed| format!("hosts are network namespaces with cables between, and {}", failed.0))
}

/// The end of the cable to client `number` in the server's host.
fn port(number: usize) -> String {
    format!("client{number}")
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
