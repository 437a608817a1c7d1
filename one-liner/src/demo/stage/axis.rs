//! The axis itself: where it is at every moment, and what its encoder says.

use std::time::Instant;

use crate::demo::gaussian::Gaussian;

use super::kinematics::Motion;
use super::{Fault, LIMITS};

const COUNTS_PER_UM: f64 = 10.0;
/// The encoder's noise, as a standard deviation [counts].
const NOISE_COUNTS: f32 = 0.7;

/// An axis in motion or at rest.
pub(super) struct Axis {
    motion: Motion,
    started: Instant,
    encoder: Gaussian,
    /// Written by `inject_fault`, read when a move begins.
    pub(super) fault: Fault,
}

impl Axis {
    /// At rest at `position_um`.
    pub(super) fn at(position_um: f64) -> Axis {
        Axis {
            motion: Motion::rest(position_um),
            started: Instant::now(),
            encoder: Gaussian::seeded(0x57a6e),
            fault: Fault::None,
        }
    }

    /// Position and velocity now [um, um/s].
    pub(super) fn now(&self) -> (f64, f64) {
        self.motion.at(self.started.elapsed().as_secs_f64())
    }

    /// Where it truly is [um].
    pub(super) fn position_um(&self) -> f64 {
        self.now().0
    }

    /// Where the encoder says it is: whole counts, with noise [um].
    pub(super) fn encoder_um(&mut self) -> f64 {
        let counts = self.position_um() * COUNTS_PER_UM + f64::from(NOISE_COUNTS * self.encoder.next());
        // Adding 0 makes -0 a plain 0.
        (counts.round() + 0.0) / COUNTS_PER_UM
    }

    /// Begins `motion` now; says when that was.
    pub(super) fn begin(&mut self, motion: Motion) -> Instant {
        self.motion = motion;
        self.started = Instant::now();
        self.started
    }

    /// Ends `motion` at `end_um` exactly, without what rounding added on the way; one that was replaced
    /// meanwhile (`stop` brakes) is left alone.
    pub(super) fn settle(&mut self, motion: Motion, end_um: f64) {
        if self.motion == motion {
            self.begin(Motion::rest(end_um));
        }
    }

    /// Replaces whatever motion there is by the way to rest; an axis at rest stays there.
    pub(super) fn brake(&mut self) -> Motion {
        let (position_um, velocity_um_s) = self.now();
        let braking = Motion::braking(position_um, velocity_um_s, LIMITS);
        self.begin(braking);
        braking
    }
}
