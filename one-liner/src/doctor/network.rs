//! From the address to a ZeroMQ socket: what the network has to do with it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use router_server::Endpoint;

use super::check::Check;
use super::zmtp::{self, Peer};

/// For one address; a system gives up after minutes. Windows takes 2 s to say that nothing listens.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const SPEAK_WITHIN: Duration = Duration::from_secs(2);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// One of a server's three ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortOf {
    Calls,
    Samples,
    Frames,
}

impl PortOf {
    fn check_name(self) -> &'static str {
        match self {
            PortOf::Calls => "calls port",
            PortOf::Samples => "samples port",
            PortOf::Frames => "frames port",
        }
    }

    /// What it is for.
    pub(crate) fn word(self) -> &'static str {
        match self {
            PortOf::Calls => "calls",
            PortOf::Samples => "samples",
            PortOf::Frames => "frames",
        }
    }

    fn socket_type(self) -> &'static str {
        match self {
            PortOf::Calls => "ROUTER",
            PortOf::Samples | PortOf::Frames => "XPUB",
        }
    }
}

/// The host's addresses that are dialled, the first ones first.
///
/// # Errors
/// The failing check.
///
/// # Blocking
/// For as long as the system takes to look a name up.
pub(crate) fn host(host: &str) -> Result<(Check, Vec<IpAddr>), Box<Check>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((Check::ok("host", format_args!("{address} is an address, no name")), vec![address]));
    }
    let found = match (host, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip()).collect::<Vec<_>>(),
        Err(error) => {
            return Err(Box::new(Check::fail(
                "host",
                format_args!("the name `{host}` cannot be resolved: {error}"),
                "check how the name is written, or give the address that `ip address` or `ipconfig` tells on \
                 that computer: tcp://192.168.0.7",
            )));
        }
    };
    let mut all: Vec<IpAddr> = Vec::new();
    found.into_iter().for_each(|address| {
        if !all.contains(&address) {
            all.push(address);
        }
    });
    // A name is dialled over IPv4, as ZeroMQ does unless it is told otherwise.
    let dialled: Vec<_> = all.iter().copied().filter(IpAddr::is_ipv4).take(MOST_ADDRESSES).collect();
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    let found = format!("{host} is {}", texts.join(", "));
    match all.first() {
        Some(first) if dialled.is_empty() => Err(Box::new(Check::fail(
            "host",
            format_args!("{found}, and a name is dialled over IPv4"),
            format_args!("give the address itself, in brackets: tcp://[{first}]"),
        ))),
        _ => Ok((Check::ok("host", found).number("addresses", texts), dialled)),
    }
}

/// Whether a server has the socket file of an `ipc` endpoint; `None` for other endpoints, and for names that are no
/// files.
pub(crate) fn path(endpoint: &Endpoint) -> Option<Check> {
    const WHAT: &str = "path";
    let path = endpoint.ipc_path().filter(|path| !path.starts_with('@'))?;
    if !std::path::Path::new(path).exists() {
        return Some(Check::fail(
            WHAT,
            format_args!("there is no {path}"),
            "start the server on this computer, or check how the path is written: it is that of the server",
        ));
    }
    #[cfg(unix)]
    if let Err(error) = std::os::unix::net::UnixStream::connect(path) {
        return Some(Check::fail(
            WHAT,
            format_args!("{path} takes no connection: {error}"),
            "start the server; if it runs, run this as a user who may use that file",
        ));
    }
    Some(Check::ok(WHAT, format_args!("{path} is there")))
}

/// How a connection came about, or did not.
#[derive(Debug)]
enum Dialled {
    Accepted(TcpStream, SocketAddr),
    /// Something answers there: nothing listens.
    Refused(SocketAddr),
    /// Nothing answers.
    TimedOut(SocketAddr),
    Failed(SocketAddr, io::Error),
}

fn dial(addresses: &[IpAddr], port: u16) -> Option<Dialled> {
    let mut worst = None;
    for address in addresses {
        let address = SocketAddr::new(*address, port);
        let failed = match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
            Ok(stream) => return Some(Dialled::Accepted(stream, address)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Dialled::Refused(address),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Dialled::TimedOut(address),
            Err(error) => Dialled::Failed(address, error),
        };
        worst.get_or_insert(failed);
    }
    worst
}

