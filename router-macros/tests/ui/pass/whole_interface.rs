//! A trait, its implementation by a driver and by its own typed client (an adapter).
#![deny(warnings, missing_docs)]

use router_client::{Call, Instrument, Interrupted, RemoteError, Request, RouterClient, interface};

/// What a stage refuses with.
#[derive(Debug, thiserror::Error, RemoteError)]
pub enum StageError {
    /// Too far.
    #[error("{target_um} um is too far")]
    TooFar {
        /// The target.
        target_um: f64,
    },
    /// The call was cancelled.
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

/// One axis.
#[interface]
pub trait Stage: Send + Sync {
    /// Moves.
    fn move_to(&self, call: &Call, target_um: f64, #[arg(default = 1.0)] speed_mm_per_s: f64) -> Result<f64, StageError>;
    /// Stops.
    #[call(urgent, clears_lane)]
    fn stop(&self);
    /// Names its program.
    fn program(&self, name: &str, steps: &[u8], #[arg(default = vec![])] rest: Vec<u8>) -> String;
    /// Its own name, which hides the typed client's.
    fn name(&self) -> String;
}

/// A driver.
pub struct AsiStage;

#[interface]
impl Stage for AsiStage {
    fn move_to(&self, call: &Call, target_um: f64, _speed_mm_per_s: f64) -> Result<f64, StageError> {
        call.check()?;
        Ok(target_um)
    }
    fn stop(&self) {}
    fn program(&self, name: &str, steps: &[u8], rest: Vec<u8>) -> String {
        format!("{name} {}", steps.len() + rest.len())
    }
    fn name(&self) -> String {
        "asi".into()
    }
}

/// The typed client has the trait's arguments and gives requests.
pub fn requests(client: &RouterClient) {
    let stage = StageClient::new(client, "stage");
    let _: Request<f64, StageError> = stage.move_to(1.0, 2.0);
    let _: Request<()> = stage.stop();
    let _: Request<String> = stage.program("a", &[1, 2], vec![3]);
    let _: Request<String> = stage.clone().name();
    let _: &RouterClient = stage.client();
}

fn main() {
    assert_eq!(AsiStage::methods().len(), 4);
}
