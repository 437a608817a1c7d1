//! What to do when no server answers, for the person at the terminal.

use std::net::ToSocketAddrs;

use router_client::GoneCause;

/// What to look at, given why no server answered; `None` where the cause says it all.
pub(crate) fn no_server(cause: GoneCause) -> Option<String> {
    match cause {
        GoneCause::NothingListens => Some(STARTS_ONE.to_owned()),
        GoneCause::NoAnswer => Some(STUCK.to_owned()),
        GoneCause::DeadlineFirst => Some(DEADLINE.to_owned()),
        _ => None,
    }
}

const STARTS_ONE: &str = "`one-liner demo` starts a server; --connect tcp://HOST[:PORT] names another; \
     `one-liner doctor` looks at what is in between";
/// For a server that accepts the connection and is silent.
pub(crate) const STUCK: &str = "a server that is stopped in a debugger or stuck answers nothing; look at its process there; `one-liner doctor` tells it from a wrong port";
const DEADLINE: &str =
    "the deadline passed before a server was found; `one-liner ping` tells within 3 s whether there is one";

/// Says so when the host of a tcp `endpoint` is a name that cannot be resolved.
pub(crate) fn unresolved(endpoint: &str) -> Option<String> {
    let (host, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let error = (host, port.parse::<u16>().ok()?).to_socket_addrs().err()?;
    Some(format!("the host name `{host}` cannot be resolved: {error}; check how it is written in --connect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_resolves_is_no_matter() {
        for endpoint in ["tcp://127.0.0.1:5555", "tcp://[::1]:5555", "ipc:///tmp/x", "tcp://localhost:1"] {
            assert_eq!(unresolved(endpoint), None, "{endpoint}");
        }
        let text = unresolved("tcp://no-such-host.invalid:5555").unwrap();
        assert!(text.starts_with("the host name `no-such-host.invalid` cannot be resolved: "), "{text}");
    }
}
