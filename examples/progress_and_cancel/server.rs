//! Serves a method that lasts, tells how far it is, and can be cancelled.

use std::time::Duration;

use router_client::{Call, Interrupted, interface};
use router_server::RouterServer;

struct Camera;

#[interface]
impl Camera {
    /// Takes `frames` pictures, 20 ms each; returns how many.
    pub fn expose(&self, call: &Call, frames: u32) -> Result<u32, Interrupted> {
        for frame in 0..frames {
            call.progress(f64::from(frame) / f64::from(frames), format!("picture {frame} of {frames}"))?;
            call.sleep(Duration::from_millis(20))?;
        }
        Ok(frames)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("camera", Camera)?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
