//! Servers behind the demo, as the command line names them.

use router_server::{AddUpstreamError, Endpoint, RouterServer};
use router_wire::Name;

/// `PREFIX=ADDRESS` of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Behind {
    /// What stands before its names.
    pub(crate) prefix: String,
    /// Where its calls are.
    pub(crate) address: String,
}

/// Reads one.
///
/// # Errors
/// A text that says how it is written.
pub(crate) fn behind(text: &str) -> Result<Behind, String> {
    let Some((prefix, address)) = text.split_once('=') else {
        return Err("write PREFIX=ADDRESS, such as rig2=tcp://rig2".to_owned());
    };
    Name::parse_unreserved(prefix).map_err(|error| error.to_string())?;
    let endpoint = Endpoint::for_client(address).map_err(|error| error.to_string())?;
    if endpoint.inproc_name().is_some() {
        return Err(format!("`{address}` is an address within one program; this is another one"));
    }
    Ok(Behind { prefix: prefix.to_owned(), address: address.to_owned() })
}

/// Adds them to a server.
///
/// # Errors
/// The text for the first one that could not be added, and whether the command line is to blame.
pub(crate) fn add(server: &RouterServer, behind: &[Behind]) -> Result<(), (String, bool)> {
    for Behind { prefix, address } in behind {
        server.add_upstream(prefix, address).map_err(|error| {
            let is_usage = matches!(error, AddUpstreamError::Name(_) | AddUpstreamError::Taken { .. });
            (format!("--upstream {prefix}={address}: {error}"), is_usage)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_behind_is_a_prefix_and_an_address() {
        let read = behind("rig2=tcp://rig2:6000").unwrap();
        assert_eq!((read.prefix.as_str(), read.address.as_str()), ("rig2", "tcp://rig2:6000"));
        fn check(text: &str, expect: &str) {
            let error = behind(text).unwrap_err();
            assert!(error.contains(expect), "{expect} in {error}");
        }
        check("tcp://rig2", "PREFIX=ADDRESS");
        check("=tcp://rig2", "a name is empty");
        check("a..b=tcp://rig2", "empty part");
        check("router=tcp://rig2", "reserved");
        check("rig2=rig2", "tcp://HOST");
        check("rig2=", "tcp://HOST");
        check("rig2=inproc://x", "within one program");
    }
}
