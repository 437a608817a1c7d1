//! The application's function with a drive in this process, and with one in another.

mod axis;

use std::error::Error;
use std::time::Duration;

use axis::{Axis, find_focus_um};
use examples::adapter::{SimulatedStage, Stage, StageClient};
use router_client::RouterClient;

/// A drive that this process owns.
struct Local(SimulatedStage);

impl Axis for Local {
    fn move_to(&mut self, target_um: f64) -> Result<f64, Box<dyn Error>> {
        Ok(self.0.move_to(target_um))
    }

    fn sharpness(&mut self) -> Result<f64, Box<dyn Error>> {
        Ok(self.0.sharpness())
    }
}

/// A drive that another process owns: the adapter says how long a call may take, and that it can fail.
struct Remote(StageClient);

const LONGEST_MOVE: Duration = Duration::from_secs(10);

impl Axis for Remote {
    fn move_to(&mut self, target_um: f64) -> Result<f64, Box<dyn Error>> {
        Ok(self.0.move_to(target_um).deadline(LONGEST_MOVE).wait()?)
    }

    fn sharpness(&mut self) -> Result<f64, Box<dyn Error>> {
        Ok(self.0.sharpness().deadline(LONGEST_MOVE).wait()?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;

    let mut local = Local(SimulatedStage::default());
    println!("in this process, the focus is at {} um", find_focus_um(&mut local)?);
    let mut remote = Remote(StageClient::new(&client, "focus"));
    println!("in another one, it is at {} um", find_focus_um(&mut remote)?);
    Ok(())
}
