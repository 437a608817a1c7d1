//! `EndpointError`: for the person at the instrument: what was written, what is wrong with it, what to write.

/// Why an address is none; says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// There is no `PROTOCOL://`.
    #[error("`{address}`: no protocol; write tcp://HOST[:PORT] or ipc://PATH")]
    NoProtocol {
        /// What was written.
        address: String,
    },
    /// Not `tcp`, `ipc` or `inproc`.
    #[error("`{address}`: unknown protocol `{protocol}`; write tcp://HOST[:PORT] or ipc://PATH")]
    UnknownProtocol {
        /// What was written.
        address: String,
        /// What stands before `://`.
        protocol: String,
    },
    /// The host is missing or cannot be one.
    #[error(
        "`{address}`: `{host}` is not a host; write a name, an IPv4 address or an IPv6 address in brackets, as in \
         tcp://[::1]:5555"
    )]
    BadHost {
        /// What was written.
        address: String,
        /// What stands where the host belongs.
        host: String,
    },
    /// The port is not a number from 1 to 65535, nor `*`.
    #[error("`{address}`: `{port}` is not a port; write a number from 1 to 65535, or `*` for any free port")]
    BadPort {
        /// What was written.
        address: String,
        /// What stands where the port belongs.
        port: String,
    },
    /// A port is needed here.
    #[error("`{address}`: no port; write tcp://HOST:PORT")]
    NoPort {
        /// What was written.
        address: String,
    },
    /// The ports behind the calls port are those of samples and frames.
    #[error(
        "`{address}`: calls port {port} leaves no room for the ports of samples and frames, which are the next two; \
         write a port up to 65533"
    )]
    NoRoomForPorts {
        /// What was written.
        address: String,
        /// The calls port.
        port: u16,
    },
    /// A client has to know which server it connects to.
    #[error(
        "`{address}`: `{wildcard}` is for servers; a client names one: write tcp://HOST[:PORT], with the host and the \
         calls port that the server printed at start"
    )]
    WildcardForClient {
        /// What was written.
        address: String,
        /// The part that means "any".
        wildcard: String,
    },
    /// There is nothing behind `ipc://` or `inproc://`, or something that cannot be in a path.
    #[error("`{address}`: `{path}` is not a path; write {protocol}://NAME without control characters")]
    BadPath {
        /// What was written.
        address: String,
        /// `ipc` or `inproc`.
        protocol: &'static str,
        /// What stands behind `://`.
        path: String,
    },
    /// The system's limit of a socket path.
    #[error(
        "`{address}`: the path {path} has {bytes} bytes and this system allows {limit}; write a shorter one"
    )]
    PathTooLong {
        /// What was written.
        address: String,
        /// The path, with its suffix.
        path: String,
        /// Its length.
        bytes: usize,
        /// What the system allows.
        limit: usize,
    },
    /// `inproc` reaches whoever shares a context, and there is none.
    #[error(
        "`{address}`: inproc reaches only those of this process who share a context; make a SharedContext and give it \
         to RouterServer::bind_in and RouterClient::connect_in"
    )]
    NeedsContext {
        /// What was written.
        address: String,
    },
    /// This system's libzmq has no `ipc`.
    #[error(
        "`{address}`: this system has no ipc; write tcp://127.0.0.1[:PORT], which only this PC can reach"
    )]
    NoIpc {
        /// What was written.
        address: String,
    },
}
