//! Subscriptions against a server that is two XPUB sockets in the test's own hands.

mod consumers;
mod delivery;
mod fake_server;
mod lives;
mod places;
mod settling;
