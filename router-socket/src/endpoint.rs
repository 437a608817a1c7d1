//! `Endpoint`: what a person writes and libzmq understands, checked before libzmq sees it.

use crate::endpoint_error::EndpointError;
use crate::server_endpoints::CALLS_PORT;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a socket listens or connects to.
///
/// ```
/// use router_socket::Endpoint;
/// let endpoint: Endpoint = "tcp://scope-3:5555".parse()?;
/// assert_eq!((endpoint.host(), endpoint.port()), (Some("scope-3"), Some(5555)));
/// assert_eq!(endpoint.with_port(6000).to_string(), "tcp://scope-3:6000");
/// # Ok::<(), router_socket::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(Transport);

/// A TCP port, or the choice left to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// 1 to 65535.
    Number(u16),
    /// `*`: any that is free.
    Any,
}

/// Who can reach an endpoint that a server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this PC.
    ThisPc,
    /// Whoever reaches this PC over the network.
    Network,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Transport {
    /// The host without the brackets of an IPv6 address.
    Tcp {
        host: String,
        port: Port,
    },
    Ipc {
        path: String,
    },
    Inproc {
        name: String,
    },
}

impl Endpoint {
    /// Reads what a client is given: `tcp://HOST[:PORT]`, `ipc://PATH`, `inproc://NAME`; the port is 5555 unless given.
    ///
    /// # Errors
    /// [`EndpointError`], also for `*`.
    pub fn for_client(address: &str) -> Result<Endpoint, EndpointError> {
        let endpoint = parse(address, Some(Port::Number(CALLS_PORT)))?;
        let wildcard = match &endpoint.0 {
            Transport::Tcp { host, .. } if is_any_host(host) => Some(host.as_str()),
            Transport::Tcp { port: Port::Any, .. } => Some("*"),
            Transport::Ipc { path } if path == "*" => Some("*"),
            _ => None,
        };
        match wildcard {
            Some(wildcard) => Err(EndpointError::WildcardForClient {
                address: address.to_owned(),
                wildcard: wildcard.to_owned(),
            }),
            None => Ok(endpoint),
        }
    }

    /// Makes an `inproc` endpoint that no one else in this process has.
    pub fn unique_inproc(name: &str) -> Endpoint {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name: String = name.chars().filter(|c| !c.is_control()).collect();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Endpoint(Transport::Inproc { name: format!("{name}-{number}") })
    }

    /// Returns the host of a TCP endpoint, an IPv6 address without brackets.
    pub fn host(&self) -> Option<&str> {
        match &self.0 {
            Transport::Tcp { host, .. } => Some(host),
            _ => None,
        }
    }

    /// Returns the port of a TCP endpoint, unless it is `*`.
    pub fn port(&self) -> Option<u16> {
        match self.0 {
            Transport::Tcp { port: Port::Number(port), .. } => Some(port),
            _ => None,
        }
    }

    /// Returns the same endpoint with another port; what is not TCP stays as it is.
    pub fn with_port(&self, port: u16) -> Endpoint {
        match &self.0 {
            Transport::Tcp { host, .. } => {
                Endpoint(Transport::Tcp { host: host.clone(), port: Port::Number(port) })
            }
            _ => self.clone(),
        }
    }

    /// Returns the path of an `ipc` endpoint.
    pub fn ipc_path(&self) -> Option<&str> {
        match &self.0 {
            Transport::Ipc { path } => Some(path),
            _ => None,
        }
    }

    /// Returns the name of an `inproc` endpoint.
    pub fn inproc_name(&self) -> Option<&str> {
        match &self.0 {
            Transport::Inproc { name } => Some(name),
            _ => None,
        }
    }

    /// Returns the same kind of endpoint with another path or name; TCP stays as it is.
    ///
    /// # Errors
    /// [`EndpointError::PathTooLong`] when `suffix` makes it so.
    pub fn with_suffix(&self, suffix: &str) -> Result<Endpoint, EndpointError> {
        let with_suffix = match &self.0 {
            Transport::Tcp { .. } => return Ok(self.clone()),
            Transport::Ipc { path } => format!("ipc://{path}{suffix}"),
            Transport::Inproc { name } => format!("inproc://{name}{suffix}"),
        };
        with_suffix.parse()
    }

    /// Tells who can reach a server that listens here. A host name that is not `localhost` counts as the network.
    pub fn reach(&self) -> Reach {
        match &self.0 {
            Transport::Tcp { host, .. } if !is_loopback(host) => Reach::Network,
            _ => Reach::ThisPc,
        }
    }

