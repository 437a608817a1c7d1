//! The trait of an application that knows nothing of servers, and what the application does with it.

use std::error::Error;

/// Something that moves.
pub(crate) trait Axis {
    /// Moves to `target_um` [um] and returns the position reached [um].
    fn move_to(&mut self, target_um: f64) -> Result<f64, Box<dyn Error>>;

    /// How sharp the picture is here; higher is sharper.
    fn sharpness(&mut self) -> Result<f64, Box<dyn Error>>;
}

/// Where the picture is sharpest, in steps of 100 um from 0 to 1000 um [um].
pub(crate) fn find_focus_um(axis: &mut dyn Axis) -> Result<f64, Box<dyn Error>> {
    let mut best = (f64::MIN, 0.0);
    for step in 0..=10 {
        let position_um = axis.move_to(100.0 * f64::from(step))?;
        let sharpness = axis.sharpness()?;
        if sharpness > best.0 {
            best = (sharpness, position_um);
        }
    }
    Ok(best.1)
}
