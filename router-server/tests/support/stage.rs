//! A stage for tests: every way a method can run, with doors where a test wants to look.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use router_client::{Call, Interrupted, RemoteError, interface};

use super::door::{Door, Gate, door};

/// Why the stage refuses.
#[derive(Debug, Clone, PartialEq, thiserror::Error, RemoteError)]
pub enum StageError {
    /// The target is outside the travel.
    #[error("target {target_um} um is outside 0..={limit_um} um")]
    OutOfRange { target_um: f64, limit_um: f64 },
    /// The call was ended.
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

/// One axis that does what a test tells it.
#[derive(Clone)]
pub struct TestStage {
    shared: Arc<Shared>,
}

struct Shared {
    /// Targets of the moves that began, in order.
    moves: Mutex<Vec<f64>>,
    stops: AtomicU64,
    hanging: Door,
    moving: Door,
}

/// What the test holds of a [`TestStage`].
pub(crate) struct StageRig {
    pub(crate) stage: TestStage,
    /// Before it stands whoever calls `hang`.
    pub(crate) hanging: Gate,
    /// Rung by each move that begins.
    pub(crate) moving: Gate,
}

impl TestStage {
    pub(crate) fn rig() -> StageRig {
        let (hanging, hanging_gate) = door();
        let (moving, moving_gate) = door();
        let (moves, stops) = Default::default();
        let stage = TestStage { shared: Arc::new(Shared { moves, stops, hanging, moving }) };
        StageRig { stage, hanging: hanging_gate, moving: moving_gate }
    }

    /// Targets of the moves that began, in order.
    pub(crate) fn moves(&self) -> Vec<f64> {
        self.shared.moves.lock().clone()
    }

    /// How often it was stopped.
    pub(crate) fn stops(&self) -> u64 {
        self.shared.stops.load(Ordering::SeqCst)
    }
}

/// One axis for tests.
#[interface]
impl TestStage {
    /// Moves to `target_um` [um, 0..=10000] for ever, unless it is stopped; 0 is reached at once.
    pub fn move_to(&self, call: &Call, target_um: f64) -> Result<f64, StageError> {
        if !(0.0..=10000.0).contains(&target_um) {
            return Err(StageError::OutOfRange { target_um, limit_um: 10000.0 });
        }
        self.shared.moves.lock().push(target_um);
        self.shared.moving.ring();
        if target_um > 0.0 {
            call.sleep(Duration::from_secs(3600))?;
        }
        Ok(target_um)
    }

    /// Stops at once.
    #[call(urgent, clears_lane)]
    pub fn stop(&self) {
        self.shared.stops.fetch_add(1, Ordering::SeqCst);
    }

    /// Is told nothing and hears nothing until the test lets it go.
    pub fn hang(&self) {
        self.shared.hanging.pass();
    }

    /// Hangs beside the lane.
    #[call(concurrent)]
    pub fn hang_beside(&self) {
        self.shared.hanging.pass();
    }

    /// The name of the lane's thread.
    pub fn thread(&self) -> String {
        this_thread()
    }

    /// The name of a thread of the pool.
    #[call(concurrent)]
    pub fn pool_thread(&self) -> String {
        this_thread()
    }

    /// The name of the urgent lane's thread.
    #[call(urgent)]
    pub fn urgent_thread(&self) -> String {
        this_thread()
    }

    /// The name of the thread that runs inline methods.
    #[call(inline)]
    pub fn inline_thread(&self, #[arg(default = 0)] busy_ms: u64) -> String {
        std::thread::sleep(Duration::from_millis(busy_ms));
        this_thread()
    }

    /// Goes on when its client is lost, as far as it can.
    #[call(cancel_on_client_lost)]
    pub fn follow(&self, call: &Call) -> Result<(), Interrupted> {
        self.shared.moving.ring();
        let ended = call.sleep(Duration::from_secs(3600));
        self.shared.stops.fetch_add(1, Ordering::SeqCst);
        ended
    }
}

pub(crate) fn this_thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}