    /// Tells whether the host is a name, which may stand for IPv4 and for IPv6 addresses.
    pub fn has_host_name(&self) -> bool {
        self.host().is_some_and(|host| host != "*" && !self.is_ipv6() && host.parse::<IpAddr>().is_err())
    }

    /// Tells whether the host is an IPv6 address.
    pub fn is_ipv6(&self) -> bool {
        self.host().is_some_and(|host| host.contains(':'))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads a whole endpoint: `tcp://HOST:PORT`, the port a number or `*`, `ipc://PATH` or `inproc://NAME`.
    fn from_str(address: &str) -> Result<Endpoint, EndpointError> {
        parse(address, None)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Transport::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Transport::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Transport::Ipc { path } => write!(f, "ipc://{path}"),
            Transport::Inproc { name } => write!(f, "inproc://{name}"),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Number(port) => write!(f, "{port}"),
            Port::Any => f.write_str("*"),
        }
    }
}

/// Reads an address; without `default_port` a TCP address must have a port.
pub(crate) fn parse(address: &str, default_port: Option<Port>) -> Result<Endpoint, EndpointError> {
    let Some((protocol, rest)) = address.split_once("://") else {
        return Err(EndpointError::NoProtocol { address: address.to_owned() });
    };
    let transport = match protocol {
        "tcp" => tcp(address, rest, default_port)?,
        "ipc" => Transport::Ipc { path: ipc_path(address, rest)? },
        "inproc" => Transport::Inproc { name: path(address, "inproc", rest)? },
        unknown => {
            return Err(EndpointError::UnknownProtocol {
                address: address.to_owned(),
                protocol: unknown.to_owned(),
            });
        }
    };
    Ok(Endpoint(transport))
}

fn tcp(address: &str, rest: &str, default_port: Option<Port>) -> Result<Transport, EndpointError> {
    let bad_host = |host: &str| EndpointError::BadHost { address: address.to_owned(), host: host.to_owned() };
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (host, behind) = bracketed.split_once(']').ok_or_else(|| bad_host(rest))?;
            let unscoped = host.split_once('%').map_or(host, |(ip, _scope)| ip);
            unscoped.parse::<Ipv6Addr>().map_err(|_| bad_host(rest))?;
            let port = match behind.strip_prefix(':') {
                Some(port) => Some(port),
                None if behind.is_empty() => None,
                None => return Err(bad_host(rest)),
            };
            (host, port)
        }
        None => match rest.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            Some(_) => return Err(bad_host(rest)), // an IPv6 address without brackets
            None => (rest, None),
        },
    };
    if !is_host(host) {
        return Err(bad_host(host));
    }
    let port = match (port, default_port) {
        (Some("*"), _) => Port::Any,
        (Some(port), _) => Port::Number(number(address, port)?),
        (None, Some(default_port)) => default_port,
        (None, None) => return Err(EndpointError::NoPort { address: address.to_owned() }),
    };
    Ok(Transport::Tcp { host: host.to_owned(), port })
}

/// Lets through what can be a name, an address, an interface or `*`; not `;`, `@` and `/`, which mean more to libzmq.
fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    host == "*" || (!host.is_empty() && host.chars().all(plain))
}

fn number(address: &str, port: &str) -> Result<u16, EndpointError> {
    // `parse` alone would take `+5`.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ => Err(EndpointError::BadPort { address: address.to_owned(), port: port.to_owned() }),
    }
}

fn ipc_path(address: &str, rest: &str) -> Result<String, EndpointError> {
    if !crate::context::has("ipc") {
        return Err(EndpointError::NoIpc { address: address.to_owned() });
    }
    let path = path(address, "ipc", rest)?;
    if path.len() > IPC_PATH_BYTES {
        return Err(EndpointError::PathTooLong {
            address: address.to_owned(),
            bytes: path.len(),
            limit: IPC_PATH_BYTES,
            path,
        });
    }
    Ok(path)
}

fn path(address: &str, protocol: &'static str, rest: &str) -> Result<String, EndpointError> {
    if rest.is_empty() || rest.chars().any(char::is_control) {
        let (address, path) = (address.to_owned(), rest.to_owned());
        return Err(EndpointError::BadPath { address, protocol, path });
    }
    Ok(rest.to_owned())
}

/// `sun_path` without its NUL.
const IPC_PATH_BYTES: usize = if cfg!(any(target_os = "linux", windows)) { 107 } else { 103 };

fn is_any_host(host: &str) -> bool {
    host == "*" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

fn is_loopback(host: &str) -> bool {
    // `lo` is the interface, which libzmq takes in place of its address.
    matches!(host, "localhost" | "lo" | "lo0") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
