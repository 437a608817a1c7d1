//! What one process may ask of a server.

/// The most processes that are connected at once; one more is turned away.
pub const MAX_CONNECTIONS: usize = 256;

/// The most rings that one process is attached to at once.
pub const MAX_ATTACHMENTS: usize = 64;

/// The longest key of a ring [bytes].
pub const MAX_KEY_BYTES: usize = 1024;
