//! The interface between the two processes; this and `axis.rs` are all they share.

use router_client::interface;

/// A focus drive.
#[interface]
pub trait Stage {
    /// Moves to `target_um` [um]; returns the position reached [um].
    fn move_to(&mut self, target_um: f64) -> f64;

    /// How sharp the picture is here; higher is sharper.
    fn sharpness(&self) -> f64;
}

/// A drive whose picture is sharpest at 700 um.
#[derive(Default)]
pub struct SimulatedStage {
    position_um: f64,
}

#[interface]
impl Stage for SimulatedStage {
    fn move_to(&mut self, target_um: f64) -> f64 {
        self.position_um = target_um;
        self.position_um
    }

    fn sharpness(&self) -> f64 {
        1.0 / (1.0 + (self.position_um - 700.0).abs())
    }
}