/// Connects to a port of the server at `endpoint` and looks whether a socket of ZeroMQ's is there.
///
/// # Errors
/// The checks made, of which the last one failed.
///
/// # Blocking
/// About 20 s at most, where a name has four addresses and nothing answers at any.
pub(crate) fn port(endpoint: &Endpoint, of: PortOf, addresses: &[IpAddr]) -> Result<Vec<Check>, Vec<Check>> {
    let (Some(host), Some(port)) = (endpoint.host(), endpoint.port()) else { return Ok(Vec::new()) };
    let what = of.check_name();
    let word = of.word();
    let (stream, address) = match dial(addresses, port) {
        Some(Dialled::Accepted(stream, address)) => (stream, address),
        Some(Dialled::Refused(address)) => {
            let found = format!("{address} refuses the connection: nothing listens there");
            return Err(vec![Check::fail(what, found, when_refused(host, address, of)).number("port", port)]);
        }
        Some(Dialled::TimedOut(address)) => {
            let found =
                format!("{address} does not answer: a firewall is in between, or it is another address");
            let fix = format!(
                "let TCP port {port} ({word}) in through the firewall of {host}, and check with `ping {host}` that \
                 it is the right computer"
            );
            return Err(vec![Check::fail(what, found, fix).number("port", port)]);
        }
        Some(Dialled::Failed(address, error)) => {
            let found = format!("{address} cannot be reached: {error}");
            let fix = format!(
                "check the cable, the network and the address of {host}; {word} need TCP port {port}"
            );
            return Err(vec![Check::fail(what, found, fix).number("port", port)]);
        }
        None => return Ok(Vec::new()),
    };
    let accepted = Check::ok(what, format_args!("{address} accepts connections")).number("port", port);
    let peer = zmtp::greet(stream, SPEAK_WITHIN);
    match peer_check(&peer, of, address) {
        Ok(None) => Ok(vec![accepted]),
        Ok(Some(check)) => Ok(vec![accepted, check]),
        Err(check) => Err(vec![accepted, *check]),
    }
}

/// Whether the peer can be what it is to be; a line of its own for the calls port only, where all begins.
fn peer_check(peer: &Peer, of: PortOf, address: SocketAddr) -> Result<Option<Check>, Box<Check>> {
    const WHAT: &str = "zeromq";
    let port = address.port();
    let fail = |fix: String| Err(Box::new(Check::fail(WHAT, format_args!("{address}: {peer}"), fix)));
    match peer {
        Peer::Socket(kind) if kind == of.socket_type() => {
            Ok((of == PortOf::Calls).then(|| Check::ok(WHAT, format_args!("{address} is {peer}"))))
        }
        Peer::Socket(kind) if of == PortOf::Calls && kind == "XPUB" => fail(format!(
            "this is where a server streams; give its calls port, which is usually {} or {}",
            port.saturating_sub(1),
            port.saturating_sub(2)
        )),
        Peer::Socket(_) | Peer::Other(_) | Peer::HungUp => fail(format!(
            "another program listens on port {port}; give the port of {} of a one-liner server",
            of.word()
        )),
        Peer::Asks(mechanism) => fail(format!("this program has no {mechanism} keys; serve without, or on another port")),
        Peer::Silent => fail(
            "a server that is stopped in a debugger or frozen says nothing: look at its process there; otherwise \
             another program has this port"
                .to_owned(),
        ),
    }
}

fn when_refused(host: &str, address: SocketAddr, of: PortOf) -> String {
    let port = address.port();
    let word = of.word();
    if address.ip().is_loopback() {
        return match of {
            PortOf::Calls => format!(
                "start the server on this computer (`one-liner demo` is one), or name where it is: \
                 tcp://HOST:PORT instead of port {port}"
            ),
            _ => format!(
                "the server tells that its {word} are there: restart it, and any port forwarding to it"
            ),
        };
    }
    if is_of_this_computer(address.ip()) && listens_on_loopback_only(port) {
        return format!(
            "a server listens on 127.0.0.1:{port}, for this computer only: start it with --bind '*', or \
             --bind {}",
            address.ip()
        );
    }
    match of {
        PortOf::Calls => format!(
            "start the server on {host} with --bind '*': one that is bound to 127.0.0.1, as it is unless told \
             otherwise, refuses other computers; or name its port: tcp://{host}:PORT"
        ),
        _ => format!(
            "the server tells that its {word} are at port {port}: have it bound to --bind '*' as well, or forward that port"
        ),
    }
}

/// Only a computer's own addresses can be bound there.
fn is_of_this_computer(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

/// Called when another address of this computer refuses `port`.
fn listens_on_loopback_only(port: u16) -> bool {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&loopback, CONNECT_WITHIN).is_ok_and(
        |stream| matches!(zmtp::greet(stream, SPEAK_WITHIN), Peer::Socket(kind) if kind == "ROUTER"),
    )
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        let (_, addresses) = host("127.0.0.1").unwrap();
        assert_eq!(addresses, [IpAddr::from([127, 0, 0, 1])]);
        assert!(host("localhost").unwrap().1.contains(&IpAddr::from([127, 0, 0, 1])));
        assert!(host("no-such-host.invalid").is_err());
    }

    #[test]
    fn a_server_for_this_computer_only_is_told_from_none() {
        // No packet leaves: it finds the address that others know this computer by.
        let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
        let Ok(address) = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr()) else { return };
        if address.ip().is_loopback() {
            return;
        }
        let server = router_server::RouterServer::bind("tcp://127.0.0.1:*").unwrap();
        let port = server.endpoints().calls.port().unwrap();
        let text = when_refused("here", SocketAddr::new(address.ip(), port), PortOf::Calls);
        assert!(text.contains("for this computer only") && text.contains("--bind '*'"), "{text}");
        drop(server);
        let text = when_refused("here", SocketAddr::new(address.ip(), port), PortOf::Calls);
        assert!(text.contains("start the server on here"), "{text}");
    }
}
