//! How an axis moves: position and velocity as functions of the time since a motion began.
//!
//! Nothing is integrated step by step. A motion is at most three pieces of constant acceleration, so where
//! the axis is can be asked at any moment, from any thread, as often as one likes.

/// What the axis can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Highest velocity [um/s].
    pub(crate) velocity_um_s: f64,
    /// Acceleration, and deceleration [um/s^2].
    pub(crate) acceleration_um_s2: f64,
}

/// A motion that ends at rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Motion {
    start_um: f64,
    start_um_s: f64,
    pieces: [Piece; 3],
}

/// A span of constant acceleration; one that lasts 0 s is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Piece {
    duration_s: f64,
    acceleration_um_s2: f64,
}

impl Motion {
    /// No motion: at `position_um` for ever.
    pub(crate) fn rest(position_um: f64) -> Motion {
        Motion { start_um: position_um, start_um_s: 0.0, pieces: [Piece::default(); 3] }
    }

    /// From rest to rest: a trapezoid of velocity, or a triangle where the way is too short to reach
    /// `limits.velocity_um_s`.
    pub(crate) fn to(from_um: f64, target_um: f64, limits: Limits) -> Motion {
        let distance_um = (target_um - from_um).abs();
        let acceleration_um_s2 = limits.acceleration_um_s2.copysign(target_um - from_um);
        let highest_um_s = limits.velocity_um_s.min((distance_um * limits.acceleration_um_s2).sqrt());
        let ramp_s = highest_um_s / limits.acceleration_um_s2;
        // Both ramps together cover `highest * ramp`: what is left is passed at the highest velocity.
        let cruise_s = if highest_um_s > 0.0 { (distance_um / highest_um_s - ramp_s).max(0.0) } else { 0.0 };
        Motion {
            start_um: from_um,
            start_um_s: 0.0,
            pieces: [
                Piece { duration_s: ramp_s, acceleration_um_s2 },
                Piece { duration_s: cruise_s, acceleration_um_s2: 0.0 },
                Piece { duration_s: ramp_s, acceleration_um_s2: -acceleration_um_s2 },
            ],
        }
    }

    /// From a velocity to rest as fast as the axis can: what an interrupted motion becomes.
    pub(crate) fn braking(position_um: f64, velocity_um_s: f64, limits: Limits) -> Motion {
        let brake = Piece {
            duration_s: velocity_um_s.abs() / limits.acceleration_um_s2,
            acceleration_um_s2: -limits.acceleration_um_s2.copysign(velocity_um_s),
        };
        Motion {
            start_um: position_um,
            start_um_s: velocity_um_s,
            pieces: [brake, Piece::default(), Piece::default()],
        }
    }

    /// How long it takes [s].
    pub(crate) fn duration_s(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.duration_s).sum()
    }

    /// Position and velocity `time_s` after the begin [um, um/s].
    pub(crate) fn at(&self, time_s: f64) -> (f64, f64) {
        let (mut position_um, mut velocity_um_s) = (self.start_um, self.start_um_s);
        let mut left_s = time_s.max(0.0);
        for piece in &self.pieces {
            let span_s = left_s.min(piece.duration_s);
            position_um += velocity_um_s * span_s + piece.acceleration_um_s2 * span_s * span_s / 2.0;
            velocity_um_s += piece.acceleration_um_s2 * span_s;
            left_s -= span_s;
        }
        // What rounding leaves of the velocity after the last piece is no motion.
        if left_s > 0.0 { (position_um, 0.0) } else { (position_um, velocity_um_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { velocity_um_s: 1000.0, acceleration_um_s2: 10_000.0 };

    fn end_um(motion: &Motion) -> f64 {
        motion.at(f64::INFINITY).0
    }

    #[test]
    fn a_move_ends_at_rest_on_its_target_in_the_time_that_kinematics_say() {
        fn check(from_um: f64, to_um: f64, expect_s: f64) {
            let motion = Motion::to(from_um, to_um, LIMITS);
            assert!(
                (motion.duration_s() - expect_s).abs() < 1e-9,
                "{from_um} to {to_um}: {}",
                motion.duration_s()
            );
            let (position_um, velocity_um_s) = motion.at(expect_s + 1e-6);
            assert!((position_um - to_um).abs() < 1e-6, "{from_um} to {to_um}: {position_um}");
            assert_eq!(velocity_um_s, 0.0);
            assert!((end_um(&motion) - to_um).abs() < 1e-6);
        }
        check(0.0, 10_000.0, 10.1);
        check(10_000.0, 0.0, 10.1);
        check(500.0, 600.0, 0.2); // just reaches full velocity
        check(500.0, 525.0, 0.1); // a triangle: 2 * sqrt(25 / 10_000)
        check(500.0, 475.0, 0.1);
        check(500.0, 500.0, 0.0);
    }

    #[test]
    fn velocity_and_acceleration_stay_within_the_limits() {
        let motion = Motion::to(100.0, 2000.0, LIMITS);
        let step_s = 0.001;
        let mut before = motion.at(0.0);
        let mut time_s = 0.0;
        while time_s < motion.duration_s() {
            time_s += step_s;
            let now = motion.at(time_s);
            assert!(now.1.abs() <= LIMITS.velocity_um_s + 1e-6);
            assert!((now.1 - before.1).abs() <= LIMITS.acceleration_um_s2 * step_s + 1e-6);
            assert!((now.0 - before.0).abs() <= LIMITS.velocity_um_s * step_s + 1e-6);
            assert!(now.0 >= before.0 - 1e-9, "it never turns back");
            before = now;
        }
    }

    #[test]
    fn braking_takes_the_way_it_needs() {
        fn check(velocity_um_s: f64, expect_um: f64) {
            let motion = Motion::braking(5000.0, velocity_um_s, LIMITS);
            assert!((end_um(&motion) - expect_um).abs() < 1e-6, "{velocity_um_s}: {}", end_um(&motion));
            assert_eq!(motion.at(0.0), (5000.0, velocity_um_s));
        }
        check(1000.0, 5050.0); // v^2 / 2a
        check(-1000.0, 4950.0);
        check(0.0, 5000.0);
    }

    #[test]
    fn rest_stays_where_it_is() {
        assert_eq!(Motion::rest(42.0).at(1e6), (42.0, 0.0));
        assert_eq!(Motion::rest(42.0).duration_s(), 0.0);
    }
}
