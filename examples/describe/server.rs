//! Serves a stage whose description says what there is to know.

use router_server::RouterServer;

struct Stage;

/// One axis of a stage.
#[router_client::interface]
impl Stage {
    /// Moves to `target_um` and returns the position reached.
    #[call(unit = "um")]
    pub fn move_to(&self, target_um: f64, #[arg(default = 100.0)] speed_um_per_s: f64) -> f64 {
        target_um.min(speed_um_per_s)
    }

    /// The position now.
    pub fn position_um(&self) -> f64 {
        25.0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    server.add_instrument("stage", Stage)?;
    server.add_instrument_stream("stage.position_um", 10.0, "stage.position_um", ())?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
