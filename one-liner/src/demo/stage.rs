//! The instrument `stage`: one simulated axis with honest kinematics.

mod axis;
mod kinematics;

use std::time::Duration;

use parking_lot::Mutex;
use router_client::{Call, Interrupted, RemoteError, interface};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use axis::Axis;
use kinematics::{Limits, Motion};

/// Where the axis begins [um].
const LOWEST_UM: f64 = 0.0;
/// Where the axis ends [um].
const HIGHEST_UM: f64 = 10_000.0;
/// From one end to the other in 10.1 s; from full velocity to rest in 0.1 s.
const LIMITS: Limits = Limits { velocity_um_s: 1000.0, acceleration_um_s2: 10_000.0 };
/// `home` looks for the end switch at this velocity.
const SEARCH: Limits = Limits { velocity_um_s: 100.0, ..LIMITS };
/// Where `home` begins to search [um].
const SEARCH_FROM_UM: f64 = 20.0;
/// How often a move looks at where it is, and reports it.
const STEP: Duration = Duration::from_millis(50);
/// How long a controller without power is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// One simulated axis.
pub(crate) struct Stage {
    axis: Mutex<Axis>,
}

/// How the axis fails while a fault is injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It works.
    None,
    /// It runs into something half-way.
    Stall,
    /// Its controller does not answer.
    Silent,
}

/// Why a move failed.
#[derive(Debug, Clone, PartialEq, Error, RemoteError)]
pub(crate) enum StageError {
    /// The target is beyond the ends of the axis; nothing moved.
    #[error("target {target_um} um is outside {lowest_um}..={highest_um} um")]
    OutOfRange {
        /// Where it was to go [um].
        target_um: f64,
        /// Where the axis begins [um].
        lowest_um: f64,
        /// Where the axis ends [um].
        highest_um: f64,
    },
    /// The axis stopped on its way.
    #[error(
        "stalled at {position_um} um on the way to {target_um} um; clear the way, then call stage.clear_fault"
    )]
    Stalled {
        /// Where it was to go [um].
        target_um: f64,
        /// Where it stopped [um].
        position_um: f64,
    },
    /// The controller did not answer; nothing moved.
    #[error(
        "the controller has not answered for {waited_ms} ms; check its power, then call stage.clear_fault"
    )]
    Silent {
        /// How long it was waited for [ms].
        waited_ms: u64,
    },
    /// The call was cancelled or its deadline passed; the axis has come to rest.
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

impl Stage {
    /// An axis at rest at `position_um`.
    pub(crate) fn at(position_um: f64) -> Stage {
        Stage { axis: Mutex::new(Axis::at(position_um)) }
    }

    /// Moves to `target_um` and reports on the way; a fault makes it end earlier.
    fn run(&self, call: &Call, target_um: f64, limits: Limits, verb: &str) -> Result<f64, StageError> {
        let (start_um, fault) = {
            let axis = self.axis.lock();
            (axis.position_um(), axis.fault)
        };
        let end_um = match fault {
            Fault::None => target_um,
            Fault::Stall => (start_um + target_um) / 2.0,
            Fault::Silent => {
                call.sleep(ANSWER_TIMEOUT)?;
                return Err(StageError::Silent { waited_ms: ANSWER_TIMEOUT.as_millis() as u64 });
            }
        };
        let motion = Motion::to(start_um, end_um, limits);
        let started = self.axis.lock().begin(motion);
        let whole_s = Motion::to(start_um, target_um, limits).duration_s().max(f64::MIN_POSITIVE);
        loop {
            let gone_s = started.elapsed().as_secs_f64();
            if gone_s >= motion.duration_s() {
                break;
            }
            let step = call
                .progress((gone_s / whole_s).min(1.0), format!("{verb}, at {:.1} um", motion.at(gone_s).0))
                .and_then(|()| call.sleep(STEP.min(Duration::from_secs_f64(motion.duration_s() - gone_s))));
            if let Err(interrupted) = step {
                self.brake_and_wait();
                return Err(interrupted.into());
            }
        }
        self.axis.lock().settle(motion, end_um);
        let position_um = self.position_um();
        if end_um == target_um {
            Ok(position_um)
        } else {
            Err(StageError::Stalled { target_um, position_um })
        }
    }

    /// Comes to rest as fast as the axis can, and waits for it: at most 0.1 s.
    fn brake_and_wait(&self) {
        let braking = self.axis.lock().brake();
        // A wait that cannot be interrupted: an axis in motion must not be left to the next call.
        std::thread::sleep(Duration::from_secs_f64(braking.duration_s()));
    }
}

