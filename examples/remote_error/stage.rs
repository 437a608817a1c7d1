//! What server and client share: the trait, and the error that travels.

use router_client::{RemoteError, interface};

/// An axis that may refuse.
#[interface]
pub trait Stage {
    /// Moves to `target_um` [um]; returns the position reached [um].
    fn move_to(&self, target_um: f64) -> Result<f64, StageError>;

    /// Does what no method should.
    fn shake(&self);
}

/// Why the stage refuses.
#[derive(Debug, thiserror::Error, RemoteError)]
pub enum StageError {
    /// The target is beyond the travel.
    #[error("target {target_um} um is outside 0..={travel_um} um")]
    OutOfRange {
        /// What was asked for.
        target_um: f64,
        /// How far the stage goes.
        travel_um: f64,
    },
}
