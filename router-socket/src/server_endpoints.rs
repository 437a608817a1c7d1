//! The three endpoints of a server, from the one address a person writes.

use crate::endpoint::{Endpoint, Port, Reach, parse};
use crate::endpoint_error::EndpointError;

/// The port of calls, unless the address names another.
pub const CALLS_PORT: u16 = 5555;
/// The port of samples, unless the address names a calls port.
pub const SAMPLES_PORT: u16 = 5556;
/// The port of frames, unless the address names a calls port.
pub const FRAMES_PORT: u16 = 5557;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEndpoints {
    /// The ROUTER: the only endpoint a client is given.
    pub calls: Endpoint,
    /// The XPUB of streams whose largest sample is at most 64 KiB.
    pub samples: Endpoint,
    /// The XPUB of all other streams.
    pub frames: Endpoint,
}

impl ServerEndpoints {
    /// Reads a server's address.
    ///
    /// | address | calls | samples | frames |
    /// |---|---|---|---|
    /// | `tcp://127.0.0.1` | port 5555 | 5556 | 5557 |
    /// | `tcp://127.0.0.1:6000` | 6000 | 6001 | 6002 |
    /// | `tcp://127.0.0.1:*` | any free port | any free port | any free port |
    /// | `tcp://*` | all interfaces, port 5555 | 5556 | 5557 |
    /// | `ipc://PATH` | PATH | PATH.samples | PATH.frames |
    /// | `inproc://NAME` | NAME | NAME.samples | NAME.frames |
    ///
    /// # Errors
    /// [`EndpointError`]; for a calls port above 65533 too, because samples and frames take the next two.
    pub fn for_server(address: &str) -> Result<ServerEndpoints, EndpointError> {
        let calls = parse(address, Some(Port::Number(CALLS_PORT)))?;
        let Some(port) = calls.port() else {
            // `*` for all three, or the suffixes of paths and names.
            let samples = calls.with_suffix(".samples")?;
            let frames = calls.with_suffix(".frames")?;
            return Ok(ServerEndpoints { calls, samples, frames });
        };
        let behind_calls = |other: u16| port.checked_add(other - CALLS_PORT);
        let (Some(samples), Some(frames)) = (behind_calls(SAMPLES_PORT), behind_calls(FRAMES_PORT)) else {
            return Err(EndpointError::NoRoomForPorts { address: address.to_owned(), port });
        };
        let (samples, frames) = (calls.with_port(samples), calls.with_port(frames));
        Ok(ServerEndpoints { calls, samples, frames })
    }

    /// Tells who can reach the server.
    pub fn reach(&self) -> Reach {
        let all = [&self.calls, &self.samples, &self.frames];
        if all.into_iter().any(|endpoint| endpoint.reach() == Reach::Network) {
            Reach::Network
        } else {
            Reach::ThisPc
        }
    }
}
