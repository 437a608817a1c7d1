//! Serves a stage that refuses with an error of its own, and that panics.

use examples::remote_error::{Stage, StageError};
use router_client::interface;
use router_server::RouterServer;

struct ShortStage {
    travel_um: f64,
}

#[interface]
impl Stage for ShortStage {
    fn move_to(&self, target_um: f64) -> Result<f64, StageError> {
        if !(0.0..=self.travel_um).contains(&target_um) {
            return Err(StageError::OutOfRange { target_um, travel_um: self.travel_um });
        }
        Ok(target_um)
    }

    fn shake(&self) {
        panic!("the motor fell off");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("stage", ShortStage { travel_um: 10_000.0 })?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