/// One simulated axis from 0 to 10000 um: at most 1000 um/s, 10000 um/s^2, an encoder of 0.1 um.
#[interface]
impl Stage {
    /// Moves to `target_um` [um, 0..=10000]; returns the position reached [um].
    ///
    /// Interrupted, the axis brakes and comes to rest within 0.1 s.
    #[call(unit = "um")]
    pub fn move_to(&self, call: &Call, target_um: f64) -> Result<f64, StageError> {
        if !(LOWEST_UM..=HIGHEST_UM).contains(&target_um) {
            return Err(StageError::OutOfRange { target_um, lowest_um: LOWEST_UM, highest_um: HIGHEST_UM });
        }
        self.run(call, target_um, LIMITS, "moving")
    }

    /// Moves by `distance_um` [um] from where it is; returns the position reached [um].
    #[call(unit = "um")]
    pub fn move_by(&self, call: &Call, distance_um: f64) -> Result<f64, StageError> {
        let start_um = self.axis.lock().position_um();
        self.move_to(call, start_um + distance_um)
    }

    /// Moves to 0 um and finds the end switch slowly; returns the position there [um].
    #[call(unit = "um")]
    pub fn home(&self, call: &Call) -> Result<f64, StageError> {
        if self.axis.lock().position_um() > SEARCH_FROM_UM {
            self.run(call, SEARCH_FROM_UM, LIMITS, "homing")?;
        }
        self.run(call, LOWEST_UM, SEARCH, "searching the end switch")
    }

    /// Stops at once: cancels the running move and every queued one. Never waits behind them.
    #[call(urgent, clears_lane)]
    pub fn stop(&self) {
        self.axis.lock().brake();
    }

    /// Position now, as the encoder counts it [um].
    #[call(concurrent)]
    pub fn position_um(&self) -> f64 {
        self.axis.lock().encoder_um()
    }

    /// Velocity now [um/s].
    #[call(concurrent)]
    pub fn velocity_um_per_s(&self) -> f64 {
        self.axis.lock().now().1
    }

    /// Makes moves fail from now on: `stall` half-way, `silent` for a controller that does not answer, `none`
    /// to end it.
    #[call(concurrent)]
    pub fn inject_fault(&self, fault: Fault) {
        self.axis.lock().fault = fault;
    }

    /// Ends an injected fault.
    #[call(concurrent)]
    pub fn clear_fault(&self) {
        self.axis.lock().fault = Fault::None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn call() -> Call {
        Call::local("stage.test")
    }

    #[test]
    fn a_move_arrives_within_the_noise_of_the_encoder() {
        let stage = Stage::at(1000.0);
        let reached_um = stage.move_to(&call(), 1100.0).unwrap();
        assert!((reached_um - 1100.0).abs() < 0.4, "{reached_um}");
        assert!((reached_um * 10.0 - (reached_um * 10.0).round()).abs() < 1e-6, "whole counts: {reached_um}");
        assert!((stage.move_by(&call(), -50.0).unwrap() - 1050.0).abs() < 0.4);
        assert_eq!(stage.velocity_um_per_s(), 0.0);
    }

    #[test]
    fn a_target_beyond_the_ends_is_refused() {
        fn check(target_um: f64, text: &str) {
            let error = Stage::at(0.0).move_to(&call(), target_um).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
        check(12_000.0, "target 12000 um is outside 0..=10000 um");
        check(-0.5, "target -0.5 um is outside 0..=10000 um");
        check(f64::NAN, "target NaN um is outside 0..=10000 um");
    }

    #[test]
    fn stop_brakes_an_axis_in_motion() {
        let stage = Stage::at(0.0);
        stage.axis.lock().begin(Motion::to(0.0, HIGHEST_UM, LIMITS));
        let deadline = Instant::now() + Duration::from_secs(8);
        while stage.velocity_um_per_s() == 0.0 {
            assert!(Instant::now() < deadline, "it does not move");
        }
        stage.stop();
        while stage.velocity_um_per_s() != 0.0 {
            assert!(Instant::now() < deadline, "it does not come to rest");
        }
        let position_um = stage.axis.lock().position_um();
        assert!(position_um > 0.0 && position_um < HIGHEST_UM, "{position_um}");
    }

    #[test]
    fn faults_are_typed_errors_until_cleared() {
        let stage = Stage::at(500.0);
        stage.inject_fault(Fault::Stall);
        let StageError::Stalled { target_um, position_um } = stage.move_to(&call(), 540.0).unwrap_err()
        else {
            panic!("it should stall");
        };
        assert_eq!(target_um, 540.0);
        assert!((position_um - 520.0).abs() < 0.4, "{position_um}");
        stage.inject_fault(Fault::Silent);
        assert_eq!(stage.move_to(&call(), 540.0).unwrap_err(), StageError::Silent { waited_ms: 500 });
        stage.clear_fault();
        assert!(stage.move_to(&call(), 540.0).is_ok());
    }

    #[test]
    fn home_ends_at_0() {
        let stage = Stage::at(30.0);
        assert!(stage.home(&call()).unwrap().abs() < 0.4);
    }
}
