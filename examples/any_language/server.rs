//! Serves a closure and a stage, to programs in any language.

use router_client::{Call, Refused, interface};
use router_server::RouterServer;

struct Stage;

#[interface]
impl Stage {
    /// Moves to `target_um` [um, 0..=10000]; returns the position reached [um].
    pub fn move_to(&mut self, call: &Call, target_um: f64) -> Result<f64, Refused> {
        if !(0.0..=10_000.0).contains(&target_um) {
            return Err(Refused::new(
                "out_of_range",
                format!("target {target_um} um is outside 0..=10000 um"),
            ));
        }
        // Whoever cancels a move finds it done: this stage is fast.
        let _ = call.progress(0.5, "half-way");
        Ok(target_um)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_call("add", |(a, b): (f64, f64)| a + b)?;
    server.add_instrument("stage", Stage)?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
